"""What somebody could do to a trail who can write its file but has no signing key, and whether it is found.

For lessons, tests and the benchmark: each edit says which entry or checkpoint it touched, so that a
verification can be held to finding it *there*.
"""

from __future__ import annotations

import random
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from secure_ai.monitor.trail.entries import ALERT, COLUMNS, HASH, PREVIOUS, body_of, chained
from secure_ai.monitor.trail.store import TABLES
from secure_ai.monitor.trail.tampering_bench import KEYS, Bench, Edit, TamperingResult, contents

_INSERT = f"INSERT INTO trail_entries VALUES ({', '.join('?' * len(COLUMNS))})"


def try_tampering(
    edits: int, *, seed: int = 0, entries: int = 90, checkpoint_every: int = 15, kinds: str = ""
) -> TamperingResult:
    """Make random edits, each to a fresh copy of a small trail, and examine each copy.

    Args:
        edits: how many.
        seed: of the edits.
        entries, checkpoint_every: of the trail.
        kinds: names of ``KINDS``, separated by spaces; all if empty.
    """
    names = kinds.split() or list(KINDS)
    counts = {name: [0, 0, 0] for name in names}
    missed, unchanged = [], 0
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench.make(Path(folder), entries, checkpoint_every, seed)
        for number in range(edits):
            chance = random.Random(seed * 1_000_003 + number)
            bench.restore()
            edit = tamper(bench, names[number % len(names)], chance)
            if edit is None:
                unchanged += 1
                continue
            verification = bench.verify()
            found = verification is None or not verification.intact
            located = edit.located_by(verification) if verification else edit.part == "database"
            for place, value in enumerate((True, found, located)):
                counts[edit.kind][place] += value
            if not (found and located):
                missed.append(number)
    return TamperingResult({kind: tuple(values) for kind, values in counts.items()}, tuple(missed), unchanged)


def tamper(bench: Bench, kind: str, chance: random.Random) -> Edit | None:
    """Do one edit of a kind to the trail of a bench; None where it changed nothing that can be read."""
    return KINDS[kind](bench, chance)


# The edits


def _edit_entry(bench: Bench, chance: random.Random) -> Edit:
    number, column = chance.randint(1, bench.entries), chance.choice(COLUMNS)
    with _writing(bench.path) as connection:
        if column == "sequence":
            value = chance.choice([0, -number, bench.entries + 1, bench.entries + chance.randint(2, 99)])
        else:
            value = _other(_value(connection, "trail_entries", column, number), chance)
        _set(connection, "trail_entries", column, number, value)
    return Edit("entry edited", "entry", (number,))


def _edit_checkpoint(bench: Bench, chance: random.Random) -> Edit:
    number = chance.choice(list(bench.rows["trail_checkpoints"]))
    column = chance.choice(TABLES["trail_checkpoints"])
    with _writing(bench.path) as connection:
        if chance.random() < 0.2:
            connection.execute("DELETE FROM trail_checkpoints WHERE number = ?", (number,))
        elif column == "number":
            _set(connection, "trail_checkpoints", column, number, number + chance.choice([100, -100]))
        else:
            value = _other(_value(connection, "trail_checkpoints", column, number), chance)
            _set(connection, "trail_checkpoints", column, number, value)
    return Edit("checkpoint edited or deleted", "checkpoint", (number,))


def _edit_head_or_header(bench: Bench, chance: random.Random) -> Edit:
    table = chance.choice(["trail_head", "trail_header"])
    column = chance.choice(TABLES[table])
    with _writing(bench.path) as connection:
        if chance.random() < 0.1:
            connection.execute(f"DELETE FROM {table}")
        else:
            value = connection.execute(f"SELECT {column} FROM {table}").fetchone()[0]
            connection.execute(f"UPDATE {table} SET {column} = ?", (_other(value, chance),))
    return Edit("head or header edited", table.removeprefix("trail_"))


def _delete(bench: Bench, chance: random.Random) -> Edit:
    first = chance.randint(1, bench.entries - 6)
    last = first + chance.randint(0, 4)
    with _writing(bench.path) as connection:
        connection.execute("DELETE FROM trail_entries WHERE sequence BETWEEN ? AND ?", (first, last))
        if chance.random() < 0.5:
            _renumber(connection, last + 1, first - last - 1)
    return Edit("entries deleted", "entry", tuple(range(first, last + 1)))


def _truncate(bench: Bench, chance: random.Random) -> Edit:
    last = chance.randint(0, bench.entries - 1)
    with _writing(bench.path) as connection:
        connection.execute("DELETE FROM trail_entries WHERE sequence > ?", (last,))
        if chance.random() < 0.7:
            connection.execute("DELETE FROM trail_checkpoints WHERE sequence > ?", (last,))
        if chance.random() < 0.5:
            own = _value(connection, "trail_entries", "hash", last) if last else b"\0" * 32
            connection.execute("UPDATE trail_head SET sequence = ?, hash = ?", (last, own))
    return Edit("end cut off", "entry", tuple(range(last + 1, bench.entries + 1)))


