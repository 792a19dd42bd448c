"""Answers to membership inference: what each takes from the attacker, and what it costs in accuracy."""

from secure_ai.core.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "charts": ("plot_leakage",),
        "compare": ("LeakageComparison", "compare_answers"),
        "recipes": ("FewerColumns", "OutOfFold", "PrivateTraining", "WithoutDuplicates"),
        "usual": ("usual_answers",),
    },
)
