"""What follows from findings: before and after, residual risk, plan, losses, the last report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from secure_ai.assess.parameters import AssessmentParameters
from secure_ai.assess.section import Section
from secure_ai.assess.treatment.actions import three_things_to_do
from secure_ai.assess.treatment.register import register_rows
from secure_ai.core import Finding

__all__ = ["register_rows", "three_things_to_do", "treat"]


def treat(
    parameters: AssessmentParameters, findings: Sequence[Finding], mitigated: Mapping[str, Finding]
) -> tuple[list[Finding], list[Section]]:
    """Return the findings with what the plan and the mitigated version say, and the sections on that.

    The sections are ``treatment.actions``, ``treatment.before_after`` (where something was measured again),
    ``treatment.plan``, ``treatment.losses`` and ``treatment.changes`` (where an earlier report was given).

    Args:
        parameters: what the run was asked for.
        findings: of all sections, worst first.
        mitigated: finding id → the finding of the mitigated version, for what was run again.

    Raises:
        UserError: if plan, losses or earlier report cannot be read; :mod:`secure_ai.assess.run.check` says so
            before any work.
    """
    from secure_ai.assess.treatment.actions import actions_section
    from secure_ai.assess.treatment.before_after import before_after_section, measure_again, with_residual
    from secure_ai.assess.treatment.changes import changes_section
    from secure_ai.assess.treatment.losses import losses_section, read_losses, without_people
    from secure_ai.assess.treatment.plan import apply_plan, plan_section, read_plan

    again = measure_again(findings, mitigated)
    plan = read_plan(parameters.plan) if parameters.plan else None
    planned = apply_plan(with_residual(findings, again), plan, parameters.date)
    done = list(planned.findings)
    losses = read_losses(parameters.losses, parameters.sector)
    if parameters.losses:
        losses = without_people(losses)
    sections = [
        actions_section(done, again),
        before_after_section(again),
        plan_section(planned, plan is not None, parameters.date),
        losses_section(losses, done, illustration=not parameters.losses, seed=parameters.seed),
        changes_section(parameters, done) if parameters.previous else None,
    ]
    return done, [section for section in sections if section is not None]
