"""Who works when, and for whom: staff, subjects and the roster, as arrays that the rest draws from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from synthetic_data.activity.bank import BANK
from synthetic_data.activity.hospital import HOSPITAL
from synthetic_data.activity.sectors import Sector
from synthetic_data.identifiers import numbered, pool

HISTORY_DAYS = 21
MONTH_START = np.datetime64("2026-03-16", "D")
"""A Monday: the month holds the turn of a month from its sixteenth day on."""
DAY = 86_400_000
HOUR = 3_600_000
MINUTE = 60_000
SHIFTS = ("day", "evening", "night", "rotating")
SHIFT_START = np.array([7.0, 15.0, 23.0])
SECTOR = {"healthcare": HOSPITAL, "finance": BANK}
NEVER = np.datetime64("NaT", "D")


@dataclass(frozen=True)
class World:
    """The institution. Staff and subjects are numbered from 0; days from the first day of the history.

    Attributes:
        units: names; ``care`` are the first ones, which subjects belong to.
        role, unit, shift: per member of staff, as numbers.
        works: (staff, days) whether on shift; ``begins``: the hour at which that shift begins.
        place: (staff, days) the care unit worked for, which a float or relief changes each shift.
        first, size, stay: per care unit: number of its first subject, how many it has, and how many are
            there at a time; ``rate``: how many come each day (a bank's customers stay).
    """

    sector: Sector
    days: int
    units: tuple[str, ...]
    care: int
    role: np.ndarray
    unit: np.ndarray
    shift: np.ndarray
    habit: np.ndarray
    per_diem: np.ndarray
    staff_household: np.ndarray
    hired_on: np.ndarray
    left_on: np.ndarray
    leave_from: np.ndarray
    leave_until: np.ndarray
    portal: np.ndarray
    works: np.ndarray
    begins: np.ndarray
    place: np.ndarray
    first: np.ndarray
    size: np.ndarray
    stay: np.ndarray
    rate: np.ndarray
    subject_unit: np.ndarray
    subject_staff: np.ndarray
    subject_household: np.ndarray
    prominent: np.ndarray

    @property
    def start(self) -> np.datetime64:
        """Midnight before the first day of the history."""
        return MONTH_START - HISTORY_DAYS

    @property
    def total_days(self) -> int:
        return HISTORY_DAYS + self.days

    def with_role(self, *names: str) -> np.ndarray:
        """Whether each member of staff has one of these roles."""
        return np.isin(self.role, [i for i, role in enumerate(self.sector.roles) if role.name in names])

    def present(self, unit: np.ndarray, day: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Number of the first of the unit's subjects who is there on a day, and how many are."""
        low = np.floor(self.rate[unit] * day).astype(np.int64)
        return self.first[unit] + low, self.stay[unit]

    def come(self, day: int, back: int) -> np.ndarray:
        """Numbers of the subjects who were there on a day or up to ``back`` days before it."""
        units = np.arange(self.care)
        low, there = self.present(units, np.full(self.care, day))
        early, _ = self.present(units, np.full(self.care, max(0, day - back)))
        return np.concatenate([np.arange(a, b + n) for a, b, n in zip(early, low, there, strict=True)])


def make_world(rng: np.random.Generator, sector: str, staff: int, days: int) -> World:
    """Draw the institution."""
    kind = SECTOR[sector]
    total = HISTORY_DAYS + days
    care = kind.care or tuple(f"branch-{i + 1:02d}" for i in range(max(3, round(staff * 0.45 / 12))))
    back = sorted({unit for role in kind.roles for unit in role.units if unit != "*"})
    units = (*care, *back)
    role = _roles(rng, kind, staff)
    unit = _units(rng, kind, role, units, len(care))
    office = np.array([r.office for r in kind.roles])[role]
    shift = np.where(office, 0, rng.choice(4, staff, p=_shift_mix(sector)))
    hired, left, leave_from, leave_until, portal = _careers(rng, staff, days)
    per_diem = (rng.random(staff) < 0.05) & ~office
    works, begins = _roster(rng, total, shift, office, per_diem=per_diem, sector=sector)
    date = (MONTH_START - HISTORY_DAYS + np.arange(total))[None, :]
    works &= (date >= hired[:, None]) & ~(date >= left[:, None])
    works &= ~((date >= leave_from[:, None]) & (date < leave_until[:, None]))
    place = np.where((unit < len(care))[:, None], unit[:, None], rng.integers(0, len(care), (staff, total)))
    return World(
        sector=kind, days=days, units=units, care=len(care), role=role, unit=unit, shift=shift,
        habit=rng.lognormal(0, 0.3, staff), per_diem=per_diem,
        hired_on=hired, left_on=left, leave_from=leave_from, leave_until=leave_until, portal=portal,
        works=works, begins=begins, place=place,
        **_subjects(rng, sector, total, len(care), unit),
    )  # fmt: skip


def _roles(rng: np.random.Generator, kind: Sector, staff: int) -> np.ndarray:
    share = np.array([role.share for role in kind.roles])
    # Everybody's role is there at least once, the rest by share.
    drawn = np.concatenate([np.arange(len(share)), rng.choice(len(share), staff, p=share / share.sum())])
    return rng.permutation(drawn[:staff])


def _units(rng, kind: Sector, role: np.ndarray, units: tuple[str, ...], care: int) -> np.ndarray:
    unit = rng.integers(0, care, len(role))
    for number, description in enumerate(kind.roles):
        if description.units != ("*",):
            unit[role == number] = units.index(description.units[0])
    return unit


def _shift_mix(sector: str) -> tuple[float, ...]:
    return (0.40, 0.18, 0.14, 0.28) if sector == "healthcare" else (0.78, 0.14, 0.02, 0.06)


def _careers(rng: np.random.Generator, staff: int, days: int) -> tuple[np.ndarray, ...]:
    hired = MONTH_START - rng.integers(120, 6000, staff)
    left, leave_from, leave_until = (np.full(staff, NEVER) for _ in range(3))
    fate = rng.permutation(staff)
    count = lambda share: max(1, round(share * staff))  # noqa: E731
    new, gone, away, back, off = np.split(fate, np.cumsum([count(s) for s in (0.02, 0.02, 0.02, 0.02)]))
    hired[new] = MONTH_START + rng.integers(0, min(20, days), len(new))
    left[gone] = MONTH_START - rng.integers(50, 110, len(gone))
    leave_from[away] = MONTH_START - rng.integers(50, 120, len(away))
    leave_until[away] = MONTH_START + days + rng.integers(20, 110, len(away))
    portal = np.zeros(staff, dtype=bool)
    portal[away[len(away) // 2 :]] = len(away) > 1
    leave_from[back] = MONTH_START - rng.integers(50, 120, len(back))
    leave_until[back] = MONTH_START + rng.integers(0, min(20, days), len(back))
    # Ordinary holidays of one or two weeks.
    holiday = off[rng.random(len(off)) < 0.10]
    leave_from[holiday] = MONTH_START + rng.integers(-18, 24, len(holiday))
    leave_until[holiday] = leave_from[holiday] + rng.choice([7, 14], len(holiday))
    leaving = off[rng.random(len(off)) < 0.01]
    left[leaving] = MONTH_START + rng.integers(1, 30, len(leaving))
    return hired, left, leave_from, leave_until, portal


def _roster(rng, total: int, shift, office, *, per_diem, sector: str) -> tuple[np.ndarray, np.ndarray]:
    staff = len(shift)
    day = np.arange(total)[None, :]
    weekday = (day % 7) < 5  # the history begins on a Monday
    # Wards work five days in seven, each person with another pair of days off.
    off = rng.integers(0, 7, staff)[:, None]
    ward = ((day - off) % 7) < 5
    closed = office | (sector == "finance") & (shift != 2)
    works = np.where(closed[:, None], weekday, ward) & (rng.random((staff, total)) < 0.94)
    works |= closed[:, None] & ~weekday & (rng.random((staff, total)) < 0.02)  # a Saturday now and then
    works &= ~per_diem[:, None] | (rng.random((staff, total)) < 0.14)
    turn = (day // 7 + np.arange(staff)[:, None]) % 3
    which = np.where((shift == 3)[:, None], turn, np.minimum(shift, 2)[:, None])
    begins = SHIFT_START[which] + np.where(office, 1.0, 0.0)[:, None] + rng.normal(0, 0.15, (staff, total))
    return works, begins


def _subjects(rng, sector: str, total: int, care: int, unit: np.ndarray) -> dict[str, np.ndarray]:
    staff = len(unit)
    if sector == "healthcare":
        stay = np.maximum(12, np.round(staff * 0.05 * rng.uniform(0.8, 1.2, care))).astype(np.int64)
        rate = stay / rng.uniform(3.5, 6.0, care)
        rate[0], rate[-1] = stay[0] * 1.1, stay[-1] * 1.0  # emergency and outpatients turn over in a day
    else:
        stay = np.maximum(60, np.round(12 * staff / care * rng.uniform(0.7, 1.3, care))).astype(np.int64)
        rate = np.zeros(care)
    size = stay + np.ceil(rate * (total + 1)).astype(np.int64)
    first = np.concatenate([[0], np.cumsum(size)[:-1]])
    n = int(size.sum())
    subject_unit = np.repeat(np.arange(care), size)
    subject_staff = np.full(n, -1)
    employees = rng.permutation(staff)[: round(staff * (0.30 if sector == "healthcare" else 0.6))]
    family = rng.integers(0, staff, max(6, staff // 2))
    taken = rng.permutation(n)[: len(employees) + len(family)]
    for i in np.flatnonzero((unit[family] < care) & (rng.random(len(family)) < 0.35)):
        ours = unit[family[i]]  # a relative who comes to one's own ward or branch
        taken[len(employees) + i] = first[ours] + rng.integers(0, size[ours])
    household = np.arange(staff, staff + n)
    staff_household = np.arange(staff)
    couples = rng.permutation(staff)[: 2 * (staff // 40)].reshape(-1, 2)
    staff_household[couples[:, 1]] = staff_household[couples[:, 0]]
    household[taken[len(employees) :]] = staff_household[family]
    household[taken[: len(employees)]] = staff_household[employees]
    subject_staff[taken[: len(employees)]] = employees
    prominent = np.zeros(n, dtype=bool)
    prominent[rng.choice(n, max(6, round(n * 0.006)), replace=False)] = True
    prominent &= subject_staff < 0
    return {
        "stay": stay, "rate": rate, "size": size, "first": first, "subject_unit": subject_unit,
        "subject_staff": subject_staff, "subject_household": household, "prominent": prominent,
        "staff_household": staff_household,
    }  # fmt: skip


def staff_ids(world: World) -> pd.api.extensions.ExtensionArray:
    return numbered("emp-", np.arange(len(world.role)), 4)


def subject_ids(world: World) -> pd.api.extensions.ExtensionArray:
    return numbered(world.sector.subject_prefix, np.arange(len(world.subject_unit)), 6)


def staff_frame(world: World) -> pd.DataFrame:
    """The staff directory."""
    return pd.DataFrame(
        {
            "staff_id": staff_ids(world),
            "role": pool([role.name for role in world.sector.roles]).take(world.role),
            "unit": pool(world.units).take(world.unit),
            "shift": pool(SHIFTS).take(world.shift),
            "household": numbered("hh-", world.staff_household, 6),
            **{
                name: getattr(world, name).astype("datetime64[ms]")
                for name in ("hired_on", "left_on", "leave_from", "leave_until")
            },
        }
    )


def subject_frame(world: World) -> pd.DataFrame:
    """The subjects: patients or customers."""
    employee = world.subject_staff >= 0
    names = pool(["", *staff_ids(world)])
    return pd.DataFrame(
        {
            "subject_id": subject_ids(world),
            "prominent": world.prominent,
            "staff_id": names.take(np.where(employee, world.subject_staff + 1, 0)),
            "household": numbered("hh-", world.subject_household, 6),
            "unit": pool(world.units).take(world.subject_unit),
        }
    )
