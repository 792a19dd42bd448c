"""Rooms with homes and no hub, for the tests of labs."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from secure_ai.workshop.hub.room import Room, Seat, Settings


def a_room(
    folder: Path, *, sector: str = "healthcare", own_users: bool | None = None
) -> tuple[Room, Settings]:
    """Return a room of three seats; with users of their own where the tests run as root."""
    room = Room(folder / "room")
    names = ("Ada Lovelace", "Alan Turing", "=cmd()")
    seats = tuple(Seat(f"seat-{number:02}", name, number) for number, name in enumerate(names, 1))
    settings = Settings(
        name="test", port=1, inner_ports=(2, 3, 4), path="security", sector=sector, minutes=60, seats=seats,
        kit="", kit_python="", hub_python="", node="", proxy="",
        own_users=os.geteuid() == 0 if own_users is None else own_users,
    )  # fmt: skip
    room.write_settings(settings)
    return room, settings


@contextlib.contextmanager
def passable_folder() -> Iterator[Path]:
    """Yield a folder that every user of the machine may pass through, as a room's is and pytest's is not."""
    with tempfile.TemporaryDirectory(prefix="room-") as folder:
        Path(folder).chmod(0o711)
        yield Path(folder)
