"""From measurements to findings to a report that a committee can read."""

from secure_ai.core.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "assessment": "Assessment conclude",
        "parameters": "AssessmentParameters parameters_of_notebook read_parameters",
        "run": "AssessmentResult run_assessment",
    },
)
