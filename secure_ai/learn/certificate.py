"""Certificates of completion: issued when a path's labs are solved, signed with Ed25519, verified offline."""

from __future__ import annotations

import base64
import datetime as dt
import json
import unicodedata
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from secure_ai import __version__
from secure_ai.core.errors import UserError
from secure_ai.core.outputs import atomic_file
from secure_ai.encrypt.transport.packages.errors import PackageError
from secure_ai.encrypt.transport.packages.manifest import sign, signed_by
from secure_ai.encrypt.transport.public_keys import (
    OrganizationKeyError,
    generate_signing_key,
    load_private_key,
    public_line,
    read_public_line,
)
from secure_ai.learn import progress
from secure_ai.learn.certificate_page import PURPOSE, canonical, join, lay_out, split
from secure_ai.learn.path_progress import ChapterProgress, PathProgress
from secure_ai.learn.progress_records import ALONE, HINTS, SOLUTION, UNKNOWN, LearnerRecord

FORMAT = "secure-ai certificate 1"
OWN_KEY = "certificate.key"
SELF = "the learner (self-issued)"
MAX_NAME = 100
MAX_BYTES = 1_000_000


class NotComplete(UserError):
    """The path is not complete; ``missing`` says chapter by chapter what is not solved."""

    def __init__(self, missing: list[str]) -> None:
        super().__init__("The path is not complete: solve what is listed, then ask again.")
        self.missing = missing


class CertificateRefused(UserError):
    """A certificate that is not as it was signed, or was signed by somebody else."""


@dataclass(frozen=True)
class Signer:
    """Who signs.

    Attributes:
        key: the Ed25519 key.
        issuer: name of the organization; empty for a self-issued certificate.
    """

    key: Ed25519PrivateKey
    issuer: str = ""


@dataclass(frozen=True)
class VerifiedCertificate:
    """What a certificate says that is as it was signed.

    Attributes:
        data: what was signed: name, path, chapters, issuer and so on.
        trusted: whether it was signed with the key that the verifier gave; False where none was given.
    """

    data: dict[str, Any]
    trusted: bool

    def sentence(self) -> str:
        """Say what holds."""
        data = self.data
        says = (
            f"{data['name']} has completed the path {data['path']['title']} ({data['tasks']} {data['kind']}, "
            f"the last on {data['completed']}), issued on {data['issued']} by {data['issuer']['name']}."
        )
        if self.trusted:
            return f"Verified with your key: {says}"
        return (
            f"Unchanged since it was signed with {data['key']}, but whose key that is nobody has told: give "
            f"the issuer's with --public-key. It says: {says}"
        )


def organization_signer(key: Path | str, issuer: str, passphrase: str | None = None) -> Signer:
    """Return who signs for an organization.

    Args:
        key: its Ed25519 key file, from ``secure-ai certificate-key``.
        issuer: its name, as it stands on the certificate.
        passphrase: of the key.

    Raises:
        OrganizationKeyError: if the key cannot be used.
        UserError: if the name cannot stand there.
    """
    return Signer(load_private_key(key, "ed25519", passphrase), printable_name(issuer, "issuer"))


def own_signer() -> Signer:
    """Return a key of this machine, which is made beside the progress where there is none.

    Raises:
        OrganizationKeyError: if it cannot be made or read.
    """
    place = progress.local_folder() / OWN_KEY
    if not place.exists():
        with suppress(OSError):
            place.parent.mkdir(parents=True, exist_ok=True)
        try:
            generate_signing_key(place)
        except OrganizationKeyError:
            if not place.exists():  # Another process may have been faster.
                raise
    return Signer(load_private_key(place, "ed25519"))


def make_certificate(
    path: PathProgress, record: LearnerRecord, *, name: str, signer: Signer, today: dt.date
) -> str:
    """Return a certificate as an HTML page. The name is on the page and is kept nowhere else.

    Args:
        path: from :func:`~secure_ai.learn.path_progress.path_progress`, of the same record.
        record: of the learner.
        name: of the learner, as it shall stand there.
        signer: who signs.
        today: the day of issue.

    Raises:
        NotComplete: if something that counts is not solved.
        UserError: if nothing on the path counts, or the name cannot stand there.
    """
    name = printable_name(name, "name")
    if not path.counted:
        raise UserError(
            "Nothing on this path can be counted, so nothing can be certified: choose another path."
        )
    if not path.complete:
        raise NotComplete(path.missing())
    chapters = [_entry(chapter) for chapter in path.counted]
    issuer = (
        {"kind": "organization", "name": signer.issuer} if signer.issuer else {"kind": "self", "name": SELF}
    )
    data, page = lay_out(
        {
            "format": FORMAT,
            "name": name,
            "path": {"id": path.role.name, "title": path.role.title},
            "kind": "tasks" if path.role.labs else "questions",
            "kit": __version__,
            "issued": today.isoformat(),
            "completed": max(chapter["finished"] for chapter in chapters),
            "issuer": issuer,
            "record": {"code": record.code, "source": record.source},
            "chapters": chapters,
            "tasks": sum(chapter["tasks"] for chapter in chapters),
            "planned_minutes": sum(chapter["minutes"] for chapter in chapters),
            "key": public_line(signer.key.public_key()),
        }
    )
    signed = canonical(data)
    return join(page, signed, sign(PURPOSE, signed.encode(), signer.key).decode())


