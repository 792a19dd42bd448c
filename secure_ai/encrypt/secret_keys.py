"""Secret keys: made once, kept in a file that only its owner reads, one subkey for each purpose."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
import secrets
import stat
import warnings
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from secure_ai.core.errors import UserError, system_reason
from secure_ai.core.sources import shown
from secure_ai.encrypt.private_files import write_new_private

KEY_BYTES = 64


@dataclass(frozen=True)
class Key:
    """A secret of 64 bytes, from which every method gets a key of its own.

    A hash, a pseudonym, a token and a shift made with one secret thus say nothing about each other.
    The secret is not shown by ``repr``.
    """

    secret: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.secret) < KEY_BYTES:
            raise UserError(
                f"The key has {len(self.secret)} bytes and needs {KEY_BYTES}: make one with 'secure-ai key'."
            )

    def __eq__(self, other: object) -> bool:
        """Compare in a time that does not tell how much of the secret is the same."""
        return isinstance(other, Key) and hmac.compare_digest(self.secret, other.secret)

    def __hash__(self) -> int:
        """Return a number that says nothing about the secret."""
        return hash(self.subkey("hash", 16))

    def subkey(self, purpose: str, length: int = 64) -> bytes:
        """Return the key of ``length`` bytes for ``purpose`` (HKDF-Expand with SHA-512, RFC 5869)."""
        return HKDFExpand(hashes.SHA512(), length, b"secure-ai " + purpose.encode()).derive(self.secret)

    def mac(self, purpose: str) -> Mac:
        """Return a keyed function for ``purpose``."""
        return Mac(self.subkey(purpose))


class Mac:
    """HMAC-SHA256 with one key, quick for many short values."""

    def __init__(self, key: bytes) -> None:
        self._start = hmac.new(key, digestmod=hashlib.sha256)

    def digest(self, *parts: str) -> bytes:
        """Return 32 bytes for ``parts``; ("a", "bc") and ("ab", "c") differ."""
        mac = self._start.copy()
        for part in parts:
            data = part.encode("utf-8", "surrogatepass")
            mac.update(len(data).to_bytes(8, "big"))
            mac.update(data)
        return mac.digest()

    def number(self, below: int, *parts: str) -> int:
        """Return a number from 0 to ``below`` - 1 that depends on ``parts`` only (bias below 2^-64)."""
        return int.from_bytes(self.digest(*parts)[:16], "big") % below


def random_key() -> Key:
    """Return a new random key that is kept nowhere: what it makes cannot be linked or undone later."""
    return Key(secrets.token_bytes(KEY_BYTES))


def generate_key(path: str | Path) -> Path:
    """Write a new random key to ``path``, readable by its owner only (mode 0600).

    Raises:
        UserError: if the file exists (a key that was overwritten cannot be had back) or cannot be written.
    """
    target = Path(path)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        write_new_private(target, base64.b64encode(secrets.token_bytes(KEY_BYTES)) + b"\n")
    except FileExistsError:
        raise UserError(
            f"{shown(target.name)} exists, and a key that is overwritten is lost: choose another name."
        ) from None
    except OSError as error:
        raise UserError(
            f"The key file {shown(target.name)} cannot be written ({system_reason(error)}): "
            "choose another place."
        ) from None
    return target


def load_key(path: str | Path) -> Key:
    """Read a key file (base64 of 64 bytes).

    Warns where others than its owner may read it.

    Raises:
        UserError: if it is missing, unreadable, not base64 or too short.
    """
    file = Path(path)
    name = shown(file.name or str(file))
    if not file.exists():
        raise UserError(f"The key file {name} does not exist: make one with 'secure-ai key {name}'.")
    try:
        if not file.is_file() or file.stat().st_size > 10_000:
            raise UserError(f"{name} is not a key file: make one with 'secure-ai key'.")
        raw = file.read_bytes()
        mode = stat.S_IMODE(file.stat().st_mode)
    except OSError as error:
        raise UserError(
            f"The key file {name} cannot be read ({system_reason(error)}): check its rights."
        ) from None
    try:
        secret = base64.b64decode(b"".join(raw.split()), validate=True)
    except (binascii.Error, ValueError):
        raise UserError(
            f"{name} is not a key file (base64 of {KEY_BYTES} bytes): make one with 'secure-ai key'."
        ) from None
    if len(secret) < KEY_BYTES:
        raise UserError(
            f"The key in {name} has {len(secret)} bytes and needs {KEY_BYTES}: make one with 'secure-ai key'."
        )
    if os.name == "posix" and mode & 0o077:
        warnings.warn(
            f"Others may read the key file {name}: run 'chmod 600 {name}', and replace the key if they did.",
            stacklevel=2,
        )
    return Key(secret)
