"""Values as bytes and back: text, bytes, numbers, dates and times keep their type; length is padded."""

from __future__ import annotations

import datetime
import struct
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd

END = b"\x80"
"""Marks the end before the zeros of the padding (ISO/IEC 7816-4)."""

_MAKERS: dict[bytes, Callable[[bytes], Any]] = {
    b"t": lambda body: body.decode("utf-8", "surrogatepass"),
    b"b": bytes,
    b"i": int,
    b"f": lambda body: struct.unpack(">d", body)[0],
    b"o": lambda body: body == b"1",
    b"n": lambda body: Decimal(body.decode()),
    b"d": lambda body: datetime.date.fromisoformat(body.decode()),
    b"h": lambda body: datetime.time.fromisoformat(body.decode()),
    b"s": lambda body: _timestamp(body.decode()),
}


_NEVER_MISSING = frozenset({str, int, bool, bytes})


def is_missing(value: Any) -> bool:
    """Tell whether ``value`` stands for nothing: None, NaN, NaT or pandas' NA."""
    if type(value) in _NEVER_MISSING:
        return False
    if value is None or value is pd.NaT or value is pd.NA:
        return True
    return isinstance(value, float | np.floating | np.datetime64) and bool(pd.isna(value))


def encode(value: Any, pad_to: int = 1) -> bytes:
    """Return ``value`` as one letter for its type, its content, and padding up to a multiple of ``pad_to``.

    Raises:
        TypeError: for a value of another type (its type is named, not its content).
    """
    # Text first: most columns are.
    typed = b"t" + value.encode("utf-8", "surrogatepass") if type(value) is str else _typed(value)
    data = typed + END
    return data + bytes(-len(data) % pad_to)


def decode(data: bytes) -> Any:
    """Return the value that :func:`encode` was given.

    Raises:
        ValueError: if ``data`` is not such an encoding.
    """
    content = data.rstrip(b"\0")
    if len(content) < 2 or content[-1:] != END or content[:1] not in _MAKERS:
        raise ValueError("no encoded value")
    return _MAKERS[content[:1]](content[1:-1])


def _typed(value: Any) -> bytes:
    if isinstance(value, str):
        return b"t" + value.encode("utf-8", "surrogatepass")
    if isinstance(value, np.generic) and not isinstance(value, np.datetime64):
        value = value.item()
    if isinstance(value, bool):
        return b"o1" if value else b"o0"
    if isinstance(value, int):
        return b"i%d" % value
    if isinstance(value, float):
        return b"f" + struct.pack(">d", value)
    if isinstance(value, bytes | bytearray | memoryview):
        return b"b" + bytes(value)
    if isinstance(value, datetime.datetime | np.datetime64):
        return b"s" + _timestamp_text(pd.Timestamp(value)).encode()
    if isinstance(value, datetime.date):
        return b"d" + value.isoformat().encode()
    if isinstance(value, datetime.time):
        return b"h" + value.isoformat().encode()
    if isinstance(value, Decimal):
        return b"n" + str(value).encode()
    raise TypeError(type(value).__name__)


def _timestamp_text(value: pd.Timestamp) -> str:
    """Return unit, ISO time and, for a time with a zone, its name: ``us 2026-01-31T08:00:00``."""
    if value.tzinfo is None:
        return f"{value.unit} {value.isoformat()}"
    return f"{value.unit} {value.tz_convert('UTC').tz_localize(None).isoformat()} {value.tzinfo}"


def _timestamp(text: str) -> pd.Timestamp:
    unit, time, *zone = text.split(" ")
    value = pd.Timestamp(time).as_unit(unit)
    return value.tz_localize("UTC").tz_convert(zone[0]) if zone else value
