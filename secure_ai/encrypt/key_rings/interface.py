"""What every key ring does: it wraps data keys, and its own key-encryption keys never leave it."""

from __future__ import annotations

import base64
import binascii
import json
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol

from secure_ai.core.errors import UserError
from secure_ai.core.sources import shown
from secure_ai.encrypt.key_rings.errors import ForeignKeyError, KeyNameError, WrappedKeyError

if TYPE_CHECKING:
    from secure_ai.encrypt.key_rings.gate import Gate

DATA_KEY_BYTES = 32
MAXIMUM_WRAPPED_BYTES = 1 << 16
KEY_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)
IDENTIFIER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,63}", re.ASCII)
_LIKE_A_SOCIAL_SECURITY_NUMBER = re.compile(r"\d{3}-\d{2}-\d{4}", re.ASCII)
_SURROGATE = re.compile("[\ud800-\udfff]")
VersionState = Literal["current", "old", "disabled", "pending deletion", "destroyed"]


@dataclass(frozen=True)
class WrappedKey:
    """A data key as it may lie beside the data: encrypted with a key-encryption key.

    Attributes:
        ring: the kind of ring that wrapped it ("local", "aws-kms", "vault-transit"; "person" for a
            person's key).
        key_name: the name of the key-encryption key in that ring.
        version: which version of it; text, because services name their versions differently.
        ciphertext: the data key, encrypted and authenticated together with its context.
    """

    ring: str
    key_name: str
    version: str
    ciphertext: bytes

    def to_bytes(self) -> bytes:
        """Return one line of JSON, the same for the same key."""
        fields = {
            "ring": self.ring,
            "key": self.key_name,
            "version": self.version,
            "wrapped": base64.b64encode(self.ciphertext).decode(),
        }
        return json.dumps(fields, sort_keys=True, separators=(",", ":")).encode()

    @classmethod
    def from_bytes(cls, line: bytes) -> WrappedKey:
        """Rebuild a wrapped key from :meth:`to_bytes`.

        Raises:
            WrappedKeyError: if the bytes are none.
        """
        try:
            if len(line) > MAXIMUM_WRAPPED_BYTES:
                raise ValueError("no wrapped key is that long")
            fields = json.loads(line)
            names = [fields[name] for name in ("ring", "key", "version")]
            if not all(isinstance(name, str) for name in names):
                raise ValueError("names are text")
            return cls(*names, base64.b64decode(fields["wrapped"], validate=True))
        except (ValueError, KeyError, TypeError, RecursionError, binascii.Error):
            raise WrappedKeyError("The wrapped key is damaged: take the file from a backup.") from None


@dataclass(frozen=True)
class DataKey:
    """A fresh data-encryption key, to be forgotten after use, and its wrapped form, to be kept.

    Attributes:
        secret: 32 random bytes, not shown by ``repr``.
        wrapped: what is stored with the data.
    """

    secret: bytes = field(repr=False)
    wrapped: WrappedKey


class KeyRing(Protocol):
    """Keys that encrypt keys (NIST SP 800-57, key-encryption keys).

    ``context`` is authenticated with each wrapped key and must be given again to open it: it binds the key
    to what it is for (a table and column, a patient, a file). It is not secret and is written to the audit
    trail, so it holds no personal value.
    Every method raises :class:`~secure_ai.core.errors.UserError` for a key or version that does not exist,
    was destroyed or is not allowed, and for a wrapped key that does not open: one sentence, no secret.
    """

    def new_data_key(self, key_name: str, context: Mapping[str, str]) -> DataKey:
        """Return a fresh data key, wrapped with the newest version of ``key_name``."""
        ...

    def unwrap(self, wrapped: WrappedKey, context: Mapping[str, str]) -> bytes:
        """Return the 32 bytes of a data key."""
        ...

    def rewrap(self, wrapped: WrappedKey, context: Mapping[str, str]) -> WrappedKey:
        """Return the same data key, wrapped with the newest version; the data stays as it is."""
        ...

    def rotate(self, key_name: str) -> str:
        """Make a new version of ``key_name`` and return it; older versions still open what they wrapped."""
        ...


@dataclass(frozen=True)
class KeyVersion:
    """One version of a key-encryption key.

    Attributes:
        key_name: the key.
        version: as a wrapped key names it.
        state: ``"current"`` wraps new data keys; ``"old"`` still opens; ``"disabled"`` and ``"pending
            deletion"`` (services only) do not open and can be had back; ``"destroyed"`` never opens again.
    """

    key_name: str
    version: str
    state: VersionState


class VersionedKeyRing(KeyRing, Protocol):
    """A key ring that also makes, lists and destroys keys.

    Attributes:
        gate: who uses it, its audit trail and its access policy.
    """

    gate: Gate

    def create_key(self, key_name: str) -> str:
        """Make a new key and return its first version."""
        ...

    def key_names(self) -> tuple[str, ...]:
        """Return the names of all keys, sorted."""
        ...

    def versions(self, key_name: str) -> tuple[KeyVersion, ...]:
        """Return the versions of a key, the oldest first."""
        ...

    def destroy(self, key_name: str, version: str | None = None) -> None:
        """Destroy one version, or all: what they wrapped is lost for good."""
        ...


def is_identifier(name: object) -> bool:
    """Return whether ``name`` may stand for a key or a person in a table and in the audit trail.

    It has 1 to 64 letters, digits, dots, colons, underscores and hyphens (ASCII), and does not look like a
    social security number.
    """
    return (
        isinstance(name, str)
        and IDENTIFIER.fullmatch(name) is not None
        and _LIKE_A_SOCIAL_SECURITY_NUMBER.fullmatch(name) is None
    )


def check_key_name(key_name: str) -> None:
    """Refuse a name that cannot stand for a key.

    Raises:
        KeyNameError: unless it has 1 to 64 letters, digits, dots, underscores and hyphens (ASCII).
    """
    if not isinstance(key_name, str) or KEY_NAME.fullmatch(key_name) is None:
        raise KeyNameError(
            "A key's name has 1 to 64 letters, digits, dots, underscores and hyphens, and starts with a "
            "letter or digit: choose another."
        )


def check_ring(wrapped: WrappedKey, kind: str, here: str) -> None:
    """Refuse a key that a ring of another kind wrapped; ``here`` says in words which this one is.

    Raises:
        ForeignKeyError: unless its ring is ``kind``.
    """
    if wrapped.ring != kind:
        raise ForeignKeyError(
            f"A key ring of the kind {shown(wrapped.ring)} wrapped this key, not {here}: open that one."
        )


def random_data_key() -> bytes:
    """Return a fresh data key of 256 bits from the operating system."""
    return secrets.token_bytes(DATA_KEY_BYTES)


def canonical_context(context: Mapping[str, str]) -> bytes:
    """Return ``context`` as bytes that do not depend on the order of its entries.

    Raises:
        UserError: if a name or value is not text, or holds half a character (a surrogate): two halves would
            be the same bytes as the whole one, and two contexts one.
    """
    parts = [part for entry in context.items() for part in entry]
    if not all(isinstance(part, str) and _SURROGATE.search(part) is None for part in parts):
        raise UserError("A key's context is names and values of text, such as {'table': 'patients'}.")
    return json.dumps(dict(context), sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()
