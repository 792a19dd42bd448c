"""The wrapped data keys of a table or store, kept in a small file beside the data."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from secure_ai.core.errors import UserError
from secure_ai.core.outputs import atomic_file
from secure_ai.core.sources import shown
from secure_ai.encrypt.key_rings.interface import KeyRing, WrappedKey, canonical_context
from secure_ai.encrypt.key_rings.rotation import RotationReport, rewrap_all
from secure_ai.encrypt.private_files import write_new_private

FORMAT = "secure-ai wrapped keys 1"
ID_BYTES = 6
_IDENTIFIER = re.compile(rf"[0-9a-f]{{{2 * ID_BYTES}}}", re.ASCII)


class DataKeyMissing(UserError):
    """The data key of a value or store is not among the wrapped keys given."""


@dataclass(frozen=True)
class StoredKey:
    """A wrapped data key and the context that it is bound to."""

    wrapped: WrappedKey
    context: Mapping[str, str]


@dataclass
class WrappedKeys:
    """Wrapped data keys by their identifier; nothing in it is secret, and without it nothing opens.

    Attributes:
        stored: identifier (12 hexadecimal digits) → wrapped key and context, oldest first.
        types: column → Arrow type that it had before it was encrypted, where a file was encrypted.
    """

    stored: dict[str, StoredKey] = field(default_factory=dict)
    types: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._newest = {canonical_context(key.context): name for name, key in self.stored.items()}

    def newest(self, context: Mapping[str, str]) -> str | None:
        """Return the identifier of the key that new values of ``context`` get, None if there is none."""
        return self._newest.get(canonical_context(context))

    def add(self, wrapped: WrappedKey, context: Mapping[str, str]) -> str:
        """Keep a wrapped key under a fresh identifier, and return that."""
        name = secrets.token_hex(ID_BYTES)
        self.stored[name] = StoredKey(wrapped, dict(context))
        self._newest[canonical_context(context)] = name
        return name

    def retire(self) -> None:
        """Use no key for new values any more: each context gets a fresh one when it is next needed."""
        self._newest.clear()

    def get(self, name: str) -> StoredKey:
        """Return the wrapped key ``name``.

        Raises:
            DataKeyMissing: if it is not there.
        """
        if name not in self.stored:
            raise DataKeyMissing(
                f"The data key {name} is not among the {len(self.stored)} keys given: "
                "load the file of keys that belongs to this data."
            )
        return self.stored[name]

    def rewrap(self, ring: KeyRing) -> RotationReport:
        """Wrap every data key with the newest version of its key-encryption key; the values stay as they are.

        A key that does not open any more stays as it is and is reported: shredded people do not stop the
        rotation for all others. Save the keys afterwards.

        Raises:
            UserError: what is not about one key, such as a service that cannot be reached.
        """
        report = rewrap_all([(key.wrapped, key.context) for key in self.stored.values()], ring)
        for name, wrapped in zip(list(self.stored), report.keys, strict=True):
            self.stored[name] = StoredKey(wrapped, self.stored[name].context)
        return report

    def save(self, path: str | Path, *, replace: bool = False) -> Path:
        """Write the keys to ``path`` as JSON, readable by its owner only.

        Args:
            path: the file.
            replace: whether keys that are there and not among these may be lost.

        Raises:
            UserError: if it cannot be written, or holds other keys (or something else) that would be lost.
        """
        if not replace and Path(path).exists() and not set(WrappedKeys.load(path).stored) <= set(self.stored):
            raise UserError(
                f"{shown(Path(path).name)} holds other keys, which would be lost: load it first and go on "
                "with its keys, or name another file."
            )
        keys = {
            name: {"context": dict(key.context), "wrapped": json.loads(key.wrapped.to_bytes())}
            for name, key in self.stored.items()
        }
        content = json.dumps({"format": FORMAT, "types": self.types, "keys": keys}, indent=1)
        target = Path(path)
        try:
            with atomic_file(target) as draft:
                write_new_private(draft, content.encode("ascii"))
        except OSError:
            raise UserError(
                f"The file of keys {shown(target.name)} cannot be written: choose another place."
            ) from None
        return target

    @classmethod
    def load(cls, path: str | Path) -> WrappedKeys:
        """Read what :meth:`save` wrote.

        Raises:
            UserError: if the file is missing, unreadable or damaged.
        """
        file = Path(path)
        name = shown(file.name or str(file))
        try:
            content = json.loads(file.read_bytes())
        except FileNotFoundError:
            raise UserError(
                f"The file of keys {name} does not exist: without it nothing opens, fetch its backup."
            ) from None
        except (OSError, ValueError, RecursionError):
            raise UserError(f"{name} cannot be read as a file of wrapped keys: fetch its backup.") from None
        try:
            if content["format"] != FORMAT:
                raise ValueError("another format")
            if not all(_IDENTIFIER.fullmatch(name) for name in content["keys"]):
                raise ValueError("no identifier")
            stored = {
                key: StoredKey(WrappedKey.from_bytes(json.dumps(value["wrapped"]).encode()), value["context"])
                for key, value in content["keys"].items()
            }
            return cls(stored, {str(k): str(v) for k, v in content["types"].items()})
        except (ValueError, KeyError, TypeError, AttributeError, UserError):
            raise UserError(f"{name} is no file of wrapped keys, or is damaged: fetch its backup.") from None
