"""The policy of alerts as data: how they are combined, who hears of them when, and how many at once."""

from __future__ import annotations

from importlib import resources
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Literal

import pandas as pd
from pydantic import Field, model_validator

from secure_ai.core.yaml_files import Strict, checked, parse_yaml, read_yaml
from secure_ai.monitor.detection.result import SEVERITIES, Severity

Minutes = Annotated[float, Field(gt=0, le=525_600)]
Hours = Annotated[float, Field(gt=0, le=8_760)]
Role = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,39}$")]


class Deduplicate(Strict):
    """When two detections are one alert."""

    window_minutes: Minutes
    group_targets_by: Literal["leading", "exact"]


class Combination(Strict):
    """What raises a severity by a step, and by how many steps at most."""

    repeated_at_least: Annotated[int, Field(ge=2)]
    families_at_least: Annotated[int, Field(ge=2)]
    families_within_hours: Hours
    prominent_not_for: tuple[str, ...] = ()
    most_steps: Annotated[int, Field(ge=0, le=3)]


class Step(Strict):
    """Who hears of an alert if it is still not acknowledged (or closed) after a time."""

    after_minutes: Minutes
    to: Role
    until: Literal["acknowledged", "closed"] = "acknowledged"


class Flood(Strict):
    """How many alerts of one severity may go out singly in a time; more of them are a storm."""

    alerts: Annotated[int, Field(ge=1, le=100_000)]
    minutes: Minutes


class SuppressionLimits(Strict):
    """How long a suppression may last, and which severities it never holds back."""

    longest_hours: Hours
    never: tuple[Severity, ...] = ("critical",)


class SnoozeLimits(Strict):
    """How long one alert may be put off."""

    longest_minutes: Minutes


class AlertPolicy(Strict):
    """The whole policy; ``data/policy.yaml`` beside this module is an example of every part."""

    deduplicate: Deduplicate
    case_hours: Hours
    severity: Combination
    roles: Annotated[tuple[Role, ...], Field(min_length=1)]
    first: Role
    escalation: dict[Severity, tuple[Step, ...]]
    flood: Flood
    suppression: SuppressionLimits
    snooze: SnoozeLimits
    minutes_per_alert: dict[Severity, Annotated[float, Field(ge=0)]]

    @model_validator(mode="after")
    def _fits_together(self) -> AlertPolicy:
        for part in ("escalation", "minutes_per_alert"):
            if missing := [name for name in SEVERITIES if name not in getattr(self, part)]:
                raise ValueError(f"{part} says nothing of {', '.join(missing)}")
        if not self.escalation["critical"]:
            raise ValueError("a critical alert must be escalated to somebody")
        if self.first not in self.roles:
            raise ValueError(f"first is {self.first}, which is not among the roles")
        for name, steps in self.escalation.items():
            if unknown := [step.to for step in steps if step.to not in self.roles]:
                raise ValueError(f"escalation of {name} goes to {unknown[0]}, which is not among the roles")
            if any(after.after_minutes <= before.after_minutes for before, after in pairwise(steps)):
                raise ValueError(f"the deadlines of {name} must grow from step to step")
            if len({step.to for step in steps}) < len(steps):
                raise ValueError(f"escalation of {name} goes to one role twice")
        return self

    def to_frame(self) -> pd.DataFrame:
        """Return the deadlines, one row a step: severity, after (minutes), to, until."""
        return pd.DataFrame(
            [
                {"severity": name, "after (minutes)": step.after_minutes, "to": step.to, "until": step.until}
                for name in reversed(SEVERITIES)
                for step in self.escalation[name]
            ],
            columns=["severity", "after (minutes)", "to", "until"],
        )


def load_policy(path: str | Path | None = None) -> AlertPolicy:
    """Read a policy, the kit's own if no file is named.

    Raises:
        UserError: if it cannot be read, or a part is missing, unknown or contradicts another.
    """
    if path is None:
        text = resources.files(__package__).joinpath("data/policy.yaml").read_text("utf-8")
        return checked(AlertPolicy, parse_yaml(text, "alert policy"), "alert policy")
    return checked(AlertPolicy, read_yaml(path, "alert policy"), f"alert policy {Path(path).name}")
