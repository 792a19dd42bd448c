"""Run the assessment notebook: whole or not at all, on from where it stopped, one system or many."""

from secure_ai.core.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "engine": "AssessmentResult notebook_path run_assessment",
        "check": "check_inputs",
        "many": "PortfolioResult assess_many",
    },
)
