"""A backup that is really restored: decrypted, counted, compared, and timed against what was promised."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pandas as pd
import pyarrow as pa

from secure_ai.core.audit import AuditEvent, AuditLog
from secure_ai.core.errors import UserError
from secure_ai.core.sources import TableLike, as_source, shown
from secure_ai.encrypt.key_rings import KeyRing
from secure_ai.encrypt.stores import encrypted_database, keys_path

MANIFEST = "backup_manifest"
ACTOR = "svc-backup"
MOST_TABLES = 1_000


@dataclass(frozen=True, slots=True)
class TableCheck:
    """One table of a backup: what the manifest promises, and what was restored."""

    table: str
    rows_expected: int
    rows_restored: int
    same_content: bool


@dataclass(frozen=True)
class RestoreDrill:
    """What a drill found.

    Attributes:
        restored: whether every table came back with the content that was backed up, as the log recorded it.
        tables: table by table; empty if nothing could be opened.
        data_loss: from the backup to the failure, to be entered again (measured RPO); None if the log knows
            no backup.
        changes_lost: events that the log has between the backup and the failure, other than reads.
        time_to_restore: from the beginning to the end of the drill (measured RTO), by the log's clock.
        rpo, rto: what was promised.
        problems: each in a sentence; empty if all is well.
    """

    restored: bool
    tables: tuple[TableCheck, ...]
    data_loss: timedelta | None
    changes_lost: int
    time_to_restore: timedelta
    rpo: timedelta
    rto: timedelta
    problems: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Whether it came back whole, and within what was promised."""
        return not self.problems

    def sentence(self) -> str:
        """Say whether the backup is one."""
        if not self.passed:
            return f"The drill failed: {' '.join(self.problems)}"
        rows = sum(table.rows_restored for table in self.tables)
        return (
            f"Restored and compared: {rows:,} rows in {len(self.tables)} tables; "
            f"{_words(self.data_loss)} of work "
            f"would be lost ({self.changes_lost} changes), restoring took {_words(self.time_to_restore)}."
        )

    def to_frame(self) -> pd.DataFrame:
        """Return the tables: table, rows expected, rows restored, same content."""
        rows = [(t.table, t.rows_expected, t.rows_restored, t.same_content) for t in self.tables]
        return pd.DataFrame(rows, columns=["table", "rows expected", "rows restored", "same content"])


def _words(length: timedelta | None) -> str:
    if length is None:
        return "an unknown amount"
    minutes = length.total_seconds() / 60
    if minutes < 1:
        return "less than a minute"
    return (
        "1 minute"
        if round(minutes) == 1
        else f"{minutes:.0f} minutes"
        if minutes < 120
        else f"{minutes / 60:.1f} hours"
    )


def make_backup(
    tables: Mapping[str, TableLike], path: str | Path, ring: KeyRing, key_name: str, audit: AuditLog
) -> Path:
    """Write tables into an encrypted DuckDB database with a manifest of rows and digests.

    Args:
        tables: name → whatever :func:`secure_ai.core.sources.open_source` opens.
        path: the backup; its wrapped key lies beside it in ``<path>.keys.json``.
        ring, key_name: wrap its key.
        audit: the event ``backup`` goes there, with its time.

    Raises:
        UserError: if there is no table, a name is none, a table cannot be read, or the file exists already.
    """
    file = Path(path)
    if not isinstance(tables, Mapping) or not 1 <= len(tables) <= MOST_TABLES:
        raise UserError(f"A backup has 1 to {MOST_TABLES} tables.")
    if file.exists():
        raise UserError(f"{shown(file.name)} exists: a backup never overwrites another; choose a new name.")
    for name in tables:
        if not _is_table_name(name):
            raise UserError(
                f"'{shown(str(name))}' is no name for a table: use letters, digits and underscores."
            )
    if len({name.casefold() for name in tables}) < len(tables):
        raise UserError("Two tables have names that differ in capitals only: rename one.")
    with encrypted_database(file, ring, key_name=key_name) as connection:
        connection.execute(f"CREATE TABLE {MANIFEST} (name VARCHAR, rows BIGINT, digest VARCHAR)")
        total = 0
        for name, table in tables.items():
            batches = list(as_source(table).batches())
            connection.register("given", pa.Table.from_batches(batches))
            connection.execute(f'CREATE TABLE "{name}" AS SELECT * FROM given')
            connection.unregister("given")
            rows, digest = _content(connection, name)
            connection.execute(f"INSERT INTO {MANIFEST} VALUES (?, ?, ?)", [name, rows, digest])
            total += rows
        manifest = _manifest_digest(_promised(connection, file))
    # The log vouches for the manifest: whoever has the key could write both anew.
    audit.record(
        ACTOR, "backup", file.name, "allowed",
        purpose="continuity", rows=total, tables=len(tables), manifest=manifest,
    )  # fmt: skip
    return file


