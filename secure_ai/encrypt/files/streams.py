"""Encrypted files as streams: written piece by piece, read from any place, like other binary files."""

from __future__ import annotations

import io
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

from secure_ai.core.errors import UserError
from secure_ai.encrypt.files.chunks import (
    ChunkCipher,
    check_chunk_size,
    check_plain_size,
    number_of_chunks,
    refuse_chunk,
)
from secure_ai.encrypt.files.header import DEFAULT_CHUNK_SIZE, TAG_BYTES
from secure_ai.encrypt.files.keys import header_bytes, new_file_keys
from secure_ai.encrypt.files.local_files import SourceFile, new_file, shown_name
from secure_ai.encrypt.files.operations import (
    checked_associated_data,
    read_header,
    sealed_position,
    unlocked_cipher,
)
from secure_ai.encrypt.key_rings.interface import KeyRing


class EncryptedWriter(io.BufferedIOBase):
    """A binary file that encrypts what is written to it; made by :func:`create_encrypted`.

    The file appears at the end of a ``with`` block that succeeds, or with :meth:`finish`. A writer that is
    closed, or forgotten, before that leaves no file: a part must not pass for the whole.
    """

    def __init__(
        self,
        target: Path,
        key_ring: KeyRing,
        key_name: str,
        associated_data: Mapping[str, str],
        *,
        chunk_size: int,
        durable: bool,
    ) -> None:
        self._draft_block: Any = None  # first: __del__ asks for it, whatever fails below
        self._in_block = self._shut = False
        self._name = shown_name(target)
        self._chunk_size, self._number, self._filled = chunk_size, 0, 0
        keys, header = new_file_keys(key_ring, key_name, chunk_size, associated_data)
        self._cipher = ChunkCipher(keys.content)
        self._plain = memoryview(bytearray(chunk_size))
        self._sealed = memoryview(bytearray(chunk_size + TAG_BYTES))
        block = new_file(target, durable=durable)
        self._draft = block.__enter__()
        self._draft_block = block
        try:
            self._draft.write(header_bytes(header), 0)
        except BaseException:
            self._discard()
            raise

    def writable(self) -> bool:
        """Return True."""
        return True

    def write(self, data: Any) -> int:
        """Encrypt ``data`` and return its length.

        Raises:
            UserError: if the disk is full, or the file would be larger than one key may encrypt.
        """
        if self._shut or self._draft_block is None:
            raise ValueError("write to a closed file")
        with memoryview(data) as given, given.cast("B") as view:
            length = len(view)
            taken = 0
            while taken < length:
                # A full chunk waits for the next byte: only then is it known not to be the last.
                if self._filled == self._chunk_size:
                    self._seal(last=False)
                count = min(length - taken, self._chunk_size - self._filled)
                self._plain[self._filled : self._filled + count] = view[taken : taken + count]
                self._filled += count
                taken += count
        return length

    def tell(self) -> int:
        """Return how many bytes were written."""
        return self._number * self._chunk_size + self._filled

    def finish(self) -> None:
        """Seal the last chunk and give the file its name."""
        if self._draft_block is None:
            raise UserError(f"{self._name} was closed before it was finished: write it again.")
        try:
            self._seal(last=True)
        except BaseException:
            self._discard()
            raise
        block, self._draft_block = self._draft_block, None
        block.__exit__(None, None, None)
        super().close()

    def close(self) -> None:
        """Take no more bytes; outside of a ``with`` block, also discard what was not finished."""
        self._shut = True
        if not self._in_block:
            self._discard()
            super().close()

    def __enter__(self) -> EncryptedWriter:
        """Return the writer; the file appears at the end of the block."""
        self._in_block = True
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Finish the file, or discard it if the block failed."""
        self._in_block = False
        if kind is not None:
            self.close()
        elif not self.closed:
            self.finish()

    def __del__(self) -> None:
        """Discard what was not finished."""
        with suppress(Exception):
            self._in_block = False
            self.close()

    def _seal(self, last: bool) -> None:
        check_plain_size(self.tell(), self._chunk_size, self._name)
        sealed = self._sealed[: self._filled + TAG_BYTES]
        self._cipher.seal_into(self._number, last, self._plain[: self._filled], sealed)
        self._draft.write(sealed, sealed_position(self._number, self._chunk_size))
        self._number, self._filled = self._number + 1, 0

    def _discard(self) -> None:
        block, self._draft_block = self._draft_block, None
        if block is not None:
            reason = _NotFinishedError()
            with suppress(_NotFinishedError):
                block.__exit__(type(reason), reason, None)


class EncryptedReader(io.RawIOBase):
    """An encrypted file, read in any order; made by :func:`open_encrypted`.

    Every byte that it returns is authentic. The last chunk is checked first: a file that was cut is refused
    before anything of it is read. A chunk in the middle that was changed is found when it is read.
    """

    def __init__(
        self, source: str | Path, key_ring: KeyRing, associated_data: Mapping[str, str] | None
    ) -> None:
        self._file: SourceFile | None = None
        self._file = file = SourceFile(source)
        try:
            header, self.plain_size = read_header(file)
            self._cipher = unlocked_cipher(header, key_ring, file.name, associated_data)
            self._chunk_size = header.fixed.chunk_size
            self._chunks = number_of_chunks(self.plain_size, self._chunk_size)
            length = min(self._chunk_size, self.plain_size)
            self._plain = memoryview(bytearray(length))
            self._sealed = memoryview(bytearray(length + TAG_BYTES))
            self._position, self._held, self._length = 0, -1, 0
            self._load(self._chunks - 1)
        except BaseException:
            self.close()
            raise

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def tell(self) -> int:
        """Return the position in the plaintext."""
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to a position in the plaintext and return it."""
        position = (
            offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self.plain_size}[whence]
        )
        if position < 0:
            raise ValueError("negative seek position")
        self._position = position
        return position

    def readinto(self, buffer: Any) -> int:
        """Fill ``buffer`` as far as the chunk at the position reaches; return how many bytes, 0 at the end.

        Raises:
            TamperedFileError: if the chunk is not authentic; nothing of it is returned.
        """
        if self._position >= self.plain_size:
            return 0
        number, start = divmod(self._position, self._chunk_size)
        self._load(number)
        with memoryview(buffer) as given, given.cast("B") as view:
            count = min(len(view), self._length - start)
            view[:count] = self._plain[start : start + count]
        self._position += count
        return count

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
        super().close()

    def _load(self, number: int) -> None:
        if number == self._held:
            return
        self._held = -1
        last = number == self._chunks - 1
        length = self.plain_size - number * self._chunk_size if last else self._chunk_size
        sealed, plain = self._sealed[: length + TAG_BYTES], self._plain[:length]
        self._file.read_into(sealed, sealed_position(number, self._chunk_size))
        if not self._cipher.open_into(number, last, sealed, plain):
            self._file.check_unchanged()
            refuse_chunk(self._cipher, number, self._chunks, sealed, self._file.name)
        self._held, self._length = number, length


class _NotFinishedError(Exception):
    """Tells the draft that it is not wanted."""


def create_encrypted(
    target: str | Path,
    key_ring: KeyRing,
    key_name: str,
    *,
    associated_data: Mapping[str, str] | None = None,
    chunk_size: int = DEFAULT_CHUNK_SIZE,
    durable: bool = False,
) -> EncryptedWriter:
    """Return a binary file for writing; use it in a ``with`` block. Arguments as in :func:`encrypt_file`.

    Raises:
        UserError: if the target cannot be written, the key ring refuses, or an argument is not valid.
    """
    data = checked_associated_data(associated_data)
    check_chunk_size(chunk_size)
    return EncryptedWriter(Path(target), key_ring, key_name, data, chunk_size=chunk_size, durable=durable)


def open_encrypted(
    source: str | Path, key_ring: KeyRing, *, associated_data: Mapping[str, str] | None = None
) -> io.BufferedReader:
    """Return a binary file for reading, also from the middle. Arguments as in :func:`decrypt_file`.

    Raises:
        UserError: as :func:`decrypt_file`; while reading, TamperedFileError at a chunk that is not authentic.
    """
    return io.BufferedReader(EncryptedReader(source, key_ring, associated_data))
