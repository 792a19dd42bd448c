"""Sign the folder of a model or a data set, and open nothing that is not as it was signed.

Signatures are those of the OpenSSF model-signing project (Sigstore bundles), made with a key on disk: nothing
is asked of a network.

Source: OpenSSF Model Signing specification 1.0; in-toto Statement 1.
"""

from __future__ import annotations

import base64
import hashlib
import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from secure_ai.attack.supply_chain.watch import read_file
from secure_ai.core import UserError
from secure_ai.core.outputs import atomic_file
from secure_ai.core.sources import shown
from secure_ai.defend.model_files.loading import load_content
from secure_ai.defend.model_files.trust import TrustedKeys, key_id_of
from secure_ai.encrypt.private_files import write_new_private

MOST_SIGNATURE = 1 << 26
ENDING = ".sig"


class UnverifiedModel(UserError):
    """The model is not what somebody trusted has signed."""


@dataclass(frozen=True)
class ModelKeyFiles:
    """A key pair for signing models.

    Attributes:
        private: PEM file, mode 0600; keep it off the machine that serves models.
        public: PEM file, for everybody.
        key_id: of the public key.
    """

    private: Path
    public: Path
    key_id: str


@dataclass(frozen=True)
class Verified:
    """What was verified.

    Attributes:
        owner: whose key signed it.
        key_id: of that key.
        digests: name of each file → SHA-256, as signed.
    """

    owner: str
    key_id: str
    digests: dict[str, str]

    def sentence(self) -> str:
        """Say whose signature holds."""
        count = len(self.digests)
        return f"{count} file{'s' * (count != 1)} as signed by {self.owner} (key {self.key_id[:12]}…)."


def generate_model_key(
    folder: str | Path, name: str = "model-key", *, passphrase: str | None = None
) -> ModelKeyFiles:
    """Write a new P-256 key pair, ``<name>.pem`` and ``<name>.pub``.

    Raises:
        UserError: if a file of that name is there, or cannot be written.
    """
    from cryptography.hazmat.primitives import serialization as form
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    hidden = form.BestAvailableEncryption(passphrase.encode()) if passphrase else form.NoEncryption()
    private, public = Path(folder) / f"{name}.pem", Path(folder) / f"{name}.pub"
    pem = key.public_key().public_bytes(form.Encoding.PEM, form.PublicFormat.SubjectPublicKeyInfo)
    try:
        private.parent.mkdir(parents=True, exist_ok=True)
        write_new_private(private, key.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, hidden))
        with public.open("xb") as file:
            file.write(pem)
    except OSError:
        raise UserError(
            f"The key {shown(name)} cannot be written: choose a name that is not taken, in a folder of yours."
        ) from None
    return ModelKeyFiles(private, public, key_id_of(pem.decode()))


def sign_model_folder(
    folder: str | Path,
    private_key: str | Path,
    *,
    signature: str | Path | None = None,
    passphrase: str | None = None,
) -> Path:
    """Sign every file of a folder and return the signature's path, ``<folder>.sig`` beside it if not given.

    Raises:
        UserError: if the folder is empty or holds links, or the key cannot be used.
    """
    from model_signing.signing import Config

    place = _folder(folder)
    target = Path(signature) if signature is not None else place.with_name(place.name + ENDING)
    if target.resolve().is_relative_to(place.resolve()):
        raise UserError("The signature must not lie in the folder that it signs: write it beside.")
    try:
        signer = Config().use_elliptic_key_signer(
            private_key=Path(private_key), password=passphrase.encode() if passphrase else None
        )
    except (OSError, ValueError, TypeError, AttributeError):
        raise UserError(
            f"The key {shown(Path(private_key).name)} cannot be used to sign: check path and passphrase."
        ) from None
    with atomic_file(target) as draft:
        try:
            signer.set_hashing_config(_hashing()).sign(place, draft)
        except (OSError, ValueError):
            raise UserError(
                f"The folder {shown(place.name)} cannot be signed: it holds links, or unreadable files."
            ) from None
    return target


def verify_model_folder(
    folder: str | Path, trusted: TrustedKeys, *, signature: str | Path | None = None
) -> Verified:
    """Check that every file of a folder is as signed with a key that is trusted, and that there is no other.

    Raises:
        UnverifiedModel: if there is no signature, its key is not trusted, or a file was changed, added or
            taken away; the file is named.
    """
    place = _folder(folder)
    path = Path(signature) if signature is not None else place.with_name(place.name + ENDING)
    if not path.is_file():
        raise UnverifiedModel(
            f"{shown(place.name)} has no signature {shown(path.name)}: ask whoever made the model to sign it."
        )
    raw = read_file(path, MOST_SIGNATURE)
    bundle, statement = _read_bundle(raw, path)
    key = _trusted_key(bundle, trusted, raw)
    _verify(place, raw, key.public_key, key.owner)
    # Only now is the statement known to be the signer's.
    predicate = statement["predicate"]
    left_out = [
        name for name in predicate["serialization"].get("ignore_paths", []) if (place / str(name)).exists()
    ]
    if left_out:
        raise UnverifiedModel(
            f"The signature of {shown(place.name)} leaves out {shown(str(left_out[0]))}: have the "
            "whole folder signed (sign_model_folder)."
        )
    digests = {str(part["name"]): str(part["digest"]) for part in predicate["resources"]}
    return Verified(key.owner, key.key_id, digests)


