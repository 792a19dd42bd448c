"""Limits of a seat: what is written for both kinds of control groups, and where none may be made."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from secure_ai.workshop.hub import limits
from secure_ai.workshop.hub.room import Room, Seat, Settings


def settings(**changed: object) -> Settings:
    """Return the settings of a room of two."""
    values: dict[str, object] = {
        "name": "Room",
        "port": 8000,
        "inner_ports": (8001, 8002, 8003),
        "path": "security",
        "sector": "healthcare",
        "minutes": 90,
        "seats": (Seat("seat-01", "Ada", 1), Seat("seat-02", "Bob", 2)),
        "kit": "/kit",
        "kit_python": "/kit/.venv/bin/python",
        "hub_python": "/hub/bin/python",
        "node": "node",
        "proxy": "proxy",
        "groups": "secure-ai-room",
        "memory_mib": 700,
        "cpus": 0.5,
    }
    return Settings(**(values | changed))  # type: ignore[arg-type]


@pytest.fixture
def second(tmp_path: Path) -> Path:
    """A machine whose groups are of version 2."""
    (tmp_path / "cgroup.controllers").write_text("cpu memory pids\n")
    (tmp_path / "cgroup.subtree_control").write_text("")
    return tmp_path


@pytest.fixture
def first(tmp_path: Path) -> Path:
    """A machine whose groups are of version 1."""
    for controller in limits.CONTROLLERS:
        (tmp_path / controller).mkdir()
    return tmp_path


def test_version_1_has_a_folder_for_each_controller(first: Path) -> None:
    limits.make_groups(settings(), first)
    for user in ("61001", "61002"):
        memory = first / "memory" / "secure-ai-room" / user
        assert (memory / "memory.limit_in_bytes").read_text() == str(700 * 2**20)
        cpu = first / "cpu" / "secure-ai-room" / user
        period, quota = ((cpu / f"cpu.cfs_{name}_us").read_text() for name in ("period", "quota"))
        assert int(quota) / int(period) == 0.5
        assert (first / "pids" / "secure-ai-room" / user / "pids.max").read_text() == "256"
    files = limits.group_files("secure-ai-room", 61001, first)
    assert [file.parent.parent.parent.name for file in files] == ["memory", "cpu", "pids"]


def test_version_2_has_one_folder_and_asks_for_the_controllers(second: Path) -> None:
    limits.make_groups(settings(), second)
    seat = second / "secure-ai-room" / "61002"
    assert (seat / "memory.max").read_text() == str(700 * 2**20)
    assert (seat / "memory.swap.max").read_text() == "0"
    assert (seat / "cpu.max").read_text() == "50000 100000"
    assert (second / "cgroup.subtree_control").read_text() == "+memory +cpu +pids"
    assert limits.group_files("secure-ai-room", 61002, second) == [seat / "cgroup.procs"]


def test_groups_are_made_again_without_harm(first: Path) -> None:
    limits.make_groups(settings(), first)
    limits.make_groups(settings(memory_mib=800), first)
    assert (first / "memory/secure-ai-room/61001/memory.limit_in_bytes").read_text() == str(800 * 2**20)


def test_a_room_without_groups_makes_none(first: Path) -> None:
    limits.make_groups(settings(groups=""), first)
    assert not list(first.glob("*/*"))
    assert limits.group_files("", 61001, first) == []


def test_where_no_group_may_be_made_there_is_no_name(tmp_path: Path) -> None:
    assert limits.find_groups("secure-ai-room", tmp_path / "nothing") == ""


def test_a_machine_that_lacks_one_controller_has_no_groups_and_none_are_left(first: Path) -> None:
    (first / "pids").rmdir()
    assert limits.find_groups("secure-ai-room", first) == ""
    assert not list(first.glob("*/*"))


@pytest.mark.skipif(os.geteuid() != 0, reason="making groups takes root")
def test_on_this_machine_groups_are_made_and_leave_no_trace() -> None:
    name = f"secure-ai-test-{os.getpid()}"
    found = limits.find_groups(name)
    if not found:
        pytest.skip("this machine lets nobody make groups")
    try:
        seats = settings(groups=found)
        limits.make_groups(seats)
        # A process in the group is counted there.
        join = "import sys; [open(name, 'w').write('0') for name in sys.argv[1:]]; "
        command = join + "print(open('/proc/self/cgroup').read())"
        files = [str(file) for file in limits.group_files(found, 61001)]
        shown = subprocess.run(
            [sys.executable, "-c", command, *files], capture_output=True, text=True, check=True
        )
        assert shown.stdout.count(f"{name}/61001") == len(files)
    finally:
        limits.remove_groups(found)
    assert not any(folder.exists() for folder in limits._folders(name, limits.CONTROL))


def test_the_memory_of_a_process_is_limited_only_where_groups_do_not(tmp_path: Path) -> None:
    room = Room(tmp_path)
    assert limits.warm_command(room, settings(own_users=True), "server")[2:] == [
        *("serve", str(tmp_path / "run/server.sock"), "server", "secure-ai-room", "61001-61002", "0"),
    ]
    assert limits.warm_command(room, settings(groups=""), "kernel") == [
        *("/kit/.venv/bin/python", str(limits.WARM), "serve", str(tmp_path / "run/kernel.sock")),
        *("kernel", "", "", "700"),
    ]


@pytest.mark.skipif(os.geteuid() != 0, reason="changing users takes root")
def test_all_processes_of_a_seat_end_and_no_others() -> None:
    others = os.fork() or sleep_as(61912)
    asked = [os.fork() or sleep_as(61911) for _ in range(2)]
    try:
        for pid, user in ((others, 61912), *((pid, 61911) for pid in asked)):
            while os.stat(f"/proc/{pid}").st_uid != user:  # noqa: PTH116
                pass
        import threading

        # Reaped as they end, as their parents would.
        reapers = [threading.Thread(target=os.waitpid, args=(pid, 0)) for pid in asked]
        for one in reapers:
            one.start()
        assert limits.end_processes_of(61911) == 2
        for one in reapers:
            one.join(10)
        assert list(limits.processes_of(61912)) == [others]
        assert list(limits.processes_of(61911)) == []
    finally:
        os.kill(others, 9)
        os.waitpid(others, 0)


def sleep_as(user: int) -> int:
    """Become a user and wait to be ended."""
    os.setresuid(user, user, user)
    import time

    time.sleep(60)
    os._exit(0)


def test_a_number_that_is_no_seats_user_is_never_ended() -> None:
    assert limits.end_processes_of(0) == 0
    assert limits.end_processes_of(os.getuid()) == 0


def test_a_service_ends_with_the_hub_that_started_it(tmp_path: Path) -> None:
    kit = Path(limits.__file__).parents[3]
    hub = (
        "import subprocess, sys, os, time\n"
        "child = subprocess.Popen([sys.executable, '-m', 'secure_ai.workshop.hub.limits', 'sleep', '60'])\n"
        "while 'sleep' not in open(f'/proc/{child.pid}/cmdline').read().split(chr(0))[0]: time.sleep(0.02)\n"
        "print(child.pid, flush=True); time.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", hub],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(kit)},
    ) as process:
        assert process.stdout is not None
        service = int(process.stdout.readline())
        process.kill()
    for _ in range(500):
        status = Path(f"/proc/{service}/stat")
        if not status.exists() or status.read_text().rpartition(")")[2].split()[0] == "Z":
            return
        subprocess.run(["sleep", "0.02"], check=True)
    raise AssertionError("the service outlived its hub")
