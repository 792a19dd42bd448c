"""The server of a federation behind mutual TLS: participants dial in, and are asked at the same time."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from cryptography import x509

from secure_ai.core.audit import AuditLog
from secure_ai.core.errors import UserError
from secure_ai.core.sources import shown
from secure_ai.defend.federated.model import FederatedModel
from secure_ai.defend.federated.secure_aggregation.messages import MOST_CLIENTS, Refusal, read_message
from secure_ai.defend.federated.transport.errors import ParticipantGone
from secure_ai.defend.federated.transport.frames import BadFrame, receive_frame, send_frame
from secure_ai.defend.federated.transport.messages import Goodbye, Hello, Welcome
from secure_ai.encrypt.transport.alerts import in_words, openssl_text
from secure_ai.encrypt.transport.sockets import Address, deadline, drain, why
from secure_ai.encrypt.transport.tls import TlsFiles, server_context, service_name

NOBODY = "unknown"
ROOM_BYTES = 1 << 20  # For everything in a message but the vector.
JOINING_SECONDS = 10.0


@dataclass(frozen=True)
class _Member:
    """A participant that has joined: the socket that a deadline can cut, and TLS over a twin of it."""

    plain: socket.socket
    secure: ssl.SSLSocket

    def close(self) -> None:
        for end in (self.secure, self.plain):
            with suppress(OSError):
                end.close()


class FederationService:
    """Takes participants in, and asks them; use :func:`serve_federation`.

    Attributes:
        address: where it listens.
        model: the shape that all train.
        masked: whether participants are told that their updates will be masked.
        allowed: whom it takes in, as their certificates name them.
        audit: who joined, who was refused, who was lost; no number of an update.
        records: rows of each participant that has joined, as it states them, sorted by name.
        sent, received: bytes that each participant has sent and received.
        last_round: number of the last round asked for.
    """

    def __init__(
        self,
        model: FederatedModel,
        context: ssl.SSLContext,
        *,
        allowed: Collection[str],
        masked: bool,
        seconds: float,
        audit: AuditLog | None,
        host: str,
        port: int,
    ) -> None:
        self.model, self.masked, self.allowed = model, masked, tuple(sorted(allowed))
        self.audit = audit if audit is not None else AuditLog()
        self._context, self._seconds = context, seconds
        self._most_bytes = 8 * (model.size + 1) + ROOM_BYTES
        self.last_round = 0
        self._records: dict[str, int] = {}
        self.sent, self.received = dict.fromkeys(self.allowed, 0), dict.fromkeys(self.allowed, 0)
        self._members: dict[str, _Member] = {}
        self._changed = threading.Condition()
        self._free = threading.BoundedSemaphore(2 * len(self.allowed) + 8)
        self._workers: set[threading.Thread] = set()
        self._arriving: set[socket.socket] = set()
        self._refused: list[str] = []
        self._listener = _listening(host, port)
        self.address = Address(*self._listener.getsockname()[:2])
        self._accepting = threading.Thread(target=self._accept, name="federation", daemon=True)
        self._accepting.start()

    def __repr__(self) -> str:
        return f"FederationService({self.address.host}:{self.address.port}, {len(self._members)} joined)"

    @property
    def records(self) -> Mapping[str, int]:
        """Rows of each participant that has joined, lost ones included."""
        return dict(sorted(self._records.items()))

    @property
    def present(self) -> tuple[str, ...]:
        """Who is connected now."""
        with self._changed:
            return tuple(sorted(self._members))

    def wait_for(self, names: Sequence[str] | None = None, seconds: float = 60.0) -> None:
        """Wait until participants have joined.

        Args:
            names: of those; all allowed ones if None.
            seconds: for all of them together.

        Raises:
            UserError: if one has not joined in time; it is named, with the last reason for which somebody was
                refused.
        """
        wanted = set(self.allowed if names is None else names)
        with self._changed:
            if self._changed.wait_for(lambda: wanted <= set(self._members), seconds):
                return
            missing = ", ".join(shown(name) for name in sorted(wanted - set(self._members)))
            refused = f" The last one refused: {self._refused[-1]}." if self._refused else ""
        raise UserError(
            f"Not there after {seconds:g} s: {missing}. Start their processes, or look at what they "
            f"print.{refused}"
        )

    def ask(self, requests: Mapping[str, bytes]) -> dict[str, bytes | UserError]:
        """Ask several participants at the same time; who fails is let go, and may join again."""
        if not requests:
            return {}
        with ThreadPoolExecutor(max_workers=min(len(requests), 32)) as pool:
            return dict(zip(requests, pool.map(self._asked, requests, requests.values()), strict=True))

    def stop(self) -> None:
        """Say goodbye, close every connection, and wait for the threads."""
        # A thread that waits in accept() is woken by shutdown, not by close.
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._accepting.join(timeout=2)
        with self._changed:
            members, workers = list(self._members.values()), list(self._workers)
            self._members.clear()
            for plain in self._arriving:
                with suppress(OSError):
                    plain.shutdown(socket.SHUT_RDWR)
        goodbye = Goodbye().to_bytes()
        for member in members:
            with deadline(member.plain, 2.0), suppress(OSError, ValueError):
                send_frame(member.secure, goodbye)
            member.close()
        for worker in workers:
            worker.join(timeout=2)

    def _asked(self, name: str, content: bytes) -> bytes | UserError:
        with self._changed:
            member = self._members.get(name)
        if member is None:
            return ParticipantGone(name, "it is not connected")
        reason = ""
        with deadline(member.plain, self._seconds) as time_left:
            try:
                send_frame(member.secure, content)
                answer = receive_frame(member.secure, self._most_bytes)
            except BadFrame as error:
                reason = str(error).rstrip(".")
            except (OSError, EOFError, ValueError):
                late = f"it did not answer within {self._seconds:g} s"
                reason = late if time_left.passed else "it closed the connection"
        if reason:
            self._let_go(name, member, reason)
            return ParticipantGone(name, reason)
        self.received[name] += len(content)
        self.sent[name] += len(answer)
        return answer

    def _let_go(self, name: str, member: _Member, reason: str) -> None:
        with self._changed:
            if self._members.get(name) is member:
                del self._members[name]
            self.audit.record(name, "train", "federation", "error", reason=reason)
        member.close()

    def _accept(self) -> None:
        while True:
            try:
                plain, _ = self._listener.accept()
            except OSError:
                return
            if not self._free.acquire(blocking=False):
                plain.close()
                continue
            worker = threading.Thread(target=self._take_in, args=(plain,), daemon=True)
            with self._changed:
                self._workers.add(worker)
                self._arriving.add(plain)
            worker.start()

    def _take_in(self, plain: socket.socket) -> None:
        """Shake hands with one who dials in, and make it a member, or refuse it in words."""
        secure, joined = None, False
        try:
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with deadline(plain, JOINING_SECONDS) as time_left:
                # A twin is wrapped: a deadline needs the original.
                secure = self._context.wrap_socket(
                    plain.dup(), server_side=True, do_handshake_on_connect=False
                )
                try:
                    secure.do_handshake()
                except (OSError, ValueError) as error:
                    text = "timed out" if time_left.passed else openssl_text(error)
                    self._refuse(NOBODY, in_words(text, peer="client"))
                    drain(secure, 0.5)
                    return
                joined = self._introduced(plain, secure)
        except (OSError, EOFError, ValueError) as error:
            self._refuse(NOBODY, f"it did not introduce itself ({why(error)})")
        finally:
            with self._changed:
                self._arriving.discard(plain)
            if not joined:
                for end in (secure, plain):
                    if end is not None:
                        end.close()
            with self._changed:
                self._workers.discard(threading.current_thread())
            self._free.release()

    def _introduced(self, plain: socket.socket, secure: ssl.SSLSocket) -> bool:
        name = service_name(x509.load_der_x509_certificate(secure.getpeercert(binary_form=True)))
        if name not in self.allowed:
            self._tell(secure, name, "this certificate is of nobody who was invited to the federation")
            return False
        with self._changed:
            there = name in self._members
        if there:
            self._tell(secure, name, "a participant of this name has joined already")
            return False
        shape = self.model
        welcome = Welcome(inputs=shape.inputs, hidden=shape.hidden, classes=shape.classes, masked=self.masked)
        send_frame(secure, welcome.to_bytes())
        try:
            hello = read_message(receive_frame(secure, ROOM_BYTES), [Hello, Refusal])
        except UserError as error:
            self._tell(secure, name, str(error))
            return False
        if isinstance(hello, Refusal):
            self._refuse(name, hello.reason)
            return False
        if hello.name != name:
            self._tell(secure, name, "it says another name than its certificate")
            return False
        with self._changed:
            if name in self._members:
                return False
            self.audit.record(name, "join", "federation", "allowed", rows=hello.records)
            # What it said when it first joined counts: the weight of a participant is not changed on the way.
            self._records.setdefault(name, hello.records)
            self._members[name] = _Member(plain, secure)
            self._arriving.discard(plain)
            self._changed.notify_all()
        return True

    def _tell(self, secure: ssl.SSLSocket, name: str, reason: str) -> None:
        self._refuse(shown(name) or NOBODY, reason)
        send_frame(secure, Refusal(name=shown(name)[:64] or NOBODY, reason=reason).to_bytes())
        drain(secure, 0.5)

    def _refuse(self, name: str, reason: str) -> None:
        with self._changed:
            self._refused.append(f"{name}: {reason}")
            with suppress(UserError):
                self.audit.record(name, "join", "federation", "denied", reason=reason)


@contextmanager
def serve_federation(
    model: FederatedModel,
    tls: TlsFiles,
    *,
    allowed: Collection[str],
    masked: bool = True,
    seconds: float = 60.0,
    audit: AuditLog | None = None,
    address: Address | tuple[str, int] = Address("127.0.0.1", 0),
) -> Iterator[FederationService]:
    """Run the server of a federation while the block runs; participants dial in with their certificates.

    Args:
        model: the shape that all train.
        tls: the server's certificate and key, and the authority of the participants.
        allowed: the participants, as their certificates name them.
        masked: whether updates are to be masked; a participant that masks refuses a server that does not.
        seconds: for each answer of a participant, its training included.
        audit: who joined and who was refused; in memory if None.
        address: where to listen; a free port of this machine alone by default.

    Raises:
        CertificateError: if the files cannot be used.
        UserError: if nobody is allowed to join, or the address cannot be used.
    """
    if isinstance(allowed, str) or not allowed or len(set(allowed)) > MOST_CLIENTS:
        raise UserError("Name the participants that may join, such as allowed={'hospital A', 'hospital B'}.")
    service = FederationService(
        model,
        server_context(tls),
        allowed=set(allowed),
        masked=masked,
        seconds=seconds,
        audit=audit,
        host=address[0],
        port=address[1],
    )
    try:
        yield service
    finally:
        service.stop()


def _listening(host: str, port: int) -> socket.socket:
    try:
        return socket.create_server((host, port), backlog=64)
    except (OSError, OverflowError, UnicodeError) as error:
        raise UserError(
            f"The federation cannot listen at {shown(str(host))}:{port} ({why(error)}): choose another port."
        ) from None
