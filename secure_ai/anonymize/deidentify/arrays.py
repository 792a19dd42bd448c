"""Arrow arrays of a table: read as text, mapped value by distinct value, moved by days."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from secure_ai.anonymize.deidentify.names import fold

_FIRST_DAY, _LAST_DAY = -719_162, 2_932_896  # the years 1 to 9999, counted from 1970
PART = "\x1f"
"""Stands between the parts of a key; in a part of a key it is replaced by a blank."""

_COMMON_FORMS = (
    (r"^\d{4}-\d{2}-\d{2}([T ].*)?$", "%Y-%m-%d"),
    (r"^(0\d|1[0-2])/\d{2}/\d{4}([T ].*)?$", "%m/%d/%Y"),
)
"""Forms of a date in the first ten characters that need no Python for each value."""


def plain(column: pa.ChunkedArray | pa.Array) -> pa.Array:
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if isinstance(array, pa.ChunkedArray):
        array = pa.concat_arrays(array.chunks) if array.num_chunks else pa.array([], array.type)
    if pa.types.is_dictionary(array.type):
        array = array.cast(array.type.value_type)
    return array.cast(pa.string()) if pa.types.is_string_view(array.type) else array


def is_text(kind: pa.DataType) -> bool:
    return pa.types.is_string(kind) or pa.types.is_large_string(kind)


def as_text(array: pa.Array) -> pa.Array:
    if is_text(array.type):
        return array
    if pa.types.is_floating(array.type):
        # 12345.0 is how a whole number with gaps is stored: its code is that of 12345.
        return pa.array([None if v is None else number_text(v) for v in array.to_pylist()], pa.string())
    return array.cast(pa.string())


def shift_common_forms(text: pa.Array, days: np.ndarray) -> pa.Array | None:
    """Move the dates of a column that is written in one common form all through; None if it is not."""
    filled = text.drop_null()
    if not len(filled):
        return text
    for pattern, form in _COMMON_FORMS:
        if not pc.all(pc.match_substring_regex(filled, pattern)).as_py():
            continue
        day = pc.utf8_slice_codeunits(text, 0, 10)
        read = pc.strptime(day, format=form, unit="s", error_is_null=True)
        # strptime takes February 30th for March 1st.
        whole = read.null_count == text.null_count
        if not whole or not pc.all(pc.equal(pc.strftime(read, format=form), day)).as_py():
            return None  # a day that no calendar has: each value by itself
        days_moved = add_days(read.cast(pa.date32()), days)
        if days_moved.null_count > text.null_count:
            return None
        moved = pc.strftime(days_moved, format=form)
        rest = pc.utf8_slice_codeunits(text, 10)
        kind = text.type
        return pc.binary_join_element_wise(moved.cast(kind), rest, pa.scalar("", kind))
    return None


def numbers(indices: pa.Array) -> np.ndarray:
    return indices.drop_null().to_numpy(zero_copy_only=False)


def joined(first: pa.Array, second: pa.Array) -> pa.Array:
    kind = pa.large_string()
    return pc.binary_join_element_wise(first.cast(kind), second.cast(kind), pa.scalar(PART, kind))


def map_distinct(array: pa.Array, new: Callable[[str], str]) -> pa.Array:
    encoded = array.dictionary_encode()
    mapped = pa.array([new(value) for value in encoded.dictionary.to_pylist()], pa.large_string())
    return mapped.take(encoded.indices) if len(mapped) else pa.nulls(len(array), pa.large_string())


def add_days(array: pa.Array, days: np.ndarray) -> pa.Array:
    numbers = array.cast(pa.date32()).cast(pa.int32())
    moved = pc.add(numbers, pa.array(days, pa.int32()))
    known = pc.and_(pc.greater_equal(moved, _FIRST_DAY), pc.less_equal(moved, _LAST_DAY))
    return pc.if_else(known, moved, pa.scalar(None, pa.int32())).cast(pa.date32()).cast(array.type)


def changed(old: pa.Array, new: pa.Array) -> int:
    if old.type == new.type:
        differs = pc.or_kleene(pc.not_equal(old, new), pc.and_(pc.is_valid(old), pc.is_null(new)))
        return pc.sum(differs).as_py() or 0
    return len(old) - old.null_count


def ninety(kind: pa.DataType) -> pa.Scalar:
    return pa.scalar(Decimal(90), kind) if pa.types.is_decimal(kind) else pa.scalar(90, kind)


def whole_numbers(array: pa.Array) -> pa.Array:
    numbers = pc.if_else(pc.match_substring_regex(array, r"^\d{1,4}$"), array, pa.scalar(None, array.type))
    return numbers.cast(pa.int32())


def folded(text: str) -> str:
    return text.lower() if text.isascii() else fold(text)


def number_text(value: float) -> str:
    return f"{value:.0f}" if value.is_integer() else repr(value)
