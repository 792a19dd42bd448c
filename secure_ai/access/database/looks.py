"""What the database answers to several people who ask for the same record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from secure_ai.access.database.guard import quoted
from secure_ai.access.database.refusals import Refusal
from secure_ai.access.database.sessions import ProtectedDatabase


def in_charge_of(protected: ProtectedDatabase, staff_id: str, purpose: str) -> set[str]:
    """Return the identifiers of the patients or customers whose rows a member of staff sees.

    Raises:
        UserError: if the person may not act for the purpose, or the purpose has no access to their table.
    """
    declared = protected.declaration
    table = declared.table(declared.subject_table)
    with protected.as_user(staff_id, purpose) as session:
        return set(session.rows(f"SELECT {quoted(table.key)} FROM {quoted(table.name)}").iloc[:, 0])


def who_sees(
    protected: ProtectedDatabase,
    record: str,
    askers: Mapping[str, tuple[str, str]],
    columns: Sequence[str],
) -> pd.DataFrame:
    """Let several people ask the database itself for one record, column by column.

    No value is returned, only whether there was one; every refusal stands in the audit trail.

    Args:
        protected: the database with its locks.
        record: identifier of a patient or customer.
        askers: how each is called in the table → (identifier of the member of staff or service, purpose).
        columns: of the table of patients or customers.

    Returns:
        who, purpose, and for each column ``shown``, ``refused`` or ``no such row``.

    Raises:
        UserError: if somebody may not act for the purpose, or there is no such column.
    """
    declared = protected.declaration
    table = declared.table(declared.subject_table)
    rows = []
    for who, (person, purpose) in askers.items():
        with protected.as_user(person, purpose) as session:
            found = [
                session.attempt(
                    f"SELECT {quoted(column)} FROM {quoted(table.name)} WHERE {quoted(table.key)} = %s",
                    [record],
                )
                for column in columns
            ]
        rows.append((who, purpose, *map(_answer, found)))
    return pd.DataFrame(rows, columns=["who", "purpose", *columns])


def _answer(found: pd.DataFrame | Refusal) -> str:
    if isinstance(found, Refusal):
        return "refused"
    return "shown" if len(found) else "no such row"
