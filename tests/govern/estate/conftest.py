"""A small hospital and a small bank on disk, new for each test that changes them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from secure_ai.govern.estate import Estate, SqliteTable, Subject, build_estate, suppression
from synthetic_data import load

DAY = date(2026, 3, 1)


@pytest.fixture(scope="session")
def tables() -> dict:
    return {
        "healthcare": load("healthcare", rows=30, seed=3).tables,
        "finance": load("finance", rows=150, seed=3).tables,
    }


@pytest.fixture(autouse=True)
def cheap_tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the list of erased people cheap; ``test_keys_and_seeds.py`` keeps the cost that users have."""
    monkeypatch.setattr(suppression, "_COST", 1 << 4)


@pytest.fixture
def build(tmp_path: Path, tables: dict) -> Callable[..., Estate]:
    def make(sector: str = "healthcare", **options: object) -> Estate:
        return build_estate(tmp_path / sector, sector, tables[sector], seed=3, **options)

    return make


def busiest(estate: Estate) -> Subject:
    """Return the person with the most records: nearly every kind of store holds something."""
    main = "patients" if "patients" in {store.name for store in estate.stores} else "customers"
    count: Counter[str] = Counter()
    for store in estate.stores:
        if isinstance(store, SqliteTable) and store.by == "key" and store.name != main:
            # Texts are few: who has some of them, goes first.
            weight = 100 if store.kind == "notes" else 1
            count.update(
                {key: weight * n for key, n in Counter(k for (k,) in store.rows([store.column])).items()}
            )
    return estate.subject(max(sorted(count), key=count.__getitem__))
