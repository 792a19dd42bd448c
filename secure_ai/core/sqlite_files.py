"""SQLite files: what is deleted is overwritten, and a change counts as a whole or not at all."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress

BUSY_SECONDS = 30


@contextmanager
def connected(path: str | os.PathLike[str]) -> Iterator[sqlite3.Connection]:
    """Yield a connection in autocommit that overwrites what is deleted; close it at the end.

    Raises:
        sqlite3.Error: if the file cannot be used.
    """
    with closing(sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)) as connection:
        connection.execute("PRAGMA secure_delete = ON")
        yield connection


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """Become the one writer before anything is read; commit at the end, undo it all at an exception.

    Args:
        connection: in autocommit.

    Raises:
        sqlite3.Error: if somebody else writes for too long, or the disk does not confirm.
    """
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield connection
        connection.execute("COMMIT")
    except BaseException:
        with suppress(sqlite3.Error):
            connection.execute("ROLLBACK")
        raise
