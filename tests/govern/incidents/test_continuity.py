"""Claims about continuity: a backup is one only if it comes back, and work without the model is measured."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from secure_ai.core import UserError
from secure_ai.core.audit import AuditLog
from secure_ai.encrypt.key_rings import LocalKeyRing
from secure_ai.encrypt.stores import encrypted_database, keys_path
from secure_ai.govern.incidents import make_backup, model_down, restore_drill

START = datetime(2026, 3, 2, 2, tzinfo=UTC)
HOUR = timedelta(hours=1)


class Clock:
    """Goes on by ``step`` at each look."""

    def __init__(self) -> None:
        self.now, self.step = START, timedelta(0)

    def __call__(self) -> datetime:
        self.now += self.step
        return self.now


TABLES = {
    "notes": pd.DataFrame({"id": range(300), "text": ["stable"] * 299 + [None]}),
    "doses": pd.DataFrame({"id": [2, 1], "amount": [0.5, float("nan")]}),
}


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    """A backup of two tables at two o'clock: its file, its key ring and its event."""
    log, ring = AuditLog(clock=Clock()), LocalKeyRing.in_memory("backups", "restored")
    file = make_backup(TABLES, tmp_path_factory.mktemp("backup") / "night.duckdb", ring, "backups", log)
    return file, ring, log.events[-1]


@pytest.fixture
def house(original, tmp_path):
    """A copy of the backup, and a log with three changes and a read after it."""
    source, ring, made = original
    file = tmp_path / source.name
    shutil.copy(source, file)
    shutil.copy(keys_path(source), keys_path(file))
    clock = Clock()
    log = AuditLog(clock=clock)
    log.record(made.actor, made.action, made.target, made.outcome, purpose=made.purpose, **made.details)
    for hours, action in ((1, "update"), (2, "update"), (3, "read"), (4, "delete")):
        clock.now = START + hours * HOUR
        log.record("svc-ward", action, "notes", "allowed")
    clock.now = START + 10 * HOUR
    return clock, log, ring, file


def drill(house, **changes):
    _, log, ring, file = house
    wanted = {"failed_at": START + 3.5 * HOUR, "rpo": 4 * HOUR, "rto": HOUR, **changes}
    return restore_drill(file, ring, log, **wanted)


def test_a_good_backup_comes_back_whole_and_is_timed_by_the_log(house):
    house[0].step = timedelta(minutes=10)
    result = drill(house)
    assert result.passed and result.restored, result.problems
    assert [(t.table, t.rows_restored, t.same_content) for t in result.tables] == [
        ("doses", 2, True),
        ("notes", 300, True),
    ]
    assert (result.data_loss, result.changes_lost) == (3.5 * HOUR, 2)
    assert result.time_to_restore == timedelta(minutes=10)
    assert [event.action for event in house[1].events][-2:] == ["begin restore drill", "end restore drill"]
    assert "302 rows in 2 tables" in result.sentence() and len(result.to_frame()) == 2


def test_what_was_restored_can_be_read(house, tmp_path):
    assert drill(house, target=tmp_path / "new.duckdb").passed
    with encrypted_database(tmp_path / "new.duckdb", house[2], read_only=True) as connection:
        assert connection.execute("SELECT count(*) FROM notes").fetchone() == (300,)
    again = drill(house, target=tmp_path / "new.duckdb")
    assert not again.passed and "never overwrites" in again.sentence()


