"""Delivery: nothing lost, nothing blocked, said clearly, whatever a sink, a disk or the program does."""

from __future__ import annotations

import json
import multiprocessing
import os
import sqlite3
import threading
import time

import pytest

from secure_ai.core.errors import UserError
from secure_ai.monitor.alerts import AlertDesk, AlertStore, FileSink, Message, Retry, SinkRefused
from secure_ai.monitor.alerts.courier import Courier
from secure_ai.monitor.alerts.sinks import SinkError, within

from .conftest import MemorySink, _detection


def keys(sink):
    return [message.key for message in sink.messages]


def test_what_a_sink_could_not_take_waits_and_comes_later_in_order(desk, detection, sink, waits):
    sink.fails = True
    desk.receive([detection(n, actor=f"E-{n}") for n in range(5)])
    (stand,) = desk.deliver()
    assert (stand.waiting, stand.failures) == (5, 1)
    assert "5 waiting; it fails with RuntimeError, 1 time in a row" in stand.sentence()
    assert "secret words" not in stand.sentence()
    sink.fails = False
    waits.now += 10
    desk.deliver()
    assert [name for _, name in sink.said()] == [f"A-{n:06d}" for n in range(1, 6)]


def test_a_message_whose_answer_was_lost_comes_again_with_the_same_key(desk, detection, sink, waits):
    sink.loses_answer = True
    desk.receive(detection(1))
    desk.deliver()
    sink.loses_answer = False
    waits.now += 10
    desk.deliver()
    assert len(keys(sink)) == 2 and len(set(keys(sink))) == 1


def test_one_sink_that_fails_does_not_stop_the_others(open_desk, detection):
    bad, good = MemorySink("bad"), MemorySink("good")
    bad.fails = True
    desk = open_desk(sinks=[bad, good])
    desk.receive(detection(1))
    assert [(one.sink, one.waiting, one.delivered) for one in desk.deliver()] == [
        ("bad", 1, 0),
        ("good", 0, 1),
    ]


def test_waits_double_with_seeded_jitter_and_the_breaker_pauses(desk, detection, sink, waits):
    sink.fails = True
    desk.receive(detection(1))
    courier = desk._couriers["memory"]
    tried = []
    for _ in range(7):
        tried.append(courier.step())
        waits.now += tried[-1]
    for number, wait in enumerate(tried[:4]):
        assert 2**number / 2 <= wait <= 2**number
    assert all(60 <= wait <= 64 for wait in tried[4:])
    assert courier.breaker_open and "paused by the circuit breaker" in courier.delivery().sentence()
    other = Courier(AlertStore(), MemorySink(), Retry(first_seconds=1), monotonic=waits)
    other._settle = lambda *_: None
    assert [other._failed(1, 1, "x") for _ in range(4)] == tried[:4]


def test_while_it_waits_a_sink_is_not_tried_however_much_comes(desk, detection, sink):
    sink.fails = True
    for number in range(10):
        desk.receive(detection(number, actor=f"E-{number}"))
        desk.deliver()
    assert sink.attempts == 1


def test_a_message_that_is_refused_is_set_aside_and_the_next_one_goes_on(open_desk, detection, waits):
    class Picky(MemorySink):
        def send(self, message: Message) -> None:
            if message.fields["alert"] == "A-000001":
                raise SinkRefused("it answers with status 422")
            super().send(message)

    picky = Picky()
    desk = open_desk(sinks=[picky])
    desk.receive([detection(n, actor=f"E-{n}") for n in range(2)])
    for _ in range(4):
        desk.deliver()
        waits.now += 100
    (stand,) = desk.deliveries()
    assert (stand.delivered, stand.refused, stand.waiting) == (1, 1, 0)
    assert "1 refused and set aside" in stand.sentence()


def test_sinks_get_what_is_for_their_severity_and_roles(open_desk, detection, clock):
    every, urgent = MemorySink("every"), MemorySink("urgent", at_least="high")
    officer = MemorySink("officer", roles=("privacy-officer",))
    desk = open_desk(sinks=[every, urgent, officer])
    desk.receive([detection(1), detection(2, actor="E-2", severity="high")])
    clock.advance(minutes=240)
    desk.tick()
    desk.deliver()
    assert (len(every.messages), len(urgent.messages)) == (4, 3)
    assert officer.said() == [("escalated", "A-000002")]


def test_two_sinks_of_one_name_are_a_sentence(open_desk):
    with pytest.raises(UserError, match="one name"):
        open_desk(sinks=[MemorySink(), MemorySink()])


