"""Columns as text that two tables agree on, and which people a released value, range or set can stand for."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from os import PathLike
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from secure_ai.anonymize.tabular.classes import class_key
from secure_ai.anonymize.tabular.released import MISSING, SUPPRESSED
from secure_ai.anonymize.tabular.summary import checked_keys
from secure_ai.core import Measurement, UserError
from secure_ai.core.intervals import clopper_pearson
from secure_ai.core.sources import Source, open_source, quote_identifier, shown

if TYPE_CHECKING:
    import pandas as pd

Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]
Meanings = Mapping[str, Mapping[str, Collection[str]]]

OR_MISSING = f" or {MISSING}"
RANGE = re.compile(r"([\[(])\s*(.*?)\s*,\s*(.*?)\s*([\])\[])", re.DOTALL)
DASHED = re.compile(r"(-?\d+(?:\.\d+)?)\s*[-–]\s*(-?\d+(?:\.\d+)?)")
ONE_SIDED = re.compile(r"(<=|>=|≤|≥|<|>)\s*(-?\d+(?:\.\d+)?)")
YEAR_OR_MONTH, DAY = re.compile(r"\d{4}(-\d{2})?"), re.compile(r"\d{4}-\d{2}-\d{2}")
MOST_PAIRS = 50_000_000


def texts_of(table: Any, columns: Sequence[str], name: str) -> pd.DataFrame:
    """Load columns as text that is the same whatever type another table keeps the value in.

    A timestamp without time of day is a date, ``17.0`` is ``17``, missing values are None.

    Args:
        table: a DataFrame, an Arrow table, a path or a :class:`Source`.
        columns: which.
        name: what messages call the table where it has no name of its own ("the release").

    Raises:
        UserError: if the table cannot be read, has no rows, or lacks a column.
    """
    source = opened(table, name)
    names = checked_keys(source, columns)
    keys = ", ".join(f"{_as_text(source, column)} AS {quote_identifier(column)}" for column in names)
    return source.sql(f"SELECT {keys} FROM source").df()


def opened(table: Any, name: str) -> Source:
    """Open ``table``; one in memory is called ``name`` in messages."""
    import pandas as pd
    import pyarrow as pa

    if isinstance(table, Source):
        return table
    if isinstance(table, pd.DataFrame):
        # Columns of text reach DuckDB several times faster by way of Arrow, where their types allow it.
        with suppress(pa.ArrowException, ValueError, TypeError):
            table = pa.Table.from_pandas(table, preserve_index=False)
    source = open_source(table)
    return source if isinstance(table, str | PathLike) else replace(source, label=name)


def _as_text(source: Source, column: str) -> str:
    kind = source.types[column]
    text = class_key(source, column, as_text=True)
    if kind == "BOOLEAN":
        name = quote_identifier(column)
        return f"CASE WHEN {name} THEN 'True' WHEN NOT {name} THEN 'False' END"
    if kind.startswith("TIMESTAMP"):
        return f"regexp_replace({text}, ' 00:00:00$', '')"
    if kind in {"DOUBLE", "FLOAT"} or kind.startswith("DECIMAL"):
        return f"regexp_replace({text}, '\\.0+$', '')"
    return text


def codes_of(*columns: Any) -> tuple[list[Integers], NDArray[np.object_]]:
    """Number the values of several columns of text together; missing is -1.

    Returns:
        The codes of each column, and the distinct values.
    """
    import pandas as pd

    parts = [pd.Series(column, dtype="str") for column in columns]
    codes, distinct = pd.factorize(pd.concat(parts, ignore_index=True))
    bounds = np.cumsum([len(part) for part in parts])[:-1]
    return np.split(codes.astype(np.int64), bounds), np.asarray(distinct, dtype=object)


def combined(columns: Sequence[Integers]) -> Integers:
    """Number the combinations of several coded columns (codes from -1 up), from 0 without gaps."""
    key = np.zeros(len(columns[0]), dtype=np.int64)
    for codes in columns:
        _, key = np.unique(key * (int(codes.max(initial=-1)) + 2) + codes + 1, return_inverse=True)
    return key


def is_generalized(frame: pd.DataFrame) -> bool:
    """Whether any value is written as a range, a set or with asterisks."""
    return any(
        bool(frame[name].dropna().drop_duplicates().str.contains(r"^[\[{(].*,|\*$").any())
        for name in frame.columns
    )


@dataclass(frozen=True)
class Known:
    """The values that a column has in the attacker's table, ascending, as numbers where all are.

    Attributes:
        texts: distinct values, without missing.
        numbers: the same as numbers, or None.
    """

    texts: NDArray[np.object_]
    numbers: NDArray[np.float64] | None

    @classmethod
    def of(cls, values: pd.Series) -> tuple[Known, Integers]:
        """Return the values of a column of text, and the code of each row; missing is the last code + 1."""
        import pandas as pd

        codes, distinct = pd.factorize(values)
        texts = np.asarray(distinct, dtype=object)
        numbers = pd.to_numeric(pd.Series(texts, dtype=object), errors="coerce").to_numpy(float)
        known = numbers if len(numbers) and not np.isnan(numbers).any() else None
        order = np.argsort(texts.astype(str) if known is None else known, kind="stable")
        place = np.empty(len(texts) + 1, dtype=np.int64)
        place[order], place[-1] = np.arange(len(texts)), len(texts)
        return cls(texts[order], None if known is None else known[order]), place[codes]

    def stands_for(self, released: object, meaning: Mapping[str, Collection[str]]) -> Flags:
        """Return for each code, missing last, whether a released value can stand for it."""
        fits = np.zeros(len(self.texts) + 1, dtype=bool)
        if not isinstance(released, str):  # missing in the release
            fits[-1] = True
            return fits
        if released == SUPPRESSED:
            fits[:] = True
            return fits
        text = released.removesuffix(OR_MISSING)
        fits[-1] = text != released or released == MISSING
        if text in meaning:
            fits[:-1] = np.isin(self.texts, list(meaning[text]))
            return fits
        same = self.texts == text
        fits[:-1] = same if same.any() else self._generalized(text)
        return fits

    def _generalized(self, text: str) -> Flags:
        if text.startswith("{") and text.endswith("}"):
            # Members may hold commas themselves.
            inside = f", {text[1:-1]}, "
            return np.array([f", {value}, " in inside for value in self.texts], dtype=bool)
        if YEAR_OR_MONTH.fullmatch(text):
            return np.array([bool(DAY.match(v)) and v.startswith(f"{text}-") for v in self.texts], dtype=bool)
        if text.endswith(SUPPRESSED):
            prefix = text.rstrip(SUPPRESSED)
            return np.array([v.startswith(prefix) and len(v) == len(text) for v in self.texts], dtype=bool)
        if found := RANGE.fullmatch(text):
            opening, low, high, closing = found.groups()
            above = self._compare(low, ">=" if opening == "[" else ">")
            return above & self._compare(high, "<=" if closing == "]" else "<")
        if self.numbers is not None and (found := DASHED.fullmatch(text)):
            return self._compare(found[1], ">=") & self._compare(found[2], "<=")
        if self.numbers is not None and (found := ONE_SIDED.fullmatch(text)):
            return self._compare(found[2], found[1].replace("≤", "<=").replace("≥", ">="))
        return np.zeros(len(self.texts), dtype=bool)

    @cached_property
    def _ascending(self) -> NDArray[Any]:
        return self.texts.astype(str) if self.numbers is None else self.numbers

    def _compare(self, bound: str, sign: str) -> Flags:
        """Return for each value whether it is on that side of the bound."""
        fits = np.zeros(len(self.texts), dtype=bool)
        limit: Any = bound
        if self.numbers is not None:
            try:
                limit = float(bound)
            except ValueError:
                return fits
        side = "left" if sign in {">=", "<"} else "right"
        cut = int(np.searchsorted(self._ascending, limit, side=side))
        if sign.startswith(">"):
            fits[cut:] = True
        else:
            fits[:cut] = True
        return fits


def locate(
    classes: pd.DataFrame, people: pd.DataFrame, *, meanings: Meanings | None = None, required: bool = True
) -> tuple[Integers, Integers]:
    """Find the released classes to which each person can belong.

    Values are read as :mod:`secure_ai.anonymize.tabular.released` writes them, and masks (``021**``), ranges
    such as ``20-24`` and ``>= 40``, years and months of dates; any other text
    stands for itself, unless ``meanings`` says for what.
    Classes that are all ``*`` count only for people who fit no other.

    Args:
        classes: distinct combinations of released values, as text, one column per quasi-identifier.
        people: what the attacker knows of people, as text, with the same columns.
        meanings: for a column, the original values for which a released one stands (nodes of a hierarchy).
        required: whether it is an error that no released value of a column fits anybody.

    Returns:
        (rows of ``people``, rows of ``classes``): one entry per pair that fits, ordered by person.

    Raises:
        UserError: if no released value of a column fits anybody, or everybody fits nearly every class.
    """
    readings, codes = readings_of(classes, people, meanings, required=required)
    blank = (classes == SUPPRESSED).all(axis=1).to_numpy()
    persons, found = _pairs(np.flatnonzero(~blank), len(people), readings, codes)
    if blank.any():
        lost = np.setdiff1d(np.arange(len(people)), persons)
        persons = np.concatenate([persons, lost])
        found = np.concatenate([found, np.full(len(lost), np.flatnonzero(blank)[0])])
    order = np.lexsort((found, persons))
    return persons[order], found[order]


def readings_of(
    classes: pd.DataFrame, people: pd.DataFrame, meanings: Meanings | None = None, *, required: bool = True
) -> tuple[list[tuple[Integers, list[Flags]]], list[Integers]]:
    """Read released values by the values that people have.

    Returns:
        For each column the label of each class with, by label, the known values for which it stands; and for
        each column the code of the value of each person.

    Raises:
        UserError: if no released value of a column fits anybody.
    """
    readings, codes = [], []
    for column in classes.columns:
        known, code = Known.of(people[column])
        labels, distinct = _distinct(classes[column])
        meaning = (meanings or {}).get(column, {})
        # Rows per released value, columns per known one: looked up, never compared again.
        fits = [known.stands_for(value, meaning) for value in distinct]
        if required and not any(row.any() for row in fits):
            raise UserError(
                f"No released value of '{shown(column)}' fits anybody of the attacker's table: name what "
                "each stands for with meanings=, or check that both hold the same thing."
            )
        readings.append((labels, fits))
        codes.append(code)
    return readings, codes


def _distinct(values: pd.Series) -> tuple[Integers, list[object]]:
    import pandas as pd

    labels, distinct = pd.factorize(values, use_na_sentinel=False)
    return labels.astype(np.int64), [None if pd.isna(value) else value for value in distinct]


def _pairs(
    classes: Integers, n_people: int, readings: list[tuple[Integers, list[Flags]]], codes: list[Integers]
) -> tuple[Integers, Integers]:
    """Split classes by their value of one column after the other, and keep the people that fit."""
    persons, found, total = [np.empty(0, dtype=np.int64)], [np.empty(0, dtype=np.int64)], 0
    readings, codes = _most_telling_first(readings, codes, n_people)
    by_code = np.argsort(codes[0], kind="stable")
    ends = np.cumsum(np.bincount(codes[0], minlength=len(readings[0][1][0])))
    starts = np.concatenate([[0], ends[:-1]])
    waiting: list[tuple[Integers, Integers | None, int]] = [(classes, None, 0)]
    while waiting:
        group, people, depth = waiting.pop()
        if not len(group) or (people is not None and not len(people)):
            continue
        if depth < len(readings):
            labels, fits = readings[depth]
            ordered = group[np.argsort(labels[group], kind="stable")]
            for alike in np.split(ordered, np.flatnonzero(np.diff(labels[ordered])) + 1):
                fitting = fits[labels[alike[0]]]
                if people is None:
                    at = np.flatnonzero(fitting)
                    chosen = by_code[_spread(starts[at], ends[at])]
                else:
                    chosen = people[fitting[codes[depth][people]]]
                waiting.append((alike, chosen, depth + 1))
            continue
        assert people is not None
        total += len(people)
        if total > MOST_PAIRS:
            raise UserError(
                "Nearly everybody fits nearly every class: the release says too little to attack."
            )
        persons.append(people)
        found.append(np.full(len(people), group[0]))
    return np.concatenate(persons), np.concatenate(found)


def _most_telling_first(
    readings: list[tuple[Integers, list[Flags]]], codes: list[Integers], n_people: int
) -> tuple[list[tuple[Integers, list[Flags]]], list[Integers]]:
    """Order columns by how few people a released value fits on average."""
    fitting = []
    for (labels, fits), code in zip(readings, codes, strict=True):
        people = np.bincount(code, minlength=len(fits[0]))
        fitting.append(float(np.mean(np.array([people[row].sum() for row in fits])[labels])) / n_people)
    order = np.argsort(fitting, kind="stable").tolist()
    return [readings[i] for i in order], [codes[i] for i in order]


def _spread(starts: Integers, ends: Integers) -> Integers:
    """Return all positions of several stretches, one after the other."""
    sizes = ends - starts
    offsets = np.cumsum(sizes) - sizes
    return np.arange(int(sizes.sum())) + np.repeat(starts - offsets, sizes)


def share_measured(
    name: str,
    hits: int,
    n: int,
    *,
    unit: str,
    baseline: float,
    control: float | None,
    method: str,
    source: str,
) -> Measurement:
    """Return a share of ``n`` observations with its exact interval."""
    return Measurement(
        name, hits / n, unit, int(n), baseline, clopper_pearson(hits, n),
        f"{method}; Clopper-Pearson interval", source, control,
    )  # fmt: skip


def measured_frame(figures: Sequence[Any]) -> pd.DataFrame:
    """Return measurements as a frame, one row each; what was not assessed is left out."""
    import pandas as pd

    rows = [
        (m.name, m.value, m.unit, m.n, m.baseline, m.control, *m.interval, m.method)
        for m in figures
        if isinstance(m, Measurement)
    ]
    names = ["measure", "value", "unit", "n", "baseline", "control", "low", "high", "method"]
    return pd.DataFrame(rows, columns=names)
