"""One assessment: the sections that were run, and what is concluded from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from secure_ai.assess.earlier import unnamed
from secure_ai.assess.parameters import AssessmentParameters
from secure_ai.assess.registry import AREAS
from secure_ai.assess.risks import worst_first
from secure_ai.assess.section import Section
from secure_ai.core import Finding, Level, Measurement, Outcome, worst_level


@dataclass(frozen=True)
class Assessment:
    """Everything that the outputs are made of.

    Attributes:
        parameters: what the run was asked for.
        sections: as they were run, in the order of the registry.
        findings: of all sections, worst first, then what was not assessed; with what the plan and the
            mitigated version say of each.
        treatment: sections on what follows: before and after, losses, plan, changes since the last report.
    """

    parameters: AssessmentParameters
    sections: tuple[Section, ...]
    findings: tuple[Finding, ...]
    treatment: tuple[Section, ...] = ()

    @property
    def subject(self) -> str:
        """What is assessed, in the assessor's words."""
        return self.parameters.subject or unnamed(self.parameters.sector)

    def section(self, name: str) -> Section:
        """Return one section by its id."""
        return next(one for one in (*self.sections, *self.treatment) if one.id == name)

    def measured(self) -> tuple[Finding, ...]:
        """Return the findings that rest on a measurement."""
        return tuple(f for f in self.findings if f.outcome is not Outcome.UNASSESSED)

    def left_open(self) -> tuple[Finding, ...]:
        """Return what was not assessed."""
        return tuple(f for f in self.findings if f.outcome is Outcome.UNASSESSED)

    def worst_by_area(self) -> dict[str, tuple[Level, Finding | None]]:
        """Return for each area its worst level and its finding; no finding where nothing was measured."""
        areas = {area: [f for f in self.findings if area_of(f) == area] for area in AREAS}
        worst = {area: worst_level(f.level for f in inside) for area, inside in areas.items()}
        return {
            area: (level, next((f for f in areas[area] if f.level is level), None))
            for area, level in worst.items()
        }

    def verdict(self) -> str:
        """Say in two sentences how many findings exceed their threshold and what was left open."""
        measured, left_open = self.measured(), len(self.left_open())
        above = [f for f in measured if f.outcome is Outcome.EXCEEDS_THRESHOLD]
        if not measured:
            text = "Nothing was measured."
        elif above:
            worst = worst_level(f.level for f in above).value
            verb = "exceeds its" if len(above) == 1 else "exceed their"
            text = (
                f"{len(above)} of {len(measured)} measured findings {verb} threshold; the worst is {worst}."
            )
        else:
            text = f"All {len(measured)} measured findings are within their thresholds."
        return f"{text} {left_open} {'risk was' if left_open == 1 else 'risks were'} not assessed."

    def findings_frame(self) -> pd.DataFrame:
        """Return one row per finding: ``level``, ``finding``, ``outcome``, ``value``, ``threshold``."""
        rows = [
            (
                f.level.value,
                f.title,
                f.outcome.value.replace("_", " "),
                f.measurement.value if isinstance(f.measurement, Measurement) else None,
                f.threshold if isinstance(f.measurement, Measurement) else None,
            )
            for f in self.findings
        ]
        return pd.DataFrame(rows, columns=["level", "finding", "outcome", "value", "threshold"])


def area_of(finding: Finding) -> str:
    """Return the area of a finding, the first part of its id."""
    return finding.id.split(".")[0]


def conclude(
    parameters: AssessmentParameters, sections: Sequence[Section], mitigated: Sequence[Section] = ()
) -> Assessment:
    """Turn the sections of a run into an assessment.

    Args:
        parameters: what the run was asked for.
        sections: what was found.
        mitigated: the same sections over the mitigated version, those that it touches.
    """
    from secure_ai.assess.treatment import treat

    findings = [finding for section in sections for finding in section.findings]
    again = {finding.id: finding for section in mitigated for finding in section.findings}
    treated, follows = treat(parameters, sorted(findings, key=worst_first), again)
    return Assessment(parameters, tuple(sections), tuple(treated), tuple(follows))
