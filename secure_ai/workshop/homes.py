"""Work in a learner's home as its owner: a learner may have put links there, and root must not follow them.

Everything is done by a child process that has become the seat's user before it opens anything, and that goes
from folder to folder by descriptors and follows no link. So what a learner plants can harm the learner alone.
Where seats have no user of their own, the child is the same user, and links are still not followed.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import secrets
import signal
import stat
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from secure_ai.core.errors import UserError
from secure_ai.workshop.hub.room import Room, RoomError, Seat, Settings

SECONDS = 60
LARGEST_FILE = 32 * 2**20  # of what is read: a notebook with many drawings has a few megabytes
LARGEST_ANSWER = 3 * LARGEST_FILE
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# Not blocked by a named pipe that a learner put in the place of a file.
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class Home:
    """A seat's home, by paths relative to it; no link is followed anywhere below.

    Args:
        number: descriptor of the folder.
        seat: the seat's name, for sentences.
    """

    def __init__(self, number: int, seat: str) -> None:
        self.number = number
        self.seat = seat

    @contextlib.contextmanager
    def folder(self, path: str | PurePosixPath, *, make: bool = False) -> Iterator[int]:
        """Yield a descriptor of a folder.

        Raises:
            FileNotFoundError: if it is not there and ``make`` is not set.
            UserError: if a link or a file stands in its place.
        """
        here = os.dup(self.number)
        try:
            for part in PurePosixPath(path).parts:
                if make:
                    with contextlib.suppress(FileExistsError):
                        os.mkdir(part, mode=0o700, dir_fd=here)
                try:
                    below = os.open(part, _FOLDER, dir_fd=here)
                except NotADirectoryError:
                    raise UserError(self._in_the_way(part)) from None
                except OSError as error:
                    if not isinstance(error, FileNotFoundError) and _kind(part, here) == "link":
                        raise UserError(self._in_the_way(part)) from None
                    raise
                os.close(here)
                here = below
            yield here
        finally:
            os.close(here)

    def kind(self, path: str | PurePosixPath) -> str:
        """Return what is at ``path``: ``file``, ``folder``, ``link``, ``other``, or "" for nothing."""
        path = PurePosixPath(path)
        try:
            with self.folder(path.parent) as folder:
                return _kind(path.name, folder)
        except FileNotFoundError:
            return ""

    def read(self, path: str | PurePosixPath, limit: int = LARGEST_FILE) -> bytes | None:
        """Return the bytes of a file, or None where there is none.

        Raises:
            UserError: if it is no plain file, or larger than ``limit`` bytes.
        """
        path = PurePosixPath(path)
        kind = self.kind(path)
        if not kind:
            return None
        if kind != "file":
            raise UserError(f"{path} of {self.seat} is a {kind} and no plain file.")
        with self.folder(path.parent) as folder:
            number = os.open(path.name, _READ, dir_fd=folder)
        with os.fdopen(number, "rb") as file:
            if not stat.S_ISREG(os.fstat(number).st_mode):
                raise UserError(f"{path} of {self.seat} is no plain file.")
            data = file.read(limit + 1)
        if len(data) > limit:
            raise UserError(f"{path} of {self.seat} is larger than {limit >> 20} MB.")
        return data

    def write_new(self, path: str | PurePosixPath, data: bytes) -> bool:
        """Write a file that is not there yet, whole or not at all; return False where something is there."""
        path = PurePosixPath(path)
        with self.folder(path.parent, make=True) as folder, self._draft(folder, path.name, data) as draft:
            try:
                os.link(draft, path.name, src_dir_fd=folder, dst_dir_fd=folder, follow_symlinks=False)
            except FileExistsError:
                return False
            return True

    def replace(self, path: str | PurePosixPath, data: bytes, keep_as: PurePosixPath | None = None) -> None:
        """Put a file in the place of what is there, which is first moved to ``keep_as``, whatever it is.

        Nothing of it is read or followed: a link is moved as a link.
        """
        path = PurePosixPath(path)
        with self.folder(path.parent, make=True) as folder, self._draft(folder, path.name, data) as draft:
            if keep_as is not None and _kind(path.name, folder):
                with self.folder(keep_as.parent, make=True) as kept:
                    os.rename(path.name, keep_as.name, src_dir_fd=folder, dst_dir_fd=kept)
            os.rename(draft, path.name, src_dir_fd=folder, dst_dir_fd=folder)

    def link(self, name: str, target: str) -> None:
        """Make a link in the home itself where nothing has this name."""
        with contextlib.suppress(FileExistsError):
            os.symlink(target, name, dir_fd=self.number)

    @contextlib.contextmanager
    def _draft(self, folder: int, name: str, data: bytes) -> Iterator[str]:
        draft = f".{name[:80]}.{secrets.token_hex(6)}.new"
        number = os.open(draft, _NEW, 0o600, dir_fd=folder)
        try:
            with os.fdopen(number, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            yield draft
        finally:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(draft, dir_fd=folder)

    def _in_the_way(self, part: str) -> str:
        return (
            f"In the home of {self.seat}, {part} is a link or a file where a folder must be: "
            "have the learner remove it; nothing was changed."
        )


def _kind(name: str, folder: int) -> str:
    try:
        mode = os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode
    except FileNotFoundError:
        return ""
    kinds = ((stat.S_ISREG, "file"), (stat.S_ISDIR, "folder"), (stat.S_ISLNK, "link"))
    return next((word for test, word in kinds if test(mode)), "other")


def default_room() -> Path:
    """Return where a room is if nobody says otherwise."""
    return Path("/var/lib/secure-ai/room") if os.geteuid() == 0 else Path.home() / ".secure-ai" / "room"


def open_room(folder: Path | None = None) -> tuple[Room, Settings]:
    """Return the room in ``folder``, or in the default place, with its settings.

    Raises:
        UserError: if none was opened there.
    """
    room = Room(folder or default_room())
    try:
        return room, room.settings()
    except RoomError as error:
        raise UserError(str(error)) from None


def in_home(room: Room, settings: Settings, seat: Seat, act: Callable[[Home], Any]) -> Any:
    """Run ``act`` on a seat's home as the seat's user, in a child process, and return what it returns.

    The home is made (0700, the seat's own) if it is not there.

    Args:
        room: the room.
        settings: its settings; they say whether seats have users of their own.
        seat: whose home.
        act: gets the home; what it returns must be plain values or bytes. It must not import anything, for
            the seat's user may not be able to read the interpreter's folder.

    Raises:
        UserError: what ``act`` raised, or that it failed, was ended or took longer than a minute.
    """
    _make_home(room, settings, seat)
    # Opened before the change of user: the folders above may be closed to the seat.
    homes = os.open(room.homes, _FOLDER)
    reader, writer = os.pipe()
    try:
        child = os.fork()
        if child == 0:
            os.close(reader)
            _run_child(homes, writer, settings, seat, act)
    finally:
        os.close(homes)
        os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        raw = pipe.read(LARGEST_ANSWER + 1)
    os.waitpid(child, 0)
    try:
        kind, answer = json.loads(raw, object_hook=_from_plain)
    except ValueError:
        raise UserError(
            f"The home of {seat.name} could not be worked on (it took too long, or was ended): try again."
        ) from None
    if kind == "error":
        raise UserError(str(answer))
    return answer


def _run_child(homes: int, writer: int, settings: Settings, seat: Seat, act: Callable[[Home], Any]) -> None:
    try:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(SECONDS)
        os.umask(0o077)
        if settings.own_users:
            os.setgroups([])
            os.setresgid(seat.uid, seat.uid, seat.uid)
            os.setresuid(seat.uid, seat.uid, seat.uid)
        try:
            answer = ["ok", act(Home(os.open(seat.name, _FOLDER, dir_fd=homes), seat.name))]
        except UserError as error:
            answer = ["error", str(error)]
        except OSError as error:
            reason = f"{type(error).__name__}, {os.strerror(error.errno) if error.errno else 'no reason'}"
            answer = ["error", f"The home of {seat.name} cannot be used ({reason}): is its disk full?"]
        with os.fdopen(writer, "wb") as pipe:
            pipe.write(json.dumps(answer, default=_plain).encode())
    finally:
        # No handlers of the parent's, no flush of its buffers, and never back into its code.
        os._exit(0)


def _make_home(room: Room, settings: Settings, seat: Seat) -> None:
    home = room.home(seat.name)
    try:
        if not room.homes.is_dir():
            room.homes.mkdir(parents=True)
            room.homes.chmod(0o711)
        with contextlib.suppress(FileExistsError):
            home.mkdir(mode=0o700)
        state = home.lstat()
        # Just made, or left so by a process that ended in between; nobody else can write to ``homes``.
        if settings.own_users and stat.S_ISDIR(state.st_mode) and state.st_uid == os.getuid():
            os.chown(home, seat.uid, seat.uid, follow_symlinks=False)
            state = home.lstat()
    except OSError as error:
        raise UserError(f"The home of {seat.name} cannot be made ({type(error).__name__}).") from None
    owner = seat.uid if settings.own_users else os.getuid()
    if not stat.S_ISDIR(state.st_mode) or state.st_uid != owner:
        raise UserError(
            f"The home of {seat.name} belongs to somebody else, or is no folder: was the room opened by "
            "another user before? Take a new folder with --room."
        )


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return {"base64": base64.b64encode(value).decode("ascii")}
    raise TypeError(type(value).__name__)


def _from_plain(value: dict[str, Any]) -> Any:
    return base64.b64decode(value["base64"]) if set(value) == {"base64"} else value
