"""Multidimensional Mondrian: classes as small as k, ℓ, t, α and β allow, cut where it costs least."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from secure_ai.anonymize.tabular import formulas
from secure_ai.anonymize.tabular.partitioning import CodedColumn, Codes, Integers, Partitioning
from secure_ai.anonymize.tabular.requirements import Diversity, Requirements, checked_roles
from secure_ai.anonymize.tabular.splitting import (
    Axis,
    SensitiveCodes,
    Task,
    class_histogram,
    split_to_classes,
)
from secure_ai.anonymize.tabular.summary import RECORDS, checked_keys, summarize, value_key
from secure_ai.anonymize.tabular.value_codes import Encoder, arrow_columns, code_values, plain_frame
from secure_ai.core import UserError
from secure_ai.core.sources import Source, open_source, quote_identifier, shown

METHOD = "Mondrian"
# Up to this many records the codes of every record are held in memory, 4 bytes for each column.
CODED_RECORDS = 50_000_000
# Where more than this share of records has a combination of its own, each record is an item of its own.
NEARLY_UNIQUE = 0.5
LARGEST_KEY = 1 << 62


def mondrian(
    source: Source | Any,
    quasi_identifiers: Sequence[str],
    requirements: Requirements,
    *,
    sensitive: Sequence[str] = (),
    orders: Mapping[str, Sequence[Any]] | None = None,
    engine: str = "duckdb",
    scheduler: str | None = None,
) -> Partitioning:
    """Divide records into classes that satisfy the requirements, each as narrow as can be found.

    The table is summarized into its distinct combinations of values, which are cut level by level:
    see :func:`~secure_ai.anonymize.tabular.splitting.split_to_classes`. Records that agree on every
    quasi-identifier stay together. The answer depends neither on the order of the records nor on the engine.

    Args:
        source: a frame, an Arrow table, a path or an open :class:`Source`.
        quasi_identifiers: columns that an attacker could know from elsewhere. A missing value is a value of
            its own.
        requirements: what each class satisfies, for every sensitive attribute; t and β against the whole.
        sensitive: sensitive attributes, needed for ℓ, t, α and β. Numbers and dates are ordered for t.
        orders: for columns of categories, their values in an order where neighbors are alike (the leaves of a
            hierarchy); the most frequent first if not given.
        engine: ``"duckdb"``, or ``"dask"`` with the address of a ``scheduler`` or without.
        scheduler: address of a Dask scheduler.

    Raises:
        UserError: if columns or figures do not fit, a quasi-identifier holds infinite numbers, or the
            table as a whole does not satisfy the requirements: the message says what is possible.

    Source: LeFevre et al., Mondrian multidimensional k-anonymity (2006).
    """
    named = [*_as_list(quasi_identifiers), *_as_list(sensitive)]
    opened = (_loaded(source, named) if engine == "duckdb" else None) or open_table(source, named)
    names, attributes = checked_roles(opened, quasi_identifiers, sensitive, requirements)
    if not requirements.needs_sensitive:
        attributes = ()
    checked_keys(opened, [*names, *attributes])
    if engine == "duckdb" and opened.n_rows <= CODED_RECORDS:
        table = _coded(opened, source, names, attributes)
    else:
        table = _summarized(opened, names, attributes, engine, scheduler)
    for name, attribute in zip(attributes, table.sensitive, strict=True):
        check_possible(shown(name), attribute, table.records, requirements)
    axes = []
    columns = np.empty(table.codes.shape[::-1], dtype=np.int32)
    for i, column in enumerate(table.columns):
        codes = table.codes[:, i]
        gap = len(column.values) if column.has_missing else -1
        axes.append(Axis(column.n_codes, column.positions, gap))
        if not column.ordered:
            rank = _ranks(column, codes, table.records, (orders or {}).get(column.name))
            codes = rank[codes]
        columns[i] = codes
    task = Task(tuple(axes), table.sensitive, requirements)
    classes = split_to_classes(columns, None if table.is_records else table.records, task)
    if not attributes or table.is_records:
        return Partitioning(
            METHOD,
            requirements,
            table.columns,
            table.codes,
            table.records,
            classes,
            in_record_order=table.is_records,
        )
    # Items differ in sensitive values too; those of one combination stand together.
    new = np.ones(len(classes), dtype=bool)
    new[1:] = (table.codes[1:] != table.codes[:-1]).any(axis=1)
    first = np.flatnonzero(new)
    records = np.add.reduceat(table.records, first)
    return Partitioning(METHOD, requirements, table.columns, table.codes[first], records, classes[first])


def open_table(source: Source | Any, names: Sequence[str]) -> Source:
    """Open a table; columns ``names`` of a frame that hold values of mixed types are read as text."""
    import pandas as pd

    if isinstance(source, Source):
        return source
    if isinstance(source, pd.DataFrame) and len(source) and source.columns.is_unique:
        there = [name for name in dict.fromkeys(names) if name in source.columns]
        if there:
            return open_source(plain_frame(source, there))
    return open_source(source)


def check_possible(
    name: str, attribute: SensitiveCodes, records: Integers, requirements: Requirements
) -> None:
    """Check that the whole table, as one class, satisfies the requirements for one sensitive attribute.

    Raises:
        UserError: naming the most that is possible, if not.
    """
    nothing = np.zeros(len(attribute.codes), dtype=np.int64)
    whole = class_histogram(nothing, attribute.codes, records, overall=attribute.overall, n_classes=1)
    if requirements.satisfied(whole, ordered=attribute.ordered).all():
        return
    if requirements.l is not None:
        held = int(formulas.distinct_values(whole)[0])
        match requirements.diversity:
            case Diversity.DISTINCT if held < requirements.l:
                raise UserError(
                    f"'{name}' has {held} different values, so l={requirements.l:g} cannot be reached: "
                    f"choose l of at most {held}."
                )
            case Diversity.ENTROPY if formulas.entropy_diversity(whole)[0] < requirements.l:
                most = float(formulas.entropy_diversity(whole)[0])
                raise UserError(
                    f"The entropy l of '{name}' is {most:.4g} over the whole table, so l={requirements.l:g} "
                    f"cannot be reached: choose l of at most {_rounded_down(most):g}."
                )
            case Diversity.RECURSIVE if (
                formulas.recursive_ratio(whole, int(requirements.l))[0] >= requirements.c
            ):
                ratio = float(formulas.recursive_ratio(whole, int(requirements.l))[0])
                remedy = (
                    f"choose c above {ratio:.4g}, or a smaller l"
                    if np.isfinite(ratio)
                    else f"choose l of at most {held}"
                )
                asked = requirements.describe()
                raise UserError(f"'{name}' does not satisfy {asked} even over the whole table: {remedy}.")
    share = float(formulas.most_frequent_share(whole)[0])
    raise UserError(
        f"The most frequent value of '{name}' makes {share:.4g} of the whole table, so "
        f"alpha={requirements.alpha:g} cannot be reached: choose at least {np.ceil(share * 1e4) / 1e4:g}."
    )


@dataclass(frozen=True, eq=False)
class _Table:
    """Items to be divided: distinct combinations with their records, or every record for itself."""

    columns: tuple[CodedColumn, ...]
    codes: Codes
    records: Integers
    sensitive: tuple[SensitiveCodes, ...]
    is_records: bool


def _summarized(
    source: Source, names: Sequence[str], attributes: Sequence[str], engine: str, scheduler: str | None
) -> _Table:
    """Return the distinct combinations as the engine counts them."""
    frame = summarize(source, [*names, *attributes], engine=engine, scheduler=scheduler)
    coded = [
        code_values(name, values)
        for name, values in zip(
            [*names, *attributes], arrow_columns(frame, [*names, *attributes]), strict=True
        )
    ]
    return _table(coded, len(names), frame[RECORDS].to_numpy(dtype=np.int64), is_records=False)


@dataclass(frozen=True)
class _LoadedTable(Source):
    """Columns of a frame as Arrow arrays: nothing that a database would have to hold once more."""

    arrow: pa.Table = None

    @property
    def n_rows(self) -> int:
        return self.arrow.num_rows


def _loaded(source: Any, names: Sequence[str]) -> _LoadedTable | None:
    """Return columns of a frame, if they are there and of kinds that are ordered without a database."""
    import pandas as pd

    if not isinstance(source, pd.DataFrame) or not len(source) or not source.columns.is_unique:
        return None
    names = list(dict.fromkeys(names))
    if not names or any(name not in source.columns for name in names):
        return None
    columns = arrow_columns(source, names)
    if not all(_is_plain(column.type) for column in columns):
        return None
    # Only whether a column is there and can be grouped is asked of these types, and all of them can.
    types = {str(name): "PLAIN" for name in source.columns}
    return _LoadedTable(
        "the table in memory", None, types, arrow=pa.table(dict(zip(names, columns, strict=True)))
    )


def _is_plain(kind: pa.DataType) -> bool:
    return (
        pa.types.is_integer(kind)
        or pa.types.is_boolean(kind)
        or pa.types.is_string(kind)
        or pa.types.is_large_string(kind)
        or pa.types.is_date32(kind)
        or pa.types.is_float64(kind)
        or (pa.types.is_timestamp(kind) and kind.tz is None)
    )


def _coded(opened: Source, source: Any, names: Sequence[str], attributes: Sequence[str]) -> _Table:
    """Return the distinct combinations, counted here; every record for itself where that gains nothing."""
    coded = _read(opened, [*names, *attributes])
    n = len(coded[0][1])
    sizes = [column.n_codes for column, _ in coded]
    if max(sizes[: len(names)]) > max(NEARLY_UNIQUE * n, 1_000):
        return _table(coded, len(names), np.broadcast_to(np.int64(1), n), is_records=True)
    if math.prod(sizes) > LARGEST_KEY:
        return _summarized(open_table(source, [*names, *attributes]), names, attributes, "duckdb", None)
    keys = np.zeros(n, dtype=np.int64)
    for column, codes in coded:
        keys *= column.n_codes
        keys += codes
    if math.prod(sizes) <= 4 * n + 1_024:
        records = np.bincount(keys, minlength=1)
        distinct = np.flatnonzero(records)
        records = records[distinct]
    else:
        keys.sort()
        first = np.flatnonzero(np.diff(keys, prepend=-1))
        if len(first) > max(NEARLY_UNIQUE * n, 1_000):
            return _table(coded, len(names), np.broadcast_to(np.int64(1), n), is_records=True)
        distinct, records = keys[first], np.diff(first, append=n)
    combinations = []
    for column, _ in reversed(coded):
        distinct, codes = np.divmod(distinct, column.n_codes)
        combinations.append((column, codes.astype(np.int32)))
    return _table(combinations[::-1], len(names), records, is_records=False)


def _table(
    coded: Sequence[tuple[CodedColumn, Codes]], n_names: int, records: Integers, *, is_records: bool
) -> _Table:
    codes = np.empty((len(records), n_names), dtype=np.int32, order="F")
    for i, (_, column) in enumerate(coded[:n_names]):
        codes[:, i] = column
    weights = None if is_records else records
    sensitive = tuple(
        SensitiveCodes(
            held, np.bincount(held, weights, minlength=column.n_codes).astype(np.int64), column.ordered
        )
        for column, held in coded[n_names:]
    )
    return _Table(tuple(column for column, _ in coded[:n_names]), codes, records, sensitive, is_records)


def _read(source: Source, names: Sequence[str]) -> list[tuple[CodedColumn, Codes]]:
    """Read columns and number their values, in the order of the records."""
    if isinstance(source, _LoadedTable):
        return [code_values(name, source.arrow.column(name)) for name in names]

    def selected(some: Sequence[str]) -> pa.Table:
        keys = ", ".join(f"{value_key(source, name)} AS {quote_identifier(name)}" for name in some)
        return source.sql(f"SELECT {keys} FROM source").to_arrow_table()

    # Text would be parsed anew for every column.
    whole = None if source.label.lower().endswith(".parquet") else selected(names)

    def coded(name: str) -> tuple[CodedColumn, Codes]:
        values = whole.column(name) if whole is not None else selected([name]).column(0)
        return code_values(name, values)

    with ThreadPoolExecutor(min(os.cpu_count() or 1, 2)) as pool:
        return list(pool.map(coded, names))


def _ranks(column: CodedColumn, codes: Codes, records: Integers, order: Sequence[Any] | None) -> Codes:
    """Return for each code of a column of categories its place in the order in which the column is cut."""
    counts = np.bincount(codes, records, minlength=column.n_codes)
    # Rare categories end up beside one another, and a frequent one is cut off at once.
    key = -counts
    if order is not None:
        import pandas as pd

        wanted = arrow_columns(pd.DataFrame({column.name: list(order)}, dtype=object), [column.name])[0]
        found = Encoder(column).encode(wanted)
        key = np.full(column.n_codes, len(found), dtype=float)
        places = np.flatnonzero(found >= 0)
        key[found[places[::-1]]] = places[::-1]
    rank = np.empty(column.n_codes, dtype=np.int32)
    rank[np.argsort(key, kind="stable")] = np.arange(column.n_codes, dtype=np.int32)
    return rank


def _as_list(names: Sequence[str]) -> list[str]:
    return [names] if isinstance(names, str) else list(names)


def _rounded_down(figure: float) -> float:
    return float(np.floor(figure * 100) / 100)
