"""Rows of databases and columnar files as plain bytes: what compression and page breaks would hide."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import cache
from itertools import count
from pathlib import Path

import duckdb
import numpy as np

from secure_ai.core.sources import load_extension
from secure_ai.govern.estate.search.archives import is_packed

FIELD = b"\x1f"
SQLITE_MAGIC = b"SQLite format 3\0"
DUCKDB_MAGIC, DUCKDB_OFFSET = b"DUCK", 8
PARQUET_MAGIC = b"PAR1"
_ATTACHED = count()


@dataclass(frozen=True)
class Rows:
    """Rows of one table, one after the other.

    Attributes:
        where: the table.
        data: all rows, their fields separated.
        starts: (rows + 1,) where each begins, and the end.
        copies: how often the file may hold a value of a row: once, and once for each index.
        texts: whether the rows are those of a table; a list of terms of an index has no owners.
    """

    where: str
    data: bytes
    starts: np.ndarray
    copies: int = 1
    table: bool = True

    def row_at(self, position: int) -> tuple[int, int]:
        """Return start and end of the row at a position."""
        number = int(np.searchsorted(self.starts, position, side="right")) - 1
        return int(self.starts[number]), int(self.starts[number + 1])


def decoded_rows(path: Path) -> Iterator[Rows]:
    """Yield the tables of a SQLite, DuckDB or Parquet file; nothing for other files.

    Raises:
        duckdb.Error, sqlite3.Error: if it cannot be read.
    """
    with path.open("rb") as file:
        head = file.read(16)
    if head == SQLITE_MAGIC:
        yield from _sqlite(path)
    elif head[DUCKDB_OFFSET : DUCKDB_OFFSET + 4] == DUCKDB_MAGIC:
        with closing(duckdb.connect()) as connection:
            connection.execute(f"ATTACH '{_escaped(path)}' AS one (READ_ONLY)")
            yield from _tables(connection, "one")
    elif head[:4] == PARQUET_MAGIC:
        with closing(duckdb.connect()) as connection:
            yield from _batches(connection, "rows", f"read_parquet('{_escaped(path)}')")
            yield from _footer(connection, path)


def free_blocks(path: Path) -> int:
    """Return how many blocks of a DuckDB file hold nothing that is in use; 0 for other files.

    Deleted rows stay in them, compressed, where neither the bytes nor the tables show them.
    """
    with path.open("rb") as file:
        if file.read(16)[DUCKDB_OFFSET : DUCKDB_OFFSET + 4] != DUCKDB_MAGIC:
            return 0
    with closing(duckdb.connect(str(path), read_only=True)) as connection:
        found = connection.execute("CALL pragma_database_size()")
        names = [column[0] for column in found.description]
        return int(found.fetchone()[names.index("free_blocks")])


def _sqlite(path: Path) -> Iterator[Rows]:
    with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as connection:
        tables = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'table'").fetchall()
        indexes = dict(
            connection.execute("SELECT tbl_name, count(*) FROM sqlite_master WHERE type = 'index' GROUP BY 1")
        )
        virtual = [name for name, sql in tables if "VIRTUAL" in (sql or "").upper()[:20]]
        connection.execute("PRAGMA query_only = OFF")
        for name in virtual:
            if "fts5" in dict(tables)[name].lower():
                yield _terms(connection, name)
    names = [name for name, _ in tables if name not in virtual]
    # Of the searches of other threads, and of one that was given up and not yet forgotten, it keeps apart.
    database = f"file_{next(_ATTACHED)}"
    with closing(_sqlite_reader(os.getpid()).cursor()) as connection:
        connection.execute(f"ATTACH '{_escaped(path)}' AS {database} (TYPE sqlite, READ_ONLY)")
        try:
            for name in names:
                copies = 1 + indexes.get(name, 0)
                source = f'{database}."{name.replace(chr(34), chr(34) * 2)}"'
                yield from _batches(connection, name, source, copies)
        finally:
            connection.execute(f"DETACH {database}")


# By process, and none is given up: a fork must not close what its parent's threads serve.
@cache
def _sqlite_reader(process: int) -> duckdb.DuckDBPyConnection:
    """Return the reader of SQLite files of a process: loading it takes longer than reading a small file."""
    connection = duckdb.connect()
    load_extension(connection, "sqlite_scanner")
    connection.execute("SET GLOBAL sqlite_all_varchar = true")
    return connection


def packed_fields(path: Path) -> Iterator[bytes]:
    """Yield what fields of a SQLite file hold as packed bytes; nothing for other files.

    Raises:
        sqlite3.Error: if it cannot be read.
    """
    with path.open("rb") as file:
        if file.read(16) != SQLITE_MAGIC:
            return
    with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as connection:
        listed = "SELECT name FROM sqlite_master WHERE type = 'table' AND sql NOT LIKE 'CREATE VIRTUAL%'"
        for (table,) in connection.execute(listed).fetchall():
            quoted = '"' + table.replace('"', '""') + '"'
            columns = [
                row[1].replace('"', '""') for row in connection.execute(f"PRAGMA table_info({quoted})")
            ]
            where = " OR ".join(f"typeof(\"{name}\") = 'blob'" for name in columns)
            for row in connection.execute(f"SELECT * FROM {quoted} WHERE {where}"):
                yield from (one for one in row if isinstance(one, bytes) and is_packed(one[:300]))


def _terms(connection: sqlite3.Connection, name: str) -> Rows:
    quoted = name.replace('"', '""')
    connection.execute(
        f"CREATE VIRTUAL TABLE IF NOT EXISTS temp.\"{quoted}_terms\" USING fts5vocab(main, '{name}', 'row')"
    )
    terms = connection.execute(f'SELECT term FROM temp."{quoted}_terms"')
    data = FIELD.join(str(term).encode() for (term,) in terms)
    return Rows(f"terms of {name}", data, np.array([0, len(data)]), table=False)


def _tables(connection: duckdb.DuckDBPyConnection, database: str) -> Iterator[Rows]:
    listed = connection.execute(
        "SELECT schema_name, table_name FROM duckdb_tables() WHERE database_name = ?", [database]
    ).fetchall()
    for schema, table in listed:
        yield from _batches(connection, table, f'{database}."{schema}"."{table}"')


def _footer(connection: duckdb.DuckDBPyConnection, path: Path) -> Iterator[Rows]:
    # Least and greatest values of each column stand in the footer, whether compressed or not.
    kinds = f"parquet_metadata('{_escaped(path)}')", f"parquet_kv_metadata('{_escaped(path)}')"
    for kind in kinds:
        yield from _batches(connection, "footer", kind, table=False)


def _batches(
    connection: duckdb.DuckDBPyConnection, where: str, source: str, copies: int = 1, *, table: bool = True
) -> Iterator[Rows]:
    columns = [column[0] for column in connection.execute(f"SELECT * FROM {source} LIMIT 0").description]
    listed = ", ".join('"' + name.replace('"', '""') + '"::VARCHAR' for name in columns)
    found = connection.execute(f"SELECT concat_ws(chr(31), {listed}) || chr(31) AS row FROM {source}")
    for batch in found.to_arrow_reader(100_000):
        column = batch.column(0)
        if len(column) == 0:
            continue
        data_type = np.int64 if "large" in str(column.type) else np.int32
        offsets = np.frombuffer(column.buffers()[1], dtype=data_type)[
            column.offset : column.offset + len(column) + 1
        ].astype(np.int64)
        values = column.buffers()[2]
        data = b"" if values is None else values.to_pybytes()[offsets[0] : offsets[-1]]
        yield Rows(where, data, offsets - offsets[0], copies, table)


def _escaped(path: Path) -> str:
    return str(path.resolve()).replace("'", "''")
