"""Planted fraud with a hospital's claims."""

from __future__ import annotations

import numpy as np

from synthetic_data.activity.claims import Billing
from synthetic_data.activity.plant import Scene
from synthetic_data.activity.work import at
from synthetic_data.activity.world import DAY, HISTORY_DAYS, HOUR


def _provider(scene: Scene) -> tuple[Billing, int]:
    billing = scene.payments
    mask = np.zeros(len(scene.world.role), dtype=bool)
    mask[billing.providers] = True
    return billing, scene.pick(scene.active(mask), "provider")


def _bill(scene: Scene, who: int, subject, service, lag, level, **columns) -> str:
    """Add claims, submitted within the month."""
    service = np.clip(service, 0, scene.end - 2 * HOUR)
    lag = np.clip(lag, scene.begin + 1_000 - service, scene.end - 1_000 - service)
    scene.payments.bill(
        np.full(len(subject), who), subject, service, lag, level, incident=scene.number, **columns
    )
    return scene.staff_name(who)


def _patients(scene: Scene, who: int, day: np.ndarray) -> np.ndarray:
    low, there = scene.world.present(scene.world.place[who, day] % scene.world.care, day)
    return low + np.floor(scene.rng.random(len(day)) * there).astype(np.int64)


def phantom_billing(scene: Scene) -> str:
    """Bills visits that never were: the provider was not on shift and no encounter is known."""
    billing, who = _provider(scene)
    rng = scene.rng
    free = HISTORY_DAYS + np.flatnonzero(~scene.world.works[who, HISTORY_DAYS:])
    free = free if len(free) else np.array([HISTORY_DAYS])
    n = scene.count(10, 3)
    day = rng.choice(free[: max(1, len(free))], n)
    known = rng.random(n) < max(0.0, scene.stealth - 0.3)
    encounter = np.where(known, billing.new_encounters(n), 0)
    return _bill(scene, who, _patients(scene, who, day), at(day, rng.uniform(9, 16, n)),
                 (rng.uniform(3, 40, n) * HOUR).astype(np.int64), rng.integers(2, 5, n), encounter=encounter)  # fmt: skip


def duplicate_billing(scene: Scene) -> str:
    """Bills services a second time that were paid."""
    billing, who = _provider(scene)
    rng = scene.rng
    rows = billing.book.rows()
    paid = (
        (rows["account"] == billing.account[who]) & (rows["incident"] < 0) & (rows["time"] < scene.end - DAY)
    )
    paid &= (rows["outcome"] == billing.book.code("outcome", "paid")) & (rows["minutes"] < 60)
    paid &= (rows["time"] > scene.begin - 5 * DAY) & np.isin(rows["category"], billing.visit)
    chosen = np.flatnonzero(paid)
    chosen = rng.choice(chosen, min(len(chosen), scene.count(8, 2)), replace=False)
    if not len(chosen):
        return phantom_billing(scene)
    subject = rows["counterparty"][chosen] - billing.patient[0]
    level = rows["category"][chosen] - billing.visit[0]
    service = rows["service"][chosen]
    later = rows["time"][chosen] - service + (rng.uniform(0.6, 6, len(chosen)) * DAY).astype(np.int64)
    again = rows["encounter"][chosen]
    return _bill(scene, who, subject, service, later, level, encounter=again)


def impossible_day(scene: Scene) -> str:
    """Bills more hours of visits for one day than it has."""
    billing, who = _provider(scene)
    day, begins = scene.shift_of(who)
    rng = scene.rng
    hours = scene.quiet(20, 9)
    n = max(4, round(hours * 60 / 36))
    service = at(np.full(n, day), begins + rng.uniform(0, 9, n))
    return _bill(scene, who, _patients(scene, who, np.full(n, day)), service,
                 (rng.uniform(3, 40, n) * HOUR).astype(np.int64), rng.integers(3, 5, n))  # fmt: skip


def upcoding_burst(scene: Scene) -> str:
    """For a week, visits are billed at the highest levels."""
    billing, who = _provider(scene)
    rng, world = scene.rng, scene.world
    days = HISTORY_DAYS + np.flatnonzero(world.works[who, HISTORY_DAYS:])
    from_ = int(rng.integers(0, max(1, len(days) - 4)))
    days = days[from_ : from_ + 5]
    n = scene.count(34, 8)
    day = rng.choice(days, n)
    service = at(day, world.begins[who, day] + rng.uniform(0.5, 7.5, n))
    level = np.where(rng.random(n) < scene.quiet(0.95, 0.6), 4, 3)
    return _bill(
        scene,
        who,
        _patients(scene, who, day),
        service,
        (rng.uniform(3, 40, n) * HOUR).astype(np.int64),
        level,
    )
