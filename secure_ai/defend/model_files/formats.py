"""What a model's file is, by its content: names and endings are chosen by whoever made it."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import dataclass

import numpy as np

COMPRESSED = {
    b"\x1f\x8b": "gzip",
    b"BZh": "bz2",
    b"\xfd7zXZ\x00": "xz",
    b"]\x00\x00": "lzma",
    b"\x04\x22\x4d\x18": "lz4",
    b"\x78\x01": "zlib",
    b"\x78\x5e": "zlib",
    b"\x78\x9c": "zlib",
    b"\x78\xda": "zlib",
}
PICKLES = ("pickle", "compressed pickle")
MOST_MEMBERS = 100_000
MOST_UNPACKED = 1 << 32
LEAST_SUSPECT = 1 << 26
MOST_RATIO = 200
ENDINGS = {
    "pickle": (".pkl", ".pickle", ".joblib", ".dill", ".dat", ".data", ".bin", ".sav", ".p", ".pt", ".pth"),
    "compressed pickle": (".joblib", ".pkl", ".gz", ".z", ".bz2", ".xz", ".lzma", ".lz4", ".sav"),
    "skops": (".skops",),
    "npy": (".npy",),
}


@dataclass(frozen=True)
class Format:
    """What a file is.

    Attributes:
        name: skops, pickle, compressed pickle, npy, zip, hdf5, safetensors, gguf, json, text or unknown.
        acts: whether opening it the usual way can run code: ``"no"``, ``"yes"`` or ``"not known"``.
        note: what makes it so; empty where the name says it all.
    """

    name: str
    acts: str
    note: str = ""


def format_of(content: bytes) -> Format:
    """Say what a file is, by its content."""
    if content.startswith(b"PK\x03\x04") or content.startswith(b"PK\x05\x06"):
        return _zip_format(content)
    if content.startswith(b"\x93NUMPY"):
        return _npy_format(content)
    for magic, name in COMPRESSED.items():
        if content.startswith(magic):
            return Format("compressed pickle", "yes", f"compressed with {name}, as joblib does")
    if looks_like_pickle(content):
        return Format("pickle", "yes")
    if content.startswith(b"\x89HDF\r\n\x1a\n"):
        return Format("hdf5", "not known", "Keras stores layers with code (Lambda) in such files")
    if content.startswith(b"GGUF"):
        return Format("gguf", "not known", "weights, and templates that the reader runs")
    if _is_safetensors(content):
        return Format("safetensors", "no", "numbers and a JSON header")
    if content.lstrip()[:1] in (b"{", b"["):
        return Format("json", "no", "text; what the reader makes of it is the reader's")
    return Format("unknown", "not known", "its first bytes are of no format that this kit knows")


def looks_like_pickle(content: bytes) -> bool:
    """Say whether a reader of pickles would begin to act on these bytes: the first instructions are valid."""
    import pickletools

    if content[:1] == b"\x80":
        return content[1:2] <= b"\x05" and len(content) > 2
    if content.lstrip()[:1] in (b"{", b"[") or not content:
        return False
    seen, last = 0, ""
    try:
        for operation, _, _ in pickletools.genops(io.BytesIO(content[: 1 << 16])):
            seen, last = seen + 1, operation.name
            if seen >= 8:
                break
    except Exception:
        return seen >= 3
    return last == "STOP" or seen >= 8


def inner_pickles(content: bytes, most: int = 20) -> list[bytes]:
    """Return the pickles inside an array of objects or an archive that was found to be no bomb."""
    if content.startswith(b"\x93NUMPY"):
        return [content[_npy_header(content)[1] :]]
    found: list[bytes] = []
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        for member in archive.infolist():
            if len(found) == most:
                break
            with archive.open(member) as stream:
                head = stream.read(1 << 16)
                if looks_like_pickle(head):
                    found.append(head + stream.read())
                elif head.startswith(b"\x93NUMPY") and _npy_format(head).acts == "yes":
                    found.append((head + stream.read())[_npy_header(head)[1] :])
    return found


def zip_problem(content: bytes) -> str | None:
    """Say why an archive should not be unpacked at all: broken, endless, or a bomb."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, RuntimeError):
        return "it is a broken archive"
    unpacked = sum(member.file_size for member in members)
    if len(members) > MOST_MEMBERS or unpacked > MOST_UNPACKED:
        return f"it would unpack to {unpacked >> 20:,} MiB in {len(members):,} files"
    if unpacked > LEAST_SUSPECT and unpacked > MOST_RATIO * len(content):
        return f"it would unpack to {unpacked // max(len(content), 1):,} times its size"
    return None


def _zip_format(content: bytes) -> Format:
    problem = zip_problem(content)
    if problem is not None:
        return Format("zip", "not known", problem)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        names = archive.namelist()
        if "schema.json" in names:
            return Format("skops", "no", "types are checked before anything is made")
        for name in names[:1000]:
            try:
                with archive.open(name) as member:
                    head = member.read(1 << 16)
            except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, RuntimeError, EOFError):
                return Format("zip", "not known", "a file in the archive cannot be read")
            inner = _npy_format(head) if head.startswith(b"\x93NUMPY") else None
            if looks_like_pickle(head) or (inner is not None and inner.acts == "yes"):
                return Format("zip", "yes", "an archive with a pickle in it, as PyTorch and numpy make")
    return Format("zip", "not known", "an archive without a pickle")


def _npy_format(content: bytes) -> Format:
    try:
        kind, _ = _npy_header(content)
    except Exception:
        return Format("npy", "not known", "its header is broken")
    if kind.hasobject:
        return Format("npy", "yes", "an array of objects, which is a pickle inside")
    return Format("npy", "no", "numbers only")


def _npy_header(content: bytes) -> tuple[np.dtype, int]:
    stream = io.BytesIO(content)
    first = np.lib.format.read_magic(stream) == (1, 0)
    reader = np.lib.format.read_array_header_1_0 if first else np.lib.format.read_array_header_2_0
    return reader(stream)[2], stream.tell()


def _is_safetensors(content: bytes) -> bool:
    length = int.from_bytes(content[:8], "little")
    if not 2 <= length <= min(len(content) - 8, 1 << 26):
        return False
    try:
        return isinstance(json.loads(content[8 : 8 + length]), dict)
    except (ValueError, RecursionError):
        return False
