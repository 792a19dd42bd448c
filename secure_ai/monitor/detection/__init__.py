"""Detection in a stream: rules and learned scores over accesses, exports, model queries and transactions."""

from secure_ai.core.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "result": "Detection Reason SEVERITIES",
        "context": "Context",
        "settings": "Settings",
        "stream": "Detector Episodes",
        "logs": "EventLog events_from",
        "watch": "Replay Watch replay",
        "live": "QueryWatch lowers_limit",
        "recombined": "RecombinedDetector",
        "evaluation": "Evaluation Recall evaluate",
        "forest": "isolation_forest side_by_side",
        "accesses": "AccessDetector",
        "exports": "ExportDetector",
        "purposes": "PurposeDetector",
        "queries": "QueryDetector QuerySettings",
        "transactions": "TransactionDetector TransactionSettings",
        "charts": "plot_reasons plot_timeline plot_tradeoff timeline_sentence tradeoff_sentence",
    },
)
