"""Theft of a model through its answers: equations for linear models, learned substitutes for the others."""

from secure_ai.core.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "coding": ("InputCoder",),
        "measure": ("fidelity", "measure_extraction"),
        "questions": ("Transcript", "recombined_rows"),
        "result": ("ExtractionResult",),
        "substitute": ("Substitute", "steal_model"),
    },
)
