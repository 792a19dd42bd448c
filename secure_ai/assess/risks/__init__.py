"""What can go wrong, as data: threat, attacker, threshold and where it comes from, bands, mitigations, rules.

Each risk has an entry in one of the YAML files of this folder. A section measures; :func:`judge` turns the
measurement into a finding, :func:`leave_open` says what was not measured. No section writes a finding of its
own, so that every finding states the same things.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from secure_ai.core import Finding, Level, Measurement, Mitigation, Outcome, Unassessed, UserError
from secure_ai.core.figures import percent
from secure_ai.core.finding import LEVEL_ORDER, combine_level
from secure_ai.core.frameworks import entry
from secure_ai.core.sources import shown
from secure_ai.core.yaml_files import Strict, checked, parse_yaml

FILES = ("data", "model", "fairness", "assistant", "controls", "log", "vendor")
# 5 % and 33 % are bounds that the IPCC gives to words: "extremely unlikely" below 5 % (an additional term),
# "unlikely" below 33 % (Mastrandrea et al., Guidance note for lead authors of the Fifth Assessment Report,
# 2010). NIST SP 800-30 rev. 1, table G-4, has others (from memory: low from 5, moderate from 21, high from 80
# of 100). That a share of successes is read as such a likelihood, and which level follows, is the kit's own,
# as are the bands of single risks in the YAML files.
RULE = (
    "The level is the middle between likelihood and severity on low, medium, high, critical, rounded up; the "
    "bands of likelihood are the kit's own."
)


def _mitigation(value: Any) -> Any:
    return {"action": value} if isinstance(value, str) else value


class Bands(Strict):
    """From which figure a success above the threshold is of high (``high``) or critical likelihood.

    Where a risk states none: below 5 % a success is extremely unlikely, below 33 % unlikely in the words of
    the IPCC; from there on it counts as critical, since one try in three is enough for whoever can try again.
    """

    high: float = 0.05
    critical: float = 0.33


class Risk(Strict):
    """One thing that can go wrong, and how a measurement of it is judged.

    Attributes:
        name: what a table calls it.
        not_measured: title where nothing was measured.
        threat, asset, attacker_knowledge: as in a finding.
        threshold: the figure that is accepted at most; at least, where ``bad`` is ``"below"``.
        bad: side of the threshold that is bad: ``"above"``, or ``"below"`` for a figure that ought to be
            high, such as the agreement of two explanations.
        threshold_source: where it comes from; "the kit's own" where no one has set one.
        bands: how a figure on the bad side is graded; one that is too low, by the share of the threshold
            that it lacks.
        severity: what is lost, where the section knows no better.
        severity_reason: why.
        graded_by: what the bands grade, in words; empty where a figure on the bad side is always of medium
            likelihood.
        settle: what would tell on which side of the threshold the figure lies.
        relative: name of a measurement whose baseline differs from model to model → how two of them are
            compared: ``"difference"``, the figure less its baseline, or ``"rest"``, that as a share of all
            that is left above the baseline.
        supply: what would have to be supplied to measure it.
        mitigations: what to do, with the expected effect and its source.
        mappings: framework ids in both sectors; ``sector_mappings`` in one.
    """

    name: str
    not_measured: str
    threat: str
    asset: str
    attacker_knowledge: str
    threshold: float
    bad: Literal["above", "below"] = "above"
    threshold_source: str
    bands: Bands = Bands()
    graded_by: str = "the figure"
    settle: str = "more records would settle it"
    relative: Mapping[str, Literal["difference", "rest"]] = Field(default_factory=dict)
    severity: Level = Level.HIGH
    severity_reason: str
    supply: str
    mitigations: tuple[Annotated[Mitigation, BeforeValidator(_mitigation)], ...] = Field(min_length=1)
    mappings: tuple[str, ...] = ()
    sector_mappings: Mapping[str, tuple[str, ...]] = Field(default_factory=dict)

    def rules(self, sector: str) -> tuple[str, ...]:
        """Return the framework ids that apply in a sector."""
        named = (*self.mappings, *self.sector_mappings.get(sector, ()))
        return tuple(dict.fromkeys(entry(name).id for name in named))

    def exceeds(self, value: float, threshold: float) -> bool:
        """Return whether a figure is on the bad side of a threshold; the threshold itself is accepted."""
        return value < threshold if self.bad == "below" else value > threshold

    def unclear(self, measured: Measurement, threshold: float) -> bool:
        """Return whether figure and bounds lie on both sides of a threshold; touching it is no other side."""
        sides = {self.exceeds(one, threshold) for one in (measured.value, *measured.interval)}
        return len(sides) == 2


@cache
def risks() -> Mapping[str, Risk]:
    """Return every risk by its id, such as ``"model.membership_inference"``, in the order of the files."""
    folder = resources.files("secure_ai.assess.risks")
    found: dict[str, Risk] = {}
    for file in FILES:
        text = (folder / f"{file}.yaml").read_text(encoding="utf-8")
        for name, content in (parse_yaml(text, f"{file}.yaml") or {}).items():
            if name in found:
                raise ValueError(f"{file}.yaml: the risk {name} is there twice.")
            found[name] = checked(Risk, content, f"risk {name}")
    return found


def risk_of(name: str) -> Risk:
    """Return one risk.

    Raises:
        UserError: if there is none of this id.
    """
    try:
        return risks()[name]
    except KeyError:
        raise UserError(f"There is no risk '{name[:60]}': see secure_ai/assess/risks.") from None


def bad_side(name: str) -> Literal["above", "below"]:
    """Return the bad side of a risk's threshold; ``"above"`` for a risk that this kit does not know."""
    return risks()[name].bad if name in risks() else "above"


