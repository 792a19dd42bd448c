"""What the local provider gives out and against what: Authlib's grants, held to OAuth 2.1."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from authlib.oauth2 import OAuth2Request
from authlib.oauth2.rfc6749 import InvalidRequestError
from authlib.oauth2.rfc6749.grants import AuthorizationCodeGrant, RefreshTokenGrant
from authlib.oauth2.rfc6750 import BearerTokenGenerator
from authlib.oauth2.rfc7009 import RevocationEndpoint
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oauth2.rfc7662 import IntrospectionEndpoint
from authlib.oauth2.rfc9207 import IssuerParameter
from authlib.oidc.core import OpenIDCode
from joserfc.errors import JoseError

from secure_ai.access.openid.keys import SigningKeys, sign
from secure_ai.access.openid.model import Client, CodeRecord, Family, Store, TokenRecord, User, digest

CLIENT_METHODS = ["client_secret_basic", "none"]
Report = Callable[..., None]


@dataclass(frozen=True)
class Terms:
    """How long things live, in seconds, and for whom access tokens are made."""

    issuer: str
    audience: str
    access_seconds: int
    code_seconds: int
    refresh_seconds: int


@dataclass(frozen=True)
class Desk:
    """What every grant needs: the memory, the keys, the terms, and where events are reported."""

    store: Store
    keys: SigningKeys
    terms: Terms
    report: Report

    def save_token(self, token: dict[str, Any], request: OAuth2Request) -> None:
        """Remember the tokens of a response under the sign-in that they go back to."""
        credential = request.authorization_code or request.refresh_token
        claims = self.keys.read(token["access_token"])
        issued, family = claims["iat"], credential.family
        scope = token.get("scope", "")
        self.store.access_tokens[claims["jti"]] = TokenRecord(family, scope, issued, claims["exp"], False)
        if "refresh_token" in token:
            record = TokenRecord(family, credential.scope, issued, family.expires_at, True)
            self.store.refresh_tokens[digest(token["refresh_token"])] = record

    def find(self, token: str) -> TokenRecord | None:
        """Return the record of an access or refresh token, None if it was not given out here."""
        record = self.store.refresh_tokens.get(digest(token))
        if record is not None:
            return record
        try:
            return self.store.access_tokens.get(self.keys.read(token).get("jti", ""))
        except (JoseError, ValueError, TypeError):
            return None

    def revoke(self, family: Family, reason: str) -> None:
        """Revoke everything that goes back to one sign-in, and raise an alert."""
        family.revoked = True
        self.report(family.username, "revoke_tokens", family.client_id, "allowed", reason=reason, alert=True)


def code_grant(desk: Desk) -> type[AuthorizationCodeGrant]:
    """Return the grant of tokens for a one-time code; a second use revokes what the first gave."""
    store, terms = desk.store, desk.terms

    class CodeGrant(AuthorizationCodeGrant):
        TOKEN_ENDPOINT_AUTH_METHODS = CLIENT_METHODS

        def save_authorization_code(self, code: str, request: OAuth2Request) -> None:
            now, data = store.clock(), request.payload.data
            client, user = request.client, request.user
            store.codes[digest(code)] = CodeRecord(
                family=Family(user.username, client.client_id, now + terms.refresh_seconds),
                redirect_uri=request.payload.redirect_uri,
                scope=request.scope,
                nonce=data.get("nonce", ""),
                code_challenge=data.get("code_challenge", ""),
                code_challenge_method=data.get("code_challenge_method", ""),
                auth_time=int(now),
                expires_at=now + terms.code_seconds,
            )

        def query_authorization_code(self, code: str, client: Client) -> CodeRecord | None:
            record = store.codes.get(digest(code))
            if record is None or record.family.client_id != client.client_id:
                return None
            if record.used:
                desk.revoke(record.family, "an authorization code was used a second time")
                return None
            return record if record.expires_at > store.clock() else None

        def delete_authorization_code(self, authorization_code: CodeRecord) -> None:
            authorization_code.used = True

        def authenticate_user(self, authorization_code: CodeRecord) -> User | None:
            return store.users.get(authorization_code.family.username)

    return CodeGrant


def refresh_grant(desk: Desk) -> type[RefreshTokenGrant]:
    """Return the grant of tokens for a refresh token, which is replaced; reuse revokes the whole family."""
    store = desk.store

    class RefreshGrant(RefreshTokenGrant):
        TOKEN_ENDPOINT_AUTH_METHODS = CLIENT_METHODS
        INCLUDE_NEW_REFRESH_TOKEN = True

        def authenticate_refresh_token(self, refresh_token: str) -> TokenRecord | None:
            record = store.refresh_tokens.get(digest(refresh_token))
            if record is None or record.expires_at <= store.clock():
                return None
            if record.used and not record.family.revoked:
                desk.revoke(record.family, "a refresh token was used a second time")
            return None if record.is_revoked() else record

        def authenticate_user(self, refresh_token: TokenRecord) -> User | None:
            return store.users.get(refresh_token.family.username)

        def revoke_old_credential(self, refresh_token: TokenRecord) -> None:
            refresh_token.used = True

    return RefreshGrant


class RequiredS256(CodeChallenge):
    """Proof key for code exchange (RFC 7636), always and by SHA-256.

    Authlib's own lets a request without a challenge pass at the authorization endpoint, and "plain".
    """

    SUPPORTED_CODE_CHALLENGE_METHOD = ("S256",)

    def validate_code_challenge(self, grant: Any, redirect_uri: str) -> None:
        """Refuse a request without a challenge or with another method than S256."""
        data = grant.request.payload.data
        if not data.get("code_challenge"):
            raise InvalidRequestError("PKCE is required: send a 'code_challenge'.")
        if data.get("code_challenge_method") != "S256":
            raise InvalidRequestError("PKCE is required with 'code_challenge_method=S256'.")
        super().validate_code_challenge(grant, redirect_uri)


def access_token_generator(desk: Desk) -> BearerTokenGenerator:
    """Return what makes access tokens (signed, RFC 9068) and refresh tokens (random).

    Authlib's own generator names no key in the header and lets a token live for ten days.
    """
    keys, terms, clock = desk.keys, desk.terms, desk.store.clock

    def access_token(client: Client, grant_type: str, user: User, scope: str) -> str:
        now = int(clock())
        claims = {
            **user.claims(scope),
            "iss": terms.issuer,
            "aud": client.audience or terms.audience,
            "client_id": client.client_id,
            "scope": scope,
            "iat": now,
            "exp": now + terms.access_seconds,
            "jti": secrets.token_urlsafe(16),
        }
        return sign(claims, keys.current, typ="at+jwt")

    def refresh_token(client: Client, grant_type: str, user: User, scope: str) -> str:
        return secrets.token_urlsafe(32)

    return BearerTokenGenerator(access_token, refresh_token, terms.access_seconds)


def id_token_extension(desk: Desk) -> OpenIDCode:
    """Return what adds an ID token (OpenID Connect Core 1.0) to the response for a code."""
    keys, terms, clock = desk.keys, desk.terms, desk.store.clock

    class IDToken(OpenIDCode):
        def exists_nonce(self, nonce: str, request: OAuth2Request) -> bool:
            return desk.store.has_seen_nonce(request.payload.client_id, nonce)

        def resolve_client_private_key(self, client: Client) -> Any:
            return keys.current

        def get_client_algorithm(self, client: Client) -> str:
            return keys.algorithm

        def get_encode_header(self, client: Client) -> dict[str, Any]:
            return {"alg": keys.algorithm, "kid": keys.current.kid}

        def get_client_claims(self, client: Client) -> dict[str, Any]:
            now = int(clock())
            return {
                "iss": terms.issuer,
                "aud": [client.client_id],
                "iat": now,
                "exp": now + terms.access_seconds,
            }

        def generate_user_info(self, user: User, scope: str) -> dict[str, object]:
            return user.claims(scope)

    return IDToken()


def issuer_extension(issuer: str) -> type[IssuerParameter]:
    """Return what adds the provider's name to each answer (RFC 9207)."""

    class Issuer(IssuerParameter):
        def __init__(self, server: Any) -> None:
            self(server)

        def get_issuer(self) -> str:
            return issuer

    return Issuer


