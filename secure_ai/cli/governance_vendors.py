"""Commands about vendors: vendor form, assess, compare and example."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import click

from secure_ai.cli.app import SECTORS, root
from secure_ai.cli.governance import (
    FILE,
    FOUND,
    as_json,
    audit_option,
    day_of,
    formats_option,
    open_audit,
    today_option,
    write_documents,
)
from secure_ai.core.errors import UserError

SECTOR = click.option("--sector", type=SECTORS, required=True, help="Whose questions are asked.")
OWN = click.option("--questionnaire", type=FILE, help="A questionnaire of your own (YAML).")
DATA = click.Choice(["identified", "deidentified", "none"])


@root.group()
def vendor() -> None:
    """Due diligence of vendors: a form they fill in, answers that weigh by evidence, clauses for gaps."""


@vendor.command()
@click.argument("out", type=FILE)
@SECTOR
@OWN
def form(out: Path, sector: str, questionnaire: Path | None) -> None:
    """Write the form for a vendor to OUT (.xlsx, .csv or .yaml).

    Example: secure-ai vendor form questions.xlsx --sector healthcare
    """
    from secure_ai.govern.vendors import load_questionnaire, write_form

    asked = load_questionnaire(sector, questionnaire)
    write_form(out, sector, questionnaire=asked)
    print(f"Wrote {out} with {len(asked.questions)} questions: release {asked.release}.")


@vendor.command("assess")
@click.argument("form_file", metavar="FORM", type=FILE)
@SECTOR
@click.option("--out", type=FILE, required=True, help="Folder, written whole or not at all.")
@click.option("--evidence", type=FILE, help="Folder with the documents; without it nobody has seen any.")
@click.option("--service", default="", help="What is bought, as contracts and certificates name it.")
@click.option("--data", type=DATA, default="identified", show_default=True, help="What the vendor gets.")
@click.option("--essential/--not-essential", default=True, show_default=True, help="Does work stop without?")
@click.option("--ai/--no-ai", default=True, show_default=True, help="Does it contain a model?")
@click.option("--previous", type=FILE, help="assessment.json of the last time.")
@OWN
@formats_option
@today_option
@audit_option
def assess_answers(
    *,
    form_file: Path,
    sector: str,
    out: Path,
    evidence: Path | None,
    service: str,
    data: str,
    essential: bool,
    ai: bool,
    previous: Path | None,
    questionnaire: Path | None,
    formats: tuple[str, ...],
    today: date | None,
    audit: Path | None,
    actor: str | None,
) -> int:
    """Judge a filled FORM: the report, the contract clauses, assessment.json and findings.json.

    An answer weighs only by a document. Exit code 1 if conditions have to be met before signing.

    Example: secure-ai vendor assess acme.xlsx --sector healthcare --evidence acme/ --service Scribe --out r
    """
    from secure_ai.govern.vendors import (
        Engagement,
        VendorAssessment,
        assess_vendor,
        assessment_record,
        changes,
        clauses_record,
        load_questionnaire,
        read_form,
    )

    asked = load_questionnaire(sector, questionnaire)
    answers = read_form(form_file, questionnaire=asked)
    before = None if previous is None else VendorAssessment.load(previous)
    trail, who = open_audit(audit, actor)
    found = assess_vendor(
        answers,
        asked,
        day_of(today),
        evidence,
        engagement=Engagement(service=service, data=data, essential=essential, ai=ai),
        previous=before,
        audit=trail,
        actor=who,
    )
    differs = () if before is None else changes(before, found)
    write_documents(
        out,
        [assessment_record(found), clauses_record(found.clauses)],
        formats,
        assessment_json=_saved(found),
        findings_json=as_json({"findings": [one.model_dump(mode="json") for one in found.findings]}),
    )
    for change in differs:
        print(f"{change.what}: {change.question}: {change.sentence}")
    print(found.sentence())
    return FOUND if found.decision in {"not_before_conditions", "with_conditions"} else 0


@vendor.command()
@click.argument("assessments", nargs=-1, required=True, type=FILE, metavar="ASSESSMENT_JSON...")
@click.option("--out", type=FILE, help="Folder for the comparison, written whole or not at all.")
@formats_option
def compare(assessments: tuple[Path, ...], out: Path | None, formats: tuple[str, ...]) -> None:
    """Set vendors side by side, area by area; nothing is added up.

    Example: secure-ai vendor compare acme/assessment.json lumen/assessment.json --out comparison
    """
    from secure_ai.govern.vendors import VendorAssessment, compare_vendors, comparison_record

    found = [VendorAssessment.load(path) for path in assessments]
    frame = compare_vendors(found)
    if out is not None:
        write_documents(out, [comparison_record(found)], formats)
    print(frame.to_string())


@vendor.command()
@click.argument("sector", type=SECTORS)
@click.option("--out", type=FILE, required=True, help="Folder, written whole or not at all.")
def example(sector: str, out: Path) -> None:
    """Write the filled forms and documents of three invented vendors, to practise on.

    Example: secure-ai vendor example finance --out vendors
    """
    from secure_ai.core.outputs import atomic_directory
    from secure_ai.govern.vendors import (
        example_day,
        example_engagement,
        example_vendors,
        write_answers,
        write_example_evidence,
    )

    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UserError(f"{out.name} is there already and is not empty: choose a new folder.")
    bought = example_engagement(sector)
    with atomic_directory(out) as draft:
        folders = write_example_evidence(sector, draft)
        for answers in example_vendors(sector):
            write_answers(folders[answers.vendor].with_suffix(".csv"), answers)
        names = sorted(path.name for path in draft.iterdir())
    print(f"Wrote {', '.join(names)} to {out}: assess them with --service '{bought.service}' ", end="")
    print(f"--data {bought.data} --today {example_day()}.")


def _saved(found) -> bytes:
    from tempfile import TemporaryDirectory

    with TemporaryDirectory(prefix="secure-ai-vendor-") as folder:
        return found.save(Path(folder) / "assessment.json").read_bytes()
