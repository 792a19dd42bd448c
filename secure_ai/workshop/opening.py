"""Open a room, or restore one after its hub was killed."""

from __future__ import annotations

import contextlib
import hashlib
import sqlite3
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from secure_ai.core.errors import UserError, system_reason
from secure_ai.project import project_root
from secure_ai.workshop import labs, processes
from secure_ai.workshop.closing import close_room, forget_hub
from secure_ai.workshop.doors import addresses, wait_for_doors
from secure_ai.workshop.environment import hub_environment
from secure_ai.workshop.folder import (
    CLOSED,
    FORMER,
    SPARE,
    alone,
    former_seats,
    machine_wide,
    prepare_folder,
    refuse_full,
    refuse_taken,
    settings_of,
)
from secure_ai.workshop.handout import write_slips
from secure_ai.workshop.hub import limits
from secure_ai.workshop.hub.codes import INSTRUCTOR, Codes
from secure_ai.workshop.hub.room import Room, Seat, Settings
from secure_ai.workshop.latecomers import add
from secure_ai.workshop.machine import (
    Machine,
    choose_port,
    free_inner_ports,
    free_numbers,
    groups_of_open_rooms,
    is_free,
    refuse_too_many,
    this_machine,
)
from secure_ai.workshop.platform_file import LTI, read_platform
from secure_ai.workshop.roster import seats_for
from secure_ai.workshop.terms import (
    START_PAGE,
    Wish,
    check_limits,
    isolation,
    keep_certificate,
    plan_time,
    wrong_time,
)
from secure_ai.workshop.view import copy_kit, plan, write_accounts

# Users that are kept for those who come late; who has more of them closes the room for a moment.
SPARE_SEATS = 10
GROUPS = "secure-ai-"  # how the names of all rooms' control groups begin
Say = Callable[[str], None]


@dataclass(frozen=True)
class Opened:
    """A room whose doors are open.

    Attributes:
        room: its folder.
        settings: its settings.
        codes: new ones by seat; the instructor's under ``instructor``. Older ones are known to nobody.
        started: names of the processes that were started; empty if all ran.
        remarks: sentences.
    """

    room: Room
    settings: Settings
    codes: dict[str, str] = field(default_factory=dict)
    started: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()


def up(
    folder: Path | None,
    wish: Wish,
    *,
    say: Say = lambda sentence: None,
    machine: Machine | None = None,
    root: Path | None = None,
) -> Opened:
    """Open a room, or restore one that is open, and wait until learners can sign in.

    A room that is open keeps its settings; learners who are new on the roster get a seat. One that was closed
    is opened with the new settings, and who had a seat there gets it again, with the work in it.

    Args:
        folder: of the room; the default place if not given.
        wish: what is asked for.
        say: is told what happens meanwhile.
        machine: what this machine allows; looked at if not given.
        root: folder of the kit.

    Raises:
        UserError: if anything stands against it. What was started is ended again.
    """
    machine = machine or this_machine()
    root = (root or project_root()).resolve()
    room = prepare_folder(folder, root)
    refuse_full(room, len(wish.names))
    with alone(room):
        before = settings_of(room)
        try:
            if before is not None and not before.more.get(CLOSED):
                return _restore(room, before, wish, machine, root=root, say=say)
            return _open(room, before, wish, machine, root=root, say=say)
        except (OSError, sqlite3.Error) as error:
            reason = system_reason(error) if isinstance(error, OSError) else "a database was refused"
            raise UserError(
                f"The room's folder cannot be written ({reason}): is the disk full? Choose another --room, "
                "or make space."
            ) from None


