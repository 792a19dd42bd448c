"""The treatment plan: decision, owner and due date for each finding, and what is still missing."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, StringConstraints, model_validator

from secure_ai.assess.registry import AREAS, PARTS
from secure_ai.assess.risks import risks
from secure_ai.assess.section import Section, Table, Text, blocks
from secure_ai.assess.treatment.before_after import residual_of
from secure_ai.core import Finding, Level, Outcome, UserError
from secure_ai.core.sources import shown
from secure_ai.core.text import mask_spans
from secure_ai.core.yaml_files import Strict, checked, read_yaml

ID = "treatment.plan"
TITLE = "Treatment plan"
ADDRESS = re.compile(r"\S@\S")
NAME_HIDDEN = "[PERSON]"
# What of a person a plan must not carry into a report; roles are named instead.
PERSONAL = ("PERSON", "PHONE_NUMBER", "US_SSN")
UNOWNED, UNDATED = "to be assigned", "to be agreed"
EXAMPLE = "model.evasion: {owner: fraud model owner, due: 2026-06-30, decision: mitigate}"


def _day(value: Any) -> Any:
    if isinstance(value, str):
        try:
            return date.fromisoformat(value.strip())
        except ValueError:
            raise ValueError("a date is written as 2026-06-30") from None
    return value


def _one_line(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    if ADDRESS.search(value):
        raise ValueError("an e-mail address belongs to a person: write the role, such as 'fraud model owner'")
    return " ".join("".join(c if c.isprintable() else " " for c in value).split())


Day = Annotated[date, BeforeValidator(_day)]
Role = Annotated[str, BeforeValidator(_one_line), StringConstraints(min_length=1, max_length=80)]
Words = Annotated[str, BeforeValidator(_one_line), StringConstraints(min_length=1, max_length=500)]


class PlanEntry(Strict):
    """What is planned for a finding, or for all findings of an area.

    Attributes:
        owner: role that sees to it; no person's name.
        due: when it is done.
        decision: ``mitigate``, ``accept``, ``transfer`` or ``avoid``.
        reason: why; needed to accept.
        accepted_until: end of an acceptance.
        approved_by: role that approved an acceptance.
    """

    owner: Role | None = None
    due: Day | None = None
    decision: Literal["mitigate", "accept", "transfer", "avoid"] | None = None
    reason: Words | None = None
    accepted_until: Day | None = None
    approved_by: Role | None = None

    @model_validator(mode="after")
    def _accepted_for_a_reason(self) -> PlanEntry:
        if self.decision == "accept" and not self.reason:
            raise ValueError("a risk is accepted for a reason: add 'reason'")
        if self.decision != "accept" and (self.accepted_until or self.approved_by):
            raise ValueError("'accepted_until' and 'approved_by' belong to 'decision: accept'")
        return self


@dataclass(frozen=True)
class Plan:
    """A plan that was read and checked.

    Attributes:
        entries: finding id or area → what is planned.
        named: places at which a person's name was found and hidden.
    """

    entries: Mapping[str, PlanEntry]
    named: tuple[str, ...] = ()

    def of(self, finding: Finding) -> PlanEntry:
        """Return what is planned for a finding: its own entry, and from its area what that leaves out.

        An area's entry is for what has to be treated or measured, not for what is within its threshold.
        """
        own = self.entries.get(finding.id, PlanEntry())
        if finding.outcome is Outcome.WITHIN_THRESHOLD:
            return own
        area = self.entries.get(finding.id.split(".")[0], PlanEntry())
        decision = own.decision
        if decision is None and finding.outcome is Outcome.EXCEEDS_THRESHOLD:
            decision = area.decision
        return own.model_copy(
            update={
                "owner": own.owner or area.owner,
                "due": own.due or area.due,
                "decision": decision,
                "reason": own.reason or (area.reason if own.decision is None else None),
            }
        )


@dataclass(frozen=True)
class Planned:
    """Findings with what the plan says of them.

    Attributes:
        findings: in the order given.
        entries: of each finding by id.
        flags: sentences on what does not fit.
        gaps: sentences on findings above their threshold that nobody owns, or that have no date or decision.
    """

    findings: tuple[Finding, ...]
    entries: Mapping[str, PlanEntry]
    flags: tuple[str, ...]
    gaps: tuple[str, ...]


def known_ids() -> set[str]:
    """Return every finding id that a plan may name."""
    return set(risks()) | {name for part in PARTS for name in part.risks}


def read_plan(path: str | Path) -> Plan:
    """Read a plan: finding id (or area) → owner, due, decision, reason, accepted_until, approved_by.

    A person's name that the detectors find is hidden, and its place remembered for a flag.

    Raises:
        UserError: if it cannot be read, names an unknown finding, has an e-mail address, accepts without a
            reason or a whole area at once, or a field is unknown or ill typed.
    """
    content = read_yaml(path, "plan")
    if not isinstance(content, dict) or not content:
        raise UserError(f"The plan holds no entries: write one for each finding, as {EXAMPLE}.")
    known, entries = known_ids(), {}
    for name, fields in content.items():
        if name not in known and name not in AREAS:
            raise UserError(
                f"The plan names {shown(str(name))}, which is neither a finding nor an area: use an id of "
                f"findings.json, or one of {', '.join(AREAS)}."
            )
        entry = checked(PlanEntry, fields, f"plan for {name}")
        if name in AREAS and entry.decision == "accept":
            raise UserError(
                f"The plan accepts the whole area {name}: risks are accepted one by one, each for its reason."
            )
        entries[str(name)] = entry
    return _without_names(entries)


def apply_plan(findings: Sequence[Finding], plan: Plan | None, today: str | None) -> Planned:
    """Put decision, owner and due date on the findings, and say what is missing or does not fit.

    An acceptance that does not hold is not counted, and the decision stays open: one of a risk that nobody
    measured, one that has lapsed, one of a critical risk without the role that approved it.

    Args:
        findings: of the assessment.
        plan: what was read; None if there is none: then everything above its threshold is a gap.
        today: date of the report; without it no date counts as past.
    """
    now = date.fromisoformat(today) if today else None
    plan = plan or Plan({})
    done, entries, flags, gaps = [], {}, [], []
    for place in plan.named:
        flags.append(f"A person's name was found in the plan ({place}) and is not shown: name a role.")
    present = {finding.id for finding in findings} | {finding.id.split(".")[0] for finding in findings}
    absent = [name for name in plan.entries if name not in present]
    flags += [f"The plan names {name}, which this assessment has not." for name in absent]
    for finding in findings:
        entry = plan.of(finding)
        objections = _objections(finding, entry, now)
        flags += objections.values()
        void = entry.decision == "accept" and "accept" in objections
        entries[finding.id] = entry.model_copy(update={"decision": None}) if void else entry
        done.append(_planned(finding, entries[finding.id]))
        gap = _gap(done[-1])
        gaps += [gap] if gap else []
    return Planned(tuple(done), entries, tuple(flags), tuple(gaps))


def plan_section(planned: Planned, given: bool, today: str | None) -> Section:
    """Return the section: flags, gaps and the table of what is planned.

    Args:
        planned: findings with what the plan says.
        given: whether there is a plan.
        today: date of the report.
    """
    open_ones = [f for f in planned.findings if f.outcome is Outcome.EXCEEDS_THRESHOLD]
    counts = {
        name: sum(f.decision == name for f in open_ones)
        for name in ("mitigate", "accept", "transfer", "avoid", "open")
    }
    said = ", ".join(f"{number} {name}" for name, number in counts.items() if number)
    summary = f"{len(open_ones)} findings above their threshold: {said}" if open_ones else "nothing to decide"
    if planned.gaps:
        summary += f"; {len(planned.gaps)} without an owner, a date or a decision"
    intro = "What the organization decided on each finding."
    if not given:
        intro = "No plan was given: what is above its threshold needs an owner, a date and a decision."
    elif today is None:
        intro += " The report has no date, so no date of the plan can be said to be past."
    return Section(
        id=ID,
        title=TITLE,
        summary=summary,
        blocks=blocks(
            Text(text=intro),
            [Text(text=f"To be corrected: {flag}") for flag in planned.flags],
            [Text(text=f"Gap: {gap}") for gap in planned.gaps],
            _table(planned) if planned.findings else None,
        ),
        facts={"gaps": len(planned.gaps), "flags": len(planned.flags), **counts},
    )


def _objections(finding: Finding, entry: PlanEntry, now: date | None) -> dict[str, str]:
    """Return what does not fit, by what it is about; ``accept``: the acceptance does not hold."""
    found: dict[str, str] = {}
    if now and entry.due and entry.due < now and finding.outcome is not Outcome.WITHIN_THRESHOLD:
        found["due"] = f"{finding.title}: was due on {entry.due.isoformat()}, before the date of this report."
    if entry.decision != "accept":
        return found
    if finding.level is Level.UNASSESSED:
        found["accept"] = f"{finding.title}: accepted, though nobody measured it; this does not count."
    elif Level.CRITICAL in (finding.level, residual_of(finding)) and entry.approved_by in {
        None,
        NAME_HIDDEN,
    }:
        found["accept"] = (
            f"{finding.title}: critical, and accepted without the role that approved it (approved_by); this "
            "does not count."
        )
    if now and entry.accepted_until and entry.accepted_until < now:
        found["accept"] = (
            f"{finding.title}: the acceptance ended on {entry.accepted_until.isoformat()}; it does not count "
            "any more."
        )
    elif entry.accepted_until is None and "accept" not in found:
        found["end"] = f"{finding.title}: accepted without an end; name the day of its review."
    return found


def _planned(finding: Finding, entry: PlanEntry) -> Finding:
    update: dict[str, Any] = {
        "owner": entry.owner or finding.owner,
        "due": entry.due.isoformat() if entry.due else finding.due,
        "decision": entry.decision or finding.decision,
    }
    if entry.decision == "accept":
        left = residual_of(finding)
        until = f" until {entry.accepted_until.isoformat()}" if entry.accepted_until else ""
        by = f" by {entry.approved_by}" if entry.approved_by else ""
        before = f"{finding.residual} " if finding.after is not None else ""
        update["residual"] = f"{before}Accepted{by}{until} at level {left.value}: {entry.reason}"
        update["residual_level"] = left
    return finding.model_copy(update=update)


def _gap(finding: Finding) -> str | None:
    if finding.outcome is not Outcome.EXCEEDS_THRESHOLD:
        return None
    missing = []
    if finding.owner in {UNOWNED, NAME_HIDDEN}:
        missing.append("no owner")
    # What is accepted has nothing left to be done by a day; its end is asked for instead.
    if finding.due == UNDATED and finding.decision != "accept":
        missing.append("no due date")
    if finding.decision == "open":
        missing.append("no decision")
    return f"{finding.title} ({finding.level.value}): {', '.join(missing)}." if missing else None


def _table(planned: Planned) -> Table:
    rows = []
    for finding in planned.findings:
        entry = planned.entries[finding.id]
        if finding.outcome is Outcome.WITHIN_THRESHOLD and entry == PlanEntry():
            continue
        rows.append(
            (
                finding.title,
                finding.level.value,
                finding.decision,
                finding.owner,
                finding.due,
                entry.accepted_until.isoformat() if entry.accepted_until else None,
                entry.approved_by,
                entry.reason,
            )
        )
    return Table(
        title="What is planned for each finding above its threshold or not assessed",
        columns=("finding", "level", "decision", "owner", "due", "accepted until", "approved by", "reason"),
        formats=("text",) * 8,
        rows=tuple(rows),
    )


def _without_names(entries: Mapping[str, PlanEntry]) -> Plan:
    """Hide what the detectors take for a person's name: a report names roles."""
    from secure_ai.discover import detect

    places = [
        (name, field, text)
        for name, entry in entries.items()
        for field in ("owner", "approved_by", "reason")
        if (text := getattr(entry, field))
    ]
    found, named = dict(entries), []
    if not places:
        return Plan(found)
    spans = detect([text for _, _, text in places], entities=PERSONAL)
    for (name, field, text), people in zip(places, spans, strict=True):
        if people:
            named.append(f"{name}, {field}")
            found[name] = found[name].model_copy(update={field: mask_spans(text, people)})
    return Plan(found, tuple(named))
