"""A PostgreSQL for one task: a table of people, the account of a model, and injections."""

from __future__ import annotations

import atexit
import secrets
from collections.abc import Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from secure_ai.access.database.refusals import import_psycopg
from secure_ai.access.database.server import Database, database
from secure_ai.attack.injection.attempts import ATTEMPTS, Attempt
from secure_ai.attack.injection.careless import careless_search

if TYPE_CHECKING:
    import psycopg

SCHEMA, TABLE, KEY = "records", "people", "reference"
OWNER, ACCOUNT, STRANGER = "record_owner", "model_account", "other_account"
FEATURES = ("reference", "city", "age", "visits")
COLUMNS = {
    "reference": "text", "name": "text", "ssn": "text", "city": "text", "age": "integer",
    "visits": "integer", "consent": "boolean",
}  # fmt: skip
CITIES = ("Springfield", "Riverton", "Lakeview", "Georgetown")
CARELESS = f"GRANT SELECT ON {TABLE} TO {ACCOUNT};"
TRIED = (
    "always true",
    "UNION over the table",
    "RESET ROLE",
    "SET SESSION AUTHORIZATION",
    "function in WHERE that prints what it sees",
    "switch row-level security off",
    "ALTER TABLE ... DISABLE ROW LEVEL SECURITY",
    "one column more",
    "change rows",
)
WRITES = {"INSERT": "any_column", "UPDATE": "any_column", "DELETE": "table", "TRUNCATE": "table"}
MILLISECONDS = 400  # for any one statement: a loop in it ends


@dataclass(frozen=True)
class Reach:
    """What the account of the model can do after somebody's statements.

    Attributes:
        problem: PostgreSQL's answer to statements that it does not run; the rest then says nothing.
        columns: columns of the table that the account may read.
        shown: references of the rows that it sees; None if it may not read that column.
        writes: what it may change: INSERT, UPDATE, DELETE or TRUNCATE.
        others: further tables or views that it may read.
        public: whether an account that nobody named may read the table, too.
        switched_on: whether row-level security is on.
        policies: how many there are.
    """

    problem: str = ""
    columns: frozenset[str] = frozenset()
    shown: frozenset[str] | None = None
    writes: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    public: bool = False
    switched_on: bool = False
    policies: int = 0


def invented_people(rng: np.random.Generator, count: int = 30) -> pd.DataFrame:
    """Return invented rows; consent is true, false or empty (never asked), each at five ages at least."""
    asked = [True] * 5 + [False] * 5 + [None] * 5
    consent = [*asked, *(rng.choice(np.array([True, False, None], dtype=object), count - len(asked)))]
    spread = [18 + 14 * (place % 5) + int(rng.integers(14)) for place in range(len(asked))]
    age = np.array([*spread, *rng.integers(18, 90, count - len(asked))])
    order = rng.permutation(count)
    return pd.DataFrame(
        {
            "reference": [f"r{number:06d}" for number in rng.choice(1_000_000, count, replace=False)],
            "name": [f"Person {number}" for number in rng.choice(10_000, count, replace=False)],
            "ssn": [f"900-00-{number:04d}" for number in rng.choice(10_000, count, replace=False)],
            "city": rng.choice(CITIES, count),
            "age": age[order],
            "visits": rng.integers(0, 9, count),
            "consent": np.array(consent, dtype=object)[order],
        }
    )


