"""What PostgreSQL answers instead of rows, in a sentence that holds no value of any row."""

from __future__ import annotations

import re
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING

import pandas as pd

from secure_ai.core.errors import UserError

if TYPE_CHECKING:
    import psycopg

# Raised by the guard's functions: class SA is ours, PostgreSQL leaves it free (appendix A, "Error Codes").
NO_CONTEXT, FORGED_CONTEXT, EXPIRED_CONTEXT, NOT_ELIGIBLE, OTHER_PURPOSE = (
    "SA001",
    "SA002",
    "SA003",
    "SA004",
    "SA005",
)
CONTEXT_REFUSALS = {
    NO_CONTEXT: "the session does not say who is asking and for what",
    FORGED_CONTEXT: "what the session says about who is asking was not signed for this session",
    EXPIRED_CONTEXT: "the session's time is over: open a new one",
    NOT_ELIGIBLE: "nobody of that identifier is on the staff in a role that may act for this purpose",
    OTHER_PURPOSE: "the session acts for another purpose",
}
DENIED = "42501"
_OBJECT = re.compile(
    r"permission denied for (?:table|view|relation|function|schema|sequence) \"?([A-Za-z0-9_]{1,63})\"?"
)


@dataclass(frozen=True)
class Refusal:
    """PostgreSQL said no.

    Attributes:
        reason: why, in words; identifiers of tables at most, never a value.
        sqlstate: PostgreSQL's five characters (42501 is ``insufficient_privilege``).
        target: the table, view or function that was refused; empty where the server does not name it.
    """

    reason: str
    sqlstate: str
    target: str = ""

    def sentence(self) -> str:
        """Say what was refused and why."""
        return f"Refused by PostgreSQL ({self.sqlstate}): {self.reason}."

    def to_frame(self) -> pd.DataFrame:
        """Return the refusal as a table of one row."""
        return pd.DataFrame([{"target": self.target, "reason": self.reason, "sqlstate": self.sqlstate}])

    def _repr_markdown_(self) -> str:
        return self.sentence()


class RefusedError(UserError):
    """PostgreSQL refused a statement; ``refusal`` says why."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.sentence())
        self.refusal = refusal


class ContextExpiredError(RefusedError):
    """The session's time is over; a new one has to be opened."""


class AccessRefusedError(UserError):
    """PostgreSQL does not let a user in."""


def import_psycopg() -> ModuleType:
    """Return psycopg.

    Raises:
        UserError: if it is not installed.
    """
    try:
        import psycopg
    except ImportError:
        raise UserError("PostgreSQL needs the package psycopg[binary], which is not installed.") from None
    return psycopg


def connection_error(error: psycopg.Error) -> UserError:
    """Turn a failed connection into a sentence without address, user or password."""
    text = str(error).lower()
    if "password" in text or error.sqlstate in {"28P01", "28000"}:
        return AccessRefusedError(
            "PostgreSQL did not accept the user or the password: check both in DATABASE_URL."
        )
    if error.sqlstate == "3D000" or ("database" in text and "does not exist" in text):
        return UserError("The database of that name does not exist on the server: check DATABASE_URL.")
    if "too many" in text or error.sqlstate == "53300":
        return UserError("PostgreSQL takes no further connections: close some sessions and try again.")
    return UserError(
        "PostgreSQL cannot be reached: check that it is running and that the address in DATABASE_URL is "
        "right, or leave DATABASE_URL out to use the embedded server."
    )


def statement_error(error: psycopg.Error) -> UserError:
    """Turn a failed statement into a sentence that holds no value.

    PostgreSQL's primary message can quote a value (``invalid input syntax for type integer: "..."``) and its
    DETAIL a whole row (``Key (ssn)=(...) already exists``, ``Failing row contains (...)``): neither is
    passed on. Names of tables and constraints are.
    """
    state = error.sqlstate or ""
    if state in CONTEXT_REFUSALS:
        kind = ContextExpiredError if state == EXPIRED_CONTEXT else RefusedError
        return kind(Refusal(CONTEXT_REFUSALS[state], state))
    if state == DENIED:
        return RefusedError(denial(error))
    if state.startswith("23"):
        where = f" of table {error.diag.table_name}" if error.diag.table_name else ""
        which = f" {error.diag.constraint_name}" if error.diag.constraint_name else ""
        return UserError(f"The row breaks the rule{which}{where} ({state}): nothing was written.")
    if state.startswith("22"):
        return UserError(
            f"A value does not have the type or range that the query needs ({state}): check the parameters "
            "and casts. The value is not shown."
        )
    if state in {"57014", "25P03", "55P03"}:
        return UserError(f"The query was stopped because it took too long ({state}): ask for less.")
    if state.startswith("42"):
        return UserError(
            f"PostgreSQL does not understand the query ({state}): check the spelling of tables, columns and "
            "types, and that a call holds one statement."
        )
    if not state and isinstance(error, import_psycopg().ProgrammingError):
        return UserError("The query's %s placeholders and its parameters do not match in number or type.")
    if state.startswith(("08", "57")) or not state:
        return UserError(
            "The connection to PostgreSQL was lost before the answer was complete: nothing is kept of it. "
            "Open a new session."
        )
    return UserError(f"PostgreSQL could not run the query ({state}).")


def denial(error: psycopg.Error) -> Refusal:
    """Describe an ``insufficient_privilege``: the object that PostgreSQL names, and nothing of a row."""
    message = error.diag.message_primary or ""
    found = _OBJECT.search(message)
    if found:
        kind = message.removeprefix("permission denied for ").split()[0]
        return Refusal(f"permission denied for {kind} {found.group(1)}", DENIED, found.group(1))
    if "row-level security policy" in message:
        table = error.diag.table_name or ""
        return Refusal("the row is not one that this session may write", DENIED, table)
    return Refusal("permission denied", DENIED)
