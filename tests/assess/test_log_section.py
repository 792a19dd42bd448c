"""What a log shows that nobody has answered for, and whether it can be believed; without anybody's name."""

from __future__ import annotations

import dataclasses
import json
import re
import shutil
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from secure_ai.assess.inputs import Inputs
from secure_ai.assess.parameters import AssessmentParameters
from secure_ai.assess.progress import Progress
from secure_ai.assess.risks import risk_of
from secure_ai.assess.section import Section
from secure_ai.assess.sections.audit_log import assess
from secure_ai.core import Level, Outcome, Unassessed, UserError
from secure_ai.core.audit import AuditEvent
from secure_ai.monitor.trail import export_jsonl, open_trail
from secure_ai.monitor.trail.signatures import public_key_line

START = datetime(2026, 7, 1, tzinfo=UTC)
CANARY = "zoe.quillfeather"
IDS = ["monitoring.audit_log", "monitoring.trail"]


def event(number, **more):
    time = (START + timedelta(minutes=20 * number)).isoformat(timespec="milliseconds")
    fields = {
        "actor": f"{CANARY}-{number % 7}",
        "action": "view",
        "target": f"pat-{number:05d}-{CANARY}",
        "outcome": "allowed",
        "purpose": "treatment",
        "event_id": f"ev-{number:05d}",
        "details": {"role": "nurse", "relation": "care_team"},
    }
    return AuditEvent(time, **fields | more)


@pytest.fixture(scope="module")
def quiet():
    return [event(number) for number in range(400)]


@pytest.fixture(scope="module")
def loud(quiet):
    curious = [
        event(400 + number, details={"role": "nurse", "relation": ""}, reason=f"asked by {CANARY}")
        for number in range(6)
    ]
    alert = event(
        410, actor="alert-desk", action="alert raised", target="alert-1", alert=True,
        details={"severity": "critical", "kind": "snooping", "about": f"{CANARY}-1"},
    )  # fmt: skip
    return [*quiet, *curious, alert]


@pytest.fixture
def keys():
    return Ed25519PrivateKey.generate()


def write(path, events):
    path.write_text("".join(json.dumps(dataclasses.asdict(one)) + "\n" for one in events), encoding="utf-8")
    return path


def trail_of(folder, events, key):
    with open_trail(folder / "trail.sqlite", signing_key=key) as trail:
        trail.append_many(events)
    (folder / "key.txt").write_text(public_key_line(key) + "\n", encoding="utf-8")
    return folder / "trail.sqlite"


def run(path, **more):
    parameters = AssessmentParameters.read({"sector": "healthcare", "log": str(path)} | more)
    with Inputs(parameters) as inputs:
        return assess(inputs, Progress())


def quarter(**more):
    return {"quarter": "2026Q3"} | more


# ---- bad inputs


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\n\n",
        b"this is a letter\nof two lines\n",
        b"[1, 2, 3]\n",
        b'{"a": 1}\n',
        b"\xff\xfe\x00\x01",
        b"SQLite format 3\x00 and nothing else",
        b'{"format": "secure-ai audit trail"}\n',
        b"{" * 5000,
        b'{"time": "' + b"x" * 100 + b'"}\n' + b"[" * 100_000,
    ],
)
def test_a_log_that_is_none_is_refused_in_a_sentence(content, tmp_path):
    path = tmp_path / f"{CANARY}.jsonl"
    path.write_bytes(content)
    with pytest.raises(UserError) as caught:
        run(path)
    assert CANARY not in str(caught.value)
    assert str(tmp_path) not in str(caught.value)


@pytest.mark.parametrize("place", ["missing.jsonl", ".", "ftp://example.org/log"])
def test_a_place_without_a_log_is_refused(place, tmp_path):
    with pytest.raises(UserError):
        run(place if "://" in place else tmp_path / place)


def test_a_line_of_fifty_megabytes_is_one_entry_that_cannot_be_read(quiet, tmp_path):
    path = write(tmp_path / "log.jsonl", quiet)
    with path.open("ab") as file:
        file.write(b'{"actor": "' + b"x" * 50_000_000 + b'"}\n')
    section = run(path)
    assert section.facts["events"] == len(quiet)
    assert any(
        "could not be read" in str(row)
        for block in section.blocks
        if block.kind == "table"
        for row in block.rows
    )


@pytest.mark.parametrize("quarter", ["2026Q5", "soon", "1"])
def test_a_quarter_that_is_none_is_refused(quarter, quiet, tmp_path):
    with pytest.raises(UserError, match="quarter"):
        run(write(tmp_path / "log.jsonl", quiet), quarter=quarter)


def test_a_key_that_is_none_is_refused(quiet, tmp_path, keys):
    place = trail_of(tmp_path, quiet, keys)
    (tmp_path / f"{CANARY}.txt").write_text("no key", encoding="utf-8")
    with pytest.raises(UserError, match="log_key") as caught:
        run(place, log_key=str(tmp_path / f"{CANARY}.txt"))
    assert CANARY not in str(caught.value)


# ---- what the log shows


def test_nothing_to_answer_is_within_the_threshold(quiet, tmp_path):
    section = run(write(tmp_path / "log.jsonl", quiet))
    log, trail = section.findings
    assert [log.id, trail.id] == IDS
    assert log.outcome is Outcome.WITHIN_THRESHOLD
    assert log.measurement.value == 0
    # Nobody can say that an ordinary file was not changed.
    assert isinstance(trail.measurement, Unassessed)
    assert "edited unseen" in trail.measurement.reason


