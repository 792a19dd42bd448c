"""Commands for the labs of a room: reset one, open solutions, collect work, make marks."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from secure_ai.cli.playbook import lab as lab_group
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


OUT = click.option(
    "--out", type=click.Path(path_type=Path), required=True, help="Folder: new, empty or an earlier output."
)
NAMES = click.option("--names", is_flag=True, help="Write the roster's names too; by default seats alone.")


@workshop.command("collect")
@click.argument("lab", required=False)
@OUT
@NAMES
@ROOM
def workshop_collect(lab: str | None, out: Path, names: bool, room: Path | None) -> None:
    """Collect each seat's notebook of LAB, or of all labs, with hashes and the state of each task."""
    from secure_ai.workshop.collect import collect

    opened, settings = _opened(room)
    print(collect(opened, settings, lab, out, now=datetime.now(), names=names))


@workshop.command("marks")
@click.argument("lab")
@OUT
@click.option("--as", "form", type=click.Choice(["nbgrader", "csv"]), default="csv", show_default=True)
@NAMES
@ROOM
def workshop_marks(lab: str, out: Path, form: str, names: bool, room: Path | None) -> None:
    """Write the marks of LAB: a CSV of points, or a course folder for nbgrader."""
    from secure_ai.workshop.marks import marks

    opened, settings = _opened(room)
    print(marks(opened, settings, lab, out, form, names=names))


@lab_group.command("upgrade")
@click.option(
    "--from",
    "source",
    type=click.Path(path_type=Path),
    help="Folder of an older kit whose work and progress are taken over; it is not changed.",
)
def lab_upgrade(source: Path | None) -> None:
    """Bring your labs and your progress to this release: answers go along by task, the old labs are kept."""
    from secure_ai.project import project_root
    from secure_ai.workshop.upgrade import upgrade

    print("\n".join(upgrade(project_root(), datetime.now(), source)))
