"""Makes, verifies and unpacks a hand-over package; nothing of it is used before all of it is verified."""

from __future__ import annotations

import hashlib
import io
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import BinaryIO

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import ValidationError

from secure_ai.core.errors import UserError
from secure_ai.core.outputs import atomic_directory, atomic_file
from secure_ai.core.sources import shown
from secure_ai.encrypt.private_files import open_private
from secure_ai.encrypt.transport.packages.container import (
    FILES,
    MANIFEST,
    SIGNATURE,
    Container,
    open_container,
    read_small,
)
from secure_ai.encrypt.transport.packages.errors import (
    AlteredFile,
    ExpiredPackage,
    ExtraFile,
    MissingFile,
    ReplayedPackage,
    WrongRecipient,
)
from secure_ai.encrypt.transport.packages.manifest import (
    Entry,
    Manifest,
    clashing,
    is_safe_name,
    read_manifest,
    sign,
)
from secure_ai.encrypt.transport.public_keys import load_private_key

BLOCK_BYTES = 1 << 20
CLOCK_TOLERANCE = timedelta(minutes=5)


@dataclass(frozen=True)
class Expected:
    """What a recipient accepts.

    Attributes:
        trusted: for each sender the public signing key, one line, from the sender by another way.
        recipient: the recipient's own name.
        now: the time that dates are compared with, five minutes of difference between clocks allowed.
        after_sequence: the number of the last package that was accepted from this sender; 0 for none. The
            recipient keeps it: without it, an old package that is sent again looks like a new one.

    Raises:
        UserError: if the time has no zone.
    """

    trusted: Mapping[str, str]
    recipient: str
    now: datetime
    after_sequence: int = 0

    def __post_init__(self) -> None:
        if self.now.tzinfo is None:
            raise UserError("The time to compare a package's dates with needs a time zone, such as UTC.")


def write_package(
    files: Mapping[str, Path | str],
    target: Path | str,
    *,
    sender: str,
    recipient: str,
    purpose: str,
    sequence: int,
    created: datetime,
    expires: datetime,
    signing_key: Path | str | Ed25519PrivateKey,
) -> Manifest:
    """Write a package as a folder, or as a tar file if ``target`` ends in ``.tar``; whole or not at all.

    It hides nothing: encrypt files for the recipient first (``secure_ai.encrypt.files`` with
    :class:`~secure_ai.encrypt.transport.recipient_keys.RecipientKeys`), so that the signature covers what is
    sent.

    Args:
        files: for each name in the package (folders with ``/``) the file.
        target: the folder or tar file; an older one is replaced.
        sender: who hands it over; the name under which the recipient trusts the key.
        recipient: who may use it.
        purpose: what for.
        sequence: one more than that of the last package to this recipient.
        created: when, with its time zone.
        expires: until when it may be accepted.
        signing_key: the sender's Ed25519 key, or its file.

    Raises:
        UserError: if a name is not portable, a file cannot be read or changes meanwhile, or a field is empty.
        OrganizationKeyError: if the key cannot be used.
    """
    target = Path(target)
    key = signing_key
    if not isinstance(key, Ed25519PrivateKey):
        key = load_private_key(key, "ed25519")
    for name in files:
        if not is_safe_name(name):
            raise UserError(
                f"{shown(name)} cannot be a name in a package: use letters, digits, '.', '_', '-' and '/'."
            )
    if created.tzinfo is None or expires.tzinfo is None or expires <= created:
        raise UserError("A package expires after it was created, both with a time zone, such as UTC.")
    sources = {name: Path(files[name]) for name in sorted(files)}
    try:
        manifest = Manifest(
            sender=sender,
            recipient=recipient,
            purpose=purpose,
            sequence=sequence,
            created=created.astimezone(UTC).replace(microsecond=0),
            expires=expires.astimezone(UTC).replace(microsecond=0),
            files=tuple(_entry(name, path) for name, path in sources.items()),
        )
    except ValidationError as error:
        where = ", ".join(sorted({str(problem["loc"][0]) for problem in error.errors() if problem["loc"]}))
        raise UserError(
            f"A package needs a sender, recipient, purpose, files, a number from 1: look at {where}."
        ) from None
    if clashing(sources):
        raise UserError("Two names of the package differ in capitals alone, or one is a folder: rename one.")
    raw = manifest.to_bytes()
    parts = {MANIFEST: raw, SIGNATURE: sign("package", raw, key)}
    write = _write_tar if target.suffix == ".tar" else _write_folder
    try:
        write(target, parts, sources, manifest)
    except OSError:
        raise UserError(
            f"The package {shown(target.name)} cannot be written: look at the disk and its rights."
        ) from None
    return manifest


def verify_package(path: Path | str, expected: Expected) -> Manifest:
    """Check a package: signature, recipient, dates and number, and each file; return what it holds.

    Raises:
        PackageError: of the kind that applies; see :mod:`~secure_ai.encrypt.transport.packages.errors`.
    """
    with open_container(Path(path)) as container:
        manifest = _accepted(container, expected)
        for entry in manifest.files:
            _copy(container, entry, None)
    return manifest


