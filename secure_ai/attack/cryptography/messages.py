"""Messages as an attacker on the line sees them, and the careless sender who makes them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from secure_ai.core.errors import UserError

TAG_BYTES = 16


@dataclass(frozen=True)
class SealedMessage:
    """One message under AES-GCM as it travels; all of it is open to whoever listens.

    Attributes:
        nonce: 12 bytes.
        ciphertext: as long as the plaintext.
        tag: 16 bytes that authenticate ciphertext and associated data.
        associated: what is authenticated and not encrypted.
    """

    nonce: bytes
    ciphertext: bytes
    tag: bytes
    associated: bytes = b""


def demonstration_bytes(purpose: str, length: int) -> bytes:
    """Return fixed bytes for demonstrations that must look the same each time; never for real data."""
    return hashlib.shake_256(b"secure-ai demonstration " + purpose.encode()).digest(length)


def seal_with_one_nonce(
    texts: Sequence[str | bytes], key: bytes, nonce: bytes, associated: bytes = b""
) -> list[SealedMessage]:
    """Encrypt ``texts`` as a careless sender does: every one with the same nonce.

    Raises:
        UserError: if a key or nonce has another length than AES-GCM's, or a text is empty.
    """
    if len(key) not in {16, 24, 32} or len(nonce) != 12:
        raise UserError("AES-GCM takes a key of 16, 24 or 32 bytes and here a nonce of 12.")
    cipher = AESGCM(key)
    result = []
    for text in texts:
        plain = as_bytes(text)
        if not plain:
            raise UserError("There is nothing to encrypt in an empty text: give texts with content.")
        sealed = cipher.encrypt(nonce, plain, associated)
        result.append(SealedMessage(nonce, sealed[:-TAG_BYTES], sealed[-TAG_BYTES:], associated))
    return result


def as_bytes(text: str | bytes) -> bytes:
    """Return text as UTF-8, bytes as they are."""
    return text.encode("utf-8", "surrogatepass") if isinstance(text, str) else bytes(text)


def xor(first: bytes, second: bytes) -> bytes:
    """Return the exclusive or of both, as long as the shorter one."""
    length = min(len(first), len(second))
    mixed = int.from_bytes(first[:length], "big") ^ int.from_bytes(second[:length], "big")
    return mixed.to_bytes(length, "big")
