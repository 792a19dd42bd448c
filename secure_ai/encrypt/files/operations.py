"""Whole files: encrypt, decrypt, verify, inspect, and wrap their key anew, in constant memory."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from secure_ai.core.errors import UserError
from secure_ai.encrypt.files.chunks import (
    ChunkCipher,
    check_chunk_size,
    check_plain_size,
    content_length,
    number_of_chunks,
    plain_length,
    refuse_chunk,
)
from secure_ai.encrypt.files.errors import (
    ChangedWhileReadError,
    TamperedFileError,
    WrongAssociatedDataError,
)
from secure_ai.encrypt.files.header import (
    BLOCK,
    DEFAULT_CHUNK_SIZE,
    FILE_ENTRY,
    HEADER_BYTES,
    MAXIMUM_GENERATION,
    TAG_BYTES,
    VERSION,
    Header,
    Slot,
    parse_header,
)
from secure_ai.encrypt.files.info import FileInfo, Rewrapped
from secure_ai.encrypt.files.keys import header_bytes, new_file_keys, unlock
from secure_ai.encrypt.files.local_files import (
    SourceFile,
    check_different,
    new_file,
    not_written,
    shown_name,
)
from secure_ai.encrypt.files.workers import for_each_chunk
from secure_ai.encrypt.key_rings.interface import KeyRing, canonical_context


def encrypt_file(
    source: str | Path,
    target: str | Path,
    key_ring: KeyRing,
    key_name: str,
    *,
    associated_data: Mapping[str, str] | None = None,
    chunk_size: int = DEFAULT_CHUNK_SIZE,
    durable: bool = False,
) -> FileInfo:
    """Write ``source`` to ``target``, encrypted with a data key of its own; any size in constant memory.

    Args:
        source: a file; its mode and times are not kept.
        target: appears whole or not at all, readable by its owner alone; an existing file is replaced, and
            so is a link (what it points to stays).
        key_ring: wraps the data key.
        key_name: with which of its keys.
        associated_data: what the file belongs to, such as ``{"table": "patients"}``: authenticated, stored in
            the clear and written to the key ring's audit trail, so it holds no personal value.
        chunk_size: bytes of plaintext in each chunk.
        durable: whether to wait until the disk has it; needed where the source is deleted next.

    Raises:
        UserError: if a file cannot be read or written, both are the same, the source changes meanwhile, the
            key ring refuses, or an argument is not valid. Nothing is left under ``target``'s name then.
    """
    data = checked_associated_data(associated_data)
    check_chunk_size(chunk_size)
    target = Path(target)
    check_different(source, target)
    with SourceFile(source) as plain_file:
        check_plain_size(plain_file.size, chunk_size, plain_file.name)
        size = HEADER_BYTES + content_length(plain_file.size, chunk_size)
        keys, header = new_file_keys(key_ring, key_name, chunk_size, data)
        cipher = ChunkCipher(keys.content)
        with new_file(target, reserve=size, durable=durable) as draft:
            draft.write(header_bytes(header), 0)

            def seal(number: int, last: bool, plain: memoryview, sealed: memoryview) -> None:
                plain_file.read_into(plain, number * chunk_size)
                cipher.seal_into(number, last, plain, sealed)
                draft.write(sealed, sealed_position(number, chunk_size))

            for_each_chunk(plain_file.size, chunk_size, seal)
            plain_file.check_unchanged()
    return describe(shown_name(target), header, size, authenticated=True)


def decrypt_file(
    source: str | Path,
    target: str | Path,
    key_ring: KeyRing,
    *,
    associated_data: Mapping[str, str] | None = None,
    durable: bool = False,
) -> FileInfo:
    """Write the plaintext of ``source`` to ``target``, once all of it is authentic.

    Args:
        source: a file that :func:`encrypt_file` wrote.
        target: appears whole or not at all, readable by its owner alone; an existing file is replaced.
        key_ring: the ring that wrapped its key.
        associated_data: what the file must belong to; None takes what its (authenticated) head says.
        durable: whether to wait until the disk has it.

    Raises:
        NotEncryptedError, TamperedFileError, TruncatedFileError, WrongFileKeyError, WrongAssociatedDataError:
            if the file, its key or its associated data is not as it should be.
        UserError: otherwise as :func:`encrypt_file`, and what the key ring says. Nothing is left under
            ``target``'s name then.
    """
    target = Path(target)
    check_different(source, target)
    with SourceFile(source) as sealed_file:
        header, size = read_header(sealed_file)
        cipher = unlocked_cipher(header, key_ring, sealed_file.name, associated_data)
        with new_file(target, reserve=size, durable=durable) as draft:
            _open_all(sealed_file, header, size, cipher, draft.write)
    return describe(sealed_file.name, header, sealed_file.size, authenticated=True)


def verify_file(
    source: str | Path, key_ring: KeyRing, *, associated_data: Mapping[str, str] | None = None
) -> FileInfo:
    """Check head and every chunk of an encrypted file; no plaintext is written.

    Raises:
        UserError: as :func:`decrypt_file`.
    """
    with SourceFile(source) as sealed_file:
        header, size = read_header(sealed_file)
        cipher = unlocked_cipher(header, key_ring, sealed_file.name, associated_data)
        _open_all(sealed_file, header, size, cipher, lambda plain, position: None)
    return describe(sealed_file.name, header, sealed_file.size, authenticated=True)


def inspect_file(source: str | Path) -> FileInfo:
    """Return what the head of an encrypted file says, without a key: nothing of it is authenticated.

    Raises:
        UserError: if the file cannot be read, is none that this kit encrypted, or is damaged in its head.
    """
    with SourceFile(source) as sealed_file:
        header, _ = read_header(sealed_file)
    return describe(sealed_file.name, header, sealed_file.size, authenticated=False)


def rewrap_file(path: str | Path, key_ring: KeyRing) -> Rewrapped:
    """Wrap a file's data key with the newest version of its key; the ciphertext is neither read nor written.

    Two slots in the head hold the wrapped key. One is written, then, once the disk has it, the other:
    whenever the machine stops, one is whole. This function is also the repair of an interrupted rotation.

    Raises:
        UserError: if the file cannot be read and written, is damaged in its head, is rewrapped by another
            process, or the key ring refuses; it still opens as before then.
    """
    with SourceFile(path) as sealed_file:
        name, size = sealed_file.name, sealed_file.size
    try:
        with open(path, "r+b", buffering=0) as file, _one_writer(file.fileno(), name):  # noqa: PTH123
            header = parse_header(file.read(HEADER_BYTES) or b"", name, mend=True)
            old = header.slots[header.newest]
            if old.generation >= MAXIMUM_GENERATION:
                raise TamperedFileError(
                    f"The count of rotations in {name} cannot be right: take the file from a backup."
                )
            new = Slot(old.generation + 1, key_ring.rewrap(old.wrapped, header.fixed.context()))
            block = new.to_bytes()
            for slot in (1 - header.newest, header.newest):
                file.seek(BLOCK * (1 + slot))
                _write_whole(file.write, block)
                os.fsync(file.fileno())
    except OSError as error:
        raise not_written(name, error) from None
    return Rewrapped(
        name, new.wrapped.key_name, old.wrapped.version, new.wrapped.version, 2 * BLOCK, size - HEADER_BYTES
    )


def checked_associated_data(associated_data: Mapping[str, str] | None) -> dict[str, str]:
    """Return the associated data, none for None.

    Raises:
        UserError: if they are not names and values of text, or use the one name that is taken.
    """
    if associated_data is None:
        return {}
    if not isinstance(associated_data, Mapping):
        raise UserError("Associated data are names and values of text, such as {'table': 'patients'}.")
    canonical_context(associated_data)
    if FILE_ENTRY in associated_data:
        raise UserError(f"The name {FILE_ENTRY} is taken for the file's own number: choose another.")
    return dict(associated_data)


def sealed_position(number: int, chunk_size: int) -> int:
    """Return where a sealed chunk begins in its file."""
    return HEADER_BYTES + number * (chunk_size + TAG_BYTES)


def read_header(sealed_file: SourceFile) -> tuple[Header, int]:
    """Return the head of an encrypted file, and the size of its plaintext by the file's length."""
    header = parse_header(sealed_file.head(HEADER_BYTES), sealed_file.name)
    size = plain_length(sealed_file.size - HEADER_BYTES, header.fixed.chunk_size, sealed_file.name)
    return header, size


