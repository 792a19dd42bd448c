"""The audit trail: append-only, hash-chained, signed at checkpoints, in SQLite or PostgreSQL."""

from secure_ai.core.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "charts": "plot_verification",
        "entries": "DuplicateEvent Entry RefusedEvent",
        "opening": "open_trail",
        "siem": "export_cef export_ocsf",
        "json_lines": "ImportReport export_jsonl import_jsonl",
        "tampering": "KINDS tamper try_tampering",
        "tampering_bench": "Bench Edit TamperingResult",
        "committing": "Receipt",
        "trail": "Trail",
        "verification": "Problem Verification",
        "verify": "verify_trail",
    },
)
