"""The counter of the desk: takes requests, asks who is there, keeps the clock, decides by law, records."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

from secure_ai.core.audit import AuditLog, utc_now
from secure_ai.core.errors import UserError
from secure_ai.govern.estate.store import Blocker
from secure_ai.govern.estate.subject import Subject
from secure_ai.govern.rights.clock import Clock, acknowledge_by, due_date
from secure_ai.govern.rights.decisions import Asked, Decision, decide, not_given
from secure_ai.govern.rights.forms import RequestForm, read_form
from secure_ai.govern.rights.identity import Verdict, check_authority, identify
from secure_ai.govern.rights.laws import Law, Right, answering_laws, binding_clock, read_laws, rule
from secure_ai.govern.rights.ledger import Case, Register
from secure_ai.govern.rights.refusals import Trail, recorded

WINDOW, MANY_UNIDENTIFIED = timedelta(days=7), 10


class Intake:
    """Requests of people about their data, from receipt to decision.

    Args:
        estate: where the data are (:class:`secure_ai.govern.estate.Estate`).
        sector: ``"healthcare"`` or ``"finance"``.
        blockers: legal holds and retention schedules.
        register: where cases are kept; in memory by default.
        audit: records every step, with case numbers and pseudonyms only.
        clock: gives the time; the date of an answer is its date in the clock's zone.
        holidays: public holidays of the state where answers are made (EU clocks).
        staff: full names of members of staff, so that a copy can tell them from other people.

    Raises:
        UserError: if the sector is unknown.
    """

    def __init__(
        self,
        estate: Any,
        sector: str,
        *,
        blockers: Sequence[Blocker] = (),
        register: Register | None = None,
        audit: AuditLog | None = None,
        clock: Callable[[], datetime] = utc_now,
        holidays: Collection[date] = (),
        staff: Iterable[str] = (),
    ) -> None:
        rule("access", sector, "eu")  # says which sectors there are
        self.estate, self.sector, self.blockers = estate, sector, tuple(blockers)
        self.register = register if register is not None else Register()
        self.trail = Trail(audit, "rights")
        self._clock, self._holidays = clock, frozenset(holidays)
        self.staff = tuple(staff)

    @property
    def today(self) -> date:
        """The day of the clock."""
        return self._clock().date()

    @recorded("receive")
    def receive(self, form: RequestForm | Mapping[str, Any], *, actor: str = "desk") -> Case:
        """Take a request: check who asks, look the person up, start the clock.

        What no law gives is refused before anybody is looked up, and so is a request for somebody else
        without a paper. Everything received becomes a case, refused or not.

        Raises:
            UserError: if the fields make no request, or it was received on a day that is yet to come.
        """
        form = read_form(form)
        if form.received > self.today:
            raise UserError("The request was received on a day that is yet to come: check the date.")
        law, _ = rule(form.right, self.sector, form.residence)
        case = Case(
            id="",
            right=form.right,
            sector=self.sector,
            residence=form.residence,
            requester=form.requester,
            law=law.name,
            received=form.received,
            due=self._due(form.right, form.residence, form.received),
            acknowledge_by=self._acknowledge_by(form),
            decision=form.decision or "",
        )
        held = {} if form.correction is None else {"correction": form.correction.model_dump(mode="json")}
        if form.decided_on is not None:
            held["decided_on"] = form.decided_on.isoformat()
        case = self.register.new(case, held)
        self._note(case, actor, "receive", f"{form.right} under {law.name}")
        late = self._too_late(form)
        if late:
            return self._refuse(case, actor, *late)
        refusal = not_given(Asked(form.right, self.sector, form.residence))
        if refusal is not None:
            return self._refuse(case, actor, refusal.reason, refusal.citations)
        verdict = check_authority(form, law, self.today) or identify(
            form, law, self.estate.people, self.today
        )
        return self._apply(case, verdict, actor)

    @recorded("identify")
    def identify(self, case_id: str, form: RequestForm | Mapping[str, Any], *, actor: str = "desk") -> Case:
        """Look again, with all details stated anew; the fourth attempt is refused.

        Raises:
            UserError: if the case does not wait for a detail, or the request is another one.
        """
        case = self._case(case_id, "identify")
        form = read_form(form)
        if (form.right, form.residence, form.requester) != (case.right, case.residence, case.requester):
            raise UserError(f"These details belong to another request than {case.id}: take it as a new one.")
        law = read_laws()[case.law]
        verdict = check_authority(form, law, self.today) or identify(
            form, law, self.estate.people, self.today, case.attempts
        )
        return self._apply(case, verdict, actor)

    @recorded("acknowledge")
    def acknowledge(self, case_id: str, *, actor: str = "desk") -> Case:
        """Note that receipt was confirmed today."""
        case = self.register.case(case_id)
        self._note(case, actor, "acknowledge", "receipt confirmed")
        return self.register.save(replace(case, acknowledged=self.today))

    @recorded("extend")
    def extend(
        self, case_id: str, reason: str, *, further_information: bool = False, actor: str = "desk"
    ) -> Case:
        """Take the extension that the law gives, with a notice to the person that says why.

        Args:
            case_id: of the case.
            reason: for the person; :func:`secure_ai.govern.rights.letters.extension_letter` sends it. It is
                looked at for names and not kept.
            further_information: whether the person sent more within the first period, on which some laws
                make the extension depend.
            actor: account of who extends.

        Raises:
            UserError: if the law gives none, it was taken before, no reason is given, or the first period
                is over: a notice after its end extends nothing.
        """
        case = self._case(case_id, "open", "identify", "review")
        if len(reason.split()) < 3:
            raise UserError("Say in a sentence why the answer takes longer: the person is told.")
        if case.extended:
            raise UserError(f"{case.id} was extended before: no law gives a second extension.")
        if self.today > case.due:
            self._record(actor, "extend", case.id, "denied", reason="the first period is over")
            raise UserError(
                f"{case.id} was due on {case.due}: an extension needs notice before that day ends."
            )
        clock = self._clock_of(case.right, case.residence, case.received)
        if clock.extension_needs and not further_information:
            raise UserError(f"{clock.citation} allows more time only with {clock.extension_needs}.")
        due = self._due(case.right, case.residence, case.received, extended=True, still=case.suspended_days)
        no_names(reason)
        self._note(case, actor, "extend", "with notice to the person")
        return self.register.save(replace(case, extended=True, due=due))

    @recorded("decide")
    def decide(self, case_id: str, *, actor: str = "desk") -> Decision:
        """Decide by law what is granted; nothing is carried out yet.

        Raises:
            UserError: if the case is not open.
        """
        case = self._case(case_id, "open")
        subject = self.subject(case)
        found = decide(
            Asked(case.right, self.sector, case.residence),
            subject,
            self.estate.holdings(subject),
            self.blockers,
            self.today,
        )
        self._note(case, actor, "decide", f"{found.outcome} ({'; '.join(found.citations)})")
        if any(part.to_privacy_office for part in found.parts):
            reason = "the privacy office has to look: a law that the right does not name keeps data"
            self._record(actor, "decide", case.id, "allowed", reason=reason, alert=True)
        return found

    def close_unidentified(self, *, actor: str = "desk") -> list[Case]:
        """Refuse the cases that are due and still identify nobody; return them.

        A clock that stands still meanwhile gives the same time once more, and ends then.
        """
        closed = []
        for case in self.register.cases():
            if case.status != "identify":
                continue
            still = (self.today - case.asked).days if case.asked else 0
            due = self._due(case.right, case.residence, case.received, extended=case.extended, still=still)
            due = min(due, case.due + (case.due - case.received))
            if due <= self.today:
                late = replace(case, due=due, suspended_days=still)
                closed.append(self._refuse(late, actor, case.reason, case.citations))
        return closed

    def subject(self, case: Case) -> Subject:
        """Return the person of a case, for the desk's own work.

        Raises:
            UserError: if the person is not identified, or was erased since.
        """
        key = self.estate.people.key_of(case.pseudonym) if case.pseudonym else ""
        if not key:
            raise UserError(f"The person of {case.id} is not known (any more): nothing can be looked up.")
        return self.estate.people.subject(key)

    def law(self, case: Case) -> tuple[Law, Right]:
        """Return the law and right that a case is answered under."""
        law = read_laws()[case.law]
        return law, law.rights[case.right]

    def _apply(self, case: Case, verdict: Verdict, actor: str) -> Case:
        self._record(
            actor, "identify", case.id, "allowed" if verdict.state == "identified" else "denied",
            reason=verdict.log, alert=verdict.alert,
        )  # fmt: skip
        if verdict.state == "refused":
            return self._refuse(case, actor, verdict.letter, (verdict.citation,))
        still = case.suspended_days
        if verdict.state == "ask":
            asked = case.asked or self.today
            waiting = self.register.unidentified(self.today - WINDOW)
            if waiting >= MANY_UNIDENTIFIED:
                # Each request may be guessed at a few times, so somebody who guesses makes many.
                reason = f"{waiting} requests of a week identify nobody: somebody may be guessing"
                self._record(actor, "identify", "register", "denied", reason=reason, alert=True)
            self.register.event(case.id, self._now(), actor, "ask", "for one more detail")
            return self.register.save(
                replace(
                    case,
                    status="identify",
                    attempts=case.attempts + 1,
                    asked=asked,
                    reason=verdict.letter,
                    citations=(verdict.citation,),
                )
            )
        if case.asked is not None:
            still += (self.today - case.asked).days
        due = self._due(case.right, case.residence, case.received, extended=case.extended, still=still)
        self.register.event(case.id, self._now(), actor, "identify", "identified")
        return self.register.save(
            replace(
                case,
                status="open",
                pseudonym=verdict.subject.pseudonym,
                asked=None,
                suspended_days=still,
                due=due,
                reason="",
                citations=(),
            )
        )

    def _refuse(self, case: Case, actor: str, reason: str, citations: Sequence[str]) -> Case:
        self._record(actor, "refuse", case.id, "denied", reason="; ".join(citations))
        self.register.event(case.id, self._now(), actor, "refuse", "; ".join(citations))
        return self.register.save(
            replace(case, status="closed", outcome="refused", reason=reason, citations=tuple(citations),
                    answered=self.today)
        )  # fmt: skip

    def _too_late(self, form: RequestForm) -> tuple[str, tuple[str, ...]] | None:
        _, right = rule(form.right, self.sector, form.residence)
        days = right.within_days_of_decision
        if not days or form.decided_on is None or (form.received - form.decided_on).days <= days:
            return None
        return f"The law gives {days} days after our notice to ask for the reasons.", (right.citation,)

    def _due(
        self, right: str, residence: str, received: date, *, extended: bool = False, still: int = 0
    ) -> date:
        clock = self._clock_of(right, residence, received)
        return due_date(clock, received, extended=extended, suspended_days=still, holidays=self._holidays)

    def _clock_of(self, right: str, residence: str, received: date) -> Clock:
        return binding_clock(right, self.sector, residence, received, self._holidays)

    def _acknowledge_by(self, form: RequestForm) -> date | None:
        days = [
            acknowledge_by(one.clock, form.received)
            for _, one in answering_laws(form.right, self.sector, form.residence)
            if one.clock
        ]
        return min((day for day in days if day is not None), default=None)

    def _case(self, case_id: str, *allowed: str) -> Case:
        case = self.register.case(case_id)
        if case.status not in allowed:
            raise UserError(f"{case.id} is {_WORDS[case.status]}: this step is not possible now.")
        return case

    def _now(self) -> str:
        return self._clock().isoformat(timespec="seconds")

    def _note(self, case: Case, actor: str, action: str, reason: str) -> None:
        self._record(actor, action, case.id, "allowed", reason=reason, pseudonym=case.pseudonym)
        self.register.event(case.id, self._now(), actor, action, reason)

    def _record(self, actor: str, action: str, target: str, outcome: str, **details: Any) -> None:
        self.trail.record(actor, action, target, outcome, **details)


def no_names(text: str) -> None:
    """Refuse a text for the register or a letter that names somebody.

    Raises:
        UserError: if a detector finds a name, number or address of a person in it.
    """
    from secure_ai.discover.detector import detect

    kinds = ["PERSON", "PHONE_NUMBER", "EMAIL_ADDRESS", "US_SSN", "MEDICAL_RECORD_NUMBER"]
    if detect([text], entities=kinds)[0]:
        raise UserError("The text names a person or a number of one: say it without.")


_WORDS = {
    "identify": "waiting for a detail of who asks",
    "open": "open and not decided yet",
    "decided": "decided and not carried out yet",
    "review": "with a second person",
    "closed": "closed",
}
