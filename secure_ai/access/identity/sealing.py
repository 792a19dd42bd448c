"""Secrets of second factors, encrypted where they are stored, under a key ring's data keys or one key."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from secure_ai.core.errors import UserError
from secure_ai.encrypt.key_rings.interface import KeyRing, WrappedKey, canonical_context
from secure_ai.encrypt.secret_keys import Key

_NONCE_BYTES = 12
_RING_CONTEXT = {"use": "second factors"}  # no account: it is written to the ring's audit trail


class SealBroken(UserError):
    """A stored secret does not open: another key, another account, or altered."""


class Sealer(Protocol):
    """Encrypts short secrets, bound to what they belong to."""

    def seal(self, secret: bytes, belongs_to: Mapping[str, str]) -> bytes:
        """Return ``secret`` encrypted and bound to ``belongs_to``."""
        ...

    def open(self, sealed: bytes, belongs_to: Mapping[str, str]) -> bytes:
        """Return the secret.

        Raises:
            UserError: if it does not open.
        """
        ...

    def rewrap(self, sealed: bytes) -> bytes:
        """Return the same sealed secret under the newest version of the key."""
        ...


class KeySealer:
    """Seals with AES-256-GCM under a subkey of one :class:`~secure_ai.encrypt.secret_keys.Key`."""

    def __init__(self, key: Key) -> None:
        self._cipher = AESGCM(key.subkey("second factors", 32))

    def seal(self, secret: bytes, belongs_to: Mapping[str, str]) -> bytes:
        """Return ``secret`` encrypted and bound to ``belongs_to``."""
        return _encrypt(self._cipher, secret, belongs_to)

    def open(self, sealed: bytes, belongs_to: Mapping[str, str]) -> bytes:
        """Return the secret.

        Raises:
            SealBroken: if the key, the owner or a bit is another.
        """
        return _decrypt(self._cipher, sealed, belongs_to)

    def rewrap(self, sealed: bytes) -> bytes:
        """Return ``sealed`` as it is: this key has no versions."""
        return sealed


class RingSealer:
    """Seals with AES-256-GCM under a fresh data key for each secret, which a key ring wraps.

    Args:
        ring: the key ring.
        key_name: its key-encryption key for second factors.
    """

    def __init__(self, ring: KeyRing, key_name: str = "second-factors") -> None:
        self._ring, self._key_name = ring, key_name

    def seal(self, secret: bytes, belongs_to: Mapping[str, str]) -> bytes:
        """Return ``secret`` encrypted and bound to ``belongs_to``, with its wrapped key before it."""
        key = self._ring.new_data_key(self._key_name, _RING_CONTEXT)
        return _joined(key.wrapped, _encrypt(AESGCM(key.secret), secret, belongs_to))

    def open(self, sealed: bytes, belongs_to: Mapping[str, str]) -> bytes:
        """Return the secret.

        Raises:
            SealBroken: if the owner or a bit is another.
            UserError: if the ring does not open the data key.
        """
        wrapped, rest = _parts(sealed)
        return _decrypt(AESGCM(self._ring.unwrap(wrapped, _RING_CONTEXT)), rest, belongs_to)

    def rewrap(self, sealed: bytes) -> bytes:
        """Return the same sealed secret with its data key wrapped by the newest version.

        Raises:
            UserError: if the ring does not open the data key.
        """
        wrapped, rest = _parts(sealed)
        return _joined(self._ring.rewrap(wrapped, _RING_CONTEXT), rest)


def _joined(wrapped: WrappedKey, rest: bytes) -> bytes:
    line = wrapped.to_bytes()
    return len(line).to_bytes(4, "big") + line + rest


def _parts(sealed: bytes) -> tuple[WrappedKey, bytes]:
    end = 4 + int.from_bytes(sealed[:4], "big")
    if end > len(sealed):
        raise _broken()
    return WrappedKey.from_bytes(sealed[4:end]), sealed[end:]


def _encrypt(cipher: AESGCM, secret: bytes, belongs_to: Mapping[str, str]) -> bytes:
    nonce = secrets.token_bytes(_NONCE_BYTES)
    return nonce + cipher.encrypt(nonce, secret, canonical_context(belongs_to))


def _decrypt(cipher: AESGCM, sealed: bytes, belongs_to: Mapping[str, str]) -> bytes:
    try:
        return cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], canonical_context(belongs_to))
    except (InvalidTag, ValueError):
        raise _broken() from None


def _broken() -> SealBroken:
    return SealBroken(
        "A stored second factor does not open: its key is another, or the row was altered or moved; "
        "restore it, or let the user enroll again."
    )
