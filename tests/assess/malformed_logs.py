"""Malformed audit logs: JSON lines, trails and exports, each damaged in a way of its own, from a seed."""

from __future__ import annotations

import dataclasses
import gzip
import io
import json
import random
import sqlite3
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from secure_ai.core.audit import AuditEvent
from secure_ai.monitor.trail import export_jsonl, open_trail
from secure_ai.monitor.trail.signatures import public_key_line
from tests.assess.malformed.case import CANARY, Case, Ends

START = datetime(2026, 7, 1, tzinfo=UTC)
EVENTS = 60
SEED = 20260701
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
OTHER = Ed25519PrivateKey.from_private_bytes(bytes(32))
Damage = Callable[[list[dict[str, Any]]], list[Any]]


@cache
def events() -> tuple[AuditEvent, ...]:
    """Return a log without fault; accounts and targets hold the canary."""
    return tuple(
        AuditEvent(
            (START + timedelta(hours=20 * number)).isoformat(timespec="milliseconds"),
            f"{CANARY}-{number % 7}", "view", f"pat-{number:05d}-{CANARY}", "allowed", "treatment",
            details={"role": "nurse", "relation": "care_team"}, event_id=f"ev-{number:05d}",
        )
        for number in range(EVENTS)
    )  # fmt: skip


@cache
def trail() -> dict[str, bytes]:
    """Return a trail without fault, its export and its witness, as files."""
    with TemporaryDirectory() as folder:
        place, witness = Path(folder) / "trail.sqlite", Path(folder) / "witness.jsonl"
        with open_trail(place, signing_key=KEY, witness=witness, checkpoint_every=20) as one:
            one.append_many(events())
            one.checkpoint()
        export_jsonl(place, Path(folder) / "export.jsonl")
        # In one file: what a copy of it alone would hold.
        connection = sqlite3.connect(place)
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.close()
        names = {"sqlite": place, "export": Path(folder) / "export.jsonl", "witness": witness}
        return {name: path.read_bytes() for name, path in names.items()}


def log_cases() -> list[Case]:
    """Return every case."""
    return [*_whole_files(), *_fields(), *_lines_damaged(), *_trails(), *_keys(), *_asked()]


def case(name: str, content: bytes, ends: Ends, kind: str, ending: str = "jsonl", **given: Any) -> Case:
    """Return a case of a log with this content; ``given`` are files beside it (bytes) or values."""

    def make(folder: Path) -> dict[str, Any]:
        (folder / f"{CANARY}.{ending}").write_bytes(content)
        values: dict[str, Any] = {"log": str(folder / f"{CANARY}.{ending}")}
        for parameter, value in given.items():
            if isinstance(value, bytes):
                (folder / f"{CANARY}.{parameter}").write_bytes(value)
            values[parameter] = str(folder / f"{CANARY}.{parameter}") if isinstance(value, bytes) else value
        return values

    return Case(kind, name, make, ends, parts=("monitoring.log",))


def lines(rows: list[Any]) -> bytes:
    """Return rows as JSON lines; bytes as they are."""
    return b"".join((row if isinstance(row, bytes) else json.dumps(row).encode()) + b"\n" for row in rows)


def plain() -> list[dict[str, Any]]:
    """Return the events as objects of JSON."""
    return [dataclasses.asdict(one) for one in events()]


def _whole_files() -> list[Case]:
    good, packed = lines(plain()), io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("log.jsonl", good)
    wrong = {
        "empty": b"", "blank lines": b"\n \n\t\n", "a letter": f"Dear {CANARY},\nthe log.\n".encode(),
        "noise": random.Random(SEED).randbytes(20_000), "gzip": gzip.compress(good), "zip": packed.getvalue(),
        "utf-16": good.decode().encode("utf-16"), "one array": json.dumps(plain()).encode(),
        "an array over many lines": json.dumps(plain(), indent=1).encode(), "numbers": b"1\n2\n3\n",
        "csv": b"time,actor,action,target,outcome\n2026-07-01,a,b,c,allowed\n", "nul": b"\0" * 5000,
        "brackets": b"[" * 200_000, "one line without end": b'{"actor": "' + b"x" * 9_000_000,
        "carriage returns alone": good.replace(b"\n", b"\r"), "html": f"<html>{CANARY}</html>\n".encode(),
        "pickle": b"\x80\x04\x95" + CANARY.encode() * 90,
        "sqlite of nothing": b"SQLite format 3\0" + b"\0" * 4000,
        "header of an export alone": b'{"format": "secure-ai audit trail"}\n',
    }  # fmt: skip
    right = {
        "a byte order mark": b"\xef\xbb\xbf" + good, "Windows lines": good.replace(b"\n", b"\r\n"),
        "blank lines between": good.replace(b"\n", b"\n\n \n"), "last line cut": good[:-40],
        "a giant line": good + b'{"actor": "' + b"x" * 5_000_000 + b'"}\n',
        "nul at the end": good + b"\0" * 900,
        "words of an export in an entry": lines(
            [plain()[0] | {"purpose": "secure-ai audit trail"}, *plain()[1:]]
        ),
    }  # fmt: skip
    cases = [case(name, content, "sentence", "log, file") for name, content in wrong.items()]
    cases += [case(name, content, "report", "log, file") for name, content in right.items()]
    for name, place in {"a folder": ".", "nothing": "nothing.jsonl", "a loop": "loop", "nul": "\0"}.items():
        cases.append(
            Case("log, file", f"{name} in its place", _place(place), "sentence", ("monitoring.log",))
        )
    for address in (f"ftp://{CANARY}/log", f"https://{CANARY}.example/log", "postgresql://[", "kafka://x"):
        cases.append(
            Case(
                "log, file", f"the address {len(address)}", _address(address), "sentence", ("monitoring.log",)
            )
        )
    return cases


