"""Ordinary work: sign-ins and the records that people open, with the gaps that honest work has."""

from __future__ import annotations

import numpy as np

from synthetic_data.activity.book import Book
from synthetic_data.activity.sectors import Role
from synthetic_data.activity.world import DAY, HOUR, World, staff_ids, subject_ids

MISSING_RELATION = 0.03
"""Share of honest accesses whose relation the system does not know."""
MISSING_PAIRS = 0.02
"""Share of pairs of staff and subject whose relation was never entered."""
OTHER_RESOURCES = 0.04
"""Share of honest accesses to something that the role does not usually open."""
LOOKING_BACK = 0.04
"""Share of honest accesses to a subject who was there some days ago; for coders and reviewers nearly all."""
OVERTIME = 0.04
"""Share of honest accesses after the end of the shift."""
CONSULTS = 0.05
"""Share of the accesses of care units that go to another unit's subjects."""
OUTAGES = 3
"""Times in the whole span at which the system that knows relations stands still for some hours."""


class Office:
    """The world and its table of events, with the codes of everybody in it.

    Attributes:
        actor, target: code of each member of staff and each subject.
        role, unit: codes per member of staff.
        seat: code of the usual workstation of each member of staff.
    """

    def __init__(self, world: World, book: Book) -> None:
        self.world, self.book = world, book
        self.actor = book.codes("actor", list(staff_ids(world)))
        self.target = book.codes("target", list(subject_ids(world)))
        self.role = book.codes("role", [role.name for role in world.sector.roles])[world.role]
        self.unit = book.codes("unit", world.units)[world.unit]
        per_unit = np.maximum(2, np.bincount(world.unit, minlength=len(world.units)) // 2)
        names = [
            f"ws-{unit}-{i:02d}" for unit, n in zip(world.units, per_unit, strict=True) for i in range(n)
        ]
        self._seats = book.codes("source", names)
        self._first_seat = np.concatenate([[0], np.cumsum(per_unit)[:-1]])
        self._unit_seats = per_unit
        self.seat = self.seats(world.unit, np.arange(len(world.unit)) * 7)

    def seats(self, unit: np.ndarray, number: np.ndarray) -> np.ndarray:
        """Codes of workstations of units."""
        return self._seats[self._first_seat[unit] + number % self._unit_seats[unit]]

    def add(self, who: np.ndarray, time: np.ndarray, **columns) -> None:
        """Add events of members of staff, at their usual workstation unless told otherwise."""
        columns.setdefault("source", self.seat[who])
        columns.setdefault("outcome", "allowed")
        self.book.add(
            len(who), actor=self.actor[who], role=self.role[who], unit=self.unit[who],
            time=time, **columns,
        )  # fmt: skip


def at(day: np.ndarray, hour: np.ndarray) -> np.ndarray:
    """Milliseconds from the first midnight."""
    return (np.asarray(day) * DAY + np.asarray(hour) * HOUR).astype(np.int64)


def add_work(office: Office, rng: np.random.Generator) -> None:
    """Sign-ins and accesses of everybody on every shift."""
    world = office.world
    who, day = np.nonzero(world.works)
    begins = world.begins[who, day]
    _sign_ins(office, rng, who, day, begins)
    mean = np.array([role.per_shift for role in world.sector.roles])[world.role[who]] * world.habit[who]
    count = rng.poisson(mean * rng.gamma(6, 1 / 6, len(who)))
    dark = _outages(rng, world)
    for number, role in enumerate(world.sector.roles):
        mine = (world.role[who] == number) & (count > 0)
        one, date = np.repeat(who[mine], count[mine]), np.repeat(day[mine], count[mine])
        start = np.repeat(begins[mine], count[mine])
        if len(one):
            _role_accesses(office, rng, role, (one, date, start), dark)


def _sign_ins(office: Office, rng, who, day, begins) -> None:
    n = len(who)
    time = at(day, begins - rng.exponential(0.06, n))
    seat = _wandering(office, rng, who, day)
    office.add(who, time, action="sign_in", target="workplace", record_count=0, source=seat)
    wrong = np.flatnonzero(rng.random(n) < 0.03)
    office.add(who[wrong], time[wrong] - rng.integers(4_000, 40_000, len(wrong)), action="sign_in",
               target="workplace", record_count=0, source=seat[wrong], outcome="denied")  # fmt: skip


def _wandering(office: Office, rng, who, day) -> np.ndarray:
    """The workstation of each event: mostly one's own, a float's in the unit worked for."""
    place = office.world.place[who, day]
    care = place < office.world.care
    unit = np.where(care & (office.world.unit[who] >= 0), place, office.world.unit[who])
    floats = office.world.with_role("float_nurse", "relief_teller")[who]
    unit = np.where(floats, place, office.world.unit[who])
    other = office.seats(unit, rng.integers(0, 10_000, len(who)))
    return np.where(floats | (rng.random(len(who)) < 0.15), other, office.seat[who])


def _outages(rng, world: World) -> np.ndarray:
    """(outages, 2) from and until in milliseconds: the relations of that time are mostly missing."""
    from_ = rng.integers(0, world.total_days, OUTAGES) * DAY + rng.integers(8, 20, OUTAGES) * HOUR
    return np.stack([from_, from_ + rng.integers(1, 5, OUTAGES) * HOUR], axis=1)


def _role_accesses(office: Office, rng, role: Role, shifts, dark) -> None:
    world, book = office.world, office.book
    who, day, start = shifts
    n = len(who)
    late = (rng.random(n) < OVERTIME) * rng.exponential(0.6, n)
    time = at(day, start + 0.1 + 7.6 * _rhythm(rng, n) + late)
    subject, home = _subjects(rng, world, role, who, day)
    keep = world.subject_staff[subject] != who  # nobody works on their own record
    relative = world.subject_household[subject] == world.staff_household[who]
    keep &= ~relative | (
        home & (role.reach != "all")
    )  # a relative is somebody else's work, but on one's ward
    who, day, time, subject, home = (a[keep] for a in (who, day, time, subject, home))
    n = len(who)
    relation = np.where(home, book.code("relation", role.relation), book.code("relation", "appointment"))
    relation[home & (rng.random(n) < 0.06)] = book.code("relation", "cover")
    lost = missing(rng, who, subject)
    lost |= ((time[:, None] >= dark[:, 0]) & (time[:, None] < dark[:, 1])).any(1) & (rng.random(n) < 0.6)
    relation[lost] = 0
    denied = rng.random(n) < 0.003
    office.add(
        who, time, action=book.codes("action", ["view", "update", "print"])[_mix(rng, n, (0.74, 0.22, 0.04))],
        resource=resources(office, rng, role, n, OTHER_RESOURCES), target=office.target[subject],
        purpose=np.where(rng.random(n) < 0.05, 0, book.code("purpose", role.purposes[0])),
        relation=relation, source=_wandering(office, rng, who, day),
        outcome=np.where(denied, book.code("outcome", "denied"), book.code("outcome", "allowed")),
    )  # fmt: skip


def missing(rng, who: np.ndarray, subject: np.ndarray) -> np.ndarray:
    """Whether the system does not know the relation of an honest access: by chance, or of this pair ever."""
    pair = (who * 7_919 + subject * 104_729 + who * subject * 31) % 10_007
    return (rng.random(len(who)) < MISSING_RELATION) | (pair < MISSING_PAIRS * 10_007)


def resources(office: Office, rng, role: Role, n: int, others: float) -> np.ndarray:
    """Codes of what is opened: mostly what the role is about."""
    usual = office.book.codes("resource", role.resources)[_mix(rng, n, _falling(len(role.resources)))]
    every = office.book.codes("resource", office.world.sector.resources)
    return np.where(rng.random(n) < others, every[rng.integers(0, len(every), n)], usual)


def _rhythm(rng, n: int) -> np.ndarray:
    """Where in a shift: rounds after the handover, a lull, and the notes before the end."""
    return np.where(rng.random(n) < 0.55, rng.beta(1.6, 4.0, n), rng.beta(3.2, 1.9, n))


def _falling(n: int) -> np.ndarray:
    share = 0.6 ** np.arange(n)
    return share / share.sum()


def _mix(rng, n: int, shares) -> np.ndarray:
    return np.searchsorted(np.cumsum(shares)[:-1], rng.random(n), side="right")


def _subjects(rng, world: World, role: Role, who, day) -> tuple[np.ndarray, np.ndarray]:
    """Whom each access concerns, and whether that is a subject of one's own work."""
    n = len(who)
    back = 0.9 if role.name in {"billing_coder", "quality_reviewer"} else LOOKING_BACK
    seen = np.maximum(0, day - (rng.random(n) < back) * rng.integers(1, 12, n))
    unit = world.place[who, day]
    home = np.ones(n, dtype=bool)
    if role.reach == "all":
        unit = rng.integers(0, world.care, n)
    else:
        # A consult: one other unit a day, and there one or two subjects.
        home = rng.random(n) >= CONSULTS
        unit = np.where(home, unit, (who * 13 + day * 7) % world.care)
        home = unit == world.place[who, day]
    low, there = world.present(unit, seen)
    anywhere = np.floor(rng.random(n) * there).astype(np.int64)
    asked = (who * 17 + day * 29 + rng.integers(0, 2, n)) % there
    inside = np.where(home, anywhere, asked)
    if role.panel:
        groups = np.maximum(1, there // role.panel)
        mine = ((who * 5 + 1) - low) % groups + groups * np.floor(rng.random(n) * role.panel).astype(np.int64)
        inside = np.where(home & (rng.random(n) >= 0.15) & (mine < there), mine, inside)
    return low + inside, home
