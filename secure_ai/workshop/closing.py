"""Close a room: nobody gets in any more, and what learners made stays."""

from __future__ import annotations

import contextlib
import os
import shutil
from dataclasses import replace
from pathlib import Path

from secure_ai.core.errors import UserError
from secure_ai.workshop import processes
from secure_ai.workshop.folder import CLOSED, alone, open_room_folder
from secure_ai.workshop.handout import slips_file
from secure_ai.workshop.hub.room import Room, RoomError, Settings


def down(folder: Path | None, *, keep: bool = False) -> list[str]:
    """Close a room: end its processes and no others; homes, progress and records stay.

    Args:
        folder: of the room; the default place if not given.
        keep: whether codes and sign-ins stay good, for a workshop that goes on tomorrow.

    Returns:
        The names of the processes that were ended.

    Raises:
        UserError: if there is no room.
    """
    room = open_room_folder(folder)
    with alone(room):
        try:
            settings = room.settings()
        except RoomError as error:
            raise UserError(str(error)) from None
        if settings.own_users and os.geteuid() != 0:
            raise UserError("This room was opened as root: be root to close it.")
        if keep:
            return processes.end_all(room, settings)
        return close_room(room, settings)


def close_room(room: Room, settings: Settings) -> list[str]:
    """End a room's processes and void its codes; return the names of the processes that ran."""
    ended = processes.end_all(room, settings)
    forget_hub(room)
    for file in (slips_file(room), room.codes_file, room.private / "public.key"):
        with contextlib.suppress(OSError):
            file.unlink()
    shutil.rmtree(room.run / "certificates", ignore_errors=True)
    room.write_settings(replace(settings, more=settings.more | {CLOSED: True}))
    return ended


def forget_hub(room: Room) -> None:
    """Remove what lets somebody in but codes: the hub's database, cookies, tokens and certificates."""
    for file in (room.hub_file, room.private / "cookie.secret", room.admin_token_file, room.board_token_file):
        with contextlib.suppress(OSError):
            file.unlink()
    shutil.rmtree(room.private / "internal-ssl", ignore_errors=True)
