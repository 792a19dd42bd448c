"""Lineage: from a prediction back to the rows it rests on, from a bad row forward to all that it touched."""

from secure_ai.core.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "charts": ("plot_trace", "trace_finding"),
        "events": ("Event", "read_events"),
        "graph": ("Dataset", "LineageGraph", "Step"),
        "rows": ("ROW_OF", "plain", "row_digests"),
        "store": ("Job", "Lineage"),
        "tracing": ("Trace",),
    },
)
