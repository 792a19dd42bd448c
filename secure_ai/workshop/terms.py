"""What an instructor asks for when a room is opened, checked: time, limits, isolation, certificate."""

from __future__ import annotations

import re
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from secure_ai.core.errors import UserError
from secure_ai.learn.map import ROLES
from secure_ai.workshop.agenda import for_path, read_agenda
from secure_ai.workshop.hub.room import Room, Step
from secure_ai.workshop.machine import LEAST_MEMORY_MIB, Machine

ISOLATIONS = ("users", "none")
NOT_ISOLATED = (
    "Seats are NOT isolated from each other, because the room is not opened as root: all run as you, so a "
    "learner can read your files, those of the others, and the solutions. Do this among people you trust."
)
OWN_VIEW = (
    "Each seat runs as a user of its own, in a file system without solutions, tests and other folders of "
    "yours; a learner cannot read another's files."
)
OWN_USERS = (
    "Each seat runs as a user of its own, so a learner cannot read another's files; this machine does not "
    "allow a file system of the seats' own, so solutions in the kit's folder CAN be read."
)
_FIRST = re.compile(rb"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)
START_PAGE = "/lab/tree/notebooks/00_start_here.ipynb"


@dataclass(frozen=True)
class Wish:
    """What the instructor asked for.

    Attributes:
        names: of the learners.
        path: of the curriculum.
        minutes: that the workshop lasts; of the agenda if not given.
        sector: ``healthcare`` or ``finance``.
        agenda: file, or name of one of the kit's agendas; made of path and minutes without.
        day: of the agenda.
        title: of the room, on its pages.
        port: for learners; the first free one if not given.
        host: address to listen on.
        memory_mib: limit of a seat.
        cpus: limit of a seat, in processors.
        isolation: ``users``, ``none``, or empty for the best that this machine allows.
        anyway: whether more seats than fit may be opened.
        certificate: file for HTTPS, with ``key``.
        key: its private key.
        lti: file with what a learning platform gave, for launches from there; JSON or YAML.
        idle_minutes: after which an unused seat is closed; 0 for never.
    """

    names: tuple[str, ...] = ()
    path: str = "security"
    minutes: int | None = None
    sector: str = "healthcare"
    agenda: str = ""
    day: int = 1
    title: str = "Secure AI workshop"
    port: int | None = None
    host: str = "0.0.0.0"
    memory_mib: int = 1024
    cpus: float = 1.0
    isolation: str = ""
    anyway: bool = False
    certificate: Path | None = None
    key: Path | None = None
    lti: Path | None = None
    idle_minutes: int = 60


def plan_time(wish: Wish) -> tuple[str, tuple[Step, ...], list[str]]:
    """Return the path of the curriculum, the steps of the agenda, and remarks.

    Raises:
        UserError: if there is no such path, or as :mod:`secure_ai.workshop.agenda` says.
    """
    if wish.agenda:
        agenda = read_agenda(wish.agenda)
        steps = agenda.steps(wish.sector, wish.day)
        total = sum(step.minutes for step in steps)
        if wish.minutes in (None, total):
            return agenda.path, steps, []
        remark = f"The agenda has {total} minutes and --minutes says {wish.minutes}: the agenda counts."
        return agenda.path, steps, [remark]
    if wish.path not in ROLES:
        raise UserError(f"There is no such path: choose from {', '.join(ROLES)}.")
    fitted = for_path(wish.path, 180 if wish.minutes is None else wish.minutes, sector=wish.sector)
    return wish.path, fitted.steps, [fitted.sentence]


def check_limits(wish: Wish) -> None:
    """Check what a seat may use.

    Raises:
        UserError: if it is too little to work with, or no limit at all.
    """
    if wish.memory_mib < LEAST_MEMORY_MIB:
        raise UserError(
            f"A seat needs {LEAST_MEMORY_MIB} MiB at least to load the libraries: give --memory more."
        )
    if not 0.1 <= wish.cpus <= 64:
        raise UserError("--cpus is the processors that a seat may keep busy: a number from 0.1 to 64.")
    if wish.idle_minutes < 0:
        raise UserError("--idle is minutes: 0 for never, or a positive number.")


def isolation(wanted: str, machine: Machine) -> tuple[bool, bool, str]:
    """Return whether seats have users and a view of their own, and a sentence that says so.

    Raises:
        UserError: if what is wanted cannot be had.
    """
    if wanted not in ("", *ISOLATIONS):
        raise UserError("--isolation is 'users' or 'none'.")
    if wanted == "users" and not machine.is_root:
        raise UserError("Users of their own for the seats need root: run the command as root, or take none.")
    if wanted == "none" and machine.is_root:
        raise UserError(
            "Seats without users of their own would be root, as you are: open the room as an ordinary user."
        )
    if not machine.is_root:
        return False, False, NOT_ISOLATED
    return True, machine.can_mount, OWN_VIEW if machine.can_mount else OWN_USERS


def keep_certificate(room: Room, wish: Wish) -> dict[str, Any]:
    """Copy the certificate for HTTPS to the room; return the settings that name it.

    Raises:
        UserError: if certificate and key do not belong together or cannot be read, or its time is another.
    """
    if wish.certificate is None and wish.key is None:
        return {}
    if wish.certificate is None or wish.key is None:
        raise UserError("HTTPS needs both --certificate and --key.")
    kept = {}
    try:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(wish.certificate, wish.key, password=lambda: "")
        if wrong := wrong_time(wish.certificate):
            raise UserError(wrong)
        for name, source in (("certificate", wish.certificate), ("key", wish.key)):
            target = room.private / f"public.{name}"
            target.unlink(missing_ok=True)
            target.touch(mode=0o600)
            target.write_bytes(source.read_bytes())
            kept[name] = str(target)
        room.shared.mkdir(exist_ok=True)
        # The first is the room's own; those of its issuers would vouch for others too.
        own = _FIRST.search(wish.certificate.read_bytes())
        room.seen_certificate.write_bytes(own[0] + b"\n" if own else b"")
        room.seen_certificate.chmod(0o644)
    except (OSError, ValueError):  # ssl.SSLError is an OSError
        raise UserError(
            "The certificate and its key cannot be used: both as PEM files that belong together, the key "
            "without a password."
        ) from None
    return kept


def wrong_time(certificate: Path, now: datetime | None = None) -> str:
    """Return a sentence if a certificate is not valid now: browsers warn then, and seats refuse the board.

    Args:
        certificate: PEM file, the room's own certificate first.
        now: point of time; that of the machine if not given.

    Raises:
        OSError: if it cannot be read.
        ValueError: if there is no certificate in it.
    """
    from cryptography.x509 import load_pem_x509_certificate

    found = _FIRST.search(certificate.read_bytes())
    own = load_pem_x509_certificate(found[0] if found else b"")
    now = now or datetime.now(UTC)
    if now > own.not_valid_after_utc:
        return (
            f"The certificate ended on {own.not_valid_after_utc:%Y-%m-%d}: give one that is valid today, or "
            "mend this machine's clock."
        )
    if now < own.not_valid_before_utc:
        return (
            f"The certificate begins on {own.not_valid_before_utc:%Y-%m-%d}: give one that is valid today, "
            "or mend this machine's clock."
        )
    return ""
