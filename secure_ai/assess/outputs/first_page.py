"""What stands on the first page: the verdict, the worst of each area, and what nobody has measured."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from secure_ai.assess.assessment import Assessment, area_of
from secure_ai.assess.outputs.words import AREA_NAMES, clause, short
from secure_ai.assess.registry import AREAS
from secure_ai.assess.risks import risks
from secure_ai.assess.treatment import three_things_to_do
from secure_ai.core import Finding, Level, Unassessed

LONGEST_FINDING, LONGEST_LINE, LONGEST_ACTION = 120, 110, 160
# So much is read on one page; each line gets its part of it, and stands whole in the detail.
CHARACTERS = 1_100
SHORTEST_LINE = 40


@dataclass(frozen=True)
class Area:
    """A row of the table of areas.

    Attributes:
        name: as it is shown.
        level: the worst, or ``unassessed``.
        finding: title of the worst finding, cut; why nothing was measured, where it was not.
        target: the worst finding; None where nothing was measured.
        left_open: how many risks of how many were not assessed, in words; empty where all were.
    """

    name: str
    level: str
    finding: str
    target: Finding | None
    left_open: str


@dataclass(frozen=True)
class Lines:
    """What was assessed, or not, in one area."""

    area: str
    lines: tuple[str, ...]


@dataclass(frozen=True)
class FirstPage:
    """Everything on the first page.

    Attributes:
        areas: one row for each.
        assessed: lines of the sections that measured something, by area.
        not_assessed: names of the risks that nobody measured, by area.
        shares: width of what was assessed and of what was not, as parts of the page.
        todo: up to three actions, each with its reason.
        follows: label and sentence: losses, before and after, changes since the last report.
        facts: label and figure: records, columns, findings.
    """

    areas: tuple[Area, ...]
    assessed: tuple[Lines, ...]
    not_assessed: tuple[Lines, ...]
    shares: tuple[int, int]
    todo: tuple[tuple[str, str], ...]
    follows: tuple[tuple[str, str], ...]
    facts: tuple[tuple[str, str], ...]


def first_page(assessment: Assessment) -> FirstPage:
    """Return what stands on the first page of the report."""
    assessed = tuple(_assessed(assessment))
    not_assessed = tuple(_not_assessed(assessment.findings, assessment.left_open()))
    return FirstPage(
        areas=tuple(_areas(assessment)),
        assessed=assessed,
        not_assessed=not_assessed,
        shares=_shares(_length(assessed), _length(not_assessed)),
        todo=tuple(_todo(assessment)),
        follows=tuple(_follows(assessment)),
        facts=tuple(_facts(assessment)),
    )


def risk_name(finding: Finding) -> str:
    """Return what a table calls a risk."""
    known = risks().get(finding.id)
    return known.name if known else finding.title


def _areas(assessment: Assessment) -> Iterable[Area]:
    for area, (level, worst) in assessment.worst_by_area().items():
        inside = [one for one in assessment.findings if area_of(one) == area]
        gaps = [one for one in inside if one.level is Level.UNASSESSED]
        said = ""
        if gaps and len(gaps) < len(inside):
            said = f"{len(gaps)} of {len(inside)} risks not assessed"
        if worst is None or level is Level.UNASSESSED:
            why = clause(_usual_reason(gaps) or "It is no part of this assessment.", LONGEST_FINDING)
            yield Area(AREA_NAMES[area], Level.UNASSESSED.value, why, None, said)
        else:
            yield Area(AREA_NAMES[area], level.value, clause(worst.title, LONGEST_FINDING), worst, said)


def _usual_reason(gaps: Iterable[Finding]) -> str:
    """Return why nothing was measured, for most of the risks; "no model" is not said twice in other words."""
    reasons = Counter(one.measurement.reason for one in gaps if isinstance(one.measurement, Unassessed))
    return reasons.most_common(1)[0][0] if reasons else ""


def _assessed(assessment: Assessment) -> Iterable[Lines]:
    lines: dict[str, list[str]] = {}
    number = sum(bool(section.assessed) for section in assessment.sections)
    longest = max(SHORTEST_LINE, min(LONGEST_LINE, CHARACTERS // max(number, 1)))
    for section in assessment.sections:
        if section.assessed:
            # The area of its findings: fairness is measured on the model.
            areas = {area_of(one) for one in section.findings} or {section.id.split(".", maxsplit=1)[0]}
            area = next((name for name in AREAS if name in areas), "data")
            # The area stands before the lines: it is not said again at the beginning of each.
            line = section.assessed.removeprefix(f"{AREA_NAMES[area]}: ")
            lines.setdefault(area, []).append(clause(line[:1].lower() + line[1:], longest))
    return (Lines(AREA_NAMES[area], tuple(lines[area])) for area in AREAS if area in lines)


def _not_assessed(findings: Iterable[Finding], left_open: Iterable[Finding]) -> Iterable[Lines]:
    names: dict[str, list[str]] = {}
    for finding in left_open:
        names.setdefault(area_of(finding), []).append(short(risk_name(finding), LONGEST_LINE))
    known = {area_of(finding) for finding in findings}
    for area in AREAS:
        if area not in known:
            # An area of which no section says anything is not assessed either.
            names.setdefault(area, []).append("all of it")
    return (Lines(AREA_NAMES[area], tuple(names[area])) for area in AREAS if area in names)


def _length(groups: Iterable[Lines]) -> int:
    return sum(len(line) for group in groups for line in group.lines)


def _shares(assessed: int, not_assessed: int) -> tuple[int, int]:
    """Give the longer of two lists more of the page, within bounds."""
    part = round(10 * assessed / max(assessed + not_assessed, 1))
    return (found := min(max(part, 3), 7), 10 - found)


def _todo(assessment: Assessment) -> Iterable[tuple[str, str]]:
    measured = {str(step) for one in assessment.measured() for step in one.mitigations}
    needed = {str(step) for one in assessment.left_open() for step in one.mitigations} - measured
    for action, why in three_things_to_do(assessment.findings):
        # What was not assessed has no mitigation but what would have to be supplied.
        words = f"Have it measured; needed: {action}" if action in needed else action
        # An id means nothing to a board; the detail has it.
        words = re.sub(r" \([a-z_.]+\)\.$", ".", words)
        yield clause(words, LONGEST_ACTION), clause(why, LONGEST_ACTION)


def _follows(assessment: Assessment) -> Iterable[tuple[str, str]]:
    by_id = {section.id: section for section in assessment.treatment}
    losses = by_id.get("treatment.losses")
    # Without a measured success rate it is the same sum for everybody: that tells nothing of this system.
    if losses is not None and losses.facts.get("measured_scenarios"):
        made_up = " Its amounts are made up, not yours." if losses.facts.get("illustration") else ""
        yield "Expected loss", f"{losses.summary}.{made_up}"
    for name, words in (("before_after", "After mitigation"), ("changes", "Since the last report")):
        if section := by_id.get(f"treatment.{name}"):
            yield words, section.summary


def _facts(assessment: Assessment) -> Iterable[tuple[str, str]]:
    found = next((one.facts for one in assessment.sections if one.id == "data.inventory"), {})
    yield "Date", assessment.parameters.date or "not stated"
    yield "Sector", assessment.parameters.sector
    for name in ("records", "columns"):
        if isinstance(found.get(name), int):
            yield name.capitalize(), f"{found[name]:,}"
    measured = len(assessment.measured())
    yield "Risks measured", f"{measured} of {len(assessment.findings)}"
