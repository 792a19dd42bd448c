"""What a machine allows, read from files as systems write them."""

from __future__ import annotations

import socket

import pytest

from secure_ai.core.errors import UserError
from secure_ai.workshop.hub.limits import CONTROLLERS, remove_stale_groups
from secure_ai.workshop.machine import (
    Machine,
    check_host,
    choose_port,
    free_inner_ports,
    free_memory,
    free_numbers,
    groups_of_open_rooms,
    is_free,
    own_addresses,
    refuse_too_many,
    usable_cpus,
    users_of_other_rooms,
)


@pytest.fixture
def proc(tmp_path):
    """A machine with 8 GiB free."""
    (tmp_path / "meminfo").write_text("MemTotal: 16000000 kB\nMemFree: 100 kB\nMemAvailable: 8388608 kB\n")
    return tmp_path


def put(folder, **files):
    for name, content in files.items():
        path = folder / name.replace("__", "/").replace("_DOT_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)


def test_25_seats_fit_on_two_processors_and_24_gigabytes():
    assert Machine(22_000, 2, is_root=True, can_mount=True).fits() >= 25


def test_the_scarcer_of_memory_and_processors_decides():
    assert Machine(64_000, 1, True, True).fits() < Machine(64_000, 8, True, True).fits()
    assert Machine(3_000, 64, True, True).fits() < Machine(6_000, 64, True, True).fits()
    assert Machine(100, 64, True, True).fits() == 0


def test_too_many_are_refused_with_the_number_that_fits():
    machine = Machine(3_000, 2, True, True)
    with pytest.raises(UserError, match=f"^{machine.fits()} seats fit"):
        refuse_too_many(machine.fits() + 1, machine)
    assert "anyway" in refuse_too_many(500, machine, anyway=True)
    assert "wanted" in refuse_too_many(machine.fits(), machine)


def test_a_container_has_what_its_control_group_leaves(proc, tmp_path):
    none, two, one = tmp_path / "none", tmp_path / "v2", tmp_path / "v1"
    none.mkdir()
    assert free_memory(proc, none) == 8192
    gib = 1 << 30
    put(
        two,
        memory_DOT_max=f"{4 * gib}",
        memory_DOT_current=f"{3 * gib}",
        memory_DOT_stat=f"inactive_file {gib}",
    )
    assert free_memory(proc, two) == 2048
    put(two, memory_DOT_max="max\n")
    assert free_memory(proc, two) == 8192
    put(one, memory__memory_DOT_limit_in_bytes=f"{gib}", memory__memory_DOT_usage_in_bytes="0")
    assert free_memory(proc, one) == 1024


def test_a_container_has_the_processors_of_its_quota(tmp_path):
    assert usable_cpus(tmp_path) >= 1
    put(tmp_path, cpu_DOT_max="50000 100000\n")
    assert usable_cpus(tmp_path) == 0.5
    put(
        tmp_path,
        cpu_DOT_max="max 100000\n",
        cpu__cpu_DOT_cfs_quota_us="-1",
        cpu__cpu_DOT_cfs_period_us="100000",
    )
    assert usable_cpus(tmp_path) >= 1


def test_a_port_that_is_in_use_is_not_free_on_any_address():
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        port = busy.getsockname()[1]
        assert not is_free(port) and not is_free(port, "0.0.0.0")
        with pytest.raises(UserError, match="is in use"):
            choose_port(port, "127.0.0.1")
    assert len(set(free_inner_ports())) == 3
    assert is_free(choose_port(None, "127.0.0.1"))


def test_only_addresses_of_this_machine_are_listened_on():
    for host in ("0.0.0.0", "127.0.0.1", *own_addresses()):
        check_host(host)
    for host in ("", "example.org", "999.1.1.1", "192.0.2.77", "a\0b", "ü"):
        with pytest.raises(UserError, match="no address"):
            check_host(host)


def warm(proc, pid, users, room="/r"):
    words = ["python", "-I", "/kit/warm.py", "serve", f"{room}/run/kernel.sock", "kernel", "", users, "0"]
    put(proc, **{f"{pid}__cmdline": "\0".join(words) + "\0"})


def test_rooms_that_are_open_at_once_have_other_users(proc):
    assert free_numbers(5, proc) == 1
    warm(proc, 7, "61001-61010")
    warm(proc, 8, "61030-61040", "/other")
    put(proc, **{"9__cmdline": "vi\0warm.py\0serve\0"})
    assert users_of_other_rooms(proc) == {(61001, 61010), (61030, 61040)}
    assert users_of_other_rooms(proc, but="/r/run") == {(61030, 61040)}
    assert free_numbers(19, proc) == 11
    assert free_numbers(20, proc) == 41
    with pytest.raises(UserError, match="close another room"):
        free_numbers(5_000, proc)


def test_open_rooms_are_told_by_their_groups(proc):
    for number, words in {
        "41": (
            "python",
            "-I",
            "/k/warm.py",
            "serve",
            "/r/run/server.sock",
            "server",
            "secure-ai-1",
            "1-2",
            "0",
        ),
        "42": ("python", "-I", "/k/warm.py", "serve", "/s/run/server.sock", "server", "", "", "1024"),
        "43": ("python", "serve"),
    }.items():
        (proc / number).mkdir()
        (proc / number / "cmdline").write_bytes("\0".join(words).encode() + b"\0")
    assert groups_of_open_rooms(proc) == {"secure-ai-1"}


def test_groups_of_rooms_that_are_gone_are_removed_and_no_others(tmp_path):
    for controller in CONTROLLERS:
        for name in ("secure-ai-gone", "secure-ai-open", "secure-ai-held", "another"):
            (tmp_path / controller / name / "61001").mkdir(parents=True)
        # Stands for a process in it: the system refuses to remove such a folder, as this one is refused.
        (tmp_path / controller / "secure-ai-held" / "61001" / "cgroup.procs").touch()
    assert remove_stale_groups("secure-ai-", {"secure-ai-open"}, tmp_path) == ["secure-ai-gone"]
    for controller in CONTROLLERS:
        left = {path.name for path in (tmp_path / controller).iterdir()}
        assert left == {"secure-ai-open", "secure-ai-held", "another"}
        assert (tmp_path / controller / "secure-ai-open" / "61001").is_dir()
