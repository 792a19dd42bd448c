"""Detections, desks and sinks for the tests of alerts."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack

import pytest

from secure_ai.core.audit import AuditLog
from secure_ai.monitor.alerts import AlertDesk, ManualClock, Message, Retry
from secure_ai.monitor.detection.result import Detection, Reason

START = "2026-03-02T08:00:00+00:00"


class Waits:
    """Seconds that pass only when told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class MemorySink:
    """Keeps messages; ``fails`` raises before, ``loses_answer`` after it has kept one."""

    def __init__(self, name: str = "memory", at_least: str = "low", roles: tuple[str, ...] = ()) -> None:
        self.name, self.at_least, self.roles = name, at_least, roles
        self.messages: list[Message] = []
        self.fails = self.loses_answer = False
        self.attempts = 0

    def send(self, message: Message) -> None:
        self.attempts += 1
        if self.fails:
            raise RuntimeError("secret words of a library")
        self.messages.append(message)
        if self.loses_answer:
            raise TimeoutError

    def said(self) -> list[tuple[str, str]]:
        return [(one.fields["event"], one.fields.get("alert", "")) for one in self.messages]


def _detection(number: int = 1, **more) -> Detection:
    fields = {
        "time": f"2026-03-02T08:00:{number % 60:02d}+00:00",
        "family": "access",
        "kind": "bulk_night_reading",
        "actor": "E-0012",
        "target": f"P-{number:05d}",
        "severity": "medium",
        "score": 0.7,
        "reasons": (Reason("records_in_night", "many records at night", 240.0, 12.0),),
        "events": (f"ev-{number:08d}",),
    }
    return Detection(**(fields | more))


@pytest.fixture
def detection() -> Callable[..., Detection]:
    """Make a detection; different numbers are different events of the same actor and kind."""
    return _detection


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(START)


@pytest.fixture
def waits() -> Waits:
    return Waits()


@pytest.fixture
def sink() -> MemorySink:
    return MemorySink()


@pytest.fixture
def audit(clock) -> AuditLog:
    return AuditLog(clock=clock)


@pytest.fixture
def open_desk(clock, waits, sink, audit):
    """Open a desk without threads; closed at the end."""
    with ExitStack() as stack:

        def make(store=None, **more) -> AlertDesk:
            options = {
                "sinks": [sink], "audit": audit, "clock": clock, "background": False, "monotonic": waits,
                "retry": Retry(first_seconds=1, cool_down_seconds=60),
                "check_note": lambda note: "Smith" in note,
            }  # fmt: skip
            desk = AlertDesk(store, **(options | more))
            stack.callback(desk.close)
            return desk

        yield make


@pytest.fixture
def desk(open_desk) -> AlertDesk:
    return open_desk()
