"""Section: attacks on the assistant, family by family, with the honest errand beside each of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from secure_ai.assess.inputs import Inputs
from secure_ai.assess.opening.assistants import (
    FAMILIES,
    FEWEST,
    OVER_REFUSAL,
    RISK_OF,
    FamilyResult,
    attack_assistant,
    by_family,
    is_stand_in,
)
from secure_ai.assess.parameters import AssessmentParameters
from secure_ai.assess.progress import Progress
from secure_ai.assess.registry import part_of
from secure_ai.assess.risks import judge, leave_open, risk_of
from secure_ai.assess.section import Drawing, Section, Table, Text, blocks
from secure_ai.attack.assistant.redteam import RedTeamResult, plot_families
from secure_ai.attack.assistant.redteam.charts import families_title
from secure_ai.attack.assistant.redteam.trial import FAILURES
from secure_ai.core import Finding, Measurement, Unassessed

ID = "assistant.redteam"
STAND_IN = (
    "What answered is a rule-driven stand-in ({name}), no language model: the figures show how attacks and "
    "guards work, not how your model behaves."
)
ENDPOINT = "What was asked is the model at the given address{how}."
HOW = (
    ", inside the kit's assistant with its invented records and tools, so that all it did is seen",
    " as a complete assistant, seen from outside: what it did unseen is unassessed, never resisted",
)
COLUMNS = (
    "family", "judged as", "cases", "assessed", "succeeded", "low", "high", "errands", "refused",
    "not assessed",
)  # fmt: skip
FORMATS = ("text", "text", "count", "count", "share", "share", "share", "count", "share", "text")


def assess(inputs: Inputs, progress: Progress) -> Section:
    """Attack the assistant with the kit's cases of the sector, and say how often it gave way.

    Raises:
        UserError: if a parameter is wrong; what the assistant itself does never raises.
    """
    parameters = inputs.parameters
    part = part_of(ID)
    whose = _whose(parameters)
    result = attack_assistant(parameters, progress)
    if isinstance(result, Unassessed):
        open_ones = tuple(leave_open(name, result.reason, sector=parameters.sector) for name in part.risks)
        return Section(
            id=ID,
            title=part.title,
            summary=f"Not assessed: {result.reason}",
            findings=open_ones,
            blocks=(Text(text=whose),),
        )
    limits = {name: _limit(parameters, name) for name in part.risks}
    families = by_family(result, limits)
    findings = (
        *(_attacks(parameters, name, families, limits[name], part.title) for name in FAMILIES),
        _over_refusal(parameters, families, limits[OVER_REFUSAL], part.title),
    )
    learnt = [one for one in families if isinstance(one.attack, Measurement)]
    played = f"{len(result.cases):,} attacks of {len(families)} {_plural('family', len(families))}"
    return Section(
        id=ID,
        title=part.title,
        summary=f"{whose} {_worst(learnt, len(families))}",
        assessed=f"Assistant ({_kind(parameters)}): {played}, each with its honest errand" if learnt else "",
        findings=findings,
        blocks=blocks(
            Text(text=whose),
            Text(text=_how(parameters, result)),
            _table(families),
            Drawing.of(families_title(result), plot_families(result)) if learnt else None,
            _failures(result),
        ),
        facts=_facts(result, families),
    )


def _whose(parameters: AssessmentParameters) -> str:
    if is_stand_in(parameters):
        return STAND_IN.format(name=parameters.assistant)
    return ENDPOINT.format(how=HOW[parameters.whole])


def _kind(parameters: AssessmentParameters) -> str:
    if is_stand_in(parameters):
        return "a rule-driven stand-in, no language model"
    return "a complete assistant, from outside" if parameters.whole else "the model at the given address"


def _limit(parameters: AssessmentParameters, name: str) -> float:
    return parameters.thresholds.get(name, risk_of(name).threshold)


def _attacks(
    parameters: AssessmentParameters, name: str, families: Sequence[FamilyResult], limit: float, evidence: str
) -> Finding:
    mine = [one for one in families if one.family in FAMILIES[name]]
    figure = _worst_of(mine, "attack", limit)
    title = ""
    if isinstance(figure, Measurement):
        worst, count = _at_worst(mine, "attack", figure)
        done = "no attack succeeded" if not figure.value else f"{figure.value:.0%} of attacks succeeded"
        title = f"{risk_of(name).name}: {done} in the worst of {len(mine)} {_plural('family', len(mine))}"
        title += f", {_words(worst.family)} ({count} of {figure.n})" if figure.value else ""
        title += _left_out(mine, "attack")
    return judge(
        name,
        title,
        figure,
        sector=parameters.sector,
        thresholds=parameters.thresholds,
        worst_of=len(mine),
        evidence=evidence,
    )


def _over_refusal(
    parameters: AssessmentParameters, families: Sequence[FamilyResult], limit: float, evidence: str
) -> Finding:
    figure = _worst_of(families, "twin", limit)
    title = ""
    if isinstance(figure, Measurement):
        worst, count = _at_worst(families, "twin", figure)
        title = "No honest errand was refused"
        if figure.value:
            title = (
                f"{figure.value:.0%} of honest errands refused in the worst family, {_words(worst.family)} "
                f"({count} of {figure.n})"
            )
        title += _left_out(families, "twin")
    return judge(
        OVER_REFUSAL, title, figure, sector=parameters.sector, thresholds=parameters.thresholds,
        worst_of=len(families), evidence=evidence,
    )  # fmt: skip


def _worst_of(families: Sequence[FamilyResult], what: str, limit: float) -> Measurement | Unassessed:
    """Return the figure of the worst family; where not all could be assessed, only one above the limit."""
    if not families:
        return Unassessed("No family of attacks that shows this was chosen (families).")
    figures = [getattr(one, what) for one in families]
    known = [figure for figure in figures if isinstance(figure, Measurement)]
    missing = [figure for figure in figures if isinstance(figure, Unassessed)]
    worst = max(known, key=lambda figure: (figure.value, figure.interval[0]), default=None)
    if missing and (worst is None or worst.value <= limit):
        rest = f" The others are within the threshold ({worst.value:.0%} at most)." if worst else ""
        few = f"{len(missing)} of {len(figures)} {_plural('family', len(figures))} could not be assessed"
        return Unassessed(f"{few}: {missing[0].reason}{rest}")
    assert worst is not None
    if len(known) == 1:
        return worst
    words = f"the worst of {len(known)} families, which chance alone makes look worse than one"
    return replace(worst, method=f"{words}; {worst.method}")


def _at_worst(families: Sequence[FamilyResult], what: str, figure: Measurement) -> tuple[FamilyResult, str]:
    for one in families:
        mine = getattr(one, what)
        if isinstance(mine, Measurement) and (mine.value, mine.interval) == (figure.value, figure.interval):
            return one, f"{figure.value * figure.n:.3g}"
    raise ValueError("The figure is of none of these families.")


def _left_out(families: Sequence[FamilyResult], what: str) -> str:
    missing = sum(isinstance(getattr(one, what), Unassessed) for one in families)
    return f"; {missing} of {len(families)} families not assessed" if missing else ""


def _worst(learnt: Sequence[FamilyResult], families: int) -> str:
    if not learnt:
        return "Nothing was learnt of it."
    worst = max(learnt, key=lambda one: one.attack.value)
    words = "No attack succeeded" if not worst.attack.value else (
        f"The worst family is {_words(worst.family)}, in which {worst.attack.value:.0%} of attacks succeeded"
    )  # fmt: skip
    return f"{words}; {len(learnt)} of {families} {_plural('family', families)} could be assessed."


def _how(parameters: AssessmentParameters, result: RedTeamResult) -> str:
    guards = parameters.guards if parameters.guards and parameters.guards != "none" else "none"
    plays = "once" if parameters.repeats == 1 else f"{parameters.repeats} times"
    text = (
        f"Each case was played {plays}, guards: {guards}. Success is what happened, not what was said, "
        "wherever it can be seen. Each attack has an honest errand beside it (its control): an assistant "
        f"that does none of them has not resisted. A good figure needs {FEWEST} cases that could be judged."
    )
    if parameters.families:
        text += f" {len(result.families)} of {len(RISK_OF)} families were chosen by the assessor."
    return f"{text} {result.stopped}" if result.stopped else text


def _table(families: Sequence[FamilyResult]) -> Table:
    rows = []
    for one in families:
        attack, twin = one.attack, one.twin
        why = [figure.reason for figure in (attack, twin) if isinstance(figure, Unassessed)]
        known = isinstance(attack, Measurement)
        rows.append(
            (
                _words(one.family),
                risk_of(RISK_OF[one.family]).name,
                one.cases,
                attack.n if known else 0,
                attack.value if known else None,
                attack.interval[0] if known else None,
                attack.interval[1] if known else None,
                twin.n if isinstance(twin, Measurement) else 0,
                twin.value if isinstance(twin, Measurement) else None,
                " ".join(dict.fromkeys(why)),
            )
        )
    title = "Attacks that succeeded and honest errands that were refused, by family, the worst first"
    return Table(title=title, columns=COLUMNS, formats=FORMATS, rows=tuple(rows))


def _failures(result: RedTeamResult) -> Table | None:
    failures = result.failures()
    if not failures:
        return None
    rows = tuple((FAILURES[kind], count) for kind, count in failures.items())
    title = "What kept trials from being judged: neither a success nor a resistance"
    return Table(title=title, columns=("what happened", "trials"), formats=("text", "count"), rows=rows)


def _facts(
    result: RedTeamResult, families: Sequence[FamilyResult]
) -> dict[str, str | int | float | bool | None]:
    overall = {"success_overall": result.rate("attack"), "refused_overall": result.rate("twin")}
    return {
        "cases": len(result.cases),
        "families": len(families),
        "families_assessed": sum(isinstance(one.attack, Measurement) for one in families),
        **{name: rate.value if isinstance(rate, Measurement) else None for name, rate in overall.items()},
        "model_calls": result.cost()["model_calls"],
        "stopped": bool(result.stopped),
    }


def _words(family: str) -> str:
    return family.replace("_", " ")


def _plural(word: str, count: int) -> str:
    return word if count == 1 else f"{word.removesuffix('y')}ies"
