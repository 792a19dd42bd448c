"""Every edit is found, and at its place."""

from __future__ import annotations

import random
import shutil
import sqlite3
from contextlib import closing

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from secure_ai.core.errors import UserError
from secure_ai.monitor.trail import KINDS, Bench, open_trail, tamper, try_tampering, verify_trail
from secure_ai.monitor.trail.charts import plot_verification


@pytest.fixture(scope="module")
def bench(tmp_path_factory) -> Bench:
    return Bench.make(tmp_path_factory.mktemp("bench"), entries=40, every=10)


def change(path, *statements):
    """Do as one who can write the file does: switch the triggers off, and on again."""
    with closing(sqlite3.connect(path)) as connection, connection:
        triggers = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for name, _ in triggers:
            connection.execute(f"DROP TRIGGER {name}")
        for statement in statements:
            connection.execute(statement)
        for _, statement in triggers:
            connection.execute(statement)


def told(found):
    return [(problem.part, problem.kind, problem.number, problem.last) for problem in found.problems]


def test_a_whole_trail_is_said_to_be_whole(filled):
    found = filled.verify()
    assert (found.intact, found.entries, found.checkpoints, found.witnessed) == (True, 45, 5, 45)
    assert "whole" in found.sentence()
    assert len(found.to_frame()) == 0


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("UPDATE trail_entries SET actor = 'x' WHERE sequence = 17", ("entry", "edited", 17, 17)),
        ("UPDATE trail_entries SET alert = 1 WHERE sequence = 45", ("entry", "edited", 45, 45)),
        ("UPDATE trail_entries SET hash = x'00' WHERE sequence = 17", ("entry", "edited", 17, 17)),
        ("DELETE FROM trail_entries WHERE sequence = 1", ("entry", "deleted", 1, 1)),
        ("DELETE FROM trail_entries WHERE sequence BETWEEN 8 AND 11", ("entry", "deleted", 8, 11)),
        ("DELETE FROM trail_entries WHERE sequence > 31", ("entry", "truncated", 32, 45)),
        ("UPDATE trail_entries SET sequence = 99 WHERE sequence = 4", ("entry", "reordered", 4, 4)),
        ("UPDATE trail_entries SET sequence = -4 WHERE sequence = 4", ("entry", "reordered", 4, 4)),
        ("UPDATE trail_checkpoints SET time = '' WHERE number = 2", ("checkpoint", "forged", 2, 2)),
        ("DELETE FROM trail_checkpoints WHERE number = 5", ("checkpoint", "missing", 5, 5)),
        ("UPDATE trail_head SET sequence = 44", ("head", "forged", 0, 0)),
        ("DELETE FROM trail_head", ("head", "missing", 0, 0)),
        ("UPDATE trail_header SET created = ''", ("header", "edited", 0, 0)),
        ("UPDATE trail_header SET version = 2", ("header", "edited", 0, 0)),
        ("DROP TABLE trail_header", ("header", "missing", 0, 0)),
        ("DROP INDEX trail_times", ("database", "damaged", 0, 0)),
    ],
)
def test_an_edit_is_found_named_and_located_and_nothing_else_is_accused(filled, statement, expected):
    if statement.startswith("DROP TABLE"):
        with closing(sqlite3.connect(filled.path)) as connection:
            connection.execute(statement)
        assert expected in told(filled.verify())
        return
    change(filled.path, statement)
    found = filled.verify()
    assert told(found) == [expected]
    assert not found.intact
    assert "was changed" in found.sentence()


def test_two_exchanged_entries_are_named_together(filled):
    columns = "actor, target, time, event_id, previous, hash"
    change(
        filled.path,
        f"CREATE TABLE kept AS SELECT sequence, {columns} FROM trail_entries WHERE sequence IN (5, 30)",
        "UPDATE trail_entries SET event_id = '' WHERE sequence IN (5, 30)",
        *(
            f"UPDATE trail_entries SET ({columns}) = (SELECT {columns} FROM kept WHERE sequence = {b}) "
            f"WHERE sequence = {a}"
            for a, b in ((5, 30), (30, 5))
        ),
        "DROP TABLE kept",
    )
    found = filled.verify()
    assert told(found) == [("entry", "reordered", 5, 30)]
    assert found.found(5) and found.found(30) and not found.found(6)


def test_a_gap_that_was_closed_by_new_numbers_is_still_a_gap(filled):
    change(
        filled.path,
        "DELETE FROM trail_entries WHERE sequence BETWEEN 20 AND 22",
        "UPDATE trail_entries SET sequence = -sequence WHERE sequence > 22",
        "UPDATE trail_entries SET sequence = -sequence - 3 WHERE sequence < 0",
    )
    assert told(filled.verify()) == [("entry", "deleted", 20, 22)]


def test_a_chain_computed_anew_is_found_between_two_checkpoints(bench):
    bench.restore()
    edit = tamper(bench, "all later hashes computed anew", random.Random(3))
    found = bench.verify()
    problem = found.problems[0]
    assert problem.kind == "rewritten"
    assert problem.about(edit.numbers[0])
    assert problem.last - problem.number < 10


def test_an_older_copy_passes_without_the_witness_and_is_found_with_it(bench):
    bench.restore()
    bench.path.write_bytes(bench.files["older.db"])
    key = bench.key.public_key()
    assert verify_trail(bench.path, key).intact
    assert "no witness was given" in verify_trail(bench.path, key).sentence()
    found = verify_trail(bench.path, key, bench.witness)
    assert ("entry", "truncated", 21, 40) in told(found)
    with pytest.raises(UserError, match="witness has seen"):
        open_trail(bench.path, signing_key=bench.key, witness=bench.witness)


