"""Work is collected as it is, whatever learners put in its place, and without their names."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sqlite3
import stat
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from secure_ai.cli import invoke
from secure_ai.core.errors import UserError
from secure_ai.learn import progress
from secure_ai.workshop import collect as collecting
from secure_ai.workshop.collect import collect, works_of
from secure_ai.workshop.hub.room import Room, Settings
from secure_ai.workshop.labs import place
from tests.workshop.lab_rooms import a_room, passable_folder

LAB = "03_data_inventory"
NOW = datetime(2026, 3, 4, 10, 20, 30)


@pytest.fixture
def opened(repo_root: Path) -> Iterator[tuple[Room, Settings]]:
    """A room of three seats in which one lab was placed."""
    with passable_folder() as folder:
        room, settings = a_room(folder)
        lab = {f"labs/{LAB}.ipynb": (repo_root / "labs" / f"{LAB}.ipynb").read_bytes()}
        for seat in settings.seats:
            assert place(room, settings, seat, lab).problem == ""
        yield room, settings


def own(room: Room, settings: Settings, number: int, path: str) -> Path:
    """A path in a home; what is written there by the test must be given to the seat."""
    return room.home(f"seat-{number:02}") / path


def give(path: Path, settings: Settings, number: int) -> None:
    if settings.own_users:
        os.chown(path, 61000 + number, 61000 + number, follow_symlinks=False)


def solve(room: Room, settings: Settings, number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a learner solve one task, look at the solution of another, through the kit's own code."""
    file = own(room, settings, number, ".secure-ai/progress.sqlite")
    monkeypatch.setenv("SECURE_AI_PROGRESS", str(file))
    monkeypatch.setenv("SECURE_AI_LEARNER", f"seat-{number:02}")
    assert progress.record(LAB, "routing_is_valid", "incorrect") == ""
    assert progress.record(LAB, "routing_is_valid", "correct") == ""
    assert progress.record(LAB, "f2_score", solution_shown=True, hints_used=2) == ""
    give(file, settings, number)


def manifest(folder: Path) -> dict:
    return json.loads((folder / "manifest.json").read_text(encoding="utf-8"))


def test_every_notebook_is_collected_byte_for_byte_with_its_hash_and_states(opened, tmp_path, monkeypatch):
    room, settings = opened
    solve(room, settings, 1, monkeypatch)
    names = collecting.task_names(Path(collecting.project_root()))[LAB]
    monkeypatch.setattr(collecting, "task_names", lambda root: {LAB: [*names, "f2_score"]})
    lab = own(room, settings, 2, f"labs/{LAB}.ipynb")
    lab.write_bytes(lab.read_bytes().replace(b"return ...", b"return 1"))
    found = collect(room, settings, "3", tmp_path / "out", now=NOW)
    written = manifest(tmp_path / "out")
    assert [seat["seat"] for seat in written["seats"]] == ["seat-01", "seat-02", "seat-03"]
    for number, seat in enumerate(written["seats"], 1):
        entry = seat["labs"][LAB]
        data = (tmp_path / "out" / entry["file"]).read_bytes()
        assert data == own(room, settings, number, f"labs/{LAB}.ipynb").read_bytes()
        assert entry["sha256"] == hashlib.sha256(data).hexdigest() and entry["bytes"] == len(data)
    first = written["seats"][0]["labs"][LAB]["tasks"]
    assert first["routing_is_valid"] == {
        "status": "correct", "attempts": 2, "hints_used": 0, "solution_shown": False,
    }  # fmt: skip
    assert first["f2_score"]["solution_shown"] is True and first["f2_score"]["hints_used"] == 2
    assert {task["status"] for task in written["seats"][1]["labs"][LAB]["tasks"].values()} == {
        "not_attempted"
    }
    assert "3 collected" in str(found) and stat.S_IMODE((tmp_path / "out").stat().st_mode) == 0o700


def test_no_name_of_the_roster_is_written_unless_asked_for(opened, tmp_path):
    room, settings = opened
    collect(room, settings, LAB, tmp_path / "without", now=NOW)
    collect(room, settings, LAB, tmp_path / "with", now=NOW, names=True)
    assert "Lovelace" not in (tmp_path / "without" / "manifest.json").read_text()
    assert manifest(tmp_path / "with")["seats"][0]["learner"] == "Ada Lovelace"


def test_damaged_missing_linked_and_huge_notebooks_are_told_apart(opened, tmp_path, monkeypatch):
    room, settings = opened
    monkeypatch.setattr(collecting, "LARGEST_NOTEBOOK", 100_000)
    secret = tmp_path / "secret.ipynb"
    secret.write_text("{}")
    own(room, settings, 1, f"labs/{LAB}.ipynb").write_bytes(b'{"cells": [\xff')
    own(room, settings, 2, f"labs/{LAB}.ipynb").unlink()
    own(room, settings, 2, f"labs/{LAB}.ipynb").symlink_to(secret)
    own(room, settings, 3, f"labs/{LAB}.ipynb").write_bytes(b"x" * 100_001)
    found = collect(room, settings, LAB, tmp_path / "out", now=NOW)
    assert [work.state for work in found.works] == ["damaged", "refused", "refused"]
    assert (tmp_path / "out" / "seat-01" / f"{LAB}.ipynb.damaged").read_bytes() == b'{"cells": [\xff'
    assert "is a link and no plain file" in str(found) and "larger than" in str(found)
    assert not (tmp_path / "out" / "seat-02").exists()
    shutil.rmtree(room.home("seat-03") / "labs")
    assert [w.state for w in collect(room, settings, LAB, tmp_path / "out", now=NOW).works][2] == "missing"


