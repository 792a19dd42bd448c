"""What ``secure-ai anonymize`` does: check every path first, then anonymize a file, and write its report."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from secure_ai.anonymize.tabular.anonymizer import AnonymizedTable, anonymize
from secure_ai.anonymize.tabular.column_roles import Treatment
from secure_ai.anonymize.tabular.frontier import KS, frontier
from secure_ai.anonymize.tabular.hierarchies import Hierarchy, read_hierarchy
from secure_ai.anonymize.tabular.methods import SUPPRESSION_LIMIT
from secure_ai.anonymize.tabular.release_files import checked_output
from secure_ai.core import UserError
from secure_ai.core.outputs import atomic_directory, atomic_file
from secure_ai.core.sources import open_source, shown

FRONTIER_ROWS = 100_000
"""Up to this many records the report shows what other k would cost."""


def anonymize_file(
    source: str,
    out: Path,
    *,
    quasi_identifiers: Sequence[str],
    k: int,
    l: float | None = None,  # noqa: E741
    t: float | None = None,
    sensitive: Sequence[str] = (),
    method: str = "mondrian",
    hierarchies: Sequence[str] = (),
    suppress: float | None = None,
    keep: Sequence[str] = (),
    drop: Sequence[str] = (),
    target: str | None = None,
    report: Path | None = None,
    table: str | None = None,
    delimiter: str | None = None,
    encoding: str | None = None,
    engine: str = "duckdb",
    scheduler: str | None = None,
    seed: int = 0,
    keep_order: bool = False,
) -> AnonymizedTable:
    """Anonymize a file or table of a database into the file ``out``, with a report if a folder is named.

    Args are those of :func:`~secure_ai.anonymize.tabular.anonymizer.anonymize` and of
    :func:`~secure_ai.core.sources.open_source`; ``hierarchies`` are ``column=file``.

    Raises:
        UserError: if anything does not fit; neither file nor report is written then.
    """
    from secure_ai.anonymize.tabular.report import check_report_folder, write_report

    named = [_named_file(text) for text in hierarchies]
    files = dict(named)
    if len(files) < len(named):
        twice = next(column for column in files if [name for name, _ in named].count(column) > 1)
        raise UserError(f"Two hierarchies are named for '{shown(twice)}': choose one.")
    if isinstance(seed, bool) or not 0 <= seed < 1 << 32:
        raise UserError(f"The seed must be a whole number from 0 to {(1 << 32) - 1:,}, not {seed}.")
    if suppress is not None and method != "full_domain":
        raise UserError("--suppress is for full_domain: Mondrian finds a class for every record.")
    checked_output(out, [source, *files.values()], engine=engine)
    if report is not None:
        check_report_folder(report, (source, out, *files.values()))
    opened = open_source(source, table=table, delimiter=delimiter, encoding=encoding)
    # Whatever fails or is stopped, in the report too, leaves neither.
    with _placed(out, engine) as draft:
        done = anonymize(
            opened,
            quasi_identifiers,
            sensitive=sensitive,
            k=k,
            l=l,
            t=t,
            method=method,
            hierarchies=_read(files),
            suppression_limit=SUPPRESSION_LIMIT if suppress is None else suppress,
            keep=keep,
            drop=drop,
            target=target,
            keep_order=keep_order,
            out=draft,
            engine=engine,
            scheduler=scheduler,
            seed=seed,
        )
        done = replace(done, path=out)
        if report is not None:
            curve = None
            if done.risk_before.n <= FRONTIER_ROWS:
                ks = sorted({k, *(one for one in KS if one <= done.risk_before.n)})
                kept = [c.column for c in done.columns if c.treatment is Treatment.KEPT]
                curve = frontier(opened, done.plan, ks=ks, target=target, features=kept, seed=seed)
            write_report(done, report, curve)
    return done


@contextmanager
def _placed(out: Path, engine: str) -> Iterator[Path]:
    """Yield a file, or with Dask a folder, to write; it becomes ``out`` if the block succeeds."""
    if engine == "duckdb":
        with atomic_file(out) as draft:
            yield draft
        return
    with atomic_directory(out) as draft:
        release = draft.with_name("release.parquet")
        yield release
        draft.rmdir()
        release.rename(draft)


def _named_file(text: str) -> tuple[str, Path]:
    column, found, path = text.rpartition("=")
    if not found or not column or not path:
        raise UserError(f"--hierarchy '{shown(text)}' must be a column and a file, as age=ages.csv.")
    return column, Path(path)


def _read(files: dict[str, Path]) -> dict[str, Hierarchy]:
    return {column: read_hierarchy(path, column) for column, path in files.items()}
