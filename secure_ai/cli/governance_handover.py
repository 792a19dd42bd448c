"""Commands of the hand-over: handover key, propose, prepare, check, send, receive, confirm, destroyed …"""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import click

from secure_ai.cli.app import reading_options, root
from secure_ai.cli.governance import (
    DAY,
    FILE,
    audit_option,
    day_of,
    end_when_stopped,
    open_audit,
    print_frame,
    today_option,
)
from secure_ai.core.errors import UserError

if TYPE_CHECKING:
    from secure_ai.govern.handover import HandoverRegister

REGISTER = click.option("--register", type=FILE, required=True, help="The sender's register (SQLite).")
WHICH = click.option(
    "--package", "which", required=True, help="Digest of the package, or how it begins; see 'outstanding'."
)
SIGNED_BY = click.option(
    "--vendor-key", required=True, help="The vendor's signing key: certificate file, or its ed25519: line."
)
AUTHORITY = click.option("--authority", type=FILE, help="Certificate of whoever vouches for the vendor.")
REVOKED = click.option("--revoked", type=FILE, help="The authority's revocation list.")
LINES = ("x25519:", "ed25519:")


@root.group()
def handover() -> None:
    """Hand data to a vendor: the least the purpose needs, sealed, signed, receipted, destroyed.

    The sender uses propose, prepare, check, send, confirm, destroyed, outstanding and recipients; the vendor
    receive and destroy. Both make keys with key.
    """


@handover.command()
@click.argument("file", type=FILE)
@click.argument("use", type=click.Choice(["signing", "receiving"]))
def key(file: Path, use: str) -> None:
    """Make a key in FILE, which only you can read, and print the public line that the other side needs.

    Example: secure-ai handover key lakeside.key signing
    """
    from secure_ai.encrypt.transport.public_keys import generate_recipient_key, generate_signing_key

    made = generate_signing_key(file) if use == "signing" else generate_recipient_key(file)
    print(f"Wrote {file}. Hand on this line by a way that nobody can change:")
    print(made.public)


@handover.command()
@click.argument("source")
@click.option("--target", required=True, help="Column that the vendor's model predicts.")
@click.option("--purpose", required=True, help="What for, in words.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of the folds.")
@click.option("--out", type=FILE, help="Write them as the beginning of a purpose file (YAML).")
@reading_options
def propose(
    *, source: str, target: str, purpose: str, seed: int, out: Path | None, **reading: str | None
) -> None:
    """Propose the fewest columns of the table SOURCE that keep a model's accuracy.

    Example: secure-ai handover propose claims.csv --target status --purpose "denials model"
    --out purpose.yaml
    """
    import yaml

    from secure_ai.core.outputs import atomic_file
    from secure_ai.core.sources import open_source
    from secure_ai.govern.handover import propose_columns

    opened = open_source(source, **reading)
    opened.require([target])
    columns = propose_columns(opened.to_pandas(), target, purpose, seed=seed)
    for name, why in columns.items():
        print(f"{name:<30} {why}")
    if out is not None:
        text = yaml.safe_dump({"name": purpose, "columns": columns}, sort_keys=False, allow_unicode=True)
        with atomic_file(out) as draft:
            draft.write_text(f"{text}# Still to be filled: {', '.join(TO_FILL)}.\n", encoding="utf-8")
        print(f"Wrote {out}: read it, and fill in {', '.join(TO_FILL)}.")


TO_FILL = ("description", "deidentify", "legal_basis", "person_column")


