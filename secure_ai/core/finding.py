"""What a measurement means for the organisation: the record that a report is made of."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, field_serializer, field_validator, model_validator

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


class Finding(BaseModel):
    """One risk: what threatens what, how it was measured, and what to do about it.

    ``measurement`` is a :class:`Measurement` or an :class:`Unassessed`; an unassessed finding has
    outcome and level ``unassessed`` and cannot have another.
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
    mitigations: tuple[str, ...] = ()
    residual: str = "not yet measured: supply a mitigated version to compare"
    owner: str = "to be assigned"
    due: str = "to be agreed"
    evidence: str = Field(default="", description="Section of the executed notebook.")
    mappings: tuple[str, ...] = Field(default=(), description="Framework ids, see core.frameworks.")

    @field_validator("measurement", mode="before")
    @classmethod
    def _read_measurement(cls, value: Any) -> Any:
        if isinstance(value, dict):
            return Unassessed(value["reason"]) if set(value) == {"reason"} else Measurement.from_dict(value)
        return value

    @field_serializer("measurement")
    def _write_measurement(self, value: Measurement | Unassessed) -> dict[str, Any]:
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
