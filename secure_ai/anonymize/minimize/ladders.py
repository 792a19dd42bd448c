"""Generalization ladders: for one column, its values as they are and the ever coarser forms of them.

A ZIP code goes from five digits to three, a date from day to month to year, an age to bands of five and
ten years, a number is rounded, and rare categories become one. A ladder reads no outcome: it says how
values can be made coarser, not whether they should.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from math import floor, log10
from typing import TYPE_CHECKING

from secure_ai.anonymize.deidentify.actions import OVER_89
from secure_ai.anonymize.deidentify.geography import zip3

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

OTHER = "other"
RARE_SHARE = 0.05
"""Categories of fewer rows than this share become one."""

OLDEST = 90
"""All ages from here on are one class, as in Safe Harbor."""

FEW_VALUES = 10
"""A number with no more different values is not rounded."""

MOST_CATEGORIES = 30
"""Categories that a model sees one by one; the rarer ones are one for it."""

_ISO_DATE = re.compile(r"\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?)?")
_ZIP = re.compile(r"\d{5}(?:-?\d{4})?")
_ZIP_WORDS = frozenset({"zip", "zipcode", "postal", "postcode", "plz"})
_AGE_WORDS = frozenset({"age", "alter", "edad"})


@dataclass(frozen=True)
class Level:
    """One rung of a ladder.

    Attributes:
        name: what stays, in words ("first three digits").
        kind: ``keep``, ``day``, ``month``, ``year``, ``zip3``, ``band``, ``round`` or ``merge``.
        parameter: width of bands, step of rounding, or the categories that stay.
    """

    name: str
    kind: str = "keep"
    parameter: float | frozenset[str] | None = None

    def apply(self, values: pd.Series) -> pd.Series:
        """Return ``values`` as this level shows them; a missing value stays missing."""
        import pandas as pd

        if self.kind == "keep":
            return values
        if self.kind in {"day", "month", "year"}:
            dates = _dates(values)
            if self.kind == "day":
                return dates.dt.normalize()
            if self.kind == "year":
                return dates.dt.year.astype("Int64")
            return dates.dt.strftime("%Y-%m").astype(object).where(dates.notna(), None)
        if self.kind == "zip3":
            return _text(values).map(lambda code: zip3(_five(code)), na_action="ignore")
        if self.kind == "band":
            return self._lower(values).map(self._band, na_action="ignore").astype(object)
        if self.kind == "round":
            step = float(self.parameter)
            rounded = (pd.to_numeric(values, errors="coerce") / step).round() * step
            return rounded.round(max(0, -floor(log10(step))))
        kept = _text(values)
        return kept.where(kept.isna() | kept.isin(self.parameter), OTHER)

    def numbers(self, values: pd.Series) -> np.ndarray:
        """Return ``values`` at this level as numbers for a model (dates as days); NaN where missing."""
        import pandas as pd

        if self.kind in {"day", "month", "year"} or is_date(values):
            dates = _dates(values)
            unit = {"month": "M", "year": "Y"}.get(self.kind)
            dates = dates.dt.to_period(unit).dt.start_time if unit else dates
            days = (dates - pd.Timestamp("1970-01-01")) / pd.Timedelta(days=1)
            return days.to_numpy(float)
        numbers = self._lower(values) if self.kind == "band" else self.apply(values)
        return pd.to_numeric(numbers, errors="coerce").to_numpy(float, na_value=float("nan"))

    def _lower(self, values: pd.Series) -> pd.Series:
        import pandas as pd

        width = float(self.parameter)
        return (pd.to_numeric(values, errors="coerce") // width * width).clip(upper=OLDEST)

    def _band(self, low: float) -> str:
        return OVER_89 if low >= OLDEST else f"{low:.0f}-{low + float(self.parameter) - 1:.0f}"


AS_IS = Level("as it is")


def is_date(values: pd.Series) -> bool:
    """Whether a column holds dates: by its type, or because every text in it is an ISO date."""
    import pandas as pd

    if pd.api.types.is_datetime64_any_dtype(values):
        return True
    if pd.api.types.is_numeric_dtype(values) or isinstance(values.dtype, pd.CategoricalDtype):
        return False
    present = values.dropna().head(1000).map(str)
    if not len(present) or not present.map(lambda text: bool(_ISO_DATE.fullmatch(text.strip()))).all():
        return False
    return bool(_dates(values.dropna()).notna().all())


def is_number(values: pd.Series) -> bool:
    """Whether a model should read a column as numbers (or days) rather than as categories."""
    return _is_real(values) or is_date(values)


def is_zip(name: str, values: pd.Series, entities: Collection[str] = ()) -> bool:
    """Whether a column holds ZIP codes: by name or inventory, and by the form of its values."""
    import pandas as pd

    if not ({"ZIP_CODE"} & set(entities) or _words(name) & _ZIP_WORDS):
        return False
    if pd.api.types.is_float_dtype(values) and not (values.dropna() % 1 == 0).all():
        return False
    texts = _text(values).dropna().head(1000).map(_five)
    return bool(len(texts)) and texts.map(lambda code: bool(_ZIP.fullmatch(code))).mean() > 0.9


def ladder(name: str, values: pd.Series, entities: Collection[str] = ()) -> tuple[Level, ...]:
    """Return the levels of a column, the finest first.

    Args:
        name: its name.
        values: its values.
        entities: what the inventory takes it for.
    """

    if is_zip(name, values, entities):
        return (Level("five digits"), Level("first three digits", "zip3"))
    if is_date(values):
        timed = bool((_dates(values).dropna().dt.normalize() != _dates(values).dropna()).any())
        start = (Level("date and time"), Level("date", "day")) if timed else (Level("date"),)
        return (*start, Level("month", "month"), Level("year", "year"))
    numeric = _is_real(values)
    if numeric and ({"AGE", "AGE_OVER_89"} & set(entities) or _words(name) & _AGE_WORDS):
        top = values.max()
        if values.min() >= 0 and 20 < top <= 130:
            return (Level("years"), *(Level(f"{width}-year bands", "band", width) for width in (5, 10)))
    if numeric:
        return (AS_IS, *_rounded(values))
    shares = _text(values).value_counts(normalize=True)
    frequent = frozenset(shares[shares >= RARE_SHARE].index)
    if len(shares) - len(frequent) >= 2 and frequent:
        return (AS_IS, Level(f"rare values (under {RARE_SHARE:.0%}) as '{OTHER}'", "merge", frequent))
    return (AS_IS,)


def encoded(values: pd.Series, level: Level, *, number: bool) -> np.ndarray:
    """Return ``values`` at ``level`` as columns for a model; the outcome is not read.

    A number becomes itself (standardized), four steps at its quintiles and, where values are missing, a
    flag; so a linear model can follow a curve. A category becomes one column for each frequent value.

    Returns:
        Floats, one row per value.
    """
    import numpy as np
    from sklearn.preprocessing import OneHotEncoder

    if not number:
        texts = _text(level.apply(values)).fillna("missing").to_numpy(object).reshape(-1, 1)
        return OneHotEncoder(
            sparse_output=False, max_categories=MOST_CATEGORIES, drop="if_binary"
        ).fit_transform(texts)
    numbers = level.numbers(values)
    missing = ~np.isfinite(numbers)
    numbers = np.where(missing, np.median(numbers[~missing]) if not missing.all() else 0.0, numbers)
    spread = numbers.std()
    parts = [(numbers - numbers.mean()) / (spread if spread > 0 else 1)]
    if len(np.unique(numbers)) > 2:
        steps = np.unique(np.quantile(numbers, [0.2, 0.4, 0.6, 0.8]))
        parts += [(numbers > step).astype(float) for step in steps if (numbers > step).any()]
    if missing.any():
        parts.append(missing.astype(float))
    return np.column_stack(parts)


def _is_real(values: pd.Series) -> bool:
    from pandas.api import types

    kind = values.dtype
    return types.is_numeric_dtype(kind) and not types.is_bool_dtype(kind) and not types.is_complex_dtype(kind)


def _rounded(values: pd.Series) -> tuple[Level, ...]:
    import numpy as np

    present = values.dropna()
    present = present[np.isfinite(present.to_numpy(float))]
    spread = float(present.std()) if len(present) > 1 else 0.0
    if present.nunique() <= FEW_VALUES or not 0 < spread < float("inf"):
        return ()
    levels = []
    for share in (0.25, 1.0):
        step = _nice(share * spread)
        rounded = (present / step).round()
        if rounded.nunique() < present.nunique() and rounded.nunique() > 1:
            levels.append(Level(f"rounded to {step:,g}", "round", step))
    return tuple(levels)


def _nice(step: float) -> float:
    """Return the greatest of 1, 2 and 5 times a power of ten that is not above ``step``."""
    power = 10.0 ** floor(log10(step))
    return next(nice * power for nice in (5, 2, 1) if nice * power <= step * (1 + 1e-9))


def _words(name: str) -> set[str]:
    return set(re.findall(r"[^\W\d_]+", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", str(name)).lower()))


def _text(values: pd.Series) -> pd.Series:
    import pandas as pd

    if pd.api.types.is_float_dtype(values) and (values.dropna() % 1 == 0).all():
        values = values.astype("Int64")
    return values.astype(object).map(str, na_action="ignore")


def _five(code: str) -> str:
    # A spreadsheet drops the zero in front of the ZIP codes of New England.
    code = code.strip()
    return code.zfill(5) if code.isdigit() and len(code) < 5 else code


def _dates(values: pd.Series) -> pd.Series:
    import pandas as pd

    dates = pd.to_datetime(values, errors="coerce", format=None if values.dtype.kind == "M" else "ISO8601")
    return dates.dt.tz_localize(None) if getattr(dates.dt, "tz", None) is not None else dates