def _insert(bench: Bench, chance: random.Random) -> Edit:
    number = chance.randint(1, bench.entries + 1)
    with _writing(bench.path) as connection:
        row = list(_row(connection, chance.randint(1, bench.entries)))
        previous = _row(connection, number - 1)[HASH] if number > 1 else _row(connection, 1)[PREVIOUS]
        _renumber(connection, number, 1)
        row[0], row[8 + 1] = number, f"put-in-{chance.random()}"
        row[PREVIOUS] = previous
        row[HASH] = chained(previous, number, body_of(row[1:PREVIOUS]))
        connection.execute(_INSERT, row)
    return Edit("entry put in", "entry", (number,), most=1)


def _exchange(bench: Bench, chance: random.Random) -> Edit:
    first, second = sorted(chance.sample(range(1, bench.entries + 1), 2))
    with _writing(bench.path) as connection:
        one, other = _row(connection, first), _row(connection, second)
        end = len(COLUMNS) if chance.random() < 0.5 else PREVIOUS
        connection.execute("DELETE FROM trail_entries WHERE sequence IN (?, ?)", (first, second))
        connection.execute(_INSERT, (first, *other[1:end], *one[end:]))
        connection.execute(_INSERT, (second, *one[1:end], *other[end:]))
    return Edit("two exchanged", "entry", (first, second))


def _rehash_one(bench: Bench, chance: random.Random) -> Edit:
    number = chance.randint(1, bench.entries)
    with _writing(bench.path) as connection:
        row = _edited(_row(connection, number), chance)
        row[HASH] = chained(row[PREVIOUS], number, body_of(row[1:PREVIOUS]))
        connection.execute("DELETE FROM trail_entries WHERE sequence = ?", (number,))
        connection.execute(_INSERT, row)
    # The last of all has no entry behind it: what fails is the signature of the end.
    return Edit(
        "edited with a new hash", "entry", (number,), most=bench.every if number == bench.entries else 0
    )


def _rehash_all(bench: Bench, chance: random.Random) -> Edit:
    number = chance.randint(1, bench.entries)
    with _writing(bench.path) as connection:
        rows = [_row(connection, n) for n in range(number, bench.entries + 1)]
        rows[0] = _edited(rows[0], chance)
        previous = rows[0][PREVIOUS]
        connection.execute("DELETE FROM trail_entries WHERE sequence >= ?", (number,))
        for row in rows:
            own = chained(previous, row[0], body_of(row[1:PREVIOUS]))
            connection.execute(_INSERT, (*row[:PREVIOUS], previous, own))
            previous = own
        if chance.random() < 0.5:
            connection.execute("UPDATE trail_head SET hash = ?", (previous,))
    return Edit("all later hashes computed anew", "entry", (number,), most=bench.every + 4)


def _older_copy(bench: Bench, chance: random.Random) -> Edit:
    bench.path.write_bytes(bench.files["older.db"])
    first = bench.entries // 2 // 5 * 5 + 1
    return Edit("an older copy put back", "entry", tuple(range(first, bench.entries + 1)))


def _other_trail(bench: Bench, chance: random.Random) -> Edit:
    if chance.random() < 0.3:
        bench.path.write_bytes(bench.files["other.db"])
        return Edit("from another trail", "header")
    number = chance.randint(1, bench.entries)
    with closing(sqlite3.connect(bench.folder / "other.db")) as connection:
        row = _row(connection, number)
    with _writing(bench.path) as connection:
        connection.execute("DELETE FROM trail_entries WHERE sequence = ?", (number,))
        connection.execute(_INSERT, row)
    most = bench.every if number == bench.entries else 0
    return Edit("from another trail", "entry", (number,), most=most)


def _edit_witness(bench: Bench, chance: random.Random) -> Edit:
    lines = bench.files["witness.jsonl"].split(b"\n")[:-1]
    number = chance.randint(1, len(lines) - 1)
    line = bytearray(lines[number - 1])
    if chance.random() < 0.3:
        del lines[number - 1]
        bench.witness.write_bytes(b"\n".join(lines) + b"\n")
        return Edit("witness edited", "checkpoint", (number,))
    place = chance.choice([i for i, byte in enumerate(line) if bytes([byte]).isalnum()])
    line[place] = chance.choice([b for b in b"0123456789abcdef" if b != line[place]])
    lines[number - 1] = bytes(line)
    bench.witness.write_bytes(b"\n".join(lines) + b"\n")
    return Edit("witness edited", "witness", (number,))


