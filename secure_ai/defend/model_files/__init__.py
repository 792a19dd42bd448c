"""Model files: what is in them, how to open them safely, and how to know that nobody changed them."""

from secure_ai.core.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "charts": ("plot_scanners",),
        "contained_model": ("ContainedModel",),
        "inspection": ("Inspection", "inspect_model_file"),
        "loading": ("load_model",),
        "scanners": ("ScannerComparison", "compare_scanners", "scan_files"),
        "signing": (
            "UnverifiedModel",
            "Verified",
            "generate_model_key",
            "load_signed_model",
            "sign_model_folder",
            "verify_model_folder",
        ),
        "skops_files": ("load_skops", "save_skops"),
        "trust": ("TrustedKey", "TrustedKeys"),
    },
)
