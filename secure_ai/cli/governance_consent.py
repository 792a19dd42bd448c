"""Commands of the consent ledger: consent init, give, withdraw, status, allowed, history, models, filter."""

from __future__ import annotations

import os
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from secure_ai.cli.app import SECTORS, root
from secure_ai.cli.governance import (
    DAY,
    FILE,
    FOUND,
    audit_option,
    open_audit,
    person_given,
    print_frame,
    read_mapping,
)
from secure_ai.core.errors import UserError

if TYPE_CHECKING:
    from secure_ai.core.audit import AuditLog
    from secure_ai.govern.consent import ConsentLedger, ConsentText

SETTINGS = ("ledger", "key", "witness", "purposes", "zone")
NEEDED = ("ledger", "key", "purposes")
DATABASE = ("postgresql://", "postgres://")
CAPACITIES = click.Choice(["self", "guardian", "representative"])
PERSON = "PERSON is the key of a person in your tables; - reads it from standard input."
WRITTEN = (".csv", ".parquet")


@root.group()
def consent() -> None:
    """What people agreed to: give, withdraw, ask, and let through only rows that may be used.

    CONSENT is the settings file that 'consent init' wrote: where the ledger, its key and its witness are.
    The ledger goes by the clock of the machine, and time only goes on there.
    """


@consent.command()
@click.argument("settings", metavar="CONSENT", type=FILE)
@click.option("--ledger", required=True, help="SQLite file, PostgreSQL address, or $NAME of a variable.")
@click.option("--key", type=FILE, required=True, help="File of the secret; made if it is not there.")
@click.option("--witness", type=FILE, help="Second record, kept where no restored backup reaches it.")
@click.option("--sector", type=SECTORS, help="The kit's purposes of this sector.")
@click.option("--purposes", type=FILE, help="Purposes of your own (YAML), in place of --sector.")
@click.option("--zone", default="UTC", show_default=True, help="Whose midnight a date means.")
@audit_option
def init(
    *,
    settings: Path,
    ledger: str,
    key: Path,
    witness: Path | None,
    sector: str | None,
    purposes: Path | None,
    zone: str,
    audit: Path | None,
    actor: str | None,
) -> None:
    """Make a ledger, and the settings file CONSENT that the other commands are given.

    Keep the key and the witness apart from the ledger: without the key nothing can be read or forged.

    Example: secure-ai consent init consent.yaml --ledger consent.sqlite --key keys/consent.key
    --witness witness/consent.log --sector healthcare
    """
    import yaml

    from secure_ai.core.outputs import atomic_file
    from secure_ai.govern.consent import ConsentLedger

    if (sector is None) == (purposes is None):
        raise UserError("Say whose purposes: either --sector, or --purposes with a file of your own.")
    if settings.exists():
        raise UserError(f"{settings.name} is there already: a ledger is begun once, then kept.")
    _require_folders(settings, key, witness, None if _is_address(ledger) else Path(ledger))
    trail, who = open_audit(audit, actor)
    content: dict[str, str] = {
        "ledger": ledger if _is_address(ledger) else seen_from(settings, Path(ledger)),
        "key": seen_from(settings, key),
        "witness": "" if witness is None else seen_from(settings, witness),
        "purposes": sector or seen_from(settings, purposes),
        "zone": zone,
    }
    made = _make_key(key)
    try:
        with atomic_file(settings) as draft:
            text = yaml.safe_dump({name: value for name, value in content.items() if value}, sort_keys=False)
            draft.write_text(text, encoding="utf-8")
            created = ConsentLedger.create(
                _place(ledger), key=key, witness=witness, purposes=sector or purposes,
                actor=who, audit=trail, zone=zone,
            )  # fmt: skip
    except BaseException:
        # A ledger that was made keeps its key: without it nobody could open it again.
        if made and (_is_address(ledger) or not Path(ledger).exists()):
            key.unlink(missing_ok=True)
        raise
    print(f"Wrote {settings}: purposes that people decide about: ", end="")
    print(", ".join(purpose.word for purpose in created.purposes.of_the_person) + ".")
    if made:
        print(f"Made the key {key}: keep a copy apart from the ledger; without it the ledger is lost.")
    if witness is None:
        print("Without a witness an old copy of the ledger can pass for the present one.")


