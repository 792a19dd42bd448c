"""A clock for lessons: stored outputs hold no time of day."""

from __future__ import annotations

from datetime import datetime, timedelta


class SteppingClock:
    """A clock for an audit log: one minute later each time it is looked at, so that pages stay the same."""

    def __init__(self, start: datetime) -> None:
        self.now = start

    def __call__(self) -> datetime:
        self.now += timedelta(minutes=1)
        return self.now
