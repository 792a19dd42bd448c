"""A small ward world whose usual work is known, for tests of the watch."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from secure_ai.monitor.detection import Context, Watch

START = pd.Timestamp("2026-03-02T00:00:00Z")
PARTS = ("vitals", "notes", "medications", "results", "insurance", "claims")
BLANK = {
    "role": "nurse", "unit": "", "resource": "", "record_count": 1, "purpose": "treatment",
    "outcome": "allowed", "break_glass": False, "relation": "", "destination": "", "fields": "", "model": "",
    "data": "", "source": "ws-1",
}  # fmt: skip


def event(event_id, time, actor, action, target, **more):
    return {**BLANK, "event_id": event_id, "time": pd.Timestamp(time, tz="UTC"), "actor": actor,
            "action": action, "target": target, **more}  # fmt: skip


def registers():
    staff = pd.DataFrame(
        {
            "staff_id": [f"emp-{i:02d}" for i in range(24)],
            "role": "nurse",
            "unit": ["north" if i % 2 else "south" for i in range(24)],
            "shift": "day",
            "household": [f"hh-{i}" for i in range(24)],
            "hired_on": pd.Timestamp("2020-01-01"),
            "left_on": [pd.Timestamp("2026-02-01") if i == 22 else pd.NaT for i in range(24)],
            "leave_from": [pd.Timestamp("2026-02-01") if i == 23 else pd.NaT for i in range(24)],
            "leave_until": [pd.Timestamp("2026-06-01") if i == 23 else pd.NaT for i in range(24)],
        }
    )
    subjects = pd.DataFrame(
        {
            "subject_id": [f"pat-{i:03d}" for i in range(300)],
            "prominent": [i == 200 for i in range(300)],
            # Records 0 to 11 are of members of staff, 100 lives with emp-01.
            "staff_id": [f"emp-{i:02d}" if i < 12 else "" for i in range(300)],
            "household": ["hh-1" if i == 100 else f"home-{i}" for i in range(300)],
            "unit": ["north" if i % 2 else "south" for i in range(300)],
        }
    )
    services = pd.DataFrame(
        {
            "service": ["svc-triage"], "model": ["triage@1"], "purpose": ["treatment"],
            "resources": ["vitals,results"], "fields": ["age,pulse"], "typical_records": [10],
        }
    )  # fmt: skip
    feeds = pd.DataFrame(
        {
            "actor": ["svc-feed"], "destination": ["vendor:lab"], "resource": ["results"],
            "typical_records": [500], "starts_on": [pd.Timestamp("2026-03-10")],
        }
    )  # fmt: skip
    return SimpleNamespace(staff=staff, subjects=subjects, services=services, feeds=feeds)


def usual_days(days, seed, start=START, prefix="h"):
    """Each nurse works on eight patients of her ward by day; 5% of the accesses lack the relation."""
    rng = np.random.default_rng(seed)
    rows = []
    for day in range(days):
        for number in range(22):
            nurse = f"emp-{number:02d}"
            ward = "north" if number % 2 else "south"
            # The records that are in care change slowly.
            patients = 2 * ((rng.integers(0, 15, 8) + 5 * day) % 70) + 12 + number % 2
            for patient in patients:
                at = start + pd.Timedelta(days=day, hours=7 + 9 * rng.random())
                rows.append(
                    event(
                        "", at.tz_localize(None), nurse, "update" if rng.random() < 0.2 else "view",
                        f"pat-{patient:03d}", unit=ward, resource=str(rng.choice(PARTS[:4])),
                        relation="" if rng.random() < 0.05 else "care_team",
                    )
                )  # fmt: skip
        for hour in range(24):
            at = (start + pd.Timedelta(days=day, hours=hour)).tz_localize(None)
            rows.append(
                event(
                    "", at, "svc-triage", "read", "records", role="service", resource="vitals",
                    fields="age,pulse", model="triage@1", record_count=int(rng.integers(8, 13)),
                    relation="open_case",
                )
            )  # fmt: skip
        for number in (0, 1, 2):
            at = (start + pd.Timedelta(days=day, hours=10 + number)).tz_localize(None)
            rows.append(
                event(
                    "", at, f"emp-{number:02d}", "export", "extract", destination="internal:bi",
                    record_count=int(rng.integers(20, 60)), relation="open_case", resource="results",
                )
            )  # fmt: skip
    table = pd.DataFrame(rows).sort_values("time", kind="stable").reset_index(drop=True)
    table["event_id"] = [f"{prefix}-{i:05d}" for i in range(len(table))]
    return table


@pytest.fixture(scope="session")
def ward():
    made = registers()
    made.history = usual_days(11, seed=1)
    made.context = Context(made.staff, made.subjects, made.services, made.feeds)
    return made


@pytest.fixture(scope="session")
def learned(ward, tmp_path_factory):
    """A checkpoint of a watch that has learned the usual days."""
    path = tmp_path_factory.mktemp("watch") / "learned.json"
    Watch.for_context(ward.context, ward.history).save(path)
    return path


@pytest.fixture
def watch(ward, learned):
    return Watch.resume(learned, ward.context)
