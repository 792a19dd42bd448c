"""Start a room's processes, where the machine allows it in a file system that shows seats what is theirs.

``python -I inside.py`` reads what to do as JSON from standard input and answers in JSON. It is a program of
its own because who enters another file system cannot come back, and it uses the standard library only. What
it mounts, no other process of the machine sees, and it vanishes with the last process of the room.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import signal
import sys
from pathlib import Path

CLONE_NEWNS = 0x00020000
MS_NOSUID, MS_NODEV, MS_BIND, MS_REC, MS_PRIVATE = 0x2, 0x4, 0x1000, 0x4000, 0x40000
MOST_OPEN_FILES = 65_536


class Refused(Exception):
    """One sentence for the instructor."""


def main() -> int:
    """Do what standard input says; print the numbers of the processes, or why there are none."""
    wanted = json.load(sys.stdin)
    try:
        if wanted["join"]:
            join(wanted["join"])
        elif wanted["view"]:
            arrange(**wanted["view"])
        for check in wanted["check"]:
            try_as(**check)
        answer = {"pids": {one["name"]: start(**one) for one in wanted["start"]}}
    except Refused as error:
        answer = {"error": str(error)}
    except OSError as error:
        answer = {
            "error": f"The room's processes cannot be started ({os.strerror(error.errno or 0).lower()})."
        }
    print(json.dumps(answer))
    return 0


def _system() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _must(result: int, what: str) -> None:
    if result != 0:
        reason = os.strerror(ctypes.get_errno()).lower()
        raise Refused(
            f"The view of the seats cannot be made ({what}: {reason}): open the room as an ordinary user."
        )


def join(pid: int) -> None:
    """Enter the file system that another process of the room sees."""
    number = os.open(f"/proc/{pid}/ns/mnt", os.O_RDONLY | os.O_CLOEXEC)
    try:
        _must(_system().setns(number, CLONE_NEWNS), "joining the room")
    finally:
        os.close(number)


def mount(source: str, target: str, kind: str = "", flags: int = 0, options: str = "") -> None:
    """Mount something.

    Raises:
        Refused: if the system does not.
    """
    words = (source.encode(), target.encode(), kind.encode() or None, flags, options.encode() or None)
    _must(_system().mount(*words), "a mount was refused")


def arrange(
    *,
    copy: str,
    kit: str,
    inside: list[list[str]],
    accounts: list[list[str]],
    covers: list[str],
    keep: list[str],
) -> None:
    """Make the file system that seats see.

    Args:
        copy: folder that takes the place of the kit's.
        kit: folder of the kit.
        inside: pairs of a folder and a place in the copy where it is shown, for the environments.
        accounts: pairs of a file and the one in whose place it is shown.
        covers: folders that are shown empty.
        keep: folders that are shown all the same where a cover hides them.
    """
    _must(_system().unshare(CLONE_NEWNS), "a file system of its own")
    mount("none", "/", flags=MS_REC | MS_PRIVATE)
    for source, target in inside:
        Path(target).mkdir(exist_ok=True)
        mount(source, target, flags=MS_BIND)
    for source, target in accounts:
        mount(source, target, flags=MS_BIND)
    # Opened before anything is covered; the kit last, for other folders may lie in it.
    shown = [(path, os.open(path, os.O_PATH | os.O_CLOEXEC)) for path in keep]
    shown.append((kit, os.open(copy, os.O_PATH | os.O_CLOEXEC)))
    for path in covers:
        mount("tmpfs", path, "tmpfs", MS_NOSUID | MS_NODEV, "mode=755,size=1m")
    for path, number in shown:
        if any(path != cover and Path(path).is_relative_to(cover) for cover in covers):
            Path(path).mkdir(parents=True, exist_ok=True)
        elif path != kit:
            continue
        mount(f"/proc/self/fd/{number}", path, flags=MS_BIND | MS_REC)


def try_as(uid: int, command: list[str], sentence: str) -> None:
    """Run a short command as the user of a seat.

    Raises:
        Refused: with ``sentence`` if it fails.
    """
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setresgid(uid, uid, uid)
            os.setresuid(uid, uid, uid)
            os.chdir("/")
            nothing = os.open(os.devnull, os.O_RDWR)
            for stream in (0, 1, 2):
                os.dup2(nothing, stream)
            signal.alarm(60)
            os.execve(command[0], command, {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"})
        finally:
            os._exit(1)
    if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) != 0:
        raise Refused(sentence)


def start(name: str, command: list[str], environment: dict[str, str], folder: str, log: str) -> int:
    """Start a process that outlives this one and its terminal; return its number.

    Raises:
        Refused: if there is no such program.
    """
    reader, writer = os.pipe2(os.O_CLOEXEC)
    child = os.fork()
    if child == 0:
        try:
            os.setsid()
            os.umask(0o077)
            os.chdir(folder)
            nothing = os.open(os.devnull, os.O_RDONLY)
            written = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
            for source, stream in ((nothing, 0), (written, 1), (written, 2)):
                os.dup2(source, stream)
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD, signal.SIGPIPE):
                signal.signal(number, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_SETMASK, [])
            _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
            allowed = MOST_OPEN_FILES if most == resource.RLIM_INFINITY else min(most, MOST_OPEN_FILES)
            resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, most))
            os.execve(command[0], command, environment)
        except OSError as error:
            os.write(writer, os.strerror(error.errno or 0).encode())
        finally:
            os._exit(127)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        failed = pipe.read(1000)  # ends when the program has taken the child's place
    if failed:
        os.waitpid(child, 0)
        raise Refused(f"The process {name} of the room cannot be started ({failed.decode().lower()}).")
    return child


if __name__ == "__main__":
    sys.exit(main())
