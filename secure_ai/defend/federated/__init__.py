"""Learning together without pooling records: each participant trains at home and sends only its change."""

from secure_ai.core.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "aggregation": "weighted_mean",
        "checks": "UpdateError check_update",
        "client": "Client LocalClient RecordPrivacy RoundRequest TrainingSettings Update",
        "model": "FederatedClassifier FederatedModel",
        "participants": "Participant describe_participants pooled_rows split_by split_unequally",
        "training": "FederatedRun train_federated",
    },
)