def test_the_worst_question_is_not_averaged_away(loud, tmp_path):
    log = run(write(tmp_path / "log.jsonl", loud)).findings[0]
    assert log.outcome is Outcome.EXCEEDS_THRESHOLD
    assert log.measurement.value >= 2
    assert log.severity is Level.CRITICAL
    assert log.level is Level.CRITICAL


def test_a_quarter_without_events_is_a_gap(quiet, tmp_path):
    section = run(write(tmp_path / "log.jsonl", quiet), quarter="2025Q1")
    assert section.findings[0].outcome is Outcome.EXCEEDS_THRESHOLD
    assert section.facts["events"] == 0


def test_a_log_of_years_is_reviewed_for_its_last_and_says_so(quiet, tmp_path):
    old = dataclasses.replace(quiet[0], time="2021-01-01T00:00:00.000+00:00", event_id="old")
    section = run(write(tmp_path / "log.jsonl", [old, *quiet]))
    assert "last 366 days" in section.blocks[0].text
    assert section.facts["events"] == len(quiet)


def test_no_account_and_no_target_reaches_the_section(loud, tmp_path, keys):
    place = trail_of(tmp_path, loud, keys)
    for section in (run(place, log_key=str(tmp_path / "key.txt")), run(write(tmp_path / "l.jsonl", loud))):
        text = section.model_dump_json()
        assert CANARY not in text
        assert "pat-0" not in text
        assert str(tmp_path) not in text
        assert not re.search(r"ev-\d{5}", text)
        assert Section.model_validate_json(text) == section


# ---- the trail


def test_a_trail_as_it_was_written_is_within(quiet, tmp_path, keys):
    section = run(trail_of(tmp_path, quiet, keys), log_key=str(tmp_path / "key.txt"), **quarter())
    trail = section.findings[1]
    assert trail.outcome is Outcome.WITHIN_THRESHOLD
    assert trail.measurement.n == len(quiet)
    assert any("No witness" in block.text for block in section.blocks if block.kind == "text")


def test_without_the_key_integrity_is_unassessed(quiet, tmp_path, keys):
    trail = run(trail_of(tmp_path, quiet, keys)).findings[1]
    assert trail.outcome is Outcome.UNASSESSED
    assert "log_key" in trail.measurement.reason


def test_another_key_is_a_problem_of_the_trail(quiet, tmp_path, keys):
    place = trail_of(tmp_path, quiet, keys)
    other = tmp_path / "other.txt"
    other.write_text(public_key_line(Ed25519PrivateKey.generate()), encoding="utf-8")
    assert run(place, log_key=str(other)).findings[1].outcome is Outcome.EXCEEDS_THRESHOLD


def test_an_edited_export_is_critical_and_its_silence_proves_nothing(quiet, tmp_path, keys):
    export = export_jsonl(trail_of(tmp_path, quiet, keys), tmp_path / "export.jsonl")
    whole = run(export, log_key=str(tmp_path / "key.txt"))
    assert {one.outcome for one in whole.findings} == {Outcome.WITHIN_THRESHOLD}
    lines = export.read_text(encoding="utf-8").splitlines()
    lines[100] = lines[100].replace(CANARY, "somebody.else")
    export.write_text("\n".join(lines) + "\n", encoding="utf-8")
    log, trail = run(export, log_key=str(tmp_path / "key.txt")).findings
    assert trail.level is Level.CRITICAL
    assert trail.measurement.value >= 1
    assert log.outcome is Outcome.UNASSESSED
    assert "was changed" in log.measurement.reason


@pytest.mark.parametrize("name", IDS)
def test_the_risk_is_stated(name):
    risk = risk_of(name)
    assert "TO BE STATED" not in risk.model_dump_json()
    assert all(one.effect and one.source for one in risk.mitigations)
    for sector in ("healthcare", "finance"):
        assert risk.rules(sector)


# ---- the witness


@pytest.fixture
def witnessed(quiet, tmp_path, keys):
    witness = tmp_path / "witness.jsonl"
    with open_trail(tmp_path / "trail.sqlite", signing_key=keys, witness=witness) as trail:
        trail.append_many(quiet)
        trail.checkpoint()
    (tmp_path / "key.txt").write_text(public_key_line(keys) + "\n", encoding="utf-8")
    return tmp_path / "trail.sqlite", {"log_key": str(tmp_path / "key.txt"), "log_witness": str(witness)}


def texts(section):
    return " ".join(block.text for block in section.blocks if block.kind == "text")


def test_the_witness_is_compared_and_named(quiet, witnessed):
    place, given = witnessed
    section = run(place, **given)
    trail = section.findings[1]
    assert trail.outcome is Outcome.WITHIN_THRESHOLD
    assert "and the witness" in trail.measurement.method
    assert f"up to entry {len(quiet)}" in texts(section) and "No witness" not in texts(section)


def test_an_older_copy_that_was_put_back_is_found_by_the_witness_alone(quiet, witnessed, tmp_path, keys):
    place, given = witnessed
    older = tmp_path / "older"
    older.mkdir()
    shutil.copy(place, older / "copy.sqlite")
    with open_trail(place, signing_key=keys, witness=given["log_witness"]) as trail:
        trail.append_many([event(500 + number) for number in range(20)])
        trail.checkpoint()
    without = run(older / "copy.sqlite", log_key=given["log_key"]).findings[1]
    with_it = run(older / "copy.sqlite", **given).findings[1]
    assert without.outcome is Outcome.WITHIN_THRESHOLD
    assert with_it.outcome is Outcome.EXCEEDS_THRESHOLD and with_it.level is Level.CRITICAL
