"""Who looked at which chart: the access log, with a few labelled events of snooping."""

from __future__ import annotations

import numpy as np
import pandas as pd

from synthetic_data import identifiers
from synthetic_data.healthcare import model
from synthetic_data.healthcare.codes import REASONS, SETTINGS
from synthetic_data.healthcare.records import Frame

_DAY = 24 * 60
ACTIONS = ("view", "update", "print", "export")
RESOURCES = ("chart", "notes", "labs", "medications", "demographics", "billing")
PURPOSES = ("treatment", "payment", "operations", "research", "emergency")
_NO_VISIT = -1


def access_table(rng: np.random.Generator, frame: Frame, *, block: int, seed: int) -> pd.DataFrame:
    """The log of one block of patients, in order of time.

    Returns:
        event_id, timestamp, staff_id, patient_id, encounter_id (missing where no encounter explains the
        access), action, resource, purpose (as the user declared it), ip, break_glass, treatment_relation
        (the user is on the care team of that encounter), snooping, snooping_kind ("none", "family", "vip",
        "burst").
    """
    parts = [*_care(rng, frame), *_office(rng, frame), *_glass(rng, frame), *_snooping(rng, frame)]
    column = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    second = column["minute"] * 60 + rng.integers(0, 60, len(column["minute"]))
    order = np.lexsort((column["staff"], column["patient"], second))
    column = {name: values[order] for name, values in column.items()}
    n = len(order)
    explained = column["visit"] != _NO_VISIT
    own = _addresses(seed, len(frame.staff))
    roaming = rng.random(n) < 0.04
    everywhere = identifiers.ipv4(rng, n)
    ip = pd.Series(own.take(column["staff"])).where(~roaming, pd.Series(everywhere))
    return pd.DataFrame(
        {
            "event_id": identifiers.numbered("A", block * 10**8 + np.arange(n), 12),
            "timestamp": model.FIRST_DAY + second[order].astype("timedelta64[s]").astype("timedelta64[us]"),
            "staff_id": frame.staff["staff_id"].array.take(column["staff"]),
            "patient_id": frame.patients["patient_id"].array.take(column["patient"]),
            "encounter_id": pd.Series(frame.encounter_id(np.maximum(column["visit"], 0))).where(explained),
            "action": identifiers.pool(ACTIONS).take(column["action"]),
            "resource": identifiers.pool(RESOURCES).take(column["resource"]),
            "purpose": identifiers.pool(PURPOSES).take(column["purpose"]),
            "ip": ip,
            "break_glass": column["glass"].astype(bool),
            "treatment_relation": column["relation"].astype(bool),
            "snooping": column["kind"] > 0,
            "snooping_kind": identifiers.pool(["none", *model.SNOOPING_KINDS]).take(column["kind"]),
        }
    )


def _addresses(seed: int, count: int) -> object:
    """The workstation of each member of staff, the same in every block."""
    return identifiers.ipv4(np.random.default_rng(np.random.SeedSequence([seed, 0x1B, 0])), count)


def _events(
    visit: np.ndarray,
    patient: np.ndarray,
    staff: np.ndarray,
    minute: np.ndarray,
    *,
    action: np.ndarray | int = 0,
    resource: np.ndarray | int = 0,
    purpose: str = "treatment",
    glass: np.ndarray | bool = False,
    relation: bool = False,
    kind: int = 0,
) -> dict[str, np.ndarray]:
    n = len(visit)

    def spread(value: np.ndarray | int) -> np.ndarray:
        return np.broadcast_to(np.asarray(value, dtype=np.int64), n)

    return {
        "visit": np.asarray(visit, np.int64),
        "patient": np.asarray(patient, np.int64),
        "staff": np.asarray(staff, np.int64),
        "minute": np.maximum(np.asarray(minute, np.int64), 0),
        "action": spread(action),
        "resource": spread(resource),
        "purpose": spread(PURPOSES.index(purpose)),
        "glass": spread(np.asarray(glass)),
        "relation": spread(relation),
        "kind": spread(kind),
    }


def _during(rng: np.random.Generator, frame: Frame, visit: np.ndarray) -> np.ndarray:
    start, end = frame.visits.start[visit], frame.visits.end[visit]
    return start - 15 + (rng.random(len(visit)) * (end - start + 90)).astype(np.int64)


def _care(rng: np.random.Generator, frame: Frame) -> list[dict[str, np.ndarray]]:
    """The attending and a nurse of the department look and write during the encounter."""
    visits = frame.visits
    looks = 1 + rng.poisson(np.array([0.4, 0.9, 2.5])[visits.setting])
    mine = np.repeat(np.arange(len(visits)), looks)
    nurses = (frame.staff["role"] == "nurse").to_numpy()
    where = frame.staff["department"].to_numpy()
    wanted = np.array([reason.department for reason in REASONS], dtype=object)[visits.reason]
    nurse = np.empty(len(visits), np.int64)
    for name in dict.fromkeys(wanted):
        rows = wanted == name
        nurse[rows] = rng.choice(np.flatnonzero(nurses & (where == name)), rows.sum())
    # Float nurses cover for other departments: a treatment relation without a matching department.
    cover = rng.random(len(visits)) < 0.05
    nurse[cover] = rng.choice(np.flatnonzero(nurses), cover.sum())
    ward = np.repeat(np.arange(len(visits)), np.array([1, 1, 2])[visits.setting])
    parts = []
    for rows, who in ((mine, frame.attending[mine]), (ward, nurse[ward])):
        n = len(rows)
        action = rng.choice(4, n, p=[0.68, 0.29, 0.028, 0.002])
        resource = rng.choice(6, n, p=[0.36, 0.22, 0.20, 0.16, 0.05, 0.01])
        minute = _during(rng, frame, rows)
        parts.append(
            _events(rows, visits.patient[rows], who, minute, action=action, resource=resource, relation=True)
        )
    return parts


