"""Release rules: what a disclosure officer checks before a trained model leaves the house."""

from secure_ai.core.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "charts": ("plot_release",),
        "check": ("check_release", "check_release_file"),
        "report": ("ReleaseFinding", "ReleaseReport"),
        "rules": ("ReleaseRules", "load_rules"),
    },
)
