"""The folder of a room and its settings, as both environments read them: the standard library alone."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

VERSION = 1
VARIABLE = "SECURE_AI_ROOM"
BOARD = "board"
FIRST_UID = 61_000
# In the environment of every seat, and so of its kernels.
BOARD_VARIABLE = "SECURE_AI_BOARD"
CERTIFICATE_VARIABLE = "SECURE_AI_BOARD_CERTIFICATE"
LEARNER_VARIABLE = "SECURE_AI_LEARNER"
SOLUTIONS_VARIABLE = "SECURE_AI_SOLUTIONS"


class RoomError(Exception):
    """One sentence that says what is wrong with a room's folder and what to do."""


@dataclass(frozen=True)
class Seat:
    """A learner's place.

    Attributes:
        name: of the seat, ``seat-01``; the name of the hub's user and of the folder in ``homes``.
        learner: the name on the roster; for the instructor alone.
        number: counts from 1; with users of their own, the seat's user is ``FIRST_UID + number``.
    """

    name: str
    learner: str
    number: int

    @property
    def uid(self) -> int:
        """The number of the system's user whose processes and files the seat has."""
        return FIRST_UID + self.number


@dataclass(frozen=True)
class Step:
    """A part of the agenda.

    Attributes:
        title: what happens.
        minutes: planned.
        lab: the name of its lab, ``04_minimize_and_deidentify``; empty for a talk or a break.
    """

    title: str
    minutes: int
    lab: str = ""


@dataclass(frozen=True)
class Settings:
    """What was decided when the room was opened; written once, read by every process.

    Attributes:
        name: of the room, on its pages.
        port: where learners sign in, on every address of the machine or on ``host``.
        host: address to listen on.
        inner_ports: of the hub, the proxy's interface and the board, on 127.0.0.1.
        path: of the curriculum.
        sector: of the labs.
        minutes: that the workshop lasts.
        agenda: its parts.
        seats: one a learner.
        own_users: whether each seat's processes run as a user of their own.
        own_view: whether they see a file system without solutions, tests and other folders of the instructor.
        groups: folder under each controller of ``/sys/fs/cgroup`` that limits the seats; empty for none.
        memory_mib: that a seat may use; a kernel above it ends.
        cpus: processors that a seat may keep busy.
        idle_minutes: after which a seat that nobody uses is closed; its files stay.
        inner_tls: whether hub, proxy and seats talk by TLS.
        kit: folder of the kit as the seats see it.
        kit_python: interpreter of the kit's environment.
        hub_python: interpreter of the hub's environment.
        node: program that runs the proxy.
        proxy: the proxy's script.
    """

    name: str
    port: int
    inner_ports: tuple[int, int, int]
    path: str
    sector: str
    minutes: int
    seats: tuple[Seat, ...]
    kit: str
    kit_python: str
    hub_python: str
    node: str
    proxy: str
    host: str = "127.0.0.1"
    agenda: tuple[Step, ...] = ()
    own_users: bool = False
    own_view: bool = False
    groups: str = ""
    memory_mib: int = 1024
    cpus: float = 1.0
    idle_minutes: int = 60
    inner_tls: bool = True
    version: int = VERSION
    more: dict[str, Any] = field(default_factory=dict)

    def seat(self, name: str) -> Seat:
        """Return a seat by its name.

        Raises:
            RoomError: if there is none.
        """
        for seat in self.seats:
            if seat.name == name:
                return seat
        raise RoomError(
            f"There is no seat {name[:40]!r} in this room: 'secure-ai workshop status' lists them."
        )


class Room:
    """A room's folder.

    ``private`` is the instructor's (0700): settings, codes, tokens, certificates, databases, logs.
    ``homes/SEAT`` is a learner's (0700). ``shared`` is for all to read: ``shared/solutions`` holds what was
    released. ``kit`` is the copy of the kit that seats see, ``accounts`` the lists of users and groups that
    they see. ``run`` holds the sockets of the warm processes.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self.private = self.folder / "private"
        self.homes = self.folder / "homes"
        self.shared = self.folder / "shared"
        self.kit = self.folder / "kit"
        self.accounts = self.folder / "accounts"
        self.run = self.folder / "run"

    settings_file = property(lambda self: self.private / "room.json")
    codes_file = property(lambda self: self.private / "codes.sqlite")
    hub_file = property(lambda self: self.private / "hub.sqlite")
    board_file = property(lambda self: self.private / "board.sqlite")
    board_token_file = property(lambda self: self.private / "board.token")
    admin_token_file = property(lambda self: self.private / "admin.token")
    processes_file = property(lambda self: self.private / "processes.json")
    logs = property(lambda self: self.private / "logs")
    solutions = property(lambda self: self.shared / "solutions")
    # The certificate of the doors, without its key, for the seats to know the room by.
    seen_certificate = property(lambda self: self.shared / "certificate.pem")
    server_socket = property(lambda self: self.run / "server.sock")
    kernel_socket = property(lambda self: self.run / "kernel.sock")

    @classmethod
    def from_environment(cls) -> Room:
        """Return the room whose folder the environment names, as every process of it does."""
        return cls(os.environ[VARIABLE])

    def home(self, seat: str) -> Path:
        """Return a seat's folder."""
        return self.homes / seat

    def settings(self) -> Settings:
        """Read the settings.

        Raises:
            RoomError: if there are none, they are damaged, or of another version.
        """
        try:
            raw = json.loads(self.settings_file.read_text(encoding="utf-8"))
            if raw.get("version") != VERSION:
                raise RoomError(
                    "The room was opened by another version of the kit: close it there with 'secure-ai "
                    "workshop down', or take a new folder with --room."
                )
            known = {one.name for one in fields(Settings)}
            raw = {key: value for key, value in raw.items() if key in known}
            raw["seats"] = tuple(Seat(**one) for one in raw["seats"])
            raw["agenda"] = tuple(Step(**one) for one in raw["agenda"])
            raw["inner_ports"] = tuple(raw["inner_ports"])
            return Settings(**raw)
        except FileNotFoundError:
            raise RoomError("No room is open here: open one with 'secure-ai workshop up'.") from None
        except PermissionError:
            raise RoomError("Another user opened this room: be that user.") from None
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise RoomError(
                f"The settings of the room cannot be read ({type(error).__name__}): take a new "
                "folder with --room."
            ) from None

    def write_settings(self, settings: Settings) -> None:
        """Write the settings, whole or not at all."""
        self.private.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft = self.settings_file.with_suffix(".new")
        draft.touch(mode=0o600)
        draft.write_text(json.dumps(asdict(settings), indent=1) + "\n", encoding="utf-8")
        draft.replace(self.settings_file)
