"""What was seen of one person, or of one person and one record, and is not explained by work."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

MOST_EVENTS = 500


@dataclass
class Case:
    """Evidence that adds up over rows.

    Attributes:
        bits: the sum.
        time: of the last row.
        events: their identifiers, the first 500.
        reasons: what each kind of evidence amounts to.
        usual: for some kinds of evidence, the share of usual work that has the same.
        link: what ties the person to the record beside work, or a word of the detector.
        count: rows.
    """

    bits: float = 0.0
    time: float = 0.0
    events: list[str] = field(default_factory=list)
    reasons: dict[str, float] = field(default_factory=dict)
    usual: dict[str, float] = field(default_factory=dict)
    link: str = ""
    count: int = 0

    def add(self, found: Mapping[str, float], event_id: str, time: float) -> None:
        """Add the evidence of one row."""
        for name, bits in found.items():
            self.bits += bits
            self.reasons[name] = self.reasons.get(name, 0.0) + bits
        self.note(event_id, time)

    def note(self, event_id: str, time: float) -> None:
        """Add a row without evidence of its own."""
        self.time, self.count = max(time, self.time), self.count + 1
        if len(self.events) < MOST_EVENTS:
            self.events.append(event_id)

    def state(self) -> dict[str, Any]:
        """Return the case as JSON values."""
        return asdict(self)