def test_a_corrupted_backup_is_found(house):
    file = house[3]
    content = bytearray(file.read_bytes())
    for place in range(len(content) // 2, len(content) // 2 + 4_096):
        content[place] ^= 0xFF
    file.write_bytes(content)
    result = drill(house)
    assert not result.restored and "changed or cut" in result.sentence()


def test_a_cut_backup_is_found(house):
    house[3].write_bytes(house[3].read_bytes()[:2_000])
    assert "changed or cut" in drill(house).sentence()


def test_a_backup_whose_key_was_destroyed_is_found(tmp_path):
    log, ring = AuditLog(clock=Clock()), LocalKeyRing.in_memory("backups", "restored")
    file = make_backup(TABLES, tmp_path / "night.duckdb", ring, "backups", log)
    ring.destroy("backups")
    result = drill((None, log, ring, file))
    assert not result.restored and not result.passed and "backups" in result.sentence()


def test_a_backup_without_its_keys_is_found(house):
    keys_path(house[3]).unlink()
    assert not drill(house).restored


def test_a_backup_that_was_deleted_is_found(house):
    house[3].unlink()
    assert "does not exist" in drill(house).sentence()


def test_a_backup_older_than_promised_is_found_although_it_comes_back(house):
    result = drill(house, failed_at=START + 9 * HOUR, rpo=4 * HOUR)
    assert result.restored and not result.passed and "(RPO)" in result.sentence() and result.changes_lost == 3


def test_a_slow_restore_is_found(house):
    house[0].step = timedelta(hours=2)
    result = drill(house)
    assert result.restored and "(RTO)" in result.sentence()


def test_a_backup_that_the_log_does_not_know_has_no_age(house):
    result = drill(house, failed_at=START - HOUR)
    assert result.data_loss is None and "knows no backup" in result.sentence()


def test_a_changed_row_is_found_even_if_the_file_is_authentic(house):
    with encrypted_database(house[3], house[2]) as connection:
        connection.execute("UPDATE notes SET text = 'changed' WHERE id = 7")
    result = drill(house)
    assert not result.restored and "notes: the rows came back with another content" in result.sentence()


def test_missing_rows_and_tables_are_found(house):
    with encrypted_database(house[3], house[2]) as connection:
        connection.execute("DELETE FROM notes WHERE id < 10; DROP TABLE doses")
    result = drill(house)
    assert "290 of 300 rows" in result.sentence() and "doses: 0 of 2 rows" in result.sentence()


def test_another_database_is_no_backup(house, tmp_path):
    with encrypted_database(tmp_path / "other.duckdb", house[2], key_name="backups") as connection:
        connection.execute("CREATE TABLE t AS SELECT 1 AS x")
    result = restore_drill(tmp_path / "other.duckdb", house[2], house[1], failed_at=START, rpo=HOUR, rto=HOUR)
    assert "has no manifest" in result.sentence()


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"failed_at": datetime(2026, 3, 2)}, "time zone"),
        ({"rpo": timedelta(0)}, "RPO and RTO"),
        ({"rto": timedelta(hours=-1)}, "RPO and RTO"),
    ],
)
def test_wrong_promises_are_said(house, changes, sentence):
    with pytest.raises(UserError, match=sentence):
        drill(house, **changes)


@pytest.mark.parametrize(
    ("tables", "sentence"),
    [({}, "1 to 1000"), ({"a b": None}, "no name"), ({"backup_manifest": None}, "no name")],
)
def test_a_backup_needs_tables_with_names(tmp_path, house, tables, sentence):
    with pytest.raises(UserError, match=sentence):
        make_backup(tables, tmp_path / "x.duckdb", house[2], "backups", house[1])
    with pytest.raises(UserError, match="never overwrites"):
        make_backup({"t": pd.DataFrame({"x": [1]})}, house[3], house[2], "backups", house[1])


# ---------------------------------------------------------------- without the model


@pytest.mark.parametrize(
    ("statements", "sentence"),
    [
        (["DELETE FROM backup_manifest"], "manifest of night.duckdb was changed"),
        (["DELETE FROM backup_manifest WHERE name = 'doses'"], "is not the backup that the log knows"),
        (
            ["INSERT INTO backup_manifest SELECT * FROM backup_manifest"],
            "manifest of night.duckdb was changed",
        ),
        (["UPDATE backup_manifest SET rows = NULL"], "manifest of night.duckdb was changed"),
        (
            ["UPDATE backup_manifest SET name = 'a\"; DROP TABLE notes; --'"],
            "manifest of night.duckdb was changed",
        ),
        (["DROP TABLE backup_manifest", "CREATE TABLE backup_manifest (z INT)"], "no manifest"),
        (["DROP TABLE doses", "CREATE VIEW doses AS SELECT 1 AS id, 0.5 AS amount"], "0 of 2 rows"),
    ],
)
def test_a_changed_manifest_is_a_finding_and_no_pass(house, statements, sentence):
    _, _, ring, file = house
    with encrypted_database(file, ring, key_name="backups") as connection:
        for statement in statements:
            connection.execute(statement)
    found = drill(house)
    assert not found.passed and not found.restored and sentence in found.sentence()


