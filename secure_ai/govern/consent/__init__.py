"""Consent and purpose: a ledger of what people agreed to, and a gate that asks it where data are read."""

from secure_ai.core.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "answers": ("Answer",),
        "events": ("ConsentText", "Epoch"),
        "gate": ("ConsentGate",),
        "history": ("Standing",),
        "ledger": ("ConsentLedger", "Withdrawal"),
        "people": ("person_key",),
        "purposes": ("Compatibility", "Purpose", "Purposes"),
        "queries": ("QueryResult",),
        "reading": ("Reading",),
        "runs": ("ModelDebt",),
        "training": ("TrainingTicket",),
    },
)
