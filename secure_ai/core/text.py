"""Text with spans: how documents and what was found in them travel between the rooms."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A stretch of text that holds one entity.

    Attributes:
        start: offset of the first character (Python characters, not bytes).
        end: offset one past the last character.
        entity_type: Presidio's name for the entity (``PERSON``, ``US_SSN``, ``DATE_TIME`` ...).
        score: confidence from 0 to 1; 1 for a span that is known to be true.
    """

    start: int
    end: int
    entity_type: str
    score: float = 1.0

    def __post_init__(self) -> None:
        if not 0 <= self.start < self.end:
            raise ValueError(f"A span needs 0 <= start < end, got {self.start} and {self.end}.")

    def overlap(self, other: Span) -> float:
        """Return the intersection over union of the two character ranges."""
        shared = min(self.end, other.end) - max(self.start, other.start)
        return max(shared, 0) / (max(self.end, other.end) - min(self.start, other.start))


@dataclass(frozen=True, slots=True)
class Document:
    """A text, and the spans that are known or were found in it."""

    text: str
    spans: list[Span] = field(default_factory=list)

    def __post_init__(self) -> None:
        if any(span.end > len(self.text) for span in self.spans):
            raise ValueError("A span reaches past the end of its document.")


def mask_spans(text: str, spans: Iterable[Span], brackets: str = "[]") -> str:
    """Return ``text`` with each span replaced by its kind in brackets, as ``[PERSON]``."""
    for span in sorted(spans, key=lambda item: item.start, reverse=True):
        text = f"{text[: span.start]}{brackets[0]}{span.entity_type}{brackets[1]}{text[span.end :]}"
    return text
