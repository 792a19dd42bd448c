"""Equivalence classes: the records that look alike to someone who knows only the quasi-identifiers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

import duckdb

from secure_ai.core import UserError
from secure_ai.core.errors import OutOfMemoryError
from secure_ai.core.sources import Source, quote_identifier, unreadable

if TYPE_CHECKING:
    import pandas as pd

T = TypeVar("T")

# Megabytes for DuckDB: with Python, Arrow and numpy beside it, 10 million records stay below 500.
MEMORY, MEMORY_PER_THREAD = 300, 120
# Each column of a grouping has buffers of its own, however few the records.
MEMORY_PER_HUNDRED_COLUMNS = 50


def equivalence_class_sizes(source: Source, quasi_identifiers: Sequence[str]) -> pd.DataFrame:
    """Count how many equivalence classes there are of each size.

    Records are in one class when they agree on every quasi-identifier. A missing value (NULL, or NaN
    in a column of floats) is a value of its own: two records that both lack a ZIP code look alike,
    and a record that lacks it does not look like one that has it. That is what ARX and pyCANON do,
    and it is right for an attacker who sees the release: the gap itself can be matched. ``-0.0``
    equals ``0.0``.

    Args:
        source: the table; only counted in DuckDB, never loaded.
        quasi_identifiers: columns that an attacker could know from elsewhere.

    Returns:
        One row per size, ascending: ``class_size``, ``classes`` (how many classes have that size),
        ``records`` (their product).

    Raises:
        UserError: if no column is named, or one is not there.
    """
    columns = checked_columns(source, quasi_identifiers)
    query = f"""
        SELECT class_size, count(*) AS classes, class_size * count(*) AS records
        FROM (SELECT count(*) AS class_size FROM source GROUP BY {_keys(source, columns)})
        GROUP BY class_size ORDER BY class_size
        """
    return in_bounded_memory(source, lambda: source.sql(query).df())


def matched_class_sizes(source: Source, population: Source, quasi_identifiers: Sequence[str]) -> pd.DataFrame:
    """Count classes of ``source`` by their size here and in the population they were drawn from.

    A class that is smaller in ``population`` than in ``source``, or absent from it, shows that the
    population table is not complete; it then counts with its size in ``source``, the most cautious
    size that is certain.

    Returns:
        One row per pair of sizes: ``class_size``, ``population_size`` (at least ``class_size``),
        ``classes``, ``incomplete`` (whether the cautious size was taken).

    Raises:
        UserError: if a column is missing in either table.
    """
    columns = checked_columns(source, quasi_identifiers)
    population.require(columns)
    # '02155' in one table and 2155 in the other cannot be told from different people: compare as text.
    as_text = {name for name in columns if source.types[name] != population.types[name]}
    there = population.sql(_class_query(population, columns, as_text)).to_arrow_table()
    cursor = source.connection.cursor()
    cursor.register("population_classes", there)
    same = " AND ".join(f"here.key{i} IS NOT DISTINCT FROM there.key{i}" for i in range(len(columns)))
    try:
        return cursor.execute(
            f"""
            SELECT here.size AS class_size,
                   greatest(here.size, coalesce(there.size, 0)) AS population_size,
                   count(*) AS classes,
                   coalesce(there.size, 0) < here.size AS incomplete
            FROM ({_class_query(source, columns, as_text)}) AS here
            LEFT JOIN population_classes AS there ON {same}
            GROUP BY ALL ORDER BY ALL
            """
        ).df()
    except (duckdb.InvalidInputException, duckdb.ConversionException, duckdb.IOException) as error:
        raise unreadable(source.label, error) from None


@contextmanager
def bounded_memory(source: Source) -> Iterator[None]:
    """Let DuckDB use no more than ``MEMORY`` to group the records of a file, and spill the rest.

    A table in memory, or one that its database holds, is left alone: its size is not ours to bound.
    """
    if not source.files:
        yield
        return
    (threads,) = source.sql("SELECT current_setting('threads')").fetchone()
    bound = max(MEMORY, MEMORY_PER_THREAD * int(threads)) + MEMORY_PER_HUNDRED_COLUMNS * (
        len(source.types) // 100
    )
    source.sql(f"SET memory_limit = '{bound}MB'")
    try:
        yield
    finally:
        give_back_memory(source)


def give_back_memory(source: Source) -> None:
    """Let DuckDB use again what it would without a bound."""
    # RESET brings the figure back and not the memory; the figure alone is rounded, and would sink every time.
    source.sql("RESET memory_limit")
    (limit,) = source.sql("SELECT current_setting('memory_limit')").fetchone()
    source.sql(f"SET memory_limit = '{limit}'")


def in_bounded_memory(source: Source, work: Callable[[], T]) -> T:
    """Do some work within :func:`bounded_memory`; with all that there is where that is too little."""
    try:
        with bounded_memory(source):
            return work()
    except OutOfMemoryError:
        return work()


def checked_columns(source: Source, columns: Sequence[str]) -> list[str]:
    """Return ``columns`` without repetitions, after checking that there is at least one and all exist."""
    if isinstance(columns, str):
        columns = [columns]
    unique = list(dict.fromkeys(columns))
    if not unique:
        raise UserError(
            f"No quasi-identifier was named for {source.label}: choose from {', '.join(source.columns)}."
        )
    source.require(unique)
    return unique


def class_key(source: Source, column: str, *, as_text: bool = False) -> str:
    """Return the SQL expression that is equal for two records exactly when an attacker sees no difference."""
    name = quote_identifier(column)
    if source.types[column] in {"DOUBLE", "FLOAT"}:
        name = f"CASE WHEN isnan({name}) THEN NULL ELSE {name} + 0.0 END"
    return f"CAST({name} AS VARCHAR)" if as_text else name


def _keys(source: Source, columns: Sequence[str]) -> str:
    return ", ".join(class_key(source, name) for name in columns)


def _class_query(source: Source, columns: Sequence[str], as_text: set[str]) -> str:
    keys = [class_key(source, name, as_text=name in as_text) for name in columns]
    named = ", ".join(f"{key} AS key{i}" for i, key in enumerate(keys))
    return f"SELECT {named}, count(*) AS size FROM source GROUP BY {', '.join(keys)}"
