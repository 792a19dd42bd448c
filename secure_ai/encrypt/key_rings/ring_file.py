"""The file of a key ring: sealed under a passphrase, written whole or not at all, by one writer at a time."""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import stat
import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from secure_ai.core.errors import system_reason
from secure_ai.core.outputs import atomic_file
from secure_ai.core.sources import shown
from secure_ai.encrypt.key_rings.errors import PassphraseError, RingBusyError, RingFileError
from secure_ai.encrypt.private_files import sync_folder, write_new_private

MAGIC = b"secure-ai keys 1"
MAXIMUM_FILE_BYTES = 16 << 20
LOCK_SECONDS = 10.0
_HEADER = struct.Struct(">16sIII16s12s")
_CHECKSUM_BYTES, _TAG_BYTES = 32, 16


@dataclass(frozen=True)
class PassphraseCost:
    """What one guess of the passphrase costs: the parameters of argon2id (RFC 9106).

    Attributes:
        memory_kib: memory, in KiB.
        passes: passes over it.
        lanes: how many threads may share the work.
    """

    memory_kib: int
    passes: int
    lanes: int

    @property
    def bearable(self) -> bool:
        """Whether a file may ask this much of us: at most 1 GiB, and 4 GiB in all passes together."""
        return (
            1 <= self.lanes <= 16
            and 1 <= self.passes <= 64
            and 8 * self.lanes <= self.memory_kib <= 1 << 20
            and self.memory_kib * self.passes <= 4 << 20
        )

    @property
    def weak(self) -> bool:
        """Whether it is below the least that OWASP's cheat sheet on passwords names (19 MiB, 2 passes)."""
        return self.memory_kib < 19 << 10 or self.memory_kib * self.passes < 38 << 10


DEFAULT_COST = PassphraseCost(memory_kib=64 << 10, passes=3, lanes=4)  # RFC 9106, section 4, second choice
UNSAFE_COST_FOR_TESTS = PassphraseCost(memory_kib=8, passes=1, lanes=1)


@dataclass(frozen=True)
class Seal:
    """What a ring's file is sealed with, kept while the ring is open so that argon2id runs once."""

    cost: PassphraseCost
    salt: bytes
    key: bytes

    def __repr__(self) -> str:
        """Show no secret."""
        return f"Seal({self.cost})"

    @classmethod
    def of(cls, passphrase: bytes, cost: PassphraseCost, salt: bytes | None = None) -> Seal:
        """Derive the sealing key of a passphrase, with a new salt unless one is given.

        Raises:
            RingFileError: if there is not enough memory for it.
        """
        from argon2.exceptions import HashingError
        from argon2.low_level import Type, hash_secret_raw

        salt = secrets.token_bytes(16) if salt is None else salt
        try:
            key = hash_secret_raw(
                passphrase, salt, cost.passes, cost.memory_kib, cost.lanes, hash_len=32, type=Type.ID
            )
        except HashingError:
            raise RingFileError(
                f"The passphrase cannot be tried: argon2id needs {cost.memory_kib >> 10} MiB of free memory."
            ) from None
        return cls(cost, salt, key)

    def close(self, content: bytes) -> bytes:
        """Return the bytes of a file that holds ``content``."""
        header = _HEADER.pack(
            MAGIC, self.cost.memory_kib, self.cost.passes, self.cost.lanes, self.salt, secrets.token_bytes(12)
        )
        body = header + AESGCM(self.key).encrypt(header[-12:], content, header)
        # Not for security: it tells damage from a wrong passphrase.
        return body + hashlib.sha256(body).digest()


@dataclass(frozen=True)
class RingFile:
    """The bytes of a ring's file, taken apart and checked, still sealed."""

    name: str
    header: bytes
    sealed: bytes
    cost: PassphraseCost
    salt: bytes

    def seal(self, passphrase: bytes) -> Seal:
        """Derive the sealing key that the file asks for."""
        return Seal.of(passphrase, self.cost, self.salt)

    def content(self, seal: Seal) -> bytes:
        """Return the content.

        Raises:
            PassphraseError: if it was sealed with another passphrase.
        """
        try:
            return AESGCM(seal.key).decrypt(self.header[-12:], self.sealed, self.header)
        except InvalidTag:
            raise PassphraseError(
                f"The key ring {self.name} does not open: the passphrase is another one."
            ) from None


