"""A model behind its own door: certificate, policy, limits by principal, answer policy, audit trail."""

from secure_ai.core.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "accounts": "ModelCard ServiceAccount",
        "answers": "AnswerPolicy",
        "gate": "ModelGate scoring_policy",
        "limits": "LimitReached RateLimit RateLimiter",
        "queries": "InputScale Query QueryLog",
        "service": "RunningModel run_model",
    },
)