def revocation_endpoint(desk: Desk) -> type[RevocationEndpoint]:
    """Return the endpoint that revokes a token (RFC 7009); with a refresh token its whole family."""

    class Revocation(RevocationEndpoint):
        CLIENT_AUTH_METHODS = CLIENT_METHODS

        def query_token(self, token_string: str, token_type_hint: str | None) -> TokenRecord | None:
            return desk.find(token_string)

        def revoke_token(self, token: TokenRecord, request: OAuth2Request) -> None:
            token.revoked = True
            token.family.revoked = token.family.revoked or token.refresh

    return Revocation


def introspection_endpoint(desk: Desk) -> type[IntrospectionEndpoint]:
    """Return the endpoint that says whether a token counts (RFC 7662), for clients with a secret."""

    class Introspection(IntrospectionEndpoint):
        CLIENT_AUTH_METHODS = ("client_secret_basic",)

        def check_permission(self, token: TokenRecord, client: Client, request: OAuth2Request) -> bool:
            return bool(client.secret)

        def query_token(self, token_string: str, token_type_hint: str | None) -> TokenRecord | None:
            return desk.find(token_string)

        def create_introspection_payload(self, token: TokenRecord | None) -> dict[str, Any]:
            if token is None or token.is_revoked() or token.expires_at <= desk.store.clock():
                return {"active": False}
            return {
                "active": True,
                "iss": desk.terms.issuer,
                "sub": token.family.username,
                "client_id": token.family.client_id,
                "scope": token.scope,
                "iat": token.issued_at,
                "exp": int(token.expires_at),
            }

    return Introspection
