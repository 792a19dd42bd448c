"""The keys of one file, derived from its data key, and the proof that it is the right one."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from secure_ai.encrypt.files.errors import TamperedFileError, WrongFileKeyError
from secure_ai.encrypt.files.header import (
    COMMITMENT_BYTES,
    SALT_BYTES,
    Fixed,
    Header,
    Slot,
    key_context,
)
from secure_ai.encrypt.key_rings.interface import KeyRing

_PURPOSE = b"secure-ai encrypted file 1"


@dataclass(frozen=True)
class FileKeys:
    """Three keys that say nothing about each other (HKDF with SHA-512, RFC 5869).

    Attributes:
        content: the AES-256-GCM key of the chunks.
        commitment: stands in the head. AES-GCM can open one ciphertext under two keys to different
            plaintexts (Albertini et al., "How to abuse and fix authenticated encryption without key
            commitment", USENIX Security 2022); this value tells a wrong key from a changed file.
        head: the HMAC key of the head.
    """

    content: bytes = field(repr=False)
    commitment: bytes = field(repr=False)
    head: bytes = field(repr=False)

    @classmethod
    def derive(cls, data_key: bytes, salt: bytes) -> FileKeys:
        """Derive the keys of the file with this salt."""
        length = 32 + COMMITMENT_BYTES + 32
        material = HKDF(hashes.SHA512(), length, salt, _PURPOSE).derive(data_key)
        return cls(material[:32], material[32 : 32 + COMMITMENT_BYTES], material[32 + COMMITMENT_BYTES :])

    def mac(self, fixed: Fixed) -> bytes:
        """Return the HMAC-SHA256 of a head."""
        return hmac.new(self.head, fixed.authenticated(), hashlib.sha256).digest()


def new_file_keys(
    key_ring: KeyRing, key_name: str, chunk_size: int, associated_data: Mapping[str, str]
) -> tuple[FileKeys, Header]:
    """Return the keys and the head of a new file."""
    salt = secrets.token_bytes(SALT_BYTES)
    # Its size is checked before a data key is asked for: services audit and bill each.
    Fixed(chunk_size, salt, bytes(COMMITMENT_BYTES), associated_data).authenticated()
    data_key = key_ring.new_data_key(key_name, key_context(salt, associated_data))
    keys = FileKeys.derive(data_key.secret, salt)
    fixed = Fixed(chunk_size, salt, keys.commitment, associated_data)
    slot = Slot(0, data_key.wrapped)
    return keys, Header(fixed, keys.mac(fixed), (slot, slot))


def header_bytes(header: Header) -> bytes:
    """Return the head of a new file as it is written."""
    return header.fixed.to_bytes(header.mac) + b"".join(slot.to_bytes() for slot in header.slots)


def unlock(header: Header, key_ring: KeyRing, name: str) -> FileKeys:
    """Return the keys of the file ``name``, its head authenticated.

    Raises:
        UserError: what the key ring says if the wrapped key does not open.
        WrongFileKeyError: if neither the commitment nor the HMAC of the head fits the key.
        TamperedFileError: if one of them does: the key is right and the head was changed.
    """
    keys = FileKeys.derive(key_ring.unwrap(header.wrapped, header.fixed.context()), header.fixed.salt)
    commits = hmac.compare_digest(keys.commitment, header.fixed.commitment)
    # With the commitment as it should be, so that a change of it alone is not taken for a wrong key.
    expected = keys.mac(replace(header.fixed, commitment=keys.commitment))
    authentic = hmac.compare_digest(expected, header.mac)
    if not commits and not authentic:
        raise WrongFileKeyError(
            f"{name} was encrypted with another key than the key ring returned: use the ring of its making."
        )
    if not (commits and authentic):
        raise TamperedFileError(f"The head of {name} was changed: take the file from a backup.")
    return keys
