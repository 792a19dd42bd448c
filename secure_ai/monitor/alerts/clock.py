"""Time of the alert desk: seconds that never run backwards, whatever the clock of the machine does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from secure_ai.core.errors import UserError

Clock = Callable[[], datetime]


class ManualClock:
    """A clock that stands still until it is set, for lessons, tests and replays of a log.

    Args:
        start: an aware time, or ISO 8601 (UTC if it names no zone).
    """

    def __init__(self, start: datetime | str) -> None:
        self.now = parse_time(start)

    def __call__(self) -> datetime:
        return self.now

    def advance(self, *, minutes: float = 0, hours: float = 0, seconds: float = 0) -> None:
        """Move on; negative values move back, as a clock that is set wrongly does."""
        self.now += timedelta(minutes=minutes, hours=hours, seconds=seconds)

    def set(self, when: datetime | str) -> None:
        """Set the time."""
        self.now = parse_time(when)


def parse_time(value: datetime | str) -> datetime:
    """Return an aware time in UTC.

    Raises:
        UserError: if it is none (NaT included).
    """
    try:
        time = value if isinstance(value, datetime) else datetime.fromisoformat(value)
        time = time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
        if time != time:  # noqa: PLR0124 - NaT is a datetime that differs from itself
            raise ValueError
    except (TypeError, ValueError, OverflowError):
        raise UserError("A time is not readable: give ISO 8601, such as 2026-03-31T09:30:00+00:00.") from None
    return time


def iso(time: datetime) -> str:
    """Return a time as alerts show it."""
    return time.astimezone(UTC).isoformat(timespec="milliseconds")


@dataclass(frozen=True, slots=True)
class Moment:
    """Now: in seconds that never run backwards, and as the clock shows it."""

    elapsed: float
    at: str


class SteadyTime:
    """Counts the seconds that a clock goes forward, and leaves out those that it goes back.

    Deadlines measured in these seconds are never undone and no age is negative. Time that passed while
    nothing ran counts, since the last reading is kept.

    Args:
        clock: gives the time.
        elapsed: seconds counted so far.
        last: the reading that they were counted up to.
    """

    def __init__(self, clock: Clock, elapsed: float = 0.0, last: datetime | None = None) -> None:
        self._clock, self.elapsed = clock, elapsed
        self.last = parse_time(clock()) if last is None else last
        self.went_back, self.furthest_back = 0, 0.0

    def read(self) -> float:
        """Read the clock and return the seconds counted."""
        now = parse_time(self._clock())
        step = (now - self.last).total_seconds()
        if step < 0:
            self.went_back += 1
            self.furthest_back = max(self.furthest_back, -step)
        self.elapsed += max(step, 0.0)
        self.last = now
        return self.elapsed
