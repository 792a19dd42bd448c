"""What a curious server reads from updates, and what a lying participant sends: plain arrays in and out."""

from secure_ai.core.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "charts": "plot_inversions plot_recovered",
        "inversion": (
            "RecoveredBatch",
            "gradients_of_change",
            "mean_gradient",
            "outside_span",
            "records_in",
            "recover_batch",
            "recover_row",
        ),
        "lies": "flip_labels not_numbers opposite_change replacing_change scaled_change",
        "measure": "GradientInversion inversion_table measure_inversion plain_gradient",
    },
)
