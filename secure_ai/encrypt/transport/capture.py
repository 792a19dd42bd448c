"""What somebody on the way sees: a relay that records every byte between a client and a service."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import pandas as pd

from secure_ai.encrypt.transport.client_hello import records, server_name
from secure_ai.encrypt.transport.sockets import Address, NotReachable, connect

Direction = Literal["to service", "to client"]
APPLICATION_DATA = 23


@dataclass(frozen=True)
class Segment:
    """Bytes that passed the relay together.

    Attributes:
        connection: the number of the connection, from 0.
        direction: which way they went.
        seconds: since the relay was started.
        data: the bytes, not shown by ``repr``.
    """

    connection: int
    direction: Direction
    seconds: float
    data: bytes = field(repr=False)


@dataclass(frozen=True)
class Capture:
    """All that passed a relay.

    Attributes:
        host: the address of the service, which everybody on the way must see to deliver a packet.
        segments: in the order in which they passed.
    """

    host: str
    segments: tuple[Segment, ...] = field(repr=False)

    def data(self, direction: Direction | None = None) -> bytes:
        """Return the bytes of one direction, or of both, one connection and direction after the other."""
        streams = sorted({(segment.connection, segment.direction) for segment in self.segments}, reverse=True)
        return b"".join(
            segment.data
            for stream in streams
            if direction in (None, stream[1])
            for segment in self.segments
            if (segment.connection, segment.direction) == stream
        )

    def contains(self, value: str | float | bytes) -> bool:
        """Whether a value can be read in the bytes: as UTF-8, UTF-16, or as JSON writes it."""
        if isinstance(value, bytes):
            forms = {value}
        else:
            text = str(value)
            forms = {text.encode("utf-8"), text.encode("utf-16-le"), text.encode("utf-16-be")}
            forms.add(json.dumps(text)[1:-1].encode())
        return any(form and form in self.data() for form in forms)

    def excerpt(self, length: int = 200, direction: Direction = "to service") -> str:
        """Return the last bytes of a direction as text, a dot for each byte that is no printable ASCII."""
        tail = self.data(direction)[-length:]
        return "".join(chr(byte) if 32 <= byte < 127 else "." for byte in tail)

    def entropy(self, direction: Direction | None = None) -> float:
        """Return the entropy of the bytes' frequencies, in bits per byte (0 to 8)."""
        return byte_entropy(self.data(direction))

    def message(self, direction: Direction = "to service") -> bytes:
        """Return the last message of a direction as it is on the wire, headers included.

        For TLS that is the last record of application data, so that the handshake does not count; for plain
        text, everything of the last connection.
        """
        last = max((segment.connection for segment in self.segments), default=0)
        stream = b"".join(
            segment.data
            for segment in self.segments
            if segment.connection == last and segment.direction == direction
        )
        place, message = 0, stream
        for kind, size in records(stream):
            if kind == APPLICATION_DATA:
                message = stream[place : place + size]
            place += size
        return message

    def server_name(self) -> str:
        """Return the name of the server that the client sent in the clear (SNI, RFC 6066); empty if none."""
        return server_name(self.data("to service"))

    def leaks(self) -> pd.DataFrame:
        """Return what can be seen without reading the content: ``what``, ``seen``."""
        name = self.server_name()
        request, answer = (len(self.message(way)) for way in ("to service", "to client"))
        return pd.DataFrame(
            [
                ("address of the service", self.host),
                ("name of the server (SNI)", name or "not sent"),
                ("number of connections", str(len({segment.connection for segment in self.segments}))),
                ("time of every packet", "yes"),
                ("size of the request on the wire", f"{request:,} bytes"),
                ("size of the answer on the wire", f"{answer:,} bytes"),
            ],
            columns=["what", "seen"],
        )


class Relay:
    """Passes bytes on and keeps a copy; see :func:`recording_relay`.

    Attributes:
        address: where clients connect instead of to the service.
    """

    def __init__(self, target: Address, timeout: float) -> None:
        self._target, self._timeout = target, timeout
        self._start, self._segments = time.monotonic(), []
        self._lock, self._sockets, self._threads = threading.Lock(), [], []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(0.02)
        self._stopped = threading.Event()
        self.address = Address(*self._listener.getsockname()[:2])
        self._run(self._accept)

    def capture(self) -> Capture:
        """Return what has passed so far."""
        with self._lock:
            return Capture(self._target[0], tuple(self._segments))

    def close(self) -> None:
        """Cut every connection and wait for the threads."""
        self._stopped.set()
        with self._lock:
            sockets = list(self._sockets)
        for end in sockets:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        for thread in list(self._threads):
            thread.join(timeout=2)
        self._listener.close()
        for end in self._sockets:
            end.close()

    def _run(self, work: object, *arguments: object) -> None:
        thread = threading.Thread(target=work, args=arguments, name="recording-relay", daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        number = 0
        while not self._stopped.is_set():
            try:
                client, _ = self._listener.accept()
            except TimeoutError:
                continue
            except OSError:
                return
            try:
                service = connect(self._target, self._timeout)
            except NotReachable:
                client.close()
                continue
            for end in (client, service):
                end.settimeout(self._timeout)
            with self._lock:
                self._sockets += [client, service]
            self._run(self._pump, client, service, number, "to service")
            self._run(self._pump, service, client, number, "to client")
            number += 1

    def _pump(self, source: socket.socket, sink: socket.socket, number: int, way: Direction) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                with self._lock:
                    passed = time.monotonic() - self._start
                    self._segments.append(Segment(number, way, passed, data))
                sink.sendall(data)
        with suppress(OSError):
            sink.shutdown(socket.SHUT_WR)


@contextmanager
def recording_relay(target: Address | tuple[str, int], *, timeout: float = 10.0) -> Iterator[Relay]:
    """Stand between a client and a service, as a Wi-Fi access point or an internet provider does.

    It needs no rights of an administrator: the client is told the relay's address. It is for services of
    one's own: it listens on this machine only.

    Args:
        target: the service.
        timeout: seconds without a byte after which a connection is given up.
    """
    relay = Relay(Address(*target), timeout)
    try:
        yield relay
    finally:
        relay.close()


def byte_entropy(data: bytes) -> float:
    """Return the Shannon entropy of the frequencies of the bytes, in bits per byte; 0 for no bytes."""
    counts = np.array(list(Counter(data).values()), dtype=float)
    if counts.size == 0:
        return 0.0
    shares = counts / counts.sum()
    return float(max(0.0, -(shares * np.log2(shares)).sum()))


def random_entropy(length: int, seed: int = 0, draws: int = 20) -> float:
    """Return the mean entropy of ``length`` random bytes: below 8 for few bytes, so the fair comparison."""
    generator = np.random.default_rng(seed)
    return float(np.mean([byte_entropy(generator.bytes(length)) for _ in range(draws)]))
