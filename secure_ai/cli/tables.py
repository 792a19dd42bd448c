"""Commands that make tables and figures fit to be shared: anonymize and release."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from secure_ai.cli.app import end_when_terminated, named, reading_options, root


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
@reading_options
@click.option("--engine", type=click.Choice(["duckdb", "dask"]), default="duckdb", show_default=True)
@click.option("--scheduler", help="Address of a Dask scheduler, as tcp://host:8786.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of the model of --target.")
@click.option(
    "--keep-order",
    is_flag=True,
    help="Leave records in their order; sorted by released values otherwise: a place may give them away.",
)
def anonymize(source: str, out: Path, **options: Any) -> None:
    """Write a copy of the table SOURCE in which every record looks like at least k - 1 others.

    Quasi-identifiers become ranges and sets, sensitive columns stay, and of the others only those that
    --keep names: a column that names people would make every k meaningless. SOURCE is never changed. The
    copy is measured again before it appears. Look at it yourself before you share it.
    """
    from secure_ai.anonymize.tabular.command import anonymize_file

    end_when_terminated()
    options["l"] = options.pop("l_")
    for name in ("quasi_identifiers", "sensitive", "keep", "drop"):
        options[name] = named(options[name])
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
@click.argument("source")
@click.option("--count", is_flag=True, help="How many records there are.")
@click.option("--sum", "sum_", metavar="COLUMN", help="Sum of a column; needs --bounds.")
@click.option("--mean", metavar="COLUMN", help="Mean of a column; needs --bounds.")
@click.option("--median", metavar="COLUMN", help="Median of a column; needs --bounds.")
@click.option("--histogram", metavar="COLUMN", help="How often each of --categories occurs.")
@click.option("--bounds", metavar="LOW,HIGH", help="Least and largest value, from anywhere but the data.")
@click.option("--categories", help="Categories of --histogram, separated by commas.")
@click.option("--epsilon", type=float, required=True, help="Price of this answer; 0.1 to 1 are usual.")
@click.option("--delta", type=float, default=0.0, help="For a histogram without --categories: such as 1e-6.")
@click.option(
    "--ledger",
    type=click.Path(path_type=Path),
    required=True,
    help="File that keeps what was spent on this table.",
)
@click.option("--budget", type=float, help="All that may ever be spent: makes the ledger, once.")
@click.option("--budget-delta", type=float, default=0.0, help="The same for delta.")
@click.option(
    "--person", metavar="COLUMN", help="Column that says whose record it is; each row is a person without it."
)
@click.option(
    "--max-rows", type=int, default=1, show_default=True, help="Most records of one person that count."
)
@click.option("--who", default="", help="Who asks, for the ledger.")
@reading_options
def release(source: str, epsilon: float, ledger: Path, **options: Any) -> None:
    """Answer one question about the table SOURCE with differential privacy, and pay for it from a ledger.

    Nothing is spent unless the question is sound and the budget is enough. Bounds must not be taken from
    the data: they would tell about the person with the largest value.

    \b
    secure-ai release claims.csv --count --epsilon 0.1 --ledger claims.budget --budget 1
    secure-ai release claims.csv --mean paid --bounds 0,5000 --epsilon 0.2 --ledger claims.budget
    """
    from secure_ai.anonymize.differential_privacy.release_command import query_from_options, run_release

    asked = ("count", "sum_", "mean", "median", "histogram", "bounds", "categories")
    query = query_from_options(**{name: options.pop(name) for name in asked})
    answer, paid = run_release(source, query, epsilon=epsilon, ledger=ledger, **options)
    print(answer.sentence())
    if not isinstance(answer.value, int | float):
        print(answer.to_frame()["noisy"].to_string(header=False))
    print(paid.sentence())
