"""Time the audit trail beside a plain table and a plain file, and try ten thousand edits on it.

Eight processes write to one trail on this disk. In the first mode each keeps a window of events that are
handed in and not yet acknowledged (as an application server with many requests does); in the second each
waits for one event's acknowledgment before it hands in the next. An event counts once its acknowledgment
says that it is on the disk. The peers acknowledge one event at a time, too, each after its own fsync, and
neither chains nor signs: `INSERT` and `COMMIT` of the same columns by sqlite3 (write-ahead log,
synchronous = FULL), and JSON lines with fsync. They are run with one and with eight writers.
Run: .venv/bin/python benchmarks/audit_trail.py [events per writer] [edits]
"""

from __future__ import annotations

import json
import multiprocessing
import os
import resource
import shutil
import sqlite3
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path

from secure_ai.core.audit import AuditEvent
from secure_ai.encrypt.transport.public_keys import generate_signing_key, load_private_key
from secure_ai.monitor.trail import open_trail, try_tampering, verify_trail

WRITERS, WINDOW = 8, 512
ONE_AT_A_TIME = 400  # events of each writer
COLUMNS = 15


def event(writer: int, number: int) -> AuditEvent:
    """Return one event of a usual size, with an identifier of its own."""
    return AuditEvent(
        f"2026-03-01T{number // 3600 % 24:02}:{number // 60 % 60:02}:{number % 60:02}.000+00:00",
        f"S{number % 500:07}", "read", f"P{number * 7919 % 100_000:07}", "allowed", "treatment", "ward",
        False, {"source": f"ws-{number % 90}"}, f"E{writer}-{number:08}", ("N000001",), "triage@3", "2026-03",
    )  # fmt: skip


def write_window(folder: Path, writer: int, count: int) -> list[float]:
    """Keep a window of events outstanding; return the time of each until it was acknowledged."""
    taken: list[float] = []
    with open_trail(
        folder / "trail.db", signing_key=folder / "key", witness=folder / "witness.jsonl", timeout=60
    ) as trail:
        waiting: deque = deque()
        for number in range(count):
            start = time.perf_counter()
            future = trail.submit(event(writer, number))
            future.add_done_callback(lambda _, start=start: taken.append(time.perf_counter() - start))
            waiting.append(future)
            if len(waiting) >= WINDOW:
                waiting.popleft().result()
        for future in waiting:
            future.result()
    return taken


def write_one_at_a_time(folder: Path, writer: int, count: int) -> list[float]:
    """Wait for each event's acknowledgment."""
    with open_trail(
        folder / "trail.db", signing_key=folder / "key", witness=folder / "witness.jsonl", timeout=60
    ) as trail:
        return _timed(lambda number: trail.append(event(writer, number)), count)


def write_plain_table(folder: Path, writer: int, count: int) -> list[float]:
    """Insert and commit each event (peer)."""
    connection = sqlite3.connect(folder / "plain.db", isolation_level=None, timeout=60)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    names = ", ".join(f"c{number}" for number in range(COLUMNS))
    connection.execute(f"CREATE TABLE IF NOT EXISTS events (number INTEGER PRIMARY KEY, {names})")
    insert = f"INSERT INTO events ({names}) VALUES ({', '.join('?' * COLUMNS)})"

    def write(number: int) -> None:
        row = event(writer, number)
        values = [row.time, row.actor, row.action, row.target, row.outcome, row.purpose, row.reason]
        values += [json.dumps(dict(row.details)), row.event_id, json.dumps(row.records), row.model, row.data]
        connection.execute(insert, (*values, row.alert, b"", b""))

    taken = _timed(write, count)
    connection.close()
    return taken


