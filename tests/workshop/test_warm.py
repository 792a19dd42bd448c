"""Warm processes: who asks gets a process of their own user, with no rights and nothing of anybody else's."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from secure_ai.workshop.hub import warm

FILE = Path(warm.__file__)
ROOT = os.geteuid() == 0
USERS = "61901-61902"
needs_root = pytest.mark.skipif(not ROOT, reason="changing users takes root")
pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="forks for users are Linux's")

# The warm process of these tests loads nothing and runs the Python text that it is asked for.
SERVE = """
import importlib.util, json, os, resource, shutil, signal, subprocess, sys, time
spec = importlib.util.spec_from_file_location("warm", sys.argv[1])
warm = importlib.util.module_from_spec(spec)
spec.loader.exec_module(warm)
warm.READ_SECONDS = 1
def program(arguments):
    exec(arguments[0], globals())
    return 0
warm.PROGRAMS["kernel"] = program
server = warm.Warm(sys.argv[2], "kernel", "", sys.argv[3], int(sys.argv[4]))
print("ready", flush=True)
warm.become("kernel", server.serve())
"""


class Served:
    """A warm process and its socket."""

    def __init__(self, users: str = "", memory_mib: int = 0) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="warm"))
        self.folder.chmod(0o755)
        self.socket = str(self.folder / "w.sock")
        secret = os.environ | {"INSTRUCTORS_KEY": "s3cret"}
        command = [sys.executable, "-I", "-c", SERVE, str(FILE), self.socket, users, str(memory_mib)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, env=secret, text=True)
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "ready\n"

    def close(self) -> None:
        """End it."""
        self.process.terminate()
        self.process.wait(10)
        assert self.process.stdout is not None
        self.process.stdout.close()
        shutil.rmtree(self.folder)


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    one = Served(USERS if ROOT else "")
    yield one
    one.close()


def as_user(user: int, work: Callable[[], Any]) -> Any:
    """Do something in a process of a user and return what it returned."""
    reader, writer = os.pipe()
    pid = os.fork()
    if not pid:
        try:
            os.close(reader)
            if user:
                os.setgroups([])
                os.setresgid(user, user, user)
                os.setresuid(user, user, user)
            os.write(writer, json.dumps(work()).encode())
            os._exit(0)
        except BaseException as error:
            os.write(writer, json.dumps({"error": type(error).__name__}).encode())
            os._exit(1)
    os.close(writer)
    with os.fdopen(reader, "rb") as file:
        answer = file.read()
    os.waitpid(pid, 0)
    return json.loads(answer)


def run(place: str, text: str, cwd: str = "/", env: dict[str, str] | None = None) -> tuple[int, str]:
    """Ask for a process, and return its exit code and what it printed."""
    reader, writer = os.pipe()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as channel:
        channel.settimeout(20)
        channel.connect(place)
        request = json.dumps({"argv": [text], "env": env or {"PATH": "/usr/bin:/bin"}, "cwd": cwd}).encode()
        code = -1000
        with contextlib.suppress(EOFError, ConnectionError):
            socket.send_fds(channel, [warm._LENGTH.pack(len(request))], [0, writer, 2])
            channel.sendall(request)
            os.close(writer)
            writer = -1
            warm.receive(channel, 4)
            (code,) = warm._NUMBER.unpack(warm.receive(channel, 4))
        if writer >= 0:
            os.close(writer)
        with os.fdopen(reader) as file:
            return code, file.read()


def test_a_program_gets_its_environment_folder_and_exit_code(served: Served) -> None:
    code, printed = run(served.socket, "print(os.environ['A'], os.getcwd()); sys.exit(7)", "/", {"A": "é"})
    assert (code, printed) == (7, "é /\n")


def test_what_a_program_raises_is_an_exit_code_and_not_a_hang(served: Served) -> None:
    assert run(served.socket, "1 / 0")[0] == 1
    assert run(served.socket, "sys.exit('no')")[0] == 1
    assert run(served.socket, "os.kill(os.getpid(), 9)")[0] == -9


def test_writing_to_a_closed_connection_is_an_error_and_not_the_end(served: Served) -> None:
    text = (
        "import socket\none, other = socket.socketpair(); other.close()\n"
        "try: one.send(b'x')\nexcept BrokenPipeError: print('told')"
    )
    assert run(served.socket, text) == (0, "told\n")


def test_a_fork_has_nothing_of_its_parents(served: Served) -> None:
    text = "print(json.dumps([dict(os.environ), os.listdir('/proc/self/fd'), os.getsid(0) == os.getpid()]))"
    code, printed = run(served.socket, text, env={"ONLY": "this"})
    environment, descriptors, leads = json.loads(printed)
    assert code == 0
    assert environment == {"ONLY": "this"}
    # Its three streams, and the listing itself.
    assert len(descriptors) == 4
    assert leads


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0",
        b"\xff\xff\xff\xff",
        b"\0\0\0\x02{}",
        b"\0\0\0\x05nope!",
        b"\0\0\0\x10" + b'{"argv":1,"env":',
    ],
)
def test_a_broken_request_ends_its_own_fork_alone(served: Served, data: bytes) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as channel:
        channel.settimeout(15)
        channel.connect(served.socket)
        if data:
            socket.send_fds(channel, [data], [0, 1, 2])
        channel.shutdown(socket.SHUT_WR)
        with pytest.raises((EOFError, ConnectionError)):
            warm.receive(channel, 100)
    assert run(served.socket, "print(1)") == (0, "1\n")


def test_who_says_nothing_blocks_nobody(served: Served) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as silent:
        silent.connect(served.socket)
        assert run(served.socket, "print(1)") == (0, "1\n")


def test_a_fork_ends_with_who_asked_for_it(served: Served) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as channel:
        channel.connect(served.socket)
        request = json.dumps({"argv": ["time.sleep(60)"], "env": {}, "cwd": "/"}).encode()
        socket.send_fds(channel, [warm._LENGTH.pack(len(request))], [0, 1, 2])
        channel.sendall(request)
        (pid,) = warm._NUMBER.unpack(warm.receive(channel, 4))
        os.kill(pid, 0)
    assert gone(pid)


def test_a_stand_in_for_a_closed_room_says_so() -> None:
    command = [sys.executable, "-I", "-S", str(FILE), "ask", "/nonexistent/w.sock"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert ended.stderr == "The room did not start this: it is closed, or this seat started too much.\n"


def gone(pid: int) -> bool:
    """Return whether a process ends before long."""
    for _ in range(200):
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except FileNotFoundError:
            return True
        time.sleep(0.05)
    return False


def test_the_stand_in_passes_signals_on_and_ends_as_the_program(served: Served) -> None:
    text = (
        "import signal\n"
        "def stop(*_): sys.exit(5)\n"
        "signal.signal(signal.SIGTERM, stop); print('on', flush=True); time.sleep(60)"
    )
    command = [sys.executable, "-I", "-S", str(FILE), "ask", served.socket, text]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd="/") as stand_in:
        assert stand_in.stdout is not None
        assert stand_in.stdout.readline() == "on\n"
        stand_in.send_signal(signal.SIGTERM)
        assert stand_in.wait(10) == 5


def test_forks_end_with_the_warm_process() -> None:
    one = Served()
    command = [
        sys.executable,
        "-I",
        "-S",
        str(FILE),
        "ask",
        one.socket,
        "print(os.getpid(), flush=True); time.sleep(60)",
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd="/") as stand_in:
        assert stand_in.stdout is not None
        pid = int(stand_in.stdout.readline())
        one.close()
        assert stand_in.wait(10) != 0
    assert gone(pid)


def test_a_fork_has_the_memory_it_was_given_and_no_core() -> None:
    one = Served(memory_mib=64)
    try:
        code, printed = run(one.socket, "print(len(bytearray(16 << 20)) >> 20)")
        assert (code, printed) == (0, "16\n")
        text = "try: bytearray(256 << 20)\nexcept MemoryError: print('refused')"
        assert run(one.socket, text) == (0, "refused\n")
        code, printed = run(one.socket, "print(resource.getrlimit(resource.RLIMIT_CORE))")
        assert printed == "(0, 0)\n"
    finally:
        one.close()


def test_a_limit_is_never_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[int, tuple[int, int]] = {}
    monkeypatch.setattr(resource, "getrlimit", lambda kind: (100, 100))
    monkeypatch.setattr(resource, "setrlimit", lambda kind, most: asked.update({kind: most}))
    warm.limit(1 << 30, of_user=True)
    assert set(asked.values()) == {(100, 100), (0, 0)}


def test_the_warm_process_keeps_nothing_of_the_instructors_environment() -> None:
    command = [sys.executable, str(FILE), "serve", "/nonexistent/w.sock", "none"]
    shown = subprocess.run(
        [sys.executable, "-c", CLEAN, str(FILE), *command[2:]],
        env=os.environ | {"INSTRUCTORS_KEY": "s3cret"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "INSTRUCTORS_KEY" not in shown.stdout
    assert "OMP_NUM_THREADS" in shown.stdout
    assert "-I" in shown.stdout


CLEAN = """
import importlib.util, os, sys
spec = importlib.util.spec_from_file_location("warm", sys.argv[1])
warm = importlib.util.module_from_spec(spec)
spec.loader.exec_module(warm)
os.execve = lambda path, arguments, environment: print(arguments, environment)
warm.start_clean(sys.argv[2:])
"""


# ------------------------------------------------------------------------------- as root: many users


@needs_root
def test_a_learner_gets_a_process_of_their_own_user_without_rights(served: Served) -> None:
    text = (
        "print(json.dumps([os.getresuid(), os.getresgid(), os.getgroups(), "
        "open('/proc/self/status').read(), os.stat('/proc/self/fd').st_uid, os.umask(0)]))"
    )
    code, printed = as_user(61901, lambda: run(served.socket, text))
    users, groups, more, status, owner, mask = json.loads(printed)
    assert code == 0
    assert (users, groups, more) == ([61901] * 3, [61901] * 3, [])
    fields = dict(line.split(":\t") for line in status.splitlines() if ":\t" in line)
    assert fields["CapEff"] == fields["CapPrm"] == fields["CapInh"] == fields["CapAmb"] == "0" * 16
    assert fields["NoNewPrivs"] == "1"
    assert owner == 61901
    assert mask == 0o077


@needs_root
def test_one_learner_cannot_touch_the_process_of_another(served: Served) -> None:
    pid, asker = long_process(served, 61901)
    try:
        text = (
            f"for attempt in (lambda: os.kill({pid}, 9), lambda: open('/proc/{pid}/environ').read(), "
            f"lambda: os.listdir('/proc/{pid}/fd'), lambda: open('/proc/{pid}/mem', 'rb')):\n"
            "    try: attempt()\n    except PermissionError: print('refused')"
        )
        assert as_user(61902, lambda: run(served.socket, text)) == [0, "refused\n" * 4]
        # What its own user may do, so that the refusals above are not those of a process that is gone.
        assert as_user(61901, lambda: run(served.socket, f"print(os.kill({pid}, 0))")) == [0, "None\n"]
    finally:
        os.kill(asker, signal.SIGKILL)
        os.waitpid(asker, 0)
    assert gone(pid)


def long_process(served: Served, user: int) -> tuple[int, int]:
    """Have a user ask for a process that goes on; return its number and the asker's."""
    reader, writer = os.pipe()
    asker = os.fork()
    if not asker:
        os.setgroups([])
        os.setresgid(user, user, user)
        os.setresuid(user, user, user)
        channel = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        channel.connect(served.socket)
        request = json.dumps({"argv": ["time.sleep(60)"], "env": {}, "cwd": "/"}).encode()
        socket.send_fds(channel, [warm._LENGTH.pack(len(request))], [0, 1, 2])
        channel.sendall(request)
        os.write(writer, warm.receive(channel, 4))
        time.sleep(60)
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as file:
        (pid,) = warm._NUMBER.unpack(file.read(4))
    return pid, asker


@needs_root
def test_a_user_without_a_seat_gets_nothing(served: Served) -> None:
    for user in (61900, 61903, 1):
        assert as_user(user, lambda: run(served.socket, "print(os.getuid())")) == [-1000, ""]


@needs_root
def test_a_flood_of_one_learner_leaves_the_others_their_turn(served: Served) -> None:
    def flood() -> int:
        refused, kept = 0, []
        for _ in range(60):
            channel = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            channel.settimeout(5)
            channel.connect(served.socket)
            kept.append(channel)
        for channel in kept[warm.MOST_FORKS_OF_ONE :]:
            try:
                refused += channel.recv(1) == b""
            except OSError:
                refused += 1
        return refused

    assert as_user(61902, flood) == 60 - warm.MOST_FORKS_OF_ONE
    assert as_user(61901, lambda: run(served.socket, "print(1)")) == [0, "1\n"]


@needs_root
def test_a_learner_cannot_take_the_place_of_the_socket(served: Served) -> None:
    def attempt() -> str:
        Path(served.socket).unlink()
        return "removed"

    assert as_user(61901, attempt) == {"error": "PermissionError"}
