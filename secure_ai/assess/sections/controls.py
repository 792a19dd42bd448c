"""Section: controls in the organization, required and addressable kept apart, each by what shows it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from secure_ai.assess.controls import ControlResult, ControlsReview, read_controls, review_controls
from secure_ai.assess.controls.review import STATUS_WORDS
from secure_ai.assess.inputs import Inputs
from secure_ai.assess.parameters import AssessmentParameters
from secure_ai.assess.progress import Progress
from secure_ai.assess.registry import part_of
from secure_ai.assess.risks import judge, leave_open
from secure_ai.assess.section import Cell, Section, Table, Text, blocks
from secure_ai.core import Finding, Measurement, Unassessed, worst_level
from secure_ai.core.finding import LEVEL_ORDER
from secure_ai.core.frameworks import entry

ID = "controls.questionnaire"
DUTIES = ("required", "addressable")
NO_DAY = "No date was given, none stands in the questionnaire, and no document has one."
NOTHING = "No control that this organization is asked for was answered."
NOT_SEEN = "No folder of evidence was given (evidence): nobody has opened the documents."
NAMELESS = "Notes, reasons and the names of documents stay in the questionnaire; here documents have numbers."
KIT = (
    "Controls that only voluntary frameworks name (AI) count as addressable: in place, or documented why not "
    "and what instead. That is the kit's rule, not a law's."
)


def assess(inputs: Inputs, progress: Progress) -> Section:
    """Judge the answers to the questionnaire on controls by the documents that show them.

    Raises:
        UserError: if the questionnaire or the folder of evidence is none, or is of another sector.
    """
    parameters = inputs.parameters
    part = part_of(ID)
    progress("reading the questionnaire", 0.0)
    form = read_controls(parameters.controls, parameters.sector)
    progress("judging the documents", 0.2)
    day = date.fromisoformat(parameters.date) if parameters.date else None
    review = review_controls(form, parameters.evidence, day=day)
    if review is None or not any(one.answer for one in review.results):
        given = any(answer.answer for answer in form.answers.values())
        reason = NO_DAY if given and review is None else NOTHING
        findings = tuple(
            leave_open(name, reason, sector=parameters.sector, evidence=part.title) for name in part.risks
        )
        return Section(id=ID, title=part.title, summary=f"Not assessed: {reason}", findings=findings)
    answered = sum(bool(one.answer) for one in review.results)
    return Section(
        id=ID,
        title=part.title,
        summary=_summary(review),
        assessed=f"Controls: {answered} of {len(review.results)} answered, judged on {review.judged_on}",
        findings=tuple(_finding(parameters, review, duty, part.title) for duty in DUTIES),
        blocks=blocks(
            Text(text=f"{review.because} {_left_out(review)}{NAMELESS} {KIT}"),
            None if review.documents_seen else Text(text=NOT_SEEN),
            _counts(review),
            _gaps(review),
            _unanswered(review),
            _crosswalk(review),
            _every(review),
            _evidence(review),
        ),
        facts=_facts(review),
    )


def check_answered(parameters: AssessmentParameters, place: str) -> None:
    """Refuse a questionnaire that :func:`assess` would refuse; the documents are not opened.

    Raises:
        UserError: as :func:`assess`.
    """
    day = date.fromisoformat(parameters.date) if parameters.date else None
    review_controls(read_controls(place, parameters.sector), day=day)


def _finding(parameters: AssessmentParameters, review: ControlsReview, duty: str, evidence: str) -> Finding:
    name = f"controls.{duty}"
    results = review.of(duty)
    answered = [one for one in results if one.answer]
    left = [one for one in answered if one.is_open]
    missing = len(results) - len(answered)
    figure = _figure(review, duty, answered, left, missing)
    title = f"{len(left)} of {len(answered)} {duty} controls are not shown"
    worst = worst_level(one.control.level for one in left) if left else None
    if worst is not None:
        count = sum(one.control.level is worst for one in left)
        title += f", {count} of them {worst.value}"
        by_law = sum(one.control.by_law for one in left)
        if by_law < len(left):
            title += f"; {by_law} by law or contract, {len(left) - by_law} by voluntary frameworks"
    title += f"; {_not_answered(missing)}" if missing else ""
    return judge(
        name,
        title,
        figure,
        sector=parameters.sector,
        thresholds=parameters.thresholds,
        success=len(left) / len(answered) if answered else None,
        severity=worst,
        severity_reason="that of the worst control that is open." if left else None,
        evidence=evidence,
    )


def _figure(
    review: ControlsReview,
    duty: str,
    answered: Sequence[ControlResult],
    left: Sequence[ControlResult],
    missing: int,
) -> Measurement | Unassessed:
    if not answered:
        return Unassessed(f"No {duty} control was answered.")
    if missing and not left:
        return Unassessed(f"Of the {duty} controls {_not_answered(missing)}; the others are shown.")
    if not left and not review.documents_seen:
        return Unassessed(NOT_SEEN)
    count = float(len(left))
    return Measurement(
        name=f"{duty}_controls_not_shown",
        value=count,
        unit="controls",
        n=len(answered),
        baseline=float(len(answered)),
        interval=(count, count),
        method=f"questionnaire, documents judged on {review.judged_on}; baseline: no document",
        source="45 CFR 164.306(d); 12 CFR 30 App. B III.A to III.G; 16 CFR 314.4; secure_ai.assess.controls",
    )


def _summary(review: ControlsReview) -> str:
    parts = []
    for duty in DUTIES:
        results = [one for one in review.of(duty) if one.answer]
        parts.append(f"{sum(one.is_open for one in results)} of {len(results)} {duty}")
    missing = sum(not one.answer for one in review.results)
    return f"Controls answered and not shown: {' and '.join(parts)}; {_not_answered(missing)}."


def _not_answered(count: int) -> str:
    return f"{count} {'was' if count == 1 else 'were'} not answered"


def _left_out(review: ControlsReview) -> str:
    if not review.left_out:
        return ""
    return f"{review.left_out} answers are to controls that this organization is not asked for. "


def _counts(review: ControlsReview) -> Table:
    rows = []
    for status, words in STATUS_WORDS.items():
        counted = [sum(one.status == status for one in review.of(duty)) for duty in DUTIES]
        rows.append((words, *counted))
    return Table(
        title="How the controls came out; nothing is added up across the two",
        columns=("state", *DUTIES),
        formats=("text", "count", "count"),
        rows=tuple(rows),
    )


def _worst_first(results: Sequence[ControlResult]) -> list[ControlResult]:
    def key(one: ControlResult) -> tuple[int, bool]:
        return -LEVEL_ORDER.index(one.control.level), one.control.status == "addressable"

    return sorted(results, key=key)


def _gaps(review: ControlsReview) -> Table | None:
    left = _worst_first([one for one in review.results if one.is_open])
    if not left:
        return None
    rows = tuple(
        (
            one.control.level.value,
            one.control.status,
            one.control.question,
            STATUS_WORDS[one.status],
            " ".join(one.why),
            one.control.evidence,
            ", ".join(one.control.ids),
        )
        for one in left
    )
    return Table(
        title="Controls that are not shown, the worst first",
        columns=("level", "duty", "control", "state", "why", "what would show it", "rules"),
        formats=("text",) * 7,
        rows=rows,
    )


def _unanswered(review: ControlsReview) -> Table | None:
    left = _worst_first([one for one in review.results if not one.answer])
    if not left:
        return None
    return Table(
        title="Controls that were not answered: unassessed",
        columns=("level", "duty", "control", "rules"),
        formats=("text",) * 4,
        rows=tuple(
            (one.control.level.value, one.control.status, one.control.question, ", ".join(one.control.ids))
            for one in left
        ),
    )


def _crosswalk(review: ControlsReview) -> Table:
    """Return one row a framework; a control counts in each framework that it names."""
    by_name: dict[str, list[ControlResult]] = {}
    for one in review.results:
        for name in dict.fromkeys(found.framework for found in one.control.frameworks):
            by_name.setdefault(name, []).append(one)
    rows = tuple(
        (
            name,
            found[0].control.frameworks[_place(found[0], name)].release,
            len(found),
            sum(one.status in ("shown", "documented", "not_applicable") for one in found),
            sum(one.is_open for one in found),
            sum(not one.answer for one in found),
        )
        for name, found in by_name.items()
    )
    return Table(
        title="Crosswalk: the same controls by framework; one that answers several counts in each",
        columns=("framework", "release", "controls", "shown or documented", "not shown", "not answered"),
        formats=("text", "text", "count", "count", "count", "count"),
        rows=rows,
    )


def _place(one: ControlResult, framework: str) -> int:
    return [found.framework for found in one.control.frameworks].index(framework)


def _every(review: ControlsReview) -> Table:
    by_rule: dict[str, list[ControlResult]] = {}
    for one in review.results:
        for name in one.control.ids:
            by_rule.setdefault(name, []).append(one)
    rows: list[tuple[Cell, ...]] = []
    for name, found in by_rule.items():
        rule = entry(name)
        states = dict.fromkeys(STATUS_WORDS[one.status] for one in found)
        named = rule.detail or rule.name
        rows.append((rule.framework, name, named, len(found), "; ".join(states)))
    rows.sort(key=lambda row: str(row[0]))
    return Table(
        title="Every rule that a control answers, and how those controls came out",
        columns=("framework", "rule", "name", "controls", "state"),
        formats=("text", "text", "text", "count", "text"),
        rows=tuple(rows),
    )


def _evidence(review: ControlsReview) -> Table | None:
    rows: list[tuple[Cell, ...]] = []
    for one in review.results:
        for number, judged in enumerate(one.evidence, 1):
            rows.append(
                (
                    one.control.id,
                    number,
                    judged.kind if judged.kind in one.control.kinds else "another",
                    _shown(judged.dated),
                    _shown(judged.counts_until),
                    "counts" if judged.counts else "; ".join(words for _, words in judged.problems),
                    judged.sha256 if judged.seen else "",
                )
            )
    if not rows:
        return None
    return Table(
        title="Documents that were named, what speaks against them, and the SHA-256 of those that are there",
        columns=("control", "document", "kind", "dated", "counts until", "state", "SHA-256"),
        formats=("text", "count", "text", "text", "text", "text", "text"),
        rows=tuple(rows),
    )


def _shown(day: date | None) -> str:
    return "" if day is None else day.isoformat()


def _facts(review: ControlsReview) -> dict[str, str | int | float | bool | None]:
    facts: dict[str, str | int | float | bool | None] = {
        "judged_on": review.judged_on.isoformat(),
        "documents_seen": review.documents_seen,
    }
    for duty in DUTIES:
        for status in STATUS_WORDS:
            facts[f"{duty}_{status}"] = sum(one.status == status for one in review.of(duty))
    return facts
