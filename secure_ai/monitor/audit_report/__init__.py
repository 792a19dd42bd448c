"""The quarterly audit report, from the log alone."""

from secure_ai.core.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "log": ("Log", "read_log"),
        "period": ("Period", "quarter_of"),
        "report": ("AuditReport", "audit_report", "review_log"),
    },
)
