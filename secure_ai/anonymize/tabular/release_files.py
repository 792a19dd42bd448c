"""Released tables as files: where they may be written, and text that no spreadsheet runs as a formula."""

from __future__ import annotations

import glob
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from secure_ai.anonymize.tabular.apply import write_released
from secure_ai.anonymize.tabular.partitioning import Partitioning
from secure_ai.anonymize.tabular.summary import RECORDS, summarize
from secure_ai.core import UserError
from secure_ai.core.outputs import atomic_directory, atomic_file
from secure_ai.core.sources import Source, open_source, quote_identifier, shown

if TYPE_CHECKING:
    from secure_ai.anonymize.tabular.methods import Plan

TEXT = {".csv": ",", ".tsv": "\t"}
ENDINGS = (*TEXT, ".parquet")
_PART = re.compile(r"part-\d+\.parquet")


def checked_output(out: str | Path, others: Sequence[str | Path] = (), *, engine: str = "duckdb") -> Path:
    """Return the place to write, after checking before any work that it can be written.

    Args:
        out: a file; with Dask a folder, ending in .parquet, of one Parquet file for each partition.
        others: files that must not be overwritten: the input (a path, or a pattern of paths), hierarchies.
        engine: ``duckdb`` or ``dask``.

    Raises:
        UserError: if its ending is not known, its folder is missing, or it is a folder or one of ``others``.
    """
    path = Path(out)
    name = shown(path.name or str(path))
    endings = ENDINGS if engine == "duckdb" else (".parquet",)
    if path.suffix.lower() not in endings:
        raise UserError(f"The output {name} must end in {' or '.join(endings)}: rename it.")
    if path.is_dir() and (engine == "duckdb" or any(not _PART.fullmatch(one.name) for one in path.iterdir())):
        raise UserError(f"The output {name} is a folder of other files: choose another place.")
    if engine != "duckdb" and path.is_file():
        raise UserError(f"The output {name} is a file, and Dask writes a folder: choose another place.")
    if not path.parent.is_dir():
        raise UserError(f"The folder of the output {name} does not exist: make it, or choose another place.")
    place = path.resolve()
    for other in others:
        text = str(other)
        paths = glob.glob(text) if glob.has_magic(text) else [text]  # noqa: PTH207
        if any(Path(one).resolve().is_relative_to(place) for one in paths):
            raise UserError(
                f"The output {name} is one of the inputs: choose another place, and keep the original safe."
            )
    return path


@contextmanager
def written(
    partitioning: Partitioning, source: Source, target: Path, representation: str, plan: Plan
) -> Iterator[Source]:
    """Write a release beside ``target`` and yield it opened; it becomes ``target`` if the block succeeds.

    A text file is written from the Parquet file that is yielded, which keeps types and gaps.

    Raises:
        UserError: if the place cannot be written, or a class of a text file is smaller than k.
    """
    options = {"engine": plan.engine, "scheduler": plan.scheduler}
    if plan.engine != "duckdb":
        with atomic_directory(target) as folder:
            write_released(partitioning, source, folder, representation, **options)
            yield open_source(str(folder / "*.parquet"))
        return
    with atomic_file(target) as draft:
        delimiter = TEXT.get(target.suffix.lower())
        exact = draft if delimiter is None else draft.with_name("exact.parquet")
        write_released(partitioning, source, exact, representation)
        table = open_source(exact)
        if delimiter is not None:
            write_text(table, draft, delimiter)
            least = int(summarize(draft_source(draft, delimiter), plan.quasi_identifiers)[RECORDS].min())
            if least < plan.requirements.k:
                raise UserError(
                    f"The text file has a class of {least:,} records, fewer than k={plan.requirements.k:,}: "
                    "write a .parquet file, and please report this."
                )
        yield table


def draft_source(path: Path, delimiter: str) -> Source:
    """Open a text file that was just written."""
    return open_source(path, delimiter=delimiter)


def write_text(source: Source, path: Path, delimiter: str = ",") -> None:
    """Write a table as UTF-8 text with a header, in its order.

    A spreadsheet runs text that begins with ``=``, ``+``, ``-`` or ``@``: such text, unless it is a number,
    gets an apostrophe in front.

    Source: OWASP, CSV injection.
    """
    columns = ", ".join(_guarded(name, kind) for name, kind in source.types.items())
    target, mark = str(path).replace("'", "''"), delimiter.replace("'", "''")
    source.sql(f"COPY (SELECT {columns} FROM source) TO '{target}' (FORMAT csv, HEADER, DELIMITER '{mark}')")


def _guarded(column: str, sql_type: str) -> str:
    name = quote_identifier(column)
    if sql_type != "VARCHAR":
        return name
    return (
        f"CASE WHEN regexp_matches({name}, '^[=+@\\-\\t\\r]') AND TRY_CAST({name} AS DOUBLE) IS NULL "
        f"THEN '''' || {name} ELSE {name} END AS {name}"
    )
