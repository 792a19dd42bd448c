"""Reasons weighed against each other: each in bits, their sum as a score from 0 to 1."""

from __future__ import annotations

import math
import re

from secure_ai.monitor.detection.result import Detection, Reason, Severity
from secure_ai.monitor.detection.settings import Settings
from secure_ai.monitor.detection.stream import Row, iso

TOLD_BITS = 0.5
_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:/|-]{0,63}")


class Evidence:
    """Adds up reasons of one row.

    A reason weighs as many bits as its observation is rarer than usual by powers of two (its surprise), or
    what the settings say where it is a rule. Bits of independent reasons add, as logarithms of odds do.
    """

    def __init__(self) -> None:
        self.bits = 0.0
        self._reasons: list[tuple[float, Reason]] = []

    def add(
        self, name: str, words: str, bits: float, value: float | None = None, usual: float | None = None
    ) -> None:
        """Add a reason; what speaks for an honest explanation, or hardly weighs, is not told."""
        self.bits += bits
        if bits >= TOLD_BITS:
            self._reasons.append((bits, Reason(name, words, _rounded(value), _rounded(usual))))

    def tell(self, name: str, words: str, value: float | None = None, usual: float | None = None) -> None:
        """Add a reason whose weight is in ``bits`` already."""
        self._reasons.append((0.0, Reason(name, words, _rounded(value), _rounded(usual))))

    def score(self, settings: Settings) -> float:
        """Return the sum as a score: 0.5 at ``settings.alert_bits``."""
        return 1 / (1 + math.exp(-max(min((self.bits - settings.alert_bits) / settings.slope_bits, 30), -30)))

    def detection(
        self,
        row: Row,
        family: str,
        kind: str,
        settings: Settings,
        *,
        events: tuple[str, ...] = (),
        target: str | None = None,
    ) -> list[Detection]:
        """Return the candidate that the reasons make, or none where they are too weak for any curve."""
        score = self.score(settings)
        if score < settings.floor:
            return []
        ordered = tuple(reason for _, reason in sorted(self._reasons, key=lambda item: -item[0]))
        return [
            Detection(
                iso(row["time"]),
                family,
                kind,
                code(row["actor"]),
                code(row["target"] if target is None else target),
                severity_of(score),
                round(score, 4),
                ordered,
                events or (row["event_id"],),
            )
        ]


def code(text: str) -> str:
    """Return an identifier of the log as it may stand in an alert; anything else could name a person.

    >>> code("vendor:lab-2"), code("jane@example.org"), code("to Jane"), code("")
    ('vendor:lab-2', '(not a code)', '(not a code)', '(none)')
    """
    return (text if _CODE.fullmatch(text) else "(not a code)") if text else "(none)"


def severity_of(score: float) -> Severity:
    """Return the urgency of a score."""
    if score >= 0.95:
        return "critical"
    if score >= 0.75:
        return "high"
    return "medium" if score >= 0.5 else "low"


def _rounded(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else round(value, 3)
