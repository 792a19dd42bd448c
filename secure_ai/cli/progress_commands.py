"""Commands of self-paced learning: progress, certificate, certificate-key and record."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from secure_ai.cli.app import SECTORS, root
from secure_ai.core.errors import UserError

if TYPE_CHECKING:
    from secure_ai.learn.certificate import Signer
    from secure_ai.learn.progress_records import LearnerRecord

FILE = click.Path(path_type=Path)
MISSING, REFUSED, UNTRUSTED = 1, 1, 3
NOT_BOTH = "{} and {} name two sources: give one of them."
PATH = click.option("--path", "role", help="Path by role; the one that 'start --path' has remembered.")
HANDED_IN = click.option("--progress", "handed_in", type=FILE, help="A progress file that was handed in.")
ROOM = click.option("--room", type=FILE, help="Folder of a workshop's room.")


@root.command()
@PATH
@click.option("--sector", type=SECTORS, help="Which capstone counts where a path offers both.")
@click.option("--out", type=FILE, help="HTML file; reports/progress.html in the kit if not given.")
def progress(role: str | None, sector: str | None, out: Path | None) -> None:
    """Show how far you are on your path, and write it as a page (HTML) that links to the notebooks."""
    from secure_ai.learn.map import kit_folder
    from secure_ai.learn.path_progress import path_progress, show_progress
    from secure_ai.learn.progress_page import DEFAULT, write_progress_page
    from secure_ai.start import running_address

    role, sector = _chosen(role, sector)
    kit = kit_folder()
    page = out or (kit or Path.cwd()) / DEFAULT
    write_progress_page(
        path_progress(role, sector=sector), page, root=kit, address=running_address(kit) if kit else ""
    )
    print(show_progress(role, sector=sector, root=kit).text())
    print(f"Wrote {page}.")


@root.group(invoke_without_command=True)
@PATH
@click.option("--name", help="Your name as it shall stand there; it is kept nowhere else.")
@click.option("--sector", type=SECTORS, help="Which capstone counts where a path offers both.")
@click.option("--out", type=FILE, default=Path("certificate.html"), show_default=True, help="HTML file.")
@click.option("--key", type=FILE, help="The organization's key; without it the certificate is self-issued.")
@click.option("--issuer", help="The organization's name, with --key.")
@HANDED_IN
@ROOM
@click.option("--seat", help="Seat in the room, such as seat-03.")
@click.pass_context
def certificate(context: click.Context, **given: object) -> int:
    """Write a signed certificate of a path whose labs are solved, or verify one.

    What is missing is listed, with exit code 1. An instructor certifies others with --progress FILE, or with
    --room FOLDER --seat SEAT. The passphrase of a key is taken from SECURE_AI_PASSPHRASE.

    Example: secure-ai certificate --path compliance --name "Ana Lopez"
    """
    return 0 if context.invoked_subcommand else _certify(**given)  # type: ignore[arg-type]


def _certify(
    *,
    role: str | None,
    name: str | None,
    sector: str | None,
    out: Path,
    key: Path | None,
    issuer: str | None,
    handed_in: Path | None,
    room: Path | None,
    seat: str | None,
) -> int:
    from secure_ai.learn.certificate import NotComplete, make_certificate, printable_name, write_certificate
    from secure_ai.learn.path_progress import path_progress

    if name is None:
        raise UserError("A certificate needs a name: give it with --name.")
    printable_name(name, "name")
    role, sector = _chosen(role, sector)
    record = _one_record(handed_in, room, seat)
    path = path_progress(role, record, sector=sector)
    if path.counted and not path.complete:
        print("Not yet: these tasks of the path are not solved.")
        print("\n".join(f"- {line}" for line in path.missing()))
        return MISSING
    signer = _signer(key, issuer, own=record.source == "own")
    try:
        page = make_certificate(path, record, name=name, signer=signer, today=datetime.now(UTC).date())
    except NotComplete as error:
        raise UserError(str(error)) from None
    write_certificate(page, out)
    from secure_ai.encrypt.transport.public_keys import public_line

    print(f"Wrote {out}. Print it from a browser; to verify it one needs the file, and this public key:")
    print(public_line(signer.key.public_key()))
    if not signer.issuer:
        print("It is self-issued: signed by a key of this machine, not by an organization.")
    return 0


@certificate.command("verify")
@click.argument("file", type=FILE)
@click.option("--public-key", help="The issuer's key: its line 'ed25519:…', or a file that holds it.")
def certificate_verify(file: Path, public_key: str | None) -> int:
    """Verify the certificate FILE offline; exit code 1 if it was changed or signed by somebody else.

    Without --public-key nobody knows whose key signed it: exit code 3.
    """
    from secure_ai.learn.certificate import CertificateRefused, verify_certificate

    try:
        verified = verify_certificate(file, _key_line(public_key))
    except CertificateRefused as error:
        print(error)
        return REFUSED
    print(verified.sentence())
    return 0 if verified.trusted else UNTRUSTED


@root.command("certificate-key")
@click.argument("file", type=FILE)
@click.option("--no-passphrase", is_flag=True, help="For a key that a machine uses alone.")
def certificate_key(file: Path, no_passphrase: bool) -> None:
    """Make the key with which an organization signs certificates, in FILE, and print its public line.

    Its passphrase is asked for, or taken from SECURE_AI_PASSPHRASE.
    """
    from secure_ai.encrypt.key_rings.passphrase import read_passphrase
    from secure_ai.encrypt.transport.public_keys import generate_signing_key

    phrase = None if no_passphrase else read_passphrase(confirm=True, prompt="Passphrase of the key: ")
    made = generate_signing_key(file, passphrase=phrase.decode("utf-8") if phrase else None)
    print(f"Wrote {file}: keep it where learners cannot read it. Publish this line, to verify with:")
    print(made.public)


@root.command()
@click.option("--out", type=FILE, required=True, help="File to write.")
@click.option(
    "--as", "form", type=click.Choice(["csv", "xapi", "evidence"]), default="csv", show_default=True,
    help="evidence: a page for 45 CFR 164.308(a)(5).",
)  # fmt: skip
@click.option("--folder", type=FILE, help="Folder of progress files that were handed in (*.sqlite).")
@ROOM
@HANDED_IN
@click.option("--path", "role", default="full", show_default=True, help="Path of the evidence.")
@click.option("--iri", help="Address of your organization, with which names in xAPI begin.")
@click.option("--name", help="The learner's name, if it shall stand in the record of one learner.")
def record(
    *,
    out: Path,
    form: str,
    folder: Path | None,
    room: Path | None,
    handed_in: Path | None,
    role: str,
    iri: str | None,
    name: str | None,
) -> int:
    """Write the training record: yours, that of a file, of a folder of files, or of a workshop's room.

    Learners are codes, never names, unless --name gives one. Nothing is sent anywhere. Exit code 1 if the
    progress of somebody could not be read.

    Example: secure-ai record --room /var/lib/secure-ai/room --as evidence --out training.html
    """
    from secure_ai.core.outputs import atomic_file
    from secure_ai.learn.certificate import printable_name
    from secure_ai.learn.training_evidence import training_evidence, write_evidence
    from secure_ai.learn.training_record import DEFAULT_IRI, record_csv, xapi_json

    learners = _records(folder, room, handed_in)
    if name is not None and (len(learners) != 1 or form == "evidence"):
        raise UserError("--name goes with the record of one learner, as csv or xapi.")
    named = printable_name(name, "name") if name is not None else ""
    if form == "evidence":
        evidence = training_evidence(learners, path=role)
        write_evidence(evidence, out)
        print(evidence.summary())
    else:
        text = (
            record_csv(learners, name=named)
            if form == "csv"
            else xapi_json(learners, iri=iri or DEFAULT_IRI, name=named)
        )
        with atomic_file(out) as draft:
            # With its mark, without which Excel takes UTF-8 for the code page of the machine.
            draft.write_text(text, encoding="utf-8-sig" if form == "csv" else "utf-8", newline="")
    unread = [learner for learner in learners if learner.problem]
    for learner in unread:
        print(f"Not read: {learner.code}: {learner.problem}.")
    read = len(learners) - len(unread)
    print(f"Wrote {out}: {read} {'learner' if read == 1 else 'learners'}.")
    return MISSING if unread else 0


def _chosen(role: str | None, sector: str | None) -> tuple[str, str]:
    from secure_ai.learn.map import find_role
    from secure_ai.learn.resume import remembered

    if role is not None:
        find_role(role)
        if sector is not None:
            return role, sector
    try:
        kept = remembered()
    except UserError:
        if role is None:
            raise
        kept = None
    if role is None and kept is None:
        raise UserError(
            "No path is chosen yet: name one with --path, or choose with 'secure-ai start --path'."
        )
    return role or kept.path, sector or (kept.sector if kept is not None else "")


def _one_record(handed_in: Path | None, room: Path | None, seat: str | None) -> LearnerRecord:
    from secure_ai.learn.progress_records import file_records, own_record, seat_record

    if handed_in is not None and room is not None:
        raise UserError(NOT_BOTH.format("--progress", "--room"))
    if (room is None) != (seat is None):
        raise UserError("A seat is named with both --room and --seat.")
    if room is not None:
        return seat_record(room, str(seat))
    if handed_in is None:
        return own_record()
    found = file_records(handed_in)
    if len(found) != 1:
        raise UserError(f"The file holds {len(found)} learners: a certificate is for one.")
    return found[0]


def _records(folder: Path | None, room: Path | None, handed_in: Path | None) -> list[LearnerRecord]:
    from secure_ai.learn.progress_records import file_records, folder_records, own_record, room_records

    given = {"--folder": folder, "--room": room, "--progress": handed_in}
    named = [option for option, value in given.items() if value is not None]
    if len(named) > 1:
        raise UserError(NOT_BOTH.format(*named[:2]))
    if folder is not None:
        return folder_records(folder)
    if room is not None:
        return room_records(room)
    return file_records(handed_in) if handed_in is not None else [own_record()]


def _signer(key: Path | None, issuer: str | None, *, own: bool) -> Signer:
    import os

    from secure_ai.learn.certificate import organization_signer, own_signer

    if (key is None) != (issuer is None):
        raise UserError("An organization signs with both --key and --issuer.")
    if key is not None:
        return organization_signer(key, str(issuer), os.environ.get("SECURE_AI_PASSPHRASE") or None)
    if not own:
        raise UserError(
            "A certificate for somebody else is signed by an organization: give --key and --issuer."
        )
    return own_signer()


def _key_line(given: str | None) -> str | None:
    if given is None or given.startswith("ed25519:"):
        return given
    try:
        with Path(given).open(encoding="utf-8") as file:
            return file.read(1_000).strip()
    except (OSError, ValueError):
        raise UserError(
            "--public-key is a line 'ed25519:…' or a file that holds it: check the path."
        ) from None
