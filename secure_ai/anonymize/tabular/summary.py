"""The distinct combinations of values of a table with their counts: all that measuring and partitioning need.

``summarize`` gives the same frame from DuckDB and from Dask. What it costs is decided by the number of
distinct combinations, not by the number of records.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from secure_ai.anonymize.tabular import cluster
from secure_ai.anonymize.tabular.classes import checked_columns, class_key
from secure_ai.core import UserError
from secure_ai.core.sources import Source, open_source, quote_identifier, shown

if TYPE_CHECKING:
    import pandas as pd

RECORDS = "records"


def summarize(
    source: Source | Any, columns: Sequence[str], *, engine: str = "duckdb", scheduler: str | None = None
) -> pd.DataFrame:
    """Return the distinct combinations of values of ``columns``, and how many records hold each.

    A missing value (NULL, or NaN in a column of floats) is a value of its own, as in
    :func:`~secure_ai.anonymize.tabular.classes.equivalence_class_sizes`; -0.0 equals 0.0.

    Args:
        source: a :class:`Source`, or anything :func:`open_source` opens. Parquet is never loaded whole.
        columns: the columns to combine, in this order.
        engine: ``"duckdb"``, or ``"dask"`` for a table larger than this machine.
        scheduler: address of a Dask scheduler (``tcp://host:8786``); without one Dask runs in this process.

    Returns:
        ``columns``, then ``records`` (int64); one row per combination, sorted by ``columns`` from left to
        right, missing last. Column types are Arrow's (``pandas.ArrowDtype``), so that whole numbers stay
        whole beside a missing one; missing is ``pandas.NA``. Categories become text.

    Raises:
        UserError: if no column is named, one is missing, is called ``records``, holds an infinite number,
            lists, objects or bytes; if the engine is not known or the scheduler does not answer.
    """
    cluster.check_engine(engine, scheduler)
    source = opened(source)
    names = checked_keys(source, columns)
    if engine == "dask":
        parts = [_delayed_count(part) for part in cluster.partitions(source, names)]
        source = open_source(cluster.computed(cluster.merged(parts, merge_counts), scheduler))
        counted = f'sum("{RECORDS}")'
    else:
        counted = "count(*)"
    keys = [value_key(source, name) for name in names]
    selected = ", ".join(f"{key} AS {quote_identifier(name)}" for key, name in zip(keys, names, strict=True))
    table = source.sql(
        f'SELECT {selected}, CAST({counted} AS BIGINT) AS "{RECORDS}" FROM source '
        f"GROUP BY {', '.join(keys)} "
        f"ORDER BY {', '.join(f'{i + 1} ASC NULLS LAST' for i in range(len(keys)))}"
    ).to_arrow_table()
    check_finite(open_source(table), names, source.label)
    return cluster.arrow_frame(table)


def count_combinations(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the distinct rows of a partition with the column ``records``: pandas to pandas.

    It needs nothing but its argument, so it also fits Spark's ``mapInPandas``. A partition that has the
    column ``records`` already is a summary, or several below one another: its records are added up.
    """
    import duckdb
    import pyarrow as pa

    counted = f'sum("{RECORDS}")' if RECORDS in frame.columns else "count(*)"
    names = [name for name in frame.columns if name != RECORDS]
    table = pa.Table.from_pandas(frame, preserve_index=False)
    with duckdb.connect(config={"threads": 1}) as connection:
        connection.register("part", table)
        types = {name: kind for name, kind, *_ in connection.execute("DESCRIBE part").fetchall()}
        part = Source("the partition", connection, types)
        keys = [value_key(part, name) for name in names]
        selected = ", ".join(f"{key} AS {quote_identifier(n)}" for key, n in zip(keys, names, strict=True))
        return cluster.arrow_frame(
            connection.execute(
                f'SELECT {selected}, CAST({counted} AS BIGINT) AS "{RECORDS}" FROM part '
                f"GROUP BY {', '.join(keys)}"
            ).to_arrow_table()
        )


def merge_counts(parts: list[pd.DataFrame]) -> pd.DataFrame:
    """Return one summary of several."""
    import pandas as pd

    return count_combinations(pd.concat(parts, ignore_index=True))


def opened(source: Source | Any) -> Source:
    """Return ``source`` itself where it is open already, else open it."""
    return source if isinstance(source, Source) else open_source(source)


def checked_keys(source: Source, columns: Sequence[str]) -> list[str]:
    """Return ``columns`` without repetitions, after checking that records can be grouped by them."""
    names = checked_columns(source, columns)
    for name in names:
        if name == RECORDS:
            raise UserError(f"'{RECORDS}' is the name of the counts in a summary: rename that column first.")
        kind = source.types[name]
        if kind.endswith("]") or kind.startswith(("STRUCT", "MAP", "UNION", "BLOB", "VARIANT", "JSON")):
            raise UserError(
                f"The column '{shown(name)}' of {source.label} holds {kind.split('(')[0].lower()} values, "
                "by which records cannot be grouped: turn it into text or numbers, or leave it out."
            )
    return names


def value_key(source: Source, column: str) -> str:
    """Return the SQL of a value as it stands in a summary: :func:`class_key`, with categories as text."""
    kind = source.types[column]
    return class_key(
        source, column, as_text=kind.startswith("ENUM") or kind in {"UUID", "HUGEINT", "UHUGEINT"}
    )


def check_finite(summary: Source, columns: Sequence[str], label: str) -> None:
    """Refuse infinite numbers and dates: they have no width, no rank and no place in a range."""
    kinds = ("DOUBLE", "FLOAT", "DATE", "TIMESTAMP")
    names = [name for name in columns if summary.types[name].startswith(kinds)]
    if not names:
        return
    tests = ", ".join(f"bool_or(isinf({quote_identifier(name)}))" for name in names)
    found = summary.sql(f"SELECT {tests} FROM source").fetchone()
    infinite = next((name for name, is_so in zip(names, found, strict=True) if is_so), None)
    if infinite is not None:
        raise UserError(
            f"The column '{shown(infinite)}' of {label} holds infinite values: replace them, by the largest "
            "real value or as missing."
        )


def _delayed_count(part: Any) -> Any:
    import dask

    return dask.delayed(count_combinations, pure=True)(part)
