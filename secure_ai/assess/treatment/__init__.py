"""What follows from findings: before and after, residual risk, owner and due date, losses, the last report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from secure_ai.assess.parameters import AssessmentParameters
from secure_ai.assess.section import Section
from secure_ai.core import Finding


def treat(
    parameters: AssessmentParameters, findings: Sequence[Finding], mitigated: Mapping[str, Finding]
) -> tuple[list[Finding], list[Section]]:
    """Return the findings with what the plan and the mitigated version say, and the sections on what follows."""
    return list(findings), []
