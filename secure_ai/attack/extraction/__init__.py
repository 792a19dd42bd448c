"""Theft of a model through its answers: equations for linear models, learned substitutes for the others."""

from secure_ai.core.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "charts": ("plot_extraction", "plot_rounding"),
        "coding": ("InputCoder",),
        "line_search": ("search_linear",),
        "linear": ("LinearCopy", "coefficient_error", "solve_linear", "true_coefficients"),
        "measure": ("fidelity", "measure_extraction"),
        "questions": ("Transcript", "recombined_rows"),
        "result": ("ExtractionResult",),
        "rounding": ("RoundingCurve", "rounding_curve"),
        "substitute": ("Substitute", "steal_model"),
    },
)
