"""Exact answers as whole numbers from DuckDB, over the rows that count. They are no releases."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from secure_ai.anonymize.differential_privacy.bounds import PrivacyUnit
from secure_ai.anonymize.differential_privacy.queries import (
    Conditions,
    ContingencyTable,
    Count,
    Histogram,
    Mean,
    Quantile,
    Query,
    Sum,
)
from secure_ai.anonymize.differential_privacy.sensitivity import origin_of, step_of
from secure_ai.core.errors import UserError
from secure_ai.core.sources import NUMERIC, Source, column_list, quote_identifier, shown

ANY_OTHER, MISSING = "any other", "missing"
LARGEST_SUM = 1 << 62
WIDER = {"USMALLINT", "UTINYINT", "UINTEGER", "UHUGEINT", "BOOLEAN"}


@dataclass(frozen=True)
class Aggregate:
    """An exact answer: a vector of whole numbers.

    Attributes:
        values: the numbers; for a sum or mean the sum in steps (a mean's from the middle of the bounds)
            and the number of values; for a quantile the score of each candidate (0 is best).
        labels: name of each number, for tables; one label for each column.
    """

    values: tuple[int, ...]
    labels: tuple[tuple[str, ...], ...] = ()


def is_numeric(kind: str) -> bool:
    """Say whether a column of this DuckDB type can be summed (yes and no count as 1 and 0)."""
    return kind in NUMERIC | WIDER or kind.startswith("DECIMAL")


def check_columns(source: Source, query: Query, unit: PrivacyUnit) -> None:
    """Refuse unknown columns, text to be summed, and rows that belong to nobody.

    Raises:
        UserError: naming the column.
    """
    source.require([*query.columns, *query.where, *([unit.person] if unit.person else [])])
    numbers = isinstance(query, Sum | Mean | Quantile) or (isinstance(query, Histogram) and query.edges)
    if numbers and not is_numeric(source.types[query.columns[0]]):
        raise UserError(
            f"The column '{shown(query.columns[0])}' holds {_kind(source, query.columns[0])}, not numbers: "
            f"a {query.name} needs numbers; count its categories with a histogram instead."
        )
    conditions_of(source, query.where)
    if unit.person is not None:
        blank = f"trim({_text(unit.person)}) = ''"
        (nobody,) = source.sql(
            f"SELECT count(*) FROM source WHERE {_absent(source, unit.person)} OR {blank}"
        ).fetchone()
        if nobody:
            raise UserError(
                f"The column '{shown(unit.person)}' is missing in some rows, so it is not known whose rows "
                "they are: fill it in or remove those rows."
            )


def aggregate(source: Source, query: Query, unit: PrivacyUnit) -> Aggregate:
    """Return the exact answer after bounding. It is no release: keep it in memory.

    Raises:
        UserError: if the source cannot be read, or a sum does not fit.
    """
    if isinstance(query, Count):
        (n,) = _over(source, query, unit, "count(*)").fetchone()
        return Aggregate((int(n),))
    if isinstance(query, Sum | Mean):
        return _summed(source, query, unit)
    if isinstance(query, Quantile):
        return _scored(source, query, unit)
    return _tabulated(source, query, unit)


def true_answer(source: Source, query: Query) -> float:
    """Return the answer over all rows, with no bounds and no limit; of a table the sum of its cells."""
    everyone = PrivacyUnit()
    if isinstance(query, Sum | Mean | Quantile):
        value = _value(query.column)
        share = f"quantile_disc({value}, {float(query.share)!r})" if isinstance(query, Quantile) else ""
        wanted = share or f"{'avg' if isinstance(query, Mean) else 'sum'}({value})"
        (found,) = _over(source, query, everyone, wanted).fetchone()
        if found is None:
            raise UserError(
                f"No row of '{shown(query.column)}' meets the conditions: there is no error to plan."
            )
        if not math.isfinite(found):
            raise UserError(f"The column '{shown(query.column)}' holds infinite values: take them out first.")
        return float(found)
    (found,) = _over(source, query, everyone, "count(*)").fetchone()
    return float(found)


def _summed(source: Source, query: Sum | Mean, unit: PrivacyUnit) -> Aggregate:
    bounds, origin, step = query.bounds, origin_of(query), step_of(query)
    inside = f"least(greatest({_value(query.column)}, {bounds.low!r}::DOUBLE), {bounds.high!r}::DOUBLE)"
    wanted = f"sum(CAST(round(({inside} - {origin!r}::DOUBLE) / {step!r}::DOUBLE) AS HUGEINT)), count(*)"
    total, n = _over(source, query, unit, wanted).fetchone()
    total = int(total or 0)
    if abs(total) > LARGEST_SUM:
        raise UserError(
            f"The sum of '{shown(query.column)}' is too large to be released: narrow the bounds or the rows."
        )
    return Aggregate((total, int(n)))


def _scored(source: Source, query: Quantile, unit: PrivacyUnit) -> Aggregate:
    """Score each candidate as OpenDP's ``make_quantile_score_candidates``: |(den - num) less - num greater|.

    Source: Smith (2011), Privacy-preserving statistical estimation with optimal convergence rates.
    """
    low, high, last = query.bounds.low, query.bounds.high, query.candidates - 1
    width = (high - low) / last
    inside = f"least(greatest({_value(query.column)}, {low!r}::DOUBLE), {high!r}::DOUBLE)"
    place = f"least(CAST(floor(({inside} - {low!r}::DOUBLE) / {width!r}::DOUBLE) AS BIGINT), {last})"
    on_it = f"{inside} = {low!r}::DOUBLE + ({place}) * {width!r}::DOUBLE OR ({place}) = {last}"
    found = _over(
        source, query, unit, f"{place} AS place, coalesce({on_it}, false) AS on_it, count(*)", "GROUP BY 1, 2"
    ).fetchall()
    on, between = [0] * query.candidates, [0] * query.candidates
    for cell, exactly, n in found:
        (on if exactly else between)[cell] += n
    total = sum(on) + sum(between)
    num, den = query.fraction.numerator, query.fraction.denominator
    scores, less = [], 0
    for cell in range(query.candidates):
        greater = total - less - on[cell]
        scores.append(abs((den - num) * less - num * greater))
        less += on[cell] + between[cell]
    return Aggregate(tuple(scores))


def _tabulated(source: Source, query: Histogram | ContingencyTable, unit: PrivacyUnit) -> Aggregate:
    parameters: list[object] = []
    if isinstance(query, ContingencyTable):
        names = [[*map(_as_text, categories), ANY_OTHER] for categories in query.categories.values()]
        cells = []
        for column, categories in query.categories.items():
            cells.append(_place_among(source, column, categories, parameters))
    elif query.edges is not None:
        names = [[*_intervals(list(query.edges)), ANY_OTHER]]
        cells = [_place_between(query.column, [float(edge) for edge in query.edges])]
    elif query.categories is not None:
        names = [[*map(_as_text, query.categories), ANY_OTHER]]
        cells = [_place_among(source, query.column, query.categories, parameters)]
    else:
        return _every_category(source, query, unit)
    places = ", ".join(cells)
    groups = ", ".join(str(number + 1) for number in range(len(cells)))
    found = _over(
        source, query, unit, f"{places}, count(*)", f"GROUP BY {groups}", parameters=parameters
    ).fetchall()
    counts = {tuple(row[:-1]): int(row[-1]) for row in found}
    labels, values = [], []
    for place in itertools.product(*(range(len(of_column)) for of_column in names)):
        labels.append(tuple(of_column[at] for of_column, at in zip(names, place, strict=True)))
        values.append(counts.get(place, 0))
    return Aggregate(tuple(values), tuple(labels))


def _every_category(source: Source, query: Histogram, unit: PrivacyUnit) -> Aggregate:
    name = _text(query.column)
    if source.types[query.column] in {"DOUBLE", "FLOAT"}:
        # A whole number keeps its name where a missing value has made fractions of the column.
        name = f"regexp_replace({name}, '\\.0$', '')"
    # Missing values share their name with a category that is called so: one count, or one person could
    # replace the count of all others.
    text = f"CASE WHEN {_absent(source, query.column)} THEN '{MISSING}' ELSE {name} END"
    found = _over(source, query, unit, f"{text}, count(*)", "GROUP BY 1 ORDER BY 1").fetchall()
    return Aggregate(tuple(int(n) for _, n in found), tuple((str(name),) for name, _ in found))


def _over(
    source: Source,
    query: Query,
    unit: PrivacyUnit,
    wanted: str,
    ending: str = "",
    *,
    parameters: Sequence[object] = (),
) -> Any:
    """Run ``SELECT wanted`` over the rows that count."""
    conditions, given = conditions_of(source, query.where)
    if isinstance(query, Sum | Mean | Quantile):
        conditions = [*conditions, f"NOT ({_absent(source, query.column)})"]
    where = " WHERE " + " AND ".join(conditions) if conditions else ""
    kept = f"SELECT * FROM source{where}"
    if unit.person is not None:
        person = quote_identifier(unit.person)
        kept += (
            f" QUALIFY row_number() OVER (PARTITION BY {person} ORDER BY {_order(source)})"
            f" <= {unit.max_rows_per_person}"
        )
    values = [*given, *parameters]
    return source.sql(f"WITH kept AS ({kept}) SELECT {wanted} FROM kept {ending}", values)


def _order(source: Source) -> str:
    """Return an order of rows by a hash that stays when somebody else's row changes the type of a column.

    A number that is missing in one row makes a column of whole numbers one of fractions, a word makes it
    text: the hash must not notice, or that row would change which rows of everybody else count. Rows that
    are equal as numbers are put in order by the values themselves.
    """
    hashes = ", ".join(_typeless_hash(source, column) for column in source.columns)
    return f"hash({hashes}), hash({column_list(source.columns)})"


def _typeless_hash(source: Source, column: str) -> str:
    """Return SQL for a hash of a value that is the same for 5, 5.0 and '5', a date and its text."""
    kind, text, missing = source.types[column], _text(column), "hash(CAST(NULL AS VARCHAR))"
    if kind.startswith("TIMESTAMP") or kind == "DATE":
        return f"hash(CAST({quote_identifier(column)} AS TIMESTAMP))"
    if is_numeric(kind) and kind != "BOOLEAN":
        return f"CASE WHEN {_absent(source, column)} THEN {missing} ELSE hash({_value(column)}) END"
    # What does not begin like a number or a date is not tried as one: failing takes long.
    number, time = f"TRY_CAST({text} AS DOUBLE)", f"TRY_CAST({text} AS TIMESTAMP)"
    return (
        f"CASE WHEN {text} IS NULL OR lower({text}) = 'nan' THEN {missing} "
        f"WHEN NOT regexp_matches({text}, '^\\s*[-+.0-9]') THEN hash(lower({text})) "
        f"WHEN {number} IS NOT NULL THEN hash({number}) "
        f"WHEN {time} IS NOT NULL THEN hash({time}) ELSE hash(lower({text})) END"
    )


def conditions_of(source: Source, where: Conditions) -> tuple[list[str], list[object]]:
    """Return ``where`` as SQL conditions with their parameters."""
    conditions: list[str] = []
    parameters: list[object] = []
    for column, wanted in where.items():
        if isinstance(wanted, tuple):
            if len(wanted) != 2:
                raise UserError(f"The condition on '{shown(column)}' must be (lowest, highest): two values.")
            low, high = (_comparable(source, column, value) for value in wanted)
            conditions.append(f"{_compared(source, column)} BETWEEN ? AND ?")
            parameters += [low, high]
            continue
        values = list(wanted) if isinstance(wanted, list | set | frozenset) else [wanted]
        known = [_comparable(source, column, value) for value in values if value is not None]
        parts = [f"list_contains(?, {_compared(source, column)})"] if known else []
        parameters += [known] if known else []
        parts += [_absent(source, column)] if None in values else []
        conditions.append(f"({' OR '.join(parts) or 'false'})")
    return conditions, parameters


def _compared(source: Source, column: str) -> str:
    return _value(column) if is_numeric(source.types[column]) else _text(column)


def _comparable(source: Source, column: str, value: object) -> object:
    if not is_numeric(source.types[column]):
        return _as_text(value)
    try:
        return float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        raise UserError(
            f"The column '{shown(column)}' holds numbers, but a value given for it is none: give a number."
        ) from None


def _place_among(source: Source, column: str, categories: Any, parameters: list[object]) -> str:
    parameters.append([_comparable(source, column, category) for category in categories])
    found = f"list_position(?, {_compared(source, column)})"
    return f"CAST(coalesce(nullif({found}, 0) - 1, {len(categories)}) AS BIGINT)"


def _place_between(column: str, edges: list[float]) -> str:
    value, bins = _value(column), len(edges) - 1
    cases = [f"WHEN {value} IS NULL OR isnan({value}) OR {value} < {edges[0]!r}::DOUBLE THEN {bins}"]
    cases += [f"WHEN {value} < {edge!r}::DOUBLE THEN {place}" for place, edge in enumerate(edges[1:])]
    cases.append(f"WHEN {value} = {edges[-1]!r}::DOUBLE THEN {bins - 1}")
    return f"CAST(CASE {' '.join(cases)} ELSE {bins} END AS BIGINT)"


def _intervals(edges: list[float]) -> list[str]:
    pairs = list(itertools.pairwise(edges))
    return [f"[{a:g}, {b:g}{']' if place == len(pairs) - 1 else ')'}" for place, (a, b) in enumerate(pairs)]


def _absent(source: Source, column: str) -> str:
    name = quote_identifier(column)
    nan = f" OR isnan({name})" if source.types[column] in {"DOUBLE", "FLOAT"} else ""
    return f"{name} IS NULL{nan}"


def _value(column: str) -> str:
    return f"CAST({quote_identifier(column)} AS DOUBLE)"


def _text(column: str) -> str:
    return f"CAST({quote_identifier(column)} AS VARCHAR)"


def _as_text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _kind(source: Source, column: str) -> str:
    return "text" if source.types[column] == "VARCHAR" else "dates or other values"