def _place(name: str) -> Callable[[Path], dict[str, Any]]:
    def make(folder: Path) -> dict[str, Any]:
        (folder / "loop").symlink_to(folder / "loop")
        return {"log": str(folder / name)}

    return make


def _address(address: str) -> Callable[[Path], dict[str, Any]]:
    return lambda _: {"log": address}


def _fields() -> list[Case]:
    """Every entry wrong in one way: nothing can be read."""

    def each(**change: Any) -> list[dict[str, Any]]:
        return [row | change for row in plain()]

    renamed = [
        {("user" if name == "actor" else name): value for name, value in row.items()} for row in plain()
    ]
    cases = {
        "another mapping": renamed, "unknown fields": each(severity=3), "no time": each(time=""),
        "times in words": each(time="yesterday at noon"),
        "a time that is none": each(time="2026-02-30T25:61:00"),
        "an outcome that is none": each(outcome="granted"), "numbers as actors": each(actor=7),
        "details as a list": each(details=["role"]), "details in details": each(details={"a": {"b": 1}}),
        "a flag in words": each(alert="yes"), "records as text": each(records="pat-1"),
        "nothing at all": [{}],
    }  # fmt: skip
    wrong = [case(name, lines(rows), "sentence", "log, fields") for name, rows in cases.items()]
    for name in ("time", "actor", "action", "target", "outcome"):
        rows = [{field: value for field, value in row.items() if field != name} for row in plain()]
        wrong.append(case(f"without {name}", lines(rows), "sentence", "log, fields"))
    return wrong


def _lines_damaged() -> list[Case]:
    """Some entries are wrong: the rest is reviewed."""
    chosen = random.Random(SEED)

    def some(change: Callable[[dict[str, Any]], Any], share: float = 0.3) -> list[Any]:
        return [change(row) if chosen.random() < share else row for row in plain()]

    huge = {"record_count": 10**400, "rows": "many", "break_glass": "perhaps", "relation": 5}
    damage: dict[str, list[Any]] = {
        "cut": some(lambda row: json.dumps(row).encode()[: chosen.randrange(5, 90)]),
        "no JSON": some(lambda _: CANARY.encode()), "lists": some(lambda row: list(row.values())),
        "deep": some(lambda _: b"[" * 100_000, 0.1), "not UTF-8": some(lambda _: b'{"actor": "\xff\xfe"}'),
        "clock backwards": plain()[::-1], "ids twice": plain() + plain(),
        "one id": some(lambda r: r | {"event_id": "1"}, 1),
        "no ids": some(lambda row: row | {"event_id": ""}, 1), "zones mixed": some(_zone),
        "times without a zone": some(lambda row: row | {"time": row["time"][:19]}),
        "days alone": some(lambda row: row | {"time": row["time"][:10]}),
        "times impossible": some(lambda row: row | {"time": "2026-13-45T99:00:00Z"}),
        "times of the year 1": some(lambda row: row | {"time": "0001-01-01T00:00:00+00:00"}, 0.1),
        "times of the year 9999": some(lambda row: row | {"time": "9999-12-31T23:59:59.999+00:00"}, 0.1),
        "times as large as numbers go": some(lambda row: row | {"time": "9" * 400}),
        "huge counts": some(lambda row: row | {"details": huge}),
        "endless numbers": some(lambda row: json.dumps(row | {"details": {"rows": 1}}).replace("1}",
        "1e999}").encode()),
        "formulas": some(lambda row: row | {"actor": f"=cmd|'{CANARY}'!A1", "reason": "@SUM(A1)"}),
        "markup": some(lambda row: row | {"action": f"<script>{CANARY}</script>", "purpose": "<b>"}),
        "controls": some(lambda row: row | {"actor": "a\u202eb\x00\x1b[31m", "target": "\n\r\t"}),
        "surrogates": some(lambda row: row | {"actor": "\ud800", "target": "\udfff", "action": "\ud83d"}),
        "megabytes": some(lambda row: row | {"reason": CANARY * 90_000}, 0.03),
        "a thousand bad lines first": [b"x"] * 1000 + plain(),
        "one entry": plain()[:1],
        "duplicate keys": some(lambda row: json.dumps(row)[:-1].encode() + b', "actor": "x"}'),
    }  # fmt: skip
    return [case(name, lines(rows), "report", "log, entries") for name, rows in damage.items()]


