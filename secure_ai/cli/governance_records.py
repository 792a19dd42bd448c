"""Commands of records: records processing, dpia, model-card, data-card, example; written for people."""

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
    formats_option,
    read_bytes,
    today_option,
    write_documents,
)
from secure_ai.core.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from secure_ai.core.finding import Finding
    from secure_ai.core.measurement import Measurement, Unassessed
    from secure_ai.discover import Inventory

OUT = click.option("--out", type=FILE, required=True, help="Folder, written whole or not at all.")
FORMS = ("processing", "dpia", "model_card", "data_card")
SAMPLE = click.option("--sample", type=click.IntRange(1), default=2_000, show_default=True,
                      help="Values of a column that the detectors read.")  # fmt: skip


@root.group()
def records() -> None:
    """Records of governance, filled from what was measured; what nobody supplied stays 'to be filled'.

    Each command writes Markdown and HTML (and Word through pandoc) into a folder. No legal advice.
    """


@records.command()
@click.argument("form", type=click.Choice(FORMS))
@click.argument("out", type=FILE)
@click.option("--sector", type=SECTORS, default="healthcare", show_default=True)
def example(form: str, out: Path, sector: str) -> None:
    """Write a FORM to start from to OUT (YAML): an invented organization's, or what each entry should say.

    Example: secure-ai records example dpia dpia.yaml --sector finance
    """
    import yaml

    from secure_ai.core.outputs import atomic_file
    from secure_ai.govern.records import card_prompts

    if out.exists():
        raise UserError(f"{out.name} is there already: choose another name.")
    if form in {"processing", "dpia"}:
        from importlib import resources

        packaged = resources.files("secure_ai.govern.records").joinpath(f"data/{form}_{sector}.yaml")
        text = packaged.read_text("utf-8")
    else:
        # Empty entries stay to be filled; the prompt beside each says with what.
        lines = ["name: ", "sections:"]
        for section, entries in card_prompts(form).items():
            lines.append(f"  {section}:")
            lines += [f"    {entry}:   # {asked}" for entry, asked in entries.items()]
        text = "\n".join(lines) + "\n"
        yaml.safe_load(text)
    with atomic_file(out) as draft:
        draft.write_text(text, encoding="utf-8")
    print(f"Wrote {out}: fill it in; what is left empty stays visible as to be filled.")


@records.command()
@click.argument("declared", metavar="INVENTORY", type=FILE)
@click.option(
    "--data", "tables", multiple=True, metavar="ACTIVITY=TABLE",
    help="A table of an activity (its id), to compare with what is declared. Repeat for more.",
)  # fmt: skip
@SAMPLE
@OUT
@formats_option
@today_option
def processing(
    *, declared: Path, tables: tuple[str, ...], sample: int, out: Path, formats: tuple[str, ...],
    today: date | None,
) -> int:  # fmt: skip
    """Write the record of processing (GDPR Art. 30) of an INVENTORY (YAML), and the register as CSV.

    Exit code 1 if the tables hold categories of data that nobody declared.

    Example: secure-ai records processing activities.yaml --data readmission_model=patients.csv --out rop
    """
    from secure_ai.govern.records import processing_record, read_processing, undeclared_categories

    said = read_processing(declared)
    known = {activity.id for activity in said.activities}
    files: dict[str, list[Inventory]] = {}
    for given in tables:
        for activity, table in pairs((given,), "--data", "readmission_model=patients.csv").items():
            if activity not in known:
                raise UserError(f"--data names no activity of {declared.name}: {', '.join(sorted(known))}.")
            files.setdefault(activity, []).extend(_inventories([table], sample))
    flagged = undeclared_categories(said, files)
    register = _register_csv(said)
    record = processing_record(said, files, dated=today)
    write_documents(out, [record], formats, register_csv=register)
    for activity, found in flagged.items():
        for one in found:
            special = ", special category (Art. 9)" if one.special else ""
            print(f"Not declared in {activity}: {one.category} in {one.table}.{one.column}{special}")
    say_open(record)
    return FOUND if any(flagged.values()) else 0


@records.command()
@click.argument("form", type=FILE)
@click.option("--findings", type=FILE, help="findings.json of an assessment: the risks as measured.")
@click.option("--after", type=FILE, help="findings.json of the same, measured again with the measures.")
@click.option("--data", "tables", multiple=True, metavar="TABLE", help="A table. Repeat for more.")
@SAMPLE
@OUT
@formats_option
@today_option
def dpia(
    *, form: Path, findings: Path | None, after: Path | None, tables: tuple[str, ...], sample: int, out: Path,
    formats: tuple[str, ...], today: date | None,
) -> int:  # fmt: skip
    """Write the impact assessment of a FORM (YAML) in ICO's seven steps, its risks from what was measured.

    Exit code 1 if the processing may not begin on this assessment, 3 if no risk was measured.

    Example: secure-ai records dpia dpia.yaml --findings report/findings.json --out dpia
    """
    from secure_ai.govern.records import assess_impact, dpia_record, read_dpia

    said = read_dpia(form)
    before = _findings(findings)
    again = {one.id: one for one in _findings(after)}
    made = assess_impact(said, before, again or None, inventories=_inventories(tables, sample), dated=today)
    record = dpia_record(made)
    write_documents(out, [record], formats)
    reasons = made.blocked_by()
    for reason in reasons:
        print(f"Not yet: {reason}")
    say_open(record)
    return UNASSESSED if not before else FOUND if reasons else 0


