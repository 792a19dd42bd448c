"""In which order to treat what was found, and the three things to do first."""

from __future__ import annotations

from collections.abc import Sequence

from secure_ai.assess.risks import risks
from secure_ai.assess.section import Section, Table, Text, blocks
from secure_ai.assess.treatment.before_after import Again, residual_of
from secure_ai.core import Finding, Level, Measurement, Outcome
from secure_ai.core.finding import LEVEL_ORDER

ID = "treatment.actions"
TITLE = "What to do, in which order"
DECIDED = ("accept", "transfer", "avoid")


def in_order(findings: Sequence[Finding]) -> list[Finding]:
    """Return the findings above their threshold in the order of treatment.

    The worst level that is left comes first; of equals the more severe, then the more likely one. What was
    decided otherwise than to be mitigated comes last.
    """
    above = [finding for finding in findings if finding.outcome is Outcome.EXCEEDS_THRESHOLD]
    return sorted(above, key=_place)


def three_things_to_do(findings: Sequence[Finding]) -> list[tuple[str, str]]:
    """Return up to three actions with the reason for each, worst finding first, none twice.

    What got worse after its mitigation comes before everything; what was not assessed comes after what was
    found.
    """
    actions: dict[str, str] = {}
    for finding in findings:
        if _worsened(finding):
            actions.setdefault(
                f"Do not put the mitigated version into use: it is worse at {_name(finding)}.",
                finding.residual.removeprefix("WORSE: "),
            )
    for finding in in_order(findings):
        if finding.decision not in DECIDED and finding.mitigations:
            actions.setdefault(str(finding.mitigations[0]), finding.title)
    for finding in findings:
        if finding.outcome is Outcome.UNASSESSED and finding.mitigations:
            actions.setdefault(str(finding.mitigations[0]), f"{finding.title}.")
    return list(actions.items())[:3]


def actions_section(findings: Sequence[Finding], again: Sequence[Again] = ()) -> Section:
    """Return the section: three things to do, the order of treatment, and what is to be measured first."""
    ordered = in_order(findings)
    left_open = [finding for finding in findings if finding.outcome is Outcome.UNASSESSED]
    first = three_things_to_do(findings)
    worse = sum(one.effect in {"worse", "new"} for one in again)
    summary = f"{len(ordered)} {'finding' if len(ordered) == 1 else 'findings'} to treat"
    summary += f", {len(left_open)} still to be measured"
    if worse:
        summary = f"{worse} worse after mitigation; {summary}"
    return Section(
        id=ID,
        title=TITLE,
        summary=summary,
        blocks=blocks(
            [Text(text=f"{number}. {action} Why: {why}") for number, (action, why) in enumerate(first, 1)],
            _treat(ordered) if ordered else Text(text="No measured finding is above its threshold."),
            _measure(left_open) if left_open else None,
        ),
        facts={"to_treat": len(ordered), "to_measure": len(left_open)},
    )


def _place(finding: Finding) -> tuple[int, int, int, int, str]:
    rank = {level: place for place, level in enumerate(LEVEL_ORDER)} | {Level.UNASSESSED: -1}
    return (
        finding.decision in DECIDED,
        -rank[residual_of(finding)],
        -rank[finding.severity],
        -rank[finding.likelihood],
        finding.id,
    )


def _worsened(finding: Finding) -> bool:
    return isinstance(finding.after, Measurement) and finding.residual.startswith("WORSE")


def _name(finding: Finding) -> str:
    """Return what a sentence calls a risk; its id where this kit has no name for it."""
    known = risks().get(finding.id)
    return f"{known.name[:1].lower()}{known.name[1:]} ({finding.id})" if known else finding.id


def _treat(findings: Sequence[Finding]) -> Table:
    rows = []
    for number, finding in enumerate(findings, 1):
        for place, mitigation in enumerate(finding.mitigations or (None,)):
            rows.append(
                (
                    number if place == 0 else None,
                    finding.title if place == 0 else "",
                    residual_of(finding).value if place == 0 else "",
                    "to be found" if mitigation is None else mitigation.action,
                    (mitigation and mitigation.effect) or "not stated: measure it",
                    (mitigation and mitigation.source) or "",
                    finding.decision if place == 0 else "",
                )
            )
    return Table(
        title="Order of treatment: the worst level that is left first; effects are expected, not measured",
        columns=("order", "finding", "level", "what to do", "expected effect", "source", "decision"),
        formats=("count", *("text",) * 6),
        rows=tuple(rows),
    )


def _measure(findings: Sequence[Finding]) -> Table:
    return Table(
        title="What to measure: nobody knows how large these risks are",
        columns=("not assessed", "what to supply"),
        formats=("text", "text"),
        rows=tuple((f.title, "; ".join(map(str, f.mitigations))) for f in findings),
    )
