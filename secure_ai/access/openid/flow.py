"""The authorization code flow with PKCE, seen from the application: the request, the answer, the tokens."""

from __future__ import annotations

import hmac
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import pandas as pd
from authlib.common.urls import add_params_to_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core.grants.util import create_half_hash

from secure_ai.access.openid import web
from secure_ai.access.openid.claims import Claims, without_port
from secure_ai.access.openid.discovery import DiscoveredProvider, check_clock
from secure_ai.access.openid.errors import (
    BadSignatureError,
    ClockOffError,
    ExpiredTokenError,
    IssuedInFutureError,
    IssuerMismatchError,
    NotYetValidError,
    ProviderError,
    SignInError,
    SignInRefusedError,
    StateMismatchError,
)
from secure_ai.access.openid.steps import Step, carried, steps_to_frame
from secure_ai.access.openid.tokens import check_token

APP, BROWSER, PROVIDER = "application", "browser", "provider"
_REASONS = {
    "access_denied": "the person or the provider said no",
    "invalid_client": "the application's name or secret is not known there",
    "invalid_grant": "the code or the refresh token does not count (any more)",
    "invalid_request": "the request is not as the provider wants it",
    "invalid_scope": "the application may not ask for these scopes",
    "login_required": "somebody must sign in",
    "server_error": "the provider failed",
    "temporarily_unavailable": "the provider is overloaded",
    "unauthorized_client": "the application may not sign people in this way",
    "unsupported_grant_type": "the provider does not offer this way",
    "unsupported_response_type": "the provider does not offer this way",
}


@dataclass(frozen=True)
class SignIn:
    """A finished sign-in; its ``repr`` shows no token.

    Attributes:
        claims: what the checked ID token says.
        access_token: for the service; the service checks it, the application does not.
        steps: what happened, in order.
        refresh_token, id_token: the other tokens; empty where none was given.
        expires_in: seconds for which the access token counts; 0 where the provider does not say.
        provider, client_id, client_secret: with whom, and as which application.
    """

    claims: Claims
    access_token: str = field(repr=False)
    steps: tuple[Step, ...] = field(repr=False)
    refresh_token: str = field(repr=False)
    id_token: str = field(repr=False)
    expires_in: int
    provider: DiscoveredProvider = field(repr=False)
    client_id: str
    client_secret: str = field(default="", repr=False)

    def sentence(self) -> str:
        """Say how it went, in words; the same at each run."""
        issuer = without_port(self.claims.issuer)
        return (
            f"The sign-in at {issuer} took {len(self.steps)} steps. The application saw no password; it "
            f"holds an access token for {self.expires_in} seconds."
        )

    def to_frame(self) -> pd.DataFrame:
        """Return one row a step: ``step``, ``from``, ``to``, ``message``, ``carries``."""
        return steps_to_frame(self.steps)


