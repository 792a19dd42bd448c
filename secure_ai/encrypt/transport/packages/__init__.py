"""Hand-over packages: what is in them, for whom and what for, signed by the sender and by the recipient."""

from secure_ai.encrypt.transport.packages.errors import (
    AlteredFile,
    AlteredManifest,
    BadReceipt,
    ExpiredPackage,
    ExtraFile,
    HostilePackage,
    MissingFile,
    PackageError,
    ReplayedPackage,
    UnknownSigner,
    WrongRecipient,
)
from secure_ai.encrypt.transport.packages.manifest import Entry, Manifest
from secure_ai.encrypt.transport.packages.package import (
    Expected,
    unpack_package,
    verify_package,
    write_package,
)
from secure_ai.encrypt.transport.packages.receipt import Receipt, sign_receipt, verify_receipt

__all__ = [
    "AlteredFile",
    "AlteredManifest",
    "BadReceipt",
    "Entry",
    "Expected",
    "ExpiredPackage",
    "ExtraFile",
    "HostilePackage",
    "Manifest",
    "MissingFile",
    "PackageError",
    "Receipt",
    "ReplayedPackage",
    "UnknownSigner",
    "WrongRecipient",
    "sign_receipt",
    "unpack_package",
    "verify_package",
    "verify_receipt",
    "write_package",
]
