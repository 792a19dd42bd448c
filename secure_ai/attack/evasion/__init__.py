"""Evasion: the cheapest change of a row, within the rules of the real world, answered otherwise."""

from secure_ai.core.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "black_box": ("Evasions", "evade"),
        "charts": ("plot_evasion_cost", "plot_evasion_curve", "plot_evasion_curves"),
        "constraints": ("Constraints",),
        "optimum": ("ExactEvasions", "exact_evasion"),
        "measure": ("EvasionResult", "measure_evasion"),
    },
)
