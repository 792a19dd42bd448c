"""Planted fraud with a hospital's claims."""

from __future__ import annotations

import numpy as np

from synthetic_data.activity.claims import AMOUNTS, MINUTES, Billing, lag
from synthetic_data.activity.plant import Scene
from synthetic_data.activity.work import at
from synthetic_data.activity.world import DAY, HISTORY_DAYS, HOUR


def _provider(scene: Scene) -> tuple[Billing, int]:
    billing = scene.payments
    mask = np.zeros(len(scene.world.role), dtype=bool)
    mask[billing.providers] = True
    mask[billing.supervisors] = False
    return billing, scene.pick(scene.active(mask), "provider")


def _bill(scene: Scene, who: int, subject, service, level, **columns) -> str:
    """Add claims that are submitted within the month."""
    service = np.minimum(service, scene.end - 3 * HOUR)
    latest = (scene.end - service) * scene.rng.uniform(0.5, 0.95, len(service))
    delay = np.minimum(lag(scene.rng, len(service)), latest.astype(np.int64))
    scene.payments.bill(
        np.full(len(subject), who), subject, service, delay, level, incident=scene.number, **columns
    )
    return scene.staff_name(who)


def _patients(scene: Scene, who: int, day: np.ndarray) -> np.ndarray:
    low, there = scene.world.present(scene.world.place[who, day] % scene.world.care, day)
    return low + np.floor(scene.rng.random(len(day)) * there).astype(np.int64)


def _visits(scene: Scene, who: int, from_: int, until: int) -> np.ndarray:
    """Rows of a provider's paid visits, by the time of the claim, that belong to no incident."""
    book = scene.payments.book
    time = book.column("time")
    mine = (book.column("account") == scene.payments.account[who]) & (time >= from_) & (time < until)
    mine &= np.isin(book.column("category"), scene.payments.visit) & (book.column("incident") < 0)
    return np.flatnonzero(mine & (book.column("outcome") == book.code("outcome", "paid")))


def phantom_billing(scene: Scene) -> str:
    """Bills visits that never were: not on shift, no record opened, no encounter known."""
    billing, who = _provider(scene)
    rng = scene.rng
    free = HISTORY_DAYS + np.flatnonzero(~scene.world.works[who, HISTORY_DAYS:])
    free = free if len(free) else np.array([HISTORY_DAYS])
    n = scene.count(10, 3)
    day = np.sort(rng.choice(free, n))
    encounter = np.where(rng.random(n) < scene.invented, billing.new_encounters(n), 0)
    return _bill(scene, who, _patients(scene, who, day), at(day, rng.uniform(9, 16, n)),
                 rng.integers(2, 5, n), encounter=encounter)  # fmt: skip


def duplicate_billing(scene: Scene) -> str:
    """Bills services a second time that were paid, under the same encounter."""
    billing, who = _provider(scene)
    rng, book = scene.rng, billing.book
    early = scene.begin - (3 * DAY if scene.world.days > 3 else 0)
    paid = _visits(scene, who, early, scene.end - DAY // 2)
    if not len(paid):
        return ""
    chosen = rng.choice(paid, min(len(paid), scene.count(8, 2, least=2)), replace=False)
    first = book.column("time")[chosen]
    earliest = np.maximum(first + DAY // 4, scene.begin + HOUR)
    time = earliest + (rng.random(len(chosen)) * np.minimum(6 * DAY, scene.end - 1 - earliest)).astype(
        np.int64
    )
    service = book.column("service")[chosen]
    billing.bill(
        np.full(len(chosen), who), book.column("counterparty")[chosen] - billing.patient[0], service,
        time - service, book.column("category")[chosen] - billing.visit[0],
        encounter=book.column("encounter")[chosen], channel=book.column("channel")[chosen],
        incident=scene.number,
    )  # fmt: skip
    return scene.staff_name(who)


def impossible_day(scene: Scene) -> str:
    """Bills more hours of visits for one day than it has."""
    _, who = _provider(scene)
    day, begins = scene.shift_of(who)
    rng = scene.rng
    n = max(4, round(scene.quiet(22, 9) * 60 / 37.5))
    service = at(np.full(n, day), begins + rng.uniform(0, 8.5, n))
    return _bill(scene, who, _patients(scene, who, np.full(n, day)), service, rng.integers(3, 5, n))


def upcoding_burst(scene: Scene) -> str:
    """For a week or so, real visits are billed at the highest levels."""
    billing, who = _provider(scene)
    rng, book = scene.rng, billing.book
    span = min(9, scene.world.days)
    from_ = scene.begin + int(rng.integers(0, scene.world.days - span + 1)) * DAY
    rows = _visits(scene, who, from_, from_ + span * DAY)
    if not len(rows):
        return ""
    rows = rows[rng.random(len(rows)) < scene.quiet(1.0, 0.35)] if len(rows) > 6 else rows
    level = np.where(rng.random(len(rows)) < scene.quiet(0.95, 0.6), 4, 3)
    changed = {"category": billing.visit[level], "minutes": MINUTES[level], "amount": AMOUNTS[level]}
    for name, value in (changed | {"incident": scene.number}).items():
        book.column(name)[rows] = value
    return scene.staff_name(who)
