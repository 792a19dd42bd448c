"""The command ``secure-ai``: check the kit, open it, make data, remove personal data, assess a risk."""

from __future__ import annotations

import json
import signal
import sys
import warnings
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


@root.command()
@click.argument("source", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print the finds as JSON.")
@click.option("--entities", help="Types to look for, separated by commas; all if not given.")
@click.option(
    "--threshold",
    type=float,
    help="How sure a find must be, from 0 (doubtful) to 1 (certain); 0.4 if not given.",
)
@click.option("--fail-on-find", is_flag=True, help="Exit with 1 if anything is found.")
def scan(
    source: Path, as_json: bool, entities: str | None, threshold: float | None, fail_on_find: bool
) -> int:
    """Find personal data in SOURCE: a text, table, JSON, FHIR or DICOM file, or a folder of them.

    Nothing is changed. The list says what was found, how often and where (column, field or lines of
    text); examples are masked. A file in which nothing was found can still name somebody: no detector
    sees everything.
    """
    from secure_ai.anonymize.deidentify.scan import scan as run_scan
    from secure_ai.discover import DEFAULT_THRESHOLD

    wanted = None if entities is None else [name.strip() for name in entities.split(",") if name.strip()]
    if wanted == []:
        raise UserError("--entities names nothing: name types as in --entities PERSON,US_SSN.")
    found = run_scan(source, entities=wanted, threshold=DEFAULT_THRESHOLD if threshold is None else threshold)
    if as_json:
        print(json.dumps(found.to_dict(), ensure_ascii=False, indent=2))
    else:
        for row in found.rows:
            print(f"{row.count:>9,}  {row.entity:<30} {row.file}, {row.place}  {row.sample}")
        counts = ", ".join(f"{entity} {count:,}" for entity, count in found.counts.items())
        print(f"{found.source}: {counts or 'no personal data found'}.")
    return 1 if fail_on_find and found.rows else 0


@root.command()
@click.argument("source", metavar="IN", type=click.Path(path_type=Path))
@click.argument("out", type=click.Path(path_type=Path))
@click.option(
    "--policy",
    required=True,
    help="safe_harbor, limited_data_set, expert_determination, pseudonymize, or a YAML file.",
)
@click.option(
    "--key-file",
    type=click.Path(path_type=Path),
    help="Your secret key, made with 'secure-ai key'. Same key, same made-up names.",
)
@click.option(
    "--vault",
    type=click.Path(path_type=Path),
    help="Keeps the random codes of this run, sealed with the key, for later runs.",
)
@click.option(
    "--receipt",
    type=click.Path(path_type=Path),
    help="Write what was removed, in counts, to this file (.json or .md).",
)
@click.option(
    "--person-column",
    help="Column that says whose record it is, as patient_id; found by its name if not given.",
)
@click.option("--seed", type=int, help="Repeatable random codes, for tests and lessons only.")
@click.option("--as-of", type=int, help="Year for the rule of ages over 89; this year if not given.")
@click.option("--zip-list", type=click.Path(path_type=Path), help="File of ZIP prefixes that become 000.")
def deidentify(
    source: Path, out: Path, policy: str, receipt: Path | None, zip_list: Path | None, **options: Any
) -> int:
    """Write a copy of IN (a file or a folder) without what identifies people to OUT.

    Reads text, CSV, TSV, Parquet, JSON, JSON Lines, FHIR and the headers of DICOM images (not what is
    written in the picture). IN is never changed. The copy is looked at again; if something is still
    found that the policy removes, the exit code is 1. Look at the copy yourself before you share it.

    \b
    Policies:
      safe_harbor           all 18 HIPAA identifiers go; years and states stay
      limited_data_set      names and numbers go; dates, towns and ZIP codes stay
      expert_determination  a start for the expert who must judge the risk
      pseudonymize          made-up names and numbers, the same for the same person
    All but safe_harbor need a key file, made once with 'secure-ai key FILE'.
    """
    from secure_ai.anonymize.deidentify.files import deidentify_file
    from secure_ai.anonymize.deidentify.geography import load_small_zip3
    from secure_ai.anonymize.deidentify.receipt import check_receipt_path, write_receipt

    signal.signal(signal.SIGTERM, _stop)
    if receipt is not None:
        paths = (source, out, options["key_file"], options["vault"], Path(policy), zip_list)
        check_receipt_path(receipt, [path for path in paths if path is not None])
    options["key"] = options.pop("key_file")
    if zip_list is not None:
        options["small_zip3"] = load_small_zip3(zip_list)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        done = deidentify_file(source, out, policy, **options)
    for warning in caught:
        if issubclass(warning.category, UserWarning) and "key file" in str(warning.message):
            print(f"Warning: {warning.message}", file=sys.stderr)
    if receipt is not None:
        write_receipt(done, receipt)
    for entity, actions in done.counts.items():
        for action, count in actions.items():
            print(f"{count:>9,}  {entity:<30} {action}")
    if done.unexamined:
        print(f"Kept without being examined: {', '.join(done.unexamined)}.")
    for note in done.notes:
        print(note)
    print(f"Wrote {out} ({done.rows:,} records, {done.total:,} values removed or replaced): {done.verdict}.")
    print(done.residual)
    return 0 if done.clean else 1


@root.command()
@click.argument("source")
@click.option(
    "--quasi-identifiers",
    default="",
    help="Columns that outsiders can know, separated by commas: made coarser.",
)
@click.option("--sensitive", default="", help="Columns of what an attacker wants to learn: kept as they are.")
@click.option(
    "--k", type=int, required=True, help="Least number of records that look alike; 5 to 20 are usual."
)
@click.option("--l", "l_", type=float, help="Least number of different sensitive values in a class.")
@click.option("--t", type=float, help="Largest distance of a class from the whole table, from 0 to 1.")
@click.option(
    "--out", type=click.Path(path_type=Path), required=True, help="File to write: .csv, .tsv or .parquet."
)
@click.option(
    "--method",
    type=click.Choice(["mondrian", "full_domain"]),
    default="mondrian",
    show_default=True,
    help="Each class as coarse as it needs, or each column at one level of its hierarchy.",
)
@click.option(
    "--hierarchy",
    "hierarchies",
    multiple=True,
    metavar="COLUMN=FILE",
    help="Hierarchy of a column in ARX's CSV form; repeat for more. Proposed if not given.",
)
@click.option(
    "--suppress",
    type=float,
    help="Largest share of records that full_domain may reduce to *; 0.02 if not given.",
)
@click.option("--keep", default="", help="Other columns to keep as they are; * for all that name nobody.")
@click.option("--drop", default="", help="Columns to leave out where --keep is *.")
@click.option("--target", help="Column to predict: says what the table is still good for.")
@click.option("--report", type=click.Path(path_type=Path), help="Folder for report.html and release.json.")
@click.option("--table", help="Table of a database, or sheet of a workbook.")
@click.option("--delimiter", help="Separator of a text file; recognized if not given.")
@click.option("--encoding", help="Encoding of a text file, such as latin-1; UTF-8 if not given.")
@click.option("--engine", type=click.Choice(["duckdb", "dask"]), default="duckdb", show_default=True)
@click.option("--scheduler", help="Address of a Dask scheduler, as tcp://host:8786.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of the model of --target.")
def anonymize(source: str, out: Path, **options: Any) -> None:
    """Write a copy of the table SOURCE in which every record looks like at least k - 1 others.

    Quasi-identifiers become ranges and sets, sensitive columns stay, and of the others only those that
    --keep names: a column that names people would make every k meaningless. SOURCE is never changed. The
    copy is measured again before it appears. Look at it yourself before you share it.
    """
    from secure_ai.anonymize.tabular.command import anonymize_file

    signal.signal(signal.SIGTERM, _stop)
    options["l"] = options.pop("l_")
    for name in ("quasi_identifiers", "sensitive", "keep", "drop"):
        options[name] = [part.strip() for part in options[name].split(",") if part.strip()]
    done = anonymize_file(source, out, **options)
    for outcome in done.columns:
        print(f"{outcome.column:<30} {outcome.treatment.value}")
    for warning in done.warnings:
        print(f"Warning: {warning}", file=sys.stderr)
    print(done.sentence())
    print(f"Wrote {out} ({done.risk_after.n:,} records, {done.plan.requirements.describe()}).")
    if options["report"] is not None:
        print(f"Report: {options['report']}.")


@root.command()
@click.argument("path", metavar="FILE", type=click.Path(path_type=Path))
def key(path: Path) -> None:
    """Make a new secret key in FILE, which only you can read, for 'secure-ai deidentify'.

    An existing file is never overwritten: without its key, made-up names cannot be matched again.
    """
    from secure_ai.anonymize import generate_key

    generate_key(path)
    print(f"Wrote {path}. Keep it apart from the data; whoever has it can undo what was made with it.")


if __name__ == "__main__":
    main()