def _zone(row: dict[str, Any]) -> dict[str, Any]:
    return row | {"time": row["time"].replace("+00:00", "-11:30")}


def _trails() -> list[Case]:
    """Trails and exports, changed: told as problems of the trail, or refused where nothing is left."""
    key, files = public_key_line(KEY).encode(), trail()
    rows = files["export"].splitlines()
    chosen, cases = random.Random(SEED + 1), []
    changed = {
        "an entry edited": [*rows[:9], rows[9].replace(CANARY.encode(), b"somebody"), *rows[10:]],
        "an entry taken out": rows[:20] + rows[21:],
        "two exchanged": [*rows[:5], rows[6], rows[5], *rows[7:]],
        "its end cut off": rows[:-12], "its header taken out": rows[1:],
        "an entry twice": [*rows[:9], *rows[8:]],
        "its header damaged": [rows[0][:-9], *rows[1:]], "lines of noise": [*rows, b"\xff\x00", b"[1]"],
    }  # fmt: skip
    for name, some in changed.items():
        # Without its header it is a log with fields that no event has.
        ends: Ends = "sentence" if name == "its header taken out" else "report"
        cases.append(case(name, b"\n".join(some) + b"\n", ends, "log, trail", log_key=key))
    for number in range(6):
        content = bytearray(files["sqlite"])
        for _ in range(2 + 40 * number):
            content[chosen.randrange(100, len(content))] = chosen.randrange(256)
        cases.append(
            case(f"bytes changed, {number}", bytes(content), "either", "log, trail", "sqlite", log_key=key)
        )
    for percent in (1, 50, 95):
        content = files["sqlite"][: len(files["sqlite"]) * percent // 100]
        cases.append(
            case(f"cut at {percent} percent", content, "either", "log, trail", "sqlite", log_key=key)
        )
    cases.append(case("as it was written", files["sqlite"], "report", "log, trail", "sqlite", log_key=key))
    cases.append(case("an export of another ending", files["export"], "sentence", "log, trail", "txt"))
    return cases


def _keys() -> list[Case]:
    good, key = trail()["sqlite"], public_key_line(KEY).encode()
    keys = {
        "empty": b"",
        "words": CANARY.encode(),
        "noise": b"\xff" * 90,
        "cut": key[:-5],
        "large": b"x" * 2_000_000,
    }
    witnesses = {"empty": b"", "words": CANARY.encode(), "noise": b"\xff\x00" * 90, "a log": lines(plain()),
                 "a list": b"[1]\n", "an export": trail()["export"]}  # fmt: skip
    cases = [
        case(f"key: {name}", good, "sentence", "log, keys", "sqlite", log_key=one)
        for name, one in keys.items()
    ]
    cases += [
        case(f"witness: {name}", good, "sentence", "log, keys", "sqlite", log_key=key, log_witness=one)
        for name, one in witnesses.items()
    ]
    another, seen = public_key_line(OTHER).encode(), trail()["witness"]
    fine: dict[str, dict[str, bytes]] = {
        "another key": {"log_key": another}, "a witness": {"log_key": key, "log_witness": seen},
        "a witness with half a line": {"log_key": key, "log_witness": seen + seen[:90]},
        "a witness with noise": {"log_key": key, "log_witness": seen + b"\xff\n"},
        "another key and a witness": {"log_key": another, "log_witness": seen},
    }  # fmt: skip
    cases += [case(name, good, "report", "log, keys", "sqlite", **given) for name, given in fine.items()]
    cases.append(case("a key for a plain log", lines(plain()), "report", "log, keys", log_key=key))
    return cases


def _asked() -> list[Case]:
    good = lines(plain())
    quarters = ["2026Q5", "Q3", CANARY, "2026-07", "99999Q1", "1969Q4", "\u0662\u0660\u0662\u0666Q3x"]
    cases = [case(f"quarter {one[:6]}", good, "sentence", "log, asked", quarter=one) for one in quarters]
    return [*cases, case("a quarter without entries", good, "report", "log, asked", quarter="2031Q1")]
