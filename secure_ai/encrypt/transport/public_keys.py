"""Key pairs of an organization: Ed25519 to sign what it sends, X25519 to open what is sent to it."""

from __future__ import annotations

import base64
import binascii
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from secure_ai.core.errors import UserError
from secure_ai.core.sources import shown
from secure_ai.encrypt.private_files import write_new_private

Kind = Literal["ed25519", "x25519"]
_PRIVATE = {"ed25519": Ed25519PrivateKey, "x25519": X25519PrivateKey}
_PUBLIC = {"ed25519": Ed25519PublicKey, "x25519": X25519PublicKey}
_USE = {"ed25519": "signing", "x25519": "receiving"}


class OrganizationKeyError(UserError):
    """A key file or public key that cannot be used."""


@dataclass(frozen=True)
class KeyPairFiles:
    """A key pair.

    Attributes:
        private: the private key's PEM file, mode 0600.
        public: the public key, one line such as ``ed25519:...``, to be given to others.
    """

    private: Path
    public: str


def generate_signing_key(path: str | Path, *, passphrase: str | None = None) -> KeyPairFiles:
    """Write a new Ed25519 key, encrypted if there is a passphrase.

    Raises:
        OrganizationKeyError: if the file exists or cannot be written.
    """
    return _generate("ed25519", Path(path), passphrase)


def generate_recipient_key(path: str | Path, *, passphrase: str | None = None) -> KeyPairFiles:
    """Write a new X25519 key, encrypted if there is a passphrase.

    Raises:
        OrganizationKeyError: if the file exists or cannot be written.
    """
    return _generate("x25519", Path(path), passphrase)


def load_private_key(
    path: str | Path, kind: Kind, passphrase: str | None = None
) -> Ed25519PrivateKey | X25519PrivateKey:
    """Read a private key.

    Raises:
        OrganizationKeyError: if it cannot be read, is of another kind, or its passphrase is wrong.
    """
    file, name = Path(path), shown(Path(path).name)
    try:
        raw = file.read_bytes() if file.is_file() and file.stat().st_size < 100_000 else b""
    except OSError:
        raise OrganizationKeyError(f"The key {name} cannot be read: check its rights.") from None
    if not raw:
        raise OrganizationKeyError(f"The key {name} does not exist or is empty: check the path.")
    try:
        key = serialization.load_pem_private_key(raw, passphrase.encode() if passphrase else None)
    except TypeError:
        needed = "give no passphrase, it is not encrypted" if passphrase else "give its passphrase"
        raise OrganizationKeyError(f"The key {name} cannot be opened: {needed}.") from None
    except (ValueError, UnsupportedAlgorithm):
        reason = (
            "the passphrase is another, or it is damaged" if passphrase else "it is no PEM key, or damaged"
        )
        raise OrganizationKeyError(f"The key {name} cannot be opened: {reason}.") from None
    if not isinstance(key, _PRIVATE[kind]):
        raise OrganizationKeyError(f"{name} is no {_USE[kind]} key ({kind}): name the other file.")
    return key


def public_line(key: Ed25519PublicKey | X25519PublicKey) -> str:
    """Return a public key as one line."""
    kind = "ed25519" if isinstance(key, Ed25519PublicKey) else "x25519"
    return f"{kind}:{base64.b64encode(key.public_bytes_raw()).decode()}"


def read_public_line(line: str, kind: Kind) -> Ed25519PublicKey | X25519PublicKey:
    """Read a public key from one line.

    Raises:
        OrganizationKeyError: if it is none, or of the other kind.
    """
    try:
        name, encoded = line.strip().split(":")
        if name != kind:
            raise ValueError("another kind")
        return _PUBLIC[kind].from_public_bytes(base64.b64decode(encoded, validate=True))
    except (ValueError, AttributeError, binascii.Error):
        raise OrganizationKeyError(
            f"A public {_USE[kind]} key is one line such as '{kind}:...': copy it whole."
        ) from None


def fingerprint(key: Ed25519PublicKey | X25519PublicKey) -> str:
    """Return a short name for a public key: 32 hexadecimal digits of its SHA-256."""
    return hashlib.sha256(public_line(key).encode()).hexdigest()[:32]


def _generate(kind: Kind, target: Path, passphrase: str | None) -> KeyPairFiles:
    key = _PRIVATE[kind].generate()
    sealing = (
        serialization.BestAvailableEncryption(passphrase.encode())
        if passphrase
        else serialization.NoEncryption()
    )
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, sealing)
    try:
        write_new_private(target, pem)
    except FileExistsError:
        raise OrganizationKeyError(f"{shown(target.name)} exists: choose another name for the key.") from None
    except OSError:
        raise OrganizationKeyError(f"{shown(target.name)} cannot be written: choose another place.") from None
    return KeyPairFiles(target, public_line(key.public_key()))
