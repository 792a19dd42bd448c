"""The command ``secure-ai``: check the kit, open it, make data, manage labs, assess a risk."""

from __future__ import annotations

import signal
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from secure_ai import __version__
from secure_ai.core.errors import UserError

BAD_INPUT = 2
INTERRUPTED = 128 + signal.SIGINT
TERMINATED = 128 + signal.SIGTERM
SECTORS = click.Choice(["healthcare", "finance"])
FORMATS = click.Choice(["csv", "parquet", "fhir", "iso20022"])
LEVELS = click.Choice(["low", "medium", "high", "critical"])


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; end the process with 0, 1 (found something), 2 (bad input) or 130."""
    sys.exit(invoke(arguments))


def invoke(arguments: list[str] | None = None) -> int:
    """Run the command line and return its exit code; bad input becomes one sentence on standard error."""
    try:
        code = root.main(arguments, prog_name="secure-ai", standalone_mode=False)
        return code if isinstance(code, int) else 0
    except click.exceptions.NoArgsIsHelpError as error:
        print(error.format_message())
        return BAD_INPUT
    except click.ClickException as error:
        path = error.ctx.command_path if isinstance(error, click.UsageError) and error.ctx else "secure-ai"
        message = " ".join(error.format_message().split())
        return _refuse(f"{message.rstrip('.')}: see '{path} --help'.")
    except UserError as error:
        return _refuse(str(error))
    except (click.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except RuntimeError as error:
        if str(error) != "Query interrupted":  # DuckDB's word for Ctrl-C
            raise
        return INTERRUPTED
    except BrokenPipeError:
        sys.stderr.close()
        return 0


def _refuse(sentence: str) -> int:
    print(f"Error: {sentence}", file=sys.stderr)
    return BAD_INPUT


def _stop(*_: object) -> None:
    raise SystemExit(TERMINATED)


@click.group()
@click.version_option(__version__, prog_name="secure-ai", message="%(prog)s %(version)s")
def root() -> None:
    """Learn to put AI to work safely, and measure your own systems. Nothing leaves this machine."""


@root.command()
@click.option("--quick", is_flag=True, help="Only what can be told without loading the libraries.")
def doctor(quick: bool) -> int:
    """Check every part of the kit: one OK or FAIL line each, a failure with its remedy."""
    from secure_ai.doctor import all_ok, run_checks

    checks = run_checks(quick=quick)
    for check in checks:
        print(check)
    failed = sum(not check.ok for check in checks)
    print("Everything works." if not failed else f"{failed} of {len(checks)} parts need attention.")
    return 0 if all_ok(checks) else 1


@root.command()
@click.option("--port", type=int, help="Port on 127.0.0.1; the first free one from 8888 up if not given.")
@click.option(
    "--browser/--no-browser", default=None, help="Open a browser; by default where there is a screen."
)
def start(port: int | None, browser: bool | None) -> int:
    """Open JupyterLab on the start page."""
    from secure_ai.doctor import run_checks
    from secure_ai.start import start_jupyterlab

    for check in run_checks(quick=True):
        print(check)
    return start_jupyterlab(port, open_browser=browser)


@root.command()
@click.argument("sector", type=SECTORS)
@click.option(
    "--out", type=click.Path(path_type=Path), required=True, help="Folder: new, empty or an earlier output."
)
@click.option(
    "--rows", default=10_000, show_default=True, help="Patients (healthcare) or transactions (finance)."
)
@click.option("--seed", default=7, show_default=True, help="Same seed, same bytes.")
@click.option(
    "--format",
    "fmt",
    type=FORMATS,
    default="csv",
    show_default=True,
    help="fhir: healthcare; iso20022: finance.",
)
def data(sector: str, out: Path, rows: int, seed: int, fmt: str) -> None:
    """Generate the synthetic hospital or bank."""
    from synthetic_data.generate import write_dataset

    try:
        files = write_dataset(sector, rows=rows, seed=seed, out=out, fmt=fmt)
    except ValueError as error:
        raise UserError(str(error)) from None
    for path in files:
        print(f"{path.stat().st_size:>14,} bytes  {path.relative_to(out)}")
    print(f"Wrote {len(files)} files to {out}.")


@root.group()
def lab() -> None:
    """List, rebuild, reset or submit the labs."""


@lab.command("list")
def lab_list() -> None:
    """List the labs with the tasks that you have solved."""
    from secure_ai.learn.labs import describe_labs
    from secure_ai.project import project_root

    print("\n".join(describe_labs(project_root())))


@lab.command("build")
def lab_build() -> None:
    """Generate labs/ from solutions/ (for authors)."""
    from secure_ai.learn.builder import build_all
    from secure_ai.project import project_root

    changed = build_all(project_root())
    print("\n".join(f"Wrote {path.name}" for path in changed) or "Every lab is up to date.")


@lab.command("reset")
@click.argument("name")
def lab_reset(name: str) -> None:
    """Start lab NAME (03 or 03_data_inventory) afresh; your work is kept as a dated copy."""
    from secure_ai.learn.labs import reset_lab
    from secure_ai.project import project_root

    print(reset_lab(project_root(), name, datetime.now()))


@lab.command("submit")
@click.argument("name")
@click.option("--out", type=click.Path(path_type=Path), help="Write a receipt (JSON) here.")
def lab_submit(name: str, out: Path | None) -> int:
    """Run lab NAME from top to bottom and say which tasks are solved; exit code 1 if any is not."""
    from secure_ai.learn.labs import submit_lab
    from secure_ai.project import project_root

    submission = submit_lab(project_root(), name, out=out)
    print(submission)
    return 0 if submission.complete else 1


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
@click.option("--table", help="Table of a database, or sheet of a workbook.")
@click.option("--delimiter", help="Separator of a text file; recognized if not given.")
@click.option("--encoding", help="Encoding of a text file, such as latin-1; UTF-8 if not given.")
@click.option("--threshold", type=float, help="Highest acceptable re-identification risk, from 0 to 1.")
@click.option("--sample", type=int, help="Values per column that the detectors read.")
@click.option("--seed", type=int, help="Makes the sample repeatable.")
@click.option("--date", help="Date shown on the report, as 2026-03-31; today if not given.")
@click.option("--fail-on", type=LEVELS, help="Exit with 1 at a finding of this level or worse.")
def assess(out: Path, parameters: Path | None, fail_on: str | None, **options: Any) -> int:
    """Assess a table: report.html, findings.json, manifest.json and the executed notebook."""
    from secure_ai.assess import read_parameters, run_assessment

    # A scheduler that stops the run ends it as Ctrl-C does: kernel and unfinished folder go with it.
    signal.signal(signal.SIGTERM, _stop)
    chosen = {name: value for name, value in options.items() if value is not None}
    result = run_assessment(read_parameters(parameters, chosen), out)
    print(f"Wrote {', '.join(sorted(path.name for path in result.files))} to {out}.")
    print(f"Worst level: {result.worst.value}; not assessed: {result.unassessed} of {len(result.findings)}.")
    return 1 if fail_on and result.reaches(fail_on) else 0


if __name__ == "__main__":
    main()
