"""Controls in the organization: a questionnaire as data, the filled form, and what its documents show."""

from secure_ai.core.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "questionnaire": "Control Controls load_controls",
        "form": "ControlAnswer ControlsForm read_controls write_questionnaire",
        "review": "ControlResult ControlsReview review_controls",
        "examples": "example_form write_example",
    },
)
