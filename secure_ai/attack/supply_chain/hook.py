"""In the contained process: an audit hook that reports what the opening of a file does (PEP 578)."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

from secure_ai.attack.supply_chain.channel import send
from secure_ai.attack.supply_chain.child import load_bytes

WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
PROGRAMS = {"os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork", "os.forkpty", "subprocess.Popen"}
CHANGES = {
    "os.remove",
    "os.rename",
    "os.mkdir",
    "os.rmdir",
    "os.link",
    "os.symlink",
    "os.truncate",
    "os.chmod",
}
OF_IMPORTS = {"code", "read", "library"}
MOST = 500
MOST_LENGTH = 300


def watch(questions: BinaryIO, answers: BinaryIO, arguments: Mapping[str, Any], content: bytes) -> None:
    """Open ``content`` under the hook; send one message for each event, and one at the end."""
    quiet = _quiet_places()
    state = {"sent": 0, "inside": False}

    def hook(event: str, details: tuple[Any, ...]) -> None:
        if state["inside"] or state["sent"] >= MOST:
            return
        state["inside"] = True
        try:
            found = described(event, details, quiet)
            if found is not None and not (found[0] in OF_IMPORTS and _importing()):
                state["sent"] += 1
                send(answers, {"kind": found[0], "what": found[1][:MOST_LENGTH]})
        except Exception:
            # What cannot be described is reported by its name: a hook that raises would stop the file.
            send(answers, {"kind": "code", "what": event[:MOST_LENGTH]})
        finally:
            state["inside"] = False

    sys.addaudithook(hook)
    try:
        load_bytes(content)
    except BaseException as error:
        done = type(error).__name__[:80]
    else:
        done = "loaded"
    state["inside"] = True
    send(answers, {"done": done})
    # The parent looks into the folder before this process ends.
    questions.read(1)


def described(event: str, details: tuple[Any, ...], quiet: tuple[str, ...]) -> tuple[str, str] | None:
    """Return kind and words of an audit event; None for what every import does."""
    if event == "pickle.find_class":
        return "imports", ".".join(map(str, details))
    if event == "open":
        return _opened(details, quiet)
    if event in PROGRAMS:
        given = details[1] if event == "subprocess.Popen" and len(details) > 1 else (details or ("",))[0]
        words = given if isinstance(given, list | tuple) else [given]
        return "program", " ".join(os.fsdecode(w) if isinstance(w, bytes) else str(w) for w in words) or event
    if event.startswith("socket.") and event not in ("socket.__new__", "socket.gethostname"):
        shown = details[1] if event == "socket.connect" and len(details) > 1 else details[:1]
        return "connection", f"{event.partition('.')[2]} {shown}"
    if event in CHANGES or event.startswith("shutil."):
        return "write", f"{event.partition('.')[2]} {' '.join(map(str, details[:2]))}"
    if event in ("os.listdir", "os.scandir") and not _is_quiet(str(details[0]), quiet):
        return "read", str(details[0])
    if event == "ctypes.dlopen" and details[0] is not None and not _is_quiet(str(details[0]), quiet):
        return "library", str(details[0])
    if event == "exec":
        name = getattr(details[0], "co_filename", "")
        ours = name.startswith(("<frozen", "<__array_function__", "<attrs", "<class")) or _is_quiet(
            name, quiet
        )
        return None if ours else ("code", f"code object of {name}")
    if event == "compile" and details[0] is not None and str(details[1]).startswith("<string>"):
        source = details[0]
        return "code", source.decode(errors="replace") if isinstance(source, bytes) else str(source)
    return None


def _opened(details: tuple[Any, ...], quiet: tuple[str, ...]) -> tuple[str, str] | None:
    path, mode, flags = (*details, None, None)[:3]
    name = os.fsdecode(path) if isinstance(path, bytes) else str(path)
    writes = isinstance(flags, int) and flags & WRITES
    writes = writes or (isinstance(mode, str) and set(mode) & set("wax+"))
    if writes:
        return None if name == os.devnull else ("write", name)
    return None if isinstance(path, int) or _is_quiet(name, quiet) else ("read", name)


def _importing() -> bool:
    """Say whether Python is importing an installed module, which compiles and reads a great deal."""
    frame = sys._getframe(2)
    while frame is not None:
        if frame.f_code.co_filename == "<frozen importlib._bootstrap>":
            return True
        frame = frame.f_back
    return False


def _is_quiet(name: str, quiet: tuple[str, ...]) -> bool:
    return str(Path(name).absolute()).startswith(quiet)


def _quiet_places() -> tuple[str, ...]:
    """Return the folders that Python itself reads when it imports."""
    places = {sys.prefix, sys.base_prefix, *(path for path in sys.path if path)}
    return (*sorted(places), "/proc/", "/sys/", "/usr/lib", "/lib", "/etc/ld", "/dev/")
