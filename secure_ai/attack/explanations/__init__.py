"""How explanations are attacked: one model for real people, a fair one for explainers."""

from secure_ai.core.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "scaffold": ("Scaffold", "build_scaffold", "made_rows"),
        "hidden": ("HiddenFeature", "measure_hiding"),
        "charts": ("plot_hiding",),
    },
)
