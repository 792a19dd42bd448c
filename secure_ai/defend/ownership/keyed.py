"""Draws that only the holder of a key can repeat, in any version of any library."""

from __future__ import annotations

import hashlib
import hmac

import numpy as np

from secure_ai.core import UserError

LEAST_KEY = 16


def check_key(key: bytes) -> bytes:
    """Return the key.

    Raises:
        UserError: if it is no bytes, or fewer than 16 of them.
    """
    if not isinstance(key, bytes) or len(key) < LEAST_KEY:
        raise UserError(
            f"The owner's key is {LEAST_KEY} or more random bytes: make one with secrets.token_bytes(32)."
        )
    return key


def keyed_bytes(key: bytes, purpose: str, size: int) -> bytes:
    """Return ``size`` bytes that look random to everybody without the key.

    Source: FIPS 198-1 (HMAC) and FIPS 202 (SHAKE256), one after the other.
    """
    return hashlib.shake_256(hmac.digest(check_key(key), purpose.encode(), "sha256")).digest(size)


def keyed_integers(key: bytes, purpose: str, count: int, below: int) -> np.ndarray:
    """Return (count,) integers from 0 to ``below`` - 1; the bias of the remainder is under 2^-32."""
    drawn = np.frombuffer(keyed_bytes(key, purpose, 8 * count), dtype="<u8")
    return (drawn % np.uint64(below)).astype(np.int64)


def keyed_signs(key: bytes, purpose: str, count: int) -> np.ndarray:
    """Return (count,) signs, +1 or -1, as int8."""
    bits = np.unpackbits(np.frombuffer(keyed_bytes(key, purpose, -(-count // 8)), dtype=np.uint8))
    return (2 * bits[:count].astype(np.int8) - 1).astype(np.int8)
