"""Search every byte of every file for a person: the proof of an erasure, in every form a value may take."""

from secure_ai.core.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "files": ("search_files",),
        "patterns": ("Pattern", "patterns_of"),
        "traces": ("SharedValue", "Trace", "Traces", "Unreadable"),
    },
)
