"""Drift: PSI, Kolmogorov-Smirnov and ADWIN on inputs and scores, also when labels come late."""

from secure_ai.core.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "actions": ("DECISION_TABLE", "Action", "Signs", "actions_to_frame", "read_signs", "what_to_do"),
        "charts": (
            "drift_finding",
            "performance_finding",
            "plot_drift",
            "plot_performance",
            "plot_stream",
            "stream_finding",
        ),
        "evaluate": ("alarm_rates", "stream_alarm_rates"),
        "labels": ("Comparison", "compare_performance", "performance_over_time"),
        "performance": (
            "Calibration",
            "Performance",
            "PerformanceEstimator",
            "check_calibration",
            "fit_estimator",
            "realized_performance",
        ),
        "population": ("NO_DRIFT_LEVELS", "population_stability_index", "psi_noise_bound"),
        "report": ("ColumnDrift", "DriftReport", "Sign"),
        "simulate": ("KINDS", "SimulatedDrift", "simulate_drift"),
        "stream": ("ChangePoint", "DriftMonitor", "replay"),
        "table": ("measure_drift",),
    },
)
