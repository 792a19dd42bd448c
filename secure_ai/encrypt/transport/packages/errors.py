"""Why a package is refused: one exception for each reason, so that callers can tell them apart."""

from secure_ai.core.errors import UserError


class PackageError(UserError):
    """A package that is not accepted."""


class HostilePackage(PackageError):
    """It holds links, devices or names that lead out of its folder, or is no package at all."""


class UnknownSigner(PackageError):
    """It was signed with a key that is not trusted for the sender that it names."""


class AlteredManifest(PackageError):
    """Its list of contents was altered after it was signed."""


class AlteredFile(PackageError):
    """A file has another size or SHA-256 than the list says."""


class MissingFile(PackageError):
    """A file of the list is not there."""


class ExtraFile(PackageError):
    """A file is there that is not on the list."""


class WrongRecipient(PackageError):
    """It was made for somebody else."""


class ReplayedPackage(PackageError):
    """It is one that came before, or an older one."""


class ExpiredPackage(PackageError):
    """Its time is over, or has not begun: then one of the two clocks is wrong."""


class BadReceipt(PackageError):
    """A receipt that is not signed by the recipient, or is for another package."""
