"""A ledger of a hospital with a clock that the test moves."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from secure_ai.govern.consent import ConsentGate, ConsentLedger, ConsentText

KEY = bytes(range(32))


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = datetime(2026, 3, 1, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def move(self, **by: float) -> None:
        self.now += timedelta(**by)


class Desk:
    """A ledger, and what is needed to open it again."""

    def __init__(self, folder: Path, purposes: Any = "healthcare", where: str | None = None) -> None:
        self.clock = Clock()
        self.path, self.witness = folder / "consent.db", folder / "witness.jsonl"
        self.where = where or self.path
        self.options = {
            "key": KEY, "witness": self.witness, "purposes": purposes, "clock": self.clock,
        }  # fmt: skip
        self.ledger = ConsentLedger.create(self.where, actor="dpo", **self.options)
        self.gate = ConsentGate(self.ledger)

    def open(self, **changes: Any) -> ConsentLedger:
        return ConsentLedger(self.where, **{**self.options, **changes})

    def give(self, person: Any, purposes: Any = "research", **options: Any) -> Any:
        names = [purposes] if isinstance(purposes, str) else purposes
        text = ConsentText("leaflet", "2026-03", "What your records are used for.", tuple(names))
        return self.ledger.give(person, purposes, text=text, actor="desk", **options)


@pytest.fixture
def desk(tmp_path) -> Desk:
    return Desk(tmp_path)


@pytest.fixture
def bank(tmp_path) -> Desk:
    return Desk(tmp_path, "finance")


@pytest.fixture
def visits() -> pd.DataFrame:
    return pd.DataFrame({"patient_id": ["P1", "P1", "P2", "P3"], "cost": [10.0, 20.0, 40.0, 80.0]})
