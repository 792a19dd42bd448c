"""A client of the scoring service: shows its certificate, checks the server's, gets one score."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
from collections.abc import Mapping
from contextlib import suppress

from secure_ai.core.errors import UserError
from secure_ai.encrypt.transport.alerts import in_words, openssl_text
from secure_ai.encrypt.transport.messages import BadMessage, record_to_json, score_from_json
from secure_ai.encrypt.transport.sockets import Address, Deadline, NotReachable, connect, deadline, drain, why
from secure_ai.encrypt.transport.tls import TlsFiles, client_context, client_socket

MAX_ANSWER_BYTES = 64 * 1024
LONGEST_SENTENCE = 300


class HandshakeRefused(UserError):
    """One side did not accept the other's certificate, name or protocol version."""


class CallRefused(UserError):
    """The service knows who calls, and does not allow it."""


class RequestRefused(UserError):
    """The service does not take the record."""


class TooMany(UserError):
    """The service answers no more for now.

    Attributes:
        retry_after: seconds after which it may be asked again; None where it does not say.
    """

    def __init__(self, sentence: str, retry_after: float | None = None) -> None:
        super().__init__(sentence)
        self.retry_after = retry_after


class ServiceFailed(UserError):
    """The service could not answer; the record is not at fault as far as is known."""


def request_score(
    address: Address | tuple[str, int],
    record: Mapping,
    tls: TlsFiles,
    *,
    server_name: str = "localhost",
    timeout: float = 5.0,
) -> float:
    """Ask a scoring service over TLS 1.3 for the score of one record.

    Args:
        address: where it listens.
        record: names and values: text, numbers, dates, truth values, or missing.
        tls: the caller's certificate and key, and the authority of the server.
        server_name: the name that the server's certificate must carry.
        timeout: seconds for everything together.

    Raises:
        NotReachable: if nobody listens, or the answer does not come in time.
        CertificateError: if the caller's own files cannot be used.
        HandshakeRefused: if either side refuses the other.
        CallRefused: if this service account may not call.
        RequestRefused: if the record is not taken.
        ServiceFailed: if the model or the audit log fails.
        BadMessage: if the record cannot be sent, or the answer is no score.
    """
    request = _request(server_name, record)
    context = client_context(tls)
    with connect(address, timeout) as plain, deadline(plain, timeout) as time:
        # The deadline ends the reads, so that it alone says that the time is over.
        plain.settimeout(None)
        connection = client_socket(context, plain, server_name)
        with connection:
            shake_hands(connection, time)
            return _exchange(connection, request, time)


def request_score_without_tls(
    address: Address | tuple[str, int], record: Mapping, *, timeout: float = 5.0
) -> float:
    """Ask a service for a score over plain HTTP; only to be shown beside :func:`request_score`.

    Raises:
        UserError: as :func:`request_score`, without a handshake.
    """
    request = _request(address[0], record)
    with connect(address, timeout) as connection, deadline(connection, timeout) as time:
        connection.settimeout(None)
        return _exchange(connection, request, time)


def _request(host: str, record: Mapping) -> bytes:
    # Headers and record in one write: one TLS record, whose size is easy to see.
    body = record_to_json(record)
    head = (
        f"POST /score HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    return head.encode("ascii", "replace") + body


def shake_hands(connection: ssl.SSLSocket, time: Deadline) -> None:
    """Do the handshake.

    Raises:
        HandshakeRefused, NotReachable: if it fails, or the time is over.
    """
    try:
        connection.do_handshake()
    except (OSError, ValueError) as error:
        drain(connection, 0.5)
        raise _refused(error, "server", time) from None


def _exchange(connection: socket.socket, request: bytes, time: Deadline) -> float:
    return score_from_json(exchange(connection, request, time, MAX_ANSWER_BYTES)[0])


def exchange(
    connection: socket.socket, request: bytes, time: Deadline, most_bytes: int
) -> tuple[bytes, bool]:
    """Send a request; return the body of an answer with status 200, and whether the connection is kept.

    Raises:
        UserError: one of this module's kinds for every other status; if there is no answer, or a longer one.
    """
    try:
        # The refusal that closed the connection may still be there to read.
        with suppress(BrokenPipeError, ConnectionResetError):
            connection.sendall(request)
        answer = http.client.HTTPResponse(connection, method="POST")
        answer.begin()
        body = answer.read(most_bytes + 1)
        kept = not answer.will_close
    except http.client.HTTPException:
        if time.passed:
            raise _too_slow() from None
        raise NotReachable(
            "The service closed the connection without an answer: look at its audit log."
        ) from None
    except (OSError, ValueError) as error:
        # In TLS 1.3 the client is done before the server looks at its certificate (RFC 8446, figure 1).
        refused = _refused(error, "client", time)
        drain(connection, 0.5)
        raise refused from None
    if len(body) > most_bytes:
        raise BadMessage(
            "The answer is far longer than a score: check that the address is that of the service."
        )
    if answer.status == 200:
        return body, kept
    said = _said(body, answer.status)
    if answer.status == 429:
        raise TooMany(said, _retry_after(answer, body))
    kinds = {403: CallRefused, 500: ServiceFailed, 503: ServiceFailed}
    raise kinds.get(answer.status, RequestRefused)(said)


def _retry_after(answer: http.client.HTTPResponse, body: bytes) -> float | None:
    """Return the seconds that an answer names: the exact ones of its body, or the whole ones of its head."""
    try:
        seconds = float(json.loads(body).get("retry_after", answer.headers.get("Retry-After")))
    except (ValueError, TypeError, AttributeError, RecursionError):
        return None
    return seconds if 0 <= seconds < 1e9 else None


def _refused(error: BaseException, peer: str, time: Deadline) -> UserError:
    if time.passed or isinstance(error, TimeoutError):
        return _too_slow()
    if isinstance(error, ssl.SSLError):
        text = openssl_text(error)
        return HandshakeRefused(f"The TLS handshake was refused: {in_words(text, peer)} ({text}).")
    return NotReachable(f"The service did not answer ({why(error)}): look at its audit log.")


def _too_slow() -> NotReachable:
    return NotReachable("The service did not answer in time: check that it runs, or allow more seconds.")


def _said(body: bytes, status: int) -> str:
    try:
        sentence = json.loads(body)["error"]
    except (ValueError, KeyError, TypeError, RecursionError):
        sentence = None
    if not isinstance(sentence, str):
        return f"The service refused the request (HTTP {status})."
    # What the service says is as little trusted as a name.
    return "".join(c if c.isprintable() else " " for c in sentence[:LONGEST_SENTENCE])
