"""The commands of the risk assessment: one system, a portfolio, two reports, the form on controls."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from secure_ai.cli.app import SECTORS, end_when_terminated, pairs, reading_options, root
from secure_ai.core.errors import UserError
from secure_ai.core.outputs import atomic_file

LEVELS = click.Choice(["low", "medium", "high", "critical"])
PATH = click.Path(path_type=Path)
FOUND = 1
FAILED = 2
UNASSESSED = 3


def _input_options(command: Callable) -> Callable:
    for option in (
        click.option("--previous", help="Folder of an earlier assessment, to compare with."),
        click.option("--plan", help="YAML file with owner, due date and decision for each finding."),
        click.option("--vendor", help="A vendor's questionnaire, filled in."),
        click.option("--log", help="Audit log, as JSON lines or a trail."),
        click.option("--evidence", help="Folder of the documents that the questionnaire names."),
        click.option("--controls", help="Questionnaire on controls, filled in."),
        click.option("--assistant", help="Address of an assistant; naive, instructed or hardened offline."),
        click.option("--rules", help="YAML file: what an attacker can change in an input."),
        click.option("--groups", help="Columns by whose groups decisions are compared."),
        click.option("--probabilities", help="Table of a model's answers, in place of the model."),
        click.option("--held-out", help="Records that the model was not trained on."),
        click.option("--training", help="Records that the model was trained on; --data if not given."),
        click.option("--target", help="Column that the model predicts."),
        click.option("--token-file", help="File with the token that a scoring endpoint wants."),
        click.option(
            "--trust-pickle", is_flag=True, default=None, help="Open a pickle, in a process of its own."
        ),
        click.option("--model", help="skops, ONNX or pickle file, or address of a scoring endpoint."),
        click.option("--population", help="Table of the population that the records come from."),
        click.option(
            "--sensitive", help="Columns, separated by commas, never proposed as quasi-identifiers."
        ),
        click.option("--quasi-identifiers", help="Columns, separated by commas; proposed if not given."),
        click.option("--data", help="CSV, Parquet, JSON, Excel or FHIR file or pattern, or a database."),
    ):
        command = option(command)
    return command


def _judgment_options(command: Callable) -> Callable:
    for option in (
        click.option("--date", help="Date shown on the report, as 2026-03-31; today if not given."),
        click.option("--seed", type=int, help="Makes the run repeatable."),
        click.option("--sample", type=int, help="Values per column that the detectors read."),
        click.option("--threshold", type=float, help="Highest acceptable re-identification risk, 0 to 1."),
        click.option(
            "--redact", type=click.Choice(["names", "strict"]), help="strict hides names of columns."
        ),
        click.option("--subject", help="What is assessed, in words that may stand on the report."),
    ):
        command = option(command)
    return command


@root.group(invoke_without_command=True, subcommand_metavar="[diff|many|controls-form|examples …]")
@click.option("--out", type=PATH, help="Folder, written whole or not at all.")
@click.option("--sector", type=SECTORS, help="Which rules apply.")
@click.option("--parameters", "-f", type=PATH, help="YAML file of parameters; options given here win.")
@click.option("--set", "others", multiple=True, metavar="NAME=VALUE", help="Any other parameter; repeatable.")
@_input_options
@reading_options
@_judgment_options
@click.option("--resume", is_flag=True, help="Go on where an interrupted run stopped.")
@click.option("--fail-on", type=LEVELS, help="Exit with 1 at a finding of this level or worse.")
@click.option(
    "--fail-on-unassessed",
    multiple=True,
    metavar="AREA",
    help="Exit with 1 if a risk of this area is not assessed: data, model, fairness …; repeatable.",
)
@click.pass_context
def assess(context: click.Context, /, **options: Any) -> int:
    """Assess data, a model, an assistant, controls, a log, a vendor: a report with all that it rests on.

    Exit code 1 as --fail-on says, 2 for bad input, 3 if nothing was measured.
    """
    if context.invoked_subcommand is not None:
        given = [name for name, value in options.items() if value not in (None, (), False)]
        if given:
            raise click.UsageError(
                f"'{context.invoked_subcommand}' takes its options behind its name; there is one before it."
            )
        return 0
    return _assess_one(context, **options)


def _assess_one(
    context: click.Context,
    /,
    *,
    out: Path | None,
    parameters: Path | None,
    others: tuple[str, ...],
    resume: bool,
    fail_on: str | None,
    fail_on_unassessed: tuple[str, ...],
    **options: Any,
) -> int:
    if out is None:
        raise click.UsageError("Missing option '--out'.", context)
    from secure_ai.assess import read_parameters, run_assessment
    from secure_ai.assess.registry import AREAS
    from secure_ai.core.yaml_files import parse_yaml

    unknown = [area for area in fail_on_unassessed if area not in AREAS]
    if unknown:
        raise click.UsageError(f"There is no area '{unknown[0]}'; they are {', '.join(AREAS)}.", context)
    end_when_terminated()
    chosen = {
        name: parse_yaml(value, f"value of --set {name}")
        for name, value in pairs(others, "--set", "rows=500").items()
    }
    chosen |= {name: value for name, value in options.items() if value is not None}
    result = run_assessment(read_parameters(parameters, chosen), out, resume=resume)
    print(f"Wrote {', '.join(sorted(path.name for path in result.files))} to {out}.")
    print(f"Worst level: {result.worst.value}; not assessed: {result.unassessed} of {len(result.findings)}.")
    open_areas = [area for area in fail_on_unassessed if area in result.open_areas()]
    if open_areas:
        print(f"Not assessed in full: {', '.join(open_areas)}.")
    if open_areas or (fail_on and result.reaches(fail_on)):
        return FOUND
    return UNASSESSED if not result.measured else 0


@assess.command()
@click.argument("portfolio", type=PATH)
@click.option("--out", type=PATH, required=True, help="Folder with one folder for each system and a summary.")
@click.option("--jobs", type=click.IntRange(1, 64), default=2, show_default=True, help="Systems at a time.")
@click.option("--resume", is_flag=True, help="Leave alone what is finished; what failed runs again.")
@click.option("--fail-on", type=LEVELS, help="Exit with 1 at a finding of this level or worse.")
@click.option(
    "--minutes", type=click.FloatRange(min=0, min_open=True), default=60, show_default=True,
    help="After which a system is given up.",
)  # fmt: skip
def many(portfolio: Path, out: Path, jobs: int, resume: bool, fail_on: str | None, minutes: float) -> int:  # noqa: PLR0917
    """Assess every system that PORTFOLIO lists, and write one summary of them.

    Exit code 1 as --fail-on says, 2 if a system could not be assessed, 3 if nothing was measured.
    """
    from secure_ai.assess.run.many import assess_many
    from secure_ai.assess.run.summary import SUMMARIES, verdict

    end_when_terminated()
    result = assess_many(portfolio, out, jobs, resume, seconds=minutes * 60)
    print(f"Wrote {', '.join(SUMMARIES)} to {out}.")
    print(verdict(result.rows))
    if result.failed:
        return FAILED
    if fail_on and result.reaches(fail_on):
        return FOUND
    return UNASSESSED if not any(row.measured for row in result.rows) else 0


@assess.command()
@click.argument("old", type=PATH)
@click.argument("new", type=PATH)
@click.option("--out", type=PATH, help="File for the comparison, by its ending .html, .md, .csv or .json.")
@click.option("--fail-on-worse", is_flag=True, help="Exit with 1 if anything counts as worse.")
@click.option(
    "--same-subject", is_flag=True, help="It is one subject, though the reports name it differently."
)
def diff(old: Path, new: Path, out: Path | None, fail_on_worse: bool, same_subject: bool) -> int:
    """Say what got better, worse, new or gone between two assessments, OLD and NEW (their folders).

    Reports of different subjects are shown side by side: nothing counts as better or worse then.

    Exit code 1 as --fail-on-worse says, 2 for bad input and where --fail-on-worse meets different subjects.
    """
    from secure_ai.assess.diff import compare_reports

    suffix = out.suffix.lower() if out else ""
    if out is not None and suffix not in COMPARISONS:
        raise click.UsageError(f"--out ends with one of {', '.join(COMPARISONS)}.")
    compared = compare_reports(old, new, same_subject=same_subject)
    if out is not None:
        with atomic_file(out) as draft:
            draft.write_text(COMPARISONS[suffix](compared), encoding="utf-8", newline="\n")
        print(f"Wrote {out}.")
    print(compared.sentence())
    for sentence in compared.unlike:
        print(f"- {sentence}")
    shown = compared.of_kind("side by side") if compared.apart else compared.changed
    for change in shown:
        print(f"{change.kind}: {change.risk.rstrip('.')}. {change.why}".rstrip())
    if compared.apart:
        print(compared.rule)
        if fail_on_worse:
            raise UserError("The reports are of different subjects, so --fail-on-worse cannot be decided.")
    return FOUND if fail_on_worse and compared.worse else 0


PAGE_STYLE = (
    "body{font:16px/1.5 sans-serif;color:#1b2430;background:#fff}"
    "main{max-width:62rem;margin:2rem auto;padding:0 1rem}"
    "table{border-collapse:collapse;width:100%;margin:.5rem 0 1.5rem}caption{text-align:left}"
    "th,td{text-align:left;vertical-align:top;padding:.4rem .8rem .4rem 0;border-bottom:1px solid #cfd6de}"
    "th,td{overflow-wrap:anywhere}"
)


def _page(compared: Any) -> str:
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        "<title>Two assessments compared</title>"
        f"<style>{PAGE_STYLE}</style></head>"
        f"<body><main><h1>Two assessments compared</h1>{compared.to_html()}</main></body></html>\n"
    )


def _table(compared: Any) -> str:
    from secure_ai.assess.run.summary import guarded

    frame = compared.to_frame()
    return frame.map(lambda cell: guarded(cell) if isinstance(cell, str) else cell).to_csv(index=False)


COMPARISONS: dict[str, Callable[[Any], str]] = {
    ".html": _page,
    ".md": lambda compared: compared.to_markdown(),
    ".csv": _table,
    ".json": lambda compared: json.dumps(compared.to_dict(), indent=2, ensure_ascii=False) + "\n",
}


@assess.command("controls-form")
@click.option("--sector", type=SECTORS, required=True, help="Which controls are asked for.")
@click.option("--out", type=PATH, required=True, help="YAML file to fill in.")
def controls_form(sector: str, out: Path) -> None:
    """Write the questionnaire on controls, to be filled in and given back with --controls."""
    from secure_ai.assess.controls.form import write_questionnaire

    if out.exists():
        # It may be filled in: days of somebody's work.
        raise UserError(f"{out.name or 'This'} is there already and may be filled in: choose a new file.")
    write_questionnaire(sector, out)
    print(f"Wrote {out}.")


@assess.command("examples")
@click.argument("folder", type=PATH)
def examples(folder: Path) -> None:
    """Write the parameter files and invented inputs to try them on into a new FOLDER."""
    from secure_ai.cli.assessment_examples import write_examples

    end_when_terminated()
    files = write_examples(folder)
    names = sorted(path.name for path in files if path.parent == folder)
    print(f"Wrote {len(files)} files to {folder}: {', '.join(names)}.")
    print(f"Try one: cd {folder}; secure-ai assess -f triage_model.yaml --out report")
