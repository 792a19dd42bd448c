"""The parts of TLS that travel in the clear: record headers, and the server's name in the first message."""

from __future__ import annotations

HANDSHAKE, CLIENT_HELLO = 22, 1
KINDS = range(20, 25)


def records(stream: bytes) -> list[tuple[int, int]]:
    """Return kind and size in bytes, header included, of the TLS records of one direction.

    Empty for what is no TLS. Source: RFC 8446, 5.1.
    """
    found, place = [], 0
    while len(stream) - place >= 5 and stream[place] in KINDS and stream[place + 1] == 3:
        size = 5 + int.from_bytes(stream[place + 3 : place + 5], "big")
        if place + size > len(stream):
            break
        found.append((stream[place], size))
        place += size
    return found


def server_name(stream: bytes) -> str:
    """Return the name in the server_name extension of a ClientHello; empty if there is none.

    Source: RFC 8446, 4.1.2 (ClientHello) and RFC 6066, 3 (server_name).
    """
    try:
        return _server_name(stream)
    except IndexError:
        return ""


def _server_name(stream: bytes) -> str:
    if len(stream) < 43 or stream[0] != HANDSHAKE or stream[5] != CLIENT_HELLO:
        return ""
    place = 5 + 4 + 2 + 32  # record header, handshake header, version, random
    place += 1 + stream[place]  # session id
    place += 2 + _number(stream, place)  # cipher suites
    place += 1 + stream[place]  # compression methods
    end = place + 2 + _number(stream, place)
    place += 2
    while place + 4 <= min(end, len(stream)):
        kind, size = _number(stream, place), _number(stream, place + 2)
        if kind == 0:
            length = _number(stream, place + 7)
            return stream[place + 9 : place + 9 + length].decode("ascii", "replace")
        place += 4 + size
    return ""


def _number(stream: bytes, place: int) -> int:
    return stream[place] << 8 | stream[place + 1]
