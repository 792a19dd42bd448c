"""Honest work that looks like misuse: emergencies, nights on call, reviews, relatives, downtime."""

from __future__ import annotations

import numpy as np

from synthetic_data.activity.work import Office, at, missing, resources
from synthetic_data.activity.world import HISTORY_DAYS, MINUTE


def add_honest(office: Office, rng: np.random.Generator) -> None:
    """All of it, in the history and in the month."""
    add_overrides(office, rng)
    add_on_call(office, rng)
    add_reviews(office, rng)
    add_attention(office, rng)
    add_relatives(office, rng)
    add_downtime(office, rng)
    add_self_service(office, rng)


def _open(  # noqa: PLR0917
    office: Office, rng, who, subject, time, relation: str | np.ndarray, **columns
) -> None:
    """Accesses of one person, related unless the system does not know it."""
    n = len(subject)
    role = office.world.sector.roles[office.world.role[who]]
    book, people = office.book, np.full(n, who)
    action = book.codes("action", ["view", "update", "print"])[np.searchsorted([0.74, 0.96], rng.random(n))]
    known = book.code("relation", relation) if isinstance(relation, str) else relation
    given = {
        "action": action,
        "purpose": np.where(rng.random(n) < 0.05, 0, book.code("purpose", role.purposes[0])),
        "relation": np.where(missing(rng, people, subject), 0, known),
        "resource": resources(office, rng, role, n, 0.04),
    } | columns
    keep = office.world.subject_staff[subject] != who
    given = {name: value[keep] if isinstance(value, np.ndarray) else value for name, value in given.items()}
    office.add(people[keep], time[keep], target=office.target[subject[keep]], **given)


def _here(office: Office, rng, unit: np.ndarray, day: np.ndarray) -> np.ndarray:
    """A subject who is in each unit on each day."""
    low, there = office.world.present(unit, day)
    return low + np.floor(rng.random(len(unit)) * there).astype(np.int64)


def _working(office: Office, mask: np.ndarray) -> np.ndarray:
    """(rows, 2) of person and day: the shifts of those in the mask."""
    return np.argwhere(office.world.works & mask[:, None])


def _sample(rng, rows: np.ndarray, n: int) -> np.ndarray:
    return rows[rng.integers(0, len(rows), n)] if len(rows) else rows


def add_overrides(office: Office, rng) -> None:
    """The emergency: nobody knows the subject yet; then the team takes over, and somebody writes it down."""
    world = office.world
    mask = world.with_role(*world.sector.override_roles)
    if world.sector.care:
        mask &= np.isin(world.unit, [world.units.index("emergency"), world.units.index("intensive-care")])
    shifts = _working(office, mask)
    for who, day in _sample(rng, shifts, round(world.total_days * len(world.role) / 170)):
        unit = world.place[who, day] if world.place[who, day] < world.care else rng.integers(0, world.care)
        subject = int(_here(office, rng, np.array([unit]), np.array([day]))[0])
        time = at(day, world.begins[who, day] + rng.uniform(0.2, 6.8))
        n = int(rng.integers(1, 4))
        purpose = "emergency" if rng.random() < 0.85 else ""
        _open(office, rng, who, np.full(n, subject), time + np.arange(n) * int(rng.integers(20_000, 120_000)),
              "", break_glass=True, purpose=purpose, action="view")  # fmt: skip
        m = int(rng.integers(1, 4))
        _open(office, rng, who, np.full(m, subject), time + np.sort(rng.integers(6, 50, m)) * MINUTE,
              "open_case", action="update")  # fmt: skip
        team = shifts[(shifts[:, 1] == day) & (shifts[:, 0] != who)][:, 0]
        for other in rng.permutation(team)[: int(rng.integers(1, 4))]:
            k = int(rng.integers(1, 4))
            _open(office, rng, other, np.full(k, subject), time + np.sort(rng.integers(5, 100, k)) * MINUTE,
                  "care_team" if world.sector.care else "open_case")  # fmt: skip


def add_on_call(office: Office, rng) -> None:
    """One person for the whole house at night: many subjects of all units, with cover."""
    world = office.world
    name = "physician" if world.sector.care else "fraud_analyst"
    shifts = _working(office, world.with_role(name) & ~world.per_diem)
    nights = max(1, round(len(world.role) / 300))
    for day in range(world.total_days - 1):
        today = shifts[shifts[:, 1] == day]
        for who, _ in _sample(rng, today, nights):
            n = int(rng.integers(15, 75))
            subject = _here(office, rng, rng.integers(0, world.care, n), np.full(n, day))
            time = np.sort(at(np.full(n, day), 21 + rng.uniform(0, 9, n)))
            relation = "cover" if rng.random() < 0.95 else ""  # the rota was not entered
            _open(office, rng, who, subject, time, relation)


