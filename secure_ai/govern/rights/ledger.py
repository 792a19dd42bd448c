"""The register of requests: SQLite, one row per case and one per event; it names nobody."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from datetime import date
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, Literal, get_args

from secure_ai.core.errors import UserError
from secure_ai.core.intervals import wilson
from secure_ai.core.sqlite_files import transaction

if TYPE_CHECKING:
    import pandas as pd

Status = Literal["identify", "open", "decided", "review", "closed"]
Outcome = Literal["", "granted", "partly", "refused", "withdrawn"]


@dataclass(frozen=True, slots=True)
class Case:
    """One request and where it stands.

    Attributes:
        id: number in the register, ``"RR-000001"``.
        right, sector, residence, requester: as asked.
        law: under which it is answered.
        received, due: day of receipt, and the last day for an answer as it stands now.
        status: ``"identify"`` (waiting for a detail), ``"open"``, ``"decided"``, ``"review"`` (a second
            person looks), ``"closed"``.
        outcome: ``"granted"``, ``"partly"``, ``"refused"``, ``"withdrawn"``; empty while open.
        reason: why, in a sentence that can be sent to the requester; it names nobody.
        citations: the laws that the decision rests on.
        pseudonym: of the person, once identified.
        attempts: how often details did not identify anybody.
        extended: whether the extension was taken.
        asked: day on which a further detail was asked for, while it is awaited.
        suspended_days: for how long the clock stood still.
        acknowledged, answered: days; None while not yet.
        decision: id of the automated decision that it is about.
    """

    id: str
    right: str
    sector: str
    residence: str
    requester: str
    law: str
    received: date
    due: date
    status: Status = "open"
    outcome: Outcome = ""
    reason: str = ""
    citations: tuple[str, ...] = ()
    pseudonym: str = ""
    attempts: int = 0
    extended: bool = False
    asked: date | None = None
    suspended_days: int = 0
    acknowledge_by: date | None = None
    acknowledged: date | None = None
    answered: date | None = None
    decision: str = ""

    @property
    def in_time(self) -> bool | None:
        """Whether the answer came in time; None while there is none."""
        return None if self.answered is None else self.answered <= self.due


_NAMES = tuple(field.name for field in fields(Case))
_DATES = ("received", "due", "asked", "acknowledge_by", "acknowledged", "answered")


class Register:
    """All cases with their events, in one SQLite file.

    What a case needs while it is open (key of the person, values of a correction) is kept beside it and
    overwritten when it closes.

    A file is made with :meth:`create` once. Opening one that is not there is refused: a register that was
    lost is put back from its backup, for a new one would know nothing of what people asked.

    Args:
        path: of the file; in memory by default.

    Raises:
        UserError: if the file is not there, cannot be opened or is no register.
    """

    def __init__(self, path: str | Path = ":memory:") -> None:
        self.path = Path(path)
        if str(path) != ":memory:" and not (self.path.is_file() and self.path.stat().st_size):
            raise UserError(
                f"The register of requests {self.path.name} cannot be opened: it is not there, or empty. "
                "Put it back from the backup; a desk that never had one begins it with Register.create."
            )
        self._connect(path)

    @classmethod
    def create(cls, path: str | Path) -> Register:
        """Make a new register and open it.

        Raises:
            UserError: if something is there already, or the file cannot be made.
        """
        new = cls.__new__(cls)
        new.path = Path(path)
        if new.path.exists():
            raise UserError(f"{new.path.name} is there already: open it, or choose another name.")
        new._connect(path)
        return new

    def _connect(self, path: str | Path) -> None:
        try:
            self._base = sqlite3.connect(str(path), isolation_level=None, timeout=10)
            if self.path.is_file():
                self.path.chmod(0o600)
            self._base.execute("PRAGMA secure_delete=ON")
            # The columns are checked as well: a file of another program must not be written to.
            self._base.executescript(_SCHEMA)
            self._base.execute(f"SELECT {', '.join(_NAMES)} FROM cases LIMIT 0")
        except (sqlite3.Error, OSError):
            raise UserError(
                f"The register of requests {self.path.name} cannot be opened: check the path, its "
                "rights, and that it is a register."
            ) from None

    def new(self, case: Case, held: Mapping[str, Any]) -> Case:
        """Add a case under the next number and return it with that."""
        with self._transaction():
            number = self._base.execute("SELECT count(*) FROM cases").fetchone()[0] + 1
            case = replace(case, id=f"RR-{number:06d}")
            marks = ", ".join("?" * (len(_NAMES) + 1))
            self._base.execute(
                f"INSERT INTO cases ({', '.join(_NAMES)}, held) VALUES ({marks})",
                (*_row(case), json.dumps(dict(held))),
            )
        return case

    def save(self, case: Case, held: Mapping[str, Any] | None = None) -> Case:
        """Write the case as it stands now; ``held`` replaces what is kept beside it."""
        with self._transaction():
            marks = ", ".join(f"{name} = ?" for name in _NAMES)
            self._base.execute(f"UPDATE cases SET {marks} WHERE id = ?", (*_row(case), case.id))
            if held is not None or case.status == "closed":
                kept = {} if case.status == "closed" else dict(held or {})
                self._base.execute("UPDATE cases SET held = ? WHERE id = ?", (json.dumps(kept), case.id))
        return case

    def event(self, case_id: str, at: str, actor: str, action: str, reason: str = "") -> None:
        """Add what happened to a case."""
        with self._transaction():
            self._base.execute(
                "INSERT INTO events VALUES (?, ?, ?, ?, ?)", (case_id, at, actor, action, reason)
            )

    def case(self, case_id: str) -> Case:
        """Return a case.

        Raises:
            UserError: if there is none of that number.
        """
        row = self._one(f"SELECT {', '.join(_NAMES)} FROM cases WHERE id = ?", case_id)
        return _case(row)

    def held(self, case_id: str) -> dict[str, Any]:
        """Return what is kept beside an open case."""
        try:
            found = json.loads(self._one("SELECT held FROM cases WHERE id = ?", case_id)[0])
        except (ValueError, TypeError):
            raise UserError(_DAMAGED) from None
        if not isinstance(found, dict):
            raise UserError(_DAMAGED)
        return found

    def cases(self) -> list[Case]:
        """Return all cases in the order of their numbers."""
        return [
            _case(row) for row in self._base.execute(f"SELECT {', '.join(_NAMES)} FROM cases ORDER BY id")
        ]

    def events(self, case_id: str) -> pd.DataFrame:
        """Return what happened to a case: time, actor, action, reason."""
        import pandas as pd

        rows = self._base.execute(
            "SELECT at, actor, action, reason FROM events WHERE case_id = ?", (case_id,)
        )
        return pd.DataFrame(rows.fetchall(), columns=["time", "actor", "action", "reason"])

    def unidentified(self, since: date) -> int:
        """Return how many cases received since then wait for a detail."""
        query = "SELECT count(*) FROM cases WHERE status = 'identify' AND received >= ?"
        return self._base.execute(query, (since.isoformat(),)).fetchone()[0]

    def save_review(self, case_id: str, body: str) -> None:
        """Write the review of a case as it stands now."""
        with self._transaction():
            self._base.execute("INSERT OR REPLACE INTO reviews VALUES (?, ?)", (case_id, body))

    def review(self, case_id: str) -> str | None:
        """Return the review of a case; None where there is none."""
        row = self._base.execute("SELECT body FROM reviews WHERE case_id = ?", (case_id,)).fetchone()
        return row[0] if row else None

    def reviews(self) -> list[str]:
        """Return all reviews."""
        return [row[0] for row in self._base.execute("SELECT body FROM reviews ORDER BY case_id")]

    def statistics(self, today: date) -> pd.DataFrame:
        """Return one row per law and right: cases, outcomes, time, and the share in time with its interval.

        A case that waits for a detail of the requester is open, not overdue.

        Columns: law, right, cases, granted, partly, refused, open, overdue, extended, median_days (from
        receipt to answer), in_time (share of the answered and overdue ones; NaN where there are none), low,
        high (Wilson, 95 %).
        """
        import pandas as pd

        groups: dict[tuple[str, str], list[Case]] = {}
        for case in self.cases():
            groups.setdefault((case.law, case.right), []).append(case)
        rows = [_counts(law, right, found, today) for (law, right), found in sorted(groups.items())]
        return pd.DataFrame(rows, columns=list(_counts("", "", [], today)))

    def to_frame(self) -> pd.DataFrame:
        """Return the register, one row per case."""
        import pandas as pd

        return pd.DataFrame(
            [
                {name: getattr(case, name) for name in _NAMES} | {"in_time": case.in_time}
                for case in self.cases()
            ],
            columns=[*_NAMES, "in_time"],
        )

    def close(self) -> None:
        """Close the file."""
        self._base.close()

    def _one(self, query: str, case_id: str) -> tuple:
        row = self._base.execute(query, (str(case_id),)).fetchone()
        if row is None:
            raise UserError("The register has no case of that number: see register.to_frame().")
        return row

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        try:
            with transaction(self._base):
                yield
        except sqlite3.Error:
            raise UserError(
                f"The register of requests {self.path.name} cannot be written now: try again."
            ) from None


_SCHEMA = f"""
CREATE TABLE IF NOT EXISTS cases ({", ".join(_NAMES)}, held, PRIMARY KEY (id));
CREATE TABLE IF NOT EXISTS events (case_id, at, actor, action, reason);
CREATE TABLE IF NOT EXISTS reviews (case_id PRIMARY KEY, body);
"""


def _counts(law: str, right: str, cases: list[Case], today: date) -> dict[str, Any]:
    answered = [case for case in cases if case.answered is not None]
    overdue = [case for case in cases if case.answered is None and case.due < today and case.asked is None]
    judged, good = len(answered) + len(overdue), sum(bool(case.in_time) for case in answered)
    low, high = wilson(good, judged)
    days = [(case.answered - case.received).days for case in answered]
    outcomes = {
        name: sum(case.outcome == name for case in cases) for name in ("granted", "partly", "refused")
    }
    return {
        "law": law,
        "right": right,
        "cases": len(cases),
        **outcomes,
        "open": len(cases) - len(answered),
        "overdue": len(overdue),
        "extended": sum(case.extended for case in cases),
        "median_days": median(days) if days else float("nan"),
        "in_time": good / judged if judged else float("nan"),
        "low": low,
        "high": high,
    }


def _row(case: Case) -> tuple:
    values = []
    for name in _NAMES:
        value = getattr(case, name)
        if isinstance(value, date):
            value = value.isoformat()
        elif isinstance(value, tuple):
            value = json.dumps(value)
        values.append(int(value) if isinstance(value, bool) else value)
    return tuple(values)


def _case(row: tuple) -> Case:
    found = dict(zip(_NAMES, row, strict=True))
    try:
        for name in _DATES:
            found[name] = None if found[name] is None else date.fromisoformat(found[name])
        found["citations"] = tuple(json.loads(found["citations"]))
        found["extended"] = bool(found["extended"])
        _check(found)
    except (ValueError, TypeError):
        raise UserError(_DAMAGED) from None
    return Case(**found)


def _check(found: Mapping[str, Any]) -> None:
    texts = ("id", "right", "sector", "residence", "requester", "law", "reason", "pseudonym", "decision")
    if (
        found["status"] not in get_args(Status)
        or found["outcome"] not in get_args(Outcome)
        or not all(isinstance(found[name], str) for name in texts)
        or not all(isinstance(found[name], int) for name in ("attempts", "suspended_days"))
        or None in (found["received"], found["due"])
    ):
        raise ValueError


_DAMAGED = (
    "A case in the register of requests cannot be read: somebody or something changed the file. Put it "
    "back from the backup, and look who wrote to it."
)
