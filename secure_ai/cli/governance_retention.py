"""Commands of retention: retention schedule, lint, hold place, release and list, and sweep."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from secure_ai.cli.app import named, root
from secure_ai.cli.governance import (
    DAY,
    FILE,
    FOUND,
    UNASSESSED,
    audit_option,
    day_of,
    end_when_stopped,
    formats_option,
    open_audit,
    person_given,
    picture,
    print_frame,
    today_option,
    write_documents,
)
from secure_ai.core.errors import UserError

if TYPE_CHECKING:
    from secure_ai.core.audit import AuditLog
    from secure_ai.govern.records import Record
    from secure_ai.govern.retention import Holds, RetentionSchedule, SweepReport

JURISDICTIONS = click.option(
    "--jurisdictions", help="Whose duties apply, separated by commas; those that the schedule names."
)
STATE = click.option(
    "--home-state", help="State where the house is, such as US-NY; the schedule's if not given."
)
LEDGER = click.argument("ledger", type=FILE)
WITNESS = click.option(
    "--witness", type=FILE, help="File with every entry of the ledger once more, kept elsewhere."
)


@root.group()
def retention() -> None:
    """How long data are kept: schedules by class and law, legal holds, and a sweep that proves what is gone.

    SCHEDULE is healthcare or finance for the kit's example, or a file of your own (YAML).
    """


@retention.command()
@click.argument("schedule", metavar="SCHEDULE")
@JURISDICTIONS
@STATE
@click.option("--out", type=FILE, help="Folder for the schedule as a document.")
@formats_option
@today_option
def schedule(
    *, schedule: str, jurisdictions: str | None, home_state: str | None, out: Path | None,
    formats: tuple[str, ...], today: date | None,
) -> None:  # fmt: skip
    """Show how long each class of data must and may be kept, by which law, and where duties meet.

    Example: secure-ai retention schedule finance --out schedule
    """
    from secure_ai.govern.retention import schedule_sentence

    loaded = load_schedule(schedule, jurisdictions, home_state)
    if out is not None:
        write_documents(out, [_schedule_record(loaded, today)], formats)
    print_frame(loaded.to_frame())
    print_frame(loaded.conflicts())
    print(schedule_sentence(loaded))


@retention.command()
@click.argument("schedule", metavar="SCHEDULE")
@JURISDICTIONS
@STATE
def lint(*, schedule: str, jurisdictions: str | None, home_state: str | None) -> int:
    """Say what is wrong with a schedule: no rule, too short a maximum, an unknown law.

    Exit code 1 if it would be refused, 3 if there is only something that a person has to look up.

    Example: secure-ai retention lint schedule.yaml
    """
    from secure_ai.govern.retention import lint_schedule

    problems = lint_schedule(load_schedule(schedule, jurisdictions, home_state, refuse=False))
    for one in problems:
        print(f"{'refused' if one.refused else 'look up':<8} {one.data_class or 'all':<18} {one.problem}")
    print(f"{len(problems)} {'problem' if len(problems) == 1 else 'problems'}.")
    return FOUND if any(one.refused for one in problems) else UNASSESSED if problems else 0


@retention.group()
def hold() -> None:
    """Legal holds: nothing that one covers is deleted until a second person releases it.

    LEDGER is a SQLite file; its entries are chained and carry the time of the machine. A ledger that is
    missing, was changed or lacks entries is refused: an empty one would let everything be deleted.
    """


@hold.command()
@LEDGER
@click.option("--matter", required=True, help="Number of the docket or file; no names.")
@click.option("--reason", required=True, help="Why the data are wanted, in a sentence; no names.")
@click.option("--person", "people", multiple=True, help="Key of a person, - for standard input. Repeat.")
@click.option("--estate", type=FILE, help="Description of the estate, where the person is; with --person.")
@click.option("--class", "classes", multiple=True, help="Class of data, such as claim. Repeat for more.")
@click.option("--everything", is_flag=True, help="All data of everybody.")
@click.option("--records-from", type=DAY, help="First day of the records that are wanted.")
@click.option("--records-to", type=DAY, help="Last day.")
@click.option("--review-by", type=DAY, help="When somebody looks again; the hold does not end by itself.")
@click.option("--new", is_flag=True, help="Make LEDGER, and its witness, for the first hold.")
@WITNESS
@audit_option
def place(
    *,
    ledger: Path,
    new: bool,
    witness: Path | None,
    people: tuple[str, ...],
    estate: Path | None,
    classes: tuple[str, ...],
    audit: Path | None,
    actor: str | None,
    **options: Any,
) -> None:
    """Forbid deletion from now on; the first hold makes LEDGER with --new.

    Example: secure-ai retention hold place holds.sqlite --new --matter 2026-cv-0117 --class claim
    --reason "Claims of 2024 are wanted in a lawsuit" --review-by 2027-06-30
    """
    from secure_ai.govern.estate import load_estate

    trail, who = open_audit(audit, actor)
    if bool(people) != (estate is not None):
        raise UserError("A hold on a person needs both --person and --estate, which knows the pseudonym.")
    subjects, known = [], None
    if estate is not None:
        opened = load_estate(estate, audit=trail)
        known = opened.people
        subjects = [opened.subject(person_given(key)) for key in people]
    holds = open_holds(ledger, trail, witness=witness, new=new)
    placed = holds.place(by=who, persons=subjects, data_classes=classes, people=known, **options)
    print(f"{placed.id} is placed for {placed.matter}: a second person can release it.")


@hold.command()
@LEDGER
@click.argument("number", metavar="HOLD")
@click.option("--reason", required=True, help="Why it ends, in a sentence; no names.")
@WITNESS
@audit_option
def release(
    *, ledger: Path, number: str, reason: str, witness: Path | None, audit: Path | None, actor: str | None
) -> None:
    """End the HOLD of that number; somebody else than who placed it has to.

    Example: secure-ai retention hold release holds.sqlite HOLD-0003 --reason "The lawsuit was settled"
    """
    trail, who = open_audit(audit, actor)
    done = open_holds(ledger, trail, witness=witness).release(number, by=who, reason=reason)
    print(f"{done.id} is released.")


@hold.command("list")
@LEDGER
@click.option("--all", "every", is_flag=True, help="Those that were released, too.")
@WITNESS
@today_option
def list_holds(*, ledger: Path, every: bool, witness: Path | None, today: date | None) -> int:
    """List the holds, people by number alone; exit code 1 if one is due for review.

    Example: secure-ai retention hold list holds.sqlite
    """
    holds = open_holds(ledger, witness=witness)
    frame = holds.to_frame()
    if len(frame) and not every:
        frame = frame[frame["released at"] == ""].drop(columns=["released by", "released at"])
    print_frame(frame, "No hold stands.")
    due = holds.due_for_review(day_of(today))
    if due:
        print(f"Due for review: {', '.join(one.id for one in due)}.")
    return FOUND if due else 0


@hold.command()
@LEDGER
@click.option("--witness", type=FILE, required=True, help="The ledger's witness.")
def recover(*, ledger: Path, witness: Path) -> None:
    """Put into an old copy of LEDGER the entries that only its witness has.

    Example: secure-ai retention hold recover holds.sqlite --witness /mnt/elsewhere/holds.jsonl
    """
    from secure_ai.govern.retention import Holds

    missing = Holds.recover(ledger, witness=witness)
    print(f"{missing} {'entry' if missing == 1 else 'entries'} put back into {ledger.name}.")


@retention.command()
@click.argument("estate", type=FILE)
@click.option("--schedule", required=True, help="A sector, or a schedule of your own.")
@JURISDICTIONS
@STATE
@click.option("--holds", "ledger", type=FILE, help="Ledger of legal holds.")
@WITNESS
@click.option("--no-holds", is_flag=True, help="Say that there is no ledger of holds.")
@click.option("--apply", is_flag=True, help="Delete. Without it nothing is changed.")
@click.option("--reference", default="", help="Of this sweep; an interrupted one goes on with the same.")
@click.option("--yes", is_flag=True, help="Do not ask before deleting.")
@click.option("--out", type=FILE, help="Folder for the report.")
@formats_option
@today_option
@audit_option
def sweep(
    *,
    estate: Path,
    schedule: str,
    jurisdictions: str | None,
    home_state: str | None,
    ledger: Path | None,
    witness: Path | None,
    no_holds: bool,
    apply: bool,
    reference: str,
    yes: bool,
    out: Path | None,
    formats: tuple[str, ...],
    today: date | None,
    audit: Path | None,
    actor: str | None,
) -> int:
    """Count what is beyond its period in every store of ESTATE; with --apply delete it and prove it.

    Exit code 1 if records that should be gone are not shown to be, 3 if a store could not be judged.

    Example: secure-ai retention sweep estate.yaml --schedule healthcare --holds holds.sqlite --out report
    """
    from secure_ai.govern.estate import load_estate
    from secure_ai.govern.retention import sweep as run_sweep

    if (ledger is None) != no_holds:
        raise UserError("Name the ledger of legal holds with --holds, or say --no-holds if there is none.")
    end_when_stopped()
    rules = load_schedule(schedule, jurisdictions, home_state)
    trail, who = open_audit(audit, actor)
    holds = None if ledger is None else open_holds(ledger, trail, witness=witness)
    opened = load_estate(estate, audit=trail)
    day = day_of(today)
    if apply and not yes:
        planned = run_sweep(opened, rules, holds, day, reference=reference, actor=who)
        click.confirm(f"{planned.sentence()} Delete now?", abort=True)
    report = run_sweep(opened, rules, holds, day, dry_run=not apply, reference=reference, actor=who)
    if out is not None:
        write_documents(out, [_sweep_record(report)], formats, sweep_json=_saved(report))
    print_frame(report.to_frame().drop(columns="proof"))
    print(report.sentence())
    if report.dry_run:
        return UNASSESSED if any(one.status == "unassessed" for one in report.stores) else 0
    if report.complete:
        return 0
    wrong = report.residues_at_end or any(one.proof and not one.proof.holds for one in report.stores)
    return FOUND if wrong else UNASSESSED


def load_schedule(
    given: str, jurisdictions: str | None = None, home_state: str | None = None, *, refuse: bool = True
) -> RetentionSchedule:
    """Return the schedule of a sector or a file; ``refuse=False`` to look at one that would be refused.

    Raises:
        UserError: if it cannot be read, or is refused.
    """
    from secure_ai.govern.retention import RetentionSchedule

    whose = named(jurisdictions) if jurisdictions else None
    return RetentionSchedule.load(given, jurisdictions=whose, home_state=home_state, check=refuse)


def open_holds(
    path: Path, audit: AuditLog | None = None, *, witness: Path | None = None, new: bool = False
) -> Holds:
    """Open a ledger of holds, or make a new one.

    Raises:
        UserError: if it is not there: an empty one would let everything be deleted.
    """
    from secure_ai.govern.retention import Holds

    if new:
        return Holds.create(path, witness=witness, audit=audit)
    return Holds(path, witness=witness, audit=audit)


def _schedule_record(loaded: RetentionSchedule, today: date | None) -> Record:
    from secure_ai.govern.records import Record, Section, Table
    from secure_ai.govern.retention import plot_schedule, schedule_sentence

    sentence = schedule_sentence(loaded)
    return Record(
        title=loaded.content.title,
        kind="Retention schedule",
        file_name="schedule",
        facts={"Sector": loaded.sector, "Jurisdictions": ", ".join(loaded.jurisdictions)},
        summary=sentence,
        sections=(
            Section("By class", (Table.from_frame("How long", loaded.to_frame()),)),
            Section("Picture", (picture(plot_schedule(loaded), sentence, sentence),)),
            Section("Where duties meet", (Table.from_frame("Conflicts", loaded.conflicts()),)),
        ),
        dated=today,
    )


def _sweep_record(report: SweepReport) -> Record:
    from secure_ai.govern.records import Record, Section, Table
    from secure_ai.govern.retention import plot_sweep

    sentence = report.sentence()
    return Record(
        title=f"Retention sweep {report.reference}",
        kind="Retention report",
        file_name="sweep",
        facts={"Schedule": report.schedule, "Sector": report.sector, "Shown": report.measurement()},
        summary=f"{sentence} {report.note}".strip(),
        sections=(
            Section("By store", (Table.from_frame("What was due, went, and stays", report.to_frame()),)),
            Section("Picture", (picture(plot_sweep(report), sentence, sentence),)),
        ),
        dated=report.today,
    )


def _saved(report: SweepReport) -> bytes:
    from tempfile import TemporaryDirectory

    with TemporaryDirectory(prefix="secure-ai-sweep-") as folder:
        return report.save(Path(folder) / "sweep.json").read_bytes()
