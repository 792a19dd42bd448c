"""Labs in seats: placed as the learner's own, reset with a copy, never through a learner's link."""

from __future__ import annotations

import os
import sqlite3
import stat
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import nbformat
import pytest

from secure_ai.core.errors import UserError
from secure_ai.learn.builder import holds_work
from secure_ai.learn.notebook import known_parameters, read_notebook
from secure_ai.workshop.homes import Home, in_home
from secure_ai.workshop.hub.room import Room, Seat, Settings
from secure_ai.workshop.labs import find_seat, place, reset, shelf
from tests.workshop.lab_rooms import a_room, passable_folder

LAB = "03_data_inventory"
NOW = datetime(2026, 3, 4, 10, 20, 30)
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give seats users of their own")


@pytest.fixture(scope="module")
def files() -> dict[str, bytes]:
    """What every seat of a hospital's room gets."""
    return shelf("healthcare")


@pytest.fixture
def passable() -> Iterator[Path]:
    """A folder that the seats' users may pass through."""
    with passable_folder() as folder:
        yield folder


@pytest.fixture
def placed(passable: Path, files: dict[str, bytes]) -> tuple[Room, Settings, Seat]:
    """A room with one seat whose labs are there."""
    room, settings = a_room(passable)
    assert place(room, settings, settings.seats[0], files).problem == ""
    return room, settings, settings.seats[0]


def as_learner(room: Room, settings: Settings, seat: Seat, act: Callable[[], Any]) -> Any:
    """Do something in the home as the learner would: with names, and the home as current folder."""

    def inside(home: Home) -> Any:
        os.fchdir(home.number)
        return act()

    return in_home(room, settings, seat, inside)


def test_a_seat_gets_every_lab_and_lesson_as_its_own_and_no_solution(placed, files):
    room, settings, seat = placed
    home = room.home(seat.name)
    assert {f"labs/{LAB}.ipynb", f"notebooks/{LAB}.ipynb", "GLOSSARY.md"} <= set(files)
    owner = seat.uid if settings.own_users else os.getuid()
    for name, data in files.items():
        state = (home / name).stat()
        assert (home / name).read_bytes() == data
        assert state.st_uid == owner and stat.S_IMODE(state.st_mode) == 0o600
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    assert not [name for name in files if b"### BEGIN SOLUTION" in files[name] and name.startswith("labs/")]
    assert list((home / "solutions").iterdir()) == []


def test_placing_again_changes_nothing_and_keeps_what_the_learner_changed(placed, files):
    room, settings, seat = placed
    lab = room.home(seat.name) / "labs" / f"{LAB}.ipynb"
    before = lab.stat().st_mtime_ns
    again = place(room, settings, seat, files)
    assert (again.placed, again.renewed, again.kept) == (0, 0, ()) and lab.stat().st_mtime_ns == before
    lab.write_bytes(b"my work")
    (lab.parent / "00_start_here.ipynb").unlink()
    newer = files | {f"labs/{LAB}.ipynb": b"new", "notebooks/03_data_inventory.ipynb": b"new lesson"}
    third = place(room, settings, seat, newer)
    assert third.kept == (f"labs/{LAB}.ipynb",) and (third.placed, third.renewed) == (1, 1)
    assert lab.read_bytes() == b"my work"
    assert (room.home(seat.name) / "notebooks" / f"{LAB}.ipynb").read_bytes() == b"new lesson"


def test_a_lab_in_which_the_instructor_worked_does_not_go_out(tmp_path, monkeypatch):
    root = Path(__file__).resolve().parents[2]
    kit = tmp_path / "kit"
    for folder in ("labs", "solutions", "notebooks"):
        (kit / folder).mkdir(parents=True)
        (kit / folder / f"{LAB}.ipynb").write_bytes((root / folder / f"{LAB}.ipynb").read_bytes())
    lab = read_notebook(kit / "labs" / f"{LAB}.ipynb")
    lab.cells.append(nbformat.v4.new_code_cell("the_answer = 42"))
    nbformat.write(lab, kit / "labs" / f"{LAB}.ipynb")
    given = shelf("healthcare", kit)[f"labs/{LAB}.ipynb"]
    assert b"the_answer" not in given and b"routing_is_valid" in given


