"""The commands that run a room for a class."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from secure_ai.cli.app import SECTORS, root

if TYPE_CHECKING:
    from secure_ai.workshop.opening import Opened

# Whether it can be read is said by the room, which knows why not: click would refuse another user's room.
ROOM = click.option(
    "--room",
    type=click.Path(path_type=Path, readable=False),
    help="Folder of the room, if it is not the default.",
)


@root.group()
def workshop() -> None:
    """Run a room for a class, and prepare one: agenda, slides, pre- and post-test."""


@workshop.command("up")
@click.option("--roster", type=click.Path(path_type=Path), help="CSV with a header, or one name a line.")
@click.option("--path", default="security", show_default=True, help="Path of the curriculum.")
@click.option("--minutes", type=int, help="How long it lasts; 180 if neither this nor --agenda is given.")
@click.option("--agenda", default="", help="A YAML file, or the name of one of the kit's agendas.")
@click.option("--day", type=int, default=1, show_default=True, help="Day of the agenda.")
@click.option("--sector", type=SECTORS, default="healthcare", show_default=True)
@click.option("--name", default="Secure AI workshop", show_default=True, help="Of the room, on its pages.")
@click.option("--host", default="0.0.0.0", show_default=True, help="Address to listen on.")
@click.option("--port", type=int, help="Where learners sign in; the first free one from 8000 if not given.")
@click.option("--certificate", type=click.Path(path_type=Path), help="PEM file, for HTTPS; with --key.")
@click.option("--key", type=click.Path(path_type=Path), help="Its private key, a PEM file.")
@click.option(
    "--lti", type=click.Path(path_type=Path), help="YAML or JSON of a learning platform; needs HTTPS."
)
@click.option("--memory", type=int, default=1024, show_default=True, help="MiB that a seat may use.")
@click.option("--cpus", type=float, default=1.0, show_default=True, help="Processors that a seat may use.")
@click.option("--idle", type=int, default=60, show_default=True, help="Minutes until an unused seat closes.")
@click.option("--isolation", type=click.Choice(["users", "none"]), help="The best there is, if not given.")
@click.option("--anyway", is_flag=True, help="Open more seats than fit on this machine.")
@ROOM
def workshop_up(roster: Path | None, room: Path | None, **given: object) -> None:
    """Open a room: a seat with a one-time code for each learner on the roster.

    Repeated on an open room, it restores what does not run any more, and adds learners who are new.
    """
    from secure_ai.workshop.opening import up
    from secure_ai.workshop.roster import read_roster
    from secure_ai.workshop.terms import Wish

    read = read_roster(roster) if roster else None
    for remark in read.remarks if read else ():
        print(remark)
    wish = Wish(
        names=read.names if read else (),
        path=given["path"],
        minutes=given["minutes"],
        sector=given["sector"],
        agenda=given["agenda"],
        day=given["day"],
        title=given["name"],
        port=given["port"],
        host=given["host"],
        memory_mib=given["memory"],
        cpus=given["cpus"],
        isolation=given["isolation"] or "",
        anyway=given["anyway"],
        certificate=given["certificate"],
        key=given["key"],
        lti=given["lti"],
        idle_minutes=given["idle"],
    )
    _tell(up(room, wish, say=lambda sentence: print(sentence, flush=True)))


def _tell(opened: Opened) -> None:
    from secure_ai.workshop import handout
    from secure_ai.workshop.doors import addresses
    from secure_ai.workshop.hub.codes import INSTRUCTOR
    from secure_ai.workshop.status import line_sentence

    for remark in opened.remarks:
        print(remark)
    places = addresses(opened.settings)
    print(f"\nThe doors are open. Learners sign in at {' or '.join(places)}")
    if INSTRUCTOR in opened.codes:
        print(f"You sign in there too, with the code {opened.codes[INSTRUCTOR]}, good until the room closes;")
    print(f"the board is at {places[0]}services/board/")
    print(line_sentence(opened.settings))
    if any(name != INSTRUCTOR for name in opened.codes):
        print(f"\nCodes, each for one sign-in (slips to print: {handout.slips_file(opened.room)}):")
    else:
        print("\nCodes are as before; 'secure-ai workshop code SEAT' makes a new one.")
    print(handout.table(opened.settings.seats, opened.codes))


@workshop.command("status")
@ROOM
def workshop_status(room: Path | None) -> None:
    """Show the seats, who is in, what they use, and what is isolated."""
    from secure_ai.workshop.status import as_text, status

    print(as_text(status(room)))


@workshop.command("code")
@click.argument("seat")
@ROOM
def workshop_code(seat: str, room: Path | None) -> None:
    """Make a new one-time code for SEAT (seat, learner or 'instructor'); the older one is void."""
    from secure_ai.workshop.latecomers import new_code

    name, code = new_code(room, seat)
    print(f"The new code of {name} is {code}; the older one is void.")


@workshop.group("seats", invoke_without_command=True)
@ROOM
@click.pass_context
def workshop_seats(context: click.Context, room: Path | None) -> None:
    """List the seats, or add one."""
    from secure_ai.workshop.folder import open_room_folder, open_settings

    context.obj = room
    if context.invoked_subcommand is None:
        for seat in open_settings(open_room_folder(room)).seats:
            print(f"{seat.name}  {seat.learner}")


@workshop_seats.command("add")
@click.argument("names", nargs=-1, required=True)
@click.option("--anyway", is_flag=True, help="Open more seats than fit on this machine.")
@ROOM
@click.pass_obj
def workshop_seats_add(
    group_room: Path | None, names: tuple[str, ...], anyway: bool, room: Path | None
) -> None:
    """Give each of NAMES a seat; the doors close for a few seconds, and seats go on."""
    from secure_ai.workshop import handout
    from secure_ai.workshop.latecomers import add_seats

    settings, codes = add_seats(room or group_room, names, anyway=anyway)
    print(handout.table([seat for seat in settings.seats if seat.name in codes], codes))


@workshop.command("down")
@click.option("--keep", is_flag=True, help="Codes and sign-ins stay good, for a workshop that goes on.")
@ROOM
def workshop_down(keep: bool, room: Path | None) -> None:
    """Close the room: its processes end; homes, progress and records stay."""
    from secure_ai.workshop.closing import down

    ended = down(room, keep=keep)
    print(
        "The room is closed; homes, progress and records stay in its folder."
        if ended
        else "No process of the room ran; homes, progress and records stay in its folder."
    )
    if keep:
        print("Codes and sign-ins stay good: 'secure-ai workshop up' goes on.")
