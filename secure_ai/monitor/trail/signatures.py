"""What the trail signs: its header, its head at each commit, and a checkpoint every so many entries.

Every message names its purpose and the trail, so a signature serves nowhere else.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from hashlib import sha256
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from secure_ai.core.errors import UserError
from secure_ai.encrypt.transport.public_keys import (
    OrganizationKeyError,
    load_private_key,
    public_line,
    read_public_line,
)

VERSION = 1
NOTHING = b"\0" * 32


@dataclass(frozen=True, slots=True)
class Header:
    """What a trail is: written once.

    Attributes:
        version: of the layout of tables and signed messages.
        log_id: random, so that the entries of one trail fit into no other.
        public_key: checks all signatures of this trail.
        created: when, in UTC.
        signature: over all of this.
    """

    version: int
    log_id: str
    public_key: str
    created: str
    signature: bytes = b""

    def message(self) -> bytes:
        """Return what is signed."""
        return _message("header", self.version, self.log_id, self.public_key, self.created)

    def genesis(self) -> bytes:
        """Return what stands for the hash before the first entry."""
        return sha256(self.message()).digest()


@dataclass(frozen=True, slots=True)
class Head:
    """Where the trail ends, signed anew at each commit.

    Attributes:
        sequence: of the last entry; entries are numbered from 1 without gaps, so this is their count.
        hash: of the last entry.
        checkpoints: how many there are.
        checkpoint: the digest of the last one.
        signature: over all of this.
    """

    sequence: int
    hash: bytes
    checkpoints: int
    checkpoint: bytes
    signature: bytes = b""

    def message(self, log_id: str) -> bytes:
        """Return what is signed."""
        return _message(
            "head", log_id, self.sequence, self.hash.hex(), self.checkpoints, self.checkpoint.hex()
        )


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The state of the trail at one entry, kept for ever, here and with the witness.

    Attributes:
        number: from 1.
        sequence: of the entry; also how many there were.
        hash: of that entry.
        previous: the digest of the checkpoint before.
        time: when it was made, in UTC.
        signature: over all of this.
    """

    number: int
    sequence: int
    hash: bytes
    previous: bytes
    time: str
    signature: bytes = b""

    def message(self, log_id: str) -> bytes:
        """Return what is signed."""
        return _message(
            "checkpoint", log_id, self.number, self.sequence, self.hash.hex(), self.previous.hex(), self.time
        )

    def digest(self, log_id: str) -> bytes:
        """Return what the next checkpoint and the head name this one by."""
        return sha256(self.message(log_id)).digest()


_TYPES = {"int": int, "str": str, "bytes": bytes}


def rebuilt(kind: type, values: Any) -> Any:
    """Return a header, head or checkpoint from a row; None where a value has another type than it must."""
    names = fields(kind)
    if values is None or len(values) != len(names):
        return None
    values = [bytes(value) if isinstance(value, memoryview) else value for value in values]
    if any(type(value) is not _TYPES[f.type] for f, value in zip(names, values, strict=True)):
        return None
    return kind(*values)


def sign(key: Ed25519PrivateKey, message: bytes) -> bytes:
    """Return the signature of a message."""
    return key.sign(message)


def is_signed(key: Ed25519PublicKey, message: bytes, signature: bytes) -> bool:
    """Say whether the owner of ``key`` signed ``message``."""
    try:
        key.verify(signature, message)
    except InvalidSignature:
        return False
    return True


def as_signing_key(key: str | Path | Ed25519PrivateKey) -> Ed25519PrivateKey:
    """Return a signing key, read from its file where a path is given.

    Raises:
        UserError: if the file cannot be read as one.
    """
    return key if isinstance(key, Ed25519PrivateKey) else load_private_key(key, "ed25519")


def as_public_key(key: str | Path | Ed25519PublicKey) -> Ed25519PublicKey:
    """Return a public key from itself, its line ``ed25519:...``, or a file that holds the line.

    Raises:
        UserError: if it is none.
    """
    if isinstance(key, Ed25519PublicKey):
        return key
    try:
        return read_public_line(str(key), "ed25519")
    except OrganizationKeyError:
        try:
            return read_public_line(Path(key).read_text(encoding="ascii"), "ed25519")
        except (OSError, ValueError, TypeError):
            raise UserError(
                "The public key of an audit trail is one line such as 'ed25519:...', or a file with it: "
                "take it from whoever set up the trail."
            ) from None


def public_key_line(key: Ed25519PrivateKey | Ed25519PublicKey) -> str:
    """Return the public key as one line."""
    return public_line(key.public_key() if isinstance(key, Ed25519PrivateKey) else key)


def _message(purpose: str, *parts: object) -> bytes:
    return json.dumps(["secure-ai audit trail", purpose, *parts], separators=(",", ":")).encode("ascii")
