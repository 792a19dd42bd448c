"""What `load` returns: tables, documents, images and the card of one sector."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from synthetic_data.cards import DataCard
from synthetic_data.text import SyntheticText

SECTORS = ("healthcare", "finance")


@dataclass(frozen=True)
class ScanImages:
    """Small grey-scale pictures for learning.

    Attributes:
        pixels: (n, 32, 32) uint8, 0 is black.
        labels: (n,) int8, 1 where the picture was labelled as holding what is looked for: a lesion in a scan,
            an altered amount in a deposited check.
        ids: (n,) identifiers of the pictures.
    """

    pixels: np.ndarray
    labels: np.ndarray
    ids: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class Dataset:
    """One sector's invented data.

    Attributes:
        sector: "healthcare" or "finance".
        seed: the seed that it was made from.
        rows: patients or transactions, as asked for.
        tables: name -> frame with snake_case columns.
        documents: name -> texts with their true identifier spans, in the order of the table of that name.
        images: scans, or None.
        card: what was built into the data.
    """

    sector: str
    seed: int
    rows: int
    tables: Mapping[str, pd.DataFrame]
    documents: Mapping[str, list[SyntheticText]] = field(default_factory=dict)
    images: ScanImages | None = None
    card: DataCard = field(default_factory=lambda: DataCard("Synthetic data"))

    def __getitem__(self, table: str) -> pd.DataFrame:
        try:
            return self.tables[table]
        except KeyError:
            known = ", ".join(self.tables)
            raise KeyError(f"There is no table {table!r} in {self.sector}; the tables are {known}.") from None

    def __repr__(self) -> str:
        tables = ", ".join(f"{name} {len(frame)}" for name, frame in self.tables.items())
        return f"Dataset({self.sector}, seed={self.seed}, rows={self.rows}: {tables})"


def check_request(sector: object, *, seed: object, rows: object) -> tuple[str, int, int]:
    """Check what the caller asked for.

    Returns:
        (sector, seed, rows) as plain values.

    Raises:
        ValueError: one sentence that names the argument and what is allowed.
    """
    if sector not in SECTORS:
        raise ValueError(f"Unknown sector {sector!r}; choose one of {', '.join(SECTORS)}.")
    seed = _whole("seed", seed, least=0)
    rows = _whole("rows", rows, least=1)
    return str(sector), seed, rows


def _whole(name: str, value: object, *, least: int) -> int:
    try:
        if isinstance(value, bool):
            raise TypeError
        number = operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        raise ValueError(f"{name} must be a whole number of at least {least}, not {value!r}.") from None
    if number < least:
        raise ValueError(f"{name} must be a whole number of at least {least}, not {number}.")
    return number


def concatenate(parts: list[dict[str, pd.DataFrame]]) -> dict[str, pd.DataFrame]:
    """Join the tables of several blocks, in the order given."""
    if len(parts) == 1:
        return parts[0]
    return {name: pd.concat([part[name] for part in parts], ignore_index=True) for name in parts[0]}


def blocks(rows: int, block_size: int) -> list[tuple[int, int]]:
    """(index, size) of the blocks that `rows` persons fall into; only the last may be smaller."""
    full, rest = divmod(rows, block_size)
    return [(index, block_size) for index in range(full)] + ([(full, rest)] if rest else [])
