"""What can be wrong with an encrypted value, each told apart by its class."""

from __future__ import annotations

from secure_ai.core.errors import UserError


class FieldError(UserError):
    """An encrypted value or its key is not as it should be."""


class ValueNotEncrypted(FieldError):
    """What should be opened is plain text, or of a version that is not known."""


class ValueDoesNotOpen(FieldError):
    """The value was changed, moved from another row, column or table, or cut."""
