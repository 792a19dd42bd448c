"""Awaits the provider's answer on 127.0.0.1, as an application on a person's machine does (RFC 8252)."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from secure_ai.access.openid.errors import SignInTimeoutError
from secure_ai.core.errors import UserError

PATH = "/callback"
_PAGE = (
    b"<!doctype html><html lang=en><meta charset=utf-8><title>Signed in</title>"
    b"<p>The answer has arrived. You can close this page and go back to the application.</p>"
)


class Listener:
    """A small server for one answer; used as a context manager."""

    def __init__(self, port: int = 0) -> None:
        self._answers: queue.Queue[dict[str, str]] = queue.Queue(maxsize=16)
        try:
            self._server = _SilentServer(("127.0.0.1", port), _handler(self._answers))
        except (OSError, OverflowError):
            raise UserError(
                f"Port {port} of this machine is taken or not allowed: leave it out and a free one is used."
            ) from None
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.02,), name="sign-in listener", daemon=True
        )

    @property
    def redirect_uri(self) -> str:
        """Where the provider must send the browser."""
        return f"http://127.0.0.1:{self._server.server_port}{PATH}"

    def __enter__(self) -> Listener:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def wait(self, is_answer: Callable[[Mapping[str, str]], bool], timeout: float) -> dict[str, str]:
        """Return the first answer that ``is_answer``; others, which any page may send, are passed over.

        Raises:
            SignInTimeoutError: if none came within ``timeout`` seconds.
        """
        deadline, others = time.monotonic() + timeout, 0
        while (left := deadline - time.monotonic()) > 0:
            try:
                answer = self._answers.get(timeout=left)
            except queue.Empty:
                break
            if is_answer(answer):
                return answer
            others += 1
        forged = " What did arrive did not belong to this sign-in (its state differs)." if others else ""
        raise SignInTimeoutError(
            f"Nobody finished the sign-in within {timeout:.0f} seconds: start it again.{forged}"
        )


class _SilentServer(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """Write no traceback: a browser that goes away is no event."""


def _handler(answers: queue.Queue[dict[str, str]]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = 10

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            if parts.path != PATH or not parts.query:
                self.send_error(404)
                return
            pairs = parse_qsl(parts.query, keep_blank_values=True)
            try:
                # A parameter that stands there twice could be read in two ways.
                answers.put_nowait(dict(pairs) if len(dict(pairs)) == len(pairs) else {})
            except queue.Full:
                self.send_error(503)
                return
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(_PAGE)))
            self.send_header("Cache-Control", "no-store")
            self.send_header("Referrer-Policy", "no-referrer")
            self.end_headers()
            self.wfile.write(_PAGE)

        def log_message(self, format: str, *args: Any) -> None:
            """Write nothing: the request line holds the code."""

    return Handler