@consent.command(epilog=PERSON)
@click.argument("settings", metavar="CONSENT", type=FILE)
@click.argument("person")
@click.argument("purposes", nargs=-1, required=True, metavar="PURPOSE...")
@click.option(
    "--text", type=FILE, required=True, help="What was shown: name, version, purposes, text (YAML)."
)
@click.option("--expires", type=DAY, help="First day on which it no longer stands.")
@click.option("--capacity", type=CAPACITIES, default="self", show_default=True, help="Who decided.")
@click.option("--birth-date", type=DAY, help="Where a purpose has a least age: checked, not stored.")
@click.option("--reference", default="", help="Identifier of the form behind it; no name.")
@click.option("--renew", is_flag=True, help="Continue a consent that stands or has expired.")
@audit_option
def give(
    *,
    settings: Path,
    person: str,
    purposes: tuple[str, ...],
    text: Path,
    renew: bool,
    audit: Path | None,
    actor: str | None,
    **options: Any,
) -> None:
    """Record that PERSON agreed to PURPOSE after reading a text.

    Example: secure-ai consent give consent.yaml - research --text leaflet.yaml --reference F-0231
    """
    shown = _text(text)
    trail, who = open_audit(audit, actor)
    ledger = open_consent(settings, trail)
    record = ledger.renew if renew else ledger.give
    recorded = record(person_given(person), purposes, text=shown, actor=who, **options)
    print(f"Recorded for {', '.join(recorded)}: text {shown.name}, version {shown.version}.")


@consent.command(epilog=PERSON)
@click.argument("settings", metavar="CONSENT", type=FILE)
@click.argument("person")
@click.argument("purposes", nargs=-1, metavar="[PURPOSE...]")
@click.option("--reference", default="", help="Identifier of the letter behind it; no name.")
@click.option(
    "--confirmed", is_flag=True, help="The key is right, though the ledger never heard of the person."
)
@audit_option
def withdraw(
    *,
    settings: Path,
    person: str,
    purposes: tuple[str, ...],
    reference: str,
    confirmed: bool,
    audit: Path | None,
    actor: str | None,
) -> int:
    """Record that PERSON withdrew consent for PURPOSE, for all purposes if none is named.

    Refused if the ledger never heard of the person (is the key right?), until --confirmed; an objection to
    what goes on without asking needs no confirmation. Exit code 1 if it never heard of the person, or models
    must unlearn them.

    Example: secure-ai consent withdraw consent.yaml - research
    """
    trail, who = open_audit(audit, actor)
    ledger = open_consent(settings, trail)
    done = ledger.withdraw(
        person_given(person), purposes or None, actor=who, reference=reference, confirmed=confirmed
    )
    stopped = ", ".join(done.stopped) or "none"
    print(f"Withdrawn for {', '.join(done.purposes)}; in use until now for: {stopped}.")
    if done.artifacts:
        print(f"Must unlearn this person: {', '.join(done.artifacts)}.")
    if not done.found:
        print("The ledger had no decision of this person: check that the key is right.")
    return FOUND if done.artifacts or not done.found else 0


@consent.command(epilog=PERSON)
@click.argument("settings", metavar="CONSENT", type=FILE)
@click.argument("person")
@click.option("--at", type=DAY, help="What stood at the start of that day, by what was known then.")
def status(settings: Path, person: str, at: date | None) -> None:
    """Say for each purpose whether the records of PERSON may be used, and why.

    Example: secure-ai consent status consent.yaml -
    """
    ledger = open_consent(settings)
    key = person_given(person)
    for purpose in ledger.purposes.purposes:
        found = (
            ledger.standing(key, purpose.word)
            if at is None
            else ledger.stood(key, purpose.word, datetime.combine(at, time.min, UTC))
        )
        cited = f" ({found.citation})" if found.citation else ""
        print(f"{'yes' if found.allowed else 'no':<4} {purpose.word:<28} {found.reason}{cited}")


