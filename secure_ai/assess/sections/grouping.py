"""Groups of people to compare: numbers in bands, values named only where they may be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd

from secure_ai.assess.names import FEWEST, Names
from secure_ai.govern.fairness.cases import MOST_GROUPS, NOT_STATED, SMALL

# Numbers with more different values than this are banded.
MOST_VALUES = 12
OLDEST = 125
AGE_BANDS = {
    # 40: from which age US law protects workers; 62: "elderly" in 12 CFR 1002.2(o).
    "finance": ((25, 40, 62), ("under 25", "25 to 39", "40 to 61", "62 and over")),
    "healthcare": ((18, 45, 65), ("under 18", "18 to 44", "45 to 64", "65 and over")),
}
QUARTERS = ("lowest quarter", "second quarter", "third quarter", "highest quarter")
PROTECTED = ("SEX", "RACE_ETHNICITY", "NRP", "RELIGION", "SEXUAL_ORIENTATION", "DATE_OF_BIRTH", "AGE")
PROTECTED_WORDS = {
    "age", "sex", "gender", "race", "ethnicity", "ethnic", "religion", "nationality", "marital", "disability",
}  # fmt: skip


def groups_of(values: pd.Series, names: Names, sector: str) -> np.ndarray:
    """Return the group of each record, as it may be called.

    Ages are put into bands that the law of the sector knows, other numbers into quarters; values that fewer
    than 20 records share become ``"small groups"``, missing ones ``"not stated"``.

    Args:
        values: a column of the records.
        names: of the report.
        sector: ``"healthcare"`` or ``"finance"``.
    """
    if pd.api.types.is_datetime64_any_dtype(values.dtype):
        values = (pd.to_numeric(values).where(values.notna())).astype(float)
    numeric = pd.api.types.is_numeric_dtype(values.dtype) and not pd.api.types.is_bool_dtype(values.dtype)
    if numeric and values.nunique() > MOST_VALUES:
        return _banded(values.astype(float), sector)
    if pd.api.types.is_float_dtype(values.dtype) and (values.dropna() % 1 == 0).all():
        values = values.astype("Int64")  # whole numbers with gaps among them
    # As text: a nested value can be no key.
    texts = values.astype(object).map(str).where(values.notna().to_numpy(), None).astype(object)
    counts = texts.value_counts()
    called: dict[str, str] = {}
    for number, value in enumerate(sorted(counts.index), 1):
        count = int(counts[value])
        name = SMALL if count < FEWEST else names.value(value, count, number)
        called[value] = f"{name} ({number})" if name != SMALL and name in called.values() else name
    return np.array([called.get(text, NOT_STATED) for text in texts], dtype=object)


def both(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return the groups of people who are in one group by one column and in another by a second."""
    small = np.isin(first, (SMALL, NOT_STATED)) | np.isin(second, (SMALL, NOT_STATED))
    found = np.array([f"{one} / {other}" for one, other in zip(first, second, strict=True)], dtype=object)
    found[small] = SMALL
    names, places, counts = np.unique(found.astype(str), return_inverse=True, return_counts=True)
    rare = counts < FEWEST
    return np.where(rare[places], SMALL, names[places]).astype(object)


@dataclass(frozen=True)
class Grouping:
    """Groups of people: by one column, or ``crossed`` by two; ``labels`` is the group of each record."""

    name: str
    labels: np.ndarray
    crossed: bool = False


def groupings(columns: Sequence[str], frame: pd.DataFrame, names: Names, sector: str) -> list[Grouping]:
    """Return the groups by each column, and by every two columns together.

    Args:
        columns: to group by.
        frame: records with these columns.
        names: of the report.
        sector: ``"healthcare"`` or ``"finance"``.

    Returns:
        The single ones first; of two columns together those that do not make too many groups.
    """
    single = [Grouping(names.column(column), groups_of(frame[column], names, sector)) for column in columns]
    found = list(single)
    for one, other in combinations(single, 2):
        crossed = both(one.labels, other.labels)
        if 2 < len(set(crossed)) <= MOST_GROUPS:
            found.append(Grouping(f"{one.name} and {other.name}", crossed, True))
    return found


def _banded(values: pd.Series, sector: str) -> np.ndarray:
    words = str(values.name).lower().replace("_", " ").split()
    known = values.dropna()
    if any(word.startswith("age") for word in words) and known.between(0, OLDEST).all():
        limits, labels = AGE_BANDS[sector]
        places = np.searchsorted(limits, values.to_numpy(), side="right")
    else:
        # Names of quarters, not their limits: a limit is a value of somebody.
        limits = np.unique(np.quantile(known, (0.25, 0.5, 0.75)))
        labels = QUARTERS
        places = np.searchsorted(limits, values.to_numpy(), side="left")
    found = np.asarray(labels, dtype=object)[np.minimum(places, len(labels) - 1)]
    found[values.isna().to_numpy()] = NOT_STATED
    return found
