"""A file's content as chunks: the STREAM construction over AES-256-GCM, and what its length says.

Hoang, Reyhanitabar, Rogaway, Vizár, "Online Authenticated-Encryption and its Nonce-Reuse Misuse-Resistance"
(CRYPTO 2015): the nonce is the chunk's number and a flag for the last one. A chunk that was moved, left out,
repeated or cut off is opened with another nonce than it was sealed with, and does not open. The key belongs
to one file (see :mod:`keys`), so a chunk of another file does not open either and no nonce is used twice.
"""

from __future__ import annotations

from typing import NoReturn

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from secure_ai.core.errors import UserError
from secure_ai.encrypt.files.errors import TamperedFileError, TruncatedFileError
from secure_ai.encrypt.files.header import MAXIMUM_CHUNK, MINIMUM_CHUNK, TAG_BYTES

MAXIMUM_PLAIN_BYTES = 1 << 46
"""64 TiB under one key: 2^42 blocks s, an advantage of s^2 / 2^129 = 2^-45 (draft-irtf-cfrg-aead-limits)."""
MAXIMUM_CHUNKS = 1 << 40

Buffer = bytes | bytearray | memoryview


class ChunkCipher:
    """Seals and opens the chunks of one file. AESGCM lets other threads run meanwhile."""

    def __init__(self, content_key: bytes) -> None:
        self._cipher = AESGCM(content_key)

    def seal_into(self, number: int, last: bool, plain: Buffer, sealed: Buffer) -> None:
        """Write the chunk ``number`` (from 0), 16 bytes longer than ``plain``, into ``sealed``."""
        self._cipher.encrypt_into(_nonce(number, last), plain, None, sealed)

    def open_into(self, number: int, last: bool, sealed: Buffer, plain: Buffer) -> bool:
        """Write the plaintext of a chunk into ``plain``; False, and nothing of it, if it is not authentic."""
        try:
            self._cipher.decrypt_into(_nonce(number, last), sealed, None, plain)
        except InvalidTag:
            plain[:] = bytes(len(plain))  # the library may have written what it then rejected
            return False
        return True


def _nonce(number: int, last: bool) -> bytes:
    return number.to_bytes(11, "big") + (b"\x01" if last else b"\x00")


def check_chunk_size(chunk_size: int) -> None:
    """Raise :class:`UserError` for a chunk size that the format does not have."""
    whole = isinstance(chunk_size, int) and not isinstance(chunk_size, bool)
    if not whole or not MINIMUM_CHUNK <= chunk_size <= MAXIMUM_CHUNK:
        raise UserError(
            f"A chunk has a whole number of bytes, {MINIMUM_CHUNK} to {MAXIMUM_CHUNK:,}: change chunk_size."
        )


def check_plain_size(size: int, chunk_size: int, name: str) -> None:
    """Raise :class:`UserError` if ``size`` bytes are more than one key may encrypt."""
    if size > MAXIMUM_PLAIN_BYTES or size > MAXIMUM_CHUNKS * chunk_size:
        raise UserError(
            f"{name} is larger than one key may encrypt ({MAXIMUM_PLAIN_BYTES >> 40} TiB): split it."
        )


def number_of_chunks(plain_size: int, chunk_size: int) -> int:
    """Return how many chunks ``plain_size`` bytes make; an empty file has one."""
    return max(1, -(-plain_size // chunk_size))


def content_length(plain_size: int, chunk_size: int) -> int:
    """Return how many bytes all sealed chunks have together."""
    return plain_size + TAG_BYTES * number_of_chunks(plain_size, chunk_size)


def plain_length(content: int, chunk_size: int, name: str) -> int:
    """Return the plaintext's length, from the length of all sealed chunks.

    Raises:
        TruncatedFileError: if nothing follows the head.
        TamperedFileError: if no plaintext is encrypted to that length.
    """
    if content == 0:
        raise TruncatedFileError(f"{name} ends after its head: take the file from a backup.")
    full, rest = divmod(content, chunk_size + TAG_BYTES)
    if 0 < rest < TAG_BYTES or (rest == TAG_BYTES and full):
        raise TamperedFileError(
            f"{name} was cut, or bytes were added: no encrypted file has its length. Take it from a backup."
        )
    return full * chunk_size + max(0, rest - TAG_BYTES)


def refuse_chunk(cipher: ChunkCipher, number: int, chunks: int, sealed: Buffer, name: str) -> NoReturn:
    """Say why a chunk does not open: would it open as the last one, or as one that is not?"""
    last = number == chunks - 1
    if cipher.open_into(number, not last, sealed, bytearray(len(sealed) - TAG_BYTES)):
        if last:
            raise TruncatedFileError(
                f"{name} is cut after {number + 1:,} chunks: take the file from a backup."
            )
        raise TamperedFileError(f"Bytes were added to {name} after its end: take the file from a backup.")
    how = "changed or cut short" if last else "changed, moved or taken from another file"
    raise TamperedFileError(
        f"Chunk {number + 1:,} of {chunks:,} in {name} was {how}: take the file from a backup."
    )
