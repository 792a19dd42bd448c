"""JSON lines in and out: nothing twice, nothing silently left out, and an export that proves itself."""

from __future__ import annotations

import json
import stat

import pytest

from secure_ai.core.audit import AuditLog
from secure_ai.core.errors import UserError
from secure_ai.monitor.trail import export_jsonl, import_jsonl, open_trail, verify_trail


def test_what_the_audit_writer_wrote_is_taken_in_once_however_often_it_is_imported(place, tmp_path):
    log = AuditLog(tmp_path / "audit.jsonl")
    for number in range(30):
        log.record(f"S{number % 3}", "read", "notes", "allowed", rows=number)
    with place.open() as trail:
        first = import_jsonl(trail, log.path)
        again = import_jsonl(trail, log.path)
        assert (first.added, first.duplicates, first.refused_count) == (30, 0, 0)
        assert (again.added, again.duplicates) == (0, 30)
        assert [dict(entry.event.details)["rows"] for entry in trail.read()] == list(range(30))
    assert place.verify().intact


def test_lines_that_cannot_be_taken_are_named_by_number_and_the_others_are_taken(place, tmp_path, event):
    good = json.loads(event(1).to_json())
    lines = [
        json.dumps(good),
        json.dumps(good),
        json.dumps(good | {"actor": "S9"}),
        json.dumps(good | {"event_id": "a", "severity": 3}),
        "{broken",
        "",
        json.dumps(good | {"event_id": "b", "time": "2026-02-01T00:00:00+00:00"}),
        json.dumps(good | {"event_id": "c", "time": "noon"}),
        json.dumps({"format": "secure-ai audit trail", "version": 9}),
        json.dumps(good | {"event_id": "d"}),
    ]
    (tmp_path / "in.jsonl").write_text("\n".join(lines))
    with place.open() as trail:
        report = import_jsonl(trail, tmp_path / "in.jsonl")
        assert [entry.event.event_id for entry in trail.read()] == ["E000001", "b"]
    assert (report.lines, report.added, report.duplicates) == (8, 2, 1)
    assert list(report.refused) == [3, 4, 5, 8, 10]
    assert "version 9" in report.refused[10]
    assert report.clock_back == (7,)
    assert "line 3" in report.sentence() and "S9" not in report.sentence()


def test_an_export_is_examined_alone_and_every_change_of_it_is_found(filled, tmp_path):
    target = export_jsonl(filled.path, tmp_path / "out.jsonl")
    key = filled.key.public_key()
    found = verify_trail(target, key, filled.witness)
    assert found.intact, found.sentence()
    assert found.entries == 45
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    lines = target.read_text().splitlines()
    for number, line in enumerate(lines):
        changed = line.replace("S0000003", "S0000004") if "S0000003" in line else line.replace('"1', '"2', 1)
        if changed == line:
            changed = line.replace("0", "1", 1)
        (tmp_path / "changed.jsonl").write_text("\n".join([*lines[:number], changed, *lines[number + 1 :]]))
        assert not verify_trail(tmp_path / "changed.jsonl", key, filled.witness).intact, number
        if number % 9 == 0:
            (tmp_path / "changed.jsonl").write_text("\n".join([*lines[:number], *lines[number + 1 :]]))
            assert not verify_trail(tmp_path / "changed.jsonl", key, filled.witness).intact, number


def test_an_export_can_begin_another_trail(filled, tmp_path):
    target = export_jsonl(filled.path, tmp_path / "out.jsonl")
    with open_trail(tmp_path / "new.db", signing_key=filled.key) as trail, filled.open() as old:
        assert import_jsonl(trail, target).added == 45
        assert [entry.event for entry in trail.read()] == [entry.event for entry in old.read()]


def test_what_was_changed_is_not_given_out(filled, tmp_path):
    import sqlite3
    from contextlib import closing

    with closing(sqlite3.connect(filled.path)) as connection, connection:
        connection.execute("DROP TRIGGER trail_entries_no_update")
        connection.execute("UPDATE trail_entries SET details = 'x' WHERE sequence = 6")
    (tmp_path / "out.jsonl").write_text("old")
    with pytest.raises(UserError, match="entry 6"):
        export_jsonl(filled.path, tmp_path / "out.jsonl")
    assert (tmp_path / "out.jsonl").read_text() == "old"
    with filled.open() as trail, pytest.raises(UserError, match="Entry 6"):
        list(trail.read())


def test_files_that_are_none_of_these_are_said_to_be_none(place, tmp_path):
    with place.open() as trail:
        with pytest.raises(UserError, match="cannot be read"):
            import_jsonl(trail, tmp_path / "none.jsonl")
        with pytest.raises(UserError, match=r"\.jsonl"):
            export_jsonl(trail, tmp_path / "out.txt")
    (tmp_path / "other.jsonl").write_text('{"a": 1}\n[]\nx\n')
    with pytest.raises(UserError, match="no export"):
        verify_trail(tmp_path / "other.jsonl", place.key.public_key())