class ModelDatabase:
    """A server of its own with the owner of the table and the account of the model; close it at the end."""

    def __init__(self) -> None:
        self._server: Database = database("")  # never the organization's own
        self._password = secrets.token_urlsafe(24)
        with self._server.connect() as administrator:
            for role in (OWNER, ACCOUNT, STRANGER):
                administrator.execute(f"CREATE ROLE {role} LOGIN PASSWORD '{self._password}'")
                administrator.execute(f"ALTER ROLE {role} SET statement_timeout = {MILLISECONDS}")
                administrator.execute(f"ALTER ROLE {role} SET search_path = {SCHEMA}")

    def reach(self, statements: str, people: pd.DataFrame) -> Reach:
        """Return what the account can do with a new table of ``people`` after the owner's ``statements``."""
        problem = self._build(statements, people)
        return Reach(problem) if problem else self._reach()

    def injections(self, statements: str, people: pd.DataFrame) -> pd.DataFrame:
        """Return what each injection gives away after the owner's ``statements``.

        The query behind the search field is careless; the account is that of the model.

        Returns:
            One row each: attempt, rows (of people who did not agree, of hidden columns, or changed).
        """
        problem = self._build(statements, people)
        hidden = set(people.loc[people["consent"].map(lambda given: given is not True), "reference"])
        chosen = [attempt for attempt in ATTEMPTS if attempt.name in TRIED]
        rows = [(one.name, 0 if problem else self._gain(one, hidden)) for one in chosen]
        return pd.DataFrame(rows, columns=["attempt", "rows"])

    def close(self) -> None:
        """Stop the server and remove its files."""
        self._server.close()

    def _connect(self, role: str) -> psycopg.Connection:
        return self._server.connect(role, self._password)

    def _build(self, statements: str, people: pd.DataFrame) -> str:
        """Make the table anew and run the owner's statements; return what PostgreSQL objects to."""
        psycopg = import_psycopg()
        if "\0" in statements:
            return "the text has a NUL character"
        with closing(self._server.connect()) as administrator:
            administrator.execute(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE")
            administrator.execute(f"CREATE SCHEMA {SCHEMA} AUTHORIZATION {OWNER}")
        columns = ", ".join(f"{name} {kind}" for name, kind in COLUMNS.items())
        with closing(self._connect(OWNER)) as owner:
            owner.execute(f"GRANT USAGE ON SCHEMA {SCHEMA} TO {ACCOUNT}, {STRANGER}")
            owner.execute(f"CREATE TABLE {TABLE} ({columns})")
            with owner.cursor() as cursor:
                marks = ", ".join(["%s"] * len(COLUMNS))
                values = people[list(COLUMNS)].astype(object).to_numpy().tolist()
                cursor.executemany(f"INSERT INTO {TABLE} VALUES ({marks})", values)
            try:
                owner.execute(statements.encode())
            except (psycopg.Error, ValueError) as error:
                message = getattr(getattr(error, "diag", None), "message_primary", None)
                return message or "the text cannot be sent"
        return ""

    def _reach(self) -> Reach:
        with closing(self._server.connect()) as administrator:

            def ask(query: str, *values: str) -> list:
                return administrator.execute(query, values).fetchall()

            name = f"{SCHEMA}.{TABLE}"
            if ask("SELECT to_regclass(%s)", name) == [(None,)]:
                return Reach(f'the table "{TABLE}" is gone')
            readable = ask(
                "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 "
                "AND NOT attisdropped AND has_column_privilege(%s, attrelid, attnum, 'SELECT')",
                name,
                ACCOUNT,
            )
            writes = [
                kind
                for kind, part in WRITES.items()
                if ask(f"SELECT has_{part}_privilege(%s, %s, %s)", ACCOUNT, name, kind)[0][0]
            ]
            others = ask(
                "SELECT relname FROM pg_class c WHERE relnamespace = %s::regnamespace "
                "AND relkind IN ('r', 'v', 'm', 'p', 'f') AND relname <> %s "
                "AND has_any_column_privilege(%s, c.oid, 'SELECT')",
                SCHEMA,
                TABLE,
                ACCOUNT,
            )
            public = ask("SELECT has_any_column_privilege(%s, %s, 'SELECT')", STRANGER, name)[0][0]
            on = ask("SELECT relrowsecurity FROM pg_class WHERE oid = %s::regclass", name)[0][0]
            policies = ask("SELECT count(*) FROM pg_policy WHERE polrelid = %s::regclass", name)[0][0]
        columns = frozenset(column for (column,) in readable)
        return Reach(
            columns=columns,
            shown=self._shown() if KEY in columns else None,
            writes=tuple(writes),
            others=tuple(other for (other,) in others),
            public=public,
            switched_on=on,
            policies=policies,
        )

    def _shown(self) -> frozenset[str] | None:
        psycopg = import_psycopg()
        try:
            with closing(self._connect(ACCOUNT)) as account:
                rows = account.execute(f"SELECT {KEY} FROM {TABLE}").fetchall()
        except psycopg.Error:
            return None
        return frozenset(reference for (reference,) in rows)

    def _gain(self, attempt: Attempt, hidden: set[str]) -> int:
        psycopg = import_psycopg()
        said: list[str] = []
        results: Sequence[list[tuple]] = []
        words = {"table": TABLE, "key": KEY, "data": SCHEMA, "superuser": self._server.administrator}
        with closing(self._connect(ACCOUNT)) as account:
            account.autocommit = False
            account.add_notice_handler(lambda notice: said.append(notice.message_primary or ""))
            with suppress(psycopg.Error):  # refused: what was said before still counts
                results = careless_search(account, TABLE, KEY, attempt.payload.format(**words))
        if attempt.gain == "rows":
            return len(results[-1]) if results else 0
        cells = {str(cell) for rows in results for row in rows for cell in row}
        return len(hidden & (cells | set(said)))


_running: list[ModelDatabase] = []


def model_database() -> ModelDatabase:
    """Return the server of this session, started where there is none yet."""
    if not _running:
        _running.append(ModelDatabase())
        atexit.register(close_model_database)
    return _running[0]


def close_model_database() -> None:
    """Stop the server of this session, if there is one."""
    while _running:
        _running.pop().close()