def load_signed_model(
    folder: str | Path,
    file: str,
    trusted: TrustedKeys,
    *,
    signature: str | Path | None = None,
    **settings: Any,
) -> Any:
    """Verify a folder, then open one of its files; the bytes that are opened are those that were signed.

    Args:
        folder: of the model.
        file: name of the model's file in it.
        trusted: whose signatures count.
        signature: beside the folder if not given.
        settings: as for :func:`secure_ai.defend.model_files.load_model`.

    Raises:
        UnverifiedModel: if the folder or the file is not as signed.
        UserError: if the file cannot be opened.
    """
    found = verify_model_folder(folder, trusted, signature=signature)
    signed = found.digests.get(file)
    if signed is None:
        raise UnverifiedModel(f"The file {shown(file)} is not among those that were signed.")
    content = read_file(Path(folder) / file)
    if hashlib.sha256(content).hexdigest() != signed:
        raise UnverifiedModel(f"The file {shown(file)} was changed while it was verified: do not use it.")
    return load_content(content, Path(file).name, **settings)


def _hashing() -> Any:
    from model_signing.hashing import Config

    # The library leaves out what belongs to git; a folder of code in the model would then be unsigned.
    return Config().use_file_serialization().set_ignored_paths(paths=[], ignore_git_paths=False)


def _folder(folder: str | Path) -> Path:
    place = Path(folder)
    if not place.is_dir() or not any(entry.is_file() for entry in place.rglob("*")):
        raise UserError(
            f"{shown(place.name or str(place))} is no folder with files: name the model's folder."
        )
    return place


def _read_bundle(raw: bytes, path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    try:
        bundle = json.loads(raw)
        statement = json.loads(base64.b64decode(bundle["dsseEnvelope"]["payload"]))
        if not isinstance(statement["predicate"]["resources"], list):
            raise ValueError
        return bundle, statement
    except (ValueError, KeyError, TypeError, RecursionError):
        raise UnverifiedModel(f"The signature {shown(path.name)} is broken: ask for it again.") from None


def _trusted_key(bundle: dict[str, Any], trusted: TrustedKeys, raw: bytes) -> Any:
    material = bundle.get("verificationMaterial")
    hint = (material.get("publicKey") or {}).get("hint", "") if isinstance(material, dict) else ""
    key = trusted.key(str(hint))
    if key is None:
        raise UnverifiedModel("The model is signed with a key that is not on the list of trusted keys.")
    owner = shown(key.owner)
    if key.state == "revoked":
        raise UnverifiedModel(
            f"The model is signed with a key of {owner} that was revoked "
            f"({shown(key.reason) or 'no reason given'}): ask for a new one, and check what else it signed."
        )
    if key.state == "retired" and hashlib.sha256(raw).hexdigest() not in key.signatures:
        raise UnverifiedModel(
            f"The model is signed with a retired key of {owner}, and is not among the signatures kept."
        )
    return key


def _verify(place: Path, raw: bytes, public_key: str, owner: str) -> None:
    from cryptography.exceptions import InvalidSignature
    from model_signing.verifying import Config

    # From copies of what was read, so that neither key nor signature can change in between.
    with tempfile.TemporaryDirectory() as scratch:
        key, signature = Path(scratch) / "key.pub", Path(scratch) / "model.sig"
        key.write_text(public_key, encoding="utf-8")
        signature.write_bytes(raw)
        checker = Config().use_elliptic_key_verifier(public_key=key).set_hashing_config(_hashing())
        try:
            checker.verify(place, signature)
        except InvalidSignature:
            raise UnverifiedModel(
                f"The signature is not one that {shown(owner)} made: it was altered."
            ) from None
        except ValueError as error:
            raise UnverifiedModel(_difference(place, raw, str(error))) from None
        except Exception as error:
            raise UnverifiedModel(
                f"The signature cannot be checked ({type(error).__name__}): ask again."
            ) from None


def _difference(place: Path, raw: bytes, said: str) -> str:
    """Name what differs, from the digests themselves rather than from the library's message."""
    if "Signature mismatch" not in said:
        return f"{shown(place.name)} cannot be verified: it holds links, or the signature is of another kind."
    statement = json.loads(base64.b64decode(json.loads(raw)["dsseEnvelope"]["payload"]))
    signed = {part["name"]: part["digest"] for part in statement["predicate"]["resources"]}
    there = {entry.relative_to(place).as_posix(): entry for entry in place.rglob("*") if entry.is_file()}
    for name in sorted(signed.keys() & there.keys()):
        with there[name].open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != signed[name]:
                return f"The file {shown(name)} was changed after it was signed: do not use the model."
    for name in sorted(there.keys() - signed.keys()):
        return f"The file {shown(name)} was added after the model was signed: do not use the model."
    for name in sorted(signed.keys() - there.keys()):
        return f"The file {shown(name)} is missing from what was signed: ask for the model again."
    return f"{shown(place.name)} is not as it was signed: do not use the model."
