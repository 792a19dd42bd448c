"""Commands that answer a request: rights copy, erase, correct, disagree, object, letter and withdraw."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import click

from secure_ai.cli.governance import (
    FILE,
    FOUND,
    audit_option,
    end_when_stopped,
    print_frame,
    today_option,
)
from secure_ai.cli.governance_rights import CASE, DESK, open_desk, rights, say_case
from secure_ai.core.errors import UserError

LETTERS = click.option("--out", type=FILE, required=True, help="Folder for the letter; what is in it stays.")


@rights.command()
@DESK
@CASE
@click.option("--out", type=FILE, required=True, help="A new folder for the copy and the letter.")
@click.option("--seal-for", metavar="LINE", help="The requester's x25519: line: only their key opens it.")
@today_option
@audit_option
def copy(
    *, settings: Path, case: str, out: Path, seal_for: str | None, today: date | None, audit: Path | None,
    actor: str | None,
) -> int:  # fmt: skip
    """Answer a request for access or portability: a copy that a person can read; others are masked.

    With --seal-for an encrypted file stands beside the folder. Exit code 1 if nothing may be given.

    Example: secure-ai rights copy desk.yaml RR-000001 --out copies/RR-000001
    """
    from secure_ai.govern.rights import seal_copy

    end_when_stopped()
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UserError(f"{out.name} is there already and is not empty: choose a new folder.")
    if seal_for is not None:
        from secure_ai.encrypt.transport.public_keys import read_public_line

        read_public_line(seal_for, "x25519")
    desk, who = open_desk(settings, today, audit, actor)
    export = desk.give_copy(case, out, actor=who)
    if export is None:
        print(f"Nothing may be given: the letter in {out} says why.")
        return FOUND
    masked, withheld = sum(export.masked.values()), sum(export.withheld.values())
    print(f"{sum(export.records.values()):,} records of {len(export.records)} places; ", end="")
    print(f"{masked:,} mentions of others masked, {withheld:,} records withheld. Wrote {out}.")
    if seal_for is not None:
        sealed = seal_copy(out, out.with_name(f"{out.name}.sealed"), seal_for, case)
        print(f"Wrote {sealed}: send this one, and delete the folder.")
    return 0


@rights.command()
@DESK
@CASE
@LETTERS
@click.option("--no-search", is_flag=True, help="Leave out the search of every byte afterwards.")
@click.option("--yes", is_flag=True, help="Do not ask: what is erased cannot be had back.")
@today_option
@audit_option
def erase(
    *, settings: Path, case: str, out: Path, no_search: bool, yes: bool, today: date | None,
    audit: Path | None, actor: str | None,
) -> int:  # fmt: skip
    """Answer a request for erasure: forget what may be forgotten; receipt and letter go to the folder.

    Holds and statutory periods keep what they cover. Exit code 1 if something is kept or a trace is found.

    Example: secure-ai rights erase desk.yaml RR-000002 --out answers --audit trail.jsonl
    """
    if not yes:
        click.confirm(f"Erase the person of {case}? It cannot be undone.", abort=True)
    end_when_stopped()
    desk, who = open_desk(settings, today, audit, actor)
    receipt = desk.erase(case, out, search=not no_search, actor=who)
    if receipt is None:
        print(f"Nothing may be erased: the letter in {out} says why.")
        return FOUND
    print_frame(receipt.to_frame())
    print(receipt.sentence())
    return 0 if receipt.complete else FOUND


@rights.command()
@DESK
@CASE
@LETTERS
@click.option("--accept/--refuse", required=True, default=None, help="What a person judged.")
@click.option("--ground", type=click.Choice(["accurate", "not_ours", "not_in_record"]), help="With --refuse.")
@today_option
@audit_option
def correct(
    *, settings: Path, case: str, out: Path, accept: bool, ground: str | None, today: date | None,
    audit: Path | None, actor: str | None,
) -> int:  # fmt: skip
    """Answer a request for correction as a person judged it: change the record, or say why not.

    Example: secure-ai rights correct desk.yaml RR-000003 --accept --out answers
    """
    if accept is None or accept == (ground is not None):
        raise UserError("Say --accept, or --refuse with the --ground of the law.")
    desk, who = open_desk(settings, today, audit, actor)
    found = desk.correct(case, out, accept=accept, ground=ground or "", actor=who)
    print(f"{found.outcome}: {found.reason} ({'; '.join(found.citations)})")
    return FOUND if found.outcome == "refused" else 0


@rights.command()
@DESK
@CASE
@click.argument("statement", type=FILE)
@LETTERS
@today_option
@audit_option
def disagree(
    *, settings: Path, case: str, statement: Path, out: Path, today: date | None, audit: Path | None,
    actor: str | None,
) -> None:  # fmt: skip
    """Keep the STATEMENT (a text file) of a person whose correction was refused, with the record.

    Example: secure-ai rights disagree desk.yaml RR-000003 statement.txt --out answers
    """
    try:
        text = statement.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise UserError(f"The statement {statement.name} cannot be read as UTF-8 text.") from None
    desk, who = open_desk(settings, today, audit, actor)
    print(f"Wrote {desk.disagree(case, text, out, actor=who)}.")


@rights.command("object")
@DESK
@CASE
@LETTERS
@click.option("--stop", "stopped", multiple=True, help="A purpose that ends. Repeat for more.")
@click.option("--grounds", default="", help="Compelling grounds for a purpose that goes on.")
@click.option("--consent", type=FILE, help="Consent ledger: each purpose that ends is withdrawn there.")
@today_option
@audit_option
def answer_objection(
    *, settings: Path, case: str, out: Path, stopped: tuple[str, ...], grounds: str, consent: Path | None,
    today: date | None, audit: Path | None, actor: str | None,
) -> int:  # fmt: skip
    """Answer an objection: purposes that end, or the grounds for which they do not.

    Example: secure-ai rights object desk.yaml RR-000004 --stop marketing --consent consent.yaml --out answers
    """
    from secure_ai.cli.governance import open_audit
    from secure_ai.cli.governance_consent import open_consent

    desk, who = open_desk(settings, today, audit, actor)
    stop, known = None, ()
    if consent is not None:
        trail, _ = open_audit(audit, actor)
        ledger = open_consent(consent, trail)
        known = tuple(word for one in ledger.purposes.purposes for word in (one.word, *one.former_names))

        def stop(subject, purpose: str) -> None:
            # The desk identified the person: it is recorded even if the ledger never heard of them, and said.
            done = ledger.withdraw(subject.key, purpose, actor=who, reference=case, confirmed=True)
            if not done.found:
                print(
                    "The ledger had no decision of this person: check that it knows people by the same key."
                )

    found = desk.answer_objection(
        case, out, stopped=stopped, grounds=grounds, stop=stop, purposes=known, actor=who
    )
    print(f"{found.outcome}: {found.reason}")
    return FOUND if found.outcome == "refused" else 0


@rights.command()
@DESK
@CASE
@click.argument("kind", type=click.Choice(["receipt", "detail", "refusal"]))
@LETTERS
@today_option
def letter(*, settings: Path, case: str, kind: str, out: Path, today: date | None) -> None:
    """Write a letter of CASE: that it was received, that a detail is needed, or that it is refused.

    Example: secure-ai rights letter desk.yaml RR-000001 receipt --out letters
    """
    from secure_ai.govern.records import write_record

    desk, _ = open_desk(settings, today, None, None)
    print(write_record(desk.letter(case, kind), out, ("html",)).sentence())


@rights.command()
@DESK
@CASE
@today_option
@audit_option
def withdraw(*, settings: Path, case: str, today: date | None, audit: Path | None, actor: str | None) -> None:
    """Close a CASE that the person no longer wants answered.

    Example: secure-ai rights withdraw desk.yaml RR-000005
    """
    desk, who = open_desk(settings, today, audit, actor)
    say_case(desk.withdraw(case, actor=who))
