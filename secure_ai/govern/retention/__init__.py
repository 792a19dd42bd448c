"""How long data are kept: schedules by class and law, legal holds, and a sweep that proves what is gone."""

from secure_ai.core.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "archive": ("PeriodArchive",),
        "charts": ("plot_schedule", "plot_sweep", "schedule_sentence"),
        "due": ("last_records",),
        "hold": ("Hold",),
        "holds": ("Holds",),
        "models": ("DatedTraining",),
        "periods": ("Period", "today_in"),
        "proof": ("Proof",),
        "report": ("StoreSweep", "SweepReport"),
        "rules": ("ClassRule", "Duty", "ScheduleFile", "data_classes", "statutory_duties"),
        "schedule": ("LintProblem", "RetentionSchedule", "lint_schedule"),
        "sweeping": ("sweep",),
    },
)
