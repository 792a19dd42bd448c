"""Try every injection on every kind of session, and count what each gave away."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from secure_ai.access.database.guard import literal, setting_name, sign
from secure_ai.access.database.looks import in_charge_of
from secure_ai.access.database.refusals import import_psycopg
from secure_ai.access.database.sessions import ProtectedDatabase
from secure_ai.attack.injection.attempts import ATTEMPTS, Attempt
from secure_ai.attack.injection.careless import (
    SETTING,
    CarelessSessions,
    careless_search,
    careless_sessions,
    parametrized_search,
)
from secure_ai.core.errors import UserError

if TYPE_CHECKING:
    import psycopg

CARELESS = ("setting", "role", "own login")
SESSIONS = (*CARELESS, "signed", "parametrized")
SERVER_FILE = "postgresql.conf"


@dataclass(frozen=True, eq=False)
class Injections:
    """What each injection gave away, by kind of session; numbers of rows, never values.

    Attributes:
        table: attempt, then one column for each kind of session (``setting``: a setting says who asks;
            ``role``: SET ROLE from a pooled login; ``own login``: one login for each person; ``signed``:
            the signed session, with the same careless query; ``parametrized``: the signed session with a
            query done right), then ``answer``, PostgreSQL's to the signed session, and ``why`` it holds.
    """

    table: pd.DataFrame

    def succeeded(self, session: str) -> int:
        """Count the attempts that gave something away in a kind of session."""
        return int((self.table[session] > 0).sum())

    def sentence(self) -> str:
        """Say how many of the attempts succeeded, by kind of session."""
        counts = {name: self.succeeded(name) or "none" for name in SESSIONS}
        return (
            f"{len(self.table)} injections were tried. Where a plain setting says who asks, "
            f"{counts['setting']} gave something away; where the session switches role, {counts['role']}; "
            f"with a login for each person, {counts['own login']}. With the signed setting: "
            f"{counts['signed']}; with a query done right as well: {counts['parametrized']}."
        )

    def to_frame(self) -> pd.DataFrame:
        """Return the table."""
        return self.table


def try_injections(
    protected: ProtectedDatabase, staff_id: str, other_staff_id: str, purpose: str | None = None
) -> Injections:
    """Try every injection as ``staff_id``, who wants the rows of ``other_staff_id``.

    The careless sessions are made for it and dropped again; every attempt runs in a transaction of its own
    that is rolled back.

    Args:
        purpose: a purpose that opens only the rows that one is in charge of; the first such if left out.

    Raises:
        UserError: if one of the two may not act for the purpose, or the other has no rows of his own.
    """
    purpose = purpose or _purpose(protected)
    mine, theirs = (in_charge_of(protected, who, purpose) for who in (staff_id, other_staff_id))
    if not theirs - mine or not mine:
        raise UserError(
            "Choose two members of staff, each in charge of somebody, not of the same people only."
        )
    with careless_sessions(protected, purpose, (staff_id, other_staff_id)) as careless:
        trial = _Trial(
            protected,
            careless,
            purpose,
            staff_id,
            other_staff_id,
            frozenset(mine),
            protected.database.administrator,
        )
        rows = []
        for attempt in ATTEMPTS:
            outcomes = {name: trial.run(attempt, name) for name in SESSIONS}
            gained = {name: outcome.gained for name, outcome in outcomes.items()}
            answer = outcomes["signed"].answer()
            rows.append({"attempt": attempt.name, **gained, "answer": answer, "why": attempt.why})
    return Injections(pd.DataFrame(rows))


def injection_table(
    protected: ProtectedDatabase, staff_id: str, other_staff_id: str, purpose: str | None = None
) -> pd.DataFrame:
    """Return :func:`try_injections` as a table."""
    return try_injections(protected, staff_id, other_staff_id, purpose).to_frame()


def _purpose(protected: ProtectedDatabase) -> str:
    for purpose in protected.declaration.purposes:
        if purpose.rows == "in charge":
            return purpose.name
    raise UserError("No purpose of this database limits rows: an injection has nothing to gain.")


@dataclass(frozen=True)
class _Outcome:
    gained: int
    sqlstate: str

    def answer(self) -> str:
        return (
            f"refused ({self.sqlstate})"
            if self.sqlstate
            else "own rows only"
            if not self.gained
            else "given away"
        )


@dataclass(frozen=True)
class _Trial:
    protected: ProtectedDatabase
    careless: CarelessSessions
    purpose: str
    me: str
    other: str
    mine: frozenset[str]
    administrator: str

    def run(self, attempt: Attempt, session: str) -> _Outcome:
        """Return what one attempt gained in one kind of session, and how PostgreSQL answered."""
        psycopg = import_psycopg()
        declared = self.protected.declaration
        table = declared.table(declared.subject_table)
        search = parametrized_search if session == "parametrized" else careless_search
        opened = self._sessions()[session]
        said: list[str] = []
        state = ""
        results: list[list[tuple]] = []

        def listen(notice: object) -> None:
            said.append(notice.message_primary or "")

        with ExitStack() as stack:
            tokens = self._tokens(stack, attempt, opened, session)
            with opened(self.me) as connection:
                text = attempt.payload.format(**self._values(session, table.name, table.key), **tokens)
                connection.add_notice_handler(listen)
                connection.autocommit = False
                try:
                    results = search(connection, table.name, table.key, text)
                except psycopg.Error as error:
                    said.append(str(error))
                    state = error.sqlstate or ""
                finally:
                    connection.rollback()
                    connection.autocommit = True
                    connection.remove_notice_handler(listen)
        return _Outcome(self._gain(attempt, results, said), state)

    def _tokens(self, stack: ExitStack, attempt: Attempt, opened: Callable, session: str) -> dict[str, str]:
        """What the attacker holds of the other: of a session that is open, and of one that is over."""
        if attempt.gain == "mentions":
            # The other is at work in a session of his own, which nobody touches: pg_stat_activity shows it.
            stack.enter_context(opened(self.other))
        if session in CARELESS:
            return {"stolen": self.other, "earlier": self.other}
        if "{stolen}" not in attempt.payload and "{earlier}" not in attempt.payload:
            return {"stolen": "", "earlier": ""}
        stolen = _token(self, stack.enter_context(opened(self.other)))
        # A pooled connection is handed out again: before to the other, next to the attacker.
        with opened(self.other) as before:
            return {"stolen": stolen, "earlier": _token(self, before)}

    def _gain(self, attempt: Attempt, results: list[list[tuple]], said: list[str]) -> int:
        if attempt.gain == "rows":
            return len(results[-1]) if results else 0
        cells = [str(cell) for rows in results for row in rows for cell in row]
        if attempt.gain == "mentions":
            return sum(self.other in cell for cell in cells)
        letters, digits = _shape(self.mine)
        found = re.findall(rf"\b{letters}\d{{{digits}}}\b", "\n".join([*cells, *said]))
        return len(set(found) - self.mine)

    def _sessions(self) -> dict[str, Callable]:
        @contextmanager
        def signed(staff_id: str) -> Iterator:
            with self.protected.as_user(staff_id, self.purpose) as session:
                yield session.connection

        ours = {"signed": signed, "parametrized": signed}
        careless = self.careless
        return (
            dict(zip(CARELESS, (careless.by_setting, careless.by_role, careless.by_login), strict=True))
            | ours
        )

    def _values(self, session: str, table: str, key: str) -> dict[str, object]:
        ours = session not in CARELESS
        prefix = self.protected.prefix
        others = [p.name for p in self.protected.declaration.purposes if p.name != self.purpose]
        letters, digits = _shape(self.mine)
        return {
            "table": table,
            "key": key,
            "me": self.me,
            "other": self.other,
            "setting": setting_name(prefix) if ours else SETTING,
            "other_role": self.protected.login(others[0])[0] if ours else self.careless.roles[self.other],
            "superuser": self.administrator,
            "guard": f"{prefix}_guard",
            "data": self.protected.schema,
            "writable": self.careless.schema if session == "setting" else self.protected.schema,
            "own": ", ".join(literal(key) for key in sorted(self.mine)),
            "letters": letters,
            "digits": digits,
            "file": SERVER_FILE,
            "forged": self._forged(),
        }

    def _forged(self) -> str:
        return sign(
            b"guessed",
            login=self.protected.login(self.purpose)[0],
            staff_id=self.other,
            purpose=self.purpose,
            expires=4_000_000_000_000,
            pid=1,
            started="0",
            nonce="0",
        )


def _token(trial: _Trial, connection: psycopg.Connection) -> str:
    """The token of a signed session, as an injection in that session would read it."""
    return connection.execute(
        "SELECT current_setting(%s)", (setting_name(trial.protected.prefix),)
    ).fetchone()[0]


def _shape(identifiers: frozenset[str]) -> tuple[str, int]:
    """The letters and the number of digits of identifiers such as P000000001."""
    found = re.fullmatch(r"([A-Za-z]+)(\d+)", min(identifiers))
    if not found:
        raise UserError("The injections need identifiers of letters and digits, such as P000000001.")
    return found.group(1), len(found.group(2))
