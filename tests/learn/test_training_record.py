"""The training record: deterministic, without names, valid by the xAPI specification, and wary of files."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import shutil
import sqlite3
import uuid
from pathlib import Path

import jsonschema
import pytest

from secure_ai.core import UserError
from secure_ai.core.frameworks import entry
from secure_ai.learn import progress, progress_records
from secure_ai.learn.map import CHAPTERS
from secure_ai.learn.progress_records import (
    LearnerRecord,
    file_records,
    folder_records,
    own_record,
    room_records,
    seat_record,
)
from secure_ai.learn.training_evidence import STANDARD, TEACHING, render_evidence, training_evidence
from secure_ai.learn.training_record import COLUMNS, record_csv, xapi_json, xapi_statements
from tests.learn.learners import at_fixed_times, place_progress, solve, solve_path

IRI = {"type": "string", "pattern": r"^[A-Za-z][A-Za-z0-9+.-]*:[^\s<>\"{}|\\^`]+$"}
LANGUAGES = {
    "type": "object",
    "propertyNames": {"pattern": r"^[a-z]{2,3}(-[A-Za-z0-9]+)*$"},
    "additionalProperties": {"type": "string"},
    "minProperties": 1,
}
EXTENSIONS = {"type": "object", "propertyNames": IRI}
ACTIVITY = {
    "type": "object",
    "required": ["id"],
    "additionalProperties": False,
    "properties": {
        "objectType": {"const": "Activity"},
        "id": IRI,
        "definition": {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "name": LANGUAGES,
                "description": LANGUAGES,
                "type": IRI,
                "extensions": EXTENSIONS,
            },
        },
    },
}
UUID5 = "^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$"
# Written from Part Two of the xAPI specification 1.0.3 (2.4.1 id, 2.4.2 actor, 2.4.3 verb, 2.4.4 object,
# 2.4.5 result, 2.4.6 context, 2.4.7 timestamp; 4.x data types) as far as the kit's statements go; what it
# does not use is not allowed, so that it is noticed.
STATEMENT = {
    "type": "object",
    "required": ["id", "actor", "verb", "object", "timestamp"],
    "additionalProperties": False,
    "properties": {
        "id": {"type": "string", "pattern": UUID5},
        "actor": {
            "type": "object",
            "required": ["account"],
            "additionalProperties": False,
            "properties": {
                "objectType": {"const": "Agent"},
                "name": {"type": "string"},
                "account": {
                    "type": "object",
                    "required": ["homePage", "name"],
                    "additionalProperties": False,
                    "properties": {"homePage": IRI, "name": {"type": "string", "minLength": 1}},
                },
            },
        },
        "verb": {
            "type": "object",
            "required": ["id", "display"],
            "additionalProperties": False,
            "properties": {"id": IRI, "display": LANGUAGES},
        },
        "object": ACTIVITY,
        "result": {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "success": {"type": "boolean"},
                "completion": {"type": "boolean"},
                "score": {
                    "type": "object",
                    "additionalProperties": False,
                    "properties": {
                        "scaled": {"type": "number", "minimum": -1, "maximum": 1},
                        "raw": {"type": "number"},
                        "min": {"type": "number"},
                        "max": {"type": "number"},
                    },
                },
                "extensions": EXTENSIONS,
            },
        },
        "context": {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "platform": {"type": "string"},
                "language": {"type": "string", "pattern": "^[a-z]{2}-[A-Z]{2}$"},
                "contextActivities": {
                    "type": "object",
                    "propertyNames": {"enum": ["parent", "grouping", "category", "other"]},
                    "additionalProperties": {"type": "array", "items": ACTIVITY, "minItems": 1},
                },
            },
        },
        "timestamp": {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$"},
    },
}  # fmt: skip


@pytest.fixture
def place(tmp_path, monkeypatch):
    return place_progress(monkeypatch, tmp_path / "kept" / "progress.sqlite")


@pytest.fixture
def learner(place):
    """Lab 01 solved, lab 03 begun, one quiz answered whole and one in part."""
    solve("01")
    progress.record("03_data_inventory", "routing_is_valid", hints_used=1)
    progress.record("03_data_inventory", "routing_is_valid", "correct")
    progress.record("03_data_inventory", "find_labeled", "incorrect")
    progress.record("03_data_inventory", "table_tier", "not_attempted")
    progress.record("quiz:start_here", "question_1", "correct")
    progress.record("quiz:start_here", "question_2", "incorrect")
    progress.record("quiz:why_security", "question_1", "correct")
    progress.record("capture_the_flag", "flag_1", "correct")
    at_fixed_times(place)
    return own_record()


def _with(statements, ending, verb):
    return [
        one
        for one in statements
        if one["object"]["id"].endswith(ending) and one["verb"]["display"]["en-US"] == verb
    ]


def test_csv_has_a_row_for_every_task_and_times_that_were_stored(learner):
    rows = list(csv.DictReader(io.StringIO(record_csv([learner]))))
    assert tuple(rows[0]) == COLUMNS and len(rows) == len(learner.tasks)
    assert {row["learner"] for row in rows} == {"code-0000-0001"} and {row["name"] for row in rows} == {""}
    first = next(row for row in rows if row["task"] == "routing_is_valid")
    assert (first["chapter"], first["kind"], first["status"], first["help"]) == (
        "03", "lab task", "correct", "after hints",
    )  # fmt: skip
    assert all(re.fullmatch(r"2026-03-02T09:\d\d:00Z", row["first_seen"]) for row in rows)
    assert [row["kind"] for row in rows if row["title"] == "capture_the_flag"] == ["other"]


def test_statements_are_valid_and_the_same_again(learner):
    statements = xapi_statements([learner], iri="https://training.example.org/ai/")
    for statement in statements:
        jsonschema.validate(statement, STATEMENT)
        assert uuid.UUID(statement["id"]).version == 5
    assert len({one["id"] for one in statements}) == len(statements)
    assert xapi_json([own_record()]) == xapi_json([learner])
    assert [one["timestamp"] for one in statements] == sorted(one["timestamp"] for one in statements)
    assert all(one["object"]["id"].startswith("https://training.example.org/ai/") for one in statements)
    others = xapi_statements([learner], iri="https://other.example.org")
    assert not {one["id"] for one in others} & {one["id"] for one in statements}


@pytest.mark.parametrize(
    "damage",
    [
        lambda one: one.pop("actor"),
        lambda one: one["actor"].update(mbox="mailto:ana@example.org"),
        lambda one: one.update(timestamp="yesterday"),
        lambda one: one["verb"].update(id="completed"),
        lambda one: one["result"].update(score={"scaled": 1.5}),
    ],
)
def test_the_schema_of_these_tests_refuses_what_the_specification_does(learner, damage):
    statement = xapi_statements([learner])[0]
    damage(statement)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(statement, STATEMENT)


def test_verbs_and_results_say_what_happened(learner):
    statements = xapi_statements([learner])
    base = "https://example.org/secure-ai"
    [done] = _with(statements, "/labs/01_why_security", "completed")
    assert done["result"]["completion"] and done["result"]["extensions"][f"{base}/extensions/of"] == 5
    assert "score" not in done["result"], "progress is no score: xAPI 1.0.3, 2.4.5.1"
    [begun] = _with(statements, "/labs/03_data_inventory", "attempted")
    assert not begun["result"]["completion"]
    assert begun["result"]["extensions"][f"{base}/extensions/solved"] == 1
    [wrong] = _with(statements, "/labs/03_data_inventory/find_labeled", "attempted")
    assert wrong["result"]["success"] is False
    [right] = _with(statements, "/quizzes/start_here/question_1", "answered")
    assert right["result"]["success"] is True
    [quiz] = _with(statements, "/quizzes/start_here", "attempted")
    assert quiz["result"]["score"] == {"scaled": 0.5, "raw": 1, "min": 0, "max": 2}
    [part] = _with(statements, "/quizzes/why_security", "attempted")
    assert "score" not in part["result"], "not all questions were answered"
    assert not _with(statements, "/table_tier", "attempted"), "an untouched starter is no attempt"


def test_a_name_is_there_only_where_it_was_given(learner):
    assert "name" not in xapi_statements([learner])[0]["actor"]
    assert xapi_statements([learner], name="Ana")[0]["actor"]["name"] == "Ana"
    rows = csv.DictReader(io.StringIO(record_csv([learner], name="=HYPERLINK(1)")))
    assert {row["name"] for row in rows} == {"'=HYPERLINK(1)"}


@pytest.mark.parametrize(
    "iri",
    ["", "example.org", "ftp://example.org", "https://", "https://a b", "https://u:p@example.org", "https://x?y",
     "https://x#y", "https://[", "https://x/<b>", "https://" + "x" * 300],
)  # fmt: skip
def test_an_address_that_is_none_is_refused(learner, iri):
    with pytest.raises(UserError, match="--iri is an address"):
        xapi_statements([learner], iri=iri)


def test_provisions_and_chapters_exist():
    assert [one.provision for one in TEACHING] == [f"{STANDARD}(ii)({letter})" for letter in "ABCD"]
    for one in TEACHING:
        assert entry(one.provision).id == one.provision and entry(one.provision).part_of == STANDARD
        assert set(one.chapters) <= set(CHAPTERS)


def test_the_evidence_counts_who_has_solved_every_task(place, tmp_path):
    solve("08", "09")
    whole = own_record()
    evidence = training_evidence([whole, LearnerRecord("new"), LearnerRecord("bad", problem="is damaged")])
    assert evidence.completed(("08", "09")) == 1 and evidence.completed(("08", "17")) == 0
    assert (
        evidence.summary().startswith("2 learners were read; 0 have") and "1 could not" in evidence.summary()
    )
    page = render_evidence(evidence)
    assert "164.308(a)(5)(ii)(D)" in page and "is damaged" in page and "not read" in page
    assert "<script" not in page


def test_either_capstone_completes_a_path_that_offers_both(place):
    solve(*(one for one in ("00", "02", "05", "06", "10", "11", "12", "13", "14", "15", "19")))
    assert "1 has solved all labs" in training_evidence([own_record()], path="ml_engineer").summary()


def test_a_copied_record_is_noticed(place, tmp_path):
    solve("00")
    for name in ("a", "b"):
        (tmp_path / "in").mkdir(exist_ok=True)
        shutil.copy(place, tmp_path / "in" / f"{name}.sqlite")
    learners = training_evidence(folder_records(tmp_path / "in")).learners
    assert [bool(one.remark) for one in learners] == [False, True]
    assert "one record was copied from the other" in learners[1].remark


@pytest.mark.parametrize(("path", "said"), [("executive", "has no labs"), ("nurse", "choose from")])
def test_a_path_without_labs_is_no_evidence(path, said):
    with pytest.raises(UserError, match=said):
        training_evidence([LearnerRecord("a")], path=path)
    with pytest.raises(UserError, match="no learners"):
        training_evidence([])


@pytest.fixture
def room(tmp_path, monkeypatch):
    """A room of four seats: one solved, one new, one damaged, one that links to another's file."""
    homes = tmp_path / "room" / "homes"
    for seat in ("seat-01", "seat-02", "seat-03", "seat-04"):
        (homes / seat / ".secure-ai").mkdir(parents=True)
    monkeypatch.setenv("SECURE_AI_LEARNER", "seat-77")  # what a file says of its owner does not count
    monkeypatch.setenv("SECURE_AI_PROGRESS", str(homes / "seat-01" / ".secure-ai" / "progress.sqlite"))
    solve("00")
    monkeypatch.delenv("SECURE_AI_LEARNER")
    (homes / "seat-03" / ".secure-ai" / "progress.sqlite").write_bytes(b"no database" * 100)
    trap = homes / "seat-04" / ".secure-ai" / "progress.sqlite"
    trap.symlink_to(homes / "seat-01" / ".secure-ai" / "progress.sqlite")
    return tmp_path / "room"


