"""Random small tables of every kind of column, and what a released table shows."""

from __future__ import annotations

import datetime
import decimal
import re
from collections.abc import Callable

import numpy as np
import pandas as pd
from hypothesis import strategies as st

WORDS = [
    "North",
    "北",
    "مدينة",
    "Ωmega",
    "a, b",
    "{x}",
    "[1, 2]",
    "missing",
    "*",
    "",
    " ",
    "naïve",
    "é",
    "1",
    "True",
]
MISSING = "missing"


def _column(
    values: st.SearchStrategy, dtype: Callable[[list], pd.Series]
) -> Callable[[int], st.SearchStrategy]:
    def of_length(n: int) -> st.SearchStrategy:
        alike = values.map(lambda value: [value] * n)
        few = st.lists(values, min_size=1, max_size=3).flatmap(
            lambda pool: st.lists(st.sampled_from(pool), min_size=n, max_size=n)
        )
        return st.one_of(st.lists(values, min_size=n, max_size=n), few, alike).map(dtype)

    return of_length


def _or_none(values: st.SearchStrategy) -> st.SearchStrategy:
    return st.one_of(values, values, values, st.none())


def _objects(values: list) -> pd.Series:
    return pd.Series(values, dtype=object)


SMALL = st.integers(-3, 12)
FLOATS = st.floats(allow_nan=True, allow_infinity=False)
DAYS = st.dates(datetime.date(1900, 1, 1), datetime.date(2030, 12, 31))
COLUMNS = [
    _column(SMALL, lambda v: pd.Series(v, dtype="int64")),
    _column(st.integers(-(2**63), 2**63 - 1), lambda v: pd.Series(v, dtype="int64")),
    _column(_or_none(SMALL), lambda v: pd.Series(v, dtype="Int64")),
    _column(FLOATS, lambda v: pd.Series(v, dtype="float64")),
    _column(_or_none(st.sampled_from([0.0, -0.0, 1e300, -1e300])), lambda v: pd.Series(v, dtype="float64")),
    _column(_or_none(st.sampled_from(WORDS)), lambda v: pd.Series(v, dtype="str")),
    _column(_or_none(st.sampled_from(WORDS)), lambda v: pd.Series(v, dtype="string")),
    _column(_or_none(st.sampled_from(WORDS)), lambda v: pd.Series(pd.Categorical(v))),
    _column(_or_none(st.booleans()), lambda v: pd.Series(v, dtype="boolean")),
    _column(st.booleans(), lambda v: pd.Series(v, dtype=bool)),
    _column(_or_none(DAYS), _objects),
    _column(_or_none(st.datetimes(datetime.datetime(1950, 1, 1), datetime.datetime(2030, 1, 1))),
            lambda v: pd.Series(pd.to_datetime(pd.Series(v, dtype=object)))),
    _column(_or_none(st.decimals(-99, 99, places=2)), _objects),
    _column(_or_none(st.one_of(SMALL, st.sampled_from(WORDS), st.booleans(), st.floats(0, 2))), _objects),
    _column(st.none(), _objects),
]  # fmt: skip


@st.composite
def tables(draw: st.DrawFn, *, most: int = 40, sensitive: bool = False) -> pd.DataFrame:
    """Tables of 1 to ``most`` rows: 1 to 4 quasi-identifiers ``q0`` …, an untouched one, ``s`` if asked."""
    n = draw(st.integers(1, most))
    kinds = draw(st.lists(st.sampled_from(COLUMNS), min_size=1, max_size=4))
    frame = pd.DataFrame({f"q{i}": draw(kind(n)) for i, kind in enumerate(kinds)})
    frame["untouched"] = np.arange(n)
    if sensitive:
        values = st.one_of(st.sampled_from(["flu", "HIV", "ulcer", None]), st.sampled_from(["flu", "HIV"]))
        numbers = st.integers(0, 5)
        frame["s"] = draw(
            st.one_of(
                st.lists(values, min_size=n, max_size=n).map(_objects),
                st.lists(numbers, min_size=n, max_size=n).map(pd.Series),
            )
        )
    frame.index = pd.Index(draw(st.permutations(range(n))), name="row")
    return frame


def quasi_identifiers(frame: pd.DataFrame) -> list[str]:
    """The columns that an attacker knows."""
    return [name for name in frame.columns if name.startswith("q")]


def class_sizes(released: pd.DataFrame, names: list[str]) -> pd.Series:
    """Records of each class as someone with the released table alone counts them."""
    return released.groupby(names, dropna=False, observed=True).size()


def covers(text: str, value: object, texts: list[str]) -> bool:
    """Whether a released text admits an original value."""
    from secure_ai.anonymize.tabular.released import value_text

    if text == "*" and "*" not in texts:
        return True
    if pd.isna(value):
        return text == "*" or MISSING in text
    own = value_text(value)
    if text in (own, "*"):
        return True
    if text.startswith("{"):
        return own in text
    found = re.fullmatch(r"\[(.+), (.+?)\](?: or missing)?", text)
    if found is None:
        return text == f"{own} or missing"
    low, high = found.groups()
    kind = type(value)
    if issubclass(kind, datetime.date):
        return pd.Timestamp(low) <= pd.Timestamp(value) <= pd.Timestamp(high)
    exact = decimal.Decimal
    number = exact(str(value)) if not isinstance(value, float) else exact(repr(float(value)))
    return exact(low) <= number <= exact(high)
