"""What everything on a socket here shares: an address, and a deadline that also ends a peer who trickles."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import NamedTuple

from secure_ai.core.errors import UserError
from secure_ai.core.sources import shown


class Address(NamedTuple):
    """Where a service listens."""

    host: str
    port: int


class NotReachable(UserError):
    """Nobody listens at an address, or it did not answer in time."""


class Deadline:
    """Whether the time of a connection is over; true once it has been cut.

    :meth:`renew` gives it ``seconds`` more from now, for a connection that is kept for a further request.
    """

    def __init__(self, connection: socket.socket, seconds: float) -> None:
        self.passed = False
        self._seconds = seconds
        # A shutdown through the twin also ends a TLS layer that waits on the original.
        self._twin = connection.dup()
        self._timer = self._started()

    def renew(self) -> None:
        """Start the time anew, unless it is over."""
        self._timer.cancel()
        self._timer.join()
        if not self.passed:
            self._timer = self._started()

    def end(self) -> None:
        """Stop the time."""
        self._timer.cancel()
        self._timer.join()
        self._twin.close()

    def _started(self) -> threading.Timer:
        timer = threading.Timer(self._seconds, self._cut)
        timer.daemon = True
        timer.start()
        return timer

    def _cut(self) -> None:
        self.passed = True
        _shut(self._twin)


@contextmanager
def deadline(connection: socket.socket, seconds: float) -> Iterator[Deadline]:
    """Cut ``connection`` after ``seconds`` in all, whatever the peer does meanwhile.

    A timeout of the socket alone is for one read: a peer that sends a byte now and then outlives it.
    """
    state = Deadline(connection, seconds)
    try:
        yield state
    finally:
        state.end()


def connect(address: Address | tuple[str, int], timeout: float) -> socket.socket:
    """Open a TCP connection, each read and write of which may take ``timeout`` seconds.

    Raises:
        NotReachable: if the name is unknown, nobody listens, or nobody answers in time.
    """
    host, port = address
    try:
        connection = socket.create_connection((host, port), timeout=timeout)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection
    except (OSError, OverflowError, UnicodeError) as error:
        raise NotReachable(
            f"{shown(str(host))} cannot be reached ({why(error)}): start the service, or check its address."
        ) from None


def why(error: BaseException) -> str:
    """Return the reason of a failure on a socket as a phrase."""
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, socket.gaierror):
        return "the name is not known"
    if isinstance(error, OSError) and error.errno:
        return os.strerror(error.errno).lower()
    return (
        "the connection was closed" if isinstance(error, (ConnectionError, EOFError)) else "no valid address"
    )


def drain(connection: socket.socket, seconds: float = 1.0, limit: int = 1 << 20) -> None:
    """Say that no more will be sent, and read until the peer has read that.

    Closing a socket with unread bytes resets the connection, and the peer may lose the last answer, which is
    the alert or the error that it needs.
    """
    try:
        connection.shutdown(socket.SHUT_WR)
        connection.settimeout(seconds)
        while limit > 0 and (piece := connection.recv(65536)):
            limit -= len(piece)
    except (OSError, ValueError):
        pass


def _shut(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
