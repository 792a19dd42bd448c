"""How many rows a principal may ask about, in any minute and in any day."""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace

from secure_ai.core.errors import UserError

MINUTE, DAY = 60.0, 86_400.0


@dataclass(frozen=True)
class RateLimit:
    """How many rows may be asked about.

    Attributes:
        rows_per_minute: in any 60 seconds.
        rows_per_day: in any 24 hours.

    Raises:
        UserError: if a limit is negative or no whole number.
    """

    rows_per_minute: int = 600
    rows_per_day: int = 20_000

    def __post_init__(self) -> None:
        for name in ("rows_per_minute", "rows_per_day"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < 0:
                raise UserError(f"{name}={value!r}: give a whole number of rows, 0 to close the account.")


class LimitReached(UserError):
    """A principal has asked about as many rows as it may.

    Attributes:
        retry_after: seconds after which the same rows could be asked about; None if they never can at once.
        window: ``"minute"`` or ``"day"``.
    """

    def __init__(self, sentence: str, retry_after: float | None, window: str) -> None:
        super().__init__(sentence)
        self.retry_after, self.window = retry_after, window


class _Used:
    """Rows used in a moving window, in steps so that the memory is bounded."""

    def __init__(self, window: float, steps: int = 600) -> None:
        self.window, self._step = window, window / steps
        self._parts: deque[tuple[float, int]] = deque()
        self.total = 0

    def forget(self, now: float) -> None:
        while self._parts and self._parts[0][0] <= now - self.window:
            self.total -= self._parts.popleft()[1]

    def add(self, now: float, rows: int) -> None:
        # A step counts from its end, so that the sum in a window is never taken for less than it is.
        end = (math.floor(now / self._step) + 1) * self._step
        if self._parts and self._parts[-1][0] >= end:
            last, count = self._parts.pop()
            self._parts.append((last, count + rows))
        else:
            self._parts.append((end, rows))
        self.total += rows

    def wait(self, now: float, rows: int, most: int) -> float:
        """Return the seconds until ``rows`` more fit."""
        over = self.total + rows - most
        for end, count in self._parts:
            if over <= 0:
                break
            over -= count
            free_at = end + self.window
        return max(free_at - now, 0.0) if self.total + rows > most else 0.0


class RateLimiter:
    """Counts the rows of each principal; safe to use from several threads.

    Args:
        limits: principal -> its limit; a principal that is not named may ask nothing.
        clock: seconds that never go back; a fixed one makes lessons and tests repeatable.
    """

    def __init__(self, limits: dict[str, RateLimit], *, clock: Callable[[], float] = time.monotonic) -> None:
        self._limits, self._clock = dict(limits), clock
        self._used: dict[str, tuple[_Used, _Used]] = {}
        self._lock = threading.Lock()

    def limit_of(self, principal: str) -> RateLimit:
        """Return the limit that holds for a principal now."""
        return self._limits.get(principal, RateLimit(0, 0))

    def set(self, principal: str, limit: RateLimit) -> None:
        """Set another limit, from now on; what was used stays used."""
        with self._lock:
            self._limits[principal] = limit

    def lower(
        self, principal: str, *, rows_per_minute: int | None = None, rows_per_day: int | None = None
    ) -> RateLimit:
        """Lower the limit of a principal, as an alarm does; it is never raised this way."""
        given = {"rows_per_minute": rows_per_minute, "rows_per_day": rows_per_day}
        with self._lock:
            now = self.limit_of(principal)
            lowered = {
                name: min(value, getattr(now, name)) for name, value in given.items() if value is not None
            }
            self._limits[principal] = replace(now, **lowered)
            return self._limits[principal]

    def take(self, principal: str, rows: int) -> None:
        """Count rows, all or none.

        Raises:
            LimitReached: if they are more than the principal may ask about now; nothing is then counted.
        """
        with self._lock:
            now, limit = self._clock(), self.limit_of(principal)
            used = self._used.setdefault(principal, (_Used(MINUTE), _Used(DAY)))
            asked = (
                (used[1], limit.rows_per_day, "day"),
                (used[0], limit.rows_per_minute, "minute"),
            )
            for part, _, _ in asked:
                part.forget(now)
            for _, most, name in asked:
                if rows > most:
                    sentence = f"The limit is {most:,} rows a {name}: this batch has {rows:,}, send fewer."
                    raise LimitReached(sentence, None, name)
            for part, most, name in asked:
                wait = part.wait(now, rows, most)
                if wait > 0:
                    raise LimitReached(
                        f"The limit of {most:,} rows a {name} is reached: wait {math.ceil(wait):,} seconds.",
                        wait,
                        name,
                    )
            for part, _, _ in asked:
                part.add(now, rows)

    def used(self, principal: str) -> tuple[int, int]:
        """Return the rows that a principal has used in the last minute and in the last day."""
        with self._lock:
            now = self._clock()
            parts = self._used.get(principal)
            if parts is None:
                return 0, 0
            for part in parts:
                part.forget(now)
            return parts[0].total, parts[1].total
