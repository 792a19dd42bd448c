"""The three tables of the attacks, brought to numbers in the same way, with what is wrong told first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from secure_ai.core import UserError
from secure_ai.core.intervals import wilson
from secure_ai.core.sources import Source, open_source, shown

if TYPE_CHECKING:
    import pandas as pd

LEAST_ROWS = 2


@dataclass(frozen=True)
class Column:
    """One column in all three tables.

    Attributes:
        name: its name.
        numeric: whether order and difference mean something (numbers and dates).
        dates: whether the numbers are dates, in days.
        training: values of the training records: numbers with NaN for missing, else codes, -1 missing.
        synthetic: the same for the synthetic records.
        control: the same for the control records.
        width: largest less smallest number in all tables, 1 if that is 0.
    """

    name: str
    numeric: bool
    dates: bool
    training: np.ndarray
    synthetic: np.ndarray
    control: np.ndarray
    width: float


def read(table: object, role: str) -> pd.DataFrame:
    """Return ``table`` (a frame, an Arrow table, a path or a Source) as a frame with distinct columns.

    Raises:
        UserError: if it cannot be read, has fewer than two rows, or two columns of one name.
    """
    import pandas as pd

    if not isinstance(table, pd.DataFrame):
        table = (table if isinstance(table, Source) else open_source(table)).to_pandas()
    repeated = table.columns[table.columns.duplicated()]
    if len(repeated):
        raise UserError(
            f"The {role} table has two columns named '{shown(str(repeated[0]))}': give each its own name."
        )
    if len(table) < LEAST_ROWS:
        raise UserError(f"The {role} table has {len(table)} rows: give at least {LEAST_ROWS}.")
    return table.rename(columns=str).reset_index(drop=True)


def columns_of(training: pd.DataFrame, synthetic: pd.DataFrame, control: pd.DataFrame) -> list[Column]:
    """Bring every column of the three tables to numbers that mean the same in each.

    Raises:
        UserError: if a column is missing somewhere, of another type, or holds an infinite number.
    """
    for role, table in (("synthetic", synthetic), ("control", control)):
        missing = [name for name in training.columns if name not in table.columns]
        more = [name for name in table.columns if name not in training.columns]
        if missing or more:
            problem = f"lacks the column '{shown((missing or more)[0])}'" if missing else (
                f"has a column '{shown(more[0])}' that the training records lack"
            )  # fmt: skip
            raise UserError(f"The {role} table {problem}: give all three tables the same columns.")
    if not len(training.columns):
        raise UserError("The training table has no columns: give at least two.")
    return [_column(name, training[name], synthetic[name], control[name]) for name in training.columns]


def _column(name: str, *values: pd.Series) -> Column:
    import pandas as pd

    kinds = {_kind(part) for part in values if part.notna().any()} or {"text"}
    if len(kinds) > 1 and kinds != {"number", "truth"}:
        raise UserError(
            f"The column '{shown(name)}' holds {' in one table and '.join(sorted(kinds))} in another: "
            "export the three tables with the same types."
        )
    kind = "truth" if len(kinds) > 1 else kinds.pop()
    if kind in {"number", "date"}:
        parts = [_numbers(part, kind) for part in values]
        everything = np.concatenate(parts)
        if np.isinf(everything).any():
            raise UserError(
                f"The column '{shown(name)}' holds infinite numbers: replace them or leave them out."
            )
        known = everything[~np.isnan(everything)]
        width = float(known.max() - known.min()) if known.size else 0.0
        return Column(name, True, kind == "date", *parts, width or 1.0)
    texts = pd.concat([part.astype(object) for part in values], ignore_index=True)
    filled = texts.notna()
    codes = np.full(len(texts), -1, dtype=np.int32)
    plain = texts[filled].astype(float) if kind == "truth" else texts[filled].map(str)
    codes[filled.to_numpy()] = pd.factorize(plain, sort=True)[0]
    ends = np.cumsum([len(part) for part in values])[:-1]
    return Column(name, False, False, *np.split(codes, ends), 1.0)


def _kind(values: pd.Series) -> str:
    import datetime

    import pandas as pd
    from pandas.api import types

    if types.is_bool_dtype(values):
        return "truth"
    if types.is_numeric_dtype(values):
        return "number"
    if types.is_datetime64_any_dtype(values) or types.is_timedelta64_dtype(values):
        return "date"
    if isinstance(values.dtype, pd.CategoricalDtype) or not types.is_object_dtype(values):
        return "text"
    met = {type(value) for value in values[values.notna()]}
    if all(issubclass(kind, datetime.date) for kind in met):
        return "date"
    if all(issubclass(kind, bool | np.bool_) for kind in met):
        return "truth"
    # Decimal is neither; it has no text and can be compared.
    numbers = all(hasattr(kind, "__float__") and not issubclass(kind, bool) for kind in met)
    return "number" if numbers else "text"


def _numbers(values: pd.Series, kind: str) -> np.ndarray:
    import pandas as pd

    if kind == "number":
        return values.astype(object).where(values.notna(), np.nan).to_numpy(dtype=float) if (
            values.dtype == object
        ) else values.to_numpy(dtype=float, na_value=np.nan)  # fmt: skip
    if pd.api.types.is_timedelta64_dtype(values):
        return (values / pd.Timedelta(days=1)).to_numpy(dtype=float)
    try:
        moments = pd.to_datetime(values, utc=True)
    except (ValueError, TypeError, OverflowError):
        raise UserError(
            f"The column '{shown(str(values.name))}' holds dates that cannot be read: write YYYY-MM-DD."
        ) from None
    return ((moments - pd.Timestamp(0, tz="UTC")) / pd.Timedelta(days=1)).to_numpy(dtype=float)


def row_numbers(columns: Sequence[Column]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Number the distinct records over all tables; per table, the number of each of its records."""
    parts = ("training", "synthetic", "control")
    number = np.zeros(sum(len(getattr(columns[0], part)) for part in parts), dtype=np.int64)
    for column in columns:
        values = np.concatenate([getattr(column, part) for part in parts])
        _, codes = np.unique(values, return_inverse=True)
        # Numbered anew after each column, so that the product cannot overflow.
        _, number = np.unique(number * (int(codes.max()) + 1) + codes, return_inverse=True)
    ends = np.cumsum([len(getattr(columns[0], part)) for part in parts])[:-1]
    training, synthetic, control = np.split(number, ends)
    return training, synthetic, control


def check_control(training: np.ndarray, control: np.ndarray) -> str:
    """Return a note on control records that equal a training record, as :func:`row_numbers` numbers them.

    Records of two people can be equal by chance, as often as records within the training table are.

    Raises:
        UserError: if there are more of them than chance can explain.
    """
    equal = int(np.isin(control, training).sum())
    if not equal:
        return ""
    _, where, count = np.unique(training, return_inverse=True, return_counts=True)
    twins = float((count[where] > 1).mean())
    # Equal records come in twos and more: at most half of them say something of their own.
    certain = wilson(equal / 2, len(control) / 2)[0]
    if certain > wilson(twins * len(training) / 2, len(training) / 2)[1]:
        raise UserError(
            f"{equal:,} of {len(control):,} control records are training records as well: "
            "hold the control group back before the synthetic data are made."
        )
    return (
        f"{equal:,} of {len(control):,} control records equal a training record, no more than records "
        "of different people are equal by chance here."
    )
