"""The timer: which step of the agenda the class is at, and how much of it is left."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from secure_ai.workshop.hub.room import Step

ACTIONS = ("start", "pause", "next", "back", "add")
MOST_MINUTES = 600


class Agenda:
    """Steps, one of which is on, and a timer that runs or stands.

    Args:
        steps: of the workshop; at least one.
        kept: what :meth:`keep` returned in an earlier process.
    """

    def __init__(self, steps: Sequence[Step], kept: dict[str, Any] | None = None) -> None:
        self.steps = tuple(steps)
        kept = kept or {}
        self.at = min(max(int(kept.get("at", 0)), 0), len(self.steps) - 1)
        self.ends: float | None = kept.get("ends")
        self.left = float(kept.get("left", self.steps[self.at].minutes * 60))

    def keep(self) -> dict[str, Any]:
        """Return what another process needs to go on."""
        return {"at": self.at, "ends": self.ends, "left": self.left}

    def seconds_left(self, now: float) -> float:
        """Return what is left of the step; below zero where the class is over time."""
        return self.left if self.ends is None else self.ends - now

    def do(self, action: str, now: float, minutes: float = 0) -> None:
        """Do what the instructor asks.

        Args:
            action: one of ``ACTIONS``. The next step begins with its whole time, and runs if this one did.
            now: seconds.
            minutes: to add; below zero to take away.

        Raises:
            ValueError: if there is no such action.
        """
        running, left = self.ends is not None, self.seconds_left(now)
        if action == "start":
            self.ends = now + left
        elif action == "pause":
            self.left, self.ends = left, None
        elif action in ("next", "back"):
            self.at = min(max(self.at + (1 if action == "next" else -1), 0), len(self.steps) - 1)
            self.left = self.steps[self.at].minutes * 60.0
            self.ends = now + self.left if running else None
        elif action == "add":
            left = min(max(left + 60 * minutes, -60.0 * MOST_MINUTES), 60.0 * MOST_MINUTES)
            self.left, self.ends = left, now + left if running else None
        else:
            raise ValueError(action)

    def shown(self, now: float) -> dict[str, Any]:
        """Return what a page shows: the step, what is next, seconds left and whether the timer runs."""
        step = self.steps[self.at]
        after = self.steps[self.at + 1] if self.at + 1 < len(self.steps) else None
        return {
            "step": self.at + 1,
            "of": len(self.steps),
            "title": step.title,
            "lab": step.lab,
            "minutes": step.minutes,
            "next": after.title if after else "",
            "left": round(self.seconds_left(now)),
            "running": self.ends is not None,
        }
