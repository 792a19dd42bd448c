"""The alert store: alerts, their history, and what still has to be delivered, in one SQLite file.

What belongs together is written in one transaction that the disk has confirmed, so a killed program leaves
an alert with its messages or neither. One desk at a time holds the file.
"""

from __future__ import annotations

import json
import os
import secrets
import sqlite3
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from secure_ai.core.errors import UserError, system_reason
from secure_ai.monitor.alerts.alert import Alert
from secure_ai.monitor.alerts.clock import Moment

VERSION = "1"
_TABLES = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE alerts (
  number INTEGER PRIMARY KEY, fingerprint TEXT NOT NULL, actor TEXT NOT NULL, kind TEXT NOT NULL,
  family TEXT NOT NULL, severity TEXT NOT NULL, status TEXT NOT NULL, storm TEXT NOT NULL,
  due_from REAL NOT NULL, next_due REAL, body TEXT NOT NULL);
CREATE INDEX alerts_fingerprint ON alerts (fingerprint);
CREATE INDEX alerts_actor ON alerts (actor);
CREATE INDEX alerts_due ON alerts (next_due) WHERE next_due IS NOT NULL;
CREATE INDEX alerts_storm ON alerts (storm) WHERE storm != '';
CREATE INDEX alerts_rate ON alerts (severity, due_from);
CREATE TABLE detections (
  digest TEXT PRIMARY KEY, alert INTEGER NOT NULL, time TEXT NOT NULL, target TEXT NOT NULL,
  severity TEXT NOT NULL, score REAL) WITHOUT ROWID;
CREATE INDEX detections_alert ON detections (alert, target);
CREATE TABLE steps (
  seq INTEGER PRIMARY KEY, alert TEXT NOT NULL, step TEXT NOT NULL, at TEXT NOT NULL, elapsed REAL NOT NULL,
  who TEXT NOT NULL, note TEXT NOT NULL);
CREATE INDEX steps_alert ON steps (alert);
CREATE TABLE suppressions (
  number INTEGER PRIMARY KEY, kind TEXT NOT NULL, actor TEXT NOT NULL, target_group TEXT NOT NULL,
  who TEXT NOT NULL, reason TEXT NOT NULL, until REAL NOT NULL, until_time TEXT NOT NULL,
  held INTEGER NOT NULL);
CREATE TABLE outbox (
  seq INTEGER PRIMARY KEY AUTOINCREMENT, sink TEXT NOT NULL, alert TEXT NOT NULL, body TEXT NOT NULL,
  state TEXT NOT NULL DEFAULT 'waiting', attempts INTEGER NOT NULL DEFAULT 0,
  problem TEXT NOT NULL DEFAULT '');
