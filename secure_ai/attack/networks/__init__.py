"""A small neural network whose gradients can be read, on which white-box attacks and answers are shown."""

from secure_ai.core.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "network": ("Network",),
        "pictures": ("picture_rows", "picture_side"),
    },
)
