"""Emergency access: opened with a reason, for a short time, with an alert, and reviewed afterwards."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Literal

import pandas as pd

from secure_ai.access.policy.policy import AccessPolicy, Decision
from secure_ai.access.policy.request import AccessRequest
from secure_ai.core.audit import AuditLog, utc_now
from secure_ai.core.errors import UserError
from secure_ai.core.sources import shown

EMERGENCY = "emergency"
FEWEST_CHARACTERS, FEWEST_WORDS, FEWEST_DIFFERENT_LETTERS = 15, 3, 6
LONGEST = timedelta(hours=8)
REVIEW_WITHIN = timedelta(days=3)
# What people write to get past the field; alone it explains nothing.
_WORDS = """
    emergency urgent asap test testing access needed need required request requested reason reasons none
    other na see above below chart patient customer care treatment medical work job duty duties important for
    the of to is it in an and my on at me please just because this that as per usual same stat immediate
    immediately clinical necessary necessity
"""
BOILERPLATE = frozenset(_WORDS.split())

ReviewOutcome = Literal["justified", "not justified", "unclear"]
OUTCOMES = ("justified", "not justified", "unclear")


class EmergencyRefusedError(UserError):
    """The emergency access was not opened; the refusal stands in the audit trail."""


@dataclass(frozen=True)
class EmergencyAccess:
    """One broken glass.

    Attributes:
        number: counts from 1.
        person, record, kind: who opened which record.
        opened, until: in UTC.
        reason: what the person wrote; it may name people, so it is shown to the reviewer only.
        reviewer, outcome, note: of the review; empty until then.
    """

    number: int
    person: str
    record: str
    kind: str
    opened: datetime
    until: datetime
    reason: str = field(repr=False)
    reviewer: str = ""
    outcome: ReviewOutcome | Literal[""] = ""
    note: str = field(default="", repr=False)


def check_reason(reason: str) -> str:
    """Return the reason without surrounding spaces, if a reviewer could make something of it.

    Raises:
        UserError: if it is empty, too short, typed at random, or says nothing but "emergency".
    """
    text = " ".join(reason.split()) if isinstance(reason, str) else ""
    words = [word.lower() for word in re.findall(r"[^\W\d_]+", text)]
    telling = {word for word in words if word not in BOILERPLATE and len(word) > 1}
    if not text:
        problem = "is empty"
    elif len(text) < FEWEST_CHARACTERS or len(words) < FEWEST_WORDS:
        problem = f"is too short (at least {FEWEST_WORDS} words and {FEWEST_CHARACTERS} characters)"
    elif len(set("".join(words))) < FEWEST_DIFFERENT_LETTERS or len(set(words)) < FEWEST_WORDS:
        problem = "repeats itself"
    elif len(telling) < 2:
        problem = "would fit any case"
    else:
        return text
    raise UserError(f"The reason for the emergency access {problem}: say what happened and what is needed.")


class BreakGlass:
    """Opens emergency access where the policy foresees it, and keeps the queue of reviews.

    Args:
        policy: decides who may at all; those whom it would not allow even then are refused.
        audit: every opening, use, refusal and review goes there first; without its trail nothing happens.
        minutes: how long an access stays open.
        clock: the time, in UTC.

    Raises:
        UserError: if ``minutes`` is not between 1 and 480.
    """

    def __init__(
        self,
        policy: AccessPolicy,
        audit: AuditLog,
        *,
        minutes: int = 30,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        length = timedelta(minutes=minutes)
        if not timedelta(minutes=1) <= length <= LONGEST:
            raise UserError(f"An emergency access lasts 1 to {LONGEST.seconds // 60} minutes, not {minutes}.")
        self._policy, self._audit, self._clock, self._length = policy, audit, clock, length
        self._all: list[EmergencyAccess] = []

    def open(self, request: AccessRequest, reason: str) -> EmergencyAccess:
        """Open one record to one person.

        Args:
            request: what the person wants to do; its purpose becomes ``"emergency"``.
            reason: in the person's words.

        Raises:
            UserError: if the reason says nothing.
            EmergencyRefusedError: if the policy allows it to this person not even in an emergency.
        """
        try:
            text = check_reason(reason)
        except UserError:
            self._record(request, "open emergency access", "denied", "the reason says nothing", alert=False)
            raise
        decision = self._policy.decide(_in_emergency(request))
        if not decision.allowed:
            why = ", ".join(decision.rules) or "no rule permits it"
            self._record(request, "open emergency access", "denied", why, alert=True)
            raise EmergencyRefusedError(f"No emergency access. {decision.sentence()}")
        self._record(request, "open emergency access", "allowed", ", ".join(decision.rules), alert=True)
        now = self._clock()
        opened = EmergencyAccess(
            number=len(self._all) + 1,
            person=request.principal.id,
            record=request.resource.id,
            kind=request.resource.kind,
            opened=now,
            until=now + self._length,
            reason=text,
        )
        self._all.append(opened)
        return opened

    def is_open(self, person: str, record: str) -> bool:
        """Return whether ``person`` has ``record`` open now."""
        now = self._clock()
        return any(
            access.person == person and access.record == record and access.opened <= now < access.until
            for access in self._all
        )

    def decide(self, request: AccessRequest) -> Decision:
        """Return the policy's decision, with the state of the glass put in here and not by whoever asks."""
        is_open = self.is_open(request.principal.id, request.resource.id)
        if is_open and request.purpose == EMERGENCY:
            decision = self._policy.decide(_in_emergency(request))
            outcome: Literal["allowed", "denied"] = "allowed" if decision.allowed else "denied"
            self._record(request, request.action, outcome, ", ".join(decision.rules), alert=decision.alert)
            return decision
        # Outside the declared emergency an open glass changes nothing, nor does one that was only claimed.
        closed = request.model_copy(update={"context": {**request.context, "break_glass": False}})
        return self._policy.decide(closed)

    def pending(self) -> tuple[EmergencyAccess, ...]:
        """Return what waits for review, oldest first."""
        return tuple(access for access in self._all if not access.outcome)

    def overdue(self) -> tuple[EmergencyAccess, ...]:
        """Return what has waited for more than three days."""
        now = self._clock()
        return tuple(access for access in self.pending() if now - access.opened > REVIEW_WITHIN)

    def review(self, number: int, reviewer: str, outcome: ReviewOutcome, note: str = "") -> EmergencyAccess:
        """Close the review of one access.

        Raises:
            UserError: if there is no such access, it was reviewed already, the outcome is not one of the
                three, or the reviewer is the person who opened it.
        """
        if not 1 <= number <= len(self._all):
            raise UserError(f"There is no emergency access number {number}: see pending().")
        access = self._all[number - 1]
        if outcome not in OUTCOMES:
            raise UserError(f"The outcome of a review is one of {', '.join(OUTCOMES)}.")
        if access.outcome:
            raise UserError(f"Emergency access number {number} has been reviewed already.")
        if not reviewer or reviewer == access.person:
            raise UserError("An emergency access is reviewed by someone else than the person who opened it.")
        self._audit.record(
            reviewer,
            "review emergency access",
            access.record,
            "allowed",
            purpose="operations",
            reason=outcome,
            alert=outcome == "not justified",
            number=number,
        )
        self._all[number - 1] = replace(access, reviewer=reviewer, outcome=outcome, note=note)
        return self._all[number - 1]

    def to_frame(self) -> pd.DataFrame:
        """Return all accesses without their reasons: number, person, record, minutes, state."""
        now = self._clock()
        rows = [
            (
                access.number,
                access.person,
                access.record,
                access.kind,
                int((access.until - access.opened).total_seconds() // 60),
                access.outcome or ("open" if now < access.until else "waits for review"),
            )
            for access in self._all
        ]
        return pd.DataFrame(rows, columns=["number", "person", "record", "kind", "minutes", "state"])

    def sentence(self) -> str:
        """Say how many accesses there were and what became of them."""
        judged = [access for access in self._all if access.outcome]
        bad = sum(access.outcome == "not justified" for access in judged)
        if not self._all:
            return "There was no emergency access."
        waiting = len(self.pending())
        return (
            f"{len(self._all)} emergency {'access' if len(self._all) == 1 else 'accesses'}: {len(judged)} "
            f"reviewed, {bad} of them not justified; {waiting} {'waits' if waiting == 1 else 'wait'} for "
            f"review, {len(self.overdue())} for more than three days."
        )

    def _record(
        self,
        request: AccessRequest,
        action: str,
        outcome: Literal["allowed", "denied"],
        reason: str,
        *,
        alert: bool,
    ) -> None:
        self._audit.record(
            request.principal.id,
            action,
            request.resource.id,
            outcome,
            purpose=EMERGENCY,
            reason=reason,
            alert=alert,
            kind=shown(request.resource.kind),
        )


def _in_emergency(request: AccessRequest) -> AccessRequest:
    context = {**request.context, "break_glass": True}
    return request.model_copy(update={"purpose": EMERGENCY, "context": context})
