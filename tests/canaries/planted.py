"""Distinctive values that are planted, and the search for them in bytes, texts and folders."""

from __future__ import annotations

import base64
import bz2
import gzip
import hashlib
import html
import io
import json
import lzma
import os
import tarfile
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, quote_plus

PERSONAL = {
    "name": "Zebulonia Quartermaine-Ößt",
    "ssn": "912-47-3561",
    "diagnosis": "canarian heliotropic plumage syndrome",
    "note": "Feathers observed at bedside; sings before sunrise, dislikes coal dust.",
    "card number": "5555730184269917",
    "iban": "DE61999999990417263548",
}
SECRET = {
    "password": "goldfinch under 7 quilted rooftops",
    "passphrase": "nine yellow wings over Gran Tarajal",
    "client secret": "cs-Serinus_canaria/91+ß",
    "private key": bytes.fromhex("c0ffee5e41cade13a7b2d94f7711f0aa9d3e6b58c2410fe2b7a6d5948372615f"),
    "TOTP secret": bytes.fromhex("ca9a21e55e41c0de77b1fe9360a4d2c8815e3f07"),
}
SHORTEST = 6
MOST_NESTED = 3
BLOCK = 1 << 16
ZEROS = bytes(BLOCK)


@dataclass(frozen=True)
class Found:
    """A planted value that lies where it must not; it is named and never shown."""

    canary: str
    encoding: str
    where: str = ""


@dataclass(frozen=True)
class Canaries:
    """Planted values, and how to find them again."""

    values: Mapping[str, bytes] = field(repr=False)
    _needles: tuple[tuple[str, str, bytes], ...] = field(repr=False, default=())

    @classmethod
    def of(cls, *groups: Mapping[str, str | bytes]) -> Canaries:
        """Make canaries of names and values, text as UTF-8."""
        values = {
            name: value.encode() if isinstance(value, str) else bytes(value)
            for group in groups
            for name, value in group.items()
        }
        short = [name for name, value in values.items() if len(value) < SHORTEST]
        if short:
            raise ValueError(f"Too short to be told from chance: {short}")
        return cls(values, tuple(_needles(values)))

    def plus(self, **values: str | bytes) -> Canaries:
        """Return these and more, such as a key or token that came into being in a test."""
        return Canaries.of(self.values, values)

    def without(self, *names: str) -> Canaries:
        """Return all but some."""
        return Canaries.of({name: value for name, value in self.values.items() if name not in names})

    def in_bytes(self, data: bytes, where: str = "", depth: int = 0) -> list[Found]:
        """Return what is found in ``data``, also where line breaks were put in or it is compressed."""
        folded = data.lower()
        found = {
            Found(name, encoding, where)
            for name, encoding, needle in self._needles
            if needle in (folded if encoding in FOLDED else data)
        }
        if b"\n" in data:
            joined = data.translate(None, b"\r\n")
            found |= {
                Found(name, encoding, where)
                for name, encoding, needle in self._needles
                if encoding.startswith("base64") and needle in joined
            }
        if depth < MOST_NESTED:
            for inner, content in _unpacked(data):
                found |= set(self.in_bytes(content, f"{where} > {inner}", depth + 1))
        return sorted(found, key=lambda one: (one.where, one.canary, one.encoding))

    def in_text(self, text: str, where: str = "") -> list[Found]:
        """Return what is found in a text."""
        return self.in_bytes(text.encode("utf-8", "surrogatepass"), where)

    def in_folder(self, folder: Path, leave_out: Iterable[Path] = ()) -> list[Found]:
        """Return what is found in the names and contents of all files under ``folder``.

        Args:
            folder: searched whole, hidden files, links' targets and sockets' names included.
            leave_out: files and folders that hold plaintext by design; each needs its reason.
        """
        out = {path.resolve() for path in leave_out}
        found: list[Found] = []
        clean: set[bytes] = set()
        for path in _walk(folder, out):
            name = path.relative_to(folder).as_posix()
            found += self.in_text(name, "a name")
            if path.is_symlink():
                found += self.in_bytes(os.fsencode(path.readlink()), name)
            elif path.is_file():
                content = _content(path)
                digest = hashlib.sha256(content).digest()
                # Databases are made as copies of each other: what held nothing once holds nothing again.
                if digest not in clean:
                    here = self.in_bytes(content, name) + self._in_parquet(path, name)
                    found += here
                    clean |= set() if here else {digest}
        return found

    def _in_parquet(self, path: Path, name: str) -> list[Found]:
        with path.open("rb") as file:
            if file.read(4) != b"PAR1":
                return []
        import pyarrow.parquet as pq

        text = "\n".join(str(value) for column in pq.read_table(path).columns for value in column.to_pylist())
        return self.in_text(text, f"{name} > columns")


