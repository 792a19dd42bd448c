"""What is acknowledged is kept, in order of arrival, by any number of writers."""

from __future__ import annotations

import asyncio
import concurrent.futures
import multiprocessing
import os
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
import time
import warnings
from contextlib import closing

import pytest
from cryptography.hazmat.primitives import serialization

from secure_ai.core.audit import AuditLog
from secure_ai.core.errors import UserError
from secure_ai.monitor.trail import DuplicateEvent, RefusedEvent, open_trail, verify_trail


def test_every_room_records_through_the_audit_log_and_what_it_recorded_is_read_back(place):
    with place.open() as trail:
        log = AuditLog(store=trail)
        log.record("S1", "read", "notes", "denied", purpose="care", reason="no relation", alert=True,
                   event_id="a", records=["N1", "N2"], model="triage@3", data="2026-03", rows=2)  # fmt: skip
        log.record("svc-triage", "query", "triage", "allowed", share=0.5, café="Ω")
        assert [entry.event for entry in trail.read()] == list(log.events)
        assert [entry.sequence for entry in trail.read()] == [1, 2]
    assert place.verify().intact


def test_files_of_a_trail_are_readable_by_their_owner_only(place):
    previous = os.umask(0)
    try:
        with place.open() as trail:
            trail.append_many([])
            files = [path for path in place.folder.rglob("*") if path.is_file()]
            assert len(files) >= 3
            assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    finally:
        os.umask(previous)


def test_a_commit_waits_for_the_disk(place):
    with place.open() as trail:
        connection = trail._store._opened()
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert connection.execute("PRAGMA synchronous").fetchone() == (2,)
        assert "disk" in trail.durability


def test_threads_share_commits_and_get_their_own_receipts(place, event):
    receipts = {}

    def work(writer):
        for number in range(30):
            name = writer * 100 + number
            receipts[name] = trail.append(event(name))

    with place.open() as trail:
        threads = [threading.Thread(target=work, args=(writer,)) for writer in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        kept = {entry.sequence: (entry.event.event_id, entry.hash) for entry in trail.read()}
    assert sorted(receipt.sequence for receipt in receipts.values()) == list(range(1, 241))
    assert all(kept[r.sequence] == (f"E{name:06}", r.hash) for name, r in receipts.items())
    assert place.verify().intact


def test_a_submitted_event_is_acknowledged_by_its_future_and_kept_at_close(place, event):
    with place.open() as trail:
        futures = [trail.submit(event(number)) for number in range(300)]
        assert futures[7].result(timeout=10).sequence == 8
    assert all(future.done() for future in futures)
    assert place.verify().entries == 300


def test_events_of_append_many_are_kept_all_or_none(place, event):
    with place.open() as trail:
        trail.append(event(3, target="other"))
        with pytest.raises(DuplicateEvent, match="Entry 1"):
            trail.append_many([event(1), event(2), event(3)])
        assert trail.count() == 1
        assert [r.sequence for r in trail.append_many([event(1), event(2)])] == [2, 3]


def test_an_event_that_is_recorded_again_is_kept_once_and_another_of_its_identifier_is_refused(place, event):
    with place.open() as trail:
        first = trail.append(event(1))
        again = trail.append(event(1))
        assert (again.sequence, again.hash, again.known) == (first.sequence, first.hash, True)
        with pytest.raises(DuplicateEvent, match="E000001"):
            trail.append(event(1, actor="S9"))
        assert [r.sequence for r in trail.append_many([event(2, event_id=""), event(2, event_id="")])] == [
            2,
            3,
        ]


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"actor": None}, "actor"),
        ({"actor": "a\0b"}, "actor"),
        ({"reason": "half \ud83d"}, "reason"),
        ({"outcome": "maybe"}, "outcome"),
        ({"alert": 1}, "alert"),
        ({"time": "yesterday"}, "time"),
        ({"time": "2026-03-01T12:00:00"}, "time"),
        ({"details": {"x": [1]}}, "details"),
        ({"details": {"x": float("nan")}}, "details"),
        ({"records": "N1"}, "records"),
        ({"records": (1,)}, "records"),
        ({"target": "x" * 1_100_000}, "million"),
    ],
)
def test_an_event_that_cannot_be_kept_as_it_is_is_refused_and_the_field_named(place, event, fields, named):
    with place.open() as trail:
        with pytest.raises(RefusedEvent, match=named):
            trail.append(event(1, **fields))
        assert trail.append(event(2)).sequence == 1