def test_a_notebook_that_is_being_saved_is_waited_for(opened, monkeypatch):
    # What jupyter_server's atomic_writing does, stopped in the middle: the old one beside, the file emptied.
    room, settings = opened
    lab = own(room, settings, 1, f"labs/{LAB}.ipynb")
    data = lab.read_bytes()
    beside = lab.with_name(f".~{lab.name}")
    waited = []

    def saved_meanwhile(seconds):
        waited.append(seconds)
        lab.write_bytes(data)
        beside.unlink(missing_ok=True)

    monkeypatch.setattr(collecting.time, "sleep", saved_meanwhile)
    for has_copy in (True, False):  # the copy may be gone between the two reads
        if has_copy:
            beside.write_bytes(b"an older one")
        lab.write_bytes(data[:100])
        work = works_of(room, settings, settings.seats[0], [LAB], Path(collecting.project_root()))[0]
        assert (work.state, work.data, work.why) == ("collected", data, "")
    assert len(waited) == 2


def test_a_save_that_was_cut_short_costs_nothing_saved_before(opened, tmp_path, monkeypatch):
    room, settings = opened
    lab = own(room, settings, 1, f"labs/{LAB}.ipynb")
    data = lab.read_bytes()
    lab.with_name(f".~{lab.name}").write_bytes(data)
    lab.write_bytes(b"")
    monkeypatch.setattr(collecting, "SAVE_SECONDS", 0.0)
    found = collect(room, settings, LAB, tmp_path / "out", now=NOW)
    assert (tmp_path / "out" / "seat-01" / f"{LAB}.ipynb").read_bytes() == data
    assert "seat-01, " + LAB + ": Its last save was cut short" in str(found)
    lab.with_name(f".~{lab.name}").write_bytes(b"no notebook")
    assert collect(room, settings, LAB, tmp_path / "out", now=NOW).works[0].state == "damaged"


def test_a_deeply_nested_notebook_is_damaged_and_no_traceback(opened):
    room, settings = opened
    own(room, settings, 1, f"labs/{LAB}.ipynb").write_bytes(b"[" * 100_000)
    assert (
        works_of(room, settings, settings.seats[0], [LAB], Path(collecting.project_root()))[0].state
        == "damaged"
    )


@pytest.mark.parametrize("content", [b"", b"no database" * 100, "pipe", "folder", "link"])
def test_a_progress_file_that_is_none_costs_only_the_states(opened, tmp_path, content):
    room, settings = opened
    path = own(room, settings, 1, ".secure-ai/progress.sqlite")
    if content == "pipe":
        os.mkfifo(path)
    elif content == "folder":
        path.mkdir()
    elif content == "link":
        path.symlink_to("/dev/zero")
    else:
        path.write_bytes(content)
    give(path, settings, 1)
    found = collect(room, settings, LAB, tmp_path / "out", now=NOW)
    assert found.works[0].state == "collected"
    assert bool(found.works[0].progress) == (content != b"")


def test_what_a_learner_invents_in_the_progress_file_is_not_believed(opened, tmp_path):
    room, settings = opened
    path = own(room, settings, 1, ".secure-ai/progress.sqlite")
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE task_progress (learner, lab, task, status, attempts, hints_used)")
        rows = [
            ("x", LAB, "routing_is_valid", "excellent", 1, 1),
            ("x", LAB, "=cmd()", "correct", 1, 1),
            ("x", "99_none", "routing_is_valid", "correct", 1, 1),
            ("x", b"\xff", b"\xff", b"\xff", b"\xff", 1),
            ("x", LAB, "finds_routing", "correct", -5, 10**15),
            ("x", LAB, None, "correct", 1.5, "many"),
        ]
        database.executemany("INSERT INTO task_progress VALUES (?, ?, ?, ?, ?, ?)", rows)
    give(path, settings, 1)
    [work] = works_of(room, settings, settings.seats[0], [LAB], Path(collecting.project_root()))
    assert work.progress == ""
    assert {state.status for state in work.tasks.values()} == {"not_attempted"}


@pytest.mark.parametrize("place_of", ["file", "full", "home"])
def test_a_place_that_holds_something_else_or_is_a_learner_s_is_refused(opened, tmp_path, place_of):
    room, settings = opened
    out = {"file": tmp_path / "f", "full": tmp_path, "home": room.home("seat-01") / "out"}[place_of]
    (tmp_path / "f").write_text("kept")
    with pytest.raises(UserError, match="--out"):
        collect(room, settings, LAB, out, now=NOW)
    assert (tmp_path / "f").read_text() == "kept"


def test_an_earlier_collection_is_replaced_as_a_whole(opened, tmp_path):
    room, settings = opened
    collect(room, settings, LAB, tmp_path / "out", now=NOW)
    (tmp_path / "out" / "old").write_text("x")
    collect(room, settings, LAB, tmp_path / "out", now=NOW)
    assert not (tmp_path / "out" / "old").exists()


def test_the_command_collects_every_lab_and_says_what_is_missing(opened, tmp_path, capsys):
    room, _ = opened
    arguments = ["--out", str(tmp_path / "out"), "--room", str(room.folder)]
    assert invoke(["workshop", "collect", *arguments]) == 0
    assert len(manifest(tmp_path / "out")["labs"]) == 20
    assert invoke(["workshop", "collect", "77", *arguments]) == 2
    assert "3 collected, 57 missing" in capsys.readouterr().out
