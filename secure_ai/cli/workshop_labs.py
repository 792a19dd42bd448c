"""Commands for the labs of a room: reset one, open solutions, collect work, make marks."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from secure_ai.cli.workshop import workshop

if TYPE_CHECKING:
    from secure_ai.workshop.hub.room import Room, Settings

ROOM = click.option(
    "--room", type=click.Path(path_type=Path), help="Folder of the room, if it is not the default."
)


def _opened(folder: Path | None) -> tuple[Room, Settings]:
    """Return the room and its settings.

    Raises:
        UserError: if no room was opened there.
    """
    from secure_ai.workshop.homes import open_room

    return open_room(folder)


@workshop.command("reset")
@click.argument("learner")
@click.argument("lab")
@ROOM
def workshop_reset(learner: str, lab: str, room: Path | None) -> None:
    """Give LEARNER (seat or name) LAB afresh; their work is kept as a dated copy in their home."""
    from secure_ai.workshop.labs import reset

    opened, settings = _opened(room)
    print(reset(opened, settings, learner, lab, datetime.now()))


@workshop.command("release")
@click.argument("lab")
@click.option("--undo", is_flag=True, help="Close it again.")
@ROOM
def workshop_release(lab: str, undo: bool, room: Path | None) -> None:
    """Open the solution of LAB to every seat."""
    from secure_ai.workshop import release

    opened, _ = _opened(room)
    print(release.undo(opened, lab) if undo else release.release(opened, lab))
