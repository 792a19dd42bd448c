"""Section: what a vendor claims, what of it a document shows, and what has to happen before signing."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from secure_ai.assess.inputs import Inputs
from secure_ai.assess.parameters import AssessmentParameters
from secure_ai.assess.progress import Progress
from secure_ai.assess.registry import part_of
from secure_ai.assess.risks import judge, leave_open
from secure_ai.assess.section import Section, Table, Text, blocks
from secure_ai.core import Finding, Measurement, Unassessed, UserError, worst_level
from secure_ai.core.sources import shown
from secure_ai.govern.vendors import (
    Answers,
    Engagement,
    VendorAssessment,
    assess_vendor,
    load_questionnaire,
    read_form,
)
from secure_ai.govern.vendors.assessment import DECISION_WORDS, STATUS_WORDS
from secure_ai.govern.vendors.evidence import read_date

ID = RISK = "vendor.due_diligence"
NO_DAY = "Neither the date of the assessment nor the day on which the form was filled in is stated."
STRICTEST = "The strictest case was assumed: identified data, and work that stops without the service."
NOT_SEEN = "No folder of evidence was given (vendor_evidence): nobody has opened the documents."


def assess(inputs: Inputs, progress: Progress) -> Section:
    """Judge a vendor's answers by the documents that show them.

    The vendor's name, its comments and the names of its documents stay out of the section.

    Raises:
        UserError: if the form or the folder is none, or the form is of another sector.
    """
    parameters = inputs.parameters
    part = part_of(ID)
    progress("reading the vendor's answers", 0.0)
    questionnaire = load_questionnaire(parameters.sector)
    answers = _read(parameters.vendor, parameters.sector)
    day, said = _day(parameters, answers)
    if day is None:
        open_one = leave_open(RISK, NO_DAY, sector=parameters.sector, evidence=part.title)
        return Section(id=ID, title=part.title, summary=f"Not assessed: {NO_DAY}", findings=(open_one,))
    progress("judging the documents", 0.3)
    found = assess_vendor(
        answers,
        questionnaire,
        day,
        _folder(parameters.vendor_evidence),
        engagement=Engagement(service=answers.service),
    )
    asked, good = len(found.results), sum(one.status == "shown" for one in found.results)
    words = f"{DECISION_WORDS[found.decision]}: {good} of {asked} questions are shown by documents"
    again = f"Assess again by {found.reassess_on} ({found.reassess_because})."
    return Section(
        id=ID,
        title=part.title,
        summary=f"{words}.",
        assessed=f"Vendor: {asked} questions, {len(found.areas)} areas",
        findings=(_finding(parameters, found, part.title),),
        blocks=blocks(
            Text(text=f"{words}. {again} {said} {STRICTEST}"),
            None if found.documents_seen else Text(text=NOT_SEEN),
            Table.of(
                "What the documents show, by area; the level is the worst, never a mean",
                found.frame(),
                ("text", "text", "count", "count", "count", "count", "count", "share"),
            ),
            _gaps(found),
            _conditions(found),
            _clauses(found),
        ),
        facts={
            "questions": asked,
            "shown": good,
            "conditions": len(found.conditions),
            "clauses": len(found.clauses),
            "assess_again": str(found.reassess_on),
        },
    )


def check_answered(parameters: AssessmentParameters, place: str) -> None:
    """Refuse a form that :func:`assess` would refuse; the documents are not opened.

    Raises:
        UserError: as :func:`assess`.
    """
    answers = _read(place, parameters.sector)
    day, _ = _day(parameters, answers)
    if day is not None:
        questionnaire, engagement = load_questionnaire(parameters.sector), Engagement(service=answers.service)
        assess_vendor(answers, questionnaire, day, None, engagement=engagement)


def _read(place: str, sector: str) -> Answers:
    try:
        answers = read_form(place)
    except UserError as error:
        # Its sentence names the file, which may be called after a person.
        name = shown(Path(place).name)
        raise UserError(str(error).replace(f" {name}", " of the vendor")) from None
    if answers.sector != sector:
        raise UserError(
            f"The vendor's form is for {answers.sector}, and the assessment for {sector}: "
            "give the vendor a form of this sector."
        )
    return answers


def _day(parameters: AssessmentParameters, answers: Answers) -> tuple[date | None, str]:
    if parameters.date:
        return date.fromisoformat(parameters.date), f"Documents were judged on {parameters.date}."
    filled = read_date(answers.completed_on)
    return filled, f"Documents were judged on {filled}, when the form was filled in: no date was given."


def _folder(place: str | None) -> Path | None:
    if place is None:
        return None
    if not Path(place).is_dir():
        raise UserError("The folder of the vendor's evidence does not exist: check vendor_evidence.")
    return Path(place)


def _finding(parameters: AssessmentParameters, found: VendorAssessment, evidence: str) -> Finding:
    left = found.gaps
    count, asked = float(len(left)), len(found.results)
    figure: Measurement | Unassessed = Measurement(
        name="questions_absent_or_not_shown",
        value=count,
        unit="questions",
        n=asked,
        baseline=float(asked),
        interval=(count, count),
        method=f"questionnaire {found.release}, judged on {found.assessed_on}; baseline: no document",
        source="secure_ai.govern.vendors; 45 CFR 164.308(b)(1); 12 CFR 30 App. B III.D",
    )
    if not left and not found.documents_seen:
        figure = Unassessed(NOT_SEEN)
    worst = worst_level(one.level for one in left) if left else None
    title = f"{len(left)} of {asked} questions to the vendor are not shown by a document"
    if left:
        areas = [area.title for area in found.areas if area.level is worst]
        title += f"; the worst are {worst.value}, in {', '.join(areas)}"
    return judge(
        RISK,
        title,
        figure,
        sector=parameters.sector,
        thresholds=parameters.thresholds,
        success=count / asked,
        severity=worst,
        severity_reason="that of the worst question that is open." if left else None,
        evidence=evidence,
    )


def _gaps(found: VendorAssessment) -> Table | None:
    if not found.gaps:
        return None
    why: dict[str, list[str]] = {}
    for flag in found.flags:
        why.setdefault(flag.question, []).append(flag.sentence)
    rows = tuple(
        (
            one.level.value,
            next(area.title for area in found.areas if area.area == one.area),
            one.text,
            STATUS_WORDS[one.status],
            " ".join(dict.fromkeys(why.get(one.question, []))),
            ", ".join(one.ids),
        )
        for one in found.gaps
    )
    return Table(
        title="What is not shown to be good, the worst first",
        columns=("level", "area", "question", "state", "why", "rules"),
        formats=("text",) * 6,
        rows=rows,
    )


def _conditions(found: VendorAssessment) -> Table | None:
    """Return the conditions, those that quote a document's title without it."""
    titles = {one.document for result in found.results for one in result.evidence if one.document}
    rows = []
    for question, text in found.conditions:
        quotes = not question and any(title in text for title in titles)
        words = "Have a person read all of a document on which many answers rest." if quotes else text
        rows.append((question or "all", words))
    rows = list(dict.fromkeys(rows))
    if not rows:
        return None
    return Table(
        title="Conditions before signing",
        columns=("question", "condition"),
        formats=("text", "text"),
        rows=tuple(rows),
    )


def _clauses(found: VendorAssessment) -> Table | None:
    rows = tuple(
        (one.title, "yes" if one.by_law else "", len(one.because), ", ".join(one.ids))
        for one in found.clauses
    )
    if not rows:
        return None
    return Table(
        title="Clauses for the contract: those that the law asks for, and one for each gap",
        columns=("clause", "by law", "gaps that it closes", "rules"),
        formats=("text", "text", "count", "text"),
        rows=rows,
    )