def test_texts_that_only_look_like_escapes_are_kept(place, event):
    with place.open() as trail:
        trail.append(event(1, target="\\u0000 \\ud83d", details={"x": "\\u0000 😀"}))
        assert next(trail.read()).event.target == "\\u0000 \\ud83d"


def test_a_clock_that_goes_backwards_changes_no_order_and_is_told(place, event):
    with place.open() as trail:
        trail.append_many([event(1), event(3), event(2), event(4)])
        assert trail.to_frame()["clock_back"].tolist() == [False, False, True, False]
    found = place.verify()
    assert found.intact
    assert (found.clock_back, found.first_clock_back) == (1, 3)
    assert "entry 3" in found.sentence()


def test_times_are_kept_in_utc_so_that_a_period_is_found_whatever_zone_wrote_it(place, event):
    with place.open() as trail:
        trail.append(event(1, time="2026-03-01T13:00:00+01:00"))
        trail.append(event(2, time="2026-03-01T12:00:00.500000+00:00"))
        trail.append(event(3, time="2026-03-01T12:00:00.500+00:00"))
        trail.append(event(4, time="2026-03-01T12:00:01Z"))
        since = [entry.sequence for entry in trail.read(since="2026-03-01T12:00:00.5+00:00")]
        until = [entry.sequence for entry in trail.read(until="2026-03-01T07:00:00.500-05:00")]
        assert (since, until) == ([2, 3, 4], [1])
        with pytest.raises(UserError, match="zone"):
            trail.read(since="2026-03-01")


def test_conditions_of_a_query_are_all_met(filled):
    with filled.open() as trail:
        assert [e.sequence for e in trail.read(actor="S0000003", after=10, limit=2)] == [11, 18]
        assert len(trail.to_frame(action="export")) == 0
        assert len(trail.to_frame(alert=False)) == 45
        assert trail.to_frame(event_id="E000007")["sequence"].tolist() == [8]


def test_a_trail_opened_without_key_is_read_only(filled, event):
    with open_trail(filled.path) as trail:
        assert trail.count() == 45
        with pytest.raises(UserError, match="signing_key"):
            trail.append(event(99))


def test_a_closed_trail_refuses_to_record(place, event):
    trail = place.open()
    trail.close()
    trail.close()
    with pytest.raises(UserError, match="closed"):
        trail.append(event(1))


def _write(place, writer, count, window):
    from tests_trail_event import make_event

    with place.open(timeout=30) as trail:
        waiting = []
        for number in range(count):
            waiting.append(trail.submit(make_event(writer * 10_000 + number)))
            if len(waiting) >= window:
                waiting.pop(0).result()


