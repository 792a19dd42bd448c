"""What is known of an encrypted file, in words and as a table; never its content, never a key."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from secure_ai.core.sources import shown

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class FileInfo:
    """What an encrypted file says of itself.

    Attributes:
        name: the encrypted file's name.
        ring: the kind of key ring that wrapped its data key.
        key_name: the key-encryption key in that ring.
        key_version: its version.
        format_version: the version of the file format.
        chunk_size: bytes of plaintext in each chunk but the last.
        chunks: how many there are.
        plain_size: bytes of the plaintext, from the file's length.
        file_size: bytes of the encrypted file.
        associated_data: what the file belongs to.
        authenticated: whether head and every chunk were checked with the key; False after the head alone.
        rotation_finished: False if a rotation was interrupted; the file opens, and rewrap_file finishes it.
    """

    name: str
    ring: str
    key_name: str
    key_version: str
    format_version: int
    chunk_size: int
    chunks: int
    plain_size: int
    file_size: int
    associated_data: Mapping[str, str]
    authenticated: bool
    rotation_finished: bool = True

    def sentence(self) -> str:
        """Say it in words; nothing that a file says of itself commands the terminal.

        A version that is no number, such as the fingerprint of a recipient's key, is in the table alone.
        """
        checked = (
            "head and chunks are authentic"
            if self.authenticated
            else "nothing of it was authenticated: that takes the key"
        )
        rest = "" if self.rotation_finished else " A rotation was interrupted: rewrap_file finishes it."
        number = "chunk" if self.chunks == 1 else "chunks"
        counted = re.fullmatch("[0-9]{1,9}", self.key_version) is not None
        version = f", version {self.key_version}" if counted else ""
        return (
            f"{self.name} holds {self.plain_size:,} bytes in {self.chunks:,} {number}, under the "
            f"key {shown(self.key_name)}{version}, ring {shown(self.ring)}; "
            f"{checked}.{rest}"
        )

    def to_frame(self) -> pd.DataFrame:
        """Return one row per field: ``field``, ``value`` (text)."""
        import pandas as pd

        belongs = ", ".join(
            f"{shown(name)}={shown(value)}" for name, value in sorted(self.associated_data.items())
        )
        rows = [
            ("file", self.name),
            ("key", f"{shown(self.key_name)}, version {shown(self.key_version)}"),
            ("ring", shown(self.ring)),
            ("format version", str(self.format_version)),
            ("chunk size", f"{self.chunk_size:,}"),
            ("chunks", f"{self.chunks:,}"),
            ("plain size", f"{self.plain_size:,}"),
            ("file size", f"{self.file_size:,}"),
            ("associated data", belongs or "none"),
            ("authenticated", "yes" if self.authenticated else "no"),
        ]
        return pd.DataFrame(rows, columns=["field", "value"])


@dataclass(frozen=True)
class Rewrapped:
    """What a rotation did to a file.

    Attributes:
        name: the file's name.
        key_name: the key-encryption key.
        old_version: the version that wrapped the data key before.
        new_version: the one that wraps it now.
        written_bytes: bytes of the head that were written.
        content_bytes: bytes of ciphertext after them, which were neither read nor written.
    """

    name: str
    key_name: str
    old_version: str
    new_version: str
    written_bytes: int
    content_bytes: int

    def sentence(self) -> str:
        """Say it in words."""
        return (
            f"{self.name}: the data key was under version {self.old_version} of the key {self.key_name} and "
            f"is now under {self.new_version}; {self.written_bytes:,} bytes of the head were written, "
            f"{self.content_bytes:,} bytes of ciphertext were neither read nor written."
        )
