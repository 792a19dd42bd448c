"""Messages between this process and a contained one: a small JSON header and raw bytes, never a pickle.

What comes from the contained process is a claim of a stranger: every length is bounded before it is read.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from typing import Any, BinaryIO

HEADER_BYTES = 1 << 20
FRAME = struct.Struct("<IQ")


class BrokenChannel(Exception):
    """The other side ended, or sends what no message can be."""


def send(stream: BinaryIO, header: Mapping[str, Any], payload: bytes = b"") -> None:
    """Write one message."""
    head = json.dumps(header).encode()
    stream.write(FRAME.pack(len(head), len(payload)))
    stream.write(head)
    stream.write(payload)
    stream.flush()


def receive(stream: BinaryIO, *, most: int) -> tuple[dict[str, Any], bytes]:
    """Read one message whose payload has at most ``most`` bytes.

    Raises:
        BrokenChannel: if the stream ends, a length is beyond its bound, or the header is no JSON object.
    """
    head_length, length = FRAME.unpack(_exactly(stream, FRAME.size))
    if head_length > HEADER_BYTES or length > most:
        raise BrokenChannel("sent more than was asked for")
    try:
        header = json.loads(_exactly(stream, head_length))
    except (ValueError, RecursionError):
        raise BrokenChannel("sent what is no message") from None
    if not isinstance(header, dict):
        raise BrokenChannel("sent what is no message")
    return header, _exactly(stream, length)


def _exactly(stream: BinaryIO, length: int) -> bytes:
    parts, left = [], length
    while left:
        part = stream.read(min(left, 1 << 20))
        if not part:
            raise BrokenChannel("ended")
        parts.append(part)
        left -= len(part)
    return b"".join(parts)
