"""SSH key pairs for the drop to a vendor: made once, the private half readable by its owner only."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import asyncssh

from secure_ai.core.errors import UserError
from secure_ai.core.sources import shown
from secure_ai.encrypt.private_files import write_new_private


class SshKeyError(UserError):
    """A key file for SSH that cannot be used."""


@dataclass(frozen=True)
class SshKeyFiles:
    """An Ed25519 key pair in OpenSSH's formats.

    Attributes:
        private: the private key's file, mode 0600.
        public: the public key, one line, to be given to the vendor.
    """

    private: Path
    public: str


def generate_ssh_key(path: str | Path) -> SshKeyFiles:
    """Write a new private key to ``path`` and its public half beside it (``.pub``).

    Raises:
        SshKeyError: if the file exists or cannot be written.
    """
    target, key = Path(path), asyncssh.generate_private_key("ssh-ed25519")
    public = key.export_public_key().decode().strip()
    try:
        write_new_private(target, key.export_private_key())
        target.with_name(target.name + ".pub").write_text(public + "\n", encoding="ascii")
    except FileExistsError:
        raise SshKeyError(f"{shown(target.name)} exists: choose another name for the key.") from None
    except OSError:
        raise SshKeyError(f"The key {shown(target.name)} cannot be written: choose another place.") from None
    return SshKeyFiles(target, public)


def load_ssh_key(path: str | Path, passphrase: str | None = None) -> asyncssh.SSHKey:
    """Read a private key.

    Raises:
        SshKeyError: if it cannot be read, is none, or its passphrase is missing or another.
    """
    name = shown(Path(path).name)
    try:
        return asyncssh.read_private_key(path, passphrase)
    except (asyncssh.KeyEncryptionError, asyncssh.KeyImportError) as error:
        text = str(error).lower()
        if "bcrypt" in text:
            reason = "OpenSSH's encrypted keys need the package bcrypt; install it, or use one in PKCS #8"
        elif "passphrase" in text or "decrypt" in text:
            reason = "give its passphrase"
        else:
            reason = "it holds no private key for SSH"
        raise SshKeyError(f"The key {name} cannot be used: {reason}.") from None
    except OSError:
        raise SshKeyError(f"The key {name} cannot be read: check the path and its rights.") from None


def read_public_key(text: str) -> asyncssh.SSHKey:
    """Read a public key from one line, such as ``ssh-ed25519 AAAA...``.

    Raises:
        SshKeyError: if it is none.
    """
    try:
        return asyncssh.import_public_key(text)
    except (asyncssh.KeyImportError, ValueError, TypeError):
        raise SshKeyError("A public key is one line such as 'ssh-ed25519 AAAA...': copy it whole.") from None
