"""What must come back: the receipt, the destruction certificate, and answers when consent is withdrawn."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from typing import TYPE_CHECKING

from secure_ai.core.audit import AuditLog, recorded_refusals
from secure_ai.core.sources import shown
from secure_ai.encrypt.transport.packages import PackageError, verify_receipt
from secure_ai.encrypt.transport.packages.manifest import signed_by
from secure_ai.encrypt.transport.public_keys import read_public_line
from secure_ai.govern.handover.certificates import VendorKey
from secure_ai.govern.handover.details import HandoverDetails
from secure_ai.govern.handover.refusals import HandoverRefused
from secure_ai.govern.handover.register import HandoverRegister
from secure_ai.govern.retention.periods import checked_day

if TYPE_CHECKING:
    import pandas as pd

Holds = Callable[[str, HandoverDetails, date], str]
"""Package, what it is, day → why it must be kept now (a hold's reference); empty if nothing holds it."""

_MAX_BYTES = 100_000
_COLUMNS = ["package", "vendor", "contract", "what", "due", "days_over", "state"]


def confirm_receipt(
    register: HandoverRegister,
    receipt: bytes,
    *,
    handover: str,
    vendor: VendorKey,
    today: date,
    audit: AuditLog | None = None,
    actor: str = "hand-over",
) -> date:
    """Enter the vendor's receipt; return the day of receipt that it states.

    Args:
        register: where the package stands.
        receipt: what came back.
        handover: the package's digest.
        vendor: the vendor's signing key (``vendor_key(..., signing=True)``).
        today: the day.
        audit: where it is recorded.
        actor: who enters it.

    Raises:
        BadReceipt: if it is not signed by the vendor, or for another package.
        HandoverRefused: if the package is not in the register, was not sent or is receipted already, or
            the day cannot be.
    """
    with recorded_refusals(audit, "confirm receipt", shown(handover), actor=actor):
        checked_day(today)
        _require_content(receipt, "receipt")
        found = verify_receipt(receipt, register.manifest(handover), {vendor.vendor: vendor.line})
        received = _day(str(found.received)[:10], "receipt")
        sent = register.dates(handover)[0]
        if sent is None:
            raise HandoverRefused(
                "The receipt is for a package that was never sent: find out how it got there."
            )
        if not sent <= received <= today:
            raise HandoverRefused(
                f"The receipt says {received}, but the package was sent on {sent} and today is {today}: "
                "ask the vendor."
            )
        _record(audit, actor, "confirm receipt", handover, "signed by the vendor")
        register.mark(handover, received=received.isoformat(), receipt=bytes(receipt))
    return received


def confirm_destruction(
    register: HandoverRegister,
    certificate: bytes,
    *,
    handover: str,
    vendor: VendorKey,
    today: date,
    holds: Holds | None = None,
    audit: AuditLog | None = None,
    actor: str = "hand-over",
) -> str:
    """Enter the vendor's destruction certificate; return a sentence on what it means.

    Args:
        register, handover, vendor, today, audit, actor: as for :func:`confirm_receipt`.
        certificate: what came back.
        holds: whether the data had to be kept: then what the vendor did is entered and an alert raised.

    Raises:
        HandoverRefused: if it is not signed by the vendor, is for another package, or its day cannot be.
    """
    with recorded_refusals(audit, "confirm destruction", shown(handover), actor=actor):
        checked_day(today)
        _require_content(certificate, "destruction certificate")
        manifest, details = register.manifest(handover), register.details(handover)
        fields = _verified(certificate, vendor)
        if fields.get("package") != manifest.digest() or fields.get("recipient") != manifest.recipient:
            raise HandoverRefused(
                "The certificate is for another package or vendor: ask which data were destroyed."
            )
        if vendor.vendor != manifest.recipient:
            raise HandoverRefused(
                f"The certificate is signed by {shown(vendor.vendor)}, who never had the data."
            )
        destroyed, method = (
            _day(fields.get("destroyed"), "destruction certificate"),
            str(fields.get("method", ""))[:300],
        )
        received = register.dates(handover)[1]
        if received is None:
            raise HandoverRefused(
                "There is no receipt for this package yet: enter that first, then its destruction."
            )
        if not received <= destroyed <= today:
            raise HandoverRefused(
                f"The certificate says {destroyed}, but the data were received on {received} "
                f"and today is {today}: ask the vendor."
            )
        held = holds(handover, details, destroyed) if holds is not None else ""
        reason = f"destroyed although {held} held it" if held else "signed by the vendor"
        _record(audit, actor, "confirm destruction", handover, reason, alert=bool(held))
        register.mark(
            handover, destroyed=destroyed.isoformat(), method=method, certificate=bytes(certificate)
        )
        register.forget_people(handover)
    if held:
        return (
            f"The vendor destroyed the data on {destroyed} although {shown(held)} required keeping them: "
            "tell counsel."
        )
    late = (destroyed - details.retention_until).days
    return f"The data were destroyed on {destroyed}, " + (
        f"{late} days after the retention date." if late > 0 else "within the retention date."
    )


def outstanding(register: HandoverRegister, today: date, *, holds: Holds | None = None) -> pd.DataFrame:
    """Return what vendors still owe, the most overdue first.

    Columns: package (its whole digest), vendor, contract, what (``"receipt"``, ``"destruction"``, or
    ``"sending"`` for one that was prepared and never left), due, days_over (negative before the day), state
    (``"due"``, ``"overdue"``, ``"on hold: …"``).

    Raises:
        UserError: if ``today`` is no date, or the register is gone or damaged.
    """
    import pandas as pd

    checked_day(today)
    rows = []
    for package in register.packages():
        one, (sent, received, destroyed) = register.details(package), register.dates(package)
        if destroyed is not None:
            continue
        wanted = [("sending", one.receipt_due)] if sent is None else []
        if sent is not None and received is None:
            wanted.append(("receipt", one.receipt_due))
        if sent is not None:
            wanted.append(("destruction", one.destruction_due))
        for what, due in wanted:
            over = (today - due).days
            held = holds(package, one, today) if what == "destruction" and holds is not None else ""
            state = f"on hold: {held}" if held else "overdue" if over > 0 else "due"
            rows.append((package, one.recipient, one.contract, what, due, over, state))
    frame = pd.DataFrame(rows, columns=_COLUMNS)
    return frame.sort_values("days_over", ascending=False, kind="stable", ignore_index=True)


def recipients_of(
    register: HandoverRegister, person: str, *, audit: AuditLog | None = None, actor: str = "hand-over"
) -> pd.DataFrame:
    """Return which vendors have rows of a person.

    Columns: package, vendor, contract, purpose, contact, retention_until. Whoever erases, corrects or
    withdraws consent must tell them (GDPR Art. 19).

    Args:
        register: the register.
        person: key of the person in the tables; it is compared as a keyed digest and not recorded.
        audit: where it is recorded that somebody asked.
        actor: who asks.
    """
    import pandas as pd

    packages = register.packages_with(person)
    if audit is not None:
        audit.record(actor, "look up recipients", "hand-over register", "allowed", packages=len(packages))
    rows = []
    for package in packages:
        one = register.details(package)
        rows.append((package, one.recipient, one.contract, one.purpose, one.contact, one.retention_until))
    return pd.DataFrame(
        rows, columns=["package", "vendor", "contract", "purpose", "contact", "retention_until"]
    )


def _require_content(document: object, what: str) -> None:
    if not isinstance(document, bytes | bytearray):
        raise HandoverRefused(
            f"The {what} is what its file holds, not its name: give Path(...).read_bytes()."
        )


def _verified(certificate: bytes, vendor: VendorKey) -> dict[str, object]:
    message, _, signature = certificate[:_MAX_BYTES].strip().partition(b"\n")
    keys = {vendor.vendor: read_public_line(vendor.line, "ed25519")}
    try:
        signed_by("destruction", message, signature, keys)
        fields = json.loads(message)
    except (PackageError, ValueError, RecursionError):
        fields = None
    if not isinstance(fields, dict):
        raise HandoverRefused(
            "The destruction certificate is not signed with the vendor's key, or was altered."
        )
    return fields


def _day(value: object, what: str) -> date:
    try:
        return date.fromisoformat(str(value))
    except ValueError:
        raise HandoverRefused(f"The {what} states no day: ask the vendor for another.") from None


def _record(
    audit: AuditLog | None, actor: str, action: str, target: str, reason: str, *, alert: bool = False
) -> None:
    if audit is not None:
        audit.record(actor, action, target, "allowed", reason=reason, alert=alert)
