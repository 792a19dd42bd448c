"""Events that were handed in and are not yet acknowledged: a future each, light enough for many a second."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from threading import Condition
from typing import Any

from secure_ai.monitor.trail.entries import Prepared


class Work(Future):
    """Events that are written together or not at all, and the future of their receipts.

    All futures of a trail share one condition: making one for each takes longer than hashing an event, and
    a commit finishes hundreds at once. The attributes are those of ``concurrent.futures.Future``, so
    ``wait``, ``as_completed`` and ``asyncio.wrap_future`` take it as any other.

    Args:
        events: to be written.
        condition: the trail's.
        single: whether the result is the receipt of the only event, not a list.
    """

    def __init__(self, events: Sequence[Prepared], condition: Condition, *, single: bool = False) -> None:
        # In place of Future.__init__, which makes a condition.
        self._condition, self._state = condition, "PENDING"
        self._result = self._exception = None
        self._waiters, self._done_callbacks = [], []
        self.events, self.single = events, single

    def result(self, timeout: float | None = None) -> Any:
        """Return the receipt or receipts, or raise what hindered them; waits for at most ``timeout`` s."""
        self._wait(timeout)
        return super().result(0)

    def exception(self, timeout: float | None = None) -> BaseException | None:
        """Return what hindered them, None if nothing; waits for at most ``timeout`` s."""
        self._wait(timeout)
        return super().exception(0)

    def _wait(self, timeout: float | None) -> None:
        # Until this one is done: the shared condition is notified for others, too.
        if not self.done():
            with self._condition:
                self._condition.wait_for(self.done, timeout)

    def finish(self, result: Any) -> None:
        """Set receipts or an exception."""
        if isinstance(result, BaseException):
            self.set_exception(result)
        else:
            self.set_result(result[0] if self.single else result)
