"""What a detector says: one detection with the reasons that a person can check."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Severity = Literal["low", "medium", "high", "critical"]
SEVERITIES: tuple[Severity, ...] = ("low", "medium", "high", "critical")


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a detection was made, in words without personal values.

    Attributes:
        name: the rule or feature, such as ``"no_relation"``.
        words: one phrase, such as "no care relation with this patient".
        value: what was seen, where it is a number.
        usual: what is usual for this person or peer group, where there is such a figure.
    """

    name: str
    words: str
    value: float | None = None
    usual: float | None = None


@dataclass(frozen=True, slots=True)
class Detection:
    """One thing that somebody should look at.

    Attributes:
        time: of the event that decided, in UTC, ISO 8601.
        family: ``"access"``, ``"export"``, ``"purpose"``, ``"model_query"`` or ``"transaction"``.
        kind: what it looks like, such as ``"snooping_prominent"``.
        actor: the account or service, or the payment account, by its identifier.
        target: the record, model, destination or counterparty, by its identifier.
        severity: how urgent it is.
        score: how sure the detector is, 0 to 1; the threshold of the trade-off curve is over this.
        reasons: why, the weightiest first.
        events: identifiers of the events that it rests on, oldest first.
    """

    time: str
    family: str
    kind: str
    actor: str
    target: str
    severity: Severity
    score: float
    reasons: tuple[Reason, ...] = ()
    events: tuple[str, ...] = ()

    def sentence(self) -> str:
        """Return the detection in one sentence."""
        why = "; ".join(reason.words for reason in self.reasons) or "unusual"
        return f"{self.severity}: {self.kind.replace('_', ' ')} by {self.actor} on {self.target} ({why})."
