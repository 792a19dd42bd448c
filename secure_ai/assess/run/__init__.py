"""Run the assessment notebook: whole or not at all, and on from where it stopped; one system or a portfolio."""

from secure_ai.core.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "engine": "AssessmentResult notebook_path run_assessment",
        "check": "check_inputs",
        "many": "PortfolioResult assess_many",
    },
)
