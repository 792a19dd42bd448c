"""A trail in a temporary folder, its key and witness, and events to put in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from secure_ai.core.audit import AuditEvent
from secure_ai.monitor.trail import Trail, Verification, open_trail, verify_trail

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def make_event(number: int, **fields) -> AuditEvent:
    time = (NOON + timedelta(seconds=number)).isoformat(timespec="milliseconds")
    plain = {
        "time": time, "actor": f"S{number % 7:07}", "action": "read", "target": f"P{number:05}",
        "outcome": "allowed", "purpose": "treatment", "event_id": f"E{number:06}",
    }  # fmt: skip
    return AuditEvent(**(plain | fields))


@dataclass
class Place:
    """Where a trail is kept, and with what key."""

    folder: Path
    key: Ed25519PrivateKey

    @property
    def path(self) -> Path:
        return self.folder / "trail.db"

    @property
    def witness(self) -> Path:
        return self.folder / "elsewhere" / "witness.jsonl"

    def open(self, **options) -> Trail:
        plain = {"signing_key": self.key, "witness": self.witness, "checkpoint_every": 10}
        return open_trail(self.path, **(plain | {"clock": lambda: NOON} | options))

    def verify(self, **options) -> Verification:
        return verify_trail(self.path, self.key.public_key(), self.witness, **options)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    (tmp_path / "elsewhere").mkdir()
    return Place(tmp_path, Ed25519PrivateKey.generate())


@pytest.fixture
def filled(place: Place) -> Place:
    """A trail of 45 entries with checkpoints at 10, 20, 30, 40 and 45."""
    with place.open() as trail:
        for start in range(0, 45, 5):
            trail.append_many(make_event(number) for number in range(start, start + 5))
    return place


@pytest.fixture
def event() -> Callable[..., AuditEvent]:
    return make_event
