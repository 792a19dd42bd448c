"""A local provider that the tests of sign-on share, and a browser at it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from authlib.oauth2.rfc7636 import create_s256_code_challenge

from secure_ai.access.openid.client import sign_in_headless
from secure_ai.access.openid.flow import SignIn
from secure_ai.access.openid.model import Client, User
from secure_ai.access.openid.provider import LocalProvider, local_provider
from secure_ai.core.audit import AuditLog

PASSWORD = "canary-password-4711"
APPLICATION = Client("records-app", title="Records & <more>")
RESOURCE_SERVER = Client("records-service", secret="canary secret/+ä", refresh=False)
FIXED_ADDRESS = Client("web-app", redirect_uris=("https://app.example.org/back",))


@pytest.fixture(scope="session")
def audit() -> AuditLog:
    """The audit trail of the shared provider."""
    return AuditLog()


@pytest.fixture(scope="session")
def provider(audit: AuditLog) -> Iterator[LocalProvider]:
    """A running provider with one nurse."""
    nurse = User("nurse01", groups=("ward-3",), roles=("nurse",), name="Ada Test", password=PASSWORD)
    with local_provider([nurse], [APPLICATION, RESOURCE_SERVER, FIXED_ADDRESS], audit=audit) as running:
        yield running


@pytest.fixture(scope="session")
def password() -> str:
    """The nurse's password."""
    return PASSWORD


VERIFIER = "v" * 43
GOOD = {
    "response_type": "code",
    "client_id": "records-app",
    "redirect_uri": "http://127.0.0.1/callback",
    "scope": "openid profile roles",
    "state": "s",
    "code_challenge": create_s256_code_challenge(VERIFIER),
    "code_challenge_method": "S256",
}


class Browser:
    """A browser that keeps cookies and follows nothing."""

    def __init__(self, provider: LocalProvider) -> None:
        self.http = httpx.Client(base_url=provider.issuer, trust_env=False)

    def ask(self, **changes: str | None) -> httpx.Response:
        """Open the sign-in page, with parameters changed or (None) left out."""
        values = {name: value for name, value in (GOOD | changes).items() if value is not None}
        return self.http.get("/authorize", params=values)

    def answer(self, page: httpx.Response, **fields: str) -> httpx.Response:
        """Send the form of a page."""
        ticket = re.search(r'name="ticket" value="([^"]+)"', page.text)
        return self.http.post(str(page.url), data={"ticket": ticket[1] if ticket else "", **fields})

    def code(self, password: str, **changes: str | None) -> str:
        """Sign in and return the code."""
        answer = self.answer(self.ask(**changes), username="nurse01", password=password)
        return parse_qs(urlsplit(answer.headers["Location"]).query)["code"][0]

    def trade(self, code: str, /, **changes: str | None) -> httpx.Response:
        """Ask for tokens."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "client_id": "records-app",
            "redirect_uri": GOOD["redirect_uri"],
            "code_verifier": VERIFIER,
        } | changes
        return self.http.post("/token", data={name: v for name, v in form.items() if v is not None})


@pytest.fixture
def browser(provider: LocalProvider) -> Iterator[Browser]:
    opened = Browser(provider)
    with opened.http:
        yield opened


@pytest.fixture(scope="session")
def open_browser() -> type[Browser]:
    """Opens a browser at a provider."""
    return Browser


@pytest.fixture
def signed_in(provider: LocalProvider, password: str) -> SignIn:
    return sign_in_headless(provider, "nurse01", password)
