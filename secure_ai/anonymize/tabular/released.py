"""How generalized values are written: intervals, sets, midpoints and means, the same for every method."""

from __future__ import annotations

import datetime
import decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

# A value that was suppressed, or a set that holds every value of its column.
SUPPRESSED = "*"
# A gap stays visible as a value of its own.
MISSING = "missing"
JOINED_MEMBERS = 1_000_000

Texts = NDArray[np.object_]
Flags = NDArray[np.bool_]
Integers = NDArray[np.int64]


def value_text(value: object) -> str:
    """Return one original value as text: ``25`` for 25.0, ISO 8601 for dates, other values as they are.

    Different numbers have different texts; a timestamp without time of day is written as a date.
    """
    match value:
        case bool() | np.bool_():
            return str(bool(value))
        case float() | np.floating():
            # str of a 32-bit float is its own shortest text, not that of its 64-bit neighbor.
            text = str(value) if isinstance(value, np.floating) else repr(value)
            return "0" if value == 0 else text.removesuffix(".0")
        case decimal.Decimal():
            return "0" if value == 0 else f"{value.normalize():f}"
        case datetime.datetime():
            text = value.isoformat(sep=" ")
            return text.removesuffix(" 00:00:00")
        case _:
            return str(value)


def value_texts(values: NDArray[Any]) -> Texts:
    """Return :func:`value_text` of each value."""
    if values.dtype.kind in "iu":
        return pa.array(values).cast(pa.string()).to_numpy(zero_copy_only=False)
    texts = np.empty(len(values), dtype=object)
    if values.dtype == np.float64:
        texts[:] = pa.array(values).cast(pa.string()).to_numpy(zero_copy_only=False)
        size = np.abs(values)
        # Only here is Arrow's text another one than Python's, or not an integer's.
        other = np.flatnonzero((size < 1e-3) | (size >= 1e10))
        texts[other] = [value_text(value) for value in values[other]]
    else:
        texts[:] = [value_text(value) for value in values]
    return texts


def interval_texts(low: Texts, high: Texts, has_known: Flags, has_missing: Flags) -> Texts:
    """Write ranges as ``[17, 25]``, as ``17`` where both ends are equal, ``… or missing`` where gaps are in.

    Args:
        low: text of the lowest known value of each range.
        high: text of the highest.
        has_known: whether a range holds any known value; without one the text is ``missing``.
        has_missing: whether it holds missing values.
    """
    texts = np.asarray(low, dtype=object).copy()
    wide = texts != high
    texts[wide] = "[" + texts[wide] + ", " + np.asarray(high, dtype=object)[wide] + "]"
    both = has_known & has_missing
    texts[both] = texts[both] + f" or {MISSING}"
    texts[~has_known] = MISSING
    return texts


def set_texts(sets: Integers, members: Texts, n_sets: int, *, everything: int) -> Texts:
    """Write sets as ``{a, b}``, as ``a`` where there is one member, as ``*`` where all are in.

    Args:
        sets: set of each member, ascending, 0 to ``n_sets - 1``; every set has a member.
        members: text of each member, in the order in which they are written.
        n_sets: number of sets.
        everything: number of values of the whole column; a set of two or more that has them all says nothing.
    """
    sizes = np.bincount(sets, minlength=n_sets)
    offsets = np.concatenate([[0], np.cumsum(sizes)])
    texts = np.asarray(members, dtype=object)[offsets[:-1]]
    full = (sizes == everything) & (sizes > 1)
    several = (sizes > 1) & ~full
    if several.any():
        chosen = np.asarray(members, dtype=object)[several[sets]]
        texts[several] = "{" + _joined(chosen, np.concatenate([[0], np.cumsum(sizes[several])])) + "}"
    texts[full] = SUPPRESSED
    return texts


def _joined(members: Texts, offsets: Integers) -> Texts:
    """Return the members from each offset to the next, with commas between them."""
    parts = []
    # Arrow joins strings of up to 2 GB at a time.
    step = max(1, JOINED_MEMBERS // max(1, len(members) // max(1, len(offsets) - 1)))
    for start in range(0, len(offsets) - 1, step):
        bounds = offsets[start : start + step + 1]
        strings = pa.array(members[bounds[0] : bounds[-1]], pa.string())
        lists = pa.ListArray.from_arrays(pa.array(bounds - bounds[0], pa.int32()), strings)
        parts.append(pc.binary_join(lists, ", ").to_numpy(zero_copy_only=False))
    return np.concatenate(parts)
