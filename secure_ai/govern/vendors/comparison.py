"""Vendors side by side, and one vendor then and now; no ranking, because no mean hides a gap here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from secure_ai.core.errors import UserError
from secure_ai.core.sources import shown
from secure_ai.govern.vendors.assessment import (
    DECISION_WORDS,
    STATUS_WORDS,
    AreaResult,
    QuestionResult,
    VendorAssessment,
    slug,
)


@dataclass(frozen=True, slots=True)
class Change:
    """What is different from the last assessment.

    Attributes:
        question: id.
        what: ``"better"``, ``"worse"``, ``"answer"``, ``"document"``, ``"new question"`` or
            ``"no longer asked"``.
        sentence: the difference.
    """

    question: str
    what: Literal["better", "worse", "answer", "document", "new question", "no longer asked"]
    sentence: str


def compare_vendors(assessments: Sequence[VendorAssessment]) -> pd.DataFrame:
    """Return vendors side by side: one row an area and one each for what follows, one column a vendor.

    Cells of areas read ``"critical: 3 of 7 shown"``.

    Raises:
        UserError: if there are none, one vendor is there twice, or they were asked different things.
    """
    if not assessments:
        raise UserError("There is nothing to compare: assess two or more vendors first.")
    check_comparable(assessments)
    columns = {one.vendor: _column(one) for one in assessments}
    frame = pd.DataFrame(columns)
    frame.index.name = "area"
    return frame


def check_comparable(assessments: Sequence[VendorAssessment]) -> None:
    """Refuse vendors that were asked different things, or one vendor twice.

    Raises:
        UserError: saying what differs.
    """
    names = [slug(one.vendor) for one in assessments]
    twice = next((one.vendor for one in assessments if names.count(slug(one.vendor)) > 1), None)
    if twice is not None:
        raise UserError(f"{shown(twice)} is there twice: compare each vendor once.")
    for what in ("sector", "release", "tier"):
        if len({getattr(one, what) for one in assessments}) > 1:
            raise UserError(f"The assessments differ in {what}: compare vendors that were asked the same.")
    if len({tuple(one.question for one in vendor.results) for vendor in assessments}) > 1:
        raise UserError("The vendors were asked different questions: assess them for the same engagement.")


def changes(previous: VendorAssessment, now: VendorAssessment) -> tuple[Change, ...]:
    """Return what is different now, the worse first.

    Raises:
        UserError: if the two are of different vendors or sectors, or in the wrong order.
    """
    if slug(previous.vendor) != slug(now.vendor) or previous.sector != now.sector:
        raise UserError("The two assessments are of different vendors: give two of the same.")
    if previous.assessed_on > now.assessed_on:
        raise UserError("The previous assessment is younger than this one: exchange the two.")
    before = {one.question: one for one in previous.results}
    after = {one.question: one for one in now.results}
    found = [
        change for name in before.keys() & after.keys() for change in _changed(before[name], after[name], now)
    ]
    found += [
        Change(name, "new question", f"Asked now for the first time: {STATUS_WORDS[after[name].status]}.")
        for name in after.keys() - before.keys()
    ]
    found += [
        Change(name, "no longer asked", f"Asked then, not now: it was {STATUS_WORDS[before[name].status]}.")
        for name in before.keys() - after.keys()
    ]
    order = ("worse", "document", "answer", "new question", "no longer asked", "better")
    return tuple(sorted(found, key=lambda change: (order.index(change.what), change.question)))


def _changed(before: QuestionResult, after: QuestionResult, now: VendorAssessment) -> list[Change]:
    name = after.question
    found = []
    if before.status != after.status:
        was_shown, is_shown = before.status == "shown", after.status == "shown"
        what = "better" if is_shown else "worse" if was_shown else "answer"
        why = [flag.sentence for flag in now.flags if flag.question == name and not is_shown]
        sentence = f"Was {STATUS_WORDS[before.status]}, is {STATUS_WORDS[after.status]}."
        found.append(Change(name, what, " ".join([sentence, *why])))
    if before.answer != after.answer:
        found.append(
            Change(
                name, "answer", f"Answered '{before.answer or 'nothing'}', now '{after.answer or 'nothing'}'."
            )
        )
    lost = {(one.kind, one.document) for one in before.evidence if one.counts}
    lost -= {(one.kind, one.document) for one in after.evidence if one.counts}
    for kind, title in sorted(lost):
        found.append(Change(name, "document", f"The {kind} '{shown(title)}' counted then and does not now."))
    return found


def _column(one: VendorAssessment) -> dict[str, str]:
    column = {area.title: in_words(area) for area in one.areas}
    column["Decision"] = DECISION_WORDS[one.decision]
    column["Conditions before signing"] = str(len(one.conditions))
    column["Clauses for gaps"] = str(sum(bool(clause.because) for clause in one.clauses))
    column["Documents opened"] = "yes" if one.documents_seen else "no"
    column["Assessed on"] = one.assessed_on.isoformat()
    column["Assess again by"] = one.reassess_on.isoformat()
    return column


def in_words(area: AreaResult) -> str:
    """Return an area's worst level and how much was shown, as in ``"critical: 3 of 7 shown"``."""
    return f"{area.level.value}: {area.shown} of {area.asked} shown"