CREATE INDEX outbox_waiting ON outbox (sink, seq) WHERE state = 'waiting';
CREATE TABLE trail (seq INTEGER PRIMARY KEY AUTOINCREMENT, event TEXT NOT NULL);
"""
# Values are identifiers without quotation marks, so the words cannot stand anywhere else in a message.
CRITICAL = "state = 'waiting' AND instr(body, '\"severity\": \"critical\"') > 0"
_CRITICAL_INDEX = f"CREATE INDEX IF NOT EXISTS outbox_critical ON outbox (sink, seq) WHERE {CRITICAL}"


class StoreError(UserError):
    """The store could not be read or written."""


class AlertStore:
    """A store in a file that its owner alone reads, or in memory.

    Args:
        path: the file, made if it is not there; None for memory.
        instance: names this store in idempotency keys and in the audit trail; random if None. Give one only
            to see the same in two runs of a lesson: a receiver or a trail that knows another store of this
            name would take what is new for what it has.

    Raises:
        UserError: if it cannot be opened, is no alert store, one of another version, or in use.
    """

    def __init__(self, path: str | Path | None = None, *, instance: str | None = None) -> None:
        self.path = None if path is None else Path(path)
        self.lock = threading.RLock()
        self._depth = 0
        self._file_lock: FileLock | None = None
        try:
            self._take_file()
            self._connection = sqlite3.connect(
                ":memory:" if self.path is None else self.path, isolation_level=None, check_same_thread=False
            )
            self._prepare(instance)
        except (OSError, ValueError, sqlite3.Error, UserError) as error:
            self.close()
            raise error if isinstance(error, UserError) else self._refused(error) from None

    def _take_file(self) -> None:
        if self.path is None:
            return
        self._file_lock = FileLock(f"{self.path}.lock", timeout=0, mode=0o600)
        try:
            self._file_lock.acquire()
        except Timeout:
            self._file_lock = None
            raise StoreError(
                f"The alert store {self.path.name} is in use by another desk: close it."
            ) from None
        os.close(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600))

    def _prepare(self, instance: str | None) -> None:
        # Looked at before anything is set: a file of something else stays as it is.
        tables = {name for (name,) in self._connection.execute("SELECT name FROM sqlite_master")}
        if tables and not {"meta", "alerts", "outbox"} <= tables:
            raise StoreError(f"{self.path.name} is a database of something else: name another file.")
        if tables and self.get("version") != VERSION:
            raise StoreError(
                f"The alert store {self.path.name} was written by another version of the kit: "
                "open it with that version, or start a new one."
            )
        for pragma in ("journal_mode = WAL", "synchronous = FULL"):
            self._connection.execute(f"PRAGMA {pragma}")
        with self.transaction():
            if tables:  # of a store that was made before there was this index
                self._connection.execute(_CRITICAL_INDEX)
            else:
                for statement in filter(str.strip, _TABLES.split(";")):
                    self._connection.execute(statement)
                self._connection.execute(_CRITICAL_INDEX)
                self.set("version", VERSION)
                self.set("instance", instance or secrets.token_hex(8))
                self.set("key", secrets.token_hex(32))

    def _refused(self, error: Exception) -> StoreError:
        name = "in memory" if self.path is None else self.path.name
        if isinstance(error, OSError | ValueError):
            why = system_reason(error)
        elif "full" in str(error):
            why = "no space left on the disk"
        elif isinstance(error, sqlite3.OperationalError | sqlite3.ProgrammingError):
            why = "it cannot be read or written"
        else:
            why = "it is no alert store, or damaged"
        return StoreError(f"The alert store {name} cannot be used: {why}.")

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Write all of a block or nothing; blocks may be nested, the outermost one decides.

        Raises:
            StoreError: if the disk does not confirm.
        """
        with self.lock:
            try:
                if not self._depth:
                    self._connection.execute("BEGIN IMMEDIATE")
                self._depth += 1
                try:
                    yield
                finally:
                    self._depth -= 1
                if not self._depth:
                    self._connection.execute("COMMIT")
            except BaseException as error:
                if not self._depth:
                    with suppress(sqlite3.Error):
                        self._connection.execute("ROLLBACK")
                if isinstance(error, sqlite3.Error):
                    raise self._refused(error) from None
                raise

    def run(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """Run one statement and return its rows.

        Raises:
            StoreError: if the store cannot be read or written.
        """
        with self.lock:
            try:
                return self._connection.execute(statement, values).fetchall()
            except sqlite3.Error as error:
                raise self._refused(error) from None

    def get(self, name: str, otherwise: str = "") -> str:
        """Return a named value of the store."""
        rows = self.run("SELECT value FROM meta WHERE name = ?", name)
        return rows[0][0] if rows else otherwise

    def set(self, name: str, value: str) -> None:
        """Keep a named value."""
        self.run("INSERT OR REPLACE INTO meta VALUES (?, ?)", name, value)

    def add_to(self, name: str, more: int = 1) -> int:
        """Add to a named count and return it."""
        count = int(self.get(name, "0")) + more
        self.set(name, str(count))
        return count

    def save(self, alert: Alert, due: float | None) -> None:
        """Write an alert, new or changed."""
        self.run(
            "INSERT OR REPLACE INTO alerts VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            number_of(alert.alert_id), alert.fingerprint, alert.actor, alert.kind, alert.family,
            alert.severity, alert.status, alert.storm, alert.due_from, due, alert.to_json(),
        )  # fmt: skip

    def alerts(self, condition: str = "1", *values: Any) -> list[Alert]:
        """Return alerts in the order in which they were raised; ``condition`` is SQL over the table."""
        rows = self.run(f"SELECT body FROM alerts WHERE {condition} ORDER BY number", *values)
        return [Alert.from_json(body) for (body,) in rows]

    def alert(self, alert_id: str) -> Alert:
        """Return one alert.

        Raises:
            UserError: if there is none of this name.
        """
        found = self.alerts("number = ?", number_of(alert_id))
        if not found:
            raise UserError("There is no alert of this name: desk.to_frame() lists them.")
        return found[0]

    def step(self, alert: str, step: str, moment: Moment, who: str, note: str = "") -> int:
        """Write one line of an alert's history and return its number."""
        self.run(
            "INSERT INTO steps (alert, step, at, elapsed, who, note) VALUES (?, ?, ?, ?, ?, ?)",
            alert, step, moment.at, moment.elapsed, who, note,
        )  # fmt: skip
        return self.run("SELECT max(seq) FROM steps")[0][0]

    def post(self, sink: str, alert_id: str, body: Mapping[str, Any]) -> None:
        """Put a message for a sink into the outbox, its idempotency key added."""
        self.run("INSERT INTO outbox (sink, alert, body) VALUES (?, ?, '')", sink, alert_id)
        seq = self.run("SELECT max(seq) FROM outbox")[0][0]
        text = json.dumps({"key": f"{self.get('instance')}-{seq}", **body}, sort_keys=True)
        self.run("UPDATE outbox SET body = ? WHERE seq = ?", text, seq)

    def close(self) -> None:
        """Close the file and let another desk have it."""
        with self.lock:
            if (connection := getattr(self, "_connection", None)) is not None:
                with suppress(sqlite3.Error):
                    connection.close()
            if self._file_lock is not None:
                self._file_lock.release()


def number_of(alert_id: str) -> int:
    """Return the number of an alert's name, -1 if it is none."""
    digits = str(alert_id).removeprefix("A-")
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 18 else -1
