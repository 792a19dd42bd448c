"""Files of any size, encrypted in authenticated chunks.

Rates and pictures are in :mod:`throughput` and :mod:`charts`, which are imported by name.
"""

from secure_ai.encrypt.files.errors import (
    ChangedWhileReadError,
    EncryptedFileError,
    NotEncryptedError,
    TamperedFileError,
    TruncatedFileError,
    WrongAssociatedDataError,
    WrongFileKeyError,
)
from secure_ai.encrypt.files.header import DEFAULT_CHUNK_SIZE
from secure_ai.encrypt.files.info import FileInfo, Rewrapped
from secure_ai.encrypt.files.operations import (
    decrypt_file,
    encrypt_file,
    inspect_file,
    rewrap_file,
    verify_file,
)
from secure_ai.encrypt.files.streams import EncryptedReader, EncryptedWriter, create_encrypted, open_encrypted

__all__ = [
    "DEFAULT_CHUNK_SIZE",
    "ChangedWhileReadError",
    "EncryptedFileError",
    "EncryptedReader",
    "EncryptedWriter",
    "FileInfo",
    "NotEncryptedError",
    "Rewrapped",
    "TamperedFileError",
    "TruncatedFileError",
    "WrongAssociatedDataError",
    "WrongFileKeyError",
    "create_encrypted",
    "decrypt_file",
    "encrypt_file",
    "inspect_file",
    "open_encrypted",
    "rewrap_file",
    "verify_file",
]
