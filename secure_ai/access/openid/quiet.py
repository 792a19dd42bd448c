"""Keeps codes, passwords and tokens out of the logs of the libraries that carry them.

Authlib logs each issued token, httpx each address, httpcore each header at their verbose levels.
"""

from secure_ai.core.quiet import no_secrets_logged, silence_with_secrets

__all__ = ["no_secrets_logged"]

silence_with_secrets(
    (
        "httpx",
        "httpcore.connection",
        "httpcore.http11",
        "httpcore.http2",
        "httpcore.proxy",
        "authlib.oauth2.rfc6749.authenticate_client",
        "authlib.oauth2.rfc6749.grants.authorization_code",
        "authlib.oauth2.rfc6749.grants.refresh_token",
        "authlib.oidc.core.grants.code",
    )
)
