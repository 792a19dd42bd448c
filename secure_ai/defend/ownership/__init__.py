"""Whose model is this? Watermark and fingerprint against theft by answers, marks that name who leaked."""

from secure_ai.core.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "asked": ("fingerprint_of_questions", "models_of_others"),
        "charts": ("plot_claims", "plot_trace"),
        "claims": ("OwnershipTest",),
        "fingerprint": ("Fingerprint", "fingerprint_test", "make_fingerprint"),
        "marks": ("MarkedCopy", "mark_model", "mark_weights"),
        "measure": ("OwnershipResult", "measure_ownership"),
        "trace": ("Trace", "trace_leak"),
        "trace_measure": ("TracingResult", "measure_tracing"),
        "watermark": ("Marked", "Watermark", "make_watermark", "ownership_test", "train_marked"),
    },
)
