"""Commands that ask the consent ledger about a table: consent allowed and filter."""

from __future__ import annotations

from pathlib import Path

import click

from secure_ai.cli.app import reading_options
from secure_ai.cli.governance import FILE, FOUND, audit_option, end_when_stopped, open_audit
from secure_ai.cli.governance_consent import consent, open_consent
from secure_ai.core.errors import UserError

WRITTEN = (".csv", ".parquet")


@consent.command()
@click.argument("settings", metavar="CONSENT", type=FILE)
@click.argument("purpose")
@click.argument("source")
@click.option("--person", required=True, metavar="COLUMN", help="Column with the key of the person.")
@reading_options
def allowed(*, settings: Path, purpose: str, source: str, person: str, **reading: str | None) -> int:
    """Count in the table SOURCE of how many people records may be used for PURPOSE; nobody is named.

    Exit code 1 if somebody's may not.

    Example: secure-ai consent allowed consent.yaml research patients.csv --person patient_id
    """
    from secure_ai.core.sources import open_source

    opened = open_source(source, **reading)
    opened.require([person])
    ledger = open_consent(settings)
    keys = opened.to_pandas([person])[person]
    answer = ledger.answer(keys, purpose)
    yes, people = int(answer.allowed.sum()), len(answer.allowed)
    nobody = int((answer.places < 0).sum())
    print(
        f"{int(answer.mask.sum()):,} of {len(keys):,} rows, of {yes:,} of {people:,} people, may be used ",
        end="",
    )
    print(f"for {ledger.purposes[purpose].word}; rows without a key: {nobody:,}.")
    return 0 if answer.mask.all() else FOUND


@consent.command("filter")
@click.argument("settings", metavar="CONSENT", type=FILE)
@click.argument("source")
@click.argument("out", type=FILE)
@click.option("--purpose", required=True, help="What the rows are for.")
@click.option(
    "--person", "people", multiple=True, required=True, metavar="COLUMN",
    help="Column with the key of a person; repeat where a row is about several: all must be allowed.",
)  # fmt: skip
@click.option("--collected-for", help="What the data were collected for, where it is another purpose.")
@click.option("--refuse", is_flag=True, help="Refuse the whole where a single row may not be used.")
@reading_options
@audit_option
def filter_rows(
    *,
    settings: Path,
    source: str,
    out: Path,
    purpose: str,
    people: tuple[str, ...],
    collected_for: str | None,
    refuse: bool,
    audit: Path | None,
    actor: str | None,
    **reading: str | None,
) -> None:
    """Write the rows of the table SOURCE that may be used for a purpose to OUT (.csv or .parquet).

    Example: secure-ai consent filter consent.yaml patients.csv research.csv --purpose research
    --person patient_id --audit trail.jsonl
    """
    from secure_ai.core.outputs import atomic_file
    from secure_ai.core.sources import open_source
    from secure_ai.govern.consent import ConsentGate

    if out.suffix.lower() not in WRITTEN:
        raise UserError(f"The output {out.name} is {' or '.join(WRITTEN)}: choose such a name.")
    if out.resolve() == Path(source).resolve():
        raise UserError("The output would replace the table that is read: choose another name.")
    opened = open_source(source, **reading)
    trail, who = open_audit(audit, actor)
    gate = ConsentGate(open_consent(settings, trail), audit=trail)
    person = people[0] if len(people) == 1 else list(people)
    end_when_stopped()
    found = gate.read(opened, purpose, who, person=person, collected_for=collected_for, refuse=refuse)
    with atomic_file(out) as draft:
        frame = None
        # Until nobody withdrew while it was written.
        while frame is None or len(found.frame) < len(frame):
            frame = found.frame
            if out.suffix.lower() == ".csv":
                frame.to_csv(draft, index=False)
            else:
                frame.to_parquet(draft, index=False)
    left_out = found.rows + found.left_out - len(frame)
    print(f"Wrote {out}: {len(frame):,} rows for {found.purpose}, {left_out:,} left out.")
