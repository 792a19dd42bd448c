"""The copy of the kit that seats see, and which folders are covered."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from secure_ai.core.errors import UserError
from secure_ai.workshop.hub.room import Room, Seat
from secure_ai.workshop.view import closed_above, copy_kit, plan, write_accounts


@pytest.fixture
def kit(tmp_path):
    """A small kit with everything that must and must not be seen."""
    root = tmp_path / "kit"
    for name in (
        "secure_ai/__init__.py", "secure_ai/learn/tasks/solutions.json", "secure_ai/learn/tasks/a.py",
        "synthetic_data/__init__.py", "solutions/07.ipynb", "tests/test_x.py", "benchmarks/b.py",
        ".git/config", "workshop/guide/07.md", "labs/07.ipynb", "notebooks/07.ipynb",
        "notebooks/assessments/r.ipynb",
        "pyproject.toml", "dist/x.bundle.tar", ".progress/p.sqlite", ".venv/bin/python", "later/secret.txt",
    ):  # fmt: skip
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("" if name.endswith(".py") else "mine", encoding="utf-8")
    (root / "secure_ai" / "__init__.py").chmod(0o600)
    return root


def files(folder: Path) -> set[str]:
    return {
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }


def test_the_copy_has_what_a_learner_needs_and_nothing_else(kit, tmp_path):
    room = Room(tmp_path / "room")
    room.folder.mkdir()
    copy_kit(kit, room, {"labs/07.ipynb": b"afresh"})
    assert files(room.kit) == {
        "secure_ai/__init__.py", "secure_ai/learn/tasks/a.py", "synthetic_data/__init__.py",
        "notebooks/assessments/r.ipynb", "pyproject.toml", "labs/07.ipynb",
    }  # fmt: skip
    assert (room.kit / "labs" / "07.ipynb").read_bytes() == b"afresh"
    assert all(path.stat().st_mode & 0o044 == 0o044 for path in room.kit.rglob("*"))
    assert not any(path.stat().st_mode & 0o022 for path in room.kit.rglob("*"))
    assert list(room.kit.glob("secure_ai/__pycache__/*.pyc"))


def test_seats_are_users_that_programs_find_and_who_comes_late_is_added_to_the_same_file(tmp_path):
    room, system = Room(tmp_path / "room"), tmp_path / "etc"
    system.mkdir()
    (system / "passwd").write_bytes(b"root:x:0:0::/root:/bin/sh\nj\xf6rg:x:7:7::/:/bin/sh")
    (system / "group").write_text("root:x:0:\n")
    ada, alan = Seat("seat-01", "Ada Lovelace", 1), Seat("seat-02", "Alan Turing", 2)
    write_accounts(room, [ada], system)
    users = room.accounts / "passwd"
    shown = users.open("rb")  # as the file system of a running room holds it
    write_accounts(room, [ada, alan], system)
    lines = shown.read().split(b"\n")
    assert lines[:2] == [b"root:x:0:0::/root:/bin/sh", b"j\xf6rg:x:7:7::/:/bin/sh"]
    assert lines[2:] == [
        f"{seat.name}:x:{seat.uid}:{seat.uid}::{room.home(seat.name)}:/bin/sh".encode()
        for seat in (ada, alan)
    ] + [b""]
    assert (room.accounts / "group").read_text().endswith(f"seat-02:x:{alan.uid}:\n")
    assert b"Lovelace" not in users.read_bytes() and users.stat().st_mode & 0o777 == 0o644
    write_accounts(room, [alan], system)
    shown.seek(0)
    assert shown.read() == users.read_bytes() and b"seat-01" not in users.read_bytes()
    shown.close()
    assert [one[1] for one in plan(tmp_path, room)["accounts"]] == ["/etc/passwd", "/etc/group"]
    (system / "passwd").unlink()
    with pytest.raises(UserError, match="users cannot be written"):
        write_accounts(room, [alan], system)


def test_a_copy_takes_the_place_of_the_one_before(kit, tmp_path):
    room = Room(tmp_path / "room")
    room.folder.mkdir()
    copy_kit(kit, room)
    (kit / "secure_ai" / "learn" / "tasks" / "a.py").unlink()
    copy_kit(kit, room)
    assert "secure_ai/learn/tasks/a.py" not in files(room.kit)
    assert sorted(path.name for path in room.folder.iterdir()) == ["kit"]


def test_closed_folders_are_covered_and_what_seats_need_is_shown(kit, tmp_path):
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    room = Room(closed / "deep" / "room")
    room.folder.mkdir(parents=True)
    for folder in (tmp_path, *tmp_path.parents):
        if closed_above(folder / "x") is None:
            break
    found = plan(kit, room)
    assert found["kit"] == str(kit)
    assert str(room.folder) in found["keep"] and str(Path(sys.base_prefix).resolve()) in found["keep"]
    for path in (room.folder, kit):
        above = closed_above(path)
        assert above is None or any(str(above).startswith(cover) for cover in found["covers"])
    assert not any(
        one != two and Path(one).is_relative_to(two) for one in found["covers"] for two in found["covers"]
    )
    assert "/" not in found["covers"]
    if Path("/root").is_dir() and not os.environ.get("HOME", "").startswith("/root/"):
        assert any("/root".startswith(cover) for cover in found["covers"])