def test_what_waits_for_a_sink_that_is_gone_is_said(open_desk, detection, tmp_path, sink):
    desk = open_desk(tmp_path / "alerts.db")
    desk.receive(detection(1))
    assert desk.close().sentence().endswith("the next start: 1 for memory.")
    desk = open_desk(tmp_path / "alerts.db", sinks=[])
    assert "memory: 0 delivered, 1 waiting; this sink is no longer in the settings" in desk.sentences()[1]
    desk.close()
    desk = open_desk(tmp_path / "alerts.db")
    desk.deliver()
    assert len(sink.messages) == 1


def test_a_sink_that_hangs_blocks_nobody_and_closing_keeps_its_limit(detection, tmp_path):
    hold = threading.Event()

    class Hanging(MemorySink):
        def send(self, message: Message) -> None:
            hold.wait()

    good = MemorySink("good")
    desk = AlertDesk(tmp_path / "alerts.db", sinks=[Hanging("hanging"), good], tick_seconds=None)
    started = time.monotonic()
    desk.receive([detection(n, actor=f"E-{n}") for n in range(3)])
    while desk.deliveries()[1].delivered < 3 and time.monotonic() < started + 10:
        time.sleep(0.005)
    assert [one.waiting for one in desk.deliveries()] == [3, 0]
    assert desk.deliveries()[0].busy_seconds > 0
    started = time.monotonic()
    closing = desk.close(limit_seconds=0.1)
    assert time.monotonic() - started < 2
    assert (closing.waiting["hanging"], closing.stuck) == (3, ("hanging",))
    assert "3 for hanging; in the middle of an attempt: hanging" in closing.sentence()
    hold.set()
    again = MemorySink("hanging")
    with AlertDesk(tmp_path / "alerts.db", sinks=[again], tick_seconds=None) as desk:
        desk.wait_for_delivery()
    assert [name for _, name in again.said()] == ["A-000001", "A-000002", "A-000003"]


def test_a_desk_in_the_background_looks_at_deadlines_itself(detection, clock, sink):
    with AlertDesk(sinks=[sink], clock=clock, tick_seconds=0.01) as desk:
        desk.receive(detection(1, severity="critical"))
        clock.advance(minutes=11)
        end = time.monotonic() + 10
        while len(sink.messages) < 2 and time.monotonic() < end:
            time.sleep(0.005)
    assert [event for event, _ in sink.said()] == ["raised", "escalated"]


def test_deadlines_are_looked_at_again_after_a_clock_that_failed_once(detection, clock, sink):
    failed = []

    def shaky():
        if threading.current_thread().name == "alert deadlines" and not failed:
            failed.append(True)
            raise OSError("no clock")
        return clock()

    with AlertDesk(sinks=[sink], clock=shaky, tick_seconds=0.01) as desk:
        desk.receive(detection(1, severity="critical"))
        clock.advance(minutes=11)
        end = time.monotonic() + 10
        while len(sink.messages) < 2 and time.monotonic() < end:
            time.sleep(0.005)
    assert failed and [event for event, _ in sink.said()] == ["raised", "escalated"]


def test_a_closed_desk_says_so(desk, detection):
    desk.close()
    desk.close()
    for step in (lambda: desk.receive(detection(1)), desk.tick, lambda: desk.acknowledge("A-000001", "E-1")):
        with pytest.raises(UserError, match="desk is closed"):
            step()


def test_a_store_survives_and_is_its_owners_alone(open_desk, detection, tmp_path):
    path = tmp_path / "alerts.db"
    desk = open_desk(path)
    desk.receive(detection(1))
    desk.acknowledge("A-000001", "E-0099", "a note")
    before = desk.to_frame().to_dict("records")
    desk.close()
    assert path.stat().st_mode & 0o777 == 0o600
    desk = open_desk(path)
    assert str(desk.to_frame().to_dict("records")) == str(before)
    assert desk.receive(detection(1)).duplicates == 1


def test_a_store_is_held_by_one_desk_at_a_time(open_desk, tmp_path):
    open_desk(tmp_path / "alerts.db")
    with pytest.raises(UserError, match="in use by another desk"):
        open_desk(tmp_path / "alerts.db")


def foreign(path):
    sqlite3.connect(path).execute("CREATE TABLE other (x)").connection.close()


def newer(path):
    AlertStore(path).close()
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE meta SET value = '99' WHERE name = 'version'")


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lambda path: path.write_bytes(b"no database at all" * 100), "no alert store, or damaged"),
        (foreign, "database of something else"),
        (newer, "another version of the kit"),
        (lambda path: path.mkdir(), "cannot be used"),
    ],
)
def test_a_file_that_is_no_alert_store_is_a_sentence_and_left_as_it_is(tmp_path, spoil, sentence):
    path = tmp_path / "alerts.db"
    spoil(path)
    before = path.read_bytes() if path.is_file() else None
    with pytest.raises(UserError, match=sentence):
        AlertStore(path)
    assert before is None or path.read_bytes() == before


