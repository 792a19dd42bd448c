"""One assessment from its parameters to its results: what the notebook walks through, section by section."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from secure_ai.assess.findings import AREAS, FindingsFile, area_of, collect_findings
from secure_ai.assess.parameters import AssessmentParameters
from secure_ai.assess.sections import (
    Inputs,
    Reidentification,
    assess_reidentification,
    exposure_by_tier,
    open_inputs,
    take_inventory,
)
from secure_ai.core import Finding, Level, Measurement, Outcome, worst_level
from secure_ai.discover.inventory import Inventory


@dataclass(frozen=True)
class Assessment:
    """Everything that a report is made of.

    Attributes:
        parameters: what the run was asked for.
        label: name of the assessed table, without its folder.
        n_rows: its number of records.
        inventory: what was found, column by column.
        exposure: frame of :func:`~secure_ai.assess.sections.exposure_by_tier`.
        reidentification: the risk, the choice of columns, the riskiest combinations.
        findings: measured ones worst first, then what was not assessed.
    """

    parameters: AssessmentParameters
    label: str
    n_rows: int
    inventory: Inventory
    exposure: pd.DataFrame
    reidentification: Reidentification
    findings: tuple[Finding, ...]

    def worst_by_area(self) -> dict[str, tuple[Level, Finding]]:
        """Return for each area its worst level and the finding it comes from."""
        areas = {area: [f for f in self.findings if area_of(f) == area] for area in AREAS}
        worst = {area: worst_level(f.level for f in inside) for area, inside in areas.items()}
        return {
            area: (level, next(f for f in areas[area] if f.level is level)) for area, level in worst.items()
        }

    def verdict(self) -> str:
        """Say in two sentences how many findings exceed their threshold and what was left open."""
        measured = [f for f in self.findings if f.outcome is not Outcome.UNASSESSED]
        above = [f for f in measured if f.outcome is Outcome.EXCEEDS_THRESHOLD]
        left_open = len(self.findings) - len(measured)
        text = f"All {len(measured)} measured findings are within their thresholds."
        if above:
            worst = worst_level(f.level for f in above).value
            verb = "exceeds its" if len(above) == 1 else "exceed their"
            text = (
                f"{len(above)} of {len(measured)} measured findings {verb} threshold; the worst is {worst}."
            )
        return f"{text} {left_open} threats were not assessed."

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

    def findings_file(self) -> FindingsFile:
        """Return the content of ``findings.json``."""
        return FindingsFile(
            subject=self.label,
            sector=self.parameters.sector,
            date=self.parameters.date,
            records=self.n_rows,
            columns=len(self.inventory.columns),
            findings=self.findings,
        )


def assess(parameters: AssessmentParameters) -> Assessment:
    """Run every section in one go; the notebook does the same, one cell each."""
    inputs = open_inputs(parameters)
    found = take_inventory(inputs, parameters)
    exposure = exposure_by_tier(inputs, found)
    reidentification = assess_reidentification(inputs, found, parameters)
    return conclude(parameters, inputs, found, exposure, reidentification)


def conclude(
    parameters: AssessmentParameters,
    inputs: Inputs,
    found: Inventory,
    exposure: pd.DataFrame,
    reidentification: Reidentification,
) -> Assessment:
    """Turn the results of the sections into an assessment with its findings."""
    return Assessment(
        parameters=parameters,
        label=inputs.source.label,
        n_rows=inputs.n_rows,
        inventory=found,
        exposure=exposure,
        reidentification=reidentification,
        findings=collect_findings(found, reidentification, parameters),
    )
