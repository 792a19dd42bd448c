"""Sign-in at any OpenID Connect provider, by its address: in the browser, or headless for lessons."""

from __future__ import annotations

import ssl
import time
import webbrowser
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any
from urllib.parse import parse_qsl, urljoin, urlsplit

import httpx

from secure_ai.access.openid import web
from secure_ai.access.openid.discovery import DiscoveredProvider, discover
from secure_ai.access.openid.errors import ProviderError, SignInError, SignInRefusedError
from secure_ai.access.openid.flow import BROWSER, PROVIDER, CodeFlow, SignIn, as_client, request_tokens
from secure_ai.access.openid.listener import Listener
from secure_ai.access.openid.provider import LocalProvider
from secure_ai.access.openid.quiet import no_secrets_logged

HEADLESS_REDIRECT = "http://127.0.0.1/callback"
MAX_PAGE_CHARACTERS = 200_000


def sign_in(
    discovery_url: str,
    client_id: str,
    *,
    client_secret: str = "",
    scope: str = "openid profile",
    open_browser: bool = True,
    announce: Callable[[str], object] = print,
    timeout: float = 120,
    port: int = 0,
    context: ssl.SSLContext | None = None,
    now: Callable[[], float] = time.time,
) -> SignIn:
    """Sign a person in with their browser at the provider at ``discovery_url``.

    The answer is awaited on 127.0.0.1 (RFC 8252), at ``http://127.0.0.1:<port>/callback``.

    Args:
        discovery_url: the issuer's address, or that of its discovery document.
        client_id, client_secret: as which application it is registered there.
        scope: what is asked for.
        open_browser: whether to open the page; its address is announced in any case.
        announce: how the address is shown.
        timeout: seconds to wait for the person.
        port: where the answer is awaited; 0 for any free port.
        context: trust for connections, for a certificate authority of one's own.
        now: the clock, in seconds since 1970.

    Raises:
        DiscoveryError, ProviderUnreachableError: if the provider cannot be used.
        SignInTimeoutError: if nobody signed in.
        SignInError, TokenError, ClockOffError: if the answer or its tokens do not hold.

    Source: RFC 6749 section 4.1, RFC 7636, RFC 8252, RFC 9207, RFC 9700.
    """
    provider = discover(discovery_url, context=context)
    with Listener(port) as listener:
        flow = CodeFlow(
            provider,
            client_id,
            redirect_uri=listener.redirect_uri,
            scope=scope,
            client_secret=client_secret,
            now=now,
        )
        address = flow.request_address()
        announce(f"Sign in on this page: {address}")
        if open_browser:
            webbrowser.open(address)
        flow.note(BROWSER, PROVIDER, "the person signs in on the provider's own page")
        answer = listener.wait(flow.is_answer, timeout)
    return flow.finish(answer)


def sign_in_headless(
    provider: LocalProvider | str,
    username: str,
    password: str,
    *,
    one_time_code: str = "",
    client_id: str = "",
    client_secret: str = "",
    scope: str = "openid profile roles",
    redirect_uri: str = HEADLESS_REDIRECT,
    now: Callable[[], float] = time.time,
) -> SignIn:
    """Sign in at the local provider without a browser: its form is fetched and filled in over HTTP.

    For lessons and tests only: an application never sees a password otherwise.

    Args:
        provider: the running provider, or its address.
        username, password, one_time_code: what a person would type.
        client_id: as which application; the provider's first where none is named.

    Raises:
        SignInRefusedError: if the provider says no.
        SignInError, TokenError, ProviderError, ClockOffError: as for :func:`sign_in`.
    """
    found, client_id = _local(provider, client_id)
    flow = CodeFlow(
        found, client_id, redirect_uri=redirect_uri, scope=scope, client_secret=client_secret, now=now
    )
    fields = {"username": username, "password": password, "one_time_code": one_time_code}
    return flow.finish(fill_in_form(flow, fields))