class CodeFlow:
    """One sign-in from the application's side; used once.

    Args:
        provider: from :func:`~secure_ai.access.openid.discovery.discover`.
        client_id, client_secret: as which application; no secret for one on a person's machine.
        redirect_uri: where the answer is awaited.
        scope: what is asked for; ``openid`` must be in it.
        now: the clock, in seconds since 1970.
    """

    def __init__(
        self,
        provider: DiscoveredProvider,
        client_id: str,
        *,
        redirect_uri: str,
        scope: str,
        client_secret: str = "",
        now: Callable[[], float] = time.time,
    ) -> None:
        if "openid" not in scope.split():
            raise SignInError("Ask for the scope 'openid': without it nobody says who signed in.")
        self.provider, self.client_id, self.redirect_uri = provider, client_id, redirect_uri
        self._secret, self._scope, self._now = client_secret, scope, now
        self._state, self._nonce = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
        self._verifier = secrets.token_urlsafe(48)
        self._steps: list[Step] = []
        self.note(APP, PROVIDER, "asks where its addresses and keys are")
        self.note(PROVIDER, APP, "describes itself")

    def note(
        self, sender: str, receiver: str, message: str, values: Mapping[str, object] | None = None
    ) -> None:
        """Add a step to the account of the sign-in."""
        self._steps.append(Step(sender, receiver, message, carried(values or {})))

    def request_address(self) -> str:
        """Return the address that the person's browser must open."""
        values = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": self.redirect_uri,
            "scope": self._scope,
            "state": self._state,
            "nonce": self._nonce,
            "code_challenge": create_s256_code_challenge(self._verifier),
            "code_challenge_method": "S256",
        }
        self.note(APP, BROWSER, "opens the provider's sign-in page", values)
        return add_params_to_uri(self.provider.description.authorization_endpoint, list(values.items()))

    def is_answer(self, answer: Mapping[str, str]) -> bool:
        """Return whether ``answer`` carries the state of this request."""
        return hmac.compare_digest(answer.get("state", "").encode("utf-8", "replace"), self._state.encode())

    def finish(self, answer: Mapping[str, str]) -> SignIn:
        """Trade the answer's code for tokens and check them.

        Raises:
            SignInError, TokenError, ProviderError, ClockOffError: whatever is wrong with the answer.
        """
        if not self.is_answer(answer):
            raise StateMismatchError(
                "The answer does not belong to this sign-in (its state differs): forged or old. Start again."
            )
        issuer, wanted = answer.get("iss"), self.provider.description
        if issuer != wanted.issuer and (
            issuer is not None or wanted.authorization_response_iss_parameter_supported
        ):
            raise IssuerMismatchError(
                "The answer comes from another provider than the one that was asked: nothing was sent to it."
            )
        if "error" in answer:
            raise SignInRefusedError(_refusal(answer["error"]))
        code = answer.get("code")
        if not code:
            raise SignInError("The answer holds no code: start again.")
        self.note(BROWSER, APP, "comes back with the provider's answer", answer)
        content = self._request_tokens(code)
        id_token = content.get("id_token")
        access_token = content.get("access_token")
        if not isinstance(id_token, str) or not isinstance(access_token, str):
            raise SignInError("The provider gave no ID token or no access token: ask it why.")
        claims = self._check(id_token, access_token)
        refresh, seconds = content.get("refresh_token", ""), content.get("expires_in", 0)
        return SignIn(
            claims=claims,
            access_token=access_token,
            steps=tuple(self._steps),
            refresh_token=refresh if isinstance(refresh, str) else "",
            id_token=id_token,
            expires_in=seconds if isinstance(seconds, int) else 0,
            provider=self.provider,
            client_id=self.client_id,
            client_secret=self._secret,
        )

    def _request_tokens(self, code: str) -> dict[str, Any]:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.redirect_uri,
            "client_id": self.client_id,
            "code_verifier": self._verifier,
        }
        self.note(APP, PROVIDER, "trades the code for tokens, directly", form)
        content = request_tokens(self.provider, form, self._secret)
        self.note(PROVIDER, APP, "gives tokens", content)
        return content

    def _check(self, id_token: str, access_token: str) -> Claims:
        provider = self.provider
        try:
            claims = check_token(
                id_token,
                issuer=provider.issuer,
                audience=self.client_id,
                keys=provider,
                kind="id",
                algorithms=provider.algorithms,
                now=self._now,
                nonce=self._nonce,
            )
        except (ExpiredTokenError, NotYetValidError, IssuedInFutureError) as problem:
            explain_by_clock(provider, self._now)
            raise problem from None
        expected = create_half_hash(access_token, claims.algorithm)
        given = claims.values.get("at_hash")
        if given is not None and expected is not None and given != expected.decode():
            raise BadSignatureError(
                "The access token is not the one that the ID token came with: start again."
            )
        self.note(APP, PROVIDER, "asks for the public keys")
        self.note(APP, APP, "checks the ID token: signature, issuer, audience, times, nonce", claims.values)
        return claims


def request_tokens(provider: DiscoveredProvider, form: Mapping[str, str], secret: str = "") -> dict[str, Any]:
    """Send a token request and return the tokens.

    Raises:
        SignInRefusedError: if the provider refuses it.
        ProviderError: if it does not answer, or without tokens.
    """
    address = provider.description.token_endpoint
    with web.open_client(address, provider.context) as client:
        answer = web.ask(client, "POST", address, "tokens", **as_client(provider, form, secret))
    if answer.status != 200:
        raise SignInRefusedError(_refusal(answer.content.get("error")))
    if str(answer.content.get("token_type", "")).lower() != "bearer":
        raise ProviderError("The provider's answer holds no bearer tokens: ask it why.")
    return answer.content


def explain_by_clock(provider: DiscoveredProvider, now: Callable[[], float]) -> None:
    """Raise ClockOffError if this machine's clock is why a new token does not count."""
    try:
        check_clock(provider.issuer, now=now, context=provider.context)
    except ClockOffError:
        raise
    except ProviderError:
        return


def as_client(provider: DiscoveredProvider, form: Mapping[str, str], secret: str) -> dict[str, Any]:
    """Return httpx's arguments that send ``form`` and, with a secret, prove which application sends it."""
    if not secret:
        return {"data": dict(form)}
    if "client_secret_basic" not in provider.description.token_endpoint_auth_methods_supported:
        return {"data": {**form, "client_secret": secret}}
    # Both are form-encoded before they are joined (RFC 6749, section 2.3.1).
    login = (quote(form["client_id"], safe=""), quote(secret, safe=""))
    return {"data": dict(form), "auth": login}


def _refusal(code: object) -> str:
    # The provider's own words are not repeated: they may quote the request.
    reason = _REASONS.get(str(code), "it gave no known reason")
    return f"The provider refused: {reason}. Check the application's settings there, or start again."
