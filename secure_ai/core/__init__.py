"""What travels between the rooms: measurements, findings, text with spans, table sources, errors."""

from secure_ai.core.errors import UserError
from secure_ai.core.finding import Finding, Level, Mitigation, Outcome, worst_level
from secure_ai.core.measurement import Measurement, Unassessed
from secure_ai.core.text import Document, Span

__all__ = [
    "Document",
    "Finding",
    "Level",
    "Measurement",
    "Mitigation",
    "Outcome",
    "Span",
    "Unassessed",
    "UserError",
    "worst_level",
]