def test_eight_processes_lose_nothing_and_keep_one_chain(place, event):
    sys.modules["tests_trail_event"] = sys.modules[event.__module__]
    context = multiprocessing.get_context("fork")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # a fork while threads run
        processes = [context.Process(target=_write, args=(place, writer, 150, 40)) for writer in range(8)]
        for process in processes:
            process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0] * 8
    found = place.verify()
    assert found.intact, found.sentence()
    with open_trail(place.path) as trail:
        kept = [entry.event.event_id for entry in trail.read()]
    assert sorted(kept) == sorted(f"E{w * 10_000 + n:06}" for w in range(8) for n in range(150))
    for writer in range(8):  # each writer's own events keep their order
        mine = [name for name in kept if int(name[1:]) // 10_000 == writer]
        assert mine == sorted(mine)


KILLED = """
import sys
from secure_ai.core.audit import AuditEvent
from secure_ai.monitor.trail import open_trail
folder, name = sys.argv[1:]
trail = open_trail(folder + "/trail.db", signing_key=folder + "/key", witness=folder + "/witness.jsonl",
                   checkpoint_every=7)
for number in range(10**6):
    trail.append(AuditEvent("2026-03-01T12:00:00.000+00:00", name, "read", "x", "allowed",
                            event_id=f"{name}-{number}"))
    print(number, flush=True)
"""


def test_a_killed_writer_leaves_a_whole_chain_with_everything_that_it_acknowledged(place, event):
    pem = place.key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (place.folder / "key").write_bytes(pem)
    acknowledged = {}
    for name in ("one", "two"):
        process = subprocess.Popen(
            [sys.executable, "-c", KILLED, str(place.folder), name], stdout=subprocess.PIPE, text=True
        )
        for _ in range(20):
            process.stdout.readline()
        time.sleep(0.05)
        os.kill(process.pid, signal.SIGKILL)
        lines = process.communicate()[0].split()
        acknowledged[name] = 20 + max(0, len([line for line in lines if line.isdigit()]))
    found = verify_trail(place.path, place.key.public_key(), place.folder / "witness.jsonl")
    assert found.intact, found.sentence()
    with place.open(witness=place.folder / "witness.jsonl") as trail:
        for name, count in acknowledged.items():
            kept = {entry.event.event_id for entry in trail.read(actor=name)}
            assert kept >= {f"{name}-{number}" for number in range(count)}
        trail.append(event(1))
    assert verify_trail(place.path, place.key.public_key(), place.folder / "witness.jsonl").intact


def test_a_child_after_a_fork_writes_with_a_connection_of_its_own(place, event):
    with place.open() as trail:
        trail.append(event(1))
        context = multiprocessing.get_context("fork")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            child = context.Process(target=trail.append, args=(event(2),))
            child.start()
        child.join(20)
        trail.append(event(3))
        assert [entry.event.event_id for entry in trail.read()] == ["E000001", "E000002", "E000003"]
    assert child.exitcode == 0
    assert place.verify().intact


def test_slips_are_stopped_by_the_database_itself(filled):
    connection = sqlite3.connect(filled.path)
    for statement in (
        "UPDATE trail_entries SET actor = 'x' WHERE sequence = 1", "DELETE FROM trail_entries",
        "DELETE FROM trail_checkpoints", "UPDATE trail_header SET log_id = ''", "DELETE FROM trail_head",
    ):  # fmt: skip
        with pytest.raises(sqlite3.Error):
            connection.execute(statement)
    connection.close()
    assert filled.verify().intact


def test_the_future_of_a_submitted_event_serves_as_any_other(place, event):
    async def wait_in_a_loop():
        return await asyncio.wrap_future(trail.submit(event(200)))

    with place.open(timeout=20) as trail:
        with closing(sqlite3.connect(place.path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            held, cancelled = trail.submit(event(1)), trail.submit(event(2))
            with pytest.raises(TimeoutError):
                held.result(timeout=0.05)
            assert cancelled.cancel()
            other.execute("ROLLBACK")
        futures = [trail.submit(event(number)) for number in range(3, 60)]
        called = []
        futures[-1].add_done_callback(lambda future: called.append(future.result().sequence))
        done, waiting = concurrent.futures.wait([held, *futures], timeout=20)
        assert (len(done), len(waiting)) == (58, 0)
        assert called == [58]
        assert [future.result().sequence for future in concurrent.futures.as_completed(futures)] != []
        assert asyncio.run(wait_in_a_loop()).sequence == 59
        assert held.exception() is None
        assert {entry.event.event_id for entry in trail.read()}.isdisjoint({"E000002"})
    assert place.verify().intact


def test_events_that_arrive_while_another_process_writes_share_the_next_commit(place, event, monkeypatch):
    with place.open(timeout=20) as trail, closing(sqlite3.connect(place.path, isolation_level=None)) as other:
        commits, transaction = [], trail._store.transaction
        monkeypatch.setattr(trail._store, "transaction", lambda: commits.append(1) or transaction())
        other.execute("BEGIN IMMEDIATE")
        futures = [trail.submit(event(0))]
        time.sleep(0.05)  # The writer waits for the database by now.
        futures += [trail.submit(event(number)) for number in range(1, 200)]
        other.execute("ROLLBACK")
        assert [future.result(20).sequence for future in futures] == list(range(1, 201))
        assert len(commits) == 1


def test_closing_waits_for_the_thread_that_writes_and_leaves_it_nothing_to_do(place, event):
    for number in range(30):
        trail = place.open(witness=None)
        futures = [trail.submit(event(number * 10 + more)) for more in range(10)]
        trail.close()
        assert all(future.done() for future in futures)
        trail._write_some()  # As the thread does that had seen something waiting and then got the lock.
        assert trail._store._connection is None
    assert verify_trail(place.path, place.key.public_key()).entries == 300
