"""What is packed in a file: members of archives and compressed streams, opened one in the other."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

MOST_BYTES = 1 << 30
MOST_DEPTH = 8
GZIP, ZIP, BZ2, XZ, ZSTD = b"\x1f\x8b", b"PK\x03\x04", b"BZh", b"\xfd7zXZ\0", b"\x28\xb5\x2f\xfd"
MAGICS = (GZIP, ZIP, BZ2, XZ, ZSTD)


@dataclass(frozen=True)
class Member:
    """One packed part: its path within the file, and its bytes, or why they cannot be had."""

    where: str
    data: bytes
    reason: str = ""


def is_packed(head: bytes) -> bool:
    """Return whether the first bytes are those of an archive or a compressed stream."""
    return head.startswith(MAGICS) or head[257:262] == b"ustar" or _is_zlib(head)


def members(data: bytes, where: str = "", depth: int = 0) -> Iterator[Member]:
    """Yield everything that is packed in the bytes, and in what is packed there."""
    if not is_packed(data[:300]):
        return
    if depth >= MOST_DEPTH:
        yield Member(where, b"", f"packed more than {MOST_DEPTH} times")
        return
    try:
        for member in _open(data, where):
            yield member
            if not member.reason:
                yield from members(member.data, member.where, depth + 1)
    except (OSError, EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, tarfile.TarError) as error:
        # Two bytes alone may look like a compressed stream by chance.
        if not _is_zlib(data[:2]):
            yield Member(where, b"", f"damaged ({type(error).__name__})")
    except (RuntimeError, NotImplementedError):
        yield Member(where, b"", "encrypted, or packed in a way that is not known here")


def _open(data: bytes, where: str) -> Iterator[Member]:
    name = f"{where}/" if where else ""
    if data.startswith(ZIP):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for info in archive.infolist():
                if info.flag_bits & 1:
                    yield Member(name + "member", b"", "encrypted")
                elif info.file_size > MOST_BYTES:
                    yield Member(name + "member", b"", "larger than 1 GB")
                else:
                    yield Member(name + "member", info.filename.encode() + b"\n" + info.comment)
                    yield Member(name + "member", archive.read(info))
    elif data[257:262] == b"ustar":
        with tarfile.open(fileobj=io.BytesIO(data)) as archive:
            for info in archive:
                if info.isfile() and (file := archive.extractfile(info)) is not None:
                    yield Member(name + "member", file.read(MOST_BYTES))
    elif data.startswith(GZIP):
        with gzip.open(io.BytesIO(data)) as stream:
            yield _stream(stream, name + "gzip")
    elif data.startswith(BZ2):
        with bz2.open(io.BytesIO(data)) as stream:
            yield _stream(stream, name + "bzip2")
    elif data.startswith(XZ):
        with lzma.open(io.BytesIO(data)) as stream:
            yield _stream(stream, name + "xz")
    elif data.startswith(ZSTD):
        import pyarrow as pa

        with pa.CompressedInputStream(pa.BufferReader(data), "zstd") as stream:
            yield Member(name + "zstd", stream.read())
    else:
        yield Member(name + "zlib", zlib.decompressobj().decompress(data, MOST_BYTES))


def _stream(stream: gzip.GzipFile | bz2.BZ2File | lzma.LZMAFile, where: str) -> Member:
    found = stream.read(MOST_BYTES + 1)
    return Member(where, b"", "larger than 1 GB") if len(found) > MOST_BYTES else Member(where, found)


def _is_zlib(head: bytes) -> bool:
    return len(head) > 1 and head[0] == 0x78 and head[1] in (0x01, 0x5E, 0x9C, 0xDA)
