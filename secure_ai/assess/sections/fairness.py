"""Whether people of different groups get the favorable decision alike, and are erred about alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from secure_ai.assess.change import shown_figure
from secure_ai.assess.inputs import Inputs
from secure_ai.assess.progress import Progress
from secure_ai.assess.risks import judge, leave_open, risk_of
from secure_ai.assess.section import Drawing, Section, Text, blocks
from secure_ai.assess.sections.asking import (
    left_open,
)
from secure_ai.assess.sections.decisions import Decisions, decisions
from secure_ai.assess.sections.fairness_tables import (
    compared_table,
    definitions_table,
    rates_table,
    trade_off_blocks,
)
from secure_ai.assess.sections.grouping import PROTECTED, PROTECTED_WORDS, Grouping, groupings
from secure_ai.core import Finding, Measurement, Unassessed, UserError
from secure_ai.core.figures import percent
from secure_ai.core.sources import shown
from secure_ai.govern.fairness import (
    GroupRates,
    group_cases,
    group_rates,
    plot_rates,
    rates_finding,
    worst_gap,
)

ID, TITLE = "model.fairness", "Fairness by group"
SELECTION, ERRORS = "fairness.selection_rate", "fairness.error_rates"
ERROR_RATES = ("true_positive_rate", "false_positive_rate")
# From which gaps each finding chooses the worst.
FINDINGS = {SELECTION: ("selection_rate",), ERRORS: ERROR_RATES}
WORDS = {
    "selection_rate": "the share that gets the favorable decision",
    "true_positive_rate": "the share of favorable decisions among those who should get one",
    "false_positive_rate": "the share of favorable decisions among those who should not get one",
}
MOST_SHOWN = 3
NO_OUTCOME = (
    "Errors need the true class of each record: name it in target, or give the column label beside "
    "probabilities."
)
TERMS = (
    "The decision here is the favorable one, and whom the tables call a case is who deserves it by the "
    "true class."
)
LIMITS = (
    "A gap says that groups are treated differently, not why, and not whether that is justified: where "
    "groups "
    "differ in need or risk, the definitions contradict each other, and the house has to say which one "
    "applies. Groups that fewer than 20 people form are counted in no comparison. Unassessed is not equal."
)
FOUR_FIFTHS = (
    "For comparison only: the four-fifths rule (29 CFR 1607.4(D)) is a rule of thumb of United States "
    "employment law, where a ratio below 0.8 is looked into. It is no threshold for credit or care, and a "
    "ratio above it is no proof of equal treatment."
)


@dataclass(frozen=True)
class Compared:
    """Decisions by one grouping.

    Attributes:
        name: of the grouping.
        rates: of its groups.
        gaps: rate → largest gap, or why it was not assessed.
        crossed: whether two columns make the groups.
    """

    name: str
    rates: GroupRates
    gaps: dict[str, Measurement | Unassessed]
    crossed: bool


def assess(inputs: Inputs, progress: Progress) -> Section:
    """Compare decisions and errors by every group that was named, and by two at once."""
    parameters = inputs.parameters
    if not parameters.groups:
        return left_open(inputs, ID, f"No groups were named in groups.{proposal(inputs)}")
    progress("asking for decisions", 0.0)
    decided = decisions(inputs)
    if isinstance(decided, Unassessed):
        return left_open(inputs, ID, decided.reason)
    lacking = [name for name in parameters.groups if name not in decided.frame.columns]
    if lacking:
        raise UserError(
            f"The records have no column '{shown(lacking[0])}', which groups names: choose from their "
            "columns."
        )
    return compare(inputs, decided, progress)


def compare(inputs: Inputs, decided: Decisions, progress: Progress) -> Section:
    """Compare decisions that are there already, by the groups that the parameters name.

    Args:
        inputs: of the assessment.
        decided: the decisions, with the columns of the groups.
        progress: of the section.
    """
    parameters = inputs.parameters
    found = groupings(parameters.groups or (), decided.frame, inputs.names, parameters.sector)
    compared, left_out = [], []
    for place, grouping in enumerate(found):
        progress(f"comparing {len(found)} groupings", place / len(found))
        try:
            compared.append(_compared(grouping, decided, parameters.seed))
        except UserError as error:
            left_out.append(f"By {grouping.name} nothing was assessed: {error}")
    if not compared:
        return left_open(inputs, ID, " ".join(left_out))
    compared = together(compared, parameters.seed)
    findings = (
        _finding(inputs, SELECTION, compared, FINDINGS[SELECTION]),
        _finding(inputs, ERRORS, compared, FINDINGS[ERRORS])
        if decided.deserved is not None
        else leave_open(ERRORS, NO_OUTCOME, sector=parameters.sector),
    )
    return _section(inputs, decided, compared, left_out, findings)


def proposal(inputs: Inputs) -> str:
    """Say which columns could be groups, by what they hold; nothing where no data were given."""
    if not inputs.parameters.data:
        return ""
    found = [
        profile.name
        for profile in inputs.inventory.columns
        if set(profile.entities) & set(PROTECTED)
        or set(profile.name.lower().replace("_", " ").split()) & PROTECTED_WORDS
    ]
    if not found:
        return ""
    return f" By what they hold these columns could be: {', '.join(inputs.names.columns(found))}."


def _compared(grouping: Grouping, decided: Decisions, seed: int) -> Compared:
    cases = group_cases(decided.favored, decided.deserved, grouping.labels)
    rates = ("selection_rate", *(ERROR_RATES if decided.deserved is not None else ()))
    gaps = {rate: worst_gap(cases, rate, seed=seed) for rate in rates}
    return Compared(grouping.name, group_rates(cases), gaps, grouping.crossed)


def together(compared: Sequence[Compared], seed: int) -> list[Compared]:
    """Return the gaps with intervals and controls that hold for all that one finding chooses the worst from.

    Among many groupings some always look unlike: what chance shows has to be that of the worst of them.
    """
    found = []
    known = {name: _measured(compared, names) for name, names in FINDINGS.items()}
    for one in compared:
        gaps = dict(one.gaps)
        for name, rates in FINDINGS.items():
            for rate in rates:
                if known[name] > 1 and isinstance(gaps.get(rate), Measurement):
                    gaps[rate] = worst_gap(one.rates.cases, rate, seed=seed, times=known[name])
        found.append(replace(one, gaps=gaps))
    return found


def _measured(compared: Sequence[Compared], rates: tuple[str, ...]) -> int:
    return sum(isinstance(one.gaps.get(rate), Measurement) for one in compared for rate in rates)


def _finding(inputs: Inputs, risk: str, compared: list[Compared], rates: tuple[str, ...]) -> Finding:
    """Judge every grouping, and return the worst: what is surely too far apart before what may be chance."""
    parameters, found, reasons = inputs.parameters, [], []
    number = _measured(compared, rates)
    for one in compared:
        for rate in rates:
            gap = one.gaps[rate]
            if isinstance(gap, Unassessed):
                reasons.append(f"{one.name}: {gap.reason}.")
                continue
            finding = _judged(inputs, risk, one, rate, gap, worst_of=number)
            sure = gap.interval[0] > (finding.threshold or 0.0)
            found.append(((sure, gap.value - (finding.threshold or 0.0)), finding))
    if not found:
        return leave_open(risk, " ".join(dict.fromkeys(reasons)), sector=parameters.sector)
    return max(found, key=lambda pair: pair[0])[1]


def _judged(
    inputs: Inputs, risk: str, one: Compared, rate: str, gap: Measurement, *, worst_of: int
) -> Finding:
    parameters, entry = inputs.parameters, risk_of(risk)
    limit, source = entry.threshold, entry.threshold_source
    chance = gap.control or 0.0
    if chance > limit:
        # With few people any grouping shows a gap: only what goes beyond that counts, and the interval
        # says how little is known.
        limit = chance
        source = (
            f"{source}; raised to {shown_figure(chance, gap.unit)}, since groups of this size drawn at "
            "random differ by as much in one of twenty draws"
            + (f" (in any of the {worst_of} comparisons made)" if worst_of > 1 else "")
        )
    table = one.rates.of(rate).dropna(subset="value")
    high, low = table.loc[table["value"].idxmax()], table.loc[table["value"].idxmin()]
    # Whole percentages, unless they would hide the difference that the sentence is about.
    said = percent if gap.value >= 0.02 else partial(shown_figure, unit="share")
    title = (
        f"By {one.name}, {WORDS[rate]} differs by {_points(gap.value)} ({high['group']} "
        f"{said(high['value'])}, {low['group']} {said(low['value'])})"
    )
    if gap.value == 0:
        title = f"By {one.name}, {WORDS[rate]} is the same in every group that is large enough"
    return judge(
        risk,
        title,
        gap,
        sector=parameters.sector,
        thresholds=parameters.thresholds,
        threshold=limit,
        threshold_source=source,
        worst_of=worst_of,
        widened=True,
    )


def _points(gap: float) -> str:
    """Say a difference of shares in points, small ones with a digit after the point.

    >>> _points(0.157), _points(0.0073), _points(0.01), _points(0.0001)
    ('16 points', '0.7 points', '1 point', 'under 0.1 points')
    """
    points = 100 * gap
    if points < 0.05:
        return "under 0.1 points"
    text = f"{points:.0f}" if points >= 9.95 else f"{points:.1f}".removesuffix(".0")
    return f"{text} {'point' if text == '1' else 'points'}"


def _section(
    inputs: Inputs,
    decided: Decisions,
    compared: list[Compared],
    left_out: list[str],
    findings: tuple[Finding, ...],
) -> Section:
    gaps = {one.name: one.gaps["selection_rate"] for one in compared}
    measured = {name: gap for name, gap in gaps.items() if isinstance(gap, Measurement)}
    parts: list[Any] = [compared_table(compared), Text(text=FOUR_FIFTHS)]
    for one in compared:
        parts += [rates_table(one.name, one.rates), definitions_table(one.name, one.rates)]
    for one in sorted(
        (one for one in compared if one.name in measured), key=lambda one: -measured[one.name].value
    )[:MOST_SHOWN]:
        rates = ("selection_rate", *(ERROR_RATES if decided.deserved is not None else ()))
        parts.append(Drawing.of(f"By {one.name}: {rates_finding(one.rates)}", plot_rates(one.rates, rates)))
    parts += trade_off_blocks(inputs, decided, [one for one in compared if not one.crossed])
    return Section(
        id=ID,
        title=TITLE,
        summary=findings[0].title if measured else "no group is large enough to be compared",
        assessed=f"Decisions on {len(decided.favored):,} records by group" if measured else "",
        findings=findings,
        blocks=blocks(
            Text(text=f"{decided.source} {TERMS}"),
            *parts,
            Text(text=" ".join(left_out)) if left_out else None,
            Text(text=LIMITS),
        ),
        facts={
            "records": len(decided.favored),
            "groupings": len(compared),
            "favored": float(np.mean(decided.favored)),
            "largest_gap": max((gap.value for gap in measured.values()), default=None),
        },
    )  # fmt: skip
