"""SQL injection against a session that the database trusts."""

from secure_ai.core.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "attempts": ("ATTEMPTS", "Attempt"),
        "careless": ("careless_search", "careless_sessions", "parametrized_search"),
        "table": ("Injections", "injection_table", "try_injections"),
    },
)
