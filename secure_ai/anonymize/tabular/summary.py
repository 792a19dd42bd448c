"""The distinct combinations of values of a table with their counts: all that measuring and partitioning need.

``summarize`` gives the same frame from DuckDB and from Dask. What it costs is decided by the number of
distinct combinations, not by the number of records.

What 10⁹ records would need, on paper. As Parquet in row groups of a million they are 1,000 partitions; six
quasi-identifiers and a sensitive attribute of which text is dictionary-coded take about 6 bytes a record on
disk (6 GB) and, for one partition in a worker, at most 7 columns × 16 bytes × 10⁶ = 112 MB, or 350 MB with
its hash table and its copy as text: workers of 2 GB hold one partition and eight summaries. Each partition
is summarized where it is read, and only summaries travel. With d distinct combinations in all, a summary has
at most min(10⁶, d) rows of about 100 bytes, and merging eight at a time takes log₈ 1,000 = 4 levels, of
which the last leaves d rows in one worker and here. A table worth releasing has few classes: for d = 10⁶
(k = 1,000 on average) that is 100 MB. A table that is nearly unique has d near 10⁹, and 100 GB fit nowhere
in a tree: no summary helps it, and the answer is known beforehand (k = 1); coarsen its columns first, or
group it in DuckDB on one disk, where 10⁹ 8-byte keys are sorted in 84 passes of 12 million records.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from secure_ai.anonymize.tabular import cluster
from secure_ai.anonymize.tabular.classes import (
    checked_columns,
    class_key,
    equivalence_class_sizes,
    in_bounded_memory,
)
from secure_ai.core import UserError
from secure_ai.core.sources import Source, as_source, open_source, quote_identifier, shown

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
    source = as_source(source)
    names, label = checked_keys(source, columns), source.label
    if engine == "dask":
        return summaries(source, [names], scheduler)[0]
    return _sorted_counts(source, names, "count(*)", label)


def summaries(source: Source, groups: Sequence[Sequence[str]], scheduler: str | None) -> list[pd.DataFrame]:
    """Return :func:`summarize` of several groups of columns from Dask, with one reading of the table."""
    dask = cluster.dask_or_told()

    groups = [list(group) for group in groups]
    columns = list(dict.fromkeys(name for group in groups for name in group))
    count = dask.delayed(count_groups, pure=True)
    parts = [count(part, groups) for part in cluster.partitions(source, columns)]
    merged = cluster.computed(cluster.merged(parts, merge_groups), scheduler)
    return [
        _sorted_counts(open_source(frame), group, f'sum("{RECORDS}")', source.label)
        for group, frame in zip(groups, merged, strict=True)
    ]


def class_sizes(
    source: Source, quasi_identifiers: Sequence[str], *, engine: str = "duckdb", scheduler: str | None = None
) -> pd.DataFrame:
    """Return :func:`~secure_ai.anonymize.tabular.classes.equivalence_class_sizes` from either engine."""
    cluster.check_engine(engine, scheduler)
    if engine != "dask":
        return equivalence_class_sizes(source, quasi_identifiers)
    return sizes_of_classes(summarize(source, quasi_identifiers, engine=engine, scheduler=scheduler))


def sizes_of_classes(summary: pd.DataFrame) -> pd.DataFrame:
    """Return the class sizes of a summary: ``class_size``, ``classes``, ``records``, ascending."""
    import numpy as np
    import pandas as pd

    sizes, classes = np.unique(summary[RECORDS].to_numpy(np.int64), return_counts=True)
    return pd.DataFrame({"class_size": sizes, "classes": classes, "records": sizes * classes})


def finite_only(source: Source, columns: Sequence[str]) -> None:
    """Check that no column holds an infinite value.

    Raises:
        UserError: naming the first that does.
    """
    infinite_values(source, "source", {name: name for name in columns}, source.types, source.label)


def _sorted_counts(source: Source, names: Sequence[str], counted: str, label: str) -> pd.DataFrame:
    keys = [value_key(source, name) for name in names]
    selected = ", ".join(f"{key} AS {quote_identifier(name)}" for key, name in zip(keys, names, strict=True))
    query = (
        f'SELECT {selected}, CAST({counted} AS BIGINT) AS "{RECORDS}" FROM source '
        f"GROUP BY {', '.join(keys)} "
        f"ORDER BY {', '.join(f'{i + 1} ASC NULLS LAST' for i in range(len(keys)))}"
    )
    table = in_bounded_memory(source, lambda: source.sql(query).to_arrow_table())
    counts = open_source(table)
    infinite_values(counts, "source", {name: name for name in names}, counts.types, label)
    return cluster.arrow_frame(table)


def count_groups(frame: pd.DataFrame, groups: list[list[str]]) -> list[pd.DataFrame]:
    """Return :func:`count_combinations` of several groups of columns of a partition."""
    return [count_combinations(frame[group]) for group in groups]


def merge_groups(parts: list[list[pd.DataFrame]]) -> list[pd.DataFrame]:
    """Return the summaries of several partitions merged, group by group."""
    return [merge_counts(list(of_group)) for of_group in zip(*parts, strict=True)]


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


def infinite_values(
    cursor: Any, table: str, columns: Mapping[str, str], types: Mapping[str, str], label: str
) -> None:
    """Refuse infinite numbers and dates: they have no width, no rank and no place in a range.

    Args:
        cursor: where ``table`` is: a source, or a cursor.
        table: a table of values.
        columns: column of ``table`` → name of the column in the source, for the message.
        types: DuckDB types of ``table``.
        label: name of the source.

    Raises:
        UserError: naming the first column with such a value.
    """
    kinds = ("DOUBLE", "FLOAT", "DATE", "TIMESTAMP")
    names = [name for name in columns if types[name].startswith(kinds)]
    if not names:
        return
    tests = ", ".join(f"bool_or(isinf({quote_identifier(name)}))" for name in names)
    query = f"SELECT {tests} FROM {table}"
    found = (cursor.sql if isinstance(cursor, Source) else cursor.execute)(query).fetchone()
    infinite = next((name for name, is_so in zip(names, found, strict=True) if is_so), None)
    if infinite is not None:
        raise UserError(
            f"The column '{shown(columns[infinite])}' of {label} holds infinite values: replace them, by the "
            "largest real value or as missing."
        )
