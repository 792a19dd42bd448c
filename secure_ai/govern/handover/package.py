"""Prepares, checks and sends a hand-over: nothing leaves that the signed manifest does not list."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from secure_ai.anonymize.deidentify.receipt import Receipt
from secure_ai.core.audit import AuditLog, recorded_refusals
from secure_ai.core.errors import UserError, system_reason
from secure_ai.core.outputs import atomic_directory, atomic_file
from secure_ai.core.sources import Source, TableLike, shown
from secure_ai.core.yaml_files import checked
from secure_ai.encrypt.files import encrypt_file
from secure_ai.encrypt.secret_keys import Key
from secure_ai.encrypt.transport.packages import Expected, Manifest, verify_package, write_package
from secure_ai.encrypt.transport.public_keys import load_private_key, public_line
from secure_ai.encrypt.transport.recipient_keys import RecipientKeys
from secure_ai.govern.consent.callback import Consent
from secure_ai.govern.handover.certificates import VendorKey, vendor_key
from secure_ai.govern.handover.contract import Contract
from secure_ai.govern.handover.details import (
    DETAILS,
    SEALED,
    TABLE,
    Column,
    HandoverDetails,
    digest,
    schema_of,
)
from secure_ai.govern.handover.extract import Extract, extract_minimum, write_table
from secure_ai.govern.handover.purpose import Purpose
from secure_ai.govern.handover.refusals import HandoverRefused
from secure_ai.govern.handover.register import HandoverRegister
from secure_ai.govern.retention.periods import checked_day

ACCEPT_DAYS = 14


@dataclass(frozen=True)
class HandOver:
    """A package that was prepared and is in the register.

    Attributes:
        path: the folder or tar file.
        package: the digest that names it.
        manifest: its signed list of contents.
        details: what it is for; the vendor gets the same.
        deidentified: what the de-identification did.
        steps: how many rows were left after each step, and why.
        vendor: the key that it was sealed for.
    """

    path: Path
    package: str
    manifest: Manifest
    details: HandoverDetails
    deidentified: Receipt
    steps: pd.DataFrame
    vendor: VendorKey

    def sentence(self) -> str:
        """Say what leaves, for whom and until when."""
        one = self.details
        return (
            f"{one.rows:,} rows and {len(one.columns)} columns for '{one.purpose}' are sealed for "
            f"{one.recipient} under contract {one.contract}: the receipt is due on {one.receipt_due}, "
            f"the data go by {one.retention_until}, the destruction certificate is due on "
            f"{one.destruction_due}."
        )


def prepare_handover(
    source: TableLike | Source,
    purpose: Purpose,
    vendor_certificate_or_public_key: Path | str | bytes,
    signing_key: Path | str | Ed25519PrivateKey,
    out: Path | str,
    *,
    sender: str,
    contract: Contract,
    retention_until: date,
    register: HandoverRegister,
    today: date,
    authority: Path | str | bytes | None = None,
    revoked: Path | str | bytes | None = None,
    deidentification_key: Key | str | Path | None = None,
    seed: int | None = None,
    consent: Consent | None = None,
    audit: AuditLog | None = None,
    actor: str = "hand-over",
) -> HandOver:
    """Make a package of the least that a purpose needs, sealed for the vendor and signed.

    Args:
        source: a table (file, frame, database; see :mod:`secure_ai.core.sources`).
        purpose: what is needed.
        vendor_certificate_or_public_key: of the vendor that the contract names; see
            :func:`~secure_ai.govern.handover.certificates.vendor_key`.
        signing_key: the sender's Ed25519 key, or its file.
        out: folder, or tar file if it ends in ``.tar``.
        sender: the name under which the vendor trusts the key.
        contract: what the hand-over rests on.
        retention_until: the last day on which the vendor may keep the data.
        register: where it is entered.
        today: the day of the hand-over; the package may be accepted for 14 days from its start (UTC).
        authority, revoked: see :func:`~secure_ai.govern.handover.certificates.vendor_key`.
        deidentification_key, seed, consent: see :func:`~secure_ai.govern.handover.extract.extract_minimum`.
        audit: where the hand-over, or its refusal, is recorded.
        actor: the account of who hands over.

    Raises:
        HandoverRefused: if the contract, the certificate, the purpose or the data do not allow it.
        UserError: if an input or output cannot be used.
    """
    with recorded_refusals(audit, "prepare hand-over", contract.id, actor=actor, purpose=purpose.name):
        checked_day(today)
        checked_day(retention_until, "retention_until")
        # What was handed over is evidence, and a folder of something else is not ours to replace.
        if Path(out).exists():
            raise UserError(f"{shown(Path(out).name)} is there already: choose another name for the package.")
        contract.require(purpose.name, retention_until, today)
        vendor = vendor_key(
            vendor_certificate_or_public_key,
            contract.vendor,
            today=today,
            authority=authority,
            revoked=revoked,
        )
        key = signing_key
        if not isinstance(key, Ed25519PrivateKey):
            key = load_private_key(key, "ed25519")
        extract = extract_minimum(
            source, purpose, today=today, key=deidentification_key, seed=seed, consent=consent
        )
        with (
            TemporaryDirectory(prefix="secure-ai-handover-") as folder,
            register.adding(vendor.vendor) as addition,
        ):
            plain = Path(folder) / TABLE
            write_table(extract.table, plain)
            details = _details(plain, extract, purpose, contract, sender, retention_until, today)
            files = {DETAILS: Path(folder) / DETAILS, SEALED: Path(folder) / SEALED}
            files[DETAILS].write_bytes(details.to_bytes())
            keys = RecipientKeys({vendor.vendor: vendor.line})
            encrypt_file(plain, files[SEALED], keys, vendor.vendor, associated_data=details.context())
            if audit is not None:
                audit.record(
                    actor, "prepare hand-over", contract.id, "allowed", purpose=purpose.name,
                    reason="within contract and purpose, sealed for a checked key",
                    rows=details.rows, columns=len(details.columns), vendor_key=vendor.fingerprint,
                    retention_until=retention_until.isoformat(),
                )  # fmt: skip
            start = datetime.combine(today, time.min, UTC)
            manifest = write_package(
                files, out, sender=sender, recipient=vendor.vendor, purpose=purpose.name,
                sequence=addition.sequence, created=start, expires=start + timedelta(days=ACCEPT_DAYS + 1),
                signing_key=key,
            )  # fmt: skip
            addition.add(manifest, details, public_line(key.public_key()), extract.people)
    return HandOver(Path(out), manifest.digest(), manifest, details, extract.receipt, extract.steps, vendor)


def check_handover(
    package: Path | str,
    manifest: Manifest,
    sender_key: str,
    *,
    today: date,
    audit: AuditLog | None = None,
    actor: str = "hand-over",
) -> None:
    """Check right before sending that a package is what its manifest lists, byte for byte, and nothing more.

    Args:
        package: the folder or tar file.
        manifest: of the package that was prepared, from the register or the hand-over.
        sender_key: the public line of the key that signed it.
        today: the day.
        audit: where a refusal is recorded.
        actor: who sends.

    Raises:
        PackageError: if a file is extra, missing, renamed or changed, or the signature is another's.
        HandoverRefused: if it is another package than that of ``manifest``.
    """
    target = manifest.digest()
    with recorded_refusals(audit, "check hand-over", target, actor=actor, purpose=manifest.purpose):
        checked_day(today)
        expected = Expected(
            {manifest.sender: sender_key}, manifest.recipient, datetime.combine(today, time.min, UTC)
        )
        found = verify_package(package, expected)
        if found.digest() != target:
            raise HandoverRefused("This is another package than the one that was prepared: send that one.")


def send_handover(
    package: Path | str,
    *,
    register: HandoverRegister,
    handover: str,
    today: date,
    to: Path | str | None = None,
    deliver: Callable[[Path], object] | None = None,
    audit: AuditLog | None = None,
    actor: str = "hand-over",
) -> None:
    """Send a copy of a package that was checked after copying, so that nothing can slip in between.

    Args:
        package: the folder or tar file.
        register: in which it stands.
        handover: the digest that names it there.
        today: the day that is entered as sent.
        to: where the copy appears (an outgoing folder), or
        deliver: called with the checked copy (an SFTP upload, for instance).
        audit: where it is recorded, before anything leaves.
        actor: who sends.

    Raises:
        PackageError: as :func:`check_handover`; nothing leaves then.
        HandoverRefused: if it is not in the register, or was sent already.
        UserError: if the package cannot be copied, or there is not exactly one of ``to`` and ``deliver``.
    """
    if (to is None) == (deliver is None):
        raise UserError("Say either where the package goes (to=) or how it is delivered (deliver=).")
    package = Path(package)
    with recorded_refusals(audit, "send hand-over", shown(handover), actor=actor):
        checked_day(today)
        manifest, key = register.manifest(handover), register.sender_key(handover)
        if register.dates(handover)[0] is not None:
            raise HandoverRefused(
                "This package was sent already: a second copy needs a hand-over of its own."
            )

        marked: list[Path] = []

        def checked_copy(draft: Path) -> None:
            _copy(package, draft)
            check_handover(draft, manifest, key, today=today)
            if audit is not None:
                audit.record(
                    actor, "send hand-over", handover, "allowed", purpose=manifest.purpose,
                    reason="as its signed manifest lists it", recipient=manifest.recipient,
                )  # fmt: skip
            # Before it leaves, so that nothing leaves that the register does not know.
            register.mark(handover, sent=today.isoformat())
            marked.append(draft)

        try:
            if deliver is not None:
                with TemporaryDirectory(prefix="secure-ai-handover-") as folder:
                    draft = Path(folder) / package.name
                    checked_copy(draft)
                    deliver(draft)
                return
            appearing = atomic_directory if package.is_dir() else atomic_file
            with appearing(Path(to)) as draft:
                checked_copy(draft)
        except BaseException:
            if marked:
                register.withdraw_sending(handover)
            raise


def _copy(package: Path, draft: Path) -> None:
    try:
        if package.is_dir():
            shutil.copytree(package, draft, symlinks=True, dirs_exist_ok=True)
        else:
            shutil.copyfile(package, draft, follow_symlinks=False)
    except (OSError, shutil.Error) as error:
        reason = system_reason(error) if isinstance(error, OSError) else "a part of it cannot be read"
        raise UserError(f"The package {shown(package.name)} cannot be copied ({reason}): check it.") from None


def _details(  # noqa: PLR0917
    plain: Path,
    extract: Extract,
    purpose: Purpose,
    contract: Contract,
    sender: str,
    retention_until: date,
    today: date,
) -> HandoverDetails:
    sha256, size = digest(plain)
    policy = purpose.policy()
    fields = {
        "contract": contract.id,
        "purpose": purpose.name,
        "description": purpose.description,
        "legal_basis": purpose.legal_basis,
        "sender": sender,
        "recipient": contract.vendor,
        "contact": contract.contact,
        "prepared": today,
        "retention_until": retention_until,
        "receipt_due": today + timedelta(days=contract.receipt_days),
        "destruction_due": contract.destruction_due(retention_until),
        "policy": policy.name,
        "standard": policy.standard,
        "filters": tuple(condition.sentence() for condition in purpose.rows),
        "rows": extract.table.num_rows,
        "k": extract.k,
        "quasi_identifiers": purpose.quasi_identifiers,
        "columns": tuple(
            Column(name=name, type=kind, why=purpose.columns[name]) for name, kind in schema_of(plain)
        ),
        "sha256": sha256,
        "size": size,
    }
    return checked(HandoverDetails, fields, "hand-over")
