"""Commands of what comes back from a vendor: handover receive, destroy, confirm, destroyed, outstanding."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from secure_ai.cli.app import pairs
from secure_ai.cli.governance import (
    FILE,
    FOUND,
    audit_option,
    day_of,
    end_when_stopped,
    open_audit,
    person_given,
    print_frame,
    read_bytes,
    today_option,
)
from secure_ai.cli.governance_handover import (
    AUTHORITY,
    REGISTER,
    REVOKED,
    WHICH,
    handover,
    key_source,
    open_register,
    package_named,
)
from secure_ai.core.errors import UserError

if TYPE_CHECKING:
    from secure_ai.govern.handover import VendorKey

SIGNED_BY = click.option(
    "--vendor-key", required=True, help="The vendor's signing key: certificate file, or its ed25519: line."
)


@handover.command()
@click.argument("path", metavar="PACKAGE", type=FILE)
@click.argument("out", type=FILE)
@click.option("--name", required=True, help="Your own name, as the contract has it.")
@click.option("--receiving-key", type=FILE, required=True, help="Your X25519 key.")
@click.option("--signing-key", type=FILE, required=True, help="Your Ed25519 key, for the receipt.")
@click.option(
    "--trust", multiple=True, required=True, metavar="SENDER=LINE",
    help="A sender's public signing key, from the sender by another way. Repeat for more.",
)  # fmt: skip
@click.option("--receipt", type=FILE, required=True, help="Where the signed receipt goes, to be sent back.")
@click.option("--after", type=int, default=0, show_default=True, help="Number of the sender's last package.")
@today_option
@audit_option
def receive(
    *,
    path: Path,
    out: Path,
    name: str,
    receiving_key: Path,
    signing_key: Path,
    trust: tuple[str, ...],
    receipt: Path,
    after: int,
    today: date | None,
    audit: Path | None,
    actor: str | None,
) -> None:
    """Verify PACKAGE (as the vendor), open it into the folder OUT, and sign for it.

    Example: secure-ai handover receive acme.tar data --name "Acme Models" --receiving-key acme.key
    --signing-key acme-sign.key --trust Lakeside=ed25519:... --receipt receipt.txt
    """
    from secure_ai.govern.handover import receive_handover

    end_when_stopped()
    trusted = pairs(trust, "--trust", "Lakeside=ed25519:...")
    trail, who = open_audit(audit, actor)

    def opened() -> bytes:
        found = receive_handover(
            path, out, name=name, receiving_key=receiving_key, signing_key=signing_key, trusted=trusted,
            today=day_of(today), after_sequence=after, audit=trail, actor=who,
        )  # fmt: skip
        one = found.details
        print(f"{one.rows:,} rows for '{one.purpose}' from {one.sender}: {', '.join(one.legal_basis)}.")
        print(f"They go by {one.retention_until}; questions to {one.contact}.")
        return found.receipt

    _write_new(receipt, opened)
    print(f"Wrote {out} and {receipt}: send the receipt back.")


@handover.command()
@click.argument("folder", type=FILE)
@click.option("--signing-key", type=FILE, required=True, help="Your Ed25519 key.")
@click.option("--certificate", type=FILE, required=True, help="Where the signed certificate goes.")
@click.option(
    "--method", default="files deleted", show_default=True, help="How; name copies and backups, too."
)
@click.option("--yes", is_flag=True, help="Do not ask.")
@today_option
@audit_option
def destroy(
    *,
    folder: Path,
    signing_key: Path,
    certificate: Path,
    method: str,
    yes: bool,
    today: date | None,
    audit: Path | None,
    actor: str | None,
) -> None:
    """Delete what was received into FOLDER (as the vendor), and sign that it is gone.

    Example: secure-ai handover destroy data --signing-key acme-sign.key --certificate gone.txt
    """
    from secure_ai.govern.handover import destroy_handover

    if not yes:
        click.confirm(f"Delete {folder.name} and all that it holds?", abort=True)
    trail, who = open_audit(audit, actor)
    end_when_stopped()
    _write_new(
        certificate,
        lambda: destroy_handover(
            folder, signing_key=signing_key, today=day_of(today), method=method, audit=trail, actor=who
        ),
    )
    print(f"Deleted {folder}. Wrote {certificate}: send it to the sender.")


@handover.command()
@click.argument("receipt", type=FILE)
@REGISTER
@WHICH
@SIGNED_BY
@AUTHORITY
@REVOKED
@today_option
@audit_option
def confirm(*, receipt: Path, **options: Any) -> None:
    """Enter the RECEIPT that the vendor signed.

    Example: secure-ai handover confirm receipt.txt --register handovers.sqlite --package 3f9a
    --vendor-key ed25519:...
    """
    from secure_ai.govern.handover import confirm_receipt

    day = _enter(confirm_receipt, read_bytes(receipt, "receipt"), **options)
    print(f"The vendor received it on {day}.")


@handover.command()
@click.argument("certificate", type=FILE)
@REGISTER
@WHICH
@SIGNED_BY
@AUTHORITY
@REVOKED
@today_option
@audit_option
def destroyed(*, certificate: Path, **options: Any) -> None:
    """Enter the destruction CERTIFICATE that the vendor signed.

    Example: secure-ai handover destroyed gone.txt --register handovers.sqlite --package 3f9a
    --vendor-key ed25519:...
    """
    from secure_ai.govern.handover import confirm_destruction

    print(_enter(confirm_destruction, read_bytes(certificate, "certificate"), **options))


@handover.command("outstanding")
@REGISTER
@today_option
def list_outstanding(register: Path, today: date | None) -> int:
    """List what vendors still owe, the most overdue first; exit code 1 if anything is overdue.

    Example: secure-ai handover outstanding --register handovers.sqlite
    """
    from secure_ai.govern.handover import outstanding

    found = outstanding(open_register(register), day_of(today))
    print_frame(found.assign(package=found["package"].str.slice(0, 12)), "Nothing is outstanding.")
    return FOUND if (found["state"] == "overdue").any() else 0


@handover.command()
@click.argument("person")
@REGISTER
@audit_option
def recipients(*, person: str, register: Path, audit: Path | None, actor: str | None) -> int:
    """List which vendors have rows of PERSON (a key; - reads it from standard input); exit code 1 if any.

    Whoever erases, corrects or withdraws must tell them (GDPR Art. 19).

    Example: secure-ai handover recipients - --register handovers.sqlite
    """
    from secure_ai.govern.handover import recipients_of

    opened = open_register(register)
    trail, who = open_audit(audit, actor)
    found = recipients_of(opened, person_given(person), audit=trail, actor=who)
    print_frame(found.assign(package=found["package"].str.slice(0, 12)), "No vendor has rows of this person.")
    return FOUND if len(found) else 0


def _enter(
    enter: Callable[..., Any],
    content: bytes,
    *,
    register: Path,
    which: str,
    vendor_key: str,
    authority: Path | None,
    revoked: Path | None,
    today: date | None,
    audit: Path | None,
    actor: str | None,
) -> Any:
    opened = open_register(register)
    found = package_named(opened, which)
    trail, who = open_audit(audit, actor)
    day = day_of(today)
    vendor = _signer(vendor_key, opened.details(found).recipient, day, authority, revoked)
    return enter(opened, content, handover=found, vendor=vendor, today=day, audit=trail, actor=who)


def _signer(given: str, name: str, day: date, authority: Path | None, revoked: Path | None) -> VendorKey:
    from secure_ai.govern.handover import vendor_key

    return vendor_key(key_source(given), name, today=day, authority=authority, revoked=revoked, signing=True)


def _write_new(path: Path, content: Callable[[], bytes]) -> None:
    """Write what ``content`` returns; the place is tried before, because the deed cannot be undone."""
    from secure_ai.core.outputs import atomic_file

    if path.exists():
        raise UserError(f"{path.name} is there already: choose another name.")
    with atomic_file(path) as draft:
        draft.write_bytes(b"")
        draft.write_bytes(content())
