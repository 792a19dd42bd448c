"""What a ledger can tell of one person: why something is allowed, what stood before, every event."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import pandas as pd

from secure_ai.govern.consent.events import Event, aware, moment
from secure_ai.govern.consent.purposes import Purpose
from secure_ai.govern.consent.standings import Decision, Standings

if TYPE_CHECKING:
    from secure_ai.govern.consent.chain import ChainedLog

COLUMNS = [
    "event", "kind", "time", "purpose", "expires", "capacity", "text", "version", "language", "digest",
    "actor", "reference",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Standing:
    """Whether one person's records may be used for one purpose, and why.

    Attributes:
        allowed: the answer.
        reason: in a sentence; it names nobody.
        basis: lawful basis of the purpose.
        event: number of the event that decides; 0 where none does.
        citation: framework id of the law behind the basis; empty where there is none.
    """

    allowed: bool
    reason: str
    basis: str
    event: int
    citation: str


def standing_of(purpose: Purpose, decision: Decision | None, at: datetime) -> Standing:
    """Return what a decision (None where there is none) means for a purpose at a moment."""
    event = 0 if decision is None or not purpose.decided_by_the_person else decision.since
    if purpose.basis == "none":
        allowed, reason = False, "This is no purpose: say what the data are for."
    elif not purpose.decided_by_the_person:
        allowed = True
        reason = f"It rests on {purpose.basis.replace('_', ' ')}, not on consent."
    elif purpose.basis == "opt_out":
        allowed = decision is None or decision.status != "withdrawn"
        reason = "The person has not objected." if allowed else "The person objected."
    elif decision is None:
        allowed, reason = False, "The person gave no consent to it."
    elif decision.status == "withdrawn":
        allowed, reason = False, "The person withdrew."
    else:
        allowed = decision.stands(at)
        reason = "The consent stands." if allowed else "The consent expired."
    return Standing(allowed, reason, purpose.basis, event, purpose.citation)


def standings_until(
    log: ChainedLog, former: dict[str, str], at: datetime, zone: str
) -> tuple[Standings, datetime]:
    """Return what stood by the events recorded up to a moment, and that moment in UTC."""
    until = aware(at, "The moment asked about", zone)
    standings = Standings(former)
    for _, event in recorded(log):
        if moment(event.time) > until:
            break
        standings.apply(event)
    return standings, until


def recorded(log: ChainedLog) -> list[tuple[int, Event]]:
    """Return the events that the log has read and checked, with their numbers."""
    rows = log.checked()
    return [(number, Event.from_body(body)) for number, body, _ in rows]


def events_of(log: ChainedLog, pseudonym: str) -> pd.DataFrame:
    """Return the events about a person, oldest first; columns: event and the fields of an event."""
    person = log.standings.resolved(pseudonym)
    rows = [
        {"event": number, **{name: getattr(event, name) for name in COLUMNS[1:]}}
        for number, event in recorded(log)
        if event.person and not event.run and log.standings.resolved(event.person) == person
    ]
    return pd.DataFrame(rows, columns=COLUMNS)
