"""The vendor's side: open a hand-over only if it is what was signed, sign for it, destroy it and say so."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow.parquet as pq
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from secure_ai.core.audit import AuditLog, recorded_refusals
from secure_ai.core.errors import UserError, system_reason
from secure_ai.core.outputs import atomic_directory
from secure_ai.core.sources import shown
from secure_ai.encrypt.files import decrypt_file
from secure_ai.encrypt.private_files import open_private
from secure_ai.encrypt.transport.packages import Expected, Manifest, sign_receipt, unpack_package
from secure_ai.encrypt.transport.packages.manifest import sign
from secure_ai.encrypt.transport.public_keys import load_private_key
from secure_ai.encrypt.transport.recipient_keys import RecipientKey
from secure_ai.govern.handover.details import (
    DETAILS,
    SEALED,
    TABLE,
    HandoverDetails,
    digest,
    read_details,
    require_schema,
    schema_of,
)
from secure_ai.govern.handover.refusals import HandoverRefused
from secure_ai.govern.retention.periods import checked_day

MANIFEST = "manifest.json"


@dataclass(frozen=True)
class Received:
    """A hand-over that was opened.

    Attributes:
        folder: with ``data.parquet`` and ``handover.json``.
        manifest: of the package.
        details: what may be done with it, until when.
        receipt: two signed lines, to be sent back.
    """

    folder: Path
    manifest: Manifest
    details: HandoverDetails
    receipt: bytes


def receive_handover(
    package: Path | str,
    out: Path | str,
    *,
    name: str,
    receiving_key: RecipientKey | Path | str,
    signing_key: Path | str | Ed25519PrivateKey,
    trusted: dict[str, str],
    today: date,
    after_sequence: int = 0,
    audit: AuditLog | None = None,
    actor: str = "vendor",
) -> Received:
    """Verify a package, open it, compare it with its manifest, and sign for it.

    Args:
        package: as it came.
        out: folder that appears with the table and its description if all is well, and only then.
        name: the vendor's own name.
        receiving_key: its X25519 key, or the file.
        signing_key: its Ed25519 key, or the file, for the receipt.
        trusted: sender → public signing key line, from the sender by another way.
        today: the day of receipt.
        after_sequence: number of the last package from this sender; 0 for none.
        audit: the vendor's own trail.
        actor: who receives.

    Raises:
        PackageError: if it is not as it was signed, for somebody else, old or expired.
        HandoverRefused: if it holds anything else than its description says (a file, a column, rows).
        NotForThisRecipient: if it was sealed for another key.
        UserError: if it cannot be written or a key cannot be read.
    """
    with recorded_refusals(audit, "receive hand-over", shown(Path(package).name), actor=actor):
        checked_day(today)
        if Path(out).exists():
            raise UserError(
                f"{shown(Path(out).name)} is there already: choose another folder to receive into."
            )
        now = datetime.combine(today, time.min, UTC)
        ring = receiving_key if isinstance(receiving_key, RecipientKey) else RecipientKey(name, receiving_key)
        with TemporaryDirectory(prefix="secure-ai-handover-") as folder:
            files = Path(folder) / "files"
            manifest = unpack_package(package, files, Expected(trusted, name, now, after_sequence))
            if {entry.name for entry in manifest.files} != {DETAILS, SEALED}:
                raise HandoverRefused(
                    "The package lists other files than a hand-over has: ask the sender for it again."
                )
            details = read_details((files / DETAILS).read_bytes())
            _require_same(manifest, details, today)
            with atomic_directory(Path(out)) as draft:
                decrypt_file(files / SEALED, draft / TABLE, ring, associated_data=details.context())
                _require_table(draft / TABLE, details)
                for name_of, content in ((DETAILS, details.to_bytes()), (MANIFEST, manifest.to_bytes())):
                    with open_private(draft / name_of) as file:
                        file.write(content)
                receipt = sign_receipt(manifest, received=now, signing_key=signing_key)
                if audit is not None:
                    audit.record(
                        actor, "receive hand-over", manifest.digest(), "allowed", purpose=details.purpose,
                        reason="as its signed manifest lists it", rows=details.rows,
                    )  # fmt: skip
    return Received(Path(out), manifest, details, receipt)


def destroy_handover(
    folder: Path | str,
    *,
    signing_key: Path | str | Ed25519PrivateKey,
    today: date,
    method: str = "files deleted",
    audit: AuditLog | None = None,
    actor: str = "vendor",
) -> bytes:
    """Delete what was received and sign that it is gone.

    It reaches this folder alone; copies, backups and models made from the data are the vendor's to find, and
    what was done with them belongs into ``method``.

    Args:
        folder: the ``out`` of :func:`receive_handover`.
        signing_key: the vendor's Ed25519 key, or its file.
        today: the day.
        method: how, in a phrase.
        audit: the vendor's own trail: the destruction is recorded before anything is deleted, a refusal too.
        actor: who destroys.

    Returns:
        The certificate.

    Raises:
        UserError: if it is no such folder, or cannot be deleted: then nothing is signed.
    """
    folder = Path(folder)
    with recorded_refusals(audit, "destroy hand-over", shown(folder.name), actor=actor):
        try:
            there = {path.name for path in folder.iterdir()}
            manifest = Manifest.model_validate_json((folder / MANIFEST).read_bytes())
            read_details((folder / DETAILS).read_bytes())
        except (OSError, ValueError, HandoverRefused):
            raise UserError(
                f"{shown(folder.name)} holds no hand-over that was received: name its folder."
            ) from None
        if there != {TABLE, DETAILS, MANIFEST}:
            raise UserError(
                f"{shown(folder.name)} holds other files than were received, or lacks the table: "
                "see what was made from the data before anything is signed."
            )
        certificate = sign_destruction(manifest, destroyed=today, method=method, signing_key=signing_key)
        if audit is not None:
            audit.record(
                actor, "destroy hand-over", manifest.digest(), "allowed", purpose=manifest.purpose,
                reason=method.strip(), destroyed=today.isoformat(),
            )  # fmt: skip
        try:
            shutil.rmtree(folder)
        except OSError as error:
            raise UserError(
                f"{shown(folder.name)} cannot be deleted ({system_reason(error)}): "
                "nothing is signed before it is gone."
            ) from None
    return certificate


def sign_destruction(
    manifest: Manifest, *, destroyed: date, method: str, signing_key: Path | str | Ed25519PrivateKey
) -> bytes:
    """Return a destruction certificate: two lines, what is confirmed and the vendor's signature.

    Args:
        manifest: of the package.
        destroyed: the day.
        method: how, in a phrase of at most 300 characters.
        signing_key: the vendor's Ed25519 key, or its file.

    Raises:
        UserError: if ``method`` is empty or too long.
        OrganizationKeyError: if the key cannot be used.
    """
    checked_day(destroyed, "destroyed")
    if not 1 <= len(method.strip()) <= 300:
        raise UserError(
            "A destruction certificate says how, in 1 to 300 characters, such as 'files deleted'."
        )
    key = signing_key
    if not isinstance(key, Ed25519PrivateKey):
        key = load_private_key(key, "ed25519")
    fields = {
        "destroyed": destroyed.isoformat(),
        "method": method.strip(),
        "package": manifest.digest(),
        "recipient": manifest.recipient,
    }
    message = json.dumps(fields, sort_keys=True, separators=(",", ":")).encode()
    return message + b"\n" + sign("destruction", message, key) + b"\n"


def _require_same(manifest: Manifest, details: HandoverDetails, today: date) -> None:
    if (manifest.sender, manifest.recipient, manifest.purpose) != (
        details.sender,
        details.recipient,
        details.purpose,
    ):
        raise HandoverRefused(
            "The description names another sender, vendor or purpose than the manifest: do not use it."
        )
    if today > details.retention_until:
        raise HandoverRefused(
            f"The data may be kept until {details.retention_until} only: ask for a new hand-over."
        )


def _require_table(path: Path, details: HandoverDetails) -> None:
    require_schema(schema_of(path), details.columns)
    if (rows := pq.read_metadata(path).num_rows) != details.rows:
        raise HandoverRefused(
            f"The table has {rows:,} rows, the manifest says {details.rows:,}: do not use it."
        )
    if digest(path) != (details.sha256, details.size):
        raise HandoverRefused(
            "The table has other bytes than the manifest says: do not use it, ask the sender."
        )
