"""How a room is: who is in, what the seats use, what is isolated, which ports are open."""

from __future__ import annotations

import contextlib
import re
import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import httpx

from secure_ai.workshop import processes
from secure_ai.workshop.doors import addresses, board_answers, door
from secure_ai.workshop.folder import open_room_folder, open_settings
from secure_ai.workshop.hub.codes import Codes
from secure_ai.workshop.hub.room import Room, Settings
from secure_ai.workshop.terms import NOT_ISOLATED, OWN_USERS, OWN_VIEW

_PSS = re.compile(r"^Pss:\s+(\d+) kB", re.MULTILINE)


@dataclass(frozen=True)
class SeatStatus:
    """A seat.

    Attributes:
        seat: its name.
        learner: on the roster.
        has_signed_in: whether the code was used.
        is_running: whether its JupyterLab runs; None if the hub does not answer.
        memory_mib: of its processes, what they share divided among those who share it; None if none runs or
            it cannot be seen.
        processes: how many it has.
        last_activity: when the hub last heard of it, as the hub writes it; empty for never.
    """

    seat: str
    learner: str
    has_signed_in: bool
    is_running: bool | None
    memory_mib: int | None
    processes: int
    last_activity: str = ""


@dataclass(frozen=True)
class RoomStatus:
    """A room.

    Attributes:
        settings: its settings.
        seats: one entry a seat.
        running: names of the room's processes that run, of ``hub``, ``server`` and ``kernel``.
        answers: whether the hub answers.
        board: whether the board answers.
        addresses: where learners sign in.
        isolation: a sentence.
    """

    settings: Settings
    seats: tuple[SeatStatus, ...]
    running: tuple[str, ...]
    answers: bool
    board: bool
    addresses: tuple[str, ...]
    isolation: str


def status(folder: Path | None = None) -> RoomStatus:
    """Look at an open room.

    Raises:
        UserError: if there is none.
    """
    room = open_room_folder(folder)
    settings = open_settings(room)
    users = ask_hub(room, settings)
    used = Codes(room.codes_file).taken()
    memory = memory_by_seat(room, settings)
    seats = []
    for seat in settings.seats:
        user = (users or {}).get(seat.name, {})
        pss, count = memory.get(seat.name, (0, 0))
        seats.append(
            SeatStatus(
                seat.name,
                seat.learner,
                used.get(seat.name) is not None,
                None if users is None else bool(user.get("servers", {}).get("", {}).get("ready")),
                (pss >> 10) if count else None,
                count,
                user.get("last_activity") or "",
            )
        )
    isolation = OWN_VIEW if settings.own_view else OWN_USERS if settings.own_users else NOT_ISOLATED
    running = tuple(sorted(processes.alive(room)))
    return RoomStatus(
        settings,
        tuple(seats),
        running,
        users is not None,
        users is not None and board_answers(settings),
        tuple(addresses(settings)),
        isolation,
    )


def ask_hub(room: Room, settings: Settings) -> dict[str, dict] | None:
    """Return the hub's users by name; None if it does not answer."""
    with contextlib.suppress(OSError, ValueError, KeyError, httpx.HTTPError):
        token = room.admin_token_file.read_text(encoding="ascii").strip()
        with httpx.Client(verify=False, timeout=10, trust_env=False) as client:
            answer = client.get(
                f"{door(settings)}/hub/api/users?limit=1000",
                headers={"Authorization": f"token {token}", "Accept": "application/json"},
            )
        if answer.status_code == 200:
            return {user["name"]: user for user in answer.json()}
    return None


def memory_by_seat(room: Room, settings: Settings) -> dict[str, tuple[int, int]]:
    """Return for each seat that has processes their memory (PSS) in KiB, and how many there are.

    A process is a seat's by its user; where seats have no users of their own, by the folder it works in.
    """
    seats = {seat.uid: seat.name for seat in settings.seats}
    found: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        with contextlib.suppress(OSError, AttributeError, ValueError):
            if settings.own_users:
                name = seats.get(entry.stat().st_uid, "")
            else:
                place = (entry / "cwd").readlink()
                name = place.relative_to(room.homes).parts[0] if place.is_relative_to(room.homes) else ""
            if name:
                found[name][0] += int(_PSS.search((entry / "smaps_rollup").read_text())[1])
                found[name][1] += 1
    return {name: (pss, count) for name, (pss, count) in found.items()}


def as_text(found: RoomStatus, now: float | None = None) -> str:
    """Return what ``secure-ai workshop status`` prints."""
    settings = found.settings
    signed_in = sum(seat.has_signed_in for seat in found.seats)
    running = sum(bool(seat.is_running) for seat in found.seats)
    lines = [
        f"{settings.name}: {len(found.seats)} seats, {signed_in} signed in, {running} running "
        f"({time.strftime('%H:%M', time.localtime(now))}).",
        f"Learners sign in at {' or '.join(found.addresses)}",
        f"The board is at {found.addresses[0]}services/board/",
    ]
    missing = [name for name in (processes.HUB, *processes.WARM) if name not in found.running]
    if missing:
        kept = "seats and their running cells go on"
        if missing != [processes.HUB]:
            kept = "what was saved is there, what notebooks held in memory is lost"
        lines.append(f"NOT running: {', '.join(missing)}. 'secure-ai workshop up' restores the room: {kept}.")
    elif not found.answers:
        lines.append(
            "The hub runs and does not answer: if its proxy ended, it starts it again within seconds and "
            "seats go on. Else look into private/logs/hub.log."
        )
    elif not found.board:
        lines.append(
            "The board does not answer: if it ended, the hub starts it again within seconds, with what it "
            "showed. Else look into private/logs/hub.log."
        )
    width = max((len(seat.seat) for seat in found.seats), default=4)
    lines += ["", f"  {'seat':<{width}}  {'signed in':<9}  {'runs':<4}  {'memory':>8}  learner"]
    for seat in found.seats:
        runs = {None: "?", True: "yes", False: "no"}[seat.is_running]
        memory = "-" if seat.memory_mib is None else f"{seat.memory_mib} MiB"
        signed = "yes" if seat.has_signed_in else "no"
        lines.append(f"  {seat.seat:<{width}}  {signed:<9}  {runs:<4}  {memory:>8}  {seat.learner}")
    limit = "by control groups" if settings.groups else "by limits of each process"
    lines += [
        "",
        found.isolation,
        f"A seat may use {settings.memory_mib} MiB of memory and {settings.cpus:g} processors ({limit}"
        + (")." if settings.groups else "; processors are not limited then)."),
        f"Ports: {settings.port} for learners ({settings.host}); "
        f"{', '.join(map(str, settings.inner_ports))} inside this machine"
        + (", by TLS." if settings.inner_tls else ", not encrypted."),
        line_sentence(settings),
    ]
    return "\n".join(lines)


def line_sentence(settings: Settings) -> str:
    """Return a sentence on the line between browsers and this machine."""
    if settings.more.get("certificate"):
        return "The line from browsers to this machine is encrypted (HTTPS)."
    return (
        "The line from browsers to this machine is NOT encrypted: use a network of your own, or give "
        "--certificate and --key."
    )
