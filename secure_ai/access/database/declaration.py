"""What a protected database holds and who may read which columns of which rows: one declaration, then SQL."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import pandas as pd

from secure_ai.core.errors import UserError

_NAME = re.compile(r"[a-z][a-z0-9_]{0,30}\Z")
SERVICE_ROLE = "service_account"


@dataclass(frozen=True)
class Table:
    """A base table.

    Attributes:
        name: its name, in the frames too.
        columns: column names and their SQL types.
        key: the primary key.
        subject: the column that says which patient or customer a row is about.
        subject_via: another table and the column that both share, through which the subject is found
            where the frame has none (a transaction knows its account, the account its customer).
        indexes: columns with an index of their own, the subject aside.
    """

    name: str
    columns: Mapping[str, str]
    key: str
    subject: str
    subject_via: tuple[str, str] | None = None
    indexes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Relation:
    """How a member of staff comes to be in charge of a subject.

    Whoever's ``staff_column`` (own identifier, department, branch) equals ``column`` of a row of
    ``table`` is in charge of that row's subject, if the role is one of ``roles``.
    """

    table: str
    column: str
    staff_column: str
    roles: tuple[str, ...]


@dataclass(frozen=True)
class Purpose:
    """A purpose of use: who may act for it, and what it opens. Each has a database login of its own.

    Attributes:
        name: the purpose; also the label of its login role.
        roles: the roles of staff who may act for it.
        rows: ``"in charge"`` (only subjects that a relation names) or ``"all"``.
        columns: the readable columns of each base table.
        inserts: the columns that may be written in new rows of a table.
        views: the views that it may read.
    """

    name: str
    roles: tuple[str, ...]
    rows: Literal["in charge", "all"] = "all"
    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    inserts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    views: tuple[str, ...] = ()


@dataclass(frozen=True)
class View:
    """A view with a security barrier that shows less than the tables beneath it.

    Its owner is a role that cannot log in, may read ``reads`` only, and sees rows only while the session
    is signed for ``purpose``. So it must not be a ``security_invoker`` view: those who read it have no
    right to the tables.

    Attributes:
        purpose: for whom.
        columns: the names of its columns and the SQL expression of each.
        source: the FROM clause, WHERE included; ``{schema}`` stands for the schema, ``{small_zip3}`` and
            ``{reference_date}`` for the parameters of the build.
        reads: the columns of the base tables that it needs.
    """

    name: str
    purpose: str
    columns: Mapping[str, str]
    source: str
    reads: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class Declaration:
    """Everything that the database is to enforce for one sector.

    Attributes:
        sector: ``"healthcare"`` or ``"finance"``.
        subject_table: the table of patients or customers, the first to be filled.
        staff_columns: what the guard needs to know of staff besides identifier and role.
        service: the identifier under which the model's service account asks.
    """

    sector: str
    subject_table: str
    tables: tuple[Table, ...]
    relations: tuple[Relation, ...]
    purposes: tuple[Purpose, ...]
    views: tuple[View, ...]
    staff_columns: tuple[str, ...]
    service: str

    def __post_init__(self) -> None:
        names = [
            self.sector,
            *self.staff_columns,
            *(p.name for p in self.purposes),
            *(v.name for v in self.views),
        ]
        for table in self.tables:
            names += [table.name, *table.columns]
            for column in (table.key, table.subject, *table.indexes):
                if column not in table.columns:
                    raise UserError(f"Table {table.name} of the declaration has no column {column}.")
        for name in names:
            if not _NAME.match(name):
                raise UserError(
                    f"The declaration names {name!r}: at most 31 lower-case letters, digits, underscores."
                )
        self._check_columns()

    def _check_columns(self) -> None:
        known = {table.name: set(table.columns) for table in self.tables}
        views = {view.name for view in self.views}
        asked = [(r.table, (r.column,)) for r in self.relations]
        for part in (*self.purposes, *self.views):
            asked += (part.columns if isinstance(part, Purpose) else part.reads).items()
        for purpose in self.purposes:
            asked += purpose.inserts.items()
            if unknown := set(purpose.views) - views:
                raise UserError(
                    f"Purpose {purpose.name} opens {', '.join(sorted(unknown))}, which is no view."
                )
        for table, columns in asked:
            if missing := set(columns) - known.get(table, set()):
                raise UserError(
                    f"Table {table} of the declaration has no column {', '.join(sorted(missing))}."
                )

    def table(self, name: str) -> Table:
        """Return a table by name."""
        return next(table for table in self.tables if table.name == name)

    def view(self, name: str) -> View:
        """Return a view by name."""
        return next(view for view in self.views if view.name == name)

    def purpose(self, name: str) -> Purpose:
        """Return a purpose by name.

        Raises:
            UserError: if it is empty or not declared.
        """
        for purpose in self.purposes:
            if purpose.name == name:
                return purpose
        known = ", ".join(purpose.name for purpose in self.purposes)
        if not isinstance(name, str) or not name.strip():
            raise UserError(f"Say for which purpose: one of {known}.")
        raise UserError(f"The database knows no such purpose: use one of {known}.")

    def model_purpose(self) -> Purpose:
        """Return the purpose of the model's service account."""
        return next(purpose for purpose in self.purposes if SERVICE_ROLE in purpose.roles)

    def expected(self) -> pd.DataFrame:
        """Return the declared reach of every role that logs in.

        Returns:
            One row each: role (the purpose), relation, column, privilege (SELECT or INSERT).
        """
        rows = []
        for purpose in self.purposes:
            for table, columns in purpose.columns.items():
                rows += [(purpose.name, table, column, "SELECT") for column in columns]
            for table, columns in purpose.inserts.items():
                rows += [(purpose.name, table, column, "INSERT") for column in columns]
            for name in purpose.views:
                rows += [(purpose.name, name, column, "SELECT") for column in self.view(name).columns]
        frame = pd.DataFrame(rows, columns=["role", "relation", "column", "privilege"])
        return frame.sort_values(list(frame.columns), ignore_index=True)
