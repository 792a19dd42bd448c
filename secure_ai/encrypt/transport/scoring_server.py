"""What serves one connection of a scoring service: handshake, limits, requests, and the trail of each."""

from __future__ import annotations

import json
import math
import socket
import ssl
import threading
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from cryptography import x509

from secure_ai.core.audit import AuditEvent, AuditLog, Outcome, Plain
from secure_ai.core.errors import UserError
from secure_ai.core.sources import shown
from secure_ai.encrypt.transport.alerts import in_words, openssl_text
from secure_ai.encrypt.transport.batches import Batch, batch_from_json
from secure_ai.encrypt.transport.gate import Gate, Refused
from secure_ai.encrypt.transport.messages import BadMessage, record_from_json
from secure_ai.encrypt.transport.sockets import Deadline, deadline, drain
from secure_ai.encrypt.transport.tls import service_name

Score = Callable[[Mapping], float]
NOBODY = "unknown"


@dataclass(frozen=True)
class Limits:
    """What one connection may cost.

    Attributes:
        request_bytes: the longest record, in bytes of JSON.
        seconds: for the whole connection, from the first byte of the handshake to the last of the answer;
            on a connection that is kept, for each further request, the wait for it included.
        connections: how many are served at the same time; further ones are closed at once.
        batch_rows, batch_bytes: the longest batch of records, behind a gate.
        kept_requests: after how many requests a kept connection is closed: the next shows its certificate
            anew, which may have expired meanwhile.
    """

    request_bytes: int = 64 * 1024
    seconds: float = 10.0
    connections: int = 32
    batch_rows: int = 1000
    batch_bytes: int = 4 * 1024 * 1024
    kept_requests: int = 1000


class ScoringServer(ThreadingHTTPServer):
    """Takes connections; each has its handshake in its own thread: a silent one holds up none."""

    request_queue_size = 64
    block_on_close = False  # A model that never returns must not keep the block from ending.

    def __init__(
        self,
        *,
        score: Score | None,
        context: ssl.SSLContext | None,
        allowed: Collection[str],
        audit: AuditLog | None,
        name: str,
        limits: Limits,
        gate: Gate | None = None,
    ) -> None:
        self.gate = gate
        self.score, self.context, self.name, self.limits = score, context, name, limits
        self.allowed, self.audit = frozenset(allowed), audit if audit is not None else AuditLog()
        self._free = threading.BoundedSemaphore(limits.connections)
        self._lock, self._open = threading.Lock(), set()
        self._workers: set[threading.Thread] = set()
        super().__init__(("127.0.0.1", 0), _Handler)

    def record(
        self, actor: str, action: str, outcome: Outcome, reason: str = "", **more: Plain
    ) -> AuditEvent:
        """Write one event, one at a time."""
        with self._lock:
            return self.audit.record(actor, action, self.name, outcome, reason=reason, **more)

    def process_request(self, request: socket.socket, client_address: object) -> None:
        if not self._free.acquire(blocking=False):
            self.shutdown_request(request)
            return
        worker = threading.Thread(target=self._work, args=(request, client_address), daemon=True)
        with self._lock:
            self._open.add(request)
            self._workers.add(worker)
        worker.start()

    def stop(self) -> None:
        """Close the port and every connection, and wait for the threads."""
        self.server_close()
        with self._lock:
            for connection in self._open:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
            workers = list(self._workers)
        for worker in workers:
            worker.join(timeout=1)

    def handle_error(self, request: object, client_address: object) -> None:
        """Print nothing: what failed may hold a record."""

    def _work(self, request: socket.socket, client_address: object) -> None:
        connection = request
        try:
            with deadline(request, self.limits.seconds) as time:
                connection = self._handshake(request, time)
                if connection is not None:
                    handler = self.RequestHandlerClass(connection, client_address, self, time)
                    if time.passed and not handler.recorded:
                        self.record(NOBODY, "request", "denied", "no request in time")
                    drain(connection, 0.2)
        except Exception:
            self.handle_error(request, client_address)
        finally:
            for end in {connection, request} - {None}:
                end.close()
            with self._lock:
                self._open.discard(request)
                self._workers.discard(threading.current_thread())
            self._free.release()

    def _handshake(self, request: socket.socket, time: Deadline) -> socket.socket | None:
        """Return the connection, encrypted if there is TLS; None if it was refused."""
        if self.context is None:
            return request
        # A twin is wrapped, so that `request` stays what `stop` can cut.
        connection = self.context.wrap_socket(request.dup(), server_side=True, do_handshake_on_connect=False)
        try:
            connection.do_handshake()
            return connection
        except (OSError, ValueError) as error:
            text = "timed out" if time.passed else openssl_text(error)
            self.record(NOBODY, "handshake", "denied", in_words(text, peer="client"))
            drain(connection, 0.5)
            connection.close()
            return None