def write_certificate(page: str, out: Path) -> Path:
    """Write a certificate, whole or not at all.

    Raises:
        UserError: if it cannot be written.
    """
    with atomic_file(Path(out)) as draft:
        draft.write_bytes(page.encode())
    return Path(out)


def verify_certificate(file: Path | str, public_key: str | None = None) -> VerifiedCertificate:
    """Check that a certificate is, to the last character, what was signed, and by whom.

    Args:
        file: the HTML file.
        public_key: the issuer's key, one line (``ed25519:…``), from the issuer by another way.

    Raises:
        CertificateRefused: if it was changed, or signed with another key.
        UserError: if the file cannot be read or is no certificate.
        OrganizationKeyError: if ``public_key`` is no key.
    """
    trusted = read_public_line(public_key, "ed25519") if public_key is not None else None
    found = split(_text(Path(file)))
    if found is None:
        raise UserError(
            "The file is no certificate of the kit, or a part of it is missing: ask for it again."
        )
    page, signed, signature = found
    altered = CertificateRefused("The certificate was changed after it was signed: do not accept it.")
    try:
        data = json.loads(signed)
        named = read_public_line(data["key"], "ed25519")
        signed_by(PURPOSE, signed.encode(), signature.encode(), {"issuer": named})
        fields = json.loads(signature)
        # One way to write both: the same bytes must not pass in another dress.
        fields["signature"] = base64.b64encode(base64.b64decode(fields["signature"])).decode()
        if canonical(data) != signed or json.dumps(fields, sort_keys=True) != signature:
            raise altered
    except (ValueError, LookupError, TypeError, RecursionError, PackageError, OrganizationKeyError):
        raise altered from None
    # Only what was signed is looked at; that the page is the signed one comes first.
    if data.get("page") != page:
        raise altered
    if data.get("format") != FORMAT:
        raise UserError("The certificate is of another format: verify it with the release that made it.")
    if trusted is not None and public_line(trusted) != public_line(named):
        raise CertificateRefused(
            "The certificate was signed with another key than yours: do not accept it before its issuer has "
            "confirmed the key."
        )
    return VerifiedCertificate(data, trusted is not None)


def printable_name(text: str, what: str) -> str:
    """Return a name as it may stand on a certificate.

    Raises:
        UserError: if it is empty, too long, or holds marks that cannot be seen.
    """
    name = " ".join(unicodedata.normalize("NFC", text).split(" ")).strip() if isinstance(text, str) else ""
    if not 1 <= len(name) <= MAX_NAME or not all(_visible(character) for character in name):
        raise UserError(
            f"The {what} on a certificate has 1 to {MAX_NAME} printable characters: give it anew."
        )
    return name


def _visible(character: str) -> bool:
    # The joiners are part of some scripts; what turns the direction of a text could make it read differently.
    return character in " \u200c\u200d" or unicodedata.category(character)[0] not in "CZ"


def _entry(chapter: ChapterProgress) -> dict[str, Any]:
    helped = Counter(chapter.records[task].help for task in chapter.wanted)
    return {
        "number": chapter.number,
        "title": chapter.chapter.title,
        "finished": chapter.finished_at.date().isoformat() if chapter.finished_at else "",
        "tasks": len(chapter.wanted),
        "alone": helped[ALONE],
        "hints": helped[HINTS],
        "solution": helped[SOLUTION],
        "unknown": helped[UNKNOWN],
        "minutes": chapter.minutes,
    }


def _text(file: Path) -> str:
    try:
        if not file.is_file():
            raise UserError("There is no such certificate file: check the path.")
        with file.open("rb") as opened:
            raw = opened.read(MAX_BYTES + 1)
        if len(raw) > MAX_BYTES:
            raise UserError("The file is too large for a certificate of the kit: ask for it again.")
        # Mail may write line ends anew; a browser reads both alike.
        return raw.decode("utf-8").replace("\r\n", "\n")
    except (OSError, ValueError):
        raise UserError("The certificate cannot be read: ask for the file again.") from None