def test_a_room_is_read_seat_by_seat(room):
    found = {record.code: record for record in room_records(room)}
    assert sorted(found) == ["seat-01", "seat-02", "seat-03", "seat-04"]
    assert [task.task for task in found["seat-01"].tasks] == ["safer"] and found["seat-01"].source == "room"
    assert found["seat-02"].tasks == () and not found["seat-02"].problem
    assert "damaged" in found["seat-03"].problem and "is a link" in found["seat-04"].problem
    assert found["seat-04"].tasks == ()
    with pytest.raises(UserError, match="cannot be read"):
        seat_record(room, "seat-03")
    with pytest.raises(UserError, match="no such seat"):
        seat_record(room, "../seat-01")
    with pytest.raises(UserError, match="There is no room here"):
        room_records(room / "nothing")


def test_a_folder_in_a_home_that_is_a_link_leads_nowhere(room):
    homes = room / "homes"
    (homes / "seat-02" / ".progress").symlink_to(homes / "seat-01" / ".secure-ai")
    found = {record.code: record for record in room_records(room)}
    assert found["seat-02"].tasks == () and "is a link" in found["seat-02"].problem


def _view(connection):
    connection.execute(
        "CREATE VIEW task_progress AS WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) "
        "SELECT 'a' learner, 'b' lab, 'c' task, 'correct' status, x attempts, 0 hints_used, "
        "'2026-01-01 00:00:00.000000' first_seen, NULL solved_at FROM n"
    )


