"""Small, careful HTTP: bounded in time and size, no redirects followed, every failure a sentence."""

from __future__ import annotations

import json
import ssl
import time
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import SplitResult, urlsplit

import httpx

from secure_ai.access.openid.errors import DiscoveryError, ProviderError, ProviderUnreachableError
from secure_ai.access.openid.model import LOOPBACK
from secure_ai.access.openid.quiet import no_secrets_logged

MAX_ANSWER_BYTES = 1_000_000
TIMEOUT_SECONDS = 10.0


@dataclass(frozen=True)
class Answer:
    """The status of an answer, its JSON object (empty where it is none) and its ``Date``."""

    status: int
    content: dict[str, Any]
    date: str


def is_loopback(address: str) -> bool:
    """Return whether ``address`` leads to this machine."""
    try:
        return urlsplit(address).hostname in LOOPBACK
    except ValueError:
        return False


def check_address(address: object, what: str, *, loopback: bool) -> str:
    """Return ``address`` if it is safe to call: https, or http to this machine where ``loopback``.

    Raises:
        DiscoveryError: if it is not; ``what`` names it.
    """
    parts = _parts(address)
    if parts is None or parts.scheme not in ("http", "https"):
        raise DiscoveryError(f"The {what} is no complete address: it starts with https:// and names a host.")
    if parts.scheme != "https" and not (loopback and parts.scheme == "http" and is_loopback(str(address))):
        raise DiscoveryError(
            f"The {what} is not protected: it must start with https:// (http:// only on this machine)."
        )
    return str(address)


def _parts(address: object) -> SplitResult | None:
    """Return the parts of a whole address without a user name or a fragment, None if it is none."""
    if not isinstance(address, str) or any(c.isspace() for c in address):
        return None
    try:
        parts = urlsplit(address)
        whole = parts.hostname and not parts.username and not parts.fragment and parts.port != 0
    except ValueError:
        return None
    return parts if whole else None


@cache
def _usual_trust() -> ssl.SSLContext:
    # Reading the certificate authorities takes longer than a request on this machine.
    return httpx.create_ssl_context()


def open_client(address: str, context: ssl.SSLContext | None = None) -> httpx.Client:
    """Return a client for the provider at ``address``; one on this machine is never asked through a proxy."""
    return httpx.Client(
        timeout=TIMEOUT_SECONDS,
        follow_redirects=False,
        trust_env=not is_loopback(address),
        verify=context or _usual_trust(),
        headers={"Accept": "application/json"},
    )


def ask(client: httpx.Client, method: str, address: str, what: str, **more: Any) -> Answer:
    """Send one request and return the answer.

    Raises:
        ProviderError: if none comes, or it is too long; ``what`` says what was asked for.
    """
    try:
        with no_secrets_logged(), client.stream(method, address, **more) as response:
            body, deadline = bytearray(), time.monotonic() + 3 * TIMEOUT_SECONDS
            for piece in response.iter_bytes():
                body += piece
                if len(body) > MAX_ANSWER_BYTES:
                    raise ProviderError(f"The provider's answer with {what} is too long and was not read.")
                if time.monotonic() > deadline:
                    raise httpx.ReadTimeout("the answer trickles")
            return Answer(response.status_code, _json_object(bytes(body)), response.headers.get("Date", ""))
    except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, OSError, UnicodeError) as problem:
        raise _explained(problem, what) from None


def _explained(problem: Exception, what: str) -> ProviderUnreachableError:
    if isinstance(problem, httpx.TimeoutException):
        return ProviderUnreachableError(
            f"The provider took longer than {TIMEOUT_SECONDS:.0f} seconds to answer for {what}: try again, "
            "or check the network."
        )
    if "CERTIFICATE_VERIFY_FAILED" in str(problem):
        return ProviderUnreachableError(
            f"The provider's certificate is not trusted, so it was not asked for {what}: give the "
            "certificate authority of your organization."
        )
    return ProviderUnreachableError(
        f"The provider cannot be reached for {what}: check that it is running, its address, and the network."
    )


def _json_object(body: bytes) -> dict[str, Any]:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
