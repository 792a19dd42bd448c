"""What can be wrong with an encrypted file, each told apart by its class."""

from __future__ import annotations

from secure_ai.core.errors import UserError


class EncryptedFileError(UserError):
    """An encrypted file, its key or its associated data are not as they should be."""


class NotEncryptedError(EncryptedFileError):
    """The file is not one that this kit encrypted, or of a version that is not known."""


class TamperedFileError(EncryptedFileError):
    """Something in the file was changed, moved, added or taken from another file."""


class TruncatedFileError(TamperedFileError):
    """The end of the file is missing."""


class WrongFileKeyError(EncryptedFileError):
    """The key ring opened a data key, but not the one that the file was encrypted with."""


class WrongAssociatedDataError(EncryptedFileError):
    """The file was encrypted for something else than is expected."""


class ChangedWhileReadError(EncryptedFileError):
    """Another program wrote to the file while it was read."""