def _is_table_name(name: object) -> bool:
    return isinstance(name, str) and name.isidentifier() and name.casefold() != MANIFEST


def _promised(connection: duckdb.DuckDBPyConnection, file: Path) -> list[tuple[str, int, str]]:
    """Return the manifest: table, rows, digest."""
    try:
        rows = connection.execute(f"SELECT name, rows, digest FROM {MANIFEST} ORDER BY name").fetchall()
    except (duckdb.CatalogException, duckdb.BinderException):
        raise UserError(f"{shown(file.name)} has no manifest: it was not written by make_backup.") from None
    whole = all(
        _is_table_name(name) and isinstance(count, int) and count >= 0 and isinstance(digest, str)
        for name, count, digest in rows
    )
    if not rows or not whole or len({name.casefold() for name, *_ in rows}) < len(rows):
        raise UserError(f"The manifest of {shown(file.name)} was changed: take another backup.")
    return rows


def _manifest_digest(promised: list[tuple[str, int, str]]) -> str:
    return hashlib.sha256(json.dumps(promised).encode()).hexdigest()


def _content(connection: duckdb.DuckDBPyConnection, table: str) -> tuple[int, str]:
    """Return rows and a digest of a table's content that does not depend on the order of its rows."""
    query = (
        "SELECT count(*), sha256(coalesce(string_agg(line, '' ORDER BY line), '')) "
        f'FROM (SELECT sha256(CAST(one AS VARCHAR)) AS line FROM "{table}" AS one)'
    )
    rows, digest = connection.execute(query).fetchone()
    return int(rows), str(digest)


def restore_drill(
    backup: str | Path,
    ring: KeyRing,
    audit: AuditLog,
    *,
    failed_at: datetime,
    rpo: timedelta,
    rto: timedelta,
    target: str | Path | None = None,
    key_name: str = "restored",
) -> RestoreDrill:
    """Restore a backup into a new store and say whether it would have saved the day.

    The backup is decrypted with the key ring, copied table by table into a new encrypted database, every
    table of the copy is counted and hashed against the manifest, and the manifest is compared with what the
    log recorded when the backup was made. A backup that is damaged, that is another, whose key is gone or
    that is too old is a finding, not an error.

    Args:
        backup: what :func:`make_backup` wrote.
        ring: opens it, and wraps the key of the new store.
        audit: the log that holds the event ``backup`` and the changes since; the drill records its begin and
            end there, and its clock measures the time.
        failed_at: when the original is taken to have been lost.
        rpo, rto: how much work may be lost, and how long restoring may take.
        target: where the restored store goes; a temporary one that is deleted afterwards if None.
        key_name: the key for it.

    Raises:
        UserError: if a time has no zone, a promise is not positive, or the target exists.
    """
    if failed_at.tzinfo is None:
        raise UserError("failed_at needs a time zone.")
    if rpo <= timedelta(0) or rto <= timedelta(0):
        raise UserError("RPO and RTO are positive lengths of time, such as timedelta(hours=4).")
    file, problems = Path(backup), []
    begun = audit.record(ACTOR, "begin restore drill", file.name, "allowed", purpose="continuity")
    checks: tuple[TableCheck, ...] = ()
    manifest = recorded = _recorded_manifest(audit.events, file.name)
    try:
        if target is not None:
            checks, manifest = _restore(file, ring, Path(target), key_name)
        else:
            with tempfile.TemporaryDirectory(prefix="secure-ai-drill-") as folder:
                checks, manifest = _restore(file, ring, Path(folder) / "restored.duckdb", key_name)
    except UserError as error:
        problems.append(str(error))
    authentic = recorded is None or manifest == recorded
    if not authentic:
        problems.append(
            f"{shown(file.name)} is not the backup that the log knows by that name: it was made anew, "
            "or is an older one."
        )
    for check in checks:
        if check.rows_expected != check.rows_restored:
            problems.append(
                f"Table {check.table}: {check.rows_restored:,} of {check.rows_expected:,} rows came back."
            )
        elif not check.same_content:
            problems.append(f"Table {check.table}: the rows came back with another content.")
    outcome = "error" if problems else "allowed"
    ended = audit.record(
        ACTOR, "end restore drill", file.name, outcome, purpose="continuity", alert=bool(problems)
    )
    took = _time(ended) - _time(begun)
    loss, changes = _lost(audit.events, file.name, failed_at)
    if loss is None:
        problems.append("The log knows no backup of this name before the failure: its age cannot be said.")
    elif loss > rpo:
        problems.append(
            f"The backup is {_words(loss)} older than the failure, and {_words(rpo)} were promised (RPO)."
        )
    if took > rto:
        problems.append(f"Restoring took {_words(took)}, and {_words(rto)} were promised (RTO).")
    restored = (
        authentic
        and bool(checks)
        and all(c.same_content and c.rows_expected == c.rows_restored for c in checks)
    )
    return RestoreDrill(restored, checks, loss, changes, took, rpo, rto, tuple(problems))


