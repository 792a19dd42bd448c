"""Files that act when they are opened: harmless examples, and a contained process that watches."""

from secure_ai.core.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "guards": ("Guards", "Limits"),
        "examples": ("Payload", "honest_files", "payload_files", "payloads"),
        "process": ("ContainedError", "ContainedProcess"),
        "watch": ("Watched", "watch_load"),
    },
)