def read_ring_file(path: Path) -> RingFile:
    """Read a ring's file and check all of it that can be checked without the passphrase.

    Raises:
        RingFileError: if it is missing, no ring, damaged, or asks for more memory than a ring may.
    """
    name = shown(path.name or str(path))
    try:
        if not path.exists():
            raise RingFileError(f"There is no key ring {name}: create it first, or check the path.")
        if not path.is_file() or path.stat().st_size > MAXIMUM_FILE_BYTES:
            raise RingFileError(f"{name} is not a key ring: name the file of a ring.")
        raw = path.read_bytes()
    except OSError as error:
        raise RingFileError(
            f"The key ring {name} cannot be read ({system_reason(error)}): check its rights."
        ) from None
    if raw[: len(MAGIC)] != MAGIC[: len(raw)] or not raw:
        raise RingFileError(f"{name} is not a key ring, or its beginning is damaged: take a good copy of it.")
    body, checksum = raw[:-_CHECKSUM_BYTES], raw[-_CHECKSUM_BYTES:]
    if len(body) < _HEADER.size + _TAG_BYTES or hashlib.sha256(body).digest() != checksum:
        raise RingFileError(f"The key ring {name} is damaged or cut short: take a good copy of it.")
    header, sealed = body[: _HEADER.size], body[_HEADER.size :]
    _, memory_kib, passes, lanes, salt, _ = _HEADER.unpack(header)
    cost = PassphraseCost(memory_kib, passes, lanes)
    if not cost.bearable:
        raise RingFileError(
            f"The key ring {name} asks for more memory or time than a ring may: it is not one of this kit's."
        )
    return RingFile(name, header, sealed, cost, salt)


def write_ring_file(path: Path, raw: bytes, *, overwrite_old: bool = False) -> None:
    """Write a ring's file (mode 0600), whole or not at all, and have the disk confirm it.

    Args:
        path: where.
        raw: the bytes.
        overwrite_old: overwrite the bytes of the file that is replaced, once the new one is in place.

    Raises:
        UserError: if the folder cannot be written.
        RingFileError: if the disk refuses.
    """
    old = None
    try:
        if overwrite_old and os.name == "posix":  # elsewhere an open file cannot be replaced
            old = os.open(path, os.O_RDWR)
        with atomic_file(path) as draft:
            write_new_private(draft, raw)
        sync_folder(path.parent)
        if old is not None:
            os.write(old, bytes(os.fstat(old).st_size))
            os.fsync(old)
    except OSError as error:
        raise RingFileError(
            f"The key ring {shown(path.name)} cannot be written ({system_reason(error)}): "
            "it is as it was before."
        ) from None
    finally:
        if old is not None:
            os.close(old)


@contextmanager
def one_writer(path: Path) -> Iterator[None]:
    """Hold the lock of a ring: two processes that change it do so one after the other.

    The lock is the operating system's: it ends with the process that holds it. Its empty file stays.

    Raises:
        RingBusyError: if another process holds it for longer than 10 seconds.
        RingFileError: if the lock cannot be made.
    """
    from filelock import FileLock, Timeout

    lock = FileLock(path.with_name(f".{path.name}.lock"), timeout=LOCK_SECONDS, mode=0o600)
    try:
        lock.acquire()
    except Timeout:
        raise RingBusyError(
            f"Another process is changing the key ring {shown(path.name)}: try again when it is done."
        ) from None
    except (OSError, NotImplementedError) as error:
        why = system_reason(error) if isinstance(error, OSError) else "no locks on this file system"
        raise RingFileError(
            f"The key ring {shown(path.name)} cannot be locked ({why}): keep it in a folder that you may "
            "write to."
        ) from None
    try:
        yield
    finally:
        lock.release()


def check_mode(path: Path) -> None:
    """Warn where others than its owner may read a ring's file."""
    with contextlib.suppress(OSError):
        if os.name == "posix" and stat.S_IMODE(path.stat().st_mode) & 0o077:
            name = shown(path.name)
            warnings.warn(
                f"Others may read the key ring {name}: run 'chmod 600 {name}'.", UserWarning, stacklevel=3
            )
