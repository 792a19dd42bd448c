"""Masks from keys: X25519 agreement, HKDF, and the key stream of AES-256-CTR as words."""

from __future__ import annotations

import hashlib

import numpy as np
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from secure_ai.defend.federated.secure_aggregation.errors import UnfairRequest
from secure_ai.defend.federated.secure_aggregation.fixed_point import Words

_NONCE = bytes(12)  # A key is used for one message: it is bound to the round, the sender and the recipient.


def public_bytes(private: bytes) -> bytes:
    """Return the public key of an X25519 private key, both as 32 bytes."""
    return X25519PrivateKey.from_private_bytes(private).public_key().public_bytes_raw()


def agreed_key(private: bytes, public: bytes, *context: bytes) -> bytes:
    """Return 32 bytes that only the owners of the two private keys can know.

    Args:
        private: one's own X25519 private key.
        public: the other's public key.
        context: what the key is for; each part is bound in.

    Raises:
        UnfairRequest: if the public key is one of the few with which every agreement has the same result.

    Source: RFC 7748 (X25519), RFC 5869 (HKDF).
    """
    try:
        shared = X25519PrivateKey.from_private_bytes(private).exchange(
            X25519PublicKey.from_public_bytes(public)
        )
    except ValueError:
        raise UnfairRequest(
            "A public key of this round is no usable key: this participant does not take part."
        ) from None
    return derived(shared, *context)


def is_usable(public: bytes) -> bool:
    """Whether agreements with a public key differ from owner to owner."""
    try:
        X25519PrivateKey.generate().exchange(X25519PublicKey.from_public_bytes(public))
    except ValueError:
        return False
    return True


def derived(secret: bytes, *context: bytes) -> bytes:
    """Return 32 bytes made of a secret, for one purpose."""
    # Each part with its length: "ab", "c" and "a", "bc" are different purposes.
    info = b"".join(len(part).to_bytes(4, "big") + part for part in context)
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=info).derive(secret)


def mask_words(key: bytes, length: int) -> Words:
    """Return ``length`` words that nobody without the key can tell from random ones.

    The key must be used for this alone: the counter starts at zero.
    """
    stream = Cipher(algorithms.AES256(key), modes.CTR(bytes(16))).encryptor().update(bytes(8 * length))
    return np.frombuffer(stream, dtype="<u8").astype(np.uint64, copy=False)


def commitment(this_round: bytes, secret: bytes) -> bytes:
    """Return what a participant publishes of a secret to be bound to it."""
    return hashlib.sha256(b"self mask" + this_round + secret).digest()


def seal(key: bytes, message: bytes, context: bytes) -> bytes:
    """Encrypt one message with a key made for it alone (ChaCha20-Poly1305, RFC 8439)."""
    return ChaCha20Poly1305(key).encrypt(_NONCE, message, context)


def unseal(key: bytes, sealed: bytes, context: bytes) -> bytes:
    """Decrypt it.

    Raises:
        cryptography.exceptions.InvalidTag: if it was altered or is of another sender, recipient or round.
    """
    return ChaCha20Poly1305(key).decrypt(_NONCE, sealed, context)
