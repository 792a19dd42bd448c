"""Attacks that read the model's gradient: how small a change is enough, and whether it works on others."""

from secure_ai.core.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "charts": ("plot_curve", "plot_curves", "plot_flip"),
        "flip": ("Flip", "flip_picture"),
        "limits": ("Limits",),
        "measure": ("GradientAttack", "measure_gradient_attack"),
        "smallest": ("SmallestChanges", "smallest_changes"),
        "steps": ("fast_gradient", "projected_gradient", "random_change"),
        "transfer": ("measure_transfer", "substitute_network"),
        "white_box": ("WhiteBox", "open_white_box"),
    },
)
