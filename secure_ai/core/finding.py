"""What a measurement means for the organisation: the record that a report is made of."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    field_serializer,
    field_validator,
    model_validator,
)

from secure_ai.core.measurement import Measurement, Unassessed


class Outcome(StrEnum):
    """What the comparison with the threshold says. ``unassessed`` is not ``within_threshold``."""

    EXCEEDS_THRESHOLD = "exceeds_threshold"
    WITHIN_THRESHOLD = "within_threshold"
    UNASSESSED = "unassessed"


class Level(StrEnum):
    """Risk level of one finding. Levels combine by the worst, never by the mean."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"
    UNASSESSED = "unassessed"


LEVEL_ORDER = (Level.LOW, Level.MEDIUM, Level.HIGH, Level.CRITICAL)


def worst_level(levels: Iterable[Level]) -> Level:
    """Return the worst assessed level; ``unassessed`` where nothing was assessed."""
    assessed = [level for level in levels if level is not Level.UNASSESSED]
    return max(assessed, key=LEVEL_ORDER.index, default=Level.UNASSESSED)


def combine_level(likelihood: Level, severity: Level) -> Level:
    """Return the level of a finding from its likelihood and severity.

    The rule is the mean of the two positions on the scale low < medium < high < critical, rounded
    up: a finding is never rated below the middle between how likely and how bad it is.
    """
    if Level.UNASSESSED in (likelihood, severity):
        return Level.UNASSESSED
    position = -(-(LEVEL_ORDER.index(likelihood) + LEVEL_ORDER.index(severity)) // 2)
    return LEVEL_ORDER[position]


class Mitigation(BaseModel):
    """Something to do about a risk.

    Attributes:
        action: what to do, one sentence.
        effect: what it is expected to change, and by how much where that is known.
        source: where the expectation comes from.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    action: str
    effect: str = ""
    source: str = ""

    def __str__(self) -> str:
        return self.action


def _as_mitigation(value: Any) -> Any:
    return {"action": value} if isinstance(value, str) else value


class Finding(BaseModel):
    """One risk: what threatens what, how it was measured, and what to do about it.

    ``measurement`` is a :class:`Measurement` or an :class:`Unassessed`; an unassessed finding has
    outcome and level ``unassessed`` and cannot have another. ``after`` is the same measurement of the
    mitigated version, where one was supplied.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    id: str = Field(
        pattern=r"^[a-z0-9_.-]+$", description="Stable across runs, so that reports can be compared."
    )
    title: str
    threat: str
    asset: str
    attacker_knowledge: str
    measurement: Measurement | Unassessed
    threshold: float | None = None
    threshold_source: str = ""
    outcome: Outcome
    likelihood: Level
    severity: Level
    level: Level
    rule: str = Field(default="", description="How likelihood, severity and level came about.")
    mitigations: tuple[Annotated[Mitigation, BeforeValidator(_as_mitigation)], ...] = ()
    after: Measurement | Unassessed | None = Field(
        default=None, description="The same measurement of the mitigated version; null if none was given."
    )
    after_threshold: float | None = Field(
        default=None,
        description="Threshold of the mitigated version, where it was measured: some move with a baseline.",
    )
    residual: str = "not yet measured: supply a mitigated version to compare"
    residual_level: Level = Field(
        default=Level.UNASSESSED, description="Level of the mitigated version, or as accepted in the plan."
    )
    decision: Literal["open", "mitigate", "accept", "transfer", "avoid"] = "open"
    owner: str = "to be assigned"
    due: str = "to be agreed"
    evidence: str = Field(default="", description="Section of the executed notebook.")
    mappings: tuple[str, ...] = Field(default=(), description="Framework ids, see core.frameworks.")

    @field_validator("measurement", "after", mode="before")
    @classmethod
    def _read_measurement(cls, value: Any) -> Any:
        if isinstance(value, dict):
            return Unassessed(value["reason"]) if set(value) == {"reason"} else Measurement.from_dict(value)
        return value

    @field_serializer("measurement", "after")
    def _write_measurement(self, value: Measurement | Unassessed | None) -> dict[str, Any] | None:
        if value is None:
            return None
        return {"reason": value.reason} if isinstance(value, Unassessed) else value.to_dict()

    @model_validator(mode="after")
    def _unassessed_is_not_safe(self) -> Finding:
        unassessed = isinstance(self.measurement, Unassessed)
        if unassessed != (self.outcome is Outcome.UNASSESSED) or unassessed != (
            self.level is Level.UNASSESSED
        ):
            raise ValueError(
                f"{self.id}: outcome and level must be 'unassessed' exactly where nothing was measured."
            )
        return self
