"""What the alert desk answers when it has taken detections, and when it is closed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from secure_ai.monitor.alerts.alert import Alert, counted


@dataclass(frozen=True, slots=True)
class Received:
    """What became of detections that were given to the desk.

    Attributes:
        alerts: the alerts that they made or were added to, without repetition.
        new: alerts that were made.
        merged: detections that were added to an alert.
        duplicates: detections that the desk had before.
        refused: things that are no detection.
        held: detections that the store could not take; they are kept in memory and taken with the next.
    """

    alerts: tuple[Alert, ...]
    new: int
    merged: int
    duplicates: int
    refused: int
    held: int

    def sentence(self) -> str:
        """Return it in one sentence."""
        parts = [counted(self.new, "new alert"), f"{counted(self.merged, 'detection')} added to alerts"]
        parts += [f"{self.duplicates:,} known before"] if self.duplicates else []
        parts += [f"{self.refused:,} refused because they are no detections"] if self.refused else []
        parts += [f"{self.held:,} held in memory because the store cannot be written"] if self.held else []
        return ", ".join(parts) + "."


@dataclass(frozen=True, slots=True)
class Closing:
    """How a desk was closed.

    Attributes:
        waiting: sink -> messages that are not delivered; they stay in the store's outbox.
        stuck: sinks that were in the middle of an attempt that did not end in time.
        untrailed: lines that the audit trail could not take; they stay in the store.
        held: detections that the store never took; they are lost with this process unless given again.
        limit_seconds: how long the desk waited at most.
    """

    waiting: Mapping[str, int]
    stuck: tuple[str, ...]
    untrailed: int
    held: int
    limit_seconds: float

    def sentence(self) -> str:
        """Return it in one sentence."""
        waits = ", ".join(f"{count:,} for {name}" for name, count in self.waiting.items() if count)
        parts = [f"messages that wait in the store for the next start: {waits}" if waits else "nothing waits"]
        parts += [f"in the middle of an attempt: {', '.join(self.stuck)}"] if self.stuck else []
        parts += [f"lines that the audit trail could not take: {self.untrailed:,}"] if self.untrailed else []
        parts += (
            [f"detections that the store never took, give them again: {self.held:,}"] if self.held else []
        )
        return f"The alert desk is closed (limit {self.limit_seconds:g} seconds); {'; '.join(parts)}."
