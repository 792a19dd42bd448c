"""What an attack asks: any model, scoring function or endpoint, its answers counted and checked."""

from secure_ai.core.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "errors": "TargetError reason_instead",
        "preflight": "check_probabilities check_rows check_target",
        "target": "Answer Asked Target open_target",
        "endpoint": "ScoringEndpoint",
        "http_endpoint": "HttpEndpoint",
    },
)
