"""Released tables as files: where they may be written, and text that no spreadsheet runs as a formula."""

from __future__ import annotations

import glob
import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from secure_ai.anonymize.tabular import cluster
from secure_ai.anonymize.tabular.apply import write_released
from secure_ai.anonymize.tabular.classes import in_bounded_memory
from secure_ai.anonymize.tabular.measures import NUMBERS_AND_DATES, privacy_measures
from secure_ai.anonymize.tabular.mondrian import open_table
from secure_ai.anonymize.tabular.partitioning import Partitioning
from secure_ai.anonymize.tabular.verification import recursive_l, unmet
from secure_ai.core import UserError
from secure_ai.core.outputs import atomic_directory, atomic_file
from secure_ai.core.sources import Source, open_source, quote_identifier, readable, shown

if TYPE_CHECKING:
    import pandas as pd

    from secure_ai.anonymize.tabular.methods import Plan

TEXT = {".csv": ",", ".tsv": "\t"}
FORMULA_MARKS = "=+-@\t\r\n"
PLANNED_COLUMNS = 50
SORTED_COLUMNS = 32
"""Beyond these, a hash of all values decides the order: sorting by thousands of columns takes minutes."""

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
    try:
        path.lstat()
    except FileNotFoundError:
        pass
    except (OSError, ValueError):
        raise UserError(
            f"The output {name} is no name for a file here: choose another, shorter one."
        ) from None
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
    partitioning: Partitioning,
    source: Source,
    target: Path,
    representation: str,
    plan: Plan,
    *,
    keep_order: bool = False,
) -> Iterator[Source]:
    """Write a release beside ``target`` and yield it opened; it becomes ``target`` if the block succeeds.

    Records are sorted by their released values unless ``keep_order``: in their old order they could be
    matched by position with another copy of the table, and a shuffle by a known seed could be undone. A text
    file is written from the Parquet file that is yielded, which keeps types and gaps.

    Raises:
        UserError: if the place cannot be written, or what a text file shows does not satisfy what is
            required.
    """
    if plan.engine != "duckdb":
        with atomic_directory(target) as folder:
            first = folder if keep_order else folder / "first"
            write_released(
                partitioning, source, first, representation, engine=plan.engine, scheduler=plan.scheduler
            )
            if not keep_order:
                write_sorted_parts(open_source(str(first / "*.parquet")), folder, plan.scheduler)
                shutil.rmtree(first)
            yield open_source(str(folder / "*.parquet"))
        return
    with atomic_file(target) as draft:
        delimiter = TEXT.get(target.suffix.lower())
        exact = draft if delimiter is None and keep_order else draft.with_name("exact.parquet")
        write_released(partitioning, source, exact, representation)
        table = replace(open_source(exact), label=shown(target.name))
        if delimiter is None and not keep_order:
            _copy(table, "*", draft, "FORMAT parquet", keep_order=False)
            table = replace(open_source(draft), label=shown(target.name))
        elif delimiter is not None:
            write_text(table, draft, delimiter, keep_order=keep_order)
        yield table
        if delimiter is not None:
            _check_text(table, draft, delimiter, plan)