@handover.command()
@click.argument("source")
@click.argument("out", type=FILE)
@click.option("--purpose", required=True, type=FILE, help="Purpose file (YAML), or a sector for its example.")
@click.option("--contract", type=FILE, required=True, help="Contract file (YAML).")
@click.option("--vendor-key", required=True, help="The vendor's receiving key: certificate, or x25519: line.")
@click.option("--signing-key", type=FILE, required=True, help="Your Ed25519 key.")
@click.option("--sender", required=True, help="The name under which the vendor trusts that key.")
@click.option("--until", type=DAY, required=True, help="Last day on which the vendor may keep the data.")
@REGISTER
@AUTHORITY
@REVOKED
@click.option(
    "--key", "key_file", type=FILE, help="Key of the de-identification, where its policy needs one."
)
@click.option("--consent", type=FILE, help="Settings of the consent ledger: who did not agree is left out.")
@reading_options
@today_option
@audit_option
def prepare(
    *,
    source: str,
    out: Path,
    purpose: Path,
    contract: Path,
    vendor_key: str,
    signing_key: Path,
    sender: str,
    until: date,
    register: Path,
    authority: Path | None,
    revoked: Path | None,
    key_file: Path | None,
    consent: Path | None,
    today: date | None,
    audit: Path | None,
    actor: str | None,
    **reading: str | None,
) -> None:
    """Make the package OUT (a folder, or a .tar) of the least of the table SOURCE that a purpose needs.

    Example: secure-ai handover prepare claims.csv acme.tar --purpose purpose.yaml --contract c17.yaml
    --vendor-key acme.pem --authority ca.pem --signing-key lakeside.key --sender Lakeside
    --until 2027-03-31 --register handovers.sqlite
    """
    from secure_ai.cli.governance_consent import consent_callback
    from secure_ai.core.sources import open_source
    from secure_ai.govern.handover import (
        HandoverRegister,
        example_purpose,
        load_contract,
        load_purpose,
        prepare_handover,
    )

    end_when_stopped()
    named = str(purpose)
    declared = example_purpose(named) if named in {"healthcare", "finance"} else load_purpose(purpose)
    under = load_contract(contract)
    opened = open_source(source, **reading)
    trail, who = open_audit(audit, actor)
    done = prepare_handover(
        opened, declared, key_source(vendor_key), signing_key, out,
        sender=sender, contract=under, retention_until=until, register=HandoverRegister(register),
        today=day_of(today), authority=authority, revoked=revoked, deidentification_key=key_file,
        consent=consent_callback(consent, trail), audit=trail, actor=who,
    )  # fmt: skip
    print_frame(done.steps)
    print(done.sentence())
    print(f"Wrote {out}. Package {done.package}.")


@handover.command()
@click.argument("path", metavar="PACKAGE", type=FILE)
@REGISTER
@WHICH
@today_option
@audit_option
def check(
    *, path: Path, register: Path, which: str, today: date | None, audit: Path | None, actor: str | None
) -> None:
    """Check that PACKAGE is what its signed manifest lists, byte for byte, and nothing more.

    Example: secure-ai handover check acme.tar --register handovers.sqlite --package 3f9a
    """
    from secure_ai.govern.handover import check_handover

    opened = open_register(register)
    found = package_named(opened, which)
    trail, who = open_audit(audit, actor)
    manifest, public = opened.manifest(found), opened.sender_key(found)
    check_handover(path, manifest, public, today=day_of(today), audit=trail, actor=who)
    print(f"{path.name} is what its manifest lists: {len(manifest.files)} files for {manifest.recipient}.")


@handover.command()
@click.argument("path", metavar="PACKAGE", type=FILE)
@click.option("--to", type=FILE, required=True, help="Where the checked copy appears: an outgoing folder.")
@REGISTER
@WHICH
@today_option
@audit_option
def send(
    *,
    path: Path,
    to: Path,
    register: Path,
    which: str,
    today: date | None,
    audit: Path | None,
    actor: str | None,
) -> None:
    """Send a copy of PACKAGE that was checked after copying; anything not in its manifest is refused.

    Example: secure-ai handover send acme.tar --to outgoing/acme.tar --register handovers.sqlite
    --package 3f9a
    """
    from secure_ai.govern.handover import send_handover

    end_when_stopped()
    if to.exists():
        raise UserError(f"{to.name} is there already: choose another name, or a new one in the folder.")
    opened = open_register(register)
    found = package_named(opened, which)
    trail, who = open_audit(audit, actor)
    send_handover(path, register=opened, handover=found, today=day_of(today), to=to, audit=trail, actor=who)
    print(f"Sent: {to}. The receipt is due on {opened.details(found).receipt_due}.")


def key_source(given: str) -> str | Path:
    """Return a public key line as it is, and anything else as the file of a certificate."""
    return given if given.startswith(LINES) else Path(given)


def open_register(path: Path) -> HandoverRegister:
    """Open the register of hand-overs.

    Raises:
        UserError: if it is not there: only the first hand-over makes one.
    """
    from secure_ai.govern.handover import HandoverRegister

    if not path.is_file():
        raise UserError(f"There is no register {path.name}: name the one that 'handover prepare' made.")
    return HandoverRegister(path)


def package_named(register: HandoverRegister, which: str) -> str:
    """Return the digest that begins so.

    Raises:
        UserError: if none does, or several do.
    """
    found = [name for name in register.packages() if which and name.startswith(which.casefold())]
    if len(found) != 1:
        many = "several packages begin" if found else "no package begins"
        raise UserError(f"In the register {many} with this digest: see 'secure-ai handover outstanding'.")
    return found[0]
