"""What the recipient signs back: this package, this day, all of it; a later "we never had it" is answered."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from secure_ai.core.errors import UserError
from secure_ai.core.sources import shown
from secure_ai.encrypt.transport.packages.errors import BadReceipt, PackageError
from secure_ai.encrypt.transport.packages.manifest import Manifest, sign, signed_by
from secure_ai.encrypt.transport.public_keys import load_private_key, read_public_line

MAX_BYTES = 100_000


@dataclass(frozen=True)
class Receipt:
    """A verified receipt.

    Attributes:
        package: the digest of the package's manifest.
        recipient: who signed.
        received: when, in UTC, ISO 8601, as the recipient says.
    """

    package: str
    recipient: str
    received: str

    def sentence(self) -> str:
        """Say what was confirmed; which package, by its digest, says :attr:`package`."""
        return f"{self.recipient} has signed on {self.received[:10]} that this package arrived."


def sign_receipt(
    manifest: Manifest, *, received: datetime, signing_key: Path | str | Ed25519PrivateKey
) -> bytes:
    """Return a receipt for a package that was verified: two lines, what is confirmed and the signature.

    Args:
        manifest: what :func:`~secure_ai.encrypt.transport.packages.package.unpack_package` returned.
        received: when, with its time zone.
        signing_key: the recipient's Ed25519 key, or its file.

    Raises:
        UserError: if the time has no zone.
        OrganizationKeyError: if the key cannot be used.
    """
    if received.tzinfo is None:
        raise UserError("The time of a receipt needs a time zone, such as UTC.")
    key = signing_key
    if not isinstance(key, Ed25519PrivateKey):
        key = load_private_key(key, "ed25519")
    fields = {
        "package": manifest.digest(),
        "received": received.astimezone(UTC).isoformat(timespec="seconds"),
        "recipient": manifest.recipient,
    }
    message = json.dumps(fields, sort_keys=True, separators=(",", ":")).encode()
    return message + b"\n" + sign("receipt", message, key) + b"\n"


def verify_receipt(receipt: bytes, manifest: Manifest, trusted: Mapping[str, str]) -> Receipt:
    """Check that the recipient of a package has signed for exactly this package.

    Args:
        receipt: what came back.
        manifest: of the package that was sent.
        trusted: for each recipient the public signing key, one line.

    Raises:
        BadReceipt: if it is not, or names another package.
    """
    keys = {name: read_public_line(line, "ed25519") for name, line in trusted.items()}
    message, _, signature = receipt[:MAX_BYTES].strip().partition(b"\n")
    try:
        signer = signed_by("receipt", message, signature, keys)
        found = Receipt(**json.loads(message))
    except (PackageError, ValueError, TypeError, RecursionError):
        raise BadReceipt("The receipt is not signed with a key that is trusted, or was altered.") from None
    if signer != manifest.recipient or found.recipient != signer:
        raise BadReceipt(f"The receipt is from {shown(signer)}, the package was for another: ask them.")
    if found.package != manifest.digest():
        raise BadReceipt("The receipt is for another package: ask the recipient which one arrived.")
    return found
