"""Access rules that PostgreSQL enforces: row-level security, column grants, views, service accounts."""

from secure_ai.core.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "cost": ("RowSecurityCost", "measure_rls_cost"),
        "declaration": ("Declaration", "Purpose", "Relation", "Table", "View"),
        "grants": ("GrantReview", "drift", "granted_columns", "reach", "review_grants"),
        "looks": ("in_charge_of", "who_sees"),
        "refusals": ("ContextExpiredError", "Refusal", "RefusedError"),
        "schema": ("protect",),
        "server": ("Database", "database"),
        "sessions": ("ProtectedDatabase", "UserSession"),
    },
)