def check_thresholds(thresholds: Mapping[str, float]) -> None:
    """Check the thresholds that an assessor set, before any work: a misspelled one would change nothing.

    Raises:
        UserError: if one is of no risk, or no finite number.
    """
    for name, limit in thresholds.items():
        if name not in risks():
            known = ", ".join(risks())
            raise UserError(
                f"There is no risk '{shown(name)}' to set a threshold for: the risks are {known}."
            )
        if not math.isfinite(limit):
            raise UserError(f"The threshold of {name} is no finite number: every figure would pass it.")


def judge(
    name: str,
    title: str,
    measured: Measurement | Unassessed,
    *,
    sector: str,
    thresholds: Mapping[str, float] | None = None,
    threshold: float | None = None,
    threshold_source: str | None = None,
    success: float | None = None,
    severity: Level | None = None,
    severity_reason: str | None = None,
    mitigations: tuple[Mitigation | str, ...] | None = None,
    knowledge: str | None = None,
    worst_of: int = 1,
    widened: bool = False,
    evidence: str = "",
) -> Finding:
    """Turn a measurement into a finding; an Unassessed becomes an unassessed one with its reason.

    Above the threshold means above by the figure itself (below it, for a risk whose low figures are bad).
    Where the interval lies on both sides, the finding says so, and what is within the threshold counts as of
    medium likelihood, not low. A figure whose control is beyond the threshold itself keeps its outcome, and
    the rule says that something else is measured, too: what is there by itself harms all the same.

    Args:
        name: id of the risk.
        title: what was found, one sentence without a full stop, with the figure.
        measured: the measurement.
        sector: ``"healthcare"`` or ``"finance"``.
        thresholds: those that the assessor set, by id; they replace the risk's own.
        threshold, threshold_source: what the section knows better than the risk's entry.
        success: share by which likelihood is graded; the figure itself if not given, or the share of the
            threshold that it lacks where low figures are bad.
        severity, severity_reason, mitigations, knowledge: in place of the risk's own.
        worst_of: of how many figures this is the worst; its interval is widened to one that holds for all of
            them at once, and the rule says so.
        widened: whether the interval holds for all of them already.
        evidence: section of the executed notebook.

    Raises:
        UserError: if there is no such risk, or a threshold that was set is no finite number.
        ValueError: if ``success`` is NaN or the section's threshold is not finite: a risk would pass unseen.
    """
    from secure_ai.assess.intervals import simultaneous

    risk = risk_of(name)
    if isinstance(measured, Unassessed):
        return leave_open(name, measured.reason, sector=sector, evidence=evidence)
    if thresholds and name in thresholds:
        check_thresholds({name: thresholds[name]})
    own = (thresholds or {}).get(name)
    limit = risk.threshold if threshold is None else threshold
    if not math.isfinite(limit):
        raise ValueError(f"{name}: a threshold of {limit} would let every figure pass.")
    source = threshold_source or risk.threshold_source
    if own is not None:
        limit, source = own, f"set by the assessor; for comparison, {limit:g}: {source}"
    if not widened:
        measured = simultaneous(measured, worst_of)
    exceeds, spans = risk.exceeds(measured.value, limit), risk.unclear(measured, limit)
    graded = success
    if graded is None:
        lacks = (limit - measured.value) / abs(limit) if limit else math.inf
        graded = lacks if risk.bad == "below" else measured.value
    if math.isnan(graded):
        raise ValueError(f"{name}: a success cannot be NaN; use Unassessed with the reason.")
    likelihood = Level.MEDIUM if spans else Level.LOW
    if exceeds:
        likelihood = Level.MEDIUM
        if graded >= risk.bands.high:
            likelihood = Level.HIGH
        if graded >= risk.bands.critical:
            likelihood = Level.CRITICAL
    bad = severity or risk.severity
    why = severity_reason or risk.severity_reason
    words = f"Likelihood {likelihood.value}: {_graded(risk, graded) if exceeds else 'within the threshold'}"
    if spans:
        words += f"; the interval lies on both sides of the threshold, {risk.settle}"
    if worst_of > 1:
        words += f"; this is the worst of {worst_of}, and its interval holds for all of them at once"
    words += _beside_control(risk, measured, limit)
    words += f". Severity {bad.value}: {why} {RULE}"
    return Finding(
        id=name,
        title=title,
        threat=risk.threat,
        asset=risk.asset,
        attacker_knowledge=knowledge or risk.attacker_knowledge,
        measurement=measured,
        threshold=limit,
        threshold_source=source,
        outcome=Outcome.EXCEEDS_THRESHOLD if exceeds else Outcome.WITHIN_THRESHOLD,
        likelihood=likelihood,
        severity=bad,
        level=combine_level(likelihood, bad),
        rule=words,
        mitigations=mitigations if mitigations is not None else risk.mitigations,
        evidence=evidence,
        mappings=risk.rules(sector),
    )