def _table(connection, **values):
    row = {
        "learner": "local", "lab": "l", "task": "t", "status": "correct", "attempts": 1, "hints_used": 0,
        "first_seen": "2026-01-01 00:00:00.000000", "solved_at": None,
    } | values  # fmt: skip
    connection.execute(f"CREATE TABLE task_progress ({', '.join(row)})")
    connection.execute(f"INSERT INTO task_progress VALUES ({', '.join('?' * len(row))})", list(row.values()))


HOSTILE = {
    "a view that never ends": _view,
    "another table": lambda connection: connection.execute("CREATE TABLE x (y)"),
    "a formula for a name": lambda connection: _table(connection, task="=1+1"),
    "a page for a name": lambda connection: _table(connection, lab="<script>"),
    "no time": lambda connection: _table(connection, first_seen="soon"),
    "no time at all": lambda connection: _table(connection, first_seen=None),
    "no number": lambda connection: _table(connection, attempts="many"),
    "bytes": lambda connection: _table(connection, lab=b"\xff"),
    "facts that are none": lambda connection: (
        _table(connection),
        connection.execute("CREATE TABLE progress_facts (name, value)"),
        connection.execute("INSERT INTO progress_facts VALUES ('help_since', 'never')"),
    ),
}


@pytest.mark.parametrize("hostile", HOSTILE)
def test_a_hostile_file_is_refused_in_a_sentence(tmp_path, hostile):
    path = tmp_path / "in" / "evil.sqlite"
    path.parent.mkdir()
    with sqlite3.connect(path) as connection:
        HOSTILE[hostile](connection)
    connection.close()
    with pytest.raises(UserError) as raised:
        file_records(path)
    assert str(tmp_path) not in str(raised.value) and "evil" not in str(raised.value)
    [listed] = folder_records(path.parent)
    assert listed.problem and listed.code == "file 1"