def test_a_bank_s_room_has_its_sector_in_every_parameters_cell(tmp_path):
    for name, data in shelf("finance").items():
        if name.endswith(".ipynb"):
            path = tmp_path / Path(name).name
            path.write_bytes(data)
            assert known_parameters(read_notebook(path))["sector"] == "finance", name
            assert not name.startswith("labs/") or not holds_work(path), name


def test_reset_keeps_a_dated_copy_and_forgets_the_progress_of_that_lab_only(placed, files):
    room, settings, seat = placed
    home = room.home(seat.name)
    lab = home / "labs" / f"{LAB}.ipynb"
    lab.write_bytes(b"my work")
    progress_file(home / ".secure-ai" / "progress.sqlite", settings, seat)
    said = reset(room, settings, "ada lovelace", "3", NOW)
    assert lab.read_bytes() == files[f"labs/{LAB}.ipynb"]
    copy = home / "labs" / ".backups" / f"{LAB}.2026-03-04T102030.ipynb"
    assert copy.read_bytes() == b"my work"
    assert copy.name in said and "seat-01" in said and "Ada" not in said
    with sqlite3.connect(home / ".secure-ai" / "progress.sqlite") as database:
        assert database.execute("SELECT lab FROM task_progress").fetchall() == [("04_other",)]
    reset(room, settings, "seat-01", LAB, NOW)
    assert copy.with_name(f"{LAB}.2026-03-04T102030-2.ipynb").read_bytes() == files[f"labs/{LAB}.ipynb"]


def progress_file(path: Path, settings: Settings, seat: Seat) -> None:
    """A progress file as an older release made it: one table."""
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE task_progress (learner TEXT, lab TEXT, task TEXT, status TEXT)")
        rows = [("seat-01", LAB, "a", "correct"), ("seat-01", "04_other", "b", "correct")]
        database.executemany("INSERT INTO task_progress VALUES (?, ?, ?, ?)", rows)
    if settings.own_users:
        os.chown(path, seat.uid, seat.uid)


@pytest.mark.parametrize("who", ["seat-09", "Grace", "", "0", "../seat-01", "x" * 5000])
def test_an_unknown_learner_is_refused_in_a_sentence(placed, who):
    room, settings, _ = placed
    with pytest.raises(UserError, match="no seat and no learner") as refused:
        reset(room, settings, who, LAB, NOW)
    assert len(str(refused.value)) < 200


def test_an_unknown_lab_is_refused_and_nothing_is_touched(placed, files):
    room, settings, _ = placed
    with pytest.raises(UserError, match="no lab '77'"):
        reset(room, settings, "seat-01", "77", NOW)
    assert not (room.home("seat-01") / "labs" / ".backups").exists()


def test_two_learners_of_one_name_are_asked_for_by_seat(tmp_path):
    _, settings = a_room(tmp_path)
    twice = (*settings.seats, Seat("seat-04", "ADA LOVELACE", 4))
    with pytest.raises(UserError, match="seat-01, seat-04"):
        find_seat(Settings(**{**vars(settings), "seats": twice}), "Ada Lovelace")
    assert find_seat(settings, "2").name == "seat-02"


def test_a_number_means_the_seat_of_that_name_where_users_do_not_count_from_one(tmp_path):
    _, settings = a_room(tmp_path)
    seats = tuple(Seat(f"seat-{at:02}", f"L {at}", 36 + at) for at in range(1, 13))
    settings = Settings(**{**vars(settings), "seats": seats})
    for who in ("3", "03", "seat-03", "SEAT-03", " l  3 "):
        assert find_seat(settings, who).name == "seat-03", who
    for who in ("39", "0", "", "13"):
        with pytest.raises(UserError, match="no seat and no learner"):
            find_seat(settings, who)


# ------------------------------------------------------------------------------------ hostile homes


