"""The board's database: what must survive a restart, in one file of the room's private folder."""

from __future__ import annotations

import json
import os
import sqlite3
import zlib
from pathlib import Path
from typing import Any

MOST_MESSAGES = 2_000
# Of one seat, so that none can fill the disk.
MOST_SUBMITTED_BYTES = 48 * 1024 * 1024
TABLES = """
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS seats (name TEXT PRIMARY KEY, body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS wrongs (
    lab TEXT, task TEXT, message TEXT, seat TEXT, tries INTEGER NOT NULL,
    PRIMARY KEY (lab, task, message, seat)
);
CREATE TABLE IF NOT EXISTS inbox (id INTEGER PRIMARY KEY, at REAL NOT NULL, body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS submissions (
    id INTEGER PRIMARY KEY AUTOINCREMENT, at REAL NOT NULL, seat TEXT NOT NULL, lab TEXT NOT NULL,
    bytes INTEGER NOT NULL, notebook BLOB NOT NULL
);
"""


class Database:
    """Reads and writes the board's tables.

    Args:
        path: the file, made (0600) where there is none; ``:memory:`` for none.
    """

    def __init__(self, path: str | Path) -> None:
        if str(path) != ":memory:":
            Path(path).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        self.connection = sqlite3.connect(path, isolation_level=None)
        self.connection.execute("PRAGMA journal_mode=WAL")
        # A crash of the machine may cost the last second; a crash of the board costs nothing.
        self.connection.execute("PRAGMA synchronous=NORMAL")
        self.connection.executescript(TABLES)

    def close(self) -> None:
        """Close the file."""
        self.connection.close()

    def fact(self, name: str, default: Any = None) -> Any:
        """Return what was kept under a name."""
        row = self.connection.execute("SELECT body FROM facts WHERE name = ?", (name,)).fetchone()
        return json.loads(row[0]) if row else default

    def keep_fact(self, name: str, body: Any) -> None:
        """Keep something under a name."""
        self.connection.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (name, json.dumps(body)))

    def seats(self) -> dict[str, dict[str, Any]]:
        """Return what is known of each seat."""
        return {name: json.loads(body) for name, body in self.connection.execute("SELECT * FROM seats")}

    def keep_seat(self, name: str, body: dict[str, Any]) -> None:
        """Keep what is known of a seat."""
        self.connection.execute("INSERT OR REPLACE INTO seats VALUES (?, ?)", (name, json.dumps(body)))

    def wrongs(self) -> list[tuple[str, str, str, str, int]]:
        """Return lab, task, masked message, seat and number of tries of every wrong answer."""
        return list(self.connection.execute("SELECT lab, task, message, seat, tries FROM wrongs"))

    def keep_wrong(self, lab: str, task: str, message: str, seat: str) -> None:
        """Count one more wrong answer."""
        self.connection.execute(
            "INSERT INTO wrongs VALUES (?, ?, ?, ?, 1) "
            "ON CONFLICT (lab, task, message, seat) DO UPDATE SET tries = tries + 1",
            (lab, task, message, seat),
        )

    def messages(self) -> list[dict[str, Any]]:
        """Return what was said to seats, oldest first."""
        rows = self.connection.execute("SELECT id, at, body FROM inbox ORDER BY id")
        return [{"id": number, "at": at, **json.loads(body)} for number, at, body in rows]

    def add_message(self, number: int, at: float, body: dict[str, Any]) -> None:
        """Keep a message to seats under a number above all others. The oldest go when there are very many."""
        self.connection.execute("INSERT INTO inbox VALUES (?, ?, ?)", (number, at, json.dumps(body)))
        self.connection.execute(
            "DELETE FROM inbox WHERE id NOT IN (SELECT id FROM inbox ORDER BY id DESC LIMIT ?)",
            (MOST_MESSAGES,),
        )

    def add_submission(self, at: float, seat: str, lab: str, notebook: bytes) -> int:
        """Keep a notebook that was handed in; the seat's oldest go when they take too much room."""
        packed = zlib.compress(notebook, 6)
        number = self.connection.execute(
            "INSERT INTO submissions (at, seat, lab, bytes, notebook) VALUES (?, ?, ?, ?, ?)",
            (at, seat, lab, len(notebook), packed),
        ).lastrowid
        taken = 0
        rows = self.connection.execute(
            "SELECT id, length(notebook) FROM submissions WHERE seat = ? ORDER BY id DESC", (seat,)
        ).fetchall()
        for one, size in rows:
            taken += size
            if taken > MOST_SUBMITTED_BYTES and one != number:
                self.connection.execute("DELETE FROM submissions WHERE id = ?", (one,))
        return int(number)

    def submissions(self) -> list[dict[str, Any]]:
        """Return the newest submission of each seat and lab, newest first, without the notebooks."""
        rows = self.connection.execute(
            "SELECT max(id), at, seat, lab, bytes, count(*) FROM submissions "
            "GROUP BY seat, lab ORDER BY 1 DESC"
        )
        names = ("id", "at", "seat", "lab", "bytes", "times")
        return [dict(zip(names, row, strict=True)) for row in rows]

    def submission(self, number: int) -> tuple[str, str, bytes] | None:
        """Return seat, lab and notebook of a submission, or None."""
        row = self.connection.execute(
            "SELECT seat, lab, notebook FROM submissions WHERE id = ?", (number,)
        ).fetchone()
        return (row[0], row[1], zlib.decompress(row[2])) if row else None
