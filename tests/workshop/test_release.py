"""Solutions are closed until they are released, then open to every seat, then closed again."""

from __future__ import annotations

import json
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from secure_ai.cli import invoke
from secure_ai.core.errors import UserError
from secure_ai.workshop.hub.room import Room
from secure_ai.workshop.release import release, released, undo
from tests.workshop.lab_rooms import a_room

LAB, OTHER = "03_data_inventory", "00_start_here"


@pytest.fixture
def room(tmp_path: Path) -> Room:
    """A room in which nothing is released."""
    return a_room(tmp_path)[0]


def texts(room: Room) -> dict[str, dict[str, str]]:
    return json.loads((room.solutions / "solutions.json").read_text(encoding="utf-8"))


def test_a_release_opens_the_notebook_and_the_texts_of_that_lab_only(room, repo_root):
    assert released(room) == []
    assert "is open to every seat" in release(room, "3")
    assert released(room) == [LAB]
    given = room.solutions / f"{LAB}.ipynb"
    assert given.read_bytes() == (repo_root / "solutions" / given.name).read_bytes()
    kit = json.loads((repo_root / "secure_ai/learn/tasks/solutions.json").read_text(encoding="utf-8"))
    assert texts(room) == {LAB: kit[LAB]}
    for path in (given, room.solutions / "solutions.json"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert stat.S_IMODE(room.solutions.stat().st_mode) == 0o755
    assert sorted(path.name for path in room.solutions.iterdir()) == [given.name, "solutions.json"]


def test_undo_closes_one_and_leaves_the_other_open(room):
    release(room, LAB)
    release(room, OTHER)
    assert "closed again" in undo(room, LAB)
    assert released(room) == [OTHER] and list(texts(room)) == [OTHER]
    assert "was not open" in undo(room, LAB)


def test_a_damaged_file_of_texts_mends_itself_and_a_second_release_says_so(room):
    release(room, LAB)
    (room.solutions / "solutions.json").write_text("{damaged")
    assert "open already" in release(room, LAB)
    assert list(texts(room)) == [LAB]


def test_releases_at_the_same_time_lose_nothing(room):
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda lab: release(room, lab), [LAB, OTHER, "01_why_security"]))
    assert list(texts(room)) == [OTHER, "01_why_security", LAB]


@pytest.mark.parametrize("lab", ["77", "", "../secrets", "solutions"])
def test_an_unknown_lab_opens_nothing(room, lab):
    with pytest.raises(UserError, match="There is no lab"):
        release(room, lab)
    assert not room.solutions.exists()


def test_a_damaged_solution_is_refused_before_anything_is_opened(room, tmp_path):
    (tmp_path / "solutions").mkdir()
    (tmp_path / "solutions" / "03_x.ipynb").write_text("{")
    with pytest.raises(UserError, match="not a valid notebook"):
        release(room, "03", tmp_path)
    assert not room.solutions.exists()


def test_the_commands_say_what_they_did_and_refuse_a_folder_without_a_room(room, tmp_path, capsys):
    assert invoke(["workshop", "release", "3", "--room", str(room.folder)]) == 0
    assert invoke(["workshop", "release", "3", "--undo", "--room", str(room.folder)]) == 0
    assert released(room) == []
    assert invoke(["workshop", "reset", "seat-77", "3", "--room", str(room.folder)]) == 2
    assert invoke(["workshop", "reset", "seat-01", "3", "--room", str(tmp_path / "none")]) == 2
    said = capsys.readouterr()
    assert said.out.count("The solution of") == 2 and "Traceback" not in said.err
    assert said.err.count("Error: ") == 2 and "No room is open here" in said.err