@records.command("model-card")
@click.argument("text", type=FILE)
@click.option(
    "--figures", type=FILE,
    help="JSON with 'performance' (name: measurement) and 'by_group' (factor: group: measurement).",
)  # fmt: skip
@click.option("--findings", type=FILE, help="findings.json of attacks on the model.")
@OUT
@formats_option
@today_option
def write_model_card(
    *, text: Path, figures: Path | None, findings: Path | None, out: Path, formats: tuple[str, ...],
    today: date | None,
) -> None:  # fmt: skip
    """Write a model card from a TEXT (YAML) and figures that were measured; other figures are 'unassessed'.

    Example: secure-ai records model-card card.yaml --figures figures.json --findings findings.json --out card
    """
    from secure_ai.govern.records import model_card, read_card

    said = read_card(text)
    performance, by_group = _figures(figures)
    record = model_card(
        said, performance=performance, by_group=by_group, attacks=_findings(findings), dated=today
    )
    write_documents(out, [record], formats)
    say_open(record)


@records.command("data-card")
@click.argument("text", type=FILE)
@click.argument("tables", nargs=-1, required=True, metavar="TABLE...")
@SAMPLE
@OUT
@formats_option
@today_option
def write_data_card(
    *, text: Path, tables: tuple[str, ...], sample: int, out: Path, formats: tuple[str, ...],
    today: date | None,
) -> None:  # fmt: skip
    """Write a data card of TABLES from a TEXT (YAML) and counts; no value of the tables is shown.

    Example: secure-ai records data-card data.yaml patients.csv claims.csv --out card
    """
    from secure_ai.govern.records import data_card, read_card

    record = data_card(read_card(text), _inventories(tables, sample), dated=today)
    write_documents(out, [record], formats)
    say_open(record)


def say_open(record: Any) -> None:
    """Print how much of a document is still to be filled, and how much was not assessed."""
    left, unknown = len(record.open_points()), len(record.unassessed())
    print(f"To be filled: {left}; not assessed: {unknown}.")


def _inventories(tables: Sequence[str], sample: int) -> list[Inventory]:
    from secure_ai.core.sources import open_source
    from secure_ai.discover import inventory

    return [inventory(open_source(table), sample=sample) for table in tables]


def _register_csv(declared: Any) -> bytes:
    from tempfile import TemporaryDirectory

    from secure_ai.govern.records import write_register

    with TemporaryDirectory(prefix="secure-ai-records-") as folder:
        return write_register(declared, Path(folder) / "register.csv").read_bytes()


def _json(path: Path, what: str) -> Any:
    import json

    try:
        return json.loads(read_bytes(path, what))
    except (ValueError, RecursionError):
        raise UserError(
            f"The {what} {path.name} is not valid JSON: name a file that the kit wrote."
        ) from None


def _findings(path: Path | None) -> list[Finding]:
    if path is None:
        return []
    from pydantic import ValidationError

    from secure_ai.assess.earlier import refuse_newer
    from secure_ai.core.finding import Finding

    content = _json(path, "file of findings")
    listed = content.get("findings") if isinstance(content, dict) else content
    if isinstance(content, dict):
        refuse_newer(content.get("format"), "file of findings")
    try:
        if not isinstance(listed, list):
            raise TypeError
        return [Finding.model_validate(one) for one in listed]
    except (ValidationError, TypeError, ValueError, KeyError):
        raise UserError(f"{path.name} holds no findings: name a findings.json that the kit wrote.") from None


def _figures(path: Path | None) -> tuple[list[tuple[str, Any]], dict[str, list[tuple[str, Any]]]]:
    if path is None:
        return [], {}
    content = _json(path, "file of figures")
    try:
        if set(content) - {"performance", "by_group"}:
            raise TypeError
        performance = [(name, _measured(one)) for name, one in content.get("performance", {}).items()]
        by_group = {
            factor: [(name, _measured(one)) for name, one in groups.items()]
            for factor, groups in content.get("by_group", {}).items()
        }
    except (TypeError, ValueError, KeyError, AttributeError):
        raise UserError(
            f"{path.name} holds no figures: write 'performance' (name: measurement) and 'by_group' "
            "(factor: group: measurement), each with value, interval, n, method and source."
        ) from None
    return performance, by_group


def _measured(fields: dict[str, Any]) -> Measurement | Unassessed:
    from secure_ai.core.measurement import Measurement, Unassessed

    return Unassessed(fields["reason"]) if set(fields) == {"reason"} else Measurement.from_dict(fields)