def test_a_file_that_keeps_its_reader_busy_is_given_up(tmp_path, monkeypatch):
    """A generated column can compute for ever; the work is counted, and ends."""
    monkeypatch.setattr(progress_records, "MAX_STEPS", 10)
    path = tmp_path / "busy.sqlite"
    with sqlite3.connect(path) as connection:
        _table(connection)
        connection.executemany(
            "INSERT INTO task_progress SELECT learner, lab, 't' || ?, status, attempts, hints_used, "
            "first_seen, solved_at FROM task_progress LIMIT 1",
            [(number,) for number in range(4_000)],
        )
    connection.close()
    with pytest.raises(UserError, match="no progress file, or it is damaged"):
        file_records(path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
def test_a_pipe_does_not_make_the_reader_wait(tmp_path):
    os.mkfifo(tmp_path / "pipe.sqlite")
    with pytest.raises(UserError, match="no progress file but a folder, device or pipe"):
        file_records(tmp_path / "pipe.sqlite")


def test_too_large_and_missing_files_are_said(tmp_path, monkeypatch):
    monkeypatch.setattr(progress_records, "MAX_BYTES", 1_000_000)
    (tmp_path / "large.sqlite").write_bytes(b"x" * 1_000_001)
    with pytest.raises(UserError, match="larger than 1 MB"):
        file_records(tmp_path / "large.sqlite")
    with pytest.raises(UserError, match="does not exist"):
        file_records(tmp_path / "nothing.sqlite")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="holds no progress files"):
        folder_records(tmp_path / "empty")
    with pytest.raises(UserError, match="no such folder"):
        folder_records(tmp_path / "nowhere")


def test_codes_do_not_show_the_names_of_files(place, tmp_path):
    solve("00")
    shutil.copy(place, tmp_path / "Ana Lopez.sqlite")
    [learner] = folder_records(tmp_path / "kept")
    [handed_in] = file_records(tmp_path / "Ana Lopez.sqlite")
    assert handed_in.code == learner.code == own_record().code
    assert "Ana" not in json.dumps(xapi_statements([handed_in]))


def test_a_full_path_is_recorded(place):
    solve_path("executive")
    assert len(xapi_statements([own_record()])) == len(own_record().tasks) + 2
    assert Path(place).is_file()
