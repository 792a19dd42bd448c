"""A quarter of a small hospital's log, in which everything that the report looks for happens once or more."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from secure_ai.core.audit import AuditEvent

START = datetime(2026, 7, 1, tzinfo=UTC)


def at(day=0.0, hour=0.0):
    return (START + timedelta(days=day, hours=hour)).isoformat(timespec="milliseconds")


@pytest.fixture(scope="session")
def events():
    """AuditEvents of 2026Q3 in the order of writing."""
    rng = np.random.default_rng(0)
    out, number = [], 0

    def add(time, actor, action, target, outcome="allowed", **more):
        nonlocal number
        number += 1
        fields = {
            name: more.pop(name) for name in ("purpose", "reason", "alert", "model", "data") if name in more
        }
        out.append(
            AuditEvent(
                time, actor, action, target, outcome, details=more, event_id=f"ev-{number:05d}", **fields
            )
        )

    for day in range(92):
        for hour in range(24):
            if day == 40 and 9 <= hour < 15:
                continue  # recording stood still
            for i in range(11 if 9 <= hour < 15 else hour % 2):
                nurse = f"emp-{int(rng.integers(1, 30)):04d}"
                add(at(day, hour + i / 20), nurse, "view", f"pat-{int(rng.integers(1, 900)):06d}",
                    purpose="treatment", role="nurse", relation="care_team", record_count=1)  # fmt: skip
        for i in range(4):
            outcome = "denied" if i == 0 and day % 3 == 0 else "allowed"
            add(at(day, 6.5 + i / 100), f"emp-{i + 1:04d}", "sign-in", "workplace", outcome, role="nurse")
        add(at(day, 23), "svc-bi", "export", "claims", purpose="operations", role="service", relation="",
            record_count=500, destination="internal:bi")  # fmt: skip
    out.sort(key=lambda event: event.time)
    # Curiosity, a second try, a purpose that was never declared, and one without any.
    for day in (3, 4, 5):
        add(at(day, 12), "emp-0007", "view", "pat-000001", purpose="treatment", role="nurse", relation="")
    add(at(6, 10), "emp-0008", "view", "pat-000002", "denied", purpose="treatment", role="nurse",
        relation="", reason="no treatment relation", alert=True)  # fmt: skip
    add(at(6, 10.4), "emp-0008", "view", "pat-000002", purpose="treatment", role="nurse", relation="cover")
    add(at(7, 10), "emp-0009", "view", "pat-000003", "denied", purpose="treatment", role="nurse",
        relation="", reason="no treatment relation")  # fmt: skip
    add(
        at(8, 3), "svc-bi", "read", "notes", purpose="marketing", role="service", relation="", record_count=90
    )
    add(at(8, 4), "emp-0010", "view", "pat-000004", purpose="", role="nurse", relation="care_team")
    # Five guesses, then in.
    for i in range(5):
        add(at(9, 1 + i / 100), "emp-0011", "sign-in", "workplace", "denied", role="nurse")
    add(at(9, 1.1), "emp-0011", "sign-in", "workplace", role="nurse")
    # Emergency accesses: reviewed in time, late, by the same person (no review), overdue, and still waiting.
    for i, day in enumerate((10, 11, 12, 13, 90.5)):
        add(at(day), f"emp-00{20 + i}", "open emergency access", f"pat-9{i:05d}", purpose="emergency",
            role="physician", alert=True)  # fmt: skip
        add(at(day, 0.1), f"emp-00{20 + i}", "view", f"pat-9{i:05d}", purpose="emergency", role="physician",
            relation="", alert=True)  # fmt: skip
    add(
        at(11),
        "emp-0099",
        "review emergency access",
        "pat-900000",
        reason="justified",
        role="privacy_officer",
    )
    add(at(20), "emp-0099", "review emergency access", "pat-900001", reason="not justified")
    add(at(12, 5), "emp-0022", "review emergency access", "pat-900002", reason="justified")
    # Alerts.
    for i, severity in enumerate(("critical", "high", "medium")):
        add(at(14, i), "alert-desk", "alert raised", f"alert-{i}", alert=True, severity=severity,
            kind="snooping_prominent", about="emp-0007")  # fmt: skip
    add(at(14, 2), "emp-0099", "alert acknowledged", "alert-1", severity="high", kind="snooping_prominent")
    add(at(15), "emp-0099", "alert closed", "alert-1", severity="high", kind="snooping_prominent")
    add(at(14, 1), "alert-desk", "alert escalated", "alert-0", alert=True, severity="critical", to="on-call")
    add(at(14, 7), "emp-0099", "alert closed", "alert-2", severity="medium", kind="snooping_prominent")
    return sorted(out, key=lambda event: event.time)


@pytest.fixture(scope="session")
def declared():
    """What the services were built for."""
    return {"svc-bi": ["operations"]}
