"""The tables of a budget ledger, and the engine that opens them one writer at a time."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sqlalchemy import Engine, MetaData, Table

BUSY_SECONDS = 30
DEFAULT_WHO = "not said"


@dataclass(frozen=True)
class LedgerTables:
    """The three tables: one budget, the data sets that it covers, what was spent."""

    metadata: MetaData
    budget: Table
    data_set: Table
    spend: Table


@functools.cache
def tables() -> LedgerTables:
    """Return the tables. Amounts are decimal text: exact, and no float that grows a tail."""
    from sqlalchemy import CheckConstraint, Column, DateTime, Integer, MetaData, String, Table

    metadata = MetaData()
    budget = Table(
        "budget",
        metadata,
        Column("only", Integer, CheckConstraint("only = 1"), primary_key=True),
        Column("epsilon", String(400), nullable=False),
        Column("delta", String(400), nullable=False),
        Column("composition", String(10), nullable=False),
        Column("rho", String(400)),
        Column("person", String(500)),
        Column("salt", String(64), nullable=False),
        Column("spends", Integer, nullable=False),
    )
    data_set = Table(
        "data_set",
        metadata,
        Column("fingerprint", String(128), primary_key=True),
        Column("label", String(100), nullable=False),
        Column("at", DateTime(timezone=True), nullable=False),
    )
    spend = Table(
        "spend",
        metadata,
        Column("number", Integer, primary_key=True),
        Column("at", DateTime(timezone=True), nullable=False),
        Column("who", String(100), nullable=False),
        Column("what", String(500), nullable=False),
        Column("mechanism", String(50), nullable=False),
        Column("epsilon", String(400), nullable=False),
        Column("delta", String(400), nullable=False),
        Column("rho", String(400)),
    )
    return LedgerTables(metadata, budget, data_set, spend)


def engine_of(path: Path) -> Engine:
    """Return an engine whose every transaction takes the write lock before it reads."""
    from sqlalchemy import URL, create_engine, event
    from sqlalchemy.pool import NullPool

    engine = create_engine(
        URL.create("sqlite", database=str(path.resolve())),
        poolclass=NullPool,
        # The driver's own transactions begin too late, at the first write.
        connect_args={"timeout": BUSY_SECONDS, "isolation_level": None},
    )

    @event.listens_for(engine, "begin")
    def _begin(connection: Any) -> None:
        # Two processes that both read "enough is left" before either writes would overdraw.
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine
