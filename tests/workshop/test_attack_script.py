"""A hostile learner tries everything from a kernel of their own, and nothing comes through."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import json
import shutil
import sys
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from secure_ai.core.errors import UserError
from secure_ai.workshop import labs
from secure_ai.workshop.collect import collect
from secure_ai.workshop.hub.codes import INSTRUCTOR, Codes
from secure_ai.workshop.opening import Opened

ROOT = Path(__file__).resolve().parents[2]
ATTACK = Path(__file__).with_name("attack.py")
sys.path.insert(0, str(ROOT / "benchmarks"))
try:
    from workshop_crowd import Learner, LostKernelError
finally:
    sys.path.remove(str(ROOT / "benchmarks"))

NOW = datetime(2026, 3, 2, 9, 30)
SECRET = "a hint for the other seat alone"
LAB = "labs/03_data_inventory.ipynb"
# What a try changes on purpose comes last, and what may end the attacker's own kernel at the very end.
LAST = ("use_more_processes_and_disk", "use_more_memory", "fill_the_kernel_itself")
BROKEN = ("NameError", "TypeError", "KeyError", "AttributeError", "IndexError", "ValueError", "struct.error")
ENDED = "the attacker's kernel ended"


def tries() -> list[str]:
    """The names of the tries, in their order."""
    lines = ATTACK.read_text(encoding="utf-8").splitlines()
    return [
        line.removeprefix("def ").partition("(")[0]
        for before, line in itertools.pairwise(lines)
        if before == "@attempt"
    ]


def digest_of(folder: Path) -> str:
    """A hash of the files that only the instructor changes."""
    whole = hashlib.sha256()
    for name in ("room.json", "board.token", "admin.token", "cookie.secret"):
        whole.update((folder / name).read_bytes())
    return whole.hexdigest()


def digest_of_labs(folder: Path) -> str:
    """A hash of a learner's notebooks."""
    whole = hashlib.sha256()
    for file in sorted(folder.glob("*.ipynb")):
        whole.update(file.name.encode() + file.read_bytes())
    return whole.hexdigest()


async def attack(opened: Opened, only: list[str]) -> dict[str, Any]:
    """Run the script in the first seat while the second works; return what came of it, by name."""
    codes, settings = Codes(opened.room.codes_file), opened.settings
    mine, other = settings.seats[:2]
    door = f"http://127.0.0.1:{settings.port}"
    target = {
        "room": str(opened.room.folder), "kit": settings.kit, "door": door, "seat": other.name,
        "uid": other.uid, "ports": list(settings.inner_ports), "secret": SECRET,
        "memory_mib": settings.memory_mib, "only": only, "controls": True,
    }  # fmt: skip
    results: dict[str, Any] = {}
    async with (
        Learner(door, mine.name, codes.reissue(mine.name)) as attacker,
        Learner(door, other.name, codes.reissue(other.name)) as victim,
        Learner(door, INSTRUCTOR, codes.issue_instructor()) as board,
    ):
        await board.sign_in()
        page = await board.web.get(f"{door}/services/board/")
        token = page.text.partition("xsrf")[2].partition('content="')[2].partition('"')[0]
        for one in (attacker, victim):
            await one.sign_in()
            await one.open_seat()
            await one.open_kernel(LAB)
        hint = await board.web.post(
            f"{door}/services/board/api/hint",
            json={"seats": [other.name], "text": SECRET},
            headers={"X-XSRFToken": token},
        )
        results["hint sent"] = hint.status_code
        stop = asyncio.Event()

        async def go_on() -> int:
            done = 0
            while not stop.is_set():
                ran = await victim.run("print('work of the other seat')")
                assert not ran.error
                done += 1
                await asyncio.sleep(0.3)
            return done

        work = asyncio.create_task(go_on())
        try:
            ran = await attacker.run(f"TARGET = {target!r}\n{ATTACK.read_text(encoding='utf-8')}")
            results["error"] = ran.error
            for line in ran.text.splitlines():
                if line.startswith("ATTACK "):
                    one = json.loads(line.removeprefix("ATTACK "))
                    results[one["name"]] = one
        except LostKernelError:
            results["error"] = ENDED
        stop.set()
        results["cells of the other seat"] = await work
        # A new kernel too: the warm processes serve the others.
        await victim.open_kernel("labs/07_encryption.ipynb")
        results["new kernel"] = (await victim.run("import pandas; print(pandas.DataFrame().shape)")).error
        state = await board.web.get(f"{door}/services/board/api/state")
        results["board"] = {seat["name"]: seat["lab"] for seat in state.json()["seats"]}
    return results


Run = Callable[[list[str]], dict[str, Any]]


@pytest.fixture(scope="module")
def room(opened_room: Opened) -> Opened:
    """The session's room, where seats are kept apart; elsewhere nothing of this is claimed."""
    if not (opened_room.settings.own_users and opened_room.settings.own_view):
        pytest.skip("Seats of this room are not kept apart (it was not opened as root): nothing to attack.")
    return opened_room


@pytest.fixture(scope="module")
def results(room: Opened) -> dict[str, Any]:
    """What came of all tries but the last ones."""
    run: Awaitable[dict[str, Any]] = attack(room, [name for name in tries() if name not in LAST])
    return asyncio.run(run)  # type: ignore[arg-type]


def test_no_try_comes_through(results: dict[str, Any]) -> None:
    wanted = [name for name in tries() if name not in LAST]
    assert len(wanted) > 15
    assert not results["error"], results["error"]
    assert [name for name in wanted if name not in results] == []
    came_through = {name: results[name]["got"] for name in wanted if results[name]["got"]}
    assert came_through == {}


def script(**target: Any) -> dict[str, Any]:
    """The script's functions, with another target; nothing is tried."""
    names: dict[str, Any] = {"TARGET": {"only": ["nothing"]} | target, "__name__": "attack"}
    exec(compile(ATTACK.read_text(encoding="utf-8"), str(ATTACK), "exec"), names)
    return names


def test_a_solution_that_lies_about_is_found(tmp_path: Path) -> None:
    kit, room = tmp_path / "kit", tmp_path / "room"
    tries_of = script(kit=str(kit), room=str(room), seat="seat-02")
    (kit / "labs").mkdir(parents=True)
    (kit / "secure_ai" / "learn").mkdir(parents=True)
    shutil.copy(ROOT / "secure_ai" / "learn" / "builder.py", kit / "secure_ai" / "learn")
    shutil.copy(ROOT / "labs" / "00_start_here.ipynb", kit / "labs")
    assert tries_of["find_solutions"]() == []
    leaked = kit / "labs" / "draft.ipynb"
    shutil.copy(ROOT / "solutions" / "00_start_here.ipynb", leaked)
    assert tries_of["find_solutions"]() == [str(leaked)]
    leaked.unlink()
    (room / "shared" / "solutions").mkdir(parents=True)
    (room / "shared" / "solutions" / "solutions.json").write_text("{}")
    assert tries_of["find_solutions"]() == [str(room / "shared" / "solutions" / "solutions.json")]


def test_an_open_home_and_an_open_private_folder_are_found(tmp_path: Path) -> None:
    tries_of = script(kit=str(tmp_path), room=str(tmp_path), seat="seat-02")
    assert tries_of["read_another_home"]() == []
    lab = tmp_path / "homes" / "seat-02" / "labs" / "a.ipynb"
    lab.parent.mkdir(parents=True)
    lab.write_text("{}")
    assert str(lab.parent) in tries_of["read_another_home"]()
    (tmp_path / "private").mkdir()
    (tmp_path / "private" / "codes.sqlite").write_text("x")
    assert str(tmp_path / "private" / "codes.sqlite") in tries_of["read_what_is_the_instructors"]()


def test_what_tries_do_with_others_succeeds_with_ones_own(results: dict[str, Any]) -> None:
    assert [name for name, held in results["controls"]["held"].items() if not held] == []


def test_a_try_that_should_succeed_does(results: dict[str, Any]) -> None:
    # The same calls with the right to them work: what was refused was not refused by mistake.
    assert results["hint sent"] == 200
    broken = {
        name: one["refused"]
        for name, one in results.items()
        if isinstance(one, dict) and one.get("refused", "").startswith(BROKEN)
    }
    assert broken == {}


def test_the_other_seat_works_on(results: dict[str, Any], room: Opened) -> None:
    assert results["cells of the other seat"] > 3
    assert results["new kernel"] == ""
    other = room.settings.seats[1].name
    assert results["board"][other] != "00_start_here"


def test_commands_of_the_instructor_follow_no_planted_link(
    results: dict[str, Any], room: Opened, tmp_path: Path
) -> None:
    planted = script()["PLANTED"]
    home, other = (room.room.home(seat.name) / "labs" for seat in room.settings.seats[:2])
    assert (home / f"{planted[0]}.ipynb").is_symlink() and (home / ".backups").is_symlink()
    before, theirs = digest_of(room.room.private), digest_of_labs(other)
    entries = sorted(path.name for path in room.room.private.iterdir())
    collected = tmp_path / "collected"
    collect(room.room, room.settings, None, collected, now=NOW)
    for file in collected.rglob("*"):
        assert not file.is_symlink()
        if file.is_file():
            assert file.stat().st_size < 100 << 20
            assert b'"inner_ports"' not in file.read_bytes()
    files = labs.shelf(room.settings.sector)
    labs.place(room.room, room.settings, room.settings.seats[0], files)
    refused = 0
    for key in planted:
        try:
            labs.reset(room.room, room.settings, room.settings.seats[0].name, key, NOW)
        except UserError:
            refused += 1
    # The folder for copies is a link: nothing could be kept, so nothing was replaced.
    assert refused == len(planted)
    assert sorted(path.name for path in room.room.private.iterdir()) == entries
    (home / ".backups").unlink()
    for key in planted:
        labs.reset(room.room, room.settings, room.settings.seats[0].name, key, NOW)
        lab = home / f"{key}.ipynb"
        assert lab.is_file() and not lab.is_symlink()
        assert lab.read_bytes() == labs.lab_bytes(key, room.settings.sector, ROOT)
    assert digest_of(room.room.private) == before
    assert digest_of_labs(other) == theirs
    assert room.room.settings_file.stat().st_uid == 0


def test_who_uses_too_much_loses_their_own_kernel_alone(results: dict[str, Any], room: Opened) -> None:
    for name in LAST:
        last = asyncio.run(attack(room, [name]))
        # It was tried to its end, or the kernel did not outlive it.
        assert (name in last) != (last["error"] == ENDED), last
        assert last.get(name, {}).get("got", []) == []
        assert last["cells of the other seat"] > 0
        assert last["new kernel"] == ""
