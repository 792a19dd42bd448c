"""The command of the risk assessment."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from secure_ai.cli.app import SECTORS, end_when_terminated, reading_options, root

LEVELS = click.Choice(["low", "medium", "high", "critical"])


@root.command()
@click.option(
    "--out", type=click.Path(path_type=Path), required=True, help="Folder, written whole or not at all."
)
@click.option("--data", help="CSV, Parquet, JSON or Excel file or pattern, or a database address.")
@click.option("--sector", type=SECTORS, help="Which rules apply.")
@click.option(
    "--parameters",
    "-f",
    type=click.Path(path_type=Path),
    help="YAML file of parameters; options given here win.",
)
@click.option("--quasi-identifiers", help="Columns, separated by commas; proposed if not given.")
@click.option("--sensitive", help="Columns, separated by commas, never proposed as quasi-identifiers.")
@click.option("--population", help="Table of the population that the records come from.")
@reading_options
@click.option("--threshold", type=float, help="Highest acceptable re-identification risk, from 0 to 1.")
@click.option("--sample", type=int, help="Values per column that the detectors read.")
@click.option("--seed", type=int, help="Makes the sample repeatable.")
@click.option("--date", help="Date shown on the report, as 2026-03-31; today if not given.")
@click.option("--fail-on", type=LEVELS, help="Exit with 1 at a finding of this level or worse.")
def assess(out: Path, parameters: Path | None, fail_on: str | None, **options: Any) -> int:
    """Assess a table: report.html, findings.json, manifest.json and the executed notebook."""
    from secure_ai.assess import read_parameters, run_assessment

    end_when_terminated()
    chosen = {name: value for name, value in options.items() if value is not None}
    result = run_assessment(read_parameters(parameters, chosen), out)
    print(f"Wrote {', '.join(sorted(path.name for path in result.files))} to {out}.")
    print(f"Worst level: {result.worst.value}; not assessed: {result.unassessed} of {len(result.findings)}.")
    return 1 if fail_on and result.reaches(fail_on) else 0