def add_reviews(office: Office, rng) -> None:
    """Planned reviews: hundreds of records in some hours, sometimes in the evening."""
    world = office.world
    mask = world.with_role("quality_reviewer", "compliance_officer", "billing_coder")
    shifts = _working(office, mask)
    for who, day in _sample(rng, shifts, max(3, round(world.total_days * len(world.role) / 1300))):
        n = int(rng.integers(60, 220))
        seen = np.maximum(0, np.full(n, day) - rng.integers(0, 14, n))
        subject = np.unique(_here(office, rng, rng.integers(0, world.care, n), seen))
        subject = rng.permutation(subject)
        begin = world.begins[who, day] + (10 if rng.random() < 0.3 else rng.uniform(0.5, 4))
        time = np.sort(at(np.full(len(subject), day), begin + rng.uniform(0, 3.5, len(subject))))
        known = "" if rng.random() < 0.06 else "scheduled"
        _open(office, rng, who, subject, time, known, action="view")


def add_attention(office: Office, rng) -> None:
    """A prominent subject or an employee is really treated: the own unit and two others look often."""
    world = office.world
    special = np.flatnonzero(world.prominent | (world.subject_staff >= 0))
    relation = "care_team" if world.sector.care else "open_case"
    for subject in special:
        unit = world.subject_unit[subject]
        inside = subject - world.first[unit]
        if world.rate[unit]:
            day = int(inside / world.rate[unit]) - int(rng.integers(0, 2))
        else:
            day = int(rng.integers(0, world.total_days))
        if not 0 <= day < world.total_days:
            continue
        local = np.flatnonzero(world.works[:, day] & (world.place[:, day] == unit))
        helpers = np.flatnonzero(world.works[:, day] & (world.place[:, day] != unit))
        count = 2 if not world.prominent[subject] else 5
        for group, people in ((relation, local), ("appointment", helpers)):
            for who in rng.permutation(people)[: int(rng.integers(1, count + 1))]:
                if world.staff_household[who] == world.subject_household[subject]:
                    continue
                n = int(rng.integers(1, 6))
                time = at(np.full(n, day), world.begins[who, day] + np.sort(rng.uniform(0.2, 7.5, n)))
                _open(office, rng, who, np.full(n, subject), time, group)


def add_relatives(office: Office, rng) -> None:
    """A relative on one's own ward or at one's own counter, assigned like anybody else."""
    world = office.world
    relatives = np.flatnonzero(
        (world.subject_staff < 0) & np.isin(world.subject_household, world.staff_household)
    )
    relation = "care_team" if world.sector.care else "own_branch"
    for subject in relatives:
        unit = world.subject_unit[subject]
        rate = world.rate[unit]
        day = int((subject - world.first[unit]) / rate) if rate else int(rng.integers(0, world.total_days))
        own = np.flatnonzero(world.staff_household == world.subject_household[subject])
        own = own[(world.unit[own] == unit)]
        if not len(own) or not 0 <= day < world.total_days or not world.works[own[0], day]:
            continue
        n = int(rng.integers(2, 6))
        time = at(np.full(n, day), world.begins[own[0], day] + np.sort(rng.uniform(0.2, 7.5, n)))
        known = relation if rng.random() < 0.85 else ""  # assigned by word of mouth
        _open(office, rng, own[0], np.full(n, subject), time, known)
        others = np.flatnonzero(world.works[:, day] & (world.place[:, day] == unit))
        for who in rng.permutation(others[others != own[0]])[:2]:
            time = at(np.full(2, day), world.begins[who, day] + rng.uniform(0.2, 7.5, 2))
            _open(office, rng, who, np.full(2, subject), time, relation)


def add_downtime(office: Office, rng) -> None:
    """After some hours on paper a unit enters everything at once, and the relations come later."""
    world = office.world
    for _ in range(max(2, world.total_days // 12)):
        day, unit = int(rng.integers(1, world.total_days)), int(rng.integers(0, world.care))
        people = np.flatnonzero(world.works[:, day] & (world.place[:, day] == unit))
        for who in rng.permutation(people)[:4]:
            n = int(rng.integers(15, 40))
            subject = _here(office, rng, np.full(n, unit), np.full(n, day))
            subject = subject[world.subject_household[subject] != world.staff_household[who]]
            time = np.sort(at(day, world.begins[who, day] + rng.uniform(0.5, 2.5, len(subject))))
            usual = office.book.code("relation", "care_team" if world.sector.care else "own_branch")
            relation = np.where(rng.random(len(subject)) < 0.6, 0, usual)
            _open(office, rng, who, subject, time, relation)


def add_self_service(office: Office, rng) -> None:
    """People on long leave look at their payslip: a sign-in after months, and no record is opened."""
    world = office.world
    who = np.flatnonzero(world.portal)
    day = rng.integers(HISTORY_DAYS, world.total_days, len(who))
    allowed = (world.start + day >= world.leave_from[who]) & (world.start + day < world.leave_until[who])
    who, day = who[allowed], day[allowed]
    office.add(who, at(day, rng.uniform(8, 22, len(who))), action="sign_in", target="self-service",
               record_count=0, source="home")  # fmt: skip