def secret(folder: Path) -> Path:
    """A file outside every home that everybody may read and write: what an attack would reach."""
    path = folder / "secret.txt"
    path.write_text("secret")
    path.chmod(0o666)
    return path


def test_a_lab_that_is_a_link_is_moved_as_a_link_and_its_target_is_untouched(placed, passable, files):
    room, settings, seat = placed
    target = secret(passable)

    def attack() -> None:
        Path("labs", f"{LAB}.ipynb").unlink()
        Path("labs", f"{LAB}.ipynb").symlink_to(target)

    as_learner(room, settings, seat, attack)
    reset(room, settings, "seat-01", LAB, NOW)
    lab = room.home(seat.name) / "labs" / f"{LAB}.ipynb"
    assert target.read_text() == "secret"
    assert not lab.is_symlink() and lab.read_bytes() == files[f"labs/{LAB}.ipynb"]
    assert (lab.parent / ".backups" / f"{LAB}.2026-03-04T102030.ipynb").is_symlink()


@pytest.mark.parametrize("planted", ["labs", "labs/.backups", ".secure-ai"])
def test_a_folder_that_is_a_link_is_never_written_through(placed, passable, files, planted):
    room, settings, seat = placed
    outside = passable / "outside"
    outside.mkdir()
    outside.chmod(0o777)

    def attack() -> None:
        if Path(planted).exists():
            Path(planted).rename("moved-away")
        Path(planted).symlink_to(outside)

    as_learner(room, settings, seat, attack)
    if planted == ".secure-ai":
        assert "is a link" in place(room, settings, seat, files).problem
    else:
        with pytest.raises(UserError, match="is a link or a file where a folder must be"):
            reset(room, settings, "seat-01", LAB, NOW)
    assert list(outside.iterdir()) == []


def test_a_home_whose_labs_are_a_link_does_not_keep_the_room_from_opening(placed, files):
    room, settings, seat = placed
    as_learner(room, settings, seat, lambda: (Path("labs").rename("x"), Path("labs").symlink_to("/etc"))[:0])
    again = place(room, settings, seat, files)
    assert "labs is a link" in again.problem and again.placed == 0
    assert place(room, settings, settings.seats[1], files).problem == ""


def test_a_pipe_in_the_place_of_lab_or_progress_hangs_nobody(placed, files):
    room, settings, seat = placed

    def attack() -> None:
        Path("labs", f"{LAB}.ipynb").unlink()
        os.mkfifo(Path("labs", f"{LAB}.ipynb"))
        os.mkfifo(Path(".secure-ai", "progress.sqlite"))

    as_learner(room, settings, seat, attack)
    assert f"labs/{LAB}.ipynb" in place(room, settings, seat, files).kept
    assert "could not be forgotten" in reset(room, settings, "seat-01", LAB, NOW)
    assert (room.home(seat.name) / "labs" / f"{LAB}.ipynb").read_bytes() == files[f"labs/{LAB}.ipynb"]


@as_root
def test_what_is_done_in_a_home_is_done_by_its_owner_without_root_s_rights(placed, passable):
    room, settings, seat = placed
    (passable / "root-only").write_text("x")
    (passable / "root-only").chmod(0o600)

    def act(home: Home) -> list[Any]:
        ids = [*os.getresuid(), *os.getresgid(), len(os.getgroups())]
        try:
            os.open(passable / "root-only", os.O_RDONLY)
        except PermissionError:
            return [*ids, "refused"]
        return [*ids, "read"]

    assert in_home(room, settings, seat, act) == [*[seat.uid] * 6, 0, "refused"]


@as_root
def test_a_home_that_another_user_left_is_refused_in_a_sentence(tmp_path, files):
    room, settings = a_room(tmp_path, own_users=True)
    room.homes.mkdir(parents=True)
    (room.homes / "seat-01").mkdir()
    os.chown(room.homes / "seat-01", 12345, 12345)
    assert "belongs to somebody else" in place(room, settings, settings.seats[0], files).problem
    (room.homes / "seat-02").symlink_to(tmp_path)
    assert "no folder" in place(room, settings, settings.seats[1], files).problem
