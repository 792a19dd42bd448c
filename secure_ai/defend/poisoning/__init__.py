"""Answers to poisoning: suspicious rows, backdoors, bad sources, clean retraining, origin of each row."""

from secure_ai.core.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "activations": ("groups_apart", "spectral_scores"),
        "charts": ("plot_activations", "plot_influence", "plot_sanitizing", "plot_sources"),
        "expectation": ("additive_model", "expected_classes"),
        "influence": ("InfluenceRanking", "rank_influence"),
        "label_noise": ("LabelNoise", "find_label_noise"),
        "picture_search": ("MarkerSearch", "find_marker"),
        "provenance": (
            "ProvenanceError",
            "SignedBatch",
            "VerifiedRows",
            "row_digests",
            "sign_batch",
            "verify_batch",
            "verify_batches",
        ),
        "sanitizing": ("Sanitized", "sanitize_and_retrain"),
        "sources": ("SourceTest", "leave_one_source_out"),
        "trigger_search": ("TriggerSearch", "find_trigger"),
    },
)
