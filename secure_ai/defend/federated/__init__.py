"""Learning together without pooling records: each participant trains at home and sends only its change."""

from secure_ai.core.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "aggregation": "Aggregate BoundedMean Krum TrimmedMean coordinate_median weighted_mean",
        "charts": "plot_comparison plot_lies plot_privacy plot_rounds",
        "checks": "UpdateError check_update",
        "client": "Client LocalClient RecordPrivacy RoundRequest TrainingSettings Update",
        "comparison": "FederationComparison compare_proximal compare_with_alone",
        "encoding": "AgreedEncoder TableSummary agree_encoder summarize_table",
        "exposure": "seen_by_server",
        "flower": "FlowerMissing FlowerRun checked_strategy flower_client_app train_with_flower",
        "lying": "LIES LieTest LyingClient compare_aggregations flipped sent",
        "model": "FederatedClassifier FederatedModel",
        "participants": "Participant describe_participants model_for pooled_rows split_by split_unequally",
        "private": "PrivateRun compare_budgets train_private",
        "scores": "scores_of",
        "secure_aggregation.rounds": "SecureMean SecureSum secure_sum",
        "training": "FederatedRun train_federated",
        "transport.training": "MaskedRun train_over",
    },
)
