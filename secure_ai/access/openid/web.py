"""Small, careful HTTP: bounded in time and size, no redirects followed, every failure a sentence."""

from __future__ import annotations

import ipaddress
import json
import queue
import ssl
import threading
from collections.abc import Callable
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
    if not loopback and _is_this_machine(parts.hostname or ""):
        raise DiscoveryError(
            f"The {what} leads to this machine, though the provider is elsewhere: it is not called."
        )
    return str(address)


def _is_this_machine(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None) or address
    return mapped.is_loopback or mapped.is_unspecified or mapped.is_link_local


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
        headers={"Accept": "application/json", "Accept-Encoding": "identity"},
    )


def ask(client: httpx.Client, method: str, address: str, what: str, **more: Any) -> Answer:
    """Send one request and return the answer.

    Raises:
        ProviderError: if none comes, or it is too long; ``what`` says what was asked for.
    """
    try:
        return _within(3 * TIMEOUT_SECONDS, lambda: _ask(client, method, address, what, more))
    except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, OSError, UnicodeError) as problem:
        raise _explained(problem, what) from None


def _ask(client: httpx.Client, method: str, address: str, what: str, more: dict[str, Any]) -> Answer:
    with no_secrets_logged(), client.stream(method, address, **more) as response:
        if response.headers.get("Content-Encoding", "identity").strip().lower() != "identity":
            # A kilobyte can unfold to a gigabyte; none was asked for.
            raise ProviderError(f"The provider's answer with {what} is compressed and was not read.")
        body = bytearray()
        for piece in response.iter_raw():
            body += piece
            if len(body) > MAX_ANSWER_BYTES:
                raise ProviderError(f"The provider's answer with {what} is too long and was not read.")
        return Answer(response.status_code, _json_object(bytes(body)), response.headers.get("Date", ""))


def _within(seconds: float, ask_once: Callable[[], Answer]) -> Answer:
    """Return an answer in time: a server that sends a byte now and then meets the limit of each read."""
    done: queue.SimpleQueue[Answer | BaseException] = queue.SimpleQueue()

    def run() -> None:
        try:
            done.put(ask_once())
        except BaseException as problem:
            done.put(problem)

    threading.Thread(target=run, name="provider's answer", daemon=True).start()
    try:
        found = done.get(timeout=seconds)
    except queue.Empty:
        raise httpx.ReadTimeout("the answer trickles") from None
    if isinstance(found, BaseException):
        raise found
    return found


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
