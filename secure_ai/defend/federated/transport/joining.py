"""A participant's process: it dials the federation's server, and answers until that says goodbye."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable

from secure_ai.core.errors import UserError
from secure_ai.core.sources import shown
from secure_ai.defend.federated.client import Client
from secure_ai.defend.federated.model import FederatedModel
from secure_ai.defend.federated.secure_aggregation.identities import Identities
from secure_ai.defend.federated.secure_aggregation.messages import Refusal, is_kind, read_message
from secure_ai.defend.federated.transport.frames import receive_frame, send_frame
from secure_ai.defend.federated.transport.messages import Goodbye, Hello, Train, Welcome
from secure_ai.defend.federated.transport.peer import Peer
from secure_ai.encrypt.transport.alerts import in_words, openssl_text
from secure_ai.encrypt.transport.scoring_client import HandshakeRefused, shake_hands
from secure_ai.encrypt.transport.sockets import Address, NotReachable, connect, deadline, why
from secure_ai.encrypt.transport.tls import TlsFiles, client_context, client_socket

ROOM_BYTES = 4 << 20
MOST_WEIGHTS = 10_000_000


def join_federation(
    address: Address | tuple[str, int],
    tls: TlsFiles,
    client: Callable[[FederatedModel], Client],
    *,
    masked: bool = True,
    identities: Identities | None = None,
    server_name: str = "localhost",
    seconds: float = 10.0,
    idle_seconds: float = 600.0,
) -> int:
    """Take part until the server says goodbye; return the number of rounds trained.

    Args:
        address: where the server listens.
        tls: the participant's certificate and key, and the authority of the server.
        client: makes the client for the model that the server states, such as
            ``lambda model: LocalClient("hospital A", rows, labels, model)``; its name must be that of the
            certificate.
        masked: let updates leave only under masks; a server that wants them plain is refused. False accepts
            either.
        identities: signing keys for masked rounds.
        server_name: the name that the server's certificate must carry.
        seconds: to connect and to introduce oneself.
        idle_seconds: the longest wait for the next message, the others' training included.

    Raises:
        NotReachable: if nobody listens, or the server goes without a goodbye.
        HandshakeRefused: if either side refuses the other's certificate.
        CertificateError: if the own files cannot be used.
        UserError: if this participant is not invited, refuses the server's terms, or its rows do not fit.
    """
    context = client_context(tls)
    with connect(address, seconds) as plain:
        plain.settimeout(None)
        with client_socket(context, plain.dup(), server_name) as connection:
            with deadline(plain, seconds) as time:
                shake_hands(connection, time)
                try:
                    peer = _introduced(connection, client, masked, identities)
                except (OSError, EOFError, ValueError) as error:
                    raise _lost(error, time.passed) from None
            return _answering(connection, plain, peer, idle_seconds)


def _introduced(
    connection: ssl.SSLSocket,
    client: Callable[[FederatedModel], Client],
    masked: bool,
    identities: Identities | None,
) -> Peer:
    """Agree with the server on the terms.

    Raises:
        UserError: if they cannot be agreed on; the server is told.
    """
    terms = read_message(receive_frame(connection, ROOM_BYTES), [Welcome, Refusal])
    if isinstance(terms, Refusal):
        raise UserError(f"The server refused: {_plain(terms.reason)}.")
    try:
        model = terms.model_shape()
        if model.size > MOST_WEIGHTS:
            raise UserError(f"The server asks for a model of more than {MOST_WEIGHTS:,} weights: refused.")
        if masked and not terms.masked:
            raise UserError(
                "The server wants updates without masks, and this participant masks: agree on one, or allow "
                "plain updates here (--plain)."
            )
        made = client(model)
    except UserError as error:
        send_frame(connection, Refusal(name="participant", reason=str(error)[:500]).to_bytes())
        raise
    send_frame(connection, Hello(name=made.name, records=made.records).to_bytes())
    return Peer(made, model, masked=masked or terms.masked, identities=identities)


def _answering(connection: ssl.SSLSocket, plain: socket.socket, peer: Peer, idle_seconds: float) -> int:
    rounds, most_bytes = 0, 8 * peer.model.size + ROOM_BYTES
    while True:
        with deadline(plain, idle_seconds) as time:
            try:
                request = receive_frame(connection, most_bytes)
            except (OSError, EOFError, ValueError) as error:
                raise _lost(error, time.passed) from None
        if is_kind(request, Goodbye):
            return rounds
        if is_kind(request, Refusal):
            raise UserError(f"The server refused {shown(peer.name)}: {_reason(request)}.")
        rounds += is_kind(request, Train)
        answer = peer.answer(request)
        with deadline(plain, idle_seconds) as time:
            try:
                send_frame(connection, answer)
            except (OSError, ValueError) as error:
                raise _lost(error, time.passed) from None


def _reason(content: bytes) -> str:
    return _plain(read_message(content, [Refusal]).reason)


def _lost(error: BaseException, late: bool) -> UserError:
    if late:
        return NotReachable("The server did not answer in time: check that the federation still runs.")
    if isinstance(error, ssl.SSLError) and not isinstance(error, ssl.SSLEOFError):
        text = openssl_text(error)
        return HandshakeRefused(f"The TLS handshake was refused: {in_words(text, 'client')} ({text}).")
    return NotReachable(f"The server went without a goodbye ({why(error)}): look at its audit log.")


def _plain(sentence: str) -> str:
    # What the other side says is as little trusted as a name.
    return "".join(c if c.isprintable() else " " for c in sentence).rstrip(".")
