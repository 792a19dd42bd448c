"""The head of an encrypted file: what it was made with, and its wrapped key twice, so that rotation is safe.

Three blocks of 4,096 bytes, each on a disk block of its own, so that a torn write harms one alone:

- what never changes: magic, version, chunk size, salt, key commitment, associated data, their HMAC, SHA-256;
- two slots with the same wrapped key: generation, length, wrapped key, SHA-256.

The SHA-256 finds accidents without a key. The HMAC finds intent. The key ring authenticates a slot together
with the salt and the associated data. Rotation writes one slot, waits for the disk, then writes the other.
"""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass

from secure_ai.core.errors import UserError
from secure_ai.encrypt.files.errors import NotEncryptedError, TamperedFileError, TruncatedFileError
from secure_ai.encrypt.key_rings.interface import WrappedKey, canonical_context

MAGIC, VERSION = b"\x89SAIENC\n", 1
BLOCK = 4096
HEADER_BYTES = 3 * BLOCK
SALT_BYTES = COMMITMENT_BYTES = MAC_BYTES = CHECKSUM_BYTES = 32
TAG_BYTES = 16
MINIMUM_CHUNK, MAXIMUM_CHUNK = 16, 16 << 20
MAXIMUM_GENERATION = (1 << 64) - 1
DEFAULT_CHUNK_SIZE = (1 << 20) - TAG_BYTES
"""Sealed, a chunk is 1 MiB and fills whole pages: files are written faster than with 1 MiB of plaintext."""

FILE_ENTRY = "secure_ai_file"
"""The name under which a file's salt stands in the context of its wrapped key."""

_FIXED = struct.Struct(f">8sHHI{SALT_BYTES}s{COMMITMENT_BYTES}sI")
_SLOT = struct.Struct(">QI")
_AUTHENTICATED = BLOCK - MAC_BYTES - CHECKSUM_BYTES


@dataclass(frozen=True)
class Fixed:
    """What never changes in the head of a file.

    Attributes:
        chunk_size: bytes of plaintext in each chunk but the last.
        salt: random; no two files share their content keys.
        commitment: derived from the data key; no other key has the same.
        associated_data: what the file belongs to; authenticated, not secret.
    """

    chunk_size: int
    salt: bytes
    commitment: bytes
    associated_data: Mapping[str, str]

    def context(self) -> dict[str, str]:
        """Return what the key ring authenticates together with the file's data key."""
        return key_context(self.salt, self.associated_data)

    def authenticated(self) -> bytes:
        """Return the bytes that the HMAC covers."""
        data = canonical_context(self.associated_data)
        if len(data) > _AUTHENTICATED - _FIXED.size:
            raise UserError(
                f"The associated data has {len(data):,} bytes and at most {_AUTHENTICATED - _FIXED.size:,} "
                "fit into the head of a file: give identifiers, not content."
            )
        fields = _FIXED.pack(MAGIC, VERSION, 0, self.chunk_size, self.salt, self.commitment, len(data))
        return (fields + data).ljust(_AUTHENTICATED, b"\0")

    def to_bytes(self, mac: bytes) -> bytes:
        """Return the first block."""
        return _with_checksum(self.authenticated() + mac)


@dataclass(frozen=True)
class Slot:
    """One copy of the wrapped key.

    Attributes:
        generation: counts rotations.
        wrapped: the data key, wrapped.
    """

    generation: int
    wrapped: WrappedKey

    def to_bytes(self) -> bytes:
        """Return the block of a slot."""
        line = self.wrapped.to_bytes()
        space = BLOCK - CHECKSUM_BYTES - _SLOT.size
        if len(line) > space:
            raise UserError(
                f"The wrapped key has {len(line):,} bytes and at most {space:,} fit into the head of a file: "
                "use a key with a shorter name."
            )
        return _with_checksum(
            (_SLOT.pack(self.generation, len(line)) + line).ljust(BLOCK - CHECKSUM_BYTES, b"\0")
        )

    @classmethod
    def from_bytes(cls, block: bytes) -> Slot | None:
        """Return the slot of a block; None if it is damaged."""
        if not _intact(block):
            return None
        generation, length = _SLOT.unpack_from(block)
        try:
            slot = cls(generation, WrappedKey.from_bytes(block[_SLOT.size : _SLOT.size + length]))
            return slot if slot.to_bytes() == block else None
        except UserError:
            return None


