"""What a filled questionnaire on controls is worth on a day: answers weigh only by documents that count."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Literal

from secure_ai.assess.controls.form import ControlAnswer, ControlEvidence, ControlsForm
from secure_ai.assess.controls.questionnaire import Control, load_controls, question_id
from secure_ai.core.errors import UserError
from secure_ai.govern.vendors import Evidence, JudgedEvidence
from secure_ai.govern.vendors.evidence import EvidenceJudge, plain, read_date

Status = Literal["shown", "documented", "not_applicable", "not_shown", "partly", "absent", "unanswered"]
STATUS_WORDS = {
    "shown": "in place, shown by a document",
    "documented": "not in place: reason and alternative documented",
    "not_applicable": "does not apply",
    "not_shown": "said, not shown",
    "partly": "in place in part",
    "absent": "not in place",
    "unanswered": "not answered",
}
OPEN = ("not_shown", "partly", "absent")
# The judge of vendors' documents asks whose they are and what they are about; of one's own that is given.
OURS, ABOUT = "the organization", "the assessed organization"
WANTED = (
    "Say why it is not reasonable (reason) and what is done instead (alternative), with the document of the "
    "decision."
)


@dataclass(frozen=True, slots=True)
class ControlResult:
    """How one control came out.

    Attributes:
        control: what was asked.
        answer: as it was given; empty where it was not answered.
        status: ``"shown"``, ``"documented"`` (reason and alternative), ``"not_applicable"``, ``"not_shown"``,
            ``"partly"``, ``"absent"`` or ``"unanswered"``.
        why: sentences on what speaks against the answer or its documents.
        evidence: the documents named, judged.
    """

    control: Control
    answer: str
    status: Status
    why: tuple[str, ...]
    evidence: tuple[JudgedEvidence, ...]

    @property
    def is_open(self) -> bool:
        """Return whether the control was answered and is neither shown nor validly replaced."""
        return self.status in OPEN


@dataclass(frozen=True, slots=True)
class ControlsReview:
    """The result for a filled questionnaire on one day.

    Attributes:
        judged_on: the day on which documents were judged.
        because: where that day comes from, one sentence.
        documents_seen: whether a folder of evidence was given.
        results: one for each control that is asked for, in the order of the form.
        left_out: answers to controls that this organization is not asked for.
    """

    judged_on: date
    because: str
    documents_seen: bool
    results: tuple[ControlResult, ...]
    left_out: int

    def of(self, status: Literal["required", "addressable"]) -> tuple[ControlResult, ...]:
        """Return the results of required, or of addressable, controls."""
        return tuple(one for one in self.results if one.control.status == status)


def review_controls(
    form: ControlsForm, evidence_folder: str | Path | None = None, *, day: date | None = None
) -> ControlsReview | None:
    """Return what the answers are worth.

    Documents are judged on ``day``; else on the day on which the form was filled in; else on the latest date
    of a document named, on which none can be of the future.

    Args:
        form: as :func:`~secure_ai.assess.controls.read_controls` returns it.
        evidence_folder: where the documents are; without it nobody has opened them.
        day: of the assessment.

    Returns:
        The review; None where there is no day at all.

    Raises:
        UserError: if the folder is none, or the form was filled in after ``day``.
    """
    folder = None if evidence_folder is None else Path(evidence_folder)
    if folder is not None and not folder.is_dir():
        raise UserError("The folder of evidence on controls does not exist: check the path (evidence).")
    judged_on, because = _day(form, day)
    if judged_on is None:
        return None
    asked = load_controls(form.sector)
    mine = asked.asked(form.institution, cards=form.cards)
    questions = asked.as_questions()
    judge = EvidenceJudge(questions, OURS, ABOUT, judged_on, folder)
    given = {control.id: form.answers.get(control.id, ControlAnswer()) for control in mine}
    kinds = _kinds(given.values())
    named = {name: [_evidence(one, kinds) for one in answer.evidence] for name, answer in given.items()}
    judge.learn(_Named(name, tuple(found)) for name, found in named.items())
    results = []
    for control in mine:
        question = questions[question_id(control)]
        judged = tuple(judge.judge(question, one) for one in named[control.id])
        results.append(_result(control, given[control.id], judged))
    answered = {name for name, answer in form.answers.items() if answer.answer}
    return ControlsReview(judged_on, because, folder is not None, tuple(results), len(answered - set(given)))


@dataclass(frozen=True, slots=True)
class _Named:
    """Documents named for one control, as the judge learns them."""

    question: str
    evidence: tuple[Evidence, ...]


def _day(form: ControlsForm, day: date | None) -> tuple[date | None, str]:
    filled = read_date(form.filled_on)
    if form.filled_on and filled is None:
        raise UserError(
            "The questionnaire on controls has a filled_on that is no date: write it as 2026-01-31."
        )
    if day is not None:
        if filled is not None and filled > day:
            raise UserError("The questionnaire on controls was filled in after the date of the assessment.")
        return day, f"Documents were judged on {day}, the date of the assessment."
    if filled is not None:
        return filled, f"No date was given: documents were judged on {filled}, when the form was filled in."
    dates = [read_date(one.date) for answer in form.answers.values() for one in answer.evidence]
    latest = max((one for one in dates if one is not None), default=None)
    return latest, (
        f"No date was given: documents were judged on {latest}, the latest date among them, so that none "
        "could be found to be of the future."
    )


def _kinds(answers: Iterable[ControlAnswer]) -> dict[str, str]:
    """Return document → its kind, for those that are given one kind somewhere."""
    found: dict[str, set[str]] = defaultdict(set)
    for answer in answers:
        for one in answer.evidence:
            if one.kind:
                found[_key(one)].add(one.kind)
    return {key: min(kinds) for key, kinds in found.items() if len(kinds) == 1}


def _key(one: ControlEvidence) -> str:
    return plain(one.file or one.document)


def _evidence(one: ControlEvidence, kinds: dict[str, str]) -> Evidence:
    return Evidence(
        document=one.document or one.file,
        kind=one.kind or kinds.get(_key(one), "document"),
        issuer=OURS,
        date=one.date,
        expires=one.valid_until,
        scope=ABOUT,
        file=one.file or one.document,
        sha256=one.sha256,
    )


def _result(control: Control, given: ControlAnswer, judged: tuple[JudgedEvidence, ...]) -> ControlResult:
    status, why = _status(control, given, judged)
    for number, one in enumerate(judged, 1):
        which = "The document" if len(judged) == 1 else f"Document {number}"
        why += [f"{which} given for it {sentence}." for _, sentence in one.problems]
    return ControlResult(control, given.answer, status, tuple(dict.fromkeys(why)), judged)


def _status(
    control: Control, given: ControlAnswer, judged: tuple[JudgedEvidence, ...]
) -> tuple[Status, list[str]]:
    counting = any(one.counts for one in judged)
    unproven = [] if judged else ["No document is given for it, so the answer weighs nothing."]
    if not given.answer:
        return "unanswered", []
    if given.answer == "yes":
        return ("shown", []) if counting else ("not_shown", unproven)
    if given.answer == "not applicable" and control.may_not_apply:
        if given.reason:
            return "not_applicable", []
        return "not_shown", [f"Say in reason that {control.may_not_apply}."]
    left: Status = "partly" if given.answer == "partly" else "absent"
    if control.takes_alternative:
        if given.reason and given.alternative and counting:
            return "documented", []
        missing = [] if given.reason and given.alternative else [WANTED]
        return left, [*missing, *(unproven if not missing else [])]
    if given.answer == "not applicable":
        return left, ["The rule leaves nobody out of this control."]
    return left, []
