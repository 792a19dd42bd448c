"""Poisoning: training rows that an attacker wrote or relabeled, and what they do to the model."""

from secure_ai.core.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "availability": ("RetrainingResult", "measure_retraining", "poison_batch"),
        "backdoor": ("BackdoorResult", "backdoor_sensitivity", "measure_backdoor", "plant_backdoor"),
        "charts": (
            "backdoor_picture_sentence",
            "plot_backdoor",
            "plot_backdoor_pictures",
            "plot_flipping",
            "plot_retraining",
        ),
        "flips": ("flip_group", "flip_labels"),
        "flipping_curve": ("FlippingResult", "measure_flipping"),
        "poisoned": ("Poisoned",),
        "training": ("train_copy",),
        "triggers": ("PictureMarker", "TableTrigger", "Trigger"),
    },
)
