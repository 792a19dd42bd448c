"""Files of any size, encrypted in authenticated chunks.

Rates and pictures (:mod:`throughput`, :mod:`charts`) are loaded when asked for.
"""

from secure_ai.core.lazy import lazy_names
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

__getattr__, __dir__, _ = lazy_names(
    __name__,
    {
        "charts": "chunk_size_sentence plot_chunk_sizes",
        "throughput": "CHUNK_SIZES measure_throughput openssl_speed",
    },
)

__all__ = [
    "CHUNK_SIZES",
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
    "chunk_size_sentence",
    "create_encrypted",
    "decrypt_file",
    "encrypt_file",
    "inspect_file",
    "measure_throughput",
    "open_encrypted",
    "openssl_speed",
    "plot_chunk_sizes",
    "rewrap_file",
    "verify_file",
]
