"""Participants in processes and houses of their own: the same clients over mutual TLS, masked or not."""

from secure_ai.core.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "errors": "ParticipantGone",
        "exchange": "Exchange InProcessExchange",
        "joining": "join_federation",
        "peer": "Peer",
        "processes": "LocalProcesses participant_processes",
        "service": "FederationService serve_federation",
        "training": "MaskedRun train_over",
    },
)
