"""Values as whole numbers in their natural order, so that partitioning is arithmetic on arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from secure_ai.anonymize.tabular.partitioning import CodedColumn, Codes, Integers, Kind
from secure_ai.anonymize.tabular.released import value_text
from secure_ai.core import UserError
from secure_ai.core.sources import shown

if TYPE_CHECKING:
    import pandas as pd

NOT_FOUND = -1
# Values on a grid are numbered by a table, not by sorting, if it has at most so many places (or 4 per value).
TABLE, LARGE_TABLE = 1 << 20, 1 << 25
MICROSECONDS_OF_A_DAY = 86_400_000_000
# Steps of the grid: whole units, seconds or days; and parts of a number that money and measures have.
STEPS = (1, 1_000_000, MICROSECONDS_OF_A_DAY)
PARTS = (1, 10, 100, 1_000)
SAMPLE = 1_000
# Up to here every whole number is a float, and every difference of whole numbers a 64-bit number.
EXACT, LARGEST = 1 << 53, (1 << 63) - 1


def canonical(values: pa.Array | pa.ChunkedArray) -> pa.Array:
    """Return values in the form in which they are compared: NaN missing, no -0.0, categories as text."""
    if isinstance(values, pa.ChunkedArray):
        values = values.combine_chunks() if values.num_chunks != 1 else values.chunk(0)
    if pa.types.is_dictionary(values.type):
        values = values.cast(values.type.value_type)
    kind = values.type
    if pa.types.is_floating(kind):
        numbers = values.cast(pa.float64())
        known = pc.if_else(pc.is_nan(numbers), pa.scalar(None, pa.float64()), numbers)
        return pc.add(known, pa.scalar(0.0))
    if pa.types.is_integer(kind) or pa.types.is_boolean(kind) or pa.types.is_decimal128(kind):
        return values
    if pa.types.is_decimal(kind):
        return values.cast(pa.decimal128(38, kind.scale))
    if pa.types.is_date(kind):
        return values.cast(pa.date32())
    if pa.types.is_timestamp(kind):
        return values.cast(pa.timestamp("us"), safe=False)
    if pa.types.is_time(kind):
        return values.cast(pa.time64("us"), safe=False)
    try:
        return values.cast(pa.large_string())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return pa.array([None if v is None else str(v) for v in values.to_pylist()], pa.large_string())


def code_values(name: str, values: pa.Array | pa.ChunkedArray) -> tuple[CodedColumn, Codes]:
    """Number the distinct values of a column in their natural order; a gap comes last.

    Numbers, dates and times are ordered by value; text by its characters; False comes before True.

    Raises:
        UserError: if the column holds infinite numbers, or dates beyond the year 9999.
    """
    values = canonical(values)
    gaps = pc.is_null(values).to_numpy(zero_copy_only=False) if values.null_count else None
    keys = _sortable(values)
    if keys is None:
        encoded = values.dictionary_encode()
        order = pc.sort_indices(encoded.dictionary).to_numpy()
        rank = np.empty(len(order), dtype=np.int32)
        rank[order] = np.arange(len(order), dtype=np.int32)
        indices = encoded.indices.fill_null(0).to_numpy()
        codes = rank[indices] if len(rank) else np.zeros(len(indices), dtype=np.int32)
        distinct = encoded.dictionary.take(pa.array(order))
    else:
        if keys.dtype.kind == "f" and np.isinf(keys).any():
            raise UserError(
                f"The column '{shown(name)}' holds infinite values: replace them, by the largest real value "
                "or as missing."
            )
        found, codes = _numbered(keys, gaps)
        distinct = values.take(pa.array(found))
    if gaps is not None:
        codes[gaps] = len(distinct)
    return column_of(name, distinct, has_missing=gaps is not None), codes


def column_of(name: str, distinct: pa.Array, *, has_missing: bool) -> CodedColumn:
    """Return the column whose distinct known values are ``distinct``, in order."""
    kind = distinct.type
    if pa.types.is_integer(kind) or pa.types.is_floating(kind):
        values = distinct.to_numpy(zero_copy_only=False)
        return CodedColumn(name, Kind.NUMBER, values, values.astype(np.float64, copy=False), has_missing)
    values = np.empty(len(distinct), dtype=object)
    try:
        values[:] = distinct.to_pylist()
    except (ValueError, OverflowError):
        raise UserError(
            f"The column '{shown(name)}' holds dates before the year 1 or after the year 9999: correct them."
        ) from None
    if pa.types.is_decimal(kind):
        return CodedColumn(name, Kind.NUMBER, values, values.astype(np.float64), has_missing)
    if pa.types.is_temporal(kind):
        return CodedColumn(name, Kind.DATE, values, _sortable(distinct) / MICROSECONDS_OF_A_DAY, has_missing)
    return CodedColumn(name, Kind.CATEGORY, values, None, has_missing)


@dataclass(frozen=True, eq=False)
class Encoder:
    """Finds the codes of values that were numbered before."""

    column: CodedColumn

    @cached_property
    def _known(self) -> pa.Array:
        if not len(self.column.values):
            return pa.array([], pa.large_string())
        return canonical(pa.array(self.column.values))

    @cached_property
    def _keys(self) -> NDArray[Any] | None:
        return _sortable(self._known)

    @cached_property
    def _table(self) -> tuple[int, Codes] | None:
        """Step of the grid on which the known values lie, and the code at each of its places."""
        keys = self._keys
        if keys is None or keys.dtype.kind not in "iu" or int(keys[-1]) - int(keys[0]) > LARGEST:
            return None
        offsets = keys - keys[0] if keys.dtype == np.uint64 else keys.astype(np.int64) - int(keys[0])
        for step in STEPS[::-1]:
            if offsets[-1] // step <= max(TABLE, 4 * len(keys)) and (offsets // step * step == offsets).all():
                table = np.full(int(offsets[-1] // step) + 1, NOT_FOUND, dtype=np.int32)
                table[offsets // step] = np.arange(len(keys), dtype=np.int32)
                return step, table
        return None

    def encode(self, values: pa.Array | pa.ChunkedArray) -> Codes:
        """Return the code of each value, -1 where it is not one of the column."""
        values = canonical(values)
        codes = self._codes(values)
        if values.null_count:
            gap = len(self.column.values) if self.column.has_missing else NOT_FOUND
            codes[pc.is_null(values).to_numpy(zero_copy_only=False)] = gap
        return codes

    def agrees(self, values: pa.Array | pa.ChunkedArray, codes: Codes) -> bool:
        """Whether every value has the code that is expected of it."""
        values = canonical(values)
        keys, held = self._keys, _sortable(values)
        if keys is None or held is None or not len(keys) or _family(values) != _family(self._known):
            return bool((self.encode(values) == codes).all())
        gap = codes == len(keys)
        if values.null_count != np.count_nonzero(gap):
            return False
        same = keys[np.where(gap, 0, codes)] == held
        if values.null_count:
            same[gap] = pc.is_null(values).to_numpy(zero_copy_only=False)[gap]
        return bool(same.all())

    def _codes(self, values: pa.Array) -> Codes:
        known, keys = self._known, self._keys
        nothing = np.full(len(values), NOT_FOUND, dtype=np.int32)
        if not len(known) or values.null_count == len(values) or _family(values) != _family(known):
            return nothing
        wanted = _sortable(values)
        if keys is None or wanted is None:
            if _family(values) == "text":
                return pc.index_in(values, value_set=known).fill_null(NOT_FOUND).to_numpy().astype(np.int32)
            keys, wanted = (part.cast(pa.float64()).fill_null(0).to_numpy() for part in (known, values))
        if self._table is not None and wanted.dtype.kind in "iu":
            step, table = self._table
            inside = (wanted >= keys[0]) & (wanted <= keys[-1])
            # Whole numbers of another width, or without a sign, compare as they are but do not mix.
            kind = np.uint64 if keys.dtype == np.uint64 else np.int64
            offsets = np.where(inside, wanted.astype(kind), kind(keys[0])) - kind(keys[0])
            places = (offsets // kind(step)).astype(np.int64)
            step = kind(step)
            return np.where(inside & (places.astype(kind) * step == offsets), table.take(places), NOT_FOUND)
        found = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
        return np.where(keys[found] == wanted, found, NOT_FOUND).astype(np.int32)


def arrow_columns(frame: pd.DataFrame | pa.Table, names: Sequence[str]) -> list[pa.Array | pa.ChunkedArray]:
    """Return columns of a frame or an Arrow table as Arrow arrays; columns of mixed types become text."""
    if isinstance(frame, pa.Table | pa.RecordBatch):
        return [frame.column(name) for name in names]
    return [_arrow(frame[name]) for name in names]


def plain_frame(frame: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """Return ``names`` of a frame with columns of mixed types as text, as :func:`arrow_columns` sees them."""
    import pandas as pd

    columns = dict(zip(names, arrow_columns(frame, names), strict=True))
    return pa.table(columns).to_pandas(types_mapper=pd.ArrowDtype)


def _arrow(series: pd.Series) -> pa.Array | pa.ChunkedArray:
    import pandas as pd

    if series.dtype == object and pd.api.types.infer_dtype(series, skipna=True).startswith("mixed"):
        return _as_text(series)
    try:
        return pa.array(series, from_pandas=True)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, OverflowError):
        return _as_text(series)


def _as_text(series: pd.Series) -> pa.Array:
    missing = series.isna().to_numpy(dtype=bool)
    texts = [None if gap else value_text(value) for gap, value in zip(missing, series, strict=True)]
    return pa.array(texts, pa.large_string())


def _family(values: pa.Array) -> str:
    kind = values.type
    if pa.types.is_boolean(kind):
        return "boolean"
    if pa.types.is_time(kind):
        return "time"
    if pa.types.is_temporal(kind):
        return "date"
    return "text" if pa.types.is_large_string(kind) else "number"


def _sortable(values: pa.Array) -> NDArray[Any] | None:
    """Return numbers in the order of the values, gaps as zero; None for text and decimals."""
    kind = values.type
    if pa.types.is_boolean(kind):
        return values.fill_null(False).to_numpy(zero_copy_only=False).astype(np.int64)
    if pa.types.is_floating(kind) or pa.types.is_integer(kind):
        return values.fill_null(0).to_numpy(zero_copy_only=False)
    if pa.types.is_date32(kind):
        days = values.cast(pa.int32()).fill_null(0).to_numpy(zero_copy_only=False)
        return days.astype(np.int64) * MICROSECONDS_OF_A_DAY
    if pa.types.is_temporal(kind):
        return values.cast(pa.int64()).fill_null(0).to_numpy(zero_copy_only=False)
    return None


def _numbered(keys: NDArray[Any], gaps: NDArray[np.bool_] | None) -> tuple[NDArray[np.int64], Codes]:
    """Return where each distinct known value is found, in order, and the code of each value."""
    where = None if gaps is None else np.flatnonzero(~gaps)
    known = keys if where is None else keys[where]
    codes = np.zeros(len(keys), dtype=np.int32)
    if not len(known):
        return np.zeros(0, dtype=np.int64), codes
    places = _places(known)
    if places is not None:
        occurs = np.zeros(int(places.max()) + 1, dtype=bool)
        occurs[places] = True
        table = np.cumsum(occurs, dtype=np.int32)
        table -= 1
        ranks = table.take(places)
        found = np.empty(int(table[-1]) + 1, dtype=np.int64)
        found[ranks] = np.arange(len(ranks))
    else:
        order = np.argsort(known)
        ordered = known[order]
        new = np.empty(len(ordered), dtype=bool)
        new[0] = True
        np.not_equal(ordered[1:], ordered[:-1], out=new[1:])
        ranks = np.empty(len(known), dtype=np.int32)
        ranks[order] = np.cumsum(new, dtype=np.int32) - 1
        found = order[new]
    if where is None:
        return found, ranks
    codes[where] = ranks
    return where[found], codes


def _places(known: NDArray[Any]) -> Integers | None:
    """Return the place of each value on a grid, from its smallest value on; None where no grid fits."""
    most = max(TABLE, 4 * len(known), min(LARGE_TABLE, 32 * len(known)))
    low, high = known.min(), known.max()
    if known.dtype.kind == "f":
        for parts in PARTS:
            if high / 2 - low / 2 > most / parts / 2 or max(abs(low), abs(high)) > EXACT / parts:
                return None
            # A number with so many decimals is the quotient of whole numbers, rounded once.
            if all((np.rint(some * parts) / parts == some).all() for some in (known[:SAMPLE], known)):
                return np.rint(known * parts).astype(np.int64) - int(np.rint(low * parts))
        return None
    if int(high) - int(low) > LARGEST:
        return None
    offsets = known - low if known.dtype == np.uint64 else known.astype(np.int64) - int(low)
    for step in STEPS:
        if int(high) - int(low) <= most * step and all(
            (some // step * step == some).all() for some in (offsets[:SAMPLE], offsets)
        ):
            return (offsets // step).astype(np.int64, copy=False)
    return None