def _edit_byte(bench: Bench, chance: random.Random) -> Edit | None:
    content = bytearray(bench.files["trail.db"])
    place = chance.randrange(len(content))
    while chance.random() < 0.9 and not content[place]:  # Zeros are mostly free space.
        place = chance.randrange(len(content))
    content[place] = (content[place] + chance.randint(1, 255)) % 256
    bench.path.write_bytes(bytes(content))
    now = contents(bench.path)
    if now == bench.rows:
        return None
    if not now:
        return Edit("a byte of the file", "database")
    for table, part in (("trail_entries", "entry"), ("trail_checkpoints", "checkpoint")):
        before, after = bench.rows[table], now.get(table, {})
        changed = [number for number in before if after.get(number) != before[number]]
        if changed:
            return Edit("a byte of the file", part, tuple(changed), most=len(before))
        if added := [number for number in after if number not in before]:
            return Edit("a byte of the file", part, tuple(added), most=len(before))
    table = "head" if now.get("trail_head") != bench.rows["trail_head"] else "header"
    return Edit("a byte of the file", table)


KINDS: dict[str, Callable[[Bench, random.Random], Edit | None]] = {
    "entry edited": _edit_entry,
    "checkpoint edited or deleted": _edit_checkpoint,
    "head or header edited": _edit_head_or_header,
    "entries deleted": _delete,
    "end cut off": _truncate,
    "entry put in": _insert,
    "two exchanged": _exchange,
    "edited with a new hash": _rehash_one,
    "all later hashes computed anew": _rehash_all,
    "an older copy put back": _older_copy,
    "from another trail": _other_trail,
    "witness edited": _edit_witness,
    "a byte of the file": _edit_byte,
}


@contextmanager
def _writing(path: Path) -> Iterator[sqlite3.Connection]:
    """Yield a connection without the triggers, and put these back: they must not be what gives it away."""
    connection = sqlite3.connect(path, isolation_level=None)
    triggers = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
    connection.execute("PRAGMA synchronous = OFF")
    connection.execute("BEGIN")
    for name, _ in triggers:
        connection.execute(f"DROP TRIGGER {name}")
    yield connection
    for _, statement in triggers:
        connection.execute(statement)
    connection.execute("COMMIT")
    connection.close()


def _row(connection: sqlite3.Connection, number: int) -> tuple:
    query = f"SELECT {', '.join(COLUMNS)} FROM trail_entries WHERE sequence = ?"
    return connection.execute(query, (number,)).fetchone()


def _value(connection: sqlite3.Connection, table: str, column: str, number: int) -> object:
    query = f"SELECT {column} FROM {table} WHERE {KEYS[table]} = ?"
    return connection.execute(query, (number,)).fetchone()[0]


def _set(connection: sqlite3.Connection, table: str, column: str, number: int, value: object) -> None:
    connection.execute(f"UPDATE {table} SET {column} = ? WHERE {KEYS[table]} = ?", (value, number))


def _renumber(connection: sqlite3.Connection, first: int, by: int) -> None:
    # Through negative numbers, as no two may be the same on the way.
    connection.execute("UPDATE trail_entries SET sequence = -sequence WHERE sequence >= ?", (first,))
    connection.execute("UPDATE trail_entries SET sequence = -sequence + ? WHERE sequence < 0", (by,))


def _edited(row: tuple, chance: random.Random) -> list:
    changed = list(row)
    column = chance.choice([i for i in range(1, PREVIOUS) if COLUMNS[i] != "event_id"])
    changed[column] = 1 - row[ALERT] if column == ALERT else _other(row[column], chance)
    return [value if i in (0, PREVIOUS, HASH, ALERT) else str(value) for i, value in enumerate(changed)]


def _other(value: object, chance: random.Random) -> object:
    """Return a value that is not this one: near it, of another type, or nothing like it."""
    while True:
        if isinstance(value, int):
            new = chance.choice([value + 1, value - 1, -value, "x", 0.5, chance.randint(0, 10**6)])
        elif isinstance(value, bytes):
            place = chance.randrange(len(value))
            flipped = value[:place] + bytes([value[place] ^ (1 << chance.randrange(8))]) + value[place + 1 :]
            new = chance.choice(
                [flipped, value[:-1], value + b"\0", chance.randbytes(len(value)), value.hex()]
            )
        else:
            text = str(value)
            place = chance.randrange(len(text) + 1)
            new = chance.choice(
                [
                    text[:place] + chance.choice("aZ0 \u00e9\u0000'\U0001f600") + text[place:],
                    text[:place] + text[place + 1 :],
                    text.swapcase(),
                    "",
                    text.encode(),
                    f"x{chance.random()}",
                ]
            )
        if type(new) is not type(value) or new != value:
            return new