@consent.command(epilog=PERSON)
@click.argument("settings", metavar="CONSENT", type=FILE)
@click.argument("person")
def history(settings: Path, person: str) -> int:
    """List what is recorded about PERSON, oldest first, without naming them; exit code 1 if nothing is.

    Example: secure-ai consent history consent.yaml -
    """
    events = open_consent(settings).history(person_given(person))
    columns = [
        "event",
        "time",
        "kind",
        "purpose",
        "expires",
        "capacity",
        "text",
        "version",
        "actor",
        "reference",
    ]
    print_frame(events[[name for name in columns if name in events]], "Nothing is recorded with this key.")
    return 0 if len(events) else FOUND


@consent.command()
@click.argument("settings", metavar="CONSENT", type=FILE)
def models(settings: Path) -> int:
    """List models with people in them whose records may no longer be used; exit code 1 if there are any.

    Example: secure-ai consent models consent.yaml
    """
    debts = open_consent(settings).models_to_unlearn()
    for debt in debts:
        people = "everybody (the list is lost)" if debt.people is None else f"{debt.people:,} people"
        print(f"{debt.artifact} ({debt.status}) for {debt.purpose} must unlearn {people}.")
    print(f"{len(debts)} {'model' if len(debts) == 1 else 'models'} to unlearn.")
    return FOUND if debts else 0


def open_consent(settings: Path, audit: AuditLog | None = None) -> ConsentLedger:
    """Open the ledger that a settings file names.

    Raises:
        UserError: if the file, the ledger, its key or its witness cannot be used.
    """
    from secure_ai.govern.consent import ConsentLedger

    given = read_mapping(settings, "settings file")
    unknown = sorted(set(given) - set(SETTINGS))
    missing = [name for name in NEEDED if not given.get(name)]
    if unknown or missing or not all(isinstance(value, str) for value in given.values()):
        raise UserError(
            f"{settings.name} is no settings file of a consent ledger (ledger, key, witness, purposes, "
            "zone): name the one that 'secure-ai consent init' wrote."
        )
    folder = settings.parent
    purposes = given["purposes"]
    return ConsentLedger(
        _place(given["ledger"], folder),
        key=folder / given["key"],
        witness=folder / given["witness"] if given.get("witness") else None,
        purposes=purposes if purposes in {"healthcare", "finance"} else folder / purposes,
        zone=given.get("zone", "UTC"),
        audit=audit,
    )


def consent_callback(settings: Path | None, audit: AuditLog | None = None):
    """Return the question (people, purpose) → who may be used, of a ledger; None where none is given."""
    return None if settings is None else open_consent(settings, audit).allowed


def _text(path: Path) -> ConsentText:
    from secure_ai.govern.consent import ConsentText

    given = read_mapping(path, "consent text")
    purposes = given.get("purposes")
    words = {name: given.get(name) for name in ("name", "text")}
    known = {"name", "version", "language", "purposes", "text"}
    if (
        set(given) - known
        or not isinstance(purposes, list)
        or not all(isinstance(value, str) for value in [*words.values(), *purposes])
    ):
        raise UserError(
            f"The consent text {path.name} has name, version, language, purposes (a list) and text: "
            "write each, and nothing else."
        )
    return ConsentText(
        words["name"], str(given.get("version", "")), words["text"], tuple(purposes),
        str(given.get("language", "en")),
    )  # fmt: skip


def _is_address(ledger: str) -> bool:
    return ledger.startswith((*DATABASE, "$"))


def _place(ledger: str, folder: Path = Path()) -> str | Path:
    if ledger.startswith("$"):
        value = os.environ.get(ledger[1:], "")
        if not value:
            raise UserError(f"The variable {ledger[1:]} is empty: set it to the address of the ledger.")
        return value
    return ledger if ledger.startswith(DATABASE) else folder / ledger


def seen_from(settings: Path, path: Path) -> str:
    """Return a path as a settings file names it: relative where it lies beside or below the file."""
    # The settings and what they name may move together, and the commands run from anywhere.
    target, here = path.resolve(), settings.resolve().parent
    return os.path.relpath(target, here) if target.is_relative_to(here) else str(target)


def _make_key(path: Path) -> bool:
    import secrets

    from secure_ai.encrypt.private_files import write_new_private

    if path.exists():
        return False
    write_new_private(path, secrets.token_bytes(32))
    return True


def _require_folders(*paths: Path | None) -> None:
    for path in paths:
        if path is not None and not path.parent.is_dir():
            raise UserError(f"The folder of {path.name} does not exist: make it, or choose another place.")
