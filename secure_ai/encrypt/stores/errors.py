"""What can be wrong with an encrypted store, each told apart by its class."""

from __future__ import annotations

from secure_ai.core.errors import UserError


class StoreError(UserError):
    """An encrypted store cannot be used as asked."""


class WrongStoreKey(StoreError):
    """The file of keys belongs to another store."""


class StoreDamaged(StoreError):
    """The store was changed or cut, or is of another kind."""


class StoreKeysMissing(StoreError):
    """The file of wrapped keys beside the store is not there."""


class StoreNotEncrypted(StoreError):
    """The store is plain: whoever has the file reads it."""
