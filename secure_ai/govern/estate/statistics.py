"""Stored statistics: made from tables, and made again when the tables forget somebody."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from secure_ai.core.errors import UserError
from secure_ai.core.outputs import atomic_file
from secure_ai.govern.estate.rewriting import rewriting
from secure_ai.govern.estate.sqlite_table import SqliteTable, quoted
from secure_ai.govern.estate.store import Holding, Kind, Removal
from secure_ai.govern.estate.subject import Subject
from secure_ai.govern.estate.values import subject_values


@dataclass(frozen=True)
class Statistic:
    """One table of numbers: rows counted, and a value summed exactly, by groups.

    Attributes:
        name: of the statistic.
        table: where it is made from.
        by: columns whose values make the groups.
        total: column that is summed, in hundredths so that sums are exact; none if empty.
    """

    name: str
    table: SqliteTable
    by: tuple[str, ...]
    total: str = ""

    def rows(self, subject: Subject | None = None) -> list[list[Any]]:
        """Return [group values ..., count, total in hundredths], of everybody or of one person."""
        groups = ", ".join(map(quoted, self.by))
        total = f"coalesce(sum(CAST(round({quoted(self.total)} * 100) AS INTEGER)), 0)" if self.total else "0"
        where, values = "", ()
        if subject is not None:
            values = subject_values(subject, self.table.by)
            where = f"WHERE {quoted(self.table.column)} IN ({', '.join('?' * len(values))})"
        with self.table.opened() as connection:
            found = connection.execute(
                f"SELECT {groups}, count(*), {total} FROM {quoted(self.table.table)} {where} "
                f"GROUP BY {groups} ORDER BY {groups}",
                values,
            )
            return [list(row) for row in found]


class Statistics:
    """Statistics in one JSON file, made from tables of the estate.

    A person in a group of few can be seen in a statistic, so they are made again once the tables have
    forgotten somebody: the count of a group that nobody is left in is gone with its row.
    """

    kind: Kind = "aggregate"

    def __init__(
        self,
        path: str | Path,
        made: Sequence[Statistic],
        *,
        name: str = "statistics",
        data_class: str = "statistics",
    ) -> None:
        self.path, self.made, self.name, self.data_class = Path(path), tuple(made), name, data_class

    @property
    def files(self) -> tuple[Path, ...]:
        """The file."""
        return (self.path,) if self.path.exists() else ()

    def compute(self) -> dict[str, list[list[Any]]]:
        """Return all statistics as the tables give them now."""
        return {one.name: one.rows() for one in self.made}

    def create(self) -> Statistics:
        """Write the file."""
        with atomic_file(self.path) as draft:
            draft.write_text(_text(self.compute()), encoding="utf-8")
        return self

    def read(self) -> dict[str, list[list[Any]]]:
        """Return the statistics as they are stored."""
        try:
            held = json.loads(self.path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            held = None
        if not isinstance(held, dict) or not all(isinstance(rows, list) for rows in held.values()):
            raise UserError(f"The statistics {self.path.name} cannot be read: make them again.")
        return held

    def part_of(self, subject: Subject) -> dict[str, list[list[Any]]]:
        """Return what one person contributes."""
        return {one.name: one.rows(subject) for one in self.made}

    def holding(self, subject: Subject) -> Holding:
        """Count the groups that the person is counted in.

        Raises:
            UserError: if the file cannot be read.
        """
        self.read()
        return Holding(self.name, self.data_class, sum(map(len, self.part_of(subject).values())))

    def export(self, subject: Subject) -> list[Mapping[str, Any]]:
        """Return nothing: a statistic is of many, and says nothing of one."""
        return []

    def correct(self, subject: Subject, field: str, value: Any, *, record: str | None = None) -> int:
        """Refuse: statistics follow from tables."""
        raise UserError(f"{self.name} follow from tables: correct the record, then make them again.")

    def erase(self, subjects: Sequence[Subject]) -> Removal:
        """Make the statistics again from tables that have forgotten the persons."""
        before, now = self.read(), self.compute()
        changed = sum(row not in now.get(name, []) for name, rows in before.items() for row in rows)
        with rewriting(self.path) as draft:
            draft.write_text(_text(now), encoding="utf-8")
        return Removal(self.name, "made again from the tables", changed)

    def expire(self, before: date, keep: frozenset[str] = frozenset()) -> Removal:
        """Make the statistics again from what the tables still hold."""
        return self.erase(())


def without(
    whole: Mapping[str, list[list[Any]]], part: Mapping[str, list[list[Any]]]
) -> dict[str, list[list[Any]]]:
    """Return statistics less what one person contributed: what they must be after the erasure."""
    rest = {}
    for name, rows in whole.items():
        gone = {tuple(row[:-2]): row[-2:] for row in part.get(name, [])}
        left = []
        for row in rows:
            count, total = gone.get(tuple(row[:-2]), (0, 0))
            left.append([*row[:-2], row[-2] - count, row[-1] - total])
        rest[name] = [row for row in left if row[-2]]
    return rest


def _text(found: Mapping[str, Any]) -> str:
    return json.dumps(found, indent=1, ensure_ascii=False) + "\n"
