"""Continuity: backups that are really restored, and work that goes on without the model."""

from secure_ai.core.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "restore": "RestoreDrill TableCheck make_backup restore_drill",
        "without_model": "ModelDown WayOfWorking model_down",
    },
)
