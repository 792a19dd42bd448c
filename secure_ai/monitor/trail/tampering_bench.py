"""A small trail to tamper with, what was done to it, and whether that was found."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from secure_ai.core.audit import AuditEvent
from secure_ai.core.errors import UserError
from secure_ai.monitor.trail.entries import COLUMNS
from secure_ai.monitor.trail.opening import open_trail
from secure_ai.monitor.trail.store import TABLES
from secure_ai.monitor.trail.verification import Verification
from secure_ai.monitor.trail.verify import verify_trail

if TYPE_CHECKING:
    import pandas as pd

KEYS = {"trail_entries": "sequence", "trail_checkpoints": "number"}


@dataclass(frozen=True, slots=True)
class Edit:
    """What was done.

    Attributes:
        kind: a name of ``KINDS``.
        part: of what, as in :class:`Problem`.
        numbers: entries or checkpoints that are not as they were; empty for a part that there is once.
        most: how many entries a problem may span and still count as locating it.
    """

    kind: str
    part: str
    numbers: tuple[int, ...] = ()
    most: int = 0

    def located_by(self, found: Verification) -> bool:
        """Say whether each thing that was touched lies in a problem that is no wider than it may be."""
        near = [
            problem
            for problem in found.problems
            if problem.part == self.part and problem.last - problem.number <= max(self.most, self._width())
        ]
        if not self.numbers:
            return bool(near)
        if self.part == "entry":
            return all(any(problem.about(number) for problem in near) for number in self.numbers)
        return all(any(p.number <= number <= p.last for p in near) for number in self.numbers)

    def _width(self) -> int:
        return self.numbers[-1] - self.numbers[0] if self.numbers else 0


@dataclass(frozen=True)
class TamperingResult:
    """How many edits were found, and where they were said to be.

    Attributes:
        counts: kind → (edits, found, located).
        missed: the numbers of edits that were not found or not located, to repeat them.
        unchanged: edits of bytes that hold no content (free space), which change nothing that can be read.
    """

    counts: Mapping[str, tuple[int, int, int]]
    missed: tuple[int, ...] = ()
    unchanged: int = 0

    @property
    def edits(self) -> int:
        """How many edits changed something."""
        return sum(edits for edits, _, _ in self.counts.values())

    @property
    def found(self) -> int:
        """How many of them a verification found."""
        return sum(found for _, found, _ in self.counts.values())

    @property
    def located(self) -> int:
        """How many of them it found at the right place."""
        return sum(located for _, _, located in self.counts.values())

    def sentence(self) -> str:
        """Return the result in words."""
        return (
            f"Of {self.edits:,} edits, {self.found:,} were found and {self.located:,} at the right place; "
            f"{self.edits - self.found:,} stayed undetected."
        )

    def to_frame(self) -> pd.DataFrame:
        """Return one row for each kind: kind, edits, found, located."""
        import pandas as pd

        rows = [(kind, *counts) for kind, counts in sorted(self.counts.items())]
        return pd.DataFrame(rows, columns=["kind", "edits", "found", "located"])


@dataclass
class Bench:
    """A small trail to tamper with, an older copy of it, and another trail signed with the same key."""

    folder: Path
    key: Ed25519PrivateKey
    entries: int
    every: int
    files: dict[str, bytes] = field(default_factory=dict, repr=False)
    rows: dict[str, dict] = field(default_factory=dict, repr=False)

    @property
    def path(self) -> Path:
        """The trail."""
        return self.folder / "trail.db"

    @property
    def witness(self) -> Path:
        """Its witness."""
        return self.folder / "witness.jsonl"

    @classmethod
    def make(cls, folder: Path, entries: int = 90, every: int = 15, seed: int = 0) -> Bench:
        """Write both trails."""
        made = cls(folder, Ed25519PrivateKey.generate(), entries, every)
        events = list(_events(entries, random.Random(seed)))
        other = folder / "other.db"
        with open_trail(other, signing_key=made.key, checkpoint_every=every) as trail:
            trail.append_many(events)
        with open_trail(
            made.path, signing_key=made.key, checkpoint_every=every, witness=made.witness
        ) as trail:
            for start in range(0, entries, 5):
                if start == entries // 2 // 5 * 5:
                    trail.checkpoint()
                    _backup(made.path, folder / "older.db")
                trail.append_many(events[start : start + 5])
        for name in ("trail.db", "other.db", "older.db", "witness.jsonl"):
            made.files[name] = (folder / name).read_bytes()
        made.rows = contents(made.path)
        return made

    def restore(self) -> None:
        """Put trail and witness back as they were."""
        for name in ("trail.db-wal", "trail.db-shm"):  # of a copy that could not be closed properly
            (self.folder / name).unlink(missing_ok=True)
        for name in ("trail.db", "witness.jsonl"):
            (self.folder / name).write_bytes(self.files[name])

    def verify(self) -> Verification | None:
        """Examine the trail; None where it does not open any more."""
        try:
            return verify_trail(self.path, self.key.public_key(), self.witness)
        except UserError:
            return None


def contents(path: Path) -> dict[str, dict]:
    """Return all rows of all tables as they lie there, None for one that is unreadable; {} if nothing is."""
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
            tables = (("trail_entries", COLUMNS), *TABLES.items())
            return {table: _table(connection, table, columns) for table, columns in tables}
    except (sqlite3.Error, UnicodeError):
        return {}


def _table(connection: sqlite3.Connection, table: str, columns: Sequence[str]) -> dict:
    key = KEYS.get(table, "rowid")
    select, found, last = f"SELECT {key}, {', '.join(columns)} FROM {table} NOT INDEXED", {}, 0
    try:
        for row in connection.execute(f"{select} ORDER BY {key}"):
            found.setdefault(
                row[0], row[1:]
            )  # A damaged page may show a number twice, and the second is none.
            last = row[0]
        return found
    except (sqlite3.Error, UnicodeError):
        pass
    (end,) = connection.execute(f"SELECT max({key}) FROM {table} NOT INDEXED").fetchone()
    for number in range(last + 1, min(end, last + 1_000) + 1):
        try:
            row = connection.execute(f"{select} WHERE {key} = ?", (number,)).fetchone()
        except (sqlite3.Error, UnicodeError):
            row = (number, None)
        if row is not None:
            found[number] = row[1:]
    return found


def _events(count: int, chance: random.Random) -> Iterator[AuditEvent]:
    for number in range(count):
        yield AuditEvent(
            f"2026-03-01T12:{number // 60 % 60:02}:{number % 60:02}.000+00:00",
            f"S{chance.randint(1, 40):07}",
            chance.choice(["read", "export", "query"]),
            f"P{chance.randint(1, 400):05}",
            chance.choice(["allowed", "denied"]),
            chance.choice(["treatment", "billing", ""]),
            "own ward" if chance.random() < 0.5 else "",
            chance.random() < 0.1,
            {"source": f"ws-{chance.randint(1, 20)}"} if chance.random() < 0.5 else {},
            f"E{number:06}" if chance.random() < 0.8 else "",
            ("N1", "N2") if chance.random() < 0.3 else (),
            "triage@3" if chance.random() < 0.3 else "",
        )


def _backup(path: Path, target: Path) -> None:
    source, copy = sqlite3.connect(path), sqlite3.connect(target)
    source.backup(copy)
    copy.close()
    source.close()