def write_plain_file(folder: Path, writer: int, count: int) -> list[float]:
    """Append a line and call fsync for each event (peer)."""
    descriptor = os.open(folder / "plain.jsonl", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def write(number: int) -> None:
        os.write(descriptor, event(writer, number).to_json().encode() + b"\n")
        os.fsync(descriptor)

    taken = _timed(write, count)
    os.close(descriptor)
    return taken


def _timed(write: Callable[[int], object], count: int) -> list[float]:
    taken = []
    for number in range(count):
        start = time.perf_counter()
        write(number)
        taken.append(time.perf_counter() - start)
    return taken


Work = Callable[[Path, int, int], list[float]]


def _run(work: Work, folder: Path, writer: int, count: int, queues: tuple) -> None:
    ready, done = queues
    ready.wait()
    start, cpu = time.perf_counter(), time.process_time()
    taken = work(folder, writer, count)
    done.put((start, time.perf_counter(), taken, time.process_time() - cpu))


def together(work: Work, writers: int, count: int) -> tuple[Path, tuple[float, float, float, float]]:
    """Run writers at once; return the folder, and events/s, median and 99% in ms, processor in us."""
    folder = Path(tempfile.mkdtemp(dir=os.environ.get("BENCH_FOLDER")))
    generate_signing_key(folder / "key")
    if work in (write_window, write_one_at_a_time):
        open_trail(folder / "trail.db", signing_key=folder / "key").close()
    context = multiprocessing.get_context("fork")
    ready, done = context.Barrier(writers), context.Queue()
    processes = [
        context.Process(target=_run, args=(work, folder, writer, count, (ready, done)))
        for writer in range(writers)
    ]
    for process in processes:
        process.start()
    results = [done.get() for _ in processes]
    for process in processes:
        process.join()
    wall = max(end for _, end, _, _ in results) - min(start for start, _, _, _ in results)
    taken = sorted(value for _, _, values, _ in results for value in values)
    middle, late = taken[len(taken) // 2], taken[int(len(taken) * 0.99)]
    cpu = sum(used for _, _, _, used in results) / (writers * count)
    return folder, (writers * count / wall, middle * 1e3, late * 1e3, cpu * 1e6)


def fsync_latency() -> tuple[float, float]:
    """Return median and 90th percentile of writing 4 KiB and fsync on this disk, in ms."""
    with tempfile.NamedTemporaryFile(dir=os.environ.get("BENCH_FOLDER")) as file:

        def write(_: int) -> None:
            os.write(file.fileno(), b"x" * 4096)
            os.fsync(file.fileno())

        taken = sorted(_timed(write, 300))
    return taken[150] * 1e3, taken[270] * 1e3


def examine(folder: Path, expected: int) -> None:
    """Examine the trail that the writers left, and say how fast that went."""
    public_key = load_private_key(folder / "key", "ed25519").public_key()
    start, cpu = time.perf_counter(), time.process_time()
    found = verify_trail(folder / "trail.db", public_key, folder / "witness.jsonl")
    wall, processor = time.perf_counter() - start, time.process_time() - cpu
    verdict = "all are there" if found.intact and found.entries == expected else "NOT ALL ARE THERE"
    print(
        f"Examined: {found.entries:,} entries, {verdict}; {found.entries / wall:,.0f} a second by the clock, "
        f"{found.entries / processor:,.0f} by the processor; "
        f"{(folder / 'trail.db').stat().st_size / found.entries:,.0f} bytes an entry"
    )


def main(count: int = 25_000, edits: int = 10_000) -> None:
    """Print the rates, the examination, and what became of the edits."""
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    middle, late = fsync_latency()
    disk = f"fsync of 4 KiB: median {middle:.2f} ms, 90% {late:.2f} ms"
    print(f"{os.cpu_count()} cores, load {load:.1f}; {disk}")
    heads = f"{'events/s':>10}{'median ms':>11}{'99% ms':>9}{'processor us':>14}"
    print(f"\n{'acknowledged events, each on the disk':<52}{heads}")
    trail = None
    for label, work, writers, events in (
        (f"{WRITERS} writers, window of {WINDOW} each", write_window, WRITERS, count),
        (f"1 writer, window of {WINDOW}", write_window, 1, count),
        (f"{WRITERS} writers, one event at a time each", write_one_at_a_time, WRITERS, ONE_AT_A_TIME),
        ("1 writer, one event at a time", write_one_at_a_time, 1, ONE_AT_A_TIME),
        (f"sqlite3 INSERT and COMMIT, {WRITERS} writers (peer)", write_plain_table, WRITERS, ONE_AT_A_TIME),
        ("sqlite3 INSERT and COMMIT, 1 writer (peer)", write_plain_table, 1, ONE_AT_A_TIME),
        (f"JSON lines with fsync, {WRITERS} writers (peer)", write_plain_file, WRITERS, ONE_AT_A_TIME),
        ("JSON lines with fsync, 1 writer (peer)", write_plain_file, 1, ONE_AT_A_TIME),
    ):
        folder, (rate, middle, late, cpu) = together(work, writers, events)
        print(f"{label:<52}{rate:>10,.0f}{middle:>11.2f}{late:>9.1f}{cpu:>14.0f}", flush=True)
        if trail is None:
            trail = folder
        else:
            shutil.rmtree(folder)
    print()
    examine(trail, WRITERS * count)
    shutil.rmtree(trail)
    start = time.perf_counter()
    result = try_tampering(edits, seed=1)
    seconds = time.perf_counter() - start
    print(f"\n{result.sentence()} ({seconds:,.0f} s; {result.unchanged} bytes held no content)")
    print(result.to_frame().to_string(index=False))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"\nHighest memory of the examining process: {peak:,.0f} MB")


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:3]))
