"""Model inversion: what a typical case of a class looks like, drawn from the model alone."""

from secure_ai.core.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "climbing": "Inverted invert_class",
        "charts": "plot_inverted_picture plot_inverted_record",
        "measure": "Inversion measure_inversion",
    },
)
