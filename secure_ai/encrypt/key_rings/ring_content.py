"""What the key ring on this disk holds: versions of keys, and what binds wrapped keys to them."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace

from secure_ai.core.sources import shown
from secure_ai.encrypt.key_rings.errors import KeyNotFoundError, KeyVersionGoneError, RingFileError
from secure_ai.encrypt.key_rings.interface import canonical_context, check_key_name


@dataclass(frozen=True, repr=False)
class RingContent:
    """The content of a ring's file.

    Attributes:
        ring_id: 16 random bytes, so that rings can be told apart.
        changes: how often it was changed, so that an older copy can be told from a newer one.
        keys: for each key its versions, the oldest first; None where destroyed.
    """

    ring_id: bytes
    changes: int
    keys: dict[str, dict[str, bytes | None]]

    @classmethod
    def parsed(cls, raw: bytes, name: str) -> RingContent:
        """Rebuild the content from :meth:`to_bytes`; ``name`` is the file's.

        Raises:
            RingFileError: if it is none.
        """
        try:
            fields = json.loads(raw)
        except ValueError:
            fields = None  # The exception holds all keys: nothing is raised while it is at hand.
        try:
            keys = {
                key_name: {
                    version: None if key is None else base64.b64decode(key) for version, key in all_.items()
                }
                for key_name, all_ in fields["keys"].items()
            }
            return cls(bytes.fromhex(fields["ring"]), int(fields["changes"]), keys)
        except (ValueError, KeyError, TypeError, AttributeError):
            raise RingFileError(
                f"The key ring {shown(name)} was written by another version of this kit: update the kit."
            ) from None

    def to_bytes(self) -> bytes:
        """Return the content as bytes, to be sealed."""
        keys = {
            key_name: {
                version: None if key is None else base64.b64encode(key).decode()
                for version, key in all_.items()
            }
            for key_name, all_ in self.keys.items()
        }
        return json.dumps({"ring": self.ring_id.hex(), "changes": self.changes, "keys": keys}).encode()

    def to_change(self) -> RingContent:
        """Return a copy that may be changed, counted as one change more."""
        return replace(self, changes=self.changes + 1, keys={k: dict(v) for k, v in self.keys.items()})

    def versions_of(self, key_name: str) -> dict[str, bytes | None]:
        """Return the versions of a key.

        Raises:
            KeyNotFoundError: if there is no such key.
        """
        check_key_name(key_name)
        if key_name not in self.keys:
            raise KeyNotFoundError(f"The key ring has no key {key_name}: create it, or check the name.")
        return self.keys[key_name]

    def key_of(self, key_name: str, version: str) -> bytes:
        """Return one version of a key.

        Raises:
            KeyNotFoundError: if there is no such key or version.
            KeyVersionGoneError: if it was destroyed.
        """
        versions = self.versions_of(key_name)
        if version not in versions:
            raise KeyNotFoundError(
                f"The key {key_name} has no version {shown(str(version))} in this key ring: it may be an "
                "older copy."
            )
        key = versions[version]
        if key is None:
            raise KeyVersionGoneError(
                f"Version {version} of the key {key_name} was destroyed: what it wrapped can never be opened "
                "again."
            )
        return key

    def associated(self, key_name: str, version: str, context: Mapping[str, str]) -> bytes:
        """Return what is authenticated with a wrapped key."""
        head = json.dumps([self.ring_id.hex(), key_name, version]).encode()
        return b"secure-ai wrapped key 1" + head + canonical_context(context)
