"""Seats and codes for an open room: who comes late, and who lost a code."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from secure_ai.core.errors import UserError
from secure_ai.workshop import labs, processes
from secure_ai.workshop.doors import addresses, wait_for_doors
from secure_ai.workshop.folder import FORMER, SPARE, alone, former_seats, open_room_folder, open_settings
from secure_ai.workshop.handout import write_slips
from secure_ai.workshop.hub.codes import INSTRUCTOR, Codes
from secure_ai.workshop.hub.room import Room, Settings
from secure_ai.workshop.machine import Machine, this_machine
from secure_ai.workshop.roster import clean, seats_for
from secure_ai.workshop.view import write_accounts


def add_seats(
    folder: Path | None, names: Sequence[str], *, anyway: bool = False
) -> tuple[Settings, dict[str, str]]:
    """Give learners who come late a seat in an open room; the doors close for a few seconds, seats go on.

    Returns:
        The room's settings, and the new codes by seat.

    Raises:
        UserError: if no room is open, a learner has a seat, or no more fit.
    """
    wanted = [clean(name) for name in names]
    if not wanted or not all(wanted):
        raise UserError("Give the name of a learner.")
    room = open_room_folder(folder)
    machine = this_machine()
    with alone(room):
        settings = open_settings(room)
        known = {seat.learner for seat in settings.seats}
        if known & set(wanted) or len(set(wanted)) < len(wanted):
            raise UserError(
                "This learner has a seat: 'secure-ai workshop code SEAT' gives a new code. If two people "
                "share a name, add what tells them apart."
            )
        settings, codes = add(room, settings, wanted, machine, anyway=anyway)
        processes.end_hub(room, settings)
        processes.start_missing(room, settings, None)
        wait_for_doors(room, settings)
    write_slips(room, settings.name, addresses(settings)[0], settings.seats, codes)
    return settings, codes


def add(
    room: Room, settings: Settings, names: Sequence[str], machine: Machine, *, anyway: bool
) -> tuple[Settings, dict[str, str]]:
    """Add seats to a room's settings, place their labs and issue their codes; the hub must start again then.

    Raises:
        UserError: if no more fit, or the room has no users left for them.
    """
    free = replace(machine, memory_mib=machine.memory_mib + 1_500)  # the room's own processes run already
    if not anyway and len(names) > free.fits():
        raise UserError(f"{free.fits()} more seats fit on this machine: take --anyway to open more.")
    former = (*settings.seats, *former_seats(settings))
    added, _ = seats_for(names, former)
    last = max(seat.number for seat in settings.seats) if settings.seats else 0
    spare = int(settings.more.get(SPARE, 0)) - sum(seat.number > last for seat in added)
    if settings.own_users and spare < 0:
        raise UserError(
            f"The room keeps users for {settings.more.get(SPARE, 0)} more seats: close it with 'secure-ai "
            "workshop down --keep', and open it with the longer roster."
        )
    names_taken = {seat.name for seat in added}
    left = [vars(seat) for seat in former_seats(settings) if seat.name not in names_taken]
    settings = replace(
        settings, seats=(*settings.seats, *added), more=settings.more | {FORMER: left, SPARE: max(0, spare)}
    )
    shelf = labs.shelf(settings.sector)
    for seat in added:
        labs.place(room, settings, seat, shelf)
    if settings.own_view:
        write_accounts(room, settings.seats)
    room.write_settings(settings)
    codes = Codes(room.codes_file)
    return settings, {seat.name: codes.issue(seat.name) for seat in added}


def new_code(folder: Path | None, who: str) -> tuple[str, str]:
    """Return a seat (or ``instructor``) and a new code for it; the older one is void.

    Raises:
        UserError: if no room is open, or there is no such seat or learner.
    """
    room = open_room_folder(folder)
    settings = open_settings(room)
    codes = Codes(room.codes_file)
    if who.strip().casefold() == INSTRUCTOR:
        return INSTRUCTOR, codes.issue_instructor()
    seat = labs.find_seat(settings, who)
    return seat.name, codes.reissue(seat.name)