def _recorded_manifest(events: tuple[AuditEvent, ...], name: str) -> str | None:
    """Return the digest of the manifest that the log recorded last for that backup; None if there is none."""
    made = [event for event in events if event.action == "backup" and event.target == name]
    found = made[-1].details.get("manifest") if made else None
    return found if isinstance(found, str) else None


def _restore(file: Path, ring: KeyRing, target: Path, key_name: str) -> tuple[tuple[TableCheck, ...], str]:
    """Return the checks of the tables, and the digest of the manifest."""
    if target.exists() or keys_path(target).exists():
        raise UserError(f"{shown(target.name)} exists: a drill never overwrites a store; choose a new name.")
    if not file.exists():
        raise UserError(f"The backup {shown(file.name)} does not exist: check the path.")
    with encrypted_database(file, ring, read_only=True) as old:
        promised = _promised(old, file)
        # A view could read what lies outside of the backup.
        real = {name for (name,) in old.execute("SELECT table_name FROM duckdb_tables()").fetchall()}
        checks = []
        with encrypted_database(target, ring, key_name=key_name) as new:
            for name, rows, digest in promised:
                if name not in real:
                    checks.append(TableCheck(name, rows, 0, False))
                    continue
                try:
                    table = old.execute(f'SELECT * FROM "{name}"').to_arrow_table()
                except duckdb.Error:
                    raise UserError(
                        f"{shown(file.name)} was changed or cut: table {name} cannot be read; "
                        "take another backup."
                    ) from None
                new.register("given", table)
                new.execute(f'CREATE TABLE "{name}" AS SELECT * FROM given')
                new.unregister("given")
                found, content = _content(new, name)
                checks.append(TableCheck(name, int(rows), found, content == digest))
    return tuple(checks), _manifest_digest(promised)


def _lost(events: tuple[AuditEvent, ...], name: str, failed_at: datetime) -> tuple[timedelta | None, int]:
    """Return the age of the backup at the failure, and how many changes came after it, from the log."""
    failed = failed_at.astimezone(UTC)
    made = [_time(e) for e in events if e.action == "backup" and e.target == name and _time(e) <= failed]
    if not made:
        return None, 0
    last = max(made)
    own = {"backup", "begin restore drill", "end restore drill"}
    reads = {"read", "view", "query", "unwrap", "wrap"}
    changes = sum(
        last < _time(e) <= failed and e.outcome == "allowed" and e.action not in own | reads for e in events
    )
    return failed - last, changes


def _time(event: AuditEvent) -> datetime:
    return datetime.fromisoformat(event.time)
