"""A webhook receiver on this machine, for lessons and tests: it verifies, and hangs or fails when told to."""

from __future__ import annotations

import json
import secrets
import threading
import time
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Any, Literal
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from secure_ai.monitor.alerts.signing import SignatureError, read_key, verify

HOST = "127.0.0.1"
MOST_BYTES = 1_000_000
Behavior = Literal["work", "fail", "refuse", "hang", "redirect"]
_ANSWERS = {
    "work": "204 No Content",
    "fail": "503 Service Unavailable",
    "refuse": "422 Unprocessable Content",
    "redirect": "307 Temporary Redirect",
}


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: a line a message would be in the way of the lesson."""


class _Server(WSGIServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: a sender that went away is no event."""


class WebhookReceiver:
    """Receives messages on a free port of this machine; a context manager.

    It keeps each genuine message once, whatever came again, and refuses forgeries, changes and old messages.

    Args:
        key: of the signature; a random one if None.
        clock: seconds since 1970.

    Attributes:
        key: give it to the sender.
        messages: what was received, in order, without repetition.
        repeated: genuine messages that had come before.
        refused: sentences that say why a message was refused.
        attempts: requests of any kind.
        behavior: ``"work"``, or what to do wrong: ``"fail"`` (status 503), ``"refuse"`` (422),
            ``"redirect"``, ``"hang"`` (no answer until told otherwise).
    """

    def __init__(self, key: str | None = None, *, clock: Callable[[], float] = time.time) -> None:
        self.key = key or secrets.token_urlsafe(32)
        self._key, self._clock = read_key(self.key), clock
        self.messages: list[dict[str, Any]] = []
        self.repeated, self.attempts = 0, 0
        self.refused: list[str] = []
        self._seen: set[str] = set()
        self._behavior: Behavior = "work"
        self._changed = threading.Event()

    def __repr__(self) -> str:
        return f"WebhookReceiver({len(self.messages)} messages)"

    @property
    def behavior(self) -> Behavior:
        """What it does with the next request."""
        return self._behavior

    @behavior.setter
    def behavior(self, value: Behavior) -> None:
        if value not in (*_ANSWERS, "hang"):
            raise ValueError(f"A receiver can {', '.join((*_ANSWERS, 'hang'))}.")
        self._behavior = value
        self._changed.set()
        self._changed = threading.Event()

    @property
    def url(self) -> str:
        """Where to send to."""
        return f"http://{HOST}:{self._server.server_port}/alerts"

    def __enter__(self) -> WebhookReceiver:
        self._server = make_server(HOST, 0, self._answer, server_class=_Threaded, handler_class=_Quiet)
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.02,), name="webhook receiver", daemon=True
        )
        self._thread.start()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.behavior = "fail"
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(1)

    def _answer(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        self.attempts += 1
        body = self._body(environ)
        behavior, changed = self._behavior, self._changed
        if behavior == "hang":
            changed.wait()
            behavior = "fail"  # Whoever asked has given up: it must not count as received.
        status, headers = _ANSWERS[behavior], []
        if behavior == "redirect":
            headers = [("Location", f"http://{HOST}:9/")]
        if behavior == "work":
            status = self._receive(environ, body)
        start(status, [*headers, ("Content-Length", "0")])
        return [b""]

    @staticmethod
    def _body(environ: dict[str, Any]) -> bytes:
        length = environ.get("CONTENT_LENGTH") or "0"
        return environ["wsgi.input"].read(min(int(length), MOST_BYTES)) if length.isdigit() else b""

    def _receive(self, environ: dict[str, Any], body: bytes) -> str:
        names = ("webhook-id", "webhook-timestamp", "webhook-signature")
        headers = {name: environ.get(f"HTTP_{name.upper().replace('-', '_')}", "") for name in names}
        try:
            message_id = verify(headers, body, self._key, now=self._clock())
        except SignatureError as error:
            self.refused.append(str(error))
            return "401 Unauthorized"
        if message_id in self._seen:
            self.repeated += 1
        else:
            self._seen.add(message_id)
            self.messages.append(json.loads(body))
        return "204 No Content"


class _Threaded(_Server):
    """One thread a request, so that one that hangs holds up no other."""

    def process_request(self, request: Any, client_address: Any) -> None:
        """Answer in a thread of its own."""
        threading.Thread(
            target=self._one, args=(request, client_address), name="webhook request", daemon=True
        ).start()

    def _one(self, request: Any, client_address: Any) -> None:
        try:
            self.finish_request(request, client_address)
        except OSError:
            pass
        finally:
            self.shutdown_request(request)