@dataclass(frozen=True)
class Header:
    """The head of a file, read and found whole; authentic only once :mod:`keys` has unlocked it.

    Attributes:
        fixed: what never changes.
        mac: the HMAC that stands in the file.
        slots: both copies of the wrapped key; None where damaged.
    """

    fixed: Fixed
    mac: bytes
    slots: tuple[Slot | None, Slot | None]

    @property
    def newest(self) -> int:
        """Which slot is the newest of those that are whole."""
        ages = [-1 if slot is None else slot.generation for slot in self.slots]
        return ages.index(max(ages))

    @property
    def wrapped(self) -> WrappedKey:
        """The newest wrapped key."""
        return self.slots[self.newest].wrapped

    @property
    def settled(self) -> bool:
        """Whether both slots hold the same: if not, a rotation was interrupted."""
        return self.slots[0] == self.slots[1]


def key_context(salt: bytes, associated_data: Mapping[str, str]) -> dict[str, str]:
    """Return the context that binds a data key to one file."""
    return {**associated_data, FILE_ENTRY: salt.hex()}


def parse_header(raw: bytes, name: str, *, mend: bool = False) -> Header:
    """Read the head of the file ``name``.

    Args:
        raw: its first bytes.
        name: as messages call it.
        mend: whether one damaged slot is let pass, because it is about to be written again.

    Raises:
        NotEncryptedError: if it is no encrypted file, or of another version.
        TruncatedFileError: if it ends within the head.
        TamperedFileError: if it is damaged.
    """
    if raw[: len(MAGIC)] != MAGIC:
        raise NotEncryptedError(f"{name} is not a file that this kit encrypted: check which file you meant.")
    if len(raw) < HEADER_BYTES:
        raise TruncatedFileError(f"{name} ends within its head: take it from a backup.")
    first = raw[:BLOCK]
    version = int.from_bytes(first[len(MAGIC) : len(MAGIC) + 2], "big")
    if version != VERSION:
        raise NotEncryptedError(
            f"{name} has version {version} of the format, and this kit reads {VERSION}: update the kit, or "
            "take the file from a backup."
        )
    fixed = _parse_fixed(first) if _intact(first) else None
    if fixed is None:
        raise TamperedFileError(f"The head of {name} was changed or is damaged: take the file from a backup.")
    slots = (Slot.from_bytes(raw[BLOCK : 2 * BLOCK]), Slot.from_bytes(raw[2 * BLOCK : HEADER_BYTES]))
    if slots == (None, None):
        raise TamperedFileError(f"Both wrapped keys of {name} are damaged: take the file from a backup.")
    if None in slots and not mend:
        raise TamperedFileError(
            f"One of the two wrapped keys of {name} is damaged, by an interrupted rotation or on purpose: "
            "rewrap_file mends it with the other."
        )
    same_age = None not in slots and slots[0].generation == slots[1].generation
    if same_age and slots[0] != slots[1]:
        raise TamperedFileError(f"The two wrapped keys of {name} contradict each other: take a backup.")
    return Header(fixed, first[_AUTHENTICATED : _AUTHENTICATED + MAC_BYTES], slots)


def _parse_fixed(block: bytes) -> Fixed | None:
    _, _, _, chunk_size, salt, commitment, length = _FIXED.unpack_from(block)
    try:
        data = json.loads(block[_FIXED.size : _FIXED.size + min(length, BLOCK)])
        fixed = Fixed(chunk_size, salt, commitment, data)
        whole = MINIMUM_CHUNK <= chunk_size <= MAXIMUM_CHUNK and isinstance(data, dict)
        return fixed if whole and fixed.authenticated() == block[:_AUTHENTICATED] else None
    except (ValueError, RecursionError, AttributeError, UserError):
        return None


def _with_checksum(data: bytes) -> bytes:
    return data + hashlib.sha256(data).digest()


def _intact(block: bytes) -> bool:
    return block == _with_checksum(block[:-CHECKSUM_BYTES])
