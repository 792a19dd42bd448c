"""What row-level security costs: the same rows by the rule of the database and by a hand-written filter."""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass

import pandas as pd

from secure_ai.access.database.guard import quoted
from secure_ai.access.database.refusals import import_psycopg, statement_error
from secure_ai.access.database.sessions import ProtectedDatabase
from secure_ai.core.errors import UserError


@dataclass(frozen=True)
class RowSecurityCost:
    """The time of one query with and without row-level security.

    Attributes:
        table: the table.
        rows: the rows that both queries returned.
        with_rule: seconds a query with row-level security and a signed session (median).
        with_filter: seconds for the same rows without it, by a filter written by hand (median).
        uses_index: whether PostgreSQL finds the rows of the rule through an index.
    """

    table: str
    rows: int
    with_rule: float
    with_filter: float
    uses_index: bool

    @property
    def added_milliseconds(self) -> float:
        """What the rule adds to one query; mostly the check of the signature and the list of subjects."""
        return (self.with_rule - self.with_filter) * 1000

    def sentence(self) -> str:
        """Say what it costs."""
        way = "through an index" if self.uses_index else "by reading the whole table"
        return (
            f"{self.rows:,} rows of {self.table} took {self.with_rule * 1000:.2f} ms with the rule of the "
            f"database and {self.with_filter * 1000:.2f} ms with a filter written by hand; PostgreSQL finds "
            f"them {way}."
        )

    def to_frame(self) -> pd.DataFrame:
        """Return both ways as a table: way, rows, milliseconds, rows_per_second."""
        seconds = {"row-level security": self.with_rule, "filter by hand": self.with_filter}
        return pd.DataFrame(
            {
                "way": list(seconds),
                "rows": self.rows,
                "milliseconds": [value * 1000 for value in seconds.values()],
                "rows_per_second": [self.rows / value for value in seconds.values()],
            }
        )


def measure_rls_cost(
    protected: ProtectedDatabase, staff_id: str, purpose: str, table: str, *, repeats: int = 30
) -> RowSecurityCost:
    """Time how long a member of staff's rows take with row-level security and with a filter by hand.

    Both queries read the same columns of the same rows on connections that are open already. The
    second one runs as the administrator, in a transaction that lifts the rule and is rolled back.

    Raises:
        UserError: if the purpose does not open the table, or the user may not act for it.
    """
    psycopg = import_psycopg()
    declared = protected.declaration.purpose(purpose)
    if table not in declared.columns or repeats < 1:
        raise UserError(
            f"Name a table that {purpose} opens ({', '.join(declared.columns)}) and repeats from 1."
        )
    found = protected.declaration.table(table)
    columns = ", ".join(quoted(name) for name in declared.columns[table])
    name = f"{quoted(protected.schema)}.{quoted(table)}"
    query = f"SELECT {columns} FROM {name}"
    try:
        with protected.as_user(staff_id, purpose) as session, protected.database.connect() as administrator:
            ruled = session.connection
            rows = len(ruled.execute(query).fetchall())
            plan = ruled.execute(f"EXPLAIN (COSTS OFF) {query}").fetchall()
            if declared.rows == "in charge":
                subjects = ruled.execute(f"SELECT DISTINCT {quoted(found.subject)} FROM {name}").fetchall()
                where, params = f" WHERE {quoted(found.subject)} = ANY (%s)", ([key for (key,) in subjects],)
            else:
                where, params = "", ()
            with administrator.transaction(force_rollback=True):
                # Only the lock of a moment: nothing of it is committed.
                administrator.execute(f"SET LOCAL ROLE {quoted(protected.prefix + '_owner')}")
                administrator.execute(f"ALTER TABLE {name} NO FORCE ROW LEVEL SECURITY")
                # The lock would keep the other connection waiting, so the hand-written one is timed alone.
                by_hand = [_seconds(administrator, query + where, params) for _ in range(repeats)]
            by_rule = [_seconds(ruled, query, ()) for _ in range(repeats)]
    except psycopg.Error as error:
        raise statement_error(error) from None
    return RowSecurityCost(
        table,
        rows,
        statistics.median(by_rule),
        statistics.median(by_hand),
        any("Index" in line or "Bitmap" in line for (line,) in plan),
    )


def _seconds(connection: object, query: str, params: tuple) -> float:
    start = time.perf_counter()
    connection.execute(query, params).fetchall()
    return time.perf_counter() - start
