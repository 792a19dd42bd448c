"""Commands of someone who watches: trail (keep, verify, export, report), watch, and drift."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from secure_ai.cli.app import end_when_terminated, named, pairs, reading_options, root
from secure_ai.core.errors import UserError
from secure_ai.core.outputs import atomic_file

if TYPE_CHECKING:
    import pandas as pd

FILE = click.Path(path_type=Path)
FOUND = 1
SHOWN_PROBLEMS = 20
public_key_option = click.option(
    "--public-key", required=True, help="File of the public key, from whoever set up the trail."
)
witness_option = click.option(
    "--witness", type=FILE, help="The file, kept elsewhere, that saw the checkpoints."
)


@root.group()
def trail() -> None:
    """Keep a tamper-evident audit trail, verify it, hand it to a SIEM, report on it.

    TRAIL is a SQLite file or the address of a PostgreSQL database (postgresql://...).
    """
    end_when_terminated()


@trail.command("key")
@click.argument("file", type=FILE)
def trail_key(file: Path) -> None:
    """Make the key that signs a trail in FILE, and its public half beside it."""
    from secure_ai.encrypt.transport import generate_signing_key

    made = generate_signing_key(file)
    public = file.with_name(file.name + ".pub")
    with atomic_file(public) as draft:
        draft.write_text(made.public + "\n", encoding="ascii")
    print(f"Wrote {made.private.name} for the writers and {public.name} for whoever verifies.")
    print("Keep the first one where the trail is not: who has both can write another past.")


@trail.command("import")
@click.argument("where", metavar="TRAIL")
@click.argument("events", type=FILE)
@click.option("--signing-key", required=True, type=FILE, help="The key that the trail is signed with.")
@witness_option
def import_events(*, where: str, events: Path, signing_key: Path, witness: Path | None) -> int:
    """Append EVENTS, JSON lines of audit events, to TRAIL, which is made where it does not exist.

    Exit code 1 if lines were refused; the others are in the trail.
    """
    from secure_ai.monitor.trail import import_jsonl, open_trail

    if not events.is_file():
        raise UserError(f"The file {events.name or events} does not exist: name a file of JSON lines.")
    with open_trail(where, signing_key=signing_key, witness=witness) as opened:
        report = import_jsonl(opened, events)
    print(report.sentence())
    return FOUND if report.refused_count else 0


@trail.command("verify")
@click.argument("where", metavar="TRAIL")
@public_key_option
@witness_option
def verify_entries(*, where: str, public_key: str, witness: Path | None) -> int:
    """Examine TRAIL, or an export of it, and say what was changed where; exit code 1 if anything was."""
    from secure_ai.monitor.trail import verify_trail

    found = verify_trail(where, public_key, witness)
    for problem in found.problems[:SHOWN_PROBLEMS]:
        print(problem.words)
    print(found.sentence())
    return 0 if found.intact else FOUND


@trail.command("export")
@click.argument("where", metavar="TRAIL")
@click.argument("out", type=FILE)
@click.option("--as", "form", type=click.Choice(["jsonl", "cef", "ocsf"]), default="jsonl", show_default=True)
@click.option("--after", type=click.IntRange(min=0), help="Only entries after this number (CEF and OCSF).")
def export_entries(*, where: str, out: Path, form: str, after: int | None) -> None:
    """Write TRAIL to OUT for a SIEM, or as JSON lines that can be verified by themselves."""
    from secure_ai.monitor.trail import export_cef, export_jsonl, export_ocsf, open_trail

    if form == "jsonl" and after is not None:
        raise UserError("--after is for cef and ocsf: an export that can be verified is whole.")
    with open_trail(where) as opened:
        if form == "jsonl":
            export_jsonl(opened, out)
        else:
            (export_cef if form == "cef" else export_ocsf)(opened, out, after=after)
    print(f"Wrote {out}.")


@trail.command("report")
@click.argument("where", metavar="TRAIL")
@click.option("--quarter", required=True, help="Such as 2026Q3.")
@click.option("--out", required=True, type=FILE, help="Folder, or page ending in .html.")
@click.option("--organization", default="our organization", help="How the page names the organization.")
@click.option("--public-key", help="Examine the trail first; without it its integrity is unassessed.")
@witness_option
@click.option(
    "--declared", multiple=True, metavar="WHO=PURPOSE,...",
    help="Purposes declared for a role or account, as nurse=treatment,emergency. Repeat for more.",
)  # fmt: skip
def report_quarter(
    *,
    where: str,
    quarter: str,
    out: Path,
    organization: str,
    public_key: str | None,
    witness: Path | None,
    declared: tuple[str, ...],
) -> None:
    """Write the audit report of a quarter from TRAIL, or from a file of events, alone."""
    from secure_ai.monitor.audit_report import audit_report
    from secure_ai.monitor.trail import open_trail, verify_trail

    if witness is not None and public_key is None:
        raise UserError("--witness is of use with --public-key only.")
    allowed = {
        who: named(purposes) for who, purposes in pairs(declared, "--declared", "nurse=treatment").items()
    }
    options = {"quarter": quarter, "out": out, "organization": organization, "declared": allowed or None}
    if public_key is None and Path(where).suffix.lower() in (".jsonl", ".csv", ".parquet"):
        report = audit_report(where, **options)
    else:
        checked = None if public_key is None else verify_trail(where, public_key, witness)
        with open_trail(where) as opened:
            report = audit_report(opened, verification=checked, **options)
    print(report.sentence())
    print(f"Wrote {report.path}.")


@root.command()
@click.argument("events")
@click.option("--history", help="Events before, for what is usual; without it the first days are noisy.")
@click.option(
    "--staff", help="Table: staff_id, role, unit, household, hired_on, left_on, leave_from, leave_until."
)
@click.option("--subjects", help="Table: subject_id, prominent, staff_id, household, unit.")
@click.option("--services", help="Table: service, model, purpose, resources, fields, typical_records.")
@click.option("--feeds", help="Table: actor, destination, resource, typical_records, starts_on.")
@click.option("--queries", help="Table of model queries with their inputs.")
@click.option("--history-queries", help="Model queries before, for what is usual.")
@click.option("--transactions", help="Table of payments or claims.")
@click.option("--history-transactions", help="Transactions before, for what is usual.")
@click.option(
    "--column", "columns", multiple=True, metavar="WHAT=NAME",
    help="Where the columns of the events have other names, as actor=USER_ID. Repeat for more.",
)  # fmt: skip
@click.option("--out", type=FILE, help="Write the alerts as JSON lines.")
@click.option(
    "--desk", type=FILE, help="Settings of an alert desk (YAML) that takes and delivers the alerts."
)
@click.option("--state", type=FILE, help="Go on from this checkpoint if it exists, and write it in the end.")
@reading_options
def watch(
    *,
    events: str,
    history: str | None,
    columns: tuple[str, ...],
    queries: str | None,
    history_queries: str | None,
    transactions: str | None,
    history_transactions: str | None,
    out: Path | None,
    desk: Path | None,
    state: Path | None,
    table: str | None,
    delimiter: str | None,
    encoding: str | None,
    **registers: str | None,
) -> int:
    """Go through EVENTS in order of time and say what somebody should look at; exit code 1 if anything.

    EVENTS needs time, actor, action and target; what cannot be judged for want of a column is said.
    """
    from secure_ai.core.sources import open_source
    from secure_ai.monitor.detection import Context, Watch, events_from

    end_when_terminated()
    reading = {"table": table, "delimiter": delimiter, "encoding": encoding}
    names = pairs(columns, "--column", "actor=USER_ID")

    def log_of(path: str):
        return events_from(open_source(path, **reading), columns=names)

    context = Context(**{name: _table(path) for name, path in registers.items()})
    if state is not None and state.exists():
        watching = Watch.resume(state, context)
    else:
        past = (log_of(history) if history else None, _table(history_queries), _table(history_transactions))
        watching = Watch.for_context(context, *past)
    alerts = []
    for alert in watching.observe(log_of(events), _table(queries), _table(transactions)):
        alerts.append(alert)
        print(f"{alert.time}  {alert.sentence()}")
    for note in (*watching.unassessed.values(), *watching.notes):
        print(f"Note: {note}")
    print(watching.counts.sentence())
    if out is not None:
        with atomic_file(out) as draft:
            draft.write_text("".join(json.dumps(asdict(alert)) + "\n" for alert in alerts), encoding="utf-8")
        print(f"Wrote {out}.")
    if desk is not None:
        from secure_ai.monitor.alerts import open_desk

        opened = open_desk(desk)
        print(opened.receive(alerts).sentence())
        opened.wait_for_delivery()
        print(opened.close().sentence())
    if state is not None:
        watching.save(state)
    return FOUND if alerts else 0


@root.command()
@click.argument("reference")
@click.argument("current")
@click.option("--ignore", default="", help="Columns to leave out, separated by commas, such as identifiers.")
@click.option("--score", help="Column with the model's score.")
@click.option("--label", help="Column with the true outcome.")
@click.option("--alpha", type=float, default=0.05, show_default=True, help="Chance of any false alarm.")
def drift(
    *, reference: str, current: str, ignore: str, score: str | None, label: str | None, alpha: float
) -> int:
    """Compare the table CURRENT with REFERENCE and say what to do; exit code 1 if a column drifted."""
    from secure_ai.monitor.drift import measure_drift, what_to_do

    report = measure_drift(reference, current, ignore=named(ignore), score=score, label=label, alpha=alpha)
    for column in (*report.drifted, *report.unassessed):
        print(column.sentence())
    print(report.sentence())
    for action in what_to_do(report):
        print(f"- {action.sentence()}")
    return FOUND if report.drifted else 0


def _table(path: str | None) -> pd.DataFrame | None:
    from secure_ai.core.sources import open_source

    return None if path is None else open_source(path).to_pandas()
