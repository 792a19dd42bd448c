"""A room's folder on the side of the instructor: made, checked, and changed by one command at a time."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

from secure_ai.core.errors import UserError, system_reason
from secure_ai.workshop.homes import default_room
from secure_ai.workshop.hub.room import Room, RoomError, Seat, Settings
from secure_ai.workshop.machine import Machine, users_of_other_rooms

# Names in ``Settings.more``: the room was closed; seats that it had before; users kept for latecomers.
CLOSED, FORMER, SPARE = "closed", "former", "spare"
LONGEST_SOCKET = 107  # bytes of a path to a socket, by the system
# The kit's own, and meant to be argued with: the copy of the kit, databases and logs; labs, copies of work.
ROOM_DISK_MIB, SEAT_DISK_MIB = 200, 20
ROOMS_LOCK = "/run/secure-ai-rooms.lock"


def open_room_folder(folder: Path | None) -> Room:
    """Return the room in a folder, or in the default place, whether there is one or not."""
    return Room(Path(folder or default_room()).expanduser().absolute())


def prepare_folder(folder: Path | None, root: Path) -> Room:
    """Make the folder of a room, or check the one that is there.

    Raises:
        UserError: if it cannot be one.
    """
    place = Path(folder or default_room()).expanduser().absolute()
    if place == root or root.is_relative_to(place) or place.is_relative_to(root):
        raise UserError("The room's folder and the kit's must not lie in each other: choose another --room.")
    room = Room(place)
    if len(os.fsencode(str(room.kernel_socket))) > LONGEST_SOCKET:
        raise UserError("The path of the room's folder is too long for the system: choose a shorter --room.")
    try:
        if room.private.is_dir() and room.private.stat().st_uid != os.geteuid():
            raise UserError("Another user opened this room: be that user, or choose another --room.")
        if place.is_dir() and any(place.iterdir()) and not room.private.is_dir():
            raise UserError("The room's folder holds something else: choose an empty one with --room.")
        place.mkdir(parents=True, exist_ok=True, mode=0o755)
        for part, mode in (
            (room.private, 0o700),
            (room.homes, 0o711),
            (room.run, 0o711),
            (room.shared, 0o755),
        ):
            part.mkdir(exist_ok=True)
            part.chmod(mode)
        place.chmod(0o711)
    except (OSError, ValueError) as error:
        raise UserError(
            f"The room's folder cannot be made ({system_reason(error)}): choose another --room."
        ) from None
    return Room(place.resolve())


def refuse_full(room: Room, seats: int) -> None:
    """Check that the disk of a room has space for it.

    Raises:
        UserError: if it has not.
    """
    free = shutil.disk_usage(room.folder).free >> 20
    wanted = ROOM_DISK_MIB + seats * SEAT_DISK_MIB
    if free < wanted:
        raise UserError(
            f"The disk of the room's folder has {free} MiB free, and {seats} seats need {wanted}: make "
            "space, or choose another --room."
        )


@contextlib.contextmanager
def alone(room: Room) -> Iterator[None]:
    """Let one command at a time change a room.

    Raises:
        UserError: if another one does.
    """
    try:
        number = os.open(room.private / "command.lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    except FileNotFoundError:
        raise UserError("No room is open here: open one with 'secure-ai workshop up'.") from None
    except OSError as error:
        raise UserError(
            f"The room's folder cannot be used ({system_reason(error)}): be the user who opened it."
        ) from None
    try:
        try:
            fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise UserError(
                "Another command is opening or closing this room: wait until it is done."
            ) from None
        yield
    finally:
        os.close(number)


@contextlib.contextmanager
def machine_wide(machine: Machine) -> Iterator[None]:
    """Let one room at a time choose the users of its seats."""
    if not machine.is_root:
        yield
        return
    number = os.open(ROOMS_LOCK, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(number, fcntl.LOCK_EX)
        yield
    finally:
        os.close(number)


def settings_of(room: Room) -> Settings | None:
    """Return the settings that a folder has, of an open room or a closed one; None for a new folder.

    Raises:
        UserError: if they cannot be read.
    """
    if not room.settings_file.exists():
        return None
    try:
        return room.settings()
    except RoomError as error:
        raise UserError(str(error)) from None


def open_settings(room: Room) -> Settings:
    """Return the settings of an open room.

    Raises:
        UserError: if there is none, or it was closed.
    """
    try:
        settings = room.settings()
    except RoomError as error:
        raise UserError(str(error)) from None
    if settings.more.get(CLOSED):
        raise UserError("The room is closed: open it again with 'secure-ai workshop up --roster FILE'.")
    return settings


def former_seats(settings: Settings) -> tuple[Seat, ...]:
    """Return the seats that the room once had: their homes are still there."""
    return tuple(Seat(**one) for one in settings.more.get(FORMER, ()))


def refuse_taken(room: Room, seats: Iterable[Seat]) -> None:
    """Check that no other open room has the users of these seats.

    Raises:
        UserError: if one has.
    """
    others = users_of_other_rooms(but=str(room.run))
    if any(low <= seat.uid <= high for seat in seats for low, high in others):
        raise UserError(
            "Another room that is open on this machine has the users that own the homes here: close it with "
            "'secure-ai workshop down', or take a new folder with --room."
        )