def _beside_control(risk: Risk, measured: Measurement, limit: float) -> str:
    """Say where the control, in which the effect is known to be absent, shows as much; else nothing."""
    control = measured.control
    if control is None or not risk.exceeds(control, limit):
        return ""
    return (
        "; the control, without the effect, is beyond the threshold as well: something else is measured, too"
    )


def _graded(risk: Risk, graded: float) -> str:
    """Say how a figure on the bad side was graded; bands of shares as percentages, of counts as numbers."""
    if not risk.graded_by:
        return f"{risk.bad} the threshold, which counts as medium here, however far"
    what = "the share of the threshold that it lacks" if risk.bad == "below" else risk.graded_by
    counts = risk.bands.critical > 1
    figure, high, critical = (
        f"{one:.3g}" if counts or math.isinf(one) else percent(one)
        for one in (graded, risk.bands.high, risk.bands.critical)
    )
    return f"{risk.bad} the threshold; {what} is {figure} (high from {high}, critical from {critical})"


def leave_open(name: str, reason: str, *, sector: str, evidence: str = "") -> Finding:
    """Return the finding that a risk was not assessed, why, and what would have to be supplied."""
    risk = risk_of(name)
    return Finding(
        id=name,
        title=risk.not_measured,
        threat=risk.threat,
        asset=risk.asset,
        attacker_knowledge=risk.attacker_knowledge,
        measurement=Unassessed(reason),
        outcome=Outcome.UNASSESSED,
        likelihood=Level.UNASSESSED,
        severity=Level.UNASSESSED,
        level=Level.UNASSESSED,
        mitigations=(Mitigation(action=risk.supply),),
        residual="unknown: nothing was measured",
        evidence=evidence,
        mappings=risk.rules(sector),
    )


def worst_first(finding: Finding) -> tuple[int, str]:
    """Sort key: the worst level first, what was not assessed last."""
    place = -1 if finding.level is Level.UNASSESSED else LEVEL_ORDER.index(finding.level)
    return (-place, finding.id)
