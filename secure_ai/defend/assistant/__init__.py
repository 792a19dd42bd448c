"""Guards of an assistant, each of which can be switched and measured by itself."""

from secure_ai.core.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "make": "GUARDS guard_maker guards_table make_guards",
        "queue": "ApprovalQueue Waiting",
        "limits": "Limits RateAndCost",
        "known": "Known known_of",
        "permissions": "RowFilter ToolPermissions assistant_policy",
        "provenance": "ProvenanceMarking",
        "intent": "Intent",
        "confirmation": "Confirmation",
        "outputs": "OutputFilter",
        "links": "LinkAllowList",
        "grounding": "GroundedAnswers",
        "remembering": "MemoryGuard",
        "fairness": "EvenHanded",
        "log": "ConversationLog",
    },
)
