"""Whose signatures count: a list of keys, with those that were replaced and those that were stolen.

A signature made with a file's key and no clock says nothing about *when*. A key that is replaced therefore
counts only for the signatures that were known when it was; a key that was stolen counts for none.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from secure_ai.core import UserError
from secure_ai.core.outputs import atomic_file
from secure_ai.core.sources import shown

State = Literal["active", "retired", "revoked"]
MOST_BYTES = 1 << 22


class TrustedKey(BaseModel):
    """A key and what its signatures are worth.

    Attributes:
        key_id: SHA-256 of the public key's PEM, 64 hexadecimal digits.
        owner: whose it is.
        public_key: PEM.
        state: active; retired (counts for ``signatures`` only); revoked (counts for none).
        signatures: SHA-256 of the signature files that still count.
        reason: why it was retired or revoked.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    key_id: str = Field(pattern="^[0-9a-f]{64}$")
    owner: str = Field(min_length=1, max_length=200)
    public_key: str = Field(max_length=4000)
    state: State = "active"
    signatures: tuple[str, ...] = ()
    reason: str = Field(default="", max_length=500)


class TrustedKeys(BaseModel):
    """The keys that an organization trusts, as a JSON file beside its models."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    keys: tuple[TrustedKey, ...] = ()

    @classmethod
    def read(cls, path: str | Path) -> TrustedKeys:
        """Read the list.

        Raises:
            UserError: if it cannot be read or is no such list.
        """
        file = Path(path)
        try:
            if file.stat().st_size > MOST_BYTES:
                raise ValueError
            return cls.model_validate_json(file.read_bytes())
        except (OSError, ValueError, ValidationError):
            raise UserError(
                f"The list of trusted keys {shown(file.name)} cannot be read: write it anew."
            ) from None

    def write(self, path: str | Path) -> None:
        """Write the list."""
        with atomic_file(Path(path)) as draft:
            draft.write_text(self.model_dump_json(indent=2) + "\n", encoding="utf-8")

    def key(self, key_id: str) -> TrustedKey | None:
        """Return a key of the list."""
        return next((key for key in self.keys if key.key_id == key_id), None)

    def with_key(self, public_key: str | Path, owner: str) -> TrustedKeys:
        """Return the list with one more active key, read from its PEM file."""
        pem = _read(Path(public_key)).decode("utf-8", errors="replace")
        key_id = key_id_of(pem)
        if self.key(key_id) is not None:
            raise UserError("The list of trusted keys has this key already: a key enters it once.")
        return TrustedKeys(keys=(*self.keys, TrustedKey(key_id=key_id, owner=owner, public_key=pem)))

    def retired(self, key_id: str, *, keep: tuple[str | Path, ...] = (), reason: str = "") -> TrustedKeys:
        """Return the list with a key replaced: only the signature files of ``keep`` still count."""
        known = tuple(hashlib.sha256(_read(Path(path))).hexdigest() for path in keep)
        return self._with_state(key_id, {"state": "retired", "signatures": known, "reason": reason})

    def revoked(self, key_id: str, *, reason: str) -> TrustedKeys:
        """Return the list with a key that was stolen or misused: nothing that it signed counts."""
        return self._with_state(key_id, {"state": "revoked", "signatures": (), "reason": reason})

    def _with_state(self, key_id: str, changes: dict[str, object]) -> TrustedKeys:
        known = self.key(key_id)
        if known is None:
            raise UserError("The list of trusted keys has no key of that id: choose one of its `keys`.")
        if known.state == "revoked":
            raise UserError(f"The key of {shown(known.owner)} is revoked, and that is not taken back.")
        changed = TrustedKey(**{**known.model_dump(), **changes})
        return TrustedKeys(keys=tuple(changed if key.key_id == key_id else key for key in self.keys))


def key_id_of(pem: str) -> str:
    """Return the id of a public key: SHA-256 of its PEM, as model-signing writes into signatures.

    Raises:
        UserError: if it is no key that model-signing takes (NIST P-256, P-384 or P-521).
    """
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    try:
        key = serialization.load_pem_public_key(pem.encode())
    except Exception:
        key = None
    if not isinstance(key, ec.EllipticCurvePublicKey) or not key.curve.name.startswith("secp"):
        raise UserError(
            "That is no public key for models (PEM, P-256): give the one generate_model_key wrote."
        )
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return hashlib.sha256(key.public_bytes(serialization.Encoding.PEM, form)).hexdigest()


def _read(file: Path) -> bytes:
    try:
        if file.stat().st_size > MOST_BYTES:
            raise ValueError
        return file.read_bytes()
    except (OSError, ValueError):
        raise UserError(f"The file {shown(file.name)} cannot be read: check the path.") from None
