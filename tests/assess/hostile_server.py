"""A small server of hostile endpoints: what it does is said by the first part of the path that is asked."""

from __future__ import annotations

import gzip
import json
import math
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Behavior = Callable[["Exchange"], None]
RELEASED_AFTER = 20.0
"""Seconds after which an exchange that hangs is let go, if nobody stopped the server before."""


class Exchange:
    """One question and how it may be answered.

    Attributes:
        number: of the question on this path, from 1.
        body: of the question; None where it is no JSON.
        headers: of the question.
        path: that was asked.
    """

    def __init__(self, handler: BaseHTTPRequestHandler, number: int, stop: threading.Event) -> None:
        self._handler, self.number, self._stop = handler, number, stop
        self.path, self.headers = handler.path, handler.headers
        content = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        self.body: Any = None
        with suppress(ValueError):
            self.body = json.loads(content)

    def raw(self, content: bytes) -> None:
        """Write bytes as they are."""
        self._handler.wfile.write(content)
        self._handler.wfile.flush()

    def send(
        self, content: bytes | str, status: str = "200 OK", *, length: int | str | None = None, **headers: str
    ) -> None:
        """Answer whole; a header's underscore is a hyphen."""
        body = content.encode() if isinstance(content, str) else content
        said = {"Content-Type": "application/json", "Content-Length": len(body) if length is None else length}
        said |= {name.replace("_", "-"): value for name, value in headers.items()}
        head = "".join(f"{name}: {value}\r\n" for name, value in said.items())
        self.raw(f"HTTP/1.1 {status}\r\n{head}\r\n".encode() + body)

    def zipped(self, content: bytes, coding: str = "gzip") -> None:
        """Answer as compressed; the content is taken as it is."""
        self.send(content, Content_Encoding=coding)

    def wait(self, seconds: float = RELEASED_AFTER) -> bool:
        """Wait; return whether the server is being stopped."""
        return self._stop.wait(seconds)

    def drip(self, content: bytes, seconds: float = 0.2) -> None:
        """Send byte by byte, slower than anybody waits in all, faster than a wait for one byte."""
        for place in range(len(content)):
            self.raw(content[place : place + 1])
            if self.wait(seconds):
                return

    def endless(self, piece: bytes, most: int = 40_000_000) -> None:
        """Send pieces without end: more than anybody takes, and yet bounded."""
        for _ in range(most // len(piece)):
            self.raw(piece)


class HostileServer:
    """What listens, and how often each path was asked."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()
        self.port = 0

    def address(self, path: str, scheme: str = "http") -> str:
        """Return the address of one path."""
        return f"{scheme}://127.0.0.1:{self.port}/{path}"

    @contextmanager
    def running(self, behaviors: dict[str, Behavior]) -> Iterator[HostileServer]:
        """Listen, as long as the context lasts."""
        stop, lock, asked = threading.Event(), threading.Lock(), self.asked

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: object) -> None:
                pass

            def handle(self) -> None:
                with suppress(OSError, ValueError):
                    super().handle()

            def answer(self) -> None:
                name = self.path.strip("/").split("/")[0]
                with lock:
                    asked[name] += 1
                    number = asked[name]
                self.close_connection = True
                behaviors[name](Exchange(self, number, stop))

            do_POST = do_GET = answer

        listening = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        listening.daemon_threads = True
        self.port = listening.server_port
        threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        try:
            yield self
        finally:
            stop.set()
            listening.shutdown()
            listening.server_close()


def chances(exchange: Exchange) -> list[list[float]]:
    """Return what an honest model gives to the records of a question, two classes each."""
    found = []
    for record in exchange.body["records"]:
        score = (record["income"] - 50) / 10 - (record["debts"] - 20) / 5
        second = 1 / (1 + math.exp(-score))
        found.append([1 - second, second])
    return found


def packed(answers: Any) -> str:
    """Return answers as a scoring endpoint writes them."""
    return json.dumps({"predictions": answers})


def bomb(mebibytes: int, times: int = 1) -> bytes:
    """Return so many mebibytes of blanks, compressed."""
    content = b" " * (mebibytes << 20)
    for _ in range(times):
        content = gzip.compress(content, 9)
    return content