def test_detections_wait_in_memory_while_the_disk_is_full(open_desk, detection, tmp_path, sink):
    desk = open_desk(tmp_path / "alerts.db")
    pages = desk._store.run("PRAGMA page_count")[0][0]
    desk._store.run(f"PRAGMA max_page_count = {pages}")
    many = [detection(n, actor=f"E-{n:05d}") for n in range(200)]
    found = desk.receive(many)
    assert (found.held, found.new) == (200, 0)
    assert "200 held in memory because the store cannot be written" in found.sentence()
    assert any("200 detections are held in memory" in sentence for sentence in desk.sentences())
    desk._store.run("PRAGMA max_page_count = 100000")
    desk.tick()
    assert sum(alert.count for alert in desk.alerts() if alert.kind != "alert_storm") == 200


def test_the_memory_for_a_full_disk_has_an_end_that_is_said(open_desk, detection, tmp_path, monkeypatch):
    monkeypatch.setattr("secure_ai.monitor.alerts.desk.MOST_HELD", 5)
    desk = open_desk(tmp_path / "alerts.db")
    pages = desk._store.run("PRAGMA page_count")[0][0]
    desk._store.run(f"PRAGMA max_page_count = {pages}")
    desk.receive([detection(n, actor=f"E-{n:05d}" * 8) for n in range(100)])
    with pytest.raises(UserError, match="give these again"):
        desk.receive(detection(500))
    assert desk.close().held == 100


def test_a_file_sink_writes_lines_and_rotates(detection, open_desk, tmp_path):
    path = tmp_path / "alerts.jsonl"
    desk = open_desk(sinks=[FileSink(path, rotate_bytes=2000, keep=2)])
    desk.receive([detection(n, actor=f"E-{n}") for n in range(10)])
    desk.deliver()
    files = [path, *(tmp_path / f"alerts.jsonl.{n}" for n in (1, 2))]
    lines = [json.loads(line) for file in reversed(files) for line in file.read_text().splitlines()]
    names = [line["alert"] for line in lines]
    assert names == sorted(names) and names[-1] == "A-000010" and len(names) >= 6
    assert all(file.stat().st_size <= 2000 and file.stat().st_mode & 0o777 == 0o600 for file in files)
    assert not (tmp_path / "alerts.jsonl.3").exists()


def test_a_file_sink_on_a_full_disk_leaves_no_half_line_and_says_why(tmp_path, monkeypatch):
    sink, real, left = FileSink(tmp_path / "alerts.jsonl"), os.write, [30]
    message = Message.read('{"key": "k-1", "alert": "A-000001"}')
    sink.send(message)

    def full(handle, data):
        if not left[0]:
            raise OSError(28, "no space")
        written = real(handle, data[: left[0]])
        left[0] -= written
        return written

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(SinkError, match="no space left on device"):
        sink.send(message)
    monkeypatch.undo()
    sink.send(message)
    assert (tmp_path / "alerts.jsonl").read_text() == (message.text + "\n") * 2


def test_half_a_line_of_a_killed_program_does_not_spoil_the_next(tmp_path):
    (tmp_path / "alerts.jsonl").write_text('{"half')
    FileSink(tmp_path / "alerts.jsonl").send(Message.read('{"key": "k-1"}'))
    assert (tmp_path / "alerts.jsonl").read_text() == '{"half\n{"key": "k-1"}\n'


def test_work_that_takes_too_long_is_left_alone():
    hold = threading.Event()
    with pytest.raises(SinkError, match=r"no answer within 0\.01 seconds"):
        within(0.01, hold.wait)
    hold.set()
    assert within(5, lambda: 3) == 3


def receive_and_die(path, started):
    desk = AlertDesk(path, sinks=[MemorySink()], background=False)
    for number in range(10_000):
        desk.receive(_detection(number, actor=f"E-{number:05d}", severity="low"))
        started.value = number + 1


def test_a_killed_program_leaves_every_alert_that_it_took_with_its_messages(tmp_path, open_desk, sink):
    context = multiprocessing.get_context("fork")
    taken = context.Value("i", 0)
    process = context.Process(target=receive_and_die, args=(tmp_path / "alerts.db", taken), daemon=True)
    process.start()
    end = time.monotonic() + 20
    while taken.value < 20 and time.monotonic() < end:
        time.sleep(0.005)
    process.kill()
    process.join()
    desk = open_desk(tmp_path / "alerts.db")
    alerts = [alert for alert in desk.alerts() if alert.kind != "alert_storm"]
    assert len(alerts) >= taken.value >= 20
    desk.deliver()
    spoken = {name for event, name in sink.said() if event == "raised"}
    assert {alert.storm or alert.alert_id for alert in alerts} <= spoken