def test_a_trail_continued_from_an_older_copy_contradicts_the_witness(bench, event):
    bench.restore()
    bench.path.write_bytes(bench.files["older.db"])
    with open_trail(bench.path, signing_key=bench.key, checkpoint_every=10) as trail:
        trail.append_many(event(number) for number in range(1000, 1040))
    found = bench.verify()
    assert any((p.part, p.kind) == ("checkpoint", "rewritten") for p in found.problems)


def test_the_writer_signs_nothing_on_top_of_an_end_that_nobody_signed(filled, event):
    trail = filled.open()
    trail.append(event(98))
    change(
        filled.path, "DELETE FROM trail_entries WHERE sequence > 40", "UPDATE trail_head SET sequence = 40"
    )
    for do in (lambda: trail.append(event(99)), trail.checkpoint, trail.close):
        with pytest.raises(UserError, match="not what a writer signed"):
            do()


def test_the_writer_does_not_go_on_from_an_older_copy(place, event):
    trail = place.open()
    trail.append(event(1))
    with closing(sqlite3.connect(place.path)) as connection:
        head = connection.execute("SELECT * FROM trail_head").fetchone()
    trail.append(event(2))
    change(place.path, "DELETE FROM trail_head", "DELETE FROM trail_entries WHERE sequence = 2")
    with closing(sqlite3.connect(place.path)) as connection, connection:
        connection.execute("INSERT INTO trail_head VALUES (?, ?, ?, ?, ?, ?)", head)
    for do in (lambda: trail.append(event(3)), trail.close):
        with pytest.raises(UserError, match="older copy"):
            do()


def test_another_key_and_another_trail_are_told_apart(filled, tmp_path):
    other = verify_trail(filled.path, Ed25519PrivateKey.generate().public_key())
    assert told(other) == [("header", "wrong key", 0, 0)]
    with open_trail(tmp_path / "second.db", signing_key=filled.key):
        pass
    found = verify_trail(tmp_path / "second.db", filled.key.public_key(), filled.witness)
    assert ("header", "another trail", 0, 0) in told(found)
    asked = verify_trail(tmp_path / "second.db", filled.key.public_key(), log_id="0" * 32)
    assert told(asked) == [("header", "another trail", 0, 0)]


def test_a_trail_of_a_later_version_is_neither_passed_nor_written(filled):
    from dataclasses import replace

    from secure_ai.monitor.trail.signatures import sign

    with filled.open() as trail:
        later = replace(trail.header, version=2)
    signature = sign(filled.key, later.message()).hex()
    change(filled.path, f"UPDATE trail_header SET version = 2, signature = x'{signature}'")
    assert told(filled.verify()) == [("header", "another version", 0, 0)]
    with pytest.raises(UserError, match="version 2"):
        filled.open()


def test_lines_of_the_witness_are_held_to_their_signatures(filled):
    lines = filled.witness.read_bytes().splitlines(keepends=True)
    filled.witness.write_bytes(
        b"".join([lines[0], lines[1].replace(b'"sequence": 20', b'"sequence": 21'), *lines[2:]])
    )
    assert ("witness", "forged", 2, 2) in told(filled.verify())
    filled.witness.write_bytes(lines[0] + lines[2])
    assert told(filled.verify()) == [("checkpoint", "not witnessed", 2, 2)]


def test_a_line_that_a_killed_writer_left_half_written_is_no_forgery(filled, event):
    lines = filled.witness.read_bytes().splitlines(keepends=True)
    filled.witness.write_bytes(b"".join(lines[:-1]) + lines[-1][:50])
    with filled.open() as trail:
        trail.append_many(event(number) for number in range(100, 112))
    assert filled.verify().intact
    assert filled.verify().witnessed == 57


def test_a_trail_is_examined_while_writers_go_on(filled, event):
    with filled.open() as trail:
        for number in range(100, 130):
            trail.append(event(number))
            if number % 10 == 0:
                assert filled.verify().intact


def test_a_picture_tells_where_the_chain_breaks(filled):
    change(filled.path, "UPDATE trail_entries SET actor = 'x' WHERE sequence = 17")
    axes = plot_verification(filled.verify()).axes[0]
    assert axes.get_title(loc="left") == "The chain breaks at entry 17: edited"
    assert axes.patches[0].get_width() == 16


@settings(max_examples=90, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(kind=st.sampled_from(sorted(KINDS)), seed=st.integers(0, 2**32))
def test_no_random_edit_stays_undetected_or_is_found_elsewhere(bench, kind, seed):
    bench.restore()
    edit = tamper(bench, kind, random.Random(seed))
    if edit is None:
        return  # A byte that holds no content.
    found = bench.verify()
    if found is None:
        assert edit.part == "database"
    else:
        assert not found.intact
        assert edit.located_by(found), told(found)


@pytest.mark.slow
def test_of_ten_thousand_random_edits_none_stays_undetected():
    result = try_tampering(10_000, seed=2)
    assert (result.edits - result.found, result.missed) == (0, ())


@pytest.mark.parametrize(
    "content", [b"", b"not a database at all, but long enough to look at" * 40], ids=["empty", "text"]
)
def test_what_is_no_trail_is_said_to_be_none(tmp_path, content):
    file = tmp_path / "trail.db"
    file.write_bytes(content)
    with pytest.raises(UserError, match=r"no SQLite database|no audit trail") as told_so:
        verify_trail(file, Ed25519PrivateKey.generate().public_key())
    assert str(told_so.value).endswith(".")


def test_a_copy_of_the_file_is_as_good_as_the_file(filled, tmp_path):
    shutil.copy(filled.path, tmp_path / "copy.db")
    assert verify_trail(tmp_path / "copy.db", filled.key.public_key(), filled.witness).intact
