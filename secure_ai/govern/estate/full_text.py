"""A full-text index (SQLite FTS5) as a place of personal data: words of deleted texts are merged away."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing
from pathlib import Path

from secure_ai.govern.estate.sqlite_table import SqliteTable, quoted


class FullTextIndex(SqliteTable):
    """An FTS5 table with the text, whose record it is, and whose it is.

    A deletion leaves the words in the index, marked as deleted, until its parts are merged; that also
    drops what older deletions left.
    """

    def __init__(
        self, path: str | Path, table: str = "texts", *, name: str = "", data_class: str = "search_index"
    ):
        super().__init__(
            path,
            table,
            column="person",
            name=name or "full-text index",
            data_class=data_class,
            mentions=("text",),
        )

    @classmethod
    def create(cls, path: str | Path, texts: Iterable[Sequence[str]], **options: str) -> FullTextIndex:
        """Make an index of (record, person, text)."""
        made = cls(path, **options)
        with closing(sqlite3.connect(path)) as connection:
            connection.execute(
                f"CREATE VIRTUAL TABLE {quoted(made.table)} "
                "USING fts5(record UNINDEXED, person UNINDEXED, text)"
            )
            connection.executemany(f"INSERT INTO {quoted(made.table)} VALUES (?, ?, ?)", texts)
            connection.commit()
        return made

    def find(self, words: str) -> list[str]:
        """Return the records in which these words stand."""
        with self.opened() as connection:
            found = connection.execute(
                f"SELECT record FROM {quoted(self.table)} WHERE {quoted(self.table)} MATCH ? ORDER BY record",
                [" ".join(f'"{word}"' for word in words.replace('"', " ").split())],
            )
            return [record for (record,) in found]

    def after_delete(self, connection: sqlite3.Connection) -> None:
        """Merge the parts of the index into one: only there a deleted word is really gone."""
        name = quoted(self.table)
        connection.execute(f"INSERT INTO {name}({name}) VALUES ('optimize')")
