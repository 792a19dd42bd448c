"""Values of a table that many rows share: codes, exact numbers, and last digits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

MOST_PER_COLUMN = 120
MOST = 700
ENDINGS = (10, 100)
FEW_VALUES = 30


@dataclass(frozen=True)
class Item:
    """One value of one column.

    Attributes:
        column: the column.
        value: its value, or its ending.
        modulus: of the ending; 0 for a value.
    """

    column: Any
    value: Any
    modulus: float = 0


def list_items(frame: pd.DataFrame, least: int) -> tuple[list[Item], np.ndarray]:
    """Return the values that ``least`` rows or more share, and (rows, items) float32: 1 where a row has it.

    Of a column with many such values the most frequent are taken, of all items again the most frequent ones.
    """
    found: list[tuple[int, Item, np.ndarray]] = []
    for column in frame.columns:
        values = frame[column]
        found += _values(column, values, least)
        numeric = pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values)
        if numeric and values.nunique() > FEW_VALUES:
            found += _endings(column, values.to_numpy(dtype=float), least)
    found.sort(key=lambda one: -one[0])
    found = found[:MOST]
    members = (
        np.stack([one[2] for one in found], axis=1).astype(np.float32)
        if found
        else np.zeros((len(frame), 0), dtype=np.float32)
    )
    return [one[1] for one in found], members


def _values(column: Any, values: pd.Series, least: int) -> list[tuple[int, Item, np.ndarray]]:
    counts = values.value_counts()
    counts = counts[(counts >= least) & (counts < len(values))].head(MOST_PER_COLUMN)
    return [
        (int(count), Item(column, value), (values == value).to_numpy(dtype=bool))
        for value, count in counts.items()
    ]


def _endings(column: Any, values: np.ndarray, least: int) -> list[tuple[int, Item, np.ndarray]]:
    """Last digits of whole numbers; of amounts in cents the cents."""
    found = []
    for scale, moduli in ((1, ENDINGS), (100, (100,))):
        whole = np.round(values * scale)
        if not np.allclose(values * scale, whole, atol=1e-6):
            continue
        for modulus in moduli:
            endings = np.mod(whole, modulus)
            kinds, counts = np.unique(endings, return_counts=True)
            for kind, count in zip(kinds, counts, strict=True):
                if least <= count < len(values):
                    unit = float(kind / scale) if scale > 1 else int(kind)
                    found.append((int(count), Item(column, unit, modulus / scale), endings == kind))
        break
    return found