FOLDED = ("hex", "URL")


def _needles(values: Mapping[str, bytes]) -> Iterator[tuple[str, str, bytes]]:
    for name, value in values.items():
        forms: dict[str, set[bytes]] = {"as it is": {value}}
        text = _text(value)
        if text is not None:
            forms["UTF-16"] = {text.encode("utf-16-le"), text.encode("utf-16-be")}
            forms["Latin-1"] = {text.encode("latin-1", "ignore")}
            forms["JSON"] = {json.dumps(text)[1:-1].encode()}
            forms["HTML"] = {html.escape(text).encode()}
        forms["hex"] = {value.hex().encode(), value.hex(":").encode(), value.hex(" ").encode()}
        forms["URL"] = {quote(value, safe="").lower().encode(), quote_plus(value, safe="").lower().encode()}
        forms["repr"] = {repr(value)[2:-1].encode()}
        forms["base32"] = {base64.b32encode(value).rstrip(b"=")}
        for offset in range(3):
            forms[f"base64, offset {offset}"] = set(_base64(value, offset))
        for encoding, needles in forms.items():
            for needle in needles:
                # A form that is the value itself, or too short for certainty, says nothing more.
                if len(needle) >= SHORTEST and (encoding == "as it is" or needle != value):
                    yield name, encoding, needle


def _base64(value: bytes, offset: int) -> Iterator[bytes]:
    """What of ``value`` is the same in base64 whatever stands before and after it."""
    start, end = (0, 2, 3)[offset], (offset + len(value)) * 8 // 6
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        yield encode(bytes(offset) + value)[start:end]


def _text(value: bytes) -> str | None:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return None


def _content(path: Path) -> bytes:
    """What a file holds, without the long runs of zeros of files that are reserved and not yet used."""
    kept = []
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            if kept[-1:] != [ZEROS] or block != ZEROS:
                kept.append(block)
    return b"".join(kept)


def _unpacked(data: bytes) -> Iterator[tuple[str, bytes]]:
    """What a compressed content holds; one that is damaged gives nothing."""
    try:
        if data.startswith(b"\x1f\x8b"):
            yield "gzip", gzip.decompress(data)
        elif data.startswith(b"BZh"):
            yield "bzip2", bz2.decompress(data)
        elif data.startswith(b"\xfd7zXZ"):
            yield "xz", lzma.decompress(data)
        elif data[:2] in (b"\x78\x01", b"\x78\x9c", b"\x78\xda"):
            yield "zlib", zlib.decompress(data)
        elif data.startswith(b"PK\x03\x04"):
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                yield from ((name, archive.read(name)) for name in archive.namelist())
        elif data[257:262] == b"ustar":
            with tarfile.open(fileobj=io.BytesIO(data)) as archive:
                yield from ((one.name, archive.extractfile(one).read()) for one in archive if one.isfile())
    except (
        OSError,
        EOFError,
        zlib.error,
        lzma.LZMAError,
        zipfile.BadZipFile,
        tarfile.TarError,
        RuntimeError,
    ):
        return


def _walk(folder: Path, leave_out: set[Path]) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if path.resolve() in leave_out:
            continue
        yield path
        if path.is_dir() and not path.is_symlink():
            yield from _walk(path, leave_out)