def fill_in_form(flow: CodeFlow, fields: dict[str, str]) -> dict[str, str]:
    """Open the sign-in page of a local provider, send the form, and return the answer for the application.

    Raises:
        SignInRefusedError: if the page is refused, or what was filled in is wrong.
        ProviderError: if nobody answers.
    """
    address = flow.request_address()
    if not web.is_loopback(address):
        raise SignInError("Only a provider on this machine is signed in to without a browser: use sign_in.")
    try:
        with no_secrets_logged(), web.open_client(address) as browser:
            page = browser.get(address)
            if page.status_code == 200:
                form = _Form(page.text[:MAX_PAGE_CHARACTERS])
                sent = form.hidden | {name: value for name, value in fields.items() if value}
                flow.note(BROWSER, PROVIDER, "the person signs in on the provider's own page", sent)
                page = browser.post(urljoin(address, form.action or address), data=sent)
    except (httpx.HTTPError, httpx.InvalidURL):
        raise ProviderError("The local provider cannot be reached: is it still running?") from None
    if page.status_code == 401:
        raise SignInRefusedError("The user name, the password or the one-time code is wrong: try again.")
    location = page.headers.get("Location", "")
    if page.status_code not in (302, 303) or not location.startswith(flow.redirect_uri):
        raise SignInRefusedError(
            "The provider does not accept the application's request: check its name and its redirect address."
        )
    answer = dict(parse_qsl(urlsplit(location).query))
    flow.note(PROVIDER, BROWSER, "sends the browser back to the application", answer)
    return answer


def renew(signed_in: SignIn) -> SignIn:
    """Return ``signed_in`` with a new access token, and with the refresh token that replaces its own.

    Raises:
        SignInRefusedError: if the refresh token does not count (any more), for one that was used before.
        ProviderError: if the provider does not answer.
    """
    if not signed_in.refresh_token:
        raise SignInError("This sign-in came without a refresh token: sign in again.")
    form = {
        "grant_type": "refresh_token",
        "refresh_token": signed_in.refresh_token,
        "client_id": signed_in.client_id,
    }
    content = request_tokens(signed_in.provider, form, signed_in.client_secret)
    access = content.get("access_token")
    if not isinstance(access, str):
        raise ProviderError("The provider gave no access token: ask it why.")
    refresh = content.get("refresh_token", signed_in.refresh_token)
    return replace(signed_in, access_token=access, refresh_token=str(refresh))


def sign_out(signed_in: SignIn) -> None:
    """Have the provider revoke the tokens of ``signed_in`` (RFC 7009).

    Raises:
        ProviderError: if it does not offer this, or does not answer.
    """
    address = signed_in.provider.description.revocation_endpoint
    if address is None:
        raise ProviderError("The provider does not offer to revoke tokens: they count until they expire.")
    with web.open_client(address, signed_in.provider.context) as client:
        for token in filter(None, (signed_in.refresh_token, signed_in.access_token)):
            form = {"token": token, "client_id": signed_in.client_id}
            sent = as_client(signed_in.provider, form, signed_in.client_secret)
            if web.ask(client, "POST", address, "a revocation", **sent).status != 200:
                raise ProviderError("The provider did not revoke the tokens: ask it why.")


def user_info(signed_in: SignIn) -> dict[str, Any]:
    """Return what the provider says about the person now (OpenID Connect Core 1.0, section 5.3).

    Raises:
        SignInRefusedError: if the access token does not count (any more).
        ProviderError: if the provider does not offer this, does not answer, or speaks of someone else.
    """
    address = signed_in.provider.description.userinfo_endpoint
    if address is None:
        raise ProviderError("The provider gives no information beyond its ID token: use its claims.")
    headers = {"Authorization": f"Bearer {signed_in.access_token}"}
    with web.open_client(address, signed_in.provider.context) as client:
        answer = web.ask(client, "GET", address, "user information", headers=headers)
    if answer.status in (401, 403):
        raise SignInRefusedError("The access token does not count: it expired or was revoked. Sign in again.")
    if answer.status != 200 or answer.content.get("sub") != signed_in.claims.subject:
        raise ProviderError("The provider's answer is not about the person who signed in: it is not used.")
    return answer.content


def _local(provider: LocalProvider | str, client_id: str) -> tuple[DiscoveredProvider, str]:
    if isinstance(provider, str):
        if not client_id:
            raise SignInError("Name the application (client_id) that asks: the address alone does not tell.")
        return discover(provider), client_id
    return discover(provider.issuer), client_id or provider.clients[0].client_id


class _Form(HTMLParser):
    """The action and the hidden fields of the first form of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.action, self.hidden = "", {}
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag == "form":
            self.action = values.get("action") or ""
        elif tag == "input" and values.get("type") == "hidden" and values.get("name"):
            self.hidden[str(values["name"])] = values.get("value") or ""
