"""Messages on a stream: the length first, then the bytes; a longer one than agreed is not read."""

from __future__ import annotations

import socket
import struct

from secure_ai.core.errors import UserError

_LENGTH = struct.Struct(">Q")
_PIECE = 1 << 20


class BadFrame(UserError):
    """What arrived is longer than agreed."""


def send_frame(connection: socket.socket, content: bytes) -> None:
    """Send one message.

    Raises:
        OSError: if the connection is gone.
    """
    connection.sendall(_LENGTH.pack(len(content)) + content)


def receive_frame(connection: socket.socket, most_bytes: int) -> bytes:
    """Return one message.

    Raises:
        BadFrame: if it is longer than ``most_bytes``: nothing of it is read.
        EOFError: if the peer closed before it was complete.
        OSError: if the connection is gone.
    """
    (length,) = _LENGTH.unpack(_exactly(connection, _LENGTH.size))
    if length > most_bytes:
        raise BadFrame(f"A message of {length:,} bytes arrived; {most_bytes:,} are the most that is read.")
    return _exactly(connection, length)


def _exactly(connection: socket.socket, count: int) -> bytes:
    content = bytearray()
    while len(content) < count:
        piece = connection.recv(min(count - len(content), _PIECE))
        if not piece:
            raise EOFError
        content += piece
    return bytes(content)