def unpack_package(path: Path | str, folder: Path | str, expected: Expected) -> Manifest:
    """Verify a package while its files are copied to ``folder``, which appears if all is well and only then.

    Raises:
        PackageError: of the kind that applies.
        UserError: if the folder cannot be written.
    """
    with open_container(Path(path)) as container:
        manifest = _accepted(container, expected)
        with atomic_directory(Path(folder)) as draft:
            for entry in manifest.files:
                target = draft / entry.name
                target.parent.mkdir(parents=True, exist_ok=True)
                try:
                    with open_private(target) as file:
                        _copy(container, entry, file)
                except OSError:
                    raise UserError(
                        f"{shown(entry.name)} cannot be written: look at the disk and its rights."
                    ) from None
    return manifest


def _accepted(container: Container, expected: Expected) -> Manifest:
    manifest = read_manifest(
        read_small(container, MANIFEST), read_small(container, SIGNATURE), expected.trusted
    )
    if manifest.recipient != expected.recipient:
        raise WrongRecipient(
            f"The package is for {shown(manifest.recipient)}, not for {shown(expected.recipient)}: return it."
        )
    if manifest.sequence <= expected.after_sequence:
        raise ReplayedPackage(
            f"Package {manifest.sequence} came already, the last was {expected.after_sequence}: "
            "somebody sends an old one again, or the sender counts wrongly."
        )
    # Differences of times, because a time of the year 9999 cannot be added to.
    if expected.now - manifest.expires > CLOCK_TOLERANCE:
        raise ExpiredPackage(
            f"The package was to be used until {manifest.expires:%Y-%m-%d}: ask for a new one."
        )
    if manifest.created - expected.now > CLOCK_TOLERANCE:
        raise ExpiredPackage("The package comes from the future: compare the clock here with the sender's.")
    listed = {MANIFEST, SIGNATURE} | {FILES + entry.name for entry in manifest.files}
    if missing := sorted(listed - container.names):
        raise MissingFile(
            f"{len(missing)} listed file(s) are missing, the first {shown(missing[0])}: ask again."
        )
    if extra := sorted(container.names - listed):
        raise ExtraFile(
            f"{len(extra)} file(s) are not on the list, the first {shown(extra[0])}: do not use it."
        )
    return manifest


def _copy(container: Container, entry: Entry, target: BinaryIO | None) -> None:
    """Read a file of a package, no more than its listed size, and check it."""
    digest, size = hashlib.sha256(), 0
    for block in _blocks(container, FILES + entry.name):
        size += len(block)
        if size > entry.size:
            break
        digest.update(block)
        if target is not None:
            target.write(block)
    if size != entry.size or digest.hexdigest() != entry.sha256:
        raise AlteredFile(f"{shown(entry.name)} is not as it was when the package was signed: do not use it.")


def _blocks(container: Container, name: str) -> Iterator[bytes]:
    """Yield the bytes of a file; one that cannot be read just ends, and is then found to be too short."""
    try:
        with container.open(name) as file:
            while block := file.read(BLOCK_BYTES):
                yield block
    except (OSError, tarfile.TarError, EOFError):
        return


def _entry(name: str, path: Path) -> Entry:
    digest, size = hashlib.sha256(), 0
    try:
        with path.open("rb") as file:
            while block := file.read(BLOCK_BYTES):
                size += len(block)
                digest.update(block)
    except OSError:
        raise UserError(
            f"The file {shown(path.name)} cannot be read: check the path and its rights."
        ) from None
    return Entry(name=name, size=size, sha256=digest.hexdigest())


def _write_folder(
    target: Path, parts: Mapping[str, bytes], sources: Mapping[str, Path], manifest: Manifest
) -> None:
    with atomic_directory(target) as draft:
        for name, content in parts.items():
            with open_private(draft / name) as file:
                file.write(content)
        for entry in manifest.files:
            path = draft / FILES / entry.name
            path.parent.mkdir(parents=True, exist_ok=True)
            with open_private(path) as file, _Counted(sources[entry.name], entry) as source:
                while block := source.read(BLOCK_BYTES):
                    file.write(block)


def _write_tar(
    target: Path, parts: Mapping[str, bytes], sources: Mapping[str, Path], manifest: Manifest
) -> None:
    with (
        atomic_file(target) as draft,
        open_private(draft) as file,
        tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        for name, content in parts.items():
            archive.addfile(_member(name, len(content), manifest), io.BytesIO(content))
        for entry in manifest.files:
            with _Counted(sources[entry.name], entry) as source:
                archive.addfile(_member(FILES + entry.name, entry.size, manifest), source)


class _Counted:
    """A source file that must still be what was hashed."""

    def __init__(self, path: Path, entry: Entry) -> None:
        self._path, self._entry, self._digest = path, entry, hashlib.sha256()

    def __enter__(self) -> _Counted:
        self._file = self._path.open("rb")
        return self

    def read(self, size: int) -> bytes:
        block = self._file.read(size)
        self._digest.update(block)
        return block

    def __exit__(self, kind: type | None, error: BaseException | None, trace: object) -> None:
        rest = self._file.read(1)
        self._file.close()
        changed = bool(rest) or self._digest.hexdigest() != self._entry.sha256
        if changed and (kind is None or issubclass(kind, OSError)):
            raise UserError(f"{shown(self._path.name)} changed while it was packed: pack it again.") from None


def _member(name: str, size: int, manifest: Manifest) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.size, member.mode, member.mtime = size, 0o600, int(manifest.created.timestamp())
    return member
