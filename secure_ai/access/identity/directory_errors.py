"""What can go wrong with a directory, told apart."""

from __future__ import annotations

from secure_ai.core.errors import UserError


class DirectoryError(UserError):
    """A directory cannot be asked, or gives no clear answer."""


class DirectoryUnreachable(DirectoryError):
    """No server answers at the address, or not in time."""


class DirectoryNotTrusted(DirectoryError):
    """The server's certificate is not from the given authority, expired or for another name."""


class DirectoryRefusedBind(DirectoryError):
    """The server does not accept the service account."""


class NoSuchPerson(DirectoryError):
    """Nobody, or more than one, has this user name."""


class AccountDisabled(DirectoryError):
    """The account is locked in the directory."""
