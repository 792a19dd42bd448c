"""The signed list of a package: files with size and SHA-256, sender, recipient, purpose, number, dates."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from datetime import UTC
from typing import Annotated, Literal

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from secure_ai.core.sources import shown
from secure_ai.encrypt.transport.packages.errors import AlteredManifest, HostilePackage, UnknownSigner
from secure_ai.encrypt.transport.public_keys import fingerprint, read_public_line

FORMAT = "secure-ai package 1"
MAX_FILES = 10_000
_SEGMENT = r"[A-Za-z0-9_][A-Za-z0-9._=, -]{0,127}"
_DEVICE = re.compile(r"(?:con|prn|aux|nul|conin\$|conout\$|com[0-9]|lpt[0-9])(?: *\..*)?", re.IGNORECASE)
_NAME = re.compile(rf"{_SEGMENT}(/{_SEGMENT}){{0,9}}")
Text = Annotated[str, StringConstraints(min_length=1, max_length=500)]


class Entry(BaseModel):
    """One file of a package."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    name: Text
    size: Annotated[int, Field(ge=0)]
    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class Manifest(BaseModel):
    """What a package holds and what it is for.

    Attributes:
        sender: who hands it over.
        recipient: who may use it.
        purpose: what for.
        sequence: counts the packages from this sender to this recipient, from 1.
        created: when it was made, with its time zone.
        expires: until when it may be accepted.
        files: sorted by name.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal["secure-ai package 1"] = FORMAT
    sender: Text
    recipient: Text
    purpose: Text
    sequence: Annotated[int, Field(ge=1, strict=True)]
    created: AwareDatetime
    expires: AwareDatetime
    files: Annotated[tuple[Entry, ...], Field(min_length=1, max_length=MAX_FILES)]

    def to_bytes(self) -> bytes:
        """Return the one way to write it: sorted names, no spaces, ASCII, times in UTC."""
        fields = self.model_dump()
        for name in ("created", "expires"):
            fields[name] = fields[name].astimezone(UTC).isoformat(timespec="seconds")
        return json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()

    def digest(self) -> str:
        """Return the SHA-256 of :meth:`to_bytes`: it names this package, and a receipt repeats it."""
        return hashlib.sha256(self.to_bytes()).hexdigest()


def is_safe_name(name: str) -> bool:
    """Whether a name stays in its folder and is itself on every system.

    No root, "..", backslash or colon; and nothing that Windows reads as a device (``nul.csv``) or under
    another name (``a./b``).
    """
    if len(name) > 400 or _NAME.fullmatch(name) is None:
        return False
    return not any(part.endswith((".", " ")) or _DEVICE.fullmatch(part) for part in name.split("/"))


def clashing(names: Iterable[str]) -> bool:
    """Whether two names cannot stand side by side on every system: alike, or one a folder of the other."""
    lowered = [name.lower() for name in names]
    parts = [name.split("/") for name in lowered]
    folders = {"/".join(part[:depth]) for part in parts for depth in range(1, len(part))}
    return len(set(lowered)) != len(lowered) or bool(folders & set(lowered))


def sign(purpose: str, message: bytes, key: Ed25519PrivateKey) -> bytes:
    """Return a signature as a line of JSON; ``purpose`` keeps one use of a key apart from another."""
    fields = {
        "key": fingerprint(key.public_key()),
        "signature": base64.b64encode(key.sign(_signed(purpose, message))).decode(),
    }
    return json.dumps(fields, sort_keys=True).encode()


def signed_by(purpose: str, message: bytes, line: bytes, keys: Mapping[str, Ed25519PublicKey]) -> str:
    """Return the name under whose key ``message`` was signed.

    Raises:
        UnknownSigner: if none of ``keys`` is the one that the signature names.
        AlteredManifest: if it is, and the signature does not fit the message.
        HostilePackage: if the line is no signature.
    """
    try:
        fields = json.loads(line)
        signer, signature = str(fields["key"]), base64.b64decode(fields["signature"], validate=True)
    except (ValueError, KeyError, TypeError, RecursionError, binascii.Error):
        raise HostilePackage("The signature cannot be read: ask the sender for the package again.") from None
    named = {fingerprint(key): name for name, key in keys.items()}
    if signer not in named:
        raise UnknownSigner("It was signed with a key that is not trusted: ask the sender for the key.")
    try:
        keys[named[signer]].verify(signature, _signed(purpose, message))
    except InvalidSignature:
        raise AlteredManifest(
            "The list of contents was altered after its signature: do not use it."
        ) from None
    return named[signer]


def read_manifest(raw: bytes, signature: bytes, trusted: Mapping[str, str]) -> Manifest:
    """Verify the signature and read the manifest; nothing of it is looked at before.

    Args:
        raw: the bytes as they came.
        signature: the line of :func:`sign`.
        trusted: for each sender the public signing key, one line.

    Raises:
        PackageError: of the kind that applies.
        OrganizationKeyError: if a line of ``trusted`` is no key.
    """
    keys = {name: read_public_line(line, "ed25519") for name, line in trusted.items()}
    signer = signed_by("package", raw, signature, keys)
    try:
        manifest = Manifest.model_validate_json(raw)
    except ValidationError:
        raise HostilePackage("The list of contents is of another format: update this program.") from None
    if manifest.to_bytes() != raw:
        raise HostilePackage("The list of contents is not in its one form: ask the sender to write it again.")
    if manifest.sender != signer:
        raise UnknownSigner(f"It names another sender than {shown(signer)}, who signed it: do not use it.")
    _check_names(manifest)
    return manifest


def _check_names(manifest: Manifest) -> None:
    names = [entry.name for entry in manifest.files]
    if names != sorted(names):
        raise HostilePackage("The list of contents is not in order: ask the sender to write it again.")
    if not all(is_safe_name(name) for name in names):
        raise HostilePackage("The list of contents names a place outside the package: do not unpack it.")
    if clashing(names):
        raise HostilePackage(
            "The list of contents names a file twice, or as a folder, too: do not unpack it."
        )


def _signed(purpose: str, message: bytes) -> bytes:
    return f"{FORMAT} {purpose}\n".encode() + message