def test_rows_and_manifest_written_anew_together_do_not_deceive_the_log(house):
    _, _, ring, file = house
    with encrypted_database(file, ring, key_name="backups") as connection:
        connection.execute("UPDATE notes SET text = 'changed'")
        digest = (
            "SELECT sha256(string_agg(line, '' ORDER BY line)) FROM "
            "(SELECT sha256(CAST(one AS VARCHAR)) AS line FROM notes AS one)"
        )
        connection.execute(f"UPDATE backup_manifest SET digest = ({digest}) WHERE name = 'notes'")
    found = drill(house)
    assert all(check.same_content for check in found.tables)
    assert not found.restored and "the log knows" in found.sentence()


@pytest.fixture(scope="module")
def cases():
    rng = np.random.default_rng(4)
    severity = rng.normal(size=600)
    return pd.DataFrame(
        {
            "readmitted": (severity + rng.normal(scale=1.0, size=600) > 1.2).astype(int),
            "score": severity + rng.normal(scale=0.3, size=600),
            "earlier_stays": np.clip(np.round(severity + rng.normal(scale=1.2, size=600)), 0, 5),
        }
    )


def test_a_rule_keeps_part_of_what_the_model_found(cases):
    result = model_down(cases, "readmitted", rule="earlier_stays", model_score="score")
    ways = {one.way: one for one in result.ways}
    model, rule, arrival = ways["with the model"], ways["fallback rule"], ways["in order of arrival"]
    assert model.reached > rule.reached > arrival.reached
    assert model.handled == rule.handled == arrival.handled == 79, "two people, 8 hours, 12 minutes, one late"
    assert model.minutes_per_reached < rule.minutes_per_reached < arrival.minutes_per_reached
    assert rule.low <= rule.share_reached <= rule.high and "more minutes" in result.sentence()


def test_enough_people_reach_everybody_by_any_way(cases):
    few = cases.head(60)
    result = model_down(few, "readmitted", rule=lambda table: table["earlier_stays"], reviewers=20, hours=12)
    assert all(one.handled >= 58 for one in result.ways)


def test_the_same_day_is_the_same_day(cases):
    first, second = (model_down(cases, "readmitted", rule="earlier_stays", seed=3) for _ in range(2))
    assert first.to_frame().equals(second.to_frame()) and "order of arrival" in first.sentence()


def test_no_case_that_matters_is_said_as_not_known():
    table = pd.DataFrame({"fraud": [0, 0, 0], "amount": [1.0, 2.0, 3.0]})
    result = model_down(table, "fraud", rule="amount")
    assert all(np.isnan(one.share_reached) and one.minutes_per_reached == np.inf for one in result.ways)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"cases": pd.DataFrame()}, "no cases"),
        ({"cases": [1]}, "no cases"),
        ({"target": "x"}, "no column 'x'"),
        ({"target": "score"}, "not yes and no"),
        ({"rule": "x"}, r"no column 'x' \(rule\)"),
        ({"rule": lambda table: 1 / 0}, "rule fails"),
        ({"rule": lambda table: ["a"] * len(table)}, "no numbers"),
        ({"rule": lambda table: [1.0]}, "finite number for every case"),
        ({"rule": lambda table: table["score"] * np.nan}, "finite number for every case"),
        ({"model_score": "x"}, r"\(model_score\)"),
        ({"hours": 0}, "hours"),
        ({"hours": float("nan")}, "hours"),
        ({"reviewers": 0}, "reviewers"),
        ({"reviewers": 1.5}, "reviewers"),
        ({"minutes_per_case": -1}, "minutes_per_case"),
    ],
)
def test_bad_input_for_the_outage_is_said(cases, change, sentence):
    with pytest.raises(UserError, match=sentence):
        model_down(**{"cases": cases, "target": "readmitted", "rule": "earlier_stays", **change})


def test_a_target_with_gaps_is_said(cases):
    table = cases.assign(readmitted=cases["readmitted"].where(cases.index > 3))
    with pytest.raises(UserError, match="not yes and no"):
        model_down(table, "readmitted", rule="earlier_stays")