def _open(
    room: Room, before: Settings | None, wish: Wish, machine: Machine, *, root: Path, say: Say
) -> Opened:
    path, steps, remarks = plan_time(wish)
    if not wish.names:
        raise UserError("A new room needs learners: name their file with --roster.")
    check_limits(wish)
    # Given once, it stays through later openings of the room.
    launches = read_platform(wish.lti) if wish.lti else (before.more.get(LTI) if before else None)
    if wish.lti and not wish.certificate:
        raise UserError("A platform launches into a room by HTTPS alone: give --certificate and --key too.")
    if launches and not wish.certificate:
        launches = None
        remarks.append(
            "Without --certificate no platform can launch into this room: its settings (--lti) are dropped."
        )
    own_users, own_view, sentence = isolation(wish.isolation, machine)
    remarks.append(sentence)
    remarks.append(refuse_too_many(len(wish.names), machine, anyway=wish.anyway))
    port = choose_port(wish.port, wish.host)
    certificate = keep_certificate(room, wish)
    hub = hub_environment(root)
    former = (*before.seats, *former_seats(before)) if before else ()
    with machine_wide(machine):
        first = 1
        if own_users:
            first = free_numbers(len(wish.names) + SPARE_SEATS)
            refuse_taken(room, former)
        seats, left = seats_for(wish.names, former, first)
        settings = Settings(
            name=wish.title, port=port, host=wish.host, inner_ports=free_inner_ports(), path=path,
            sector=wish.sector, minutes=sum(step.minutes for step in steps), agenda=steps,
            seats=seats, kit=str(root),
            kit_python=str(root / ".venv" / "bin" / "python"), hub_python=str(hub.python), node=str(hub.node),
            proxy=str(hub.proxy), own_users=own_users, own_view=own_view,
            memory_mib=wish.memory_mib, cpus=wish.cpus, idle_minutes=wish.idle_minutes,
            more=certificate | ({LTI: launches} if launches else {}) | {
                FORMER: [vars(seat) for seat in left],
                SPARE: SPARE_SEATS,
                "landing": START_PAGE,
            },
        )  # fmt: skip
        if own_users or machine.is_root:
            limits.remove_stale_groups(GROUPS, groups_of_open_rooms())
            name = GROUPS + hashlib.sha256(str(room.folder).encode()).hexdigest()[:8]
            settings = replace(settings, groups=limits.find_groups(name))
        forget_hub(room)
        room.write_settings(settings)
        try:
            say(f"Placing labs and lessons in {len(seats)} homes ...")
            remarks += furnish(room, settings, seats, root)
            codes = Codes(room.codes_file)
            new = {INSTRUCTOR: codes.issue_instructor()} | {
                seat.name: codes.issue(seat.name) for seat in seats
            }
            say("Loading the libraries and opening the doors ...")
            view = plan(root, room, [hub.node.parent]) if own_view else None
            started = processes.start_missing(room, settings, view)
            wait_for_doors(room, settings)
        except BaseException:
            try:
                close_room(room, settings)
            except OSError:  # no space even for the note that it is closed
                if before is None:
                    room.settings_file.unlink(missing_ok=True)
            raise
    write_slips(room, settings.name, addresses(settings)[0], seats, new)
    return Opened(room, settings, new, tuple(started), tuple(remarks))


def _restore(room: Room, settings: Settings, wish: Wish, machine: Machine, *, root: Path, say: Say) -> Opened:
    remarks = ["The room was open: its settings stay. 'secure-ai workshop down' closes it."]
    if wish.lti and read_platform(wish.lti) != settings.more.get(LTI):
        raise UserError(
            "The room is open without this platform (--lti): close it with 'secure-ai workshop down', and "
            "open it again."
        )
    if machine.is_root != settings.own_users and settings.own_users:
        raise UserError("This room was opened as root, and its seats have users of their own: be root.")
    if settings.more.get("certificate"):
        with contextlib.suppress(OSError, ValueError):
            remarks += filter(None, [wrong_time(Path(settings.more["certificate"]))])
    running = processes.alive(room)
    known = {seat.learner for seat in settings.seats}
    new = [name for name in dict.fromkeys(wish.names) if name not in known]
    if len(running) == 3 and not new:
        wait_for_doors(room, settings)  # a proxy that ended is started again by the hub
        return Opened(room, settings, {}, (), tuple(remarks))
    codes = {}
    if new:
        settings, codes = add(room, settings, new, machine, anyway=wish.anyway)
        processes.end_hub(room, settings)
    hub_environment(root)
    view = None
    with machine_wide(machine):
        if not all(name in running for name in processes.WARM):
            if settings.own_users:
                refuse_taken(room, settings.seats)
            processes.end_all(room, settings, keep_groups=True)
            choose_port(settings.port, settings.host)
            if not all(is_free(port) for port in settings.inner_ports):
                settings = replace(settings, inner_ports=free_inner_ports())
                room.write_settings(settings)
            remarks += furnish(room, settings, settings.seats, root)
            if settings.own_view:
                view = plan(root, room, [Path(settings.node).parent])
        say("Opening the doors again ...")
        started = processes.start_missing(room, settings, view)
    wait_for_doors(room, settings)
    if new:
        write_slips(room, settings.name, addresses(settings)[0], settings.seats, codes)
    return Opened(room, settings, codes, tuple(started), tuple(remarks))


def furnish(room: Room, settings: Settings, seats: Iterable[Seat], root: Path) -> list[str]:
    """Make the copy of the kit, place labs and lessons in the homes; return what went wrong, in sentences."""
    shelf = labs.shelf(settings.sector, root)
    if settings.own_view:
        copy_kit(root, room, shelf)
        write_accounts(room, settings.seats)
    found = [labs.place(room, settings, seat, shelf) for seat in seats]
    return [one.problem for one in found if one.problem]
