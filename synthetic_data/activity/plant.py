"""Planting: who may be the actor of an incident, when it happens, and how quiet it is."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from synthetic_data.activity.claims import Billing
from synthetic_data.activity.payments import Bank
from synthetic_data.activity.queries import Models
from synthetic_data.activity.work import Office
from synthetic_data.activity.world import DAY, HISTORY_DAYS, HOUR, World


@dataclass
class Scene:
    """What planters work with; each incident takes an actor of its own while there are enough.

    Attributes:
        stealth: 0 (loud) to 1 (as quiet as it gets).
        number: of the incident that is being planted.
        used: actors that have an incident already, by kind of actor.
        actors: the identifier of the actor of each incident planted so far.
    """

    office: Office
    models: Models
    payments: Bank | Billing
    rng: np.random.Generator
    stealth: float
    number: int = 0
    used: dict[str, set[int]] = field(default_factory=dict)
    actors: list[str] = field(default_factory=list)

    @property
    def world(self) -> World:
        return self.office.world

    @property
    def begin(self) -> int:
        """Milliseconds at which the month begins."""
        return HISTORY_DAYS * DAY

    @property
    def end(self) -> int:
        return self.world.total_days * DAY

    def quiet(self, loud: float, still: float) -> float:
        """A figure between its value at stealth 0 and that at stealth 1."""
        return loud + (still - loud) * self.stealth

    def count(self, loud: float, still: float, least: int = 1) -> int:
        """How many events, drawn around the figure for this stealth."""
        return max(least, round(self.quiet(loud, still) * float(self.rng.uniform(0.8, 1.25))))

    def pick(self, able: np.ndarray, group: str = "staff") -> int:
        """One of these actors, if possible one without an incident."""
        used = self.used.setdefault(group, set())
        free = [int(one) for one in able if int(one) not in used] or [int(one) for one in able]
        chosen = free[int(self.rng.integers(0, len(free)))]
        used.add(chosen)
        return chosen

    def active(self, mask: np.ndarray | None = None) -> np.ndarray:
        """Members of staff who work in the month and before it, of those in a mask where any is there."""
        works = self.world.works
        regular = (works[:, :HISTORY_DAYS].sum(1) >= 5) & works[:, HISTORY_DAYS:].any(1)
        both = regular if mask is None else regular & mask
        for choice in (both, regular):
            if choice.any():
                return np.flatnonzero(choice)
        return np.arange(len(regular))

    @property
    def invented(self) -> float:
        """Share of the events for which a relation was invented: none at a stealth of 0.3 or less."""
        return max(0.0, self.stealth - 0.3)

    def shift_of(self, who: int, from_day: int = HISTORY_DAYS) -> tuple[int, float]:
        """A day of the month, not before another one, on which somebody works, and when they begin."""
        days = from_day + np.flatnonzero(self.world.works[who, from_day:])
        if not len(days):
            days = np.arange(from_day, self.world.total_days)
        day = int(self.rng.choice(days))
        return day, self.begins(who, day)

    def begins(self, who: int, day: int) -> float:
        """The hour at which somebody's shift begins; on the last day early enough to end within the month."""
        latest = 15.0 if day == self.world.total_days - 1 else 23.0
        return min(latest, float(self.world.begins[who, day]))

    def moments(self, day: float, hour: float, n: int, minutes: float) -> np.ndarray:
        """``n`` times from an hour of a day, some minutes apart, within the month."""
        gaps = self.rng.exponential(minutes * 60_000, n) + 4_000
        first = int(day * DAY + hour * HOUR)
        time = first + np.cumsum(gaps).astype(np.int64)
        over = max(0, int(time[-1]) - (self.end - 1_000))
        return np.maximum(time - over, self.begin + 1_000 + np.arange(n) * 500)

    def staff_name(self, who: int) -> str:
        return f"emp-{who:04d}"
