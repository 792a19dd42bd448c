"""Sends alerts to a webhook: signed, over https, within a limit of time, no redirect followed."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Collection
from functools import cache
from pathlib import Path

import httpx

from secure_ai.access.openid.quiet import no_secrets_logged
from secure_ai.access.openid.web import check_address, is_loopback
from secure_ai.core.errors import UserError
from secure_ai.monitor.alerts.message import Message
from secure_ai.monitor.alerts.signing import read_key, signature_headers
from secure_ai.monitor.alerts.sinks import SinkError, SinkRefused, within
from secure_ai.monitor.detection.result import Severity

# What a receiver answers about this message, and not about the moment or about who asks.
_REFUSALS = frozenset({400, 405, 410, 413, 414, 415, 422})


@cache
def trust(certificates: str | None) -> ssl.SSLContext:
    """Return whom to trust: the usual authorities, or those of a PEM file. Certificates are always verified.

    Raises:
        UserError: if the file is none.
    """
    if certificates is None:
        return httpx.create_ssl_context(trust_env=False)
    try:
        return ssl.create_default_context(cafile=certificates)
    except (OSError, ValueError):
        raise UserError(
            f"The certificates {Path(certificates).name} cannot be read: give a PEM file of authorities."
        ) from None


class WebhookSink:
    """Posts one JSON object a message.

    Args:
        url: where to; https, or http on this machine. It may hold a token, so it is never shown.
        key: of the signature (:func:`~secure_ai.monitor.alerts.signing.read_key`).
        name: of the sink.
        at_least: the lowest severity that it wants.
        roles: the roles whose messages it wants; none named: all.
        timeout_seconds: for the whole exchange.
        certificates: PEM file of the authorities to trust; None for the usual ones.
        clock: seconds since 1970, for the timestamp that is signed.

    Raises:
        UserError: if the address is not safe to call, or the key is too short.
    """

    def __init__(
        self,
        url: str,
        key: str,
        name: str = "webhook",
        *,
        at_least: Severity = "low",
        roles: Collection[str] = (),
        timeout_seconds: float = 10.0,
        certificates: str | Path | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.name, self.at_least, self.roles = name, at_least, tuple(roles)
        self._url = check_address(url, f"address of the webhook {name}", loopback=True)
        self._key, self._timeout, self._clock = read_key(key), timeout_seconds, clock
        self._trust = trust(None if certificates is None else str(certificates))

    def __repr__(self) -> str:
        return f"WebhookSink(name={self.name!r})"

    def send(self, message: Message) -> None:
        """Post the message.

        Raises:
            SinkRefused: if the receiver says that it does not want it.
            SinkError: if it did not take it, in a phrase without the address.
        """
        try:
            status = within(self._timeout, lambda: self._post(message))
        except httpx.TimeoutException:
            raise SinkError(f"no answer within {self._timeout:g} seconds") from None
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, OSError, ValueError) as error:
            untrusted = "CERTIFICATE_VERIFY_FAILED" in str(error)
            raise SinkError(
                "its certificate is not trusted" if untrusted else "it cannot be reached"
            ) from None
        if 200 <= status < 300:
            return
        if 300 <= status < 400:
            raise SinkError(f"it answers with a redirect ({status}), which is not followed")
        raise (SinkRefused if status in _REFUSALS else SinkError)(f"it answers with status {status}")

    def _post(self, message: Message) -> int:
        body = message.text.encode("ascii")
        headers = {
            "Content-Type": "application/json",
            "Idempotency-Key": message.key,
            **signature_headers(self._key, message.key, int(self._clock()), body),
        }
        local = is_loopback(self._url)
        with (
            no_secrets_logged(),
            httpx.Client(
                timeout=self._timeout, follow_redirects=False, trust_env=not local, verify=self._trust
            ) as client,
            client.stream("POST", self._url, content=body, headers=headers) as response,
        ):
            return response.status_code  # The answer's body is nobody's business and is not read.
