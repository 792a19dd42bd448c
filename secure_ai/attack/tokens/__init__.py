"""Forged and replayed tokens."""

from secure_ai.core.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "careless": ("careless_check", "careless_provider"),
        "codes": (
            "Attempt",
            "ask_without_challenge",
            "intercept_code_without_verifier",
            "replay_code",
            "reuse_refresh_token",
        ),
        "forge": (
            "attacker_key",
            "bring_own_keys",
            "change_claims",
            "confuse_algorithm",
            "forge_unsigned",
            "point_to_known_file",
            "read_unchecked",
            "sign_with_own_key",
        ),
        "table": ("expired", "other_audience", "token_attack_sentence", "token_attack_table"),
    },
)
