"""Commands of traceability and frameworks: trace prediction, trace person and crosswalk."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from secure_ai.cli.app import SECTORS, pairs, root
from secure_ai.cli.governance import (
    FILE,
    FOUND,
    UNASSESSED,
    audit_option,
    day_of,
    formats_option,
    open_audit,
    person_given,
    picture,
    print_frame,
    read_mapping,
    today_option,
    write_documents,
)
from secure_ai.core.errors import UserError

if TYPE_CHECKING:
    from secure_ai.defend.lineage import Lineage
    from secure_ai.govern.records import Record
    from secure_ai.govern.traceability import ModelRegister, Trail

SIDES = click.Choice(["framework", "threat", "control", "chapter", "finding"])
LINEAGE = click.option("--lineage", type=FILE, required=True, help="Folder of the lineage.")
REGISTER = click.option("--register", type=FILE, help="Register of models: who made, who approved.")
KEYS = click.option("--keys", type=FILE, help="Public signing keys (YAML): account: ed25519:... line.")


@root.group()
def trace() -> None:
    """From a prediction to model, data, code, approval and consent; from a person to all they went into."""


@trace.command()
@click.argument("name", metavar="PREDICTION")
@LINEAGE
@REGISTER
@KEYS
@click.option("--head", help="Digest of the register's last entry, kept elsewhere: was anything cut off?")
@click.option("--artifact", type=FILE, help="The model file as it is used now.")
@click.option("--code", type=FILE, help="Folder of the training code as it is now.")
@click.option("--card", type=FILE, help="The model card.")
@click.option(
    "--source", "sources", multiple=True, metavar="NAME=TABLE",
    help="A source as it is now, with the column of the people's keys. Repeat for more.",
)  # fmt: skip
@click.option("--consent", type=FILE, help="Settings of the consent ledger.")
@click.option("--purpose", help="What consent is asked for; that of the model's record if not given.")
@click.option("--roles", help="Table staff_id, role: could the approver have trained it?")
@click.option("--sector", type=SECTORS, help="Whose duties keep roles apart; with --roles.")
@click.option("--out", type=FILE, help="Folder for the answer as a document with its picture.")
@formats_option
@today_option
@audit_option
def prediction(
    *,
    name: str,
    lineage: Path,
    register: Path | None,
    keys: Path | None,
    sources: tuple[str, ...],
    consent: Path | None,
    roles: str | None,
    out: Path | None,
    formats: tuple[str, ...],
    today: date | None,
    audit: Path | None,
    actor: str | None,
    **given: Any,
) -> int:
    """Say of one PREDICTION which model made it, of what, by whom, who approved it and who consented.

    PREDICTION names its row, as scores@3f2a91c0b7d1#17. What you do not give is answered as unassessed. Exit
    code 1 if something is wrong, 3 if something is unassessed.

    Example: secure-ai trace prediction "scores@3f2a91c0b7d1#17" --lineage lineage --register models.jsonl
    --keys keys.yaml --artifact triage.onnx --consent consent.yaml --out trail
    """
    from secure_ai.cli.governance_consent import consent_callback
    from secure_ai.core.sources import open_source
    from secure_ai.govern.traceability import trace_prediction

    opened = _lineage(lineage)
    tables = pairs(sources, "--source", "claims=claims.parquet")
    trail, who = open_audit(audit, actor)
    found = trace_prediction(
        name, opened, today=day_of(today), register=_models(register), keys=_keys(keys),
        sources={source: open_source(table).to_pandas() for source, table in tables.items()},
        consent=consent_callback(consent, trail),
        roles=None if roles is None else open_source(roles).to_pandas(),
        audit=trail, actor=who, **given,
    )  # fmt: skip
    if out is not None:
        write_documents(out, [_trail_record(found, today)], formats)
    for fact in found.facts:
        print(f"{fact.state:<11} {fact.question:<22} {fact.answer}")
    print(found.sentence())
    return FOUND if found.problems else UNASSESSED if found.unassessed else 0


@trace.command()
@click.argument("given", metavar="PERSON")
@LINEAGE
@click.option("--identifier", required=True, metavar="COLUMN", help="Column that says whose a row is.")
@REGISTER
@KEYS
@click.option("--handovers", type=FILE, help="Register of hand-overs: which vendors have rows.")
@today_option
@audit_option
def person(
    *,
    given: str,
    lineage: Path,
    identifier: str,
    register: Path | None,
    keys: Path | None,
    handovers: Path | None,
    today: date | None,
    audit: Path | None,
    actor: str | None,
) -> int:
    """Say which models, predictions and vendors the records of PERSON went into.

    PERSON is a value of the column; - reads it from standard input. Only a keyed digest is compared. Exit
    code 3 if vendors were not looked up.

    Example: secure-ai trace person - --lineage lineage --identifier patient_id --handovers handovers.sqlite
    """
    from secure_ai.cli.governance_handover import open_register
    from secure_ai.govern.traceability import trace_person

    opened = _lineage(lineage)
    trail, who = open_audit(audit, actor)
    found = trace_person(
        person_given(given), opened, identifier=identifier, today=day_of(today), register=_models(register),
        keys=_keys(keys), handovers=None if handovers is None else open_register(handovers),
        audit=trail, actor=who,
    )  # fmt: skip
    for frame in (found.models, found.predictions, found.vendors):
        if frame is not None:
            print_frame(frame)
    print(found.sentence())
    return UNASSESSED if found.vendors is None else 0


@root.command()
@click.argument("identifier", required=False)
@click.option("--by", type=SIDES, default="framework", show_default=True, help="The side to turn it to.")
@click.option("--framework", "frameworks", multiple=True, help="Only this framework. Repeat for more.")
@click.option("--out", type=FILE, help="Folder for the whole as a document.")
@formats_option
@today_option
def crosswalk(
    *,
    identifier: str | None,
    by: str,
    frameworks: tuple[str, ...],
    out: Path | None,
    formats: tuple[str, ...],
    today: date | None,
) -> int:
    """List what touches an IDENTIFIER of a law or framework, or the whole relation, turned to one side.

    Touched does not mean fulfilled. Exit code 1 if nothing touches the IDENTIFIER.

    Example: secure-ai crosswalk "GDPR Art. 17"
    """
    from secure_ai.govern.crosswalk import crosswalk_frame, crosswalk_record, readable, touches

    day = day_of(today)
    code = 0
    if identifier is not None:
        found = touches(identifier, today=day)
        print(found.label)
        if found.standing is not None:
            print(f"{found.standing.state}: {found.standing.words}".rstrip(": "))
        for side in ("threats", "controls", "chapters", "findings"):
            print(f"{side:<9} {', '.join(getattr(found, side)) or 'none'}")
        code = 0 if found.anything else FOUND
    if out is not None:
        write_documents(out, [crosswalk_record(by, today=day, frameworks=frameworks or None)], formats)
    elif identifier is None:
        for name in frameworks or (None,):
            print_frame(readable(crosswalk_frame(by, framework=name)))
    return code


def _lineage(folder: Path) -> Lineage:
    from secure_ai.defend.lineage import Lineage

    if not folder.is_dir():
        raise UserError(f"There is no folder of lineage {folder.name}: check its path.")
    return Lineage(folder)


def _models(path: Path | None) -> ModelRegister | None:
    from secure_ai.govern.traceability import ModelRegister

    if path is not None and not path.is_file():
        raise UserError(f"There is no register of models {path.name}: check its path.")
    return None if path is None else ModelRegister(path)


def _keys(path: Path | None) -> dict[str, str]:
    given = {} if path is None else read_mapping(path, "list of keys")
    if not all(isinstance(line, str) for line in given.values()):
        raise UserError(f"{path.name if path else 'It'} lists keys as 'account: ed25519:...': correct it.")
    return given


def _trail_record(found: Trail, today: date | None) -> Record:
    from secure_ai.govern.records import Record, Section, Table

    sentence = found.sentence()
    return Record(
        title=f"Where the prediction {found.prediction} comes from",
        kind="Traceability",
        file_name="trail",
        summary=sentence,
        sections=(
            Section("Answers", (Table.from_frame("Question by question", found.to_frame()),)),
            Section("Picture", (picture(found.plot(), sentence, sentence),)),
        ),
        dated=today,
    )
