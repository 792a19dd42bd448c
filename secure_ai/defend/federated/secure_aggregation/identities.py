"""Long-lived signing keys: what tells another participant from a server that plays one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from secure_ai.core.errors import UserError
from secure_ai.defend.federated.secure_aggregation.messages import PublicKeys
from secure_ai.encrypt.transport.public_keys import load_private_key, read_public_line


@dataclass(frozen=True)
class Identities:
    """One participant's signing key, and the public keys of all, received by another way than the server.

    Attributes:
        own: one's own Ed25519 key; not shown by ``repr``.
        known: the public key of each participant by name, one's own included.
    """

    own: Ed25519PrivateKey = field(repr=False)
    known: Mapping[str, Ed25519PublicKey]

    @classmethod
    def for_names(cls, names: Iterable[str]) -> dict[str, Identities]:
        """Return fresh identities for ``names``, as for a lesson; in earnest each makes its own key."""
        keys = {name: Ed25519PrivateKey.generate() for name in names}
        known = {name: key.public_key() for name, key in keys.items()}
        return {name: cls(key, known) for name, key in keys.items()}

    @classmethod
    def from_files(cls, own: Path | str, known: Mapping[str, str]) -> Identities:
        """Read one's own key, and the public keys of all as lines such as ``ed25519:...``.

        Args:
            own: PEM file of :func:`secure_ai.encrypt.transport.generate_signing_key`.
            known: the public line of each participant by name.

        Raises:
            OrganizationKeyError: if a key cannot be used.
        """
        lines = {name: read_public_line(line, "ed25519") for name, line in known.items()}
        return cls(load_private_key(own, "ed25519"), lines)

    def sign(self, content: bytes) -> bytes:
        """Return the signature of ``content``."""
        return self.own.sign(content)

    def is_signed(self, name: str, signature: bytes | None, content: bytes) -> bool:
        """Whether ``signature`` is that of participant ``name`` under ``content``."""
        return name in self.known and is_signature(self.known[name], signature, content)

    def check_names(self, names: Iterable[str]) -> None:
        """Raise UserError if somebody unknown is among ``names``."""
        unknown = sorted(set(names) - set(self.known))
        if unknown:
            raise UserError(
                f"{len(unknown)} participants of this round are not known here: exchange signing keys first."
            )


def is_signature(key: Ed25519PublicKey, signature: bytes | None, content: bytes) -> bool:
    """Whether ``signature`` was made of ``content`` with the private half of ``key``."""
    if signature is None:
        return False
    try:
        key.verify(signature, content)
    except InvalidSignature:
        return False
    return True


def keys_content(this_round: bytes, keys: PublicKeys) -> bytes:
    """Return what is signed of a participant's public keys."""
    parts = (b"keys", this_round, keys.name.encode(), keys.sealing_key, keys.masking_key, keys.commitment)
    return _joined(parts)


def survivors_content(this_round: bytes, survivors: Sequence[str]) -> bytes:
    """Return what is signed of the list of those whose masked update arrived."""
    return _joined((b"survivors", this_round, *(name.encode() for name in survivors)))


def _joined(parts: Sequence[bytes]) -> bytes:
    return b"".join(len(part).to_bytes(4, "big") + part for part in parts)
