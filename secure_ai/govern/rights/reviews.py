"""Automated decisions that a person contests: the reasons, and a second person who looks first."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any, Literal

from secure_ai.core.audit import AuditLog, utc_now
from secure_ai.core.errors import UserError
from secure_ai.core.intervals import wilson
from secure_ai.core.measurement import Measurement, Unassessed
from secure_ai.govern.rights.ledger import Case, Register
from secure_ai.govern.rights.refusals import Trail

Verdict = Literal["upheld", "changed"]
LEAST_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Review:
    """One decision under review.

    Attributes:
        case_id: of the request.
        decision: id of the automated decision.
        outcome: what was decided.
        reasons: the principal ones, as the person reads them.
        method: how they were found.
        decided_by: account that made or signed the first decision.
        opened_by: account that put it into the queue.
        seen: reviewer → when that reviewer opened the case.
        reviewer, verdict, note, new_outcome, confirmed: the second person's judgment; empty while open.
    """

    case_id: str
    decision: str
    outcome: str
    reasons: tuple[str, ...]
    method: str
    decided_by: str
    opened_by: str
    seen: tuple[tuple[str, str], ...] = ()
    reviewer: str = ""
    verdict: str = ""
    note: str = ""
    new_outcome: str = ""
    confirmed: str = ""


class ReviewQueue:
    """Decisions that wait for a second person.

    Who decided, and who put the case into the queue, cannot confirm it; nor can who has not opened it, or
    opened it less than ``least_seconds`` ago. A judgment says why in the reviewer's own words.

    Args:
        register: keeps the reviews with the cases.
        audit: records every step.
        clock: gives the time.
        least_seconds: between opening and confirming.
    """

    def __init__(
        self,
        register: Register,
        *,
        audit: AuditLog | None = None,
        clock: Callable[[], datetime] = utc_now,
        least_seconds: float = LEAST_SECONDS,
    ) -> None:
        self._register, self._clock, self._least = register, clock, least_seconds
        self.trail = Trail(audit, "rights.review")

    def open(
        self, case: Case, *, outcome: str, reasons: Any, decided_by: str, opened_by: str = "desk"
    ) -> Review:
        """Put a decision into the queue.

        Args:
            case: the request.
            outcome: what was decided.
            reasons: :class:`~secure_ai.defend.explanations.AdverseActionReasons`, an
                :class:`~secure_ai.defend.explanations.Explanation`, or sentences.
            decided_by: account or model version behind the first decision.
            opened_by: account that puts it here.

        Raises:
            UserError: if there are no reasons, they cannot be sent, or the case is queued already.
        """
        with self.trail.refusals("open", case.id, opened_by):
            found, method = read_reasons(reasons)
            if self._register.review(case.id) is not None:
                raise UserError(f"{case.id} is in the queue already.")
        review = Review(case.id, case.decision, outcome, found, method, decided_by, opened_by)
        self._record(opened_by, "open", case.id, "allowed", f"decided by {decided_by}")
        return self._save(review)

    def waiting(self) -> list[Review]:
        """Return the reviews that nobody has confirmed."""
        return [review for review in self._all() if not review.confirmed]

    def see(self, case_id: str, reviewer: str) -> Review:
        """Open a case for a reviewer, and note that it was opened."""
        with self.trail.refusals("see", case_id, reviewer):
            review = self._load(case_id)
            self._refuse_first_person(review, reviewer, "see")
        if reviewer not in dict(review.seen):
            review = replace(review, seen=(*review.seen, (reviewer, self._clock().isoformat())))
        self._record(reviewer, "see", case_id, "allowed", "")
        return self._save(review)

    def confirm(
        self, case_id: str, reviewer: str, verdict: Verdict, note: str, *, new_outcome: str = ""
    ) -> Review:
        """Judge a decision as the second person.

        Raises:
            UserError: if the reviewer is the first person, did not open the case, opened it just now, gives
                no reason, or changes it without saying to what; or if it is confirmed already.
        """
        with self.trail.refusals("confirm", case_id, reviewer):
            review = self._judged(case_id, reviewer, verdict, note, new_outcome)
        self._record(reviewer, "confirm", case_id, "allowed", verdict)
        return self._save(
            replace(
                review,
                reviewer=reviewer,
                verdict=verdict,
                note=note,
                new_outcome=new_outcome,
                confirmed=self._clock().isoformat(timespec="seconds"),
            )
        )

    def _judged(self, case_id: str, reviewer: str, verdict: str, note: str, new_outcome: str) -> Review:
        """Return the review that may be confirmed so."""
        review = self._load(case_id)
        if review.confirmed:
            raise UserError(f"{case_id} is confirmed already.")
        self._refuse_first_person(review, reviewer, "confirm")
        opened = dict(review.seen).get(reviewer)
        if opened is None:
            self._denied(reviewer, case_id, "the case was not opened")
            raise UserError(f"Open {case_id} first: nobody confirms a decision without having seen it.")
        if (self._clock() - datetime.fromisoformat(opened)).total_seconds() < self._least:
            self._denied(reviewer, case_id, "the case was opened just now")
            raise UserError(f"{case_id} was opened less than {self._least:.0f} seconds ago: read it first.")
        if verdict not in {"upheld", "changed"}:
            raise UserError("A review ends with 'upheld' or 'changed'.")
        if len(note.split()) < 5:
            raise UserError("Say in a sentence of your own why: the person reads it.")
        if (verdict == "changed") != bool(new_outcome.strip()):
            raise UserError("A changed decision needs its new outcome, and an upheld one has none.")
        return review

    def confirmed(self, case_id: str) -> Review:
        """Return the review of a case that a second person confirmed.

        Raises:
            UserError: if nobody has.
        """
        review = self._load(case_id)
        if not review.confirmed:
            raise UserError(f"{case_id} waits for a second person: no answer goes out before.")
        return review

    def upheld_share(self) -> Measurement | Unassessed:
        """Return the share of reviews that upheld the decision: near 1, it may be a rubber stamp."""
        done = [review for review in self._all() if review.confirmed]
        if not done:
            return Unassessed("no review is confirmed yet")
        upheld = sum(review.verdict == "upheld" for review in done)
        return Measurement(
            "reviews_upheld", upheld / len(done), "share", len(done), 1.0, wilson(upheld, len(done)),
            "share of confirmed reviews that upheld the automated decision", "GDPR Art. 22(3)",
        )  # fmt: skip

    def _refuse_first_person(self, review: Review, reviewer: str, action: str) -> None:
        if not reviewer.strip() or reviewer.strip() in {review.decided_by, review.opened_by}:
            self._denied(reviewer or "nobody", review.case_id, f"{action} by the first person")
            raise UserError(
                f"{review.case_id} needs a second person: not who decided, and not who put it into the queue."
            )

    def _load(self, case_id: str) -> Review:
        found = self._register.review(case_id)
        if found is None:
            raise UserError(f"{case_id} is not in the queue of reviews.")
        return _review(found)

    def _all(self) -> list[Review]:
        return [_review(body) for body in self._register.reviews()]

    def _save(self, review: Review) -> Review:
        self._register.save_review(review.case_id, json.dumps(asdict(review)))
        return review

    def _denied(self, actor: str, case_id: str, reason: str) -> None:
        self.trail.record(actor, "confirm", case_id, "denied", reason=reason)

    def _record(self, actor: str, action: str, target: str, outcome: str, reason: str) -> None:
        self.trail.record(actor, action, target, outcome, reason=reason)


def read_reasons(reasons: Any) -> tuple[tuple[str, ...], str]:
    """Return the reasons as sentences, and how they were found.

    Raises:
        UserError: if there are none, or the explanation says that they cannot be sent.
    """
    if hasattr(reasons, "problems"):
        reasons.notice()  # says what stands against sending them
        found = tuple(reasons.reasons["reason"])
        if not found or not all(isinstance(reason, str) and reason.strip() for reason in found):
            raise UserError("The explanation has a reason without a sentence: explain the decision again.")
        return found, str(reasons.method)
    if hasattr(reasons, "sentence") and not isinstance(reasons, str):
        return (reasons.sentence(),), str(getattr(reasons, "method", ""))
    if isinstance(reasons, str) or not isinstance(reasons, Sequence):
        reasons = [reasons] if isinstance(reasons, str) else []
    if not all(isinstance(reason, str) for reason in reasons):
        raise UserError("Reasons are sentences for the person: one of them is no text.")
    found = tuple(reason.strip() for reason in reasons if reason.strip())
    if not found:
        raise UserError("A decision goes to review with its reasons: explain it first.")
    return found, "as stated by the organization"


def _review(body: str) -> Review:
    try:
        fields = json.loads(body)
        fields["reasons"] = tuple(fields["reasons"])
        fields["seen"] = tuple((who, when) for who, when in fields["seen"])
        return Review(**fields)
    except (ValueError, TypeError, KeyError):
        raise UserError(
            "A review in the register of requests cannot be read: somebody or something changed the file. "
            "Put it back from the backup."
        ) from None