class _Handler(BaseHTTPRequestHandler):
    """One request a connection, or several where the caller asks to keep it and there is a gate."""

    server: ScoringServer
    recorded = False
    requests = 0
    whole = False  # Nothing of this request is left to be read.
    wbufsize = -1  # Head and body in one write.
    protocol_version = "HTTP/1.1"

    def __init__(self, request: object, address: object, server: ScoringServer, time: Deadline) -> None:
        self.time = time
        super().__init__(request, address, server)

    def handle_one_request(self) -> None:
        if self.requests:
            self.time.renew()
        self.requests, self.whole = self.requests + 1, False
        super().handle_one_request()

    def version_string(self) -> str:
        return "scoring"  # The default tells which Python answers.

    def log_message(self, format: str, *args: object) -> None:
        """Print nothing: the audit trail holds what may be kept."""

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        self.request_version = "HTTP/1.1"  # Else what cannot be read as HTTP is answered without a head.
        self._refuse("request", code, "The request is no valid HTTP.")

    def do_GET(self) -> None:
        self.whole = not {"Content-Length", "Transfer-Encoding"} & {name.title() for name in self.headers}
        caller = self._caller("health")
        if caller is None:
            return
        if self.path == "/model" and self.server.gate is not None:
            self._describe(caller)
        elif self.path != "/health":
            self._refuse("health", 404, self._paths(), caller)
        elif self._recorded(caller, "health", "allowed"):
            self._answer(200, {"status": "ready"})

    def do_POST(self) -> None:
        caller = self._caller("score")
        if caller is None:
            return
        gate, limits = self.server.gate, self.server.limits
        if self.path != ("/score" if gate is None else "/scores"):
            self._refuse("score", 404, self._paths(), caller)
            return
        limit = limits.request_bytes if gate is None else limits.batch_bytes
        try:
            body = self._body(limit)
            if gate is None:
                record = record_from_json(body)
            else:
                batch = batch_from_json(body, limits.batch_rows)
        except BadMessage as error:
            self._refuse("score", 400, str(error), caller)
            return
        except _TooLong:
            what = "record" if gate is None else "batch"
            self._refuse(
                "score",
                413,
                f"The {what} is longer than {limit:,} bytes, or its length is not given.",
                caller,
            )
            return
        if gate is not None:
            self._score_batch(caller, batch)
        elif self._recorded(caller, "score", "allowed"):
            self._score(caller, record)

    def _paths(self) -> str:
        if self.server.gate is None:
            return "There is only POST /score and GET /health."
        return "There is only POST /scores, GET /model and GET /health."

    def _describe(self, caller: str) -> None:
        try:
            fields = self.server.gate.describe(caller)
        except Refused as error:
            self._refuse_by_gate("describe", caller, error)
            return
        if self._recorded(caller, "describe", "allowed"):
            self._answer(200, fields)

    def _score_batch(self, caller: str, batch: Batch) -> None:
        gate = self.server.gate
        try:
            admitted = gate.admit(caller, batch)
        except Refused as error:
            self._refuse_by_gate("score", caller, error)
            return
        more = {"purpose": admitted.purpose, "event_id": admitted.event_id, **admitted.details}
        event = self._recorded(caller, "score", "allowed", admitted.reason, **more)
        if event is None:
            return
        try:
            answer = json.dumps(gate.answer(caller, batch, event), allow_nan=False).encode()
        except Exception as error:
            # The text of the exception may hold a value of a record.
            sentence = f"The model failed on this batch ({type(error).__name__}): check its columns."
            self._refuse("score", 500, sentence, caller, "error")
            return
        self._send(200, answer)

    def _refuse_by_gate(self, action: str, caller: str, error: Refused) -> None:
        more = {"purpose": error.purpose, **error.details}
        if self._recorded(caller, action, "denied", error.reason, **more):
            fields: dict = {"error": str(error)}
            if error.retry_after is not None:
                fields["retry_after"] = round(error.retry_after, 3)
            self._answer(error.status, fields)

    def _score(self, caller: str, record: dict) -> None:
        try:
            score = float(self.server.score(record))
            if not math.isfinite(score):
                raise ValueError("not finite")
        except Exception as error:
            # The text of the exception may hold a value of the record.
            self._refuse(
                "score", 500, f"The model failed on this record ({type(error).__name__}).", caller, "error"
            )
            return
        self._answer(200, {"score": score})

    def _caller(self, action: str) -> str | None:
        if self.server.context is None:
            return NOBODY
        certificate = x509.load_der_x509_certificate(self.connection.getpeercert(binary_form=True))
        caller = service_name(certificate)
        if caller in self.server.allowed:
            return caller
        self._refuse(action, 403, "This service account may not call the model.", shown(caller) or NOBODY)
        return None

    def _body(self, limit: int) -> bytes:
        # Two lengths, or a length and chunks, are read differently by different programs (RFC 9112, 6.3).
        lengths = self.headers.get_all("Content-Length", [])
        length = lengths[0] if len(lengths) == 1 else ""
        plain = length.isascii() and length.isdigit() and "Transfer-Encoding" not in self.headers
        if not plain or len(length) > 12 or int(length) > limit:
            raise _TooLong
        body = self.rfile.read(int(length))
        if len(body) != int(length):
            raise BadMessage("The request ended before its record was complete.")
        self.whole = True
        return body

    def _recorded(
        self, caller: str, action: str, outcome: Outcome, reason: str = "", **more: Plain
    ) -> AuditEvent | None:
        try:
            self.recorded = True
            return self.server.record(caller, action, outcome, reason, **more)
        except UserError:
            self._answer(503, {"error": "The audit log cannot be written: nothing is done without it."})
            return None

    def _refuse(
        self, action: str, status: int, sentence: str, caller: str = NOBODY, outcome: Outcome = "denied"
    ) -> None:
        if self._recorded(caller, action, outcome, sentence):
            self._answer(status, {"error": sentence})

    def _answer(self, status: int, fields: dict) -> None:
        self._send(status, json.dumps(fields).encode(), fields.get("retry_after"))

    def _send(self, status: int, body: bytes, retry_after: float | None = None) -> None:
        self.close_connection = not self._keeps()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        if retry_after is not None:
            self.send_header("Retry-After", str(max(1, math.ceil(retry_after))))
        self.send_header("Connection", "close" if self.close_connection else "keep-alive")
        self.end_headers()
        self.wfile.write(body)

    def _keeps(self) -> bool:
        # Only where it was asked for in words, and nothing is left of this request that could be read as one.
        asked = self.headers.get("Connection", "") if self.whole else ""
        return (
            self.server.gate is not None
            and asked.strip().lower() == "keep-alive"
            and self.requests < self.server.limits.kept_requests
        )


class _TooLong(Exception):
    """A body that is not read."""
