"""What a check before release found, in the words of the committee that decides on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from secure_ai.core import Finding, Level, Measurement, Outcome, Unassessed
from secure_ai.core.finding import combine_level
from secure_ai.defend.release.rules import Rule

if TYPE_CHECKING:
    import pandas as pd

WORDS = {
    Outcome.EXCEEDS_THRESHOLD: "not met",
    Outcome.WITHIN_THRESHOLD: "met",
    Outcome.UNASSESSED: "not assessed",
}


@dataclass(frozen=True, slots=True)
class ReleaseFinding:
    """One rule, asked of one model.

    Attributes:
        rule: its name in the rules.
        terms: question, threshold, source, remedy.
        measurement: the figure, or why there is none.
        outcome: compared with the threshold; ``unassessed`` is never a pass.
        found: what was found, a sentence.
        where: which part of the model decided.
    """

    rule: str
    terms: Rule
    measurement: Measurement | Unassessed
    outcome: Outcome
    found: str
    where: str = ""

    def sentence(self) -> str:
        """Say question, finding, rule and what to do, for the minutes."""
        said = f"{self.terms.asks} {self.found}"
        if self.outcome is Outcome.UNASSESSED:
            return f"{said} The rule ({self.terms.limit} {self.terms.unit}) is not assessed, and not passed."
        rule = f"The rule asks for {self.terms.limit} {self.terms.unit}: {WORDS[self.outcome]}."
        if self.outcome is Outcome.WITHIN_THRESHOLD:
            return f"{said} {rule}"
        return f"{said} {rule} {self.terms.why} {self.terms.remedy}"


@dataclass(frozen=True, slots=True)
class ReleaseReport:
    """The outcome of all rules for one model.

    Attributes:
        model: its kind and parts.
        records: training records; None where neither model nor caller tells.
        findings: one for each rule that applies.
        does_not_apply: rules that ask nothing of this kind of model or are switched off, each with why.
    """

    model: str
    records: int | None
    findings: tuple[ReleaseFinding, ...]
    does_not_apply: tuple[tuple[str, str], ...]

    @property
    def outcome(self) -> Outcome:
        """The worst of all rules: one not met, else one not assessed, else all met."""
        outcomes = {finding.outcome for finding in self.findings}
        for worst in (Outcome.EXCEEDS_THRESHOLD, Outcome.UNASSESSED):
            if worst in outcomes:
                return worst
        return Outcome.WITHIN_THRESHOLD if outcomes else Outcome.UNASSESSED

    def finding(self, rule: str) -> ReleaseFinding:
        """Return the finding of one rule.

        Raises:
            KeyError: if the rule does not apply.
        """
        found = {one.rule: one for one in self.findings}
        if rule not in found:
            raise KeyError(f"the rule {rule} does not apply to this model")
        return found[rule]

    def not_met(self) -> tuple[ReleaseFinding, ...]:
        """Return the findings that stand against release."""
        return tuple(f for f in self.findings if f.outcome is Outcome.EXCEEDS_THRESHOLD)

    def unassessed(self) -> tuple[ReleaseFinding, ...]:
        """Return the findings that could not be judged."""
        return tuple(f for f in self.findings if f.outcome is Outcome.UNASSESSED)

    def measurements(self) -> tuple[Measurement | Unassessed, ...]:
        """Return the figure of each rule that applies."""
        return tuple(finding.measurement for finding in self.findings)

    def to_findings(self, asset: str = "the model") -> tuple[Finding, ...]:
        """Return one core finding a rule, for a risk report; likely where a rule is not met.

        Args:
            asset: what the report calls the model.
        """
        return tuple(_finding(finding, asset) for finding in self.findings)

    def sentence(self) -> str:
        """Say what the committee can decide on, in one or two sentences."""
        count, against, open_ = len(self.findings), self.not_met(), self.unassessed()
        met = count - len(against) - len(open_)
        figures = f"{met} of {count} rules met, {len(against)} not met, {len(open_)} not assessed"
        if against:
            names = ", ".join(f.rule for f in against)
            said = f"Do not release this {self.model} as it is ({figures}): {names}."
        elif open_ or not count:
            names = ", ".join(f.rule for f in open_) or "no rule applies"
            said = f"This {self.model} cannot be cleared yet ({figures}): {names}."
        else:
            said = f"This {self.model} keeps to the rules ({figures})."
        return f"{said} Rules look at how a model is built; a membership attack measures what it gives away."

    def to_frame(self) -> pd.DataFrame:
        """Return one row a rule: rule, asks, found, value, unit, limit, outcome, where, source, to do."""
        import pandas as pd

        columns = ["rule", "asks", "found", "value", "unit", "limit", "outcome", "where", "source", "to do"]
        rows = [
            (
                f.rule,
                f.terms.asks,
                f.found,
                f.measurement.value if isinstance(f.measurement, Measurement) else float("nan"),
                f.terms.unit,
                f.terms.limit,
                WORDS[f.outcome],
                f.where,
                f.terms.source,
                f.terms.remedy if f.outcome is Outcome.EXCEEDS_THRESHOLD else "",
            )
            for f in self.findings
        ]
        rows += [
            (rule, "", why, float("nan"), "", "", "does not apply", "", "", "")
            for rule, why in self.does_not_apply
        ]
        return pd.DataFrame(rows, columns=columns)


def _finding(found: ReleaseFinding, asset: str) -> Finding:
    likelihood = {Outcome.EXCEEDS_THRESHOLD: Level.HIGH, Outcome.WITHIN_THRESHOLD: Level.LOW}.get(
        found.outcome, Level.UNASSESSED
    )
    severity = Level(found.terms.severity)
    return Finding(
        id=f"release.{found.rule}",
        title=found.terms.asks,
        threat=found.terms.why,
        asset=asset,
        attacker_knowledge="the released model, its file included",
        measurement=found.measurement,
        threshold=found.terms.threshold,
        threshold_source=found.terms.source,
        outcome=found.outcome,
        likelihood=likelihood,
        severity=severity,
        level=combine_level(likelihood, severity),
        mitigations=(found.terms.remedy,),
        evidence=found.found,
    )
