"""Inventories that the tests of records share."""

from __future__ import annotations

from dataclasses import replace

import pytest

from secure_ai.core.sources import open_source
from secure_ai.discover import Inventory, inventory
from synthetic_data import load


@pytest.fixture(scope="session")
def inventories() -> dict[str, tuple[Inventory, ...]]:
    tables = {"healthcare": ("patients", "readmissions"), "finance": ("customers", "loans")}
    return {
        sector: tuple(
            replace(
                inventory(open_source(load(sector, rows=120, seed=3).tables[name]), sample=60), label=name
            )
            for name in names
        )
        for sector, names in tables.items()
    }
