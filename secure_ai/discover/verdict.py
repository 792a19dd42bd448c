"""What a column or a path of it was found to hold: entities, confidence and why."""

from __future__ import annotations

from dataclasses import dataclass

from secure_ai.discover.nested import Field

CONFIRMED, NAMED, DOUBTFUL = 0.95, 0.7, 0.5
"""Confidence of a name whose values have the right form, have no typical form, or partly have it."""

EXACT_ROWS = 1_000_000
"""Up to this many rows distinct values are counted exactly, above it by HyperLogLog."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a column holds.

    Attributes:
        entities: names as in ``classification.ENTITY_CLASSES``, the most certain first.
        confidence: 0 to 1.
        evidence: why, in words; never a raw value.
        free_text: whether the column holds prose.
        identifier_share: share of the sampled non-null rows in which the detector found an
            identifier; None where the column was not read as text.
        fields: what each path of a nested column holds; empty for a flat one.
    """

    entities: tuple[str, ...]
    confidence: float
    evidence: str
    free_text: bool = False
    identifier_share: float | None = None
    fields: tuple[FieldVerdict, ...] = ()


@dataclass(frozen=True, slots=True)
class FieldVerdict:
    """What one path of a nested column holds.

    Attributes:
        field: the path and its values.
        verdict: as for a column.
    """

    field: Field
    verdict: Verdict
