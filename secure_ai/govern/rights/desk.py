"""The desk for requests of people about their data: from receipt to an answer that is carried out."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

from secure_ai.core.errors import UserError
from secure_ai.govern.estate.subject import Subject
from secure_ai.govern.records import Paragraph, Record, Section, write_record
from secure_ai.govern.rights.clock import business_days_after
from secure_ai.govern.rights.corrections import checked_value
from secure_ai.govern.rights.decisions import Asked, Decision, Exemptions, Part
from secure_ai.govern.rights.exports import Copy, Export, write_copy
from secure_ai.govern.rights.intake import Intake, no_names
from secure_ai.govern.rights.laws import answering_laws, never_given, rule
from secure_ai.govern.rights.ledger import Case
from secure_ai.govern.rights.letters import (
    decision_letter,
    detail_letter,
    extension_letter,
    receipt_letter,
)
from secure_ai.govern.rights.others import Redactor, known_values
from secure_ai.govern.rights.refusals import recorded
from secure_ai.govern.rights.reviews import Review, ReviewQueue

COPIES = ("access", "portability")


class RightsDesk(Intake):
    """Requests of people about their data, from receipt to answer; see :class:`Intake` for its arguments.

    ``receive`` → ``identify`` where a detail is missing → ``decide`` → ``give_copy``, ``erase``, ``correct``,
    ``open_review`` and ``close_review``, or ``answer_objection``. Each answer writes its letter, closes the
    case and is recorded.
    """

    @recorded("copy")
    def give_copy(
        self,
        case_id: str,
        folder: str | Path,
        *,
        about: Mapping[str, str] | None = None,
        actor: str = "desk",
    ) -> Export | None:
        """Answer a request for access or portability: a copy in ``folder``, with the letter in it.

        Other people are masked; staff by the law's rule. Where nothing may be given, only the letter is
        written, and None returned.

        Raises:
            UserError: if the case is not open or about something else, or a copy would name somebody else.
        """
        case = self._open(case_id, *COPIES)
        subject, decision = self.subject(case), self.decide(case_id, actor=actor)
        law, right = self.law(case)
        export = None
        granted = {part.store for part in decision.parts if part.granted}
        if granted:
            held = {store: rows for store, rows in self.estate.export(subject).items() if store in granted}
            logs = {part.store for part in decision.parts if part.data_class == "access_log"}
            left_out = tuple((p.store, p.reason, p.citation) for p in decision.parts if not p.granted)
            copy = Copy(
                case.id, self.today, law, right, subject, held, frozenset(logs), left_out, about,
                never=never_given(case.law, self.sector), for_parent=case.requester == "parent",
            )  # fmt: skip
            try:
                export = write_copy(copy, folder, self._redactor(subject, law.staff_names == "keep"))
            except UserError as error:
                self._record(actor, "copy", case.id, "error", reason=str(error), alert=True)
                raise
            if export.withheld and decision.outcome == "granted":
                decision = replace(decision, outcome="partly", reason="Granted; some records are withheld.")
        masked = sum(export.masked.values()) if export else 0
        self._note(case, actor, "copy", f"{len(granted)} places, {masked} mentions of others masked")
        self._answer(case, decision, folder, actor)
        return export

    @recorded("erase")
    def erase(self, case_id: str, folder: str | Path, *, search: bool = True, actor: str = "desk") -> Any:
        """Answer a request for erasure: forget what may be forgotten; receipt and letter go to ``folder``.

        Holds, statutory periods and what the law exempts are looked at again now. Where a search of every
        byte still finds the person although nothing had to stay, the case remains open, with an alert.

        Returns:
            The :class:`~secure_ai.govern.estate.ErasureReceipt`; None where nothing may be erased.

        Raises:
            UserError: if the case is not open or about something else, or a store cannot do its part.
        """
        case = self._open(case_id, "erasure")
        subject, decision = self.subject(case), self.decide(case_id, actor=actor)
        if not any(part.granted for part in decision.parts):
            self._answer(case, decision, folder, actor)
            return None
        blockers = (Exemptions(Asked(case.right, self.sector, case.residence)), *self.blockers)
        receipt = self.estate.erase(subject, blockers, today=self.today, reference=case.id, search=search)
        receipt.save(Path(folder) / f"{case.id}-receipt.json")
        if receipt.traces and not receipt.blocked:
            self._record(actor, "erase", case.id, "error", reason="traces were found", alert=True)
            return receipt
        if not receipt.blocked:
            self._close_others(case, actor)
        self._note(case, actor, "erase", f"{receipt.records} records, {len(receipt.blocked)} places kept")
        self._answer(case, decision, folder, actor, (receipt.sentence(),))
        return receipt

    @recorded("correct")
    def correct(
        self,
        case_id: str,
        folder: str | Path,
        *,
        accept: bool,
        ground: str = "",
        actor: str,
    ) -> Decision:
        """Answer a request for correction, as a person judged it: change the record, or say why not.

        Args:
            case_id: of the case.
            folder: for the letter.
            accept: whether the record is changed.
            ground: where it is not: ``"accurate"``, ``"not_ours"`` or ``"not_in_record"``.
            actor: account of who judged.

        Raises:
            UserError: if a refusal has no ground that the law knows, several records could be meant, or the
                place, field or record does not exist.
        """
        case = self._open(case_id, "correction")
        subject, law_right = self.subject(case), self.law(case)
        wanted = self.register.held(case_id)["correction"]
        part = next((p for p in self.decide(case_id, actor=actor).parts if p.store == wanted["store"]), None)
        if part is None:
            raise UserError(
                "The person has no records in the place that the request names: ask which is meant."
            )
        law, right = self._ground(case, part.data_class) or law_right
        if not part.granted:
            accept, reason, citation = False, part.reason, part.citation
        elif accept:
            self._change(case, subject, wanted, actor)
            reason, citation = f"We corrected {wanted['field']} in {wanted['store']}.", right.citation
        else:
            if ground not in right.refusals:
                raise UserError(f"Refuse with a ground of {law.title}: {', '.join(right.refusals)}.")
            reason, citation = GROUNDS[ground], right.refusals[ground]
        decision = Decision(
            "granted" if accept else "refused", reason, tuple(dict.fromkeys((right.citation, citation))),
            () if accept else (Part(part.store, part.data_class, part.records, False, reason, citation),),
        )  # fmt: skip
        self._note(case, actor, "correct", f"{decision.outcome} ({citation})")
        self._answer(case, decision, folder, actor)
        return decision

    @recorded("disagree")
    def disagree(self, case_id: str, statement: str, folder: str | Path, *, actor: str = "desk") -> Path:
        """Write the statement of disagreement of a person whose correction was refused, for the record.

        Raises:
            UserError: if no correction was refused under that number, or the statement is empty.
        """
        case = self.register.case(case_id)
        _, right = self.law(case)
        if (case.right, case.outcome) != ("correction", "refused") or not statement.strip():
            raise UserError(
                "A statement of disagreement belongs to a refused correction, and says something."
            )
        body = Section("Statement of the person", (Paragraph(statement.strip()),))
        history = Section("What it disagrees with", (Paragraph(case.reason),))
        record = Record(
            "Statement of disagreement", (body, history), file_name=f"{case.id}-disagreement", kind="Letter",
            facts={"Request": case.id, "By": right.disagreement, "Kept with": "the record that it is about"},
            dated=self.today,
        )  # fmt: skip
        write_record(record, folder, ("html",))
        self._note(case, actor, "disagree", right.disagreement)
        return Path(folder) / f"{case.id}-disagreement.html"

    @recorded("review")
    def open_review(
        self,
        case_id: str,
        queue: ReviewQueue,
        *,
        owner: str,
        outcome: str,
        reasons: Any,
        decided_by: str,
        actor: str = "desk",
    ) -> Review:
        """Put a contested automated decision before a second person, with its reasons.

        Args:
            case_id: of the case.
            queue: of reviews.
            owner: key of the person whom the decision is about: another's decision is refused.
            outcome: what was decided.
            reasons: see :meth:`ReviewQueue.open`.
            decided_by: account or model version behind the decision.
            actor: account that puts it into the queue.

        Raises:
            UserError: if it is another person's decision, or has no reasons that can be sent.
        """
        case = self._open(case_id, "automated_decision")
        if owner != self.subject(case).key:
            self._record(actor, "review", case.id, "denied", reason="another person's decision", alert=True)
            raise UserError(
                f"The decision that {case.id} names is not one about the person who asks: ask for the number "
                "on their notice."
            )
        review = queue.open(case, outcome=outcome, reasons=reasons, decided_by=decided_by, opened_by=actor)
        self.register.save(replace(case, status="review"))
        self._note(case, actor, "review", "put before a second person")
        return review

    @recorded("review")
    def close_review(self, case_id: str, queue: ReviewQueue, folder: str | Path, *, actor: str) -> Decision:
        """Answer with the reasons and the second person's judgment.

        Raises:
            UserError: if nobody has confirmed it yet.
        """
        case = self._case(case_id, "review")
        review = queue.confirmed(case_id)
        _, right = self.law(case)
        told = (
            f"The decision is changed: {review.new_outcome}."
            if review.verdict == "changed"
            else f"The decision stands: {review.outcome}."
        )
        further = (
            "The principal reasons of the first decision:", *review.reasons,
            f"A person who had no part in it looked at your case again. {told}", review.note,
        )  # fmt: skip
        decision = Decision(
            "granted", "You get the reasons, and a person reviewed the decision.", (right.citation,)
        )
        self._answer(case, decision, folder, actor, further)
        return decision

    @recorded("object")
    def answer_objection(
        self,
        case_id: str,
        folder: str | Path,
        *,
        stopped: str | Sequence[str],
        grounds: str = "",
        stop: Callable[[Subject, str], object] | None = None,
        purposes: Collection[str] = (),
        actor: str,
    ) -> Decision:
        """Answer an objection: purposes that end, or the compelling grounds for which they do not.

        Args:
            case_id: of the case.
            folder: for the letter.
            stopped: purposes that end, or one; direct marketing always does (GDPR Art. 21(3)).
            grounds: compelling legitimate grounds, where a purpose goes on.
            stop: called with the person and each purpose (a consent ledger's withdrawal).
            purposes: words of all purposes that the organization has; a word that is none of them is refused.
            actor: account of who judged.

        Raises:
            UserError: if neither a purpose ends nor grounds are given, or a purpose is unknown.
        """
        case, stopped = self._open(case_id, "objection"), _purposes(stopped, purposes)
        if not stopped and len(grounds.split()) < 5:
            raise UserError("Name the purposes that end, or say in a sentence why processing goes on.")
        no_names(" ".join((*stopped, grounds)))
        _, right = self.law(case)
        subject = self.subject(case)
        for purpose in stopped:
            if stop is not None:
                stop(subject, purpose)
        outcome = "refused" if not stopped else "partly" if grounds else "granted"
        said = (
            f"We stop using your data for: {', '.join(stopped)}." if stopped else "We go on using your data."
        )
        decision = Decision(outcome, f"{said} {grounds}".strip(), (right.citation,))
        self._answer(case, decision, folder, actor)
        return decision

    @recorded("withdraw")
    def withdraw(self, case_id: str, *, actor: str = "desk") -> Case:
        """Close a case that the person no longer wants answered."""
        case = self._case(case_id, "identify", "open")
        self._note(case, actor, "withdraw", "by the person")
        return self.register.save(
            replace(case, status="closed", outcome="withdrawn", answered=self.today, reason="Withdrawn.")
        )

    def letter(self, case_id: str, kind: str, *, reason: str = "") -> Record:
        """Return a letter of a case: ``"receipt"``, ``"detail"``, ``"extension"`` or ``"refusal"``.

        Raises:
            UserError: if there is no such letter, or the case is not at that point.
        """
        case = self.register.case(case_id)
        law, right = self.law(case)
        if kind == "receipt":
            clock = self._clock_of(case.right, case.residence, case.received)
            return receipt_letter(case, law, clock.citation, self._inspections(case))
        if kind == "detail" and case.status == "identify":
            return detail_letter(case)
        if kind == "extension" and case.extended:
            return extension_letter(case, reason)
        if kind == "refusal" and case.outcome == "refused":
            return decision_letter(case, Decision("refused", case.reason, case.citations), law, right)
        raise UserError(f"{case.id} has no letter '{kind}' now: receipt, detail, extension or refusal.")

    def _close_others(self, case: Case, actor: str) -> None:
        # Nobody is left to answer, and what is kept beside an open case would be a trace.
        for other in self.register.cases():
            if other.pseudonym == case.pseudonym and other.id != case.id and other.status != "closed":
                self._note(other, actor, "close", "the person's data were erased on request")
                closed = replace(other, status="closed", outcome="withdrawn", answered=self.today)
                self.register.save(replace(closed, reason="The data were erased on request."))

    def _open(self, case_id: str, *rights: str) -> Case:
        case = self._case(case_id, "open")
        if case.right not in rights:
            raise UserError(f"{case.id} asks for {case.right.replace('_', ' ')}: answer it as that.")
        return case

    def _inspections(self, case: Case) -> list[tuple[date, str]]:
        """Return the last days for a look at the records on the spot, with the laws that set them."""
        rights = [right for _, right in answering_laws(case.right, self.sector, case.residence)]
        return [
            (business_days_after(case.received, right.inspection_days), right.inspection_citation)
            for right in rights
            if right.inspection_days and case.right == "access"
        ]

    def _ground(self, case: Case, data_class: str) -> Any:
        return Exemptions(Asked(case.right, self.sector, case.residence)).ground(data_class)

    def _change(self, case: Case, subject: Subject, wanted: Mapping[str, Any], actor: str) -> None:
        rows = self.estate.export(subject).get(wanted["store"], [])
        if wanted["record"] is None and len(rows) > 1:
            raise UserError(
                f"{wanted['store']} has {len(rows)} records of the person: name the one that is meant."
            )
        if any(str(row.get(wanted["field"])) == subject.key for row in rows):
            raise UserError(
                "The key that says whose record it is cannot be corrected: it would become another's."
            )
        value = checked_value(self.estate, subject, wanted, rows, self.today)
        changed = self.estate.correct(
            subject, wanted["store"], wanted["field"], value, record=wanted["record"]
        )
        if not changed:
            raise UserError(f"{wanted['store']} has no such record of the person: nothing was changed.")
        self._note(case, actor, "change", f"{wanted['store']}.{wanted['field']}")

    def _answer(
        self, case: Case, decision: Decision, folder: str | Path, actor: str, further: Sequence[str] = ()
    ) -> Case:
        law, right = rule(case.right, self.sector, case.residence)
        done = replace(
            case,
            status="closed",
            outcome=decision.outcome,
            reason=decision.reason,
            citations=decision.citations,
            answered=self.today,
        )
        write_record(decision_letter(done, decision, law, right, further), folder, ("html",))
        self._note(done, actor, "answer", decision.outcome)
        return self.register.save(done)

    def _redactor(self, subject: Subject, keep_staff: bool) -> Redactor:
        known = known_values(self.estate.people)
        return Redactor(subject, known, staff=self.staff, keep_staff=keep_staff)


GROUNDS = {
    "accurate": "We looked at the record and find it accurate and complete.",
    "not_ours": "The record was made by somebody else, who can correct it.",
    "not_in_record": "What you name is not part of the records that the right reaches.",
}


def _purposes(stopped: Any, known: Collection[str]) -> tuple[str, ...]:
    words = (stopped,) if isinstance(stopped, str) else tuple(stopped)
    if not all(isinstance(word, str) and word.strip() for word in words):
        raise UserError("Each purpose that ends is a word, such as marketing.")
    words = tuple(dict.fromkeys(word.strip() for word in words))
    if known and (unknown := [word for word in words if word not in known]):
        raise UserError(
            f"{len(unknown)} of the purposes that end are not ours: choose from {', '.join(sorted(known))}."
        )
    return words
