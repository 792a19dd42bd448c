"""The audit writer."""

from __future__ import annotations

import os
import stat
from datetime import UTC, datetime

import pytest

from secure_ai.core.audit import AuditLog, parse_event, read_events
from secure_ai.core.errors import UserError

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def log_at_noon(path=None, **options):
    return AuditLog(path, clock=lambda: NOON, **options)


def test_events_are_read_back_as_they_were_recorded(tmp_path):
    log = log_at_noon(tmp_path / "audit.jsonl")
    log.record("svc-triage", "read", "patients.ssn", "denied", purpose="triage", reason="column", rows=3)
    log.record("S0000001", "unwrap", "patients", "allowed")
    assert read_events(tmp_path / "audit.jsonl") == list(log.events)
    assert log.events[0].time == "2026-03-01T12:00:00.000+00:00"


def test_records_model_and_data_version_are_kept_and_left_out_where_they_are_empty(tmp_path):
    log = log_at_noon(tmp_path / "audit.jsonl")
    log.record(
        "svc",
        "score",
        "notes",
        "allowed",
        records=["N1", "N2"],
        model="triage@3",
        data="2026-03",
        event_id="e1",
    )
    log.record("svc", "score", "notes", "allowed")
    first, second = read_events(tmp_path / "audit.jsonl")
    assert (first.records, first.model, first.data, first.event_id) == (
        ("N1", "N2"),
        "triage@3",
        "2026-03",
        "e1",
    )
    assert (first, second) == log.events
    assert "model" not in (tmp_path / "audit.jsonl").read_text().splitlines()[1]


def test_an_event_that_its_store_refuses_is_not_recorded_as_done():
    class Full:
        def append(self, event):
            raise UserError("The disk is full.")

    log = log_at_noon(store=Full())
    with pytest.raises(UserError, match="full"):
        log.record("a", "read", "x", "allowed")
    assert log.events == ()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"time": None}, "time"),
        ({"outcome": "maybe"}, "outcome"),
        ({"alert": 1}, "alert"),
        ({"details": {"a": [1]}}, "details"),
        ({"records": "N1"}, "records"),
        ({"patient": "Jane"}, "not known"),
    ],
)
def test_what_is_no_event_is_told_without_its_value(change, told):
    event = {"time": "t", "actor": "a", "action": "read", "target": "x", "outcome": "allowed"}
    assert parse_event(event).actor == "a"
    with pytest.raises(ValueError, match=told) as caught:
        parse_event(event | change)
    assert "Jane" not in str(caught.value)


def test_a_second_log_appends(tmp_path):
    for actor in ("a", "b"):
        log_at_noon(tmp_path / "audit.jsonl").record(actor, "read", "x", "allowed")
    assert [event.actor for event in read_events(tmp_path / "audit.jsonl")] == ["a", "b"]


@pytest.mark.skipif(os.name != "posix", reason="rights of POSIX systems")
def test_only_the_owner_may_read_the_trail(tmp_path):
    log_at_noon(tmp_path / "audit.jsonl")
    assert stat.S_IMODE((tmp_path / "audit.jsonl").stat().st_mode) == 0o600


def test_without_a_trail_nothing_is_recorded_as_done(tmp_path):
    log = log_at_noon(tmp_path / "audit.jsonl")
    (tmp_path / "audit.jsonl").unlink()
    (tmp_path / "audit.jsonl").mkdir()
    with pytest.raises(UserError, match="nothing is done without it"):
        log.record("a", "read", "x", "allowed")
    assert log.events == ()


def test_a_line_break_in_a_field_stays_in_its_line(tmp_path):
    log = log_at_noon(tmp_path / "audit.jsonl")
    log.record("a", "read", "x\n{}", "denied", reason="\u2028forged")
    assert read_events(tmp_path / "audit.jsonl") == list(log.events)


def test_alerts_are_told_at_once():
    seen = []
    log_at_noon(on_event=seen.append).record("a", "break_glass", "x", "allowed", alert=True)
    assert [event.alert for event in seen] == [True]


@pytest.mark.parametrize("line", ["{}", "no json", '{"time": 1}', "[]", "\xff"])
def test_a_line_that_is_no_event_is_named(tmp_path, line):
    log_at_noon(tmp_path / "audit.jsonl").record("a", "read", "x", "allowed")
    with (tmp_path / "audit.jsonl").open("ab") as file:
        file.write(line.encode("latin-1") + b"\n")
    with pytest.raises(UserError, match=r"Line 2 of|cannot be read"):
        read_events(tmp_path / "audit.jsonl")


def test_an_unknown_outcome_is_refused():
    with pytest.raises(ValueError, match="allowed, denied, error"):
        log_at_noon().record("a", "read", "x", "maybe")


def test_details_become_columns():
    log = log_at_noon()
    assert list(log.to_frame().columns)[:3] == ["time", "actor", "action"]
    log.record("a", "read", "x", "allowed", rows=7)
    assert log.to_frame()["rows"].tolist() == [7]
