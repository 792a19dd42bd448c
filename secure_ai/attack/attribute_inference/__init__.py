"""Attribute inference: can the model be made to tell a sensitive value from the rest of a record?"""

from secure_ai.core.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "values": "SensitiveValues",
        "guessing": "Guesser",
        "charts": "plot_attribute_inference",
        "measure": "AttributeInference measure_attribute_inference",
    },
)
