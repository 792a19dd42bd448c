"""Answers to the theft of a model: rounding, labels alone, noise, limits; each with its price for clients."""

from secure_ai.core.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "charts": ("plot_answers",),
        "compare": ("AnswerComparison", "compare_answers"),
        "guard": ("DeceptiveNoise", "GuardedModel"),
        "limits": ("DailyLimit", "days_needed", "refused_share"),
    },
)