def unlocked_cipher(
    header: Header, key_ring: KeyRing, name: str, associated_data: Mapping[str, str] | None
) -> ChunkCipher:
    """Return the cipher of a file's chunks; its head is authentic, and it belongs to what is expected."""
    if associated_data is not None:
        expected = canonical_context(checked_associated_data(associated_data))
        if expected != canonical_context(header.fixed.associated_data):
            raise WrongAssociatedDataError(
                f"{name} was encrypted with other associated data: it belongs to something else."
            )
    return ChunkCipher(unlock(header, key_ring, name).content)


def describe(name: str, header: Header, file_size: int, *, authenticated: bool) -> FileInfo:
    """Return what is known of a file."""
    chunk_size, wrapped = header.fixed.chunk_size, header.wrapped
    plain_size = plain_length(file_size - HEADER_BYTES, chunk_size, name)
    return FileInfo(
        name=name,
        ring=wrapped.ring,
        key_name=wrapped.key_name,
        key_version=wrapped.version,
        format_version=VERSION,
        chunk_size=chunk_size,
        chunks=number_of_chunks(plain_size, chunk_size),
        plain_size=plain_size,
        file_size=file_size,
        associated_data=dict(header.fixed.associated_data),
        authenticated=authenticated,
        rotation_finished=header.settled,
    )


def _open_all(
    sealed_file: SourceFile,
    header: Header,
    size: int,
    cipher: ChunkCipher,
    take: Callable[[memoryview, int], None],
) -> None:
    chunk_size = header.fixed.chunk_size

    def open_chunk(number: int, last: bool, plain: memoryview, sealed: memoryview) -> None:
        sealed_file.read_into(sealed, sealed_position(number, chunk_size))
        if not cipher.open_into(number, last, sealed, plain):
            sealed_file.check_unchanged()
            refuse_chunk(cipher, number, number_of_chunks(size, chunk_size), sealed, sealed_file.name)
        take(plain, number * chunk_size)

    for_each_chunk(size, chunk_size, open_chunk)
    sealed_file.check_unchanged()


def _write_whole(write: Callable[[memoryview], int], data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[write(rest) :]


@contextmanager
def _one_writer(descriptor: int, name: str) -> Iterator[None]:
    """Hold the file's lock where the system has one; it ends with the descriptor."""
    if os.name == "posix":
        import fcntl

        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ChangedWhileReadError(
                f"The key of {name} is being wrapped by another process: let it finish, then try again."
            ) from None
    yield
