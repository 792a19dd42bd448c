"""A connection to a scoring service that is kept: many batches of questions after one handshake."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any

from secure_ai.core.errors import UserError
from secure_ai.encrypt.transport.batches import batch_to_json
from secure_ai.encrypt.transport.messages import read_object
from secure_ai.encrypt.transport.scoring_client import exchange, shake_hands
from secure_ai.encrypt.transport.sockets import Address, NotReachable, connect, deadline
from secure_ai.encrypt.transport.tls import TlsFiles, client_context, client_socket

MOST_ANSWER_BYTES = 8 * 1024 * 1024


class ScoringConnection:
    """Asks a service behind a gate, over one connection as long as it lasts; threads take turns.

    Args:
        address: where it listens.
        tls: the caller's certificate and key, and the authority of the server.
        server_name: the name that the server's certificate must carry.
        timeout: seconds for each question and its answer together.

    Raises:
        CertificateError: if the caller's own files cannot be used.
    """

    def __init__(
        self,
        address: Address | tuple[str, int],
        tls: TlsFiles,
        *,
        server_name: str = "localhost",
        timeout: float = 10.0,
    ) -> None:
        self.address, self._server_name, self._timeout = Address(*address), server_name, timeout
        self._context = client_context(tls)
        self._plain: socket.socket | None = None
        self._connection: ssl.SSLSocket | None = None
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"ScoringConnection({self.address.host}:{self.address.port})"

    def __enter__(self) -> ScoringConnection:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def model(self) -> dict[str, Any]:
        """Return what the service tells of its model.

        Raises:
            UserError: as :func:`~secure_ai.encrypt.transport.scoring_client.request_score`.
        """
        return read_object(self._asked(b"GET", b"/model", b""))

    def scores(self, columns: Sequence[str], rows: Iterable[Sequence], purpose: str = "") -> dict[str, Any]:
        """Return the answer to one batch of records.

        Args:
            columns: names of the fields.
            rows: one sequence of values for each record.
            purpose: what the answers are for.

        Raises:
            UserError: as :func:`~secure_ai.encrypt.transport.scoring_client.request_score`, and TooMany where
                the caller's limit is reached.
        """
        return read_object(self._asked(b"POST", b"/scores", batch_to_json(columns, rows, purpose)))

    def close(self) -> None:
        """Close the connection; the next question opens another."""
        with self._lock:
            self._drop()

    def _asked(self, method: bytes, path: bytes, body: bytes) -> bytes:
        host = self._server_name.encode("ascii", "replace")
        head = b"%b %b HTTP/1.1\r\nHost: %b\r\nConnection: keep-alive\r\n" % (method, path, host)
        if method == b"POST":
            head += b"Content-Type: application/json\r\nContent-Length: %d\r\n" % len(body)
        request = head + b"\r\n" + body
        with self._lock:
            if self._connection is not None:
                try:
                    return self._exchanged(request)
                except NotReachable as error:
                    # The service closes what was idle for long: only then is the question asked again.
                    if not getattr(error, "unanswered", False):
                        raise
            return self._exchanged(request)

    def _exchanged(self, request: bytes) -> bytes:
        fresh = self._connection is None
        plain = self._plain if not fresh else connect(self.address, self._timeout)
        with deadline(plain, self._timeout) as time:
            try:
                if fresh:
                    plain.settimeout(None)
                    self._plain = plain
                    # A twin is wrapped: the deadline of later questions needs the original.
                    self._connection = client_socket(self._context, plain.dup(), self._server_name)
                    shake_hands(self._connection, time)
                answer, kept = exchange(self._connection, request, time, MOST_ANSWER_BYTES)
            except (UserError, KeyboardInterrupt) as error:
                # Whether the service keeps it after a refusal is not worth asking.
                self._drop()
                if isinstance(error, NotReachable):
                    error.unanswered = not fresh and not time.passed
                raise
            if not kept:
                self._drop()
            return answer

    def _drop(self) -> None:
        for end in (self._connection, self._plain):
            if end is not None:
                with suppress(OSError):
                    end.close()
        self._connection = self._plain = None
