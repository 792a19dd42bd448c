"""Sign-on with OAuth 2.1 and OpenID Connect: a local provider, a client, and the check of tokens."""

from secure_ai.core.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "claims": ("Claims",),
        "client": ("renew", "sign_in", "sign_in_headless", "sign_out", "user_info"),
        "discovery": ("DiscoveredProvider", "check_clock", "clock_offset", "discover"),
        "errors": ("ClockOffError", "ProviderError", "SignInError", "SignInRefusedError", "TokenError"),
        "flow": ("CodeFlow", "SignIn"),
        "model": ("Client", "User"),
        "provider": ("LocalProvider", "local_provider"),
        "tokens": ("ReplayStore", "check_token"),
    },
)
