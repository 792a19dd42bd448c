"""Attacks on the sign-in itself: a replayed code, an intercepted code, a stolen refresh token."""

from __future__ import annotations

from dataclasses import dataclass

from secure_ai.access.openid.client import (
    HEADLESS_REDIRECT,
    fill_in_form,
    renew,
    sign_in_headless,
    user_info,
)
from secure_ai.access.openid.discovery import discover
from secure_ai.access.openid.errors import SignInRefusedError
from secure_ai.access.openid.flow import CodeFlow, SignIn, request_tokens
from secure_ai.access.openid.provider import LocalProvider


@dataclass(frozen=True)
class Attempt:
    """What came of an attack: whether it succeeded, and why (not), in words."""

    succeeded: bool
    reason: str


def replay_code(provider: LocalProvider, username: str, password: str) -> Attempt:
    """Use a code a second time, with everything that belongs to it, as malware on the machine could.

    A provider that holds refuses it and revokes what the first use gave.
    """
    flow, answer = _asked(provider, username, password)
    signed_in = flow.finish(answer)
    try:
        again = flow.finish(answer)
    except SignInRefusedError:
        return Attempt(False, "The code counts once; " + _after_theft(signed_in))
    return Attempt(bool(again.access_token), "The provider gave tokens for the same code again.")


def intercept_code_without_verifier(provider: LocalProvider, username: str, password: str) -> Attempt:
    """Trade a person's code for tokens without the verifier, as one who sees the redirect could.

    A provider that holds wants proof that the one who asks for the tokens began the sign-in (RFC 7636).
    """
    flow, answer = _asked(provider, username, password)
    form = {
        "grant_type": "authorization_code",
        "code": answer["code"],
        "redirect_uri": flow.redirect_uri,
        "client_id": flow.client_id,
    }
    try:
        tokens = request_tokens(flow.provider, form)
    except SignInRefusedError:
        return Attempt(
            False, "Without the verifier, which never left the application, the code is worthless."
        )
    return Attempt("access_token" in tokens, "The code alone was enough: nothing ties it to the application.")


def ask_without_challenge(provider: LocalProvider, username: str, password: str) -> Attempt:
    """Begin a sign-in without a proof key, so that an intercepted code would need none (a downgrade)."""
    found = discover(provider.issuer)
    flow = _NoChallenge(
        found, provider.clients[0].client_id, redirect_uri=HEADLESS_REDIRECT, scope="openid profile roles"
    )
    answer = fill_in_form(flow, {"username": username, "password": password})
    if "code" in answer:
        return Attempt(True, "The provider gave a code that nothing ties to the application.")
    return Attempt(False, "The provider gives no code without a challenge by SHA-256.")


def reuse_refresh_token(provider: LocalProvider, username: str, password: str) -> Attempt:
    """Use a stolen refresh token after its owner has.

    A provider that holds gives a new one at each use; the second use of an old one shows the theft, and
    everything that goes back to the sign-in is revoked.
    """
    signed_in = sign_in_headless(provider, username, password)
    renewed = renew(signed_in)
    try:
        renew(signed_in)
    except SignInRefusedError:
        return Attempt(False, "The refresh token had been replaced; " + _after_theft(renewed))
    return Attempt(True, "The refresh token works again and again, for whoever holds it.")


class _NoChallenge(CodeFlow):
    def request_address(self) -> str:
        address = super().request_address()
        kept = [part for part in address.split("&") if not part.startswith("code_challenge")]
        return "&".join(kept)


def _asked(provider: LocalProvider, username: str, password: str) -> tuple[CodeFlow, dict[str, str]]:
    flow = CodeFlow(
        discover(provider.issuer),
        provider.clients[0].client_id,
        redirect_uri=HEADLESS_REDIRECT,
        scope="openid profile roles",
    )
    return flow, fill_in_form(flow, {"username": username, "password": password})


def _after_theft(signed_in: SignIn) -> str:
    try:
        user_info(signed_in)
    except SignInRefusedError:
        return "its second use shows a theft, and the tokens of that sign-in were revoked."
    return "the tokens of that sign-in still count."
