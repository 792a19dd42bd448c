"""One embedded PostgreSQL with the hospital and the bank in it, for all tests of the room."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd
import pytest

from secure_ai.access.database.schema import protect
from secure_ai.access.database.server import Database, database
from secure_ai.access.database.sessions import ProtectedDatabase
from synthetic_data import load

SMALL_ZIP3 = ("036", "059", "102")


@dataclass(frozen=True)
class Sector:
    """A protected database and the frames that it was made from."""

    protected: ProtectedDatabase
    tables: dict[str, pd.DataFrame]

    def staff(self, *roles: str) -> pd.DataFrame:
        staff = self.tables["staff"]
        return staff[staff["role"].isin(roles)]


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Database]:
    with database(url="") as opened:
        yield opened


@pytest.fixture(scope="session")
def sectors(postgresql: Database) -> dict[str, Sector]:
    built = {}
    for name in ("healthcare", "finance"):
        tables = dict(load(name, rows=300, seed=1).tables)
        built[name] = Sector(protect(postgresql, tables, name, small_zip3=SMALL_ZIP3), tables)
    return built


@pytest.fixture(scope="session")
def hospital(sectors: dict[str, Sector]) -> Sector:
    return sectors["healthcare"]


@pytest.fixture(scope="session")
def bank(sectors: dict[str, Sector]) -> Sector:
    return sectors["finance"]