def sorted_frame(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the records of a released frame sorted by their values, with a plain index.

    Categories that no record has, and what else pandas carries along, are not in it.
    """
    import pandas as pd

    table = open_table(frame, list(frame.columns))
    by = _by_values(table.columns)
    order = table.sql(f"SELECT row_number() OVER () - 1 FROM source ORDER BY {by}").fetchnumpy()
    made = frame.iloc[next(iter(order.values()))].reset_index(drop=True)
    made.attrs = {}
    unused = [name for name, kind in made.dtypes.items() if isinstance(kind, pd.CategoricalDtype)]
    return made.assign(**{name: made[name].cat.remove_unused_categories() for name in unused})


def write_sorted_parts(source: Source, folder: Path, scheduler: str | None) -> None:
    """Write a table as one Parquet file for each partition, on Dask; where a record lies says nothing.

    Records go to the file that their values choose, and are sorted in it.
    """
    dask = cluster.dask_or_told()
    import dask.dataframe as dd

    parts = cluster.partitions(source, source.columns)
    meta = cluster.arrow_frame(source.sql("SELECT * FROM source LIMIT 0").to_arrow_table())
    plain = [name for name, kind in source.types.items() if not kind.endswith(("]", ")"))]
    with dask.config.set({"dataframe.convert-string": False}):
        table = dd.from_delayed(parts, meta=meta, verify_meta=False)
        shuffled = table.shuffle(plain, npartitions=len(parts), shuffle_method="tasks").to_delayed()
    done = [
        dask.delayed(_write_sorted, pure=True)(part, str(folder / f"part-{i:05d}.parquet"))
        for i, part in enumerate(shuffled)
    ]
    cluster.computed(cluster.merged(done, sum), scheduler)


def _write_sorted(frame: pd.DataFrame, path: str) -> int:
    import pyarrow as pa

    with duckdb.connect(config={"threads": 1}) as connection:
        connection.register("part", pa.Table.from_pandas(frame, preserve_index=False))
        target = path.replace("'", "''")
        by = _by_values(list(frame.columns))
        query = f"COPY (SELECT * FROM part AS source ORDER BY {by}) TO '{target}' (FORMAT parquet)"
        connection.execute(query)
    return len(frame)


def _check_text(table: Source, path: Path, delimiter: str, plan: Plan) -> None:
    """Check a text file as who receives it reads it: all as text, and an empty field as missing."""
    names = [*plan.quasi_identifiers, *plan.sensitive]
    texts = [name for name in names if table.types[name] == "VARCHAR"]
    like = ", ".join(
        f"nullif({_guard(name)}, '') AS {quote_identifier(name)}" if name in texts else quote_identifier(name)
        for name in names
    )
    if _altered(table, texts, empty=True):
        seen = open_source(table.files[0])
        seen.connection.execute("ALTER VIEW source RENAME TO released")
        seen.connection.execute(f"CREATE VIEW source AS SELECT {like} FROM released")
        ordered = [name for name in plan.sensitive if table.types[name].startswith(NUMBERS_AND_DATES)]
        found = privacy_measures(
            replace(seen, label=table.label, files=()),
            plan.quasi_identifiers,
            plan.sensitive,
            ordered=ordered,
            recursive_l=recursive_l(plan.requirements),
        )
        failed = unmet(found, plan.requirements)
        if failed:
            raise UserError(
                f"In a text file an empty text looks like a missing value, and then {'; '.join(failed)}: "
                "write a .parquet file, or replace the empty texts by a word."
            )
    least = _least_class(path, table.columns, plan.quasi_identifiers, delimiter)
    if least < plan.requirements.k:
        raise UserError(
            f"The text file has a class of {least:,} records, fewer than k={plan.requirements.k:,}: "
            "write a .parquet file, and please report this."
        )


def _least_class(path: Path, columns: Sequence[str], keys: Sequence[str], delimiter: str) -> int:
    """Return the size of the smallest class of a text file."""
    # Nothing is guessed from the file: a guess may fail on a file that is right.
    names = [f"c{i}" for i in range(len(columns))]
    options = "auto_detect=false, header=false, skip=1, quote='\"', escape='\"', max_line_size=1000000000"
    types = ", ".join(f"{name}: 'VARCHAR'" for name in names)
    by = ", ".join(names[list(columns).index(name)] for name in keys)
    with duckdb.connect() as connection, readable(shown(path.name)):
        found = connection.execute(
            f"SELECT min(n) FROM (SELECT count(*) AS n FROM read_csv(?, delim=?, {options}, "
            f"columns={{{types}}}) GROUP BY {by})",
            [str(path), delimiter],
        ).fetchone()
    return int(found[0])


def write_text(source: Source, path: Path, delimiter: str = ",", *, keep_order: bool = True) -> None:
    """Write a table as UTF-8 text with a header, in its order or sorted by its values.

    A spreadsheet runs text that begins with ``=``, ``+``, ``-`` or ``@``: such text, unless it is a number,
    gets an apostrophe in front; names of columns, too.

    Source: OWASP, CSV injection.
    """
    to_guard = _altered(source, [name for name, kind in source.types.items() if kind == "VARCHAR"])
    columns = ", ".join(
        f"{_guard(name) if name in to_guard else quote_identifier(name)} "
        f"AS {quote_identifier(_guarded_name(name))}"
        for name in source.columns
    )
    mark = delimiter.replace("'", "''")
    _copy(source, columns, path, f"FORMAT csv, HEADER, DELIMITER '{mark}'", keep_order=keep_order)


def _copy(source: Source, columns: str, path: Path, options: str, *, keep_order: bool) -> None:
    order = "" if keep_order else f" ORDER BY {_by_values(source.columns)}"
    target = str(path).replace("'", "''")
    query = f"COPY (SELECT {columns} FROM source{order}) TO '{target}' ({options})"
    in_bounded_memory(source, lambda: source.sql(query))


def _by_values(columns: Sequence[str]) -> str:
    """Return the SQL of an order that is decided by the values of records alone."""
    names = [f"source.{quote_identifier(name)}" for name in columns]
    rest = [f"hash({', '.join(names)})"] if len(names) > SORTED_COLUMNS else []
    return ", ".join([*names[:SORTED_COLUMNS], *rest])


def _altered(source: Source, columns: Sequence[str], *, empty: bool = False) -> set[str]:
    """Return the columns of text with a value that a guard alters (or that is empty)."""
    found: set[str] = set()
    # A query of thousands of conditions takes DuckDB minutes to plan.
    for start in range(0, len(columns), PLANNED_COLUMNS):
        names = columns[start : start + PLANNED_COLUMNS]
        tests = ", ".join(
            f"bool_or({_guard(name)} <> {quote_identifier(name)}"
            + (f" OR {quote_identifier(name)} = '')" if empty else ")")
            for name in names
        )
        row = source.sql(f"SELECT {tests} FROM source").fetchone()
        found.update(name for name, altered in zip(names, row, strict=True) if altered)
    return found


def _guard(column: str) -> str:
    name = quote_identifier(column)
    return (
        f"CASE WHEN regexp_matches({name}, '^[=+@\\-\\t\\r\\n]') AND TRY_CAST({name} AS DOUBLE) IS NULL "
        f"THEN '''' || {name} ELSE {name} END"
    )


def _guarded_name(name: str) -> str:
    return f"'{name}" if name.startswith(tuple(FORMULA_MARKS)) else name