def _office(rng: np.random.Generator, frame: Frame) -> list[dict[str, np.ndarray]]:
    """Registration before, billing after, and now and then research and audit: no treatment relation."""
    visits = frame.visits
    roles = frame.staff["role"].to_numpy()
    parts = []
    for role, share, resource, purpose, shift in (
        ("registrar", 0.35, 4, "operations", -20),
        ("billing_specialist", 0.45, 5, "payment", 2 * _DAY),
        ("researcher", 0.01, 0, "research", 30 * _DAY),
        ("privacy_officer", 0.003, 0, "operations", 20 * _DAY),
    ):
        rows = np.flatnonzero(rng.random(len(visits)) < share)
        who = rng.choice(np.flatnonzero(roles == role), len(rows))
        if shift > 0:  # the working day after next, or later
            day = visits.end[rows] // _DAY + shift // _DAY + rng.integers(0, 5, len(rows))
            minute = day * _DAY + 8 * 60 + rng.integers(0, 9 * 60, len(rows))
        else:
            minute = visits.start[rows] + shift + rng.integers(0, 15, len(rows))
        action = np.where(rng.random(len(rows)) < 0.2, 1, 0)
        parts.append(
            _events(
                rows, visits.patient[rows], who, minute, action=action, resource=resource, purpose=purpose
            )
        )
    return parts


def _glass(rng: np.random.Generator, frame: Frame) -> list[dict[str, np.ndarray]]:
    """Honest emergency access by a physician of another department."""
    visits = frame.visits
    rows = np.flatnonzero((visits.setting != SETTINGS.index("ambulatory")) & (rng.random(len(visits)) < 0.02))
    who = rng.choice(np.flatnonzero((frame.staff["role"] == "physician").to_numpy()), len(rows))
    minute = visits.start[rows] + rng.integers(0, 90, len(rows))
    return [_events(rows, visits.patient[rows], who, minute, purpose="emergency", glass=True)]


def _snooping(rng: np.random.Generator, frame: Frame) -> list[dict[str, np.ndarray]]:
    """Looking without need: at relatives (same last name), at prominent patients, at many charts in a row."""
    patients, staff = frame.patients, frame.staff
    size = len(patients)
    nosy = np.flatnonzero(
        staff["role"].isin(["nurse", "resident", "registrar", "billing_specialist"]).to_numpy()
    )
    episodes = max(1, size // 400)
    parts = []

    def add(patient: np.ndarray, who: np.ndarray, minute: np.ndarray, kind: str) -> None:
        n = len(patient)
        parts.append(
            _events(
                np.full(n, _NO_VISIT),
                patient,
                who,
                minute,
                action=rng.choice(4, n, p=[0.86, 0.0, 0.10, 0.04]),
                resource=rng.choice(6, n, p=[0.38, 0.34, 0.14, 0.06, 0.08, 0.0]),
                glass=rng.random(n) < 0.08,
                kind=1 + model.SNOOPING_KINDS.index(kind),
            )
        )

    last = patients["last_name"].to_numpy()
    for who in rng.choice(nosy, 2 * episodes):
        rows = np.flatnonzero(last == staff["last_name"].iloc[who])
        if len(rows):
            looks = int(rng.integers(1, 4))
            when = _idle_minute(rng) + np.sort(rng.integers(0, 40, looks))
            add(np.full(looks, rng.choice(rows)), np.full(looks, who), when, "family")
    known = np.flatnonzero(patients["vip"].to_numpy())
    for patient in known[rng.random(len(known)) < 0.6]:
        looks = int(rng.integers(1, 6))
        when = _idle_minute(rng) + rng.integers(0, 3 * _DAY, looks)
        add(np.full(looks, patient), rng.choice(nosy, looks), when, "vip")
    for _ in range(episodes):
        looks = min(size, int(rng.integers(8, 20)))
        when = _idle_minute(rng) + np.sort(rng.integers(0, 45, looks))
        add(rng.choice(size, looks, replace=False), np.full(looks, rng.choice(nosy)), when, "burst")
    return parts


def _idle_minute(rng: np.random.Generator) -> int:
    """A moment in the window, more often late in the evening or at night."""
    hour = rng.choice([1, 2, 3, 10, 14, 16, 20, 21, 22, 23])
    return int(rng.integers(5, model.DAYS - 5)) * _DAY + int(hour) * 60
