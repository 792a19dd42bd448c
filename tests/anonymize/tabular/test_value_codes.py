"""Values as codes: natural order, gaps last, and the same codes again for the same values."""

from __future__ import annotations

import datetime
import decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from secure_ai.anonymize.tabular.partitioning import Kind
from secure_ai.anonymize.tabular.value_codes import NOT_FOUND, Encoder, arrow_columns, code_values
from secure_ai.core import UserError

DAY, LATER = datetime.date(2019, 1, 1), datetime.date(2020, 6, 1)


@pytest.mark.parametrize(
    ("values", "kind", "codes"),
    [
        (pa.array([30, None, -1, 30]), Kind.NUMBER, [1, 2, 0, 1]),
        (pa.array([2**64 - 1, 0], pa.uint64()), Kind.NUMBER, [1, 0]),
        (pa.array([-(2**63), 2**63 - 1, 0]), Kind.NUMBER, [0, 2, 1]),
        (pa.array([1.5, float("nan"), None, -0.0, 0.0]), Kind.NUMBER, [1, 2, 2, 0, 0]),
        (pa.array([decimal.Decimal("10.00"), decimal.Decimal("9.50"), None]), Kind.NUMBER, [1, 0, 2]),
        (pa.array(["b", "ä", None, "a"]), Kind.CATEGORY, [1, 2, 3, 0]),
        (pa.array(["y", "x", "y"]).dictionary_encode(), Kind.CATEGORY, [1, 0, 1]),
        (pa.array([True, None, False]), Kind.CATEGORY, [1, 2, 0]),
        (pa.array([LATER, DAY, None]), Kind.DATE, [1, 0, 2]),
        (pa.array([datetime.datetime(2020, 1, 1, 5), datetime.datetime(2020, 1, 1)]), Kind.DATE, [1, 0]),
        (pa.array([datetime.time(5), datetime.time(4)]), Kind.DATE, [1, 0]),
        (pa.array([None, None]), Kind.CATEGORY, [0, 0]),
    ],
    ids=lambda value: str(value.type) if isinstance(value, pa.Array) else None,
)
def test_codes_follow_the_values_and_gaps_come_last(values, kind, codes):
    column, found = code_values("x", values)
    assert column.kind == kind
    assert list(found) == codes
    assert list(Encoder(column).encode(values)) == codes
    assert Encoder(column).agrees(values, found)
    if column.n_codes > 1:
        assert not Encoder(column).agrees(values, np.roll(found, 1)) or len(set(codes)) == 1


def test_values_of_another_table_or_type_are_not_found():
    column, _ = code_values("x", pa.array([1, 2, 5]))
    assert list(Encoder(column).encode(pa.array([2, 3, 9, None]))) == [1, NOT_FOUND, NOT_FOUND, NOT_FOUND]
    assert list(Encoder(column).encode(pa.array([2.0, 2.5]))) == [1, NOT_FOUND]
    assert list(Encoder(column).encode(pa.array(["2"]))) == [NOT_FOUND]
    text, _ = code_values("x", pa.array(["a"]))
    assert list(Encoder(text).encode(pa.array(["a", "b"]))) == [0, NOT_FOUND]


def test_mixed_types_become_text():
    frame = pd.DataFrame({"x": pd.Series([1, "a", None, 2.0, True], dtype=object)})
    assert arrow_columns(frame, ["x"])[0].to_pylist() == ["1", "a", None, "2", "True"]


def test_infinite_numbers_are_refused():
    with pytest.raises(UserError, match="infinite"):
        code_values("x", pa.array([1.0, float("-inf")]))


@pytest.mark.parametrize(
    "values",
    [
        pa.array([100, -100, 127, -128, None], pa.int8()),
        pa.array([2**63 + 3, 2**63, 2**64 - 1], pa.uint64()),
        pa.array([19.99, -0.07, 1234.5, 0.1 + 0.2, 0.3]),
        pa.array([19.99, -0.07, 1234.5, 0.3, 5.0, None]),
        pa.array([1e300, -1e300, 5e-324, 1e15 + 0.5]),
        pa.array([datetime.datetime(1900, 1, 1), datetime.datetime(2100, 1, 1), None]),
        pa.array([datetime.datetime(1999, 1, 1, 0, 0, 1), datetime.datetime(1999, 1, 1)]),
        pa.array([datetime.datetime(1999, 1, 1, microsecond=1), datetime.datetime(2020, 1, 1)]),
        pa.array([datetime.date(1, 1, 1), datetime.date(9999, 12, 31), DAY]),
    ],
    ids=range(9),
)
def test_numbering_by_a_table_is_numbering_by_order(values):
    column, codes = code_values("x", values)
    known = values.drop_null().to_pylist()
    expected = [len(set(known)) if v is None else sorted(set(known)).index(v) for v in values.to_pylist()]
    assert list(codes) == expected
    assert list(Encoder(column).encode(values)) == expected
    assert list(column.values[codes[codes < len(column.values)]]) == known


def test_a_value_between_those_of_the_grid_is_not_found():
    column, _ = code_values("x", pa.array([DAY, LATER]))
    noon = datetime.datetime(2019, 1, 1, 12)
    assert list(Encoder(column).encode(pa.array([noon, datetime.datetime(2019, 1, 2)]))) == [NOT_FOUND] * 2
    assert list(Encoder(column).encode(pa.array([datetime.datetime(2019, 1, 1)]))) == [0]
    whole, _ = code_values("x", pa.array([1, 2]))
    assert list(Encoder(whole).encode(pa.array([2, 2**64 - 1], pa.uint64()))) == [1, NOT_FOUND]
