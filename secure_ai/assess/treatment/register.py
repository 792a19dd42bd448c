"""The rows of the risk register: one for each finding, as a spreadsheet takes them."""

from __future__ import annotations

from collections.abc import Sequence

from secure_ai.assess.section import Cell
from secure_ai.core import Finding, Measurement

COLUMNS = (
    "id", "title", "threat", "asset", "likelihood", "severity", "level", "outcome", "figure", "unit",
    "interval", "threshold", "mitigations", "after", "residual_level", "residual", "decision", "owner", "due",
    "frameworks",
)  # fmt: skip


def register_rows(findings: Sequence[Finding]) -> list[dict[str, Cell]]:
    """Return one row for each finding, in the order given; the columns are :data:`COLUMNS`.

    A figure that was not measured is empty, never 0; the outcome says ``unassessed`` and ``title`` why. The
    cells are raw: who writes them to a file guards them against formulas.
    """
    return [_row(finding) for finding in findings]


def _row(finding: Finding) -> dict[str, Cell]:
    found = finding.measurement
    measured = isinstance(found, Measurement)
    return {
        "id": finding.id,
        "title": finding.title if measured else f"{finding.title}: {found.reason}",
        "threat": finding.threat,
        "asset": finding.asset,
        "likelihood": finding.likelihood.value,
        "severity": finding.severity.value,
        "level": finding.level.value,
        "outcome": finding.outcome.value.replace("_", " "),
        "figure": found.value if measured else None,
        "unit": found.unit if measured else None,
        "interval": f"{found.interval[0]:.6g} to {found.interval[1]:.6g}" if measured else None,
        "threshold": finding.threshold,
        "mitigations": "; ".join(map(str, finding.mitigations)),
        "after": _after(finding),
        "residual_level": finding.residual_level.value,
        "residual": finding.residual,
        "decision": finding.decision,
        "owner": finding.owner,
        "due": finding.due,
        "frameworks": "; ".join(finding.mappings),
    }


def _after(finding: Finding) -> Cell:
    if finding.after is None:
        return None
    return finding.after.value if isinstance(finding.after, Measurement) else "unassessed"
