"""A hospital's claims: what each provider billed for whom, with the honest things that look like fraud."""

from __future__ import annotations

import numpy as np

from synthetic_data.activity.book import Book
from synthetic_data.activity.work import at
from synthetic_data.activity.world import DAY, HOUR, World, staff_ids, subject_ids

VISITS = ("visit_1", "visit_2", "visit_3", "visit_4", "visit_5")
MINUTES = np.array([10, 15, 20, 30, 45])
AMOUNTS = np.array([45.0, 75, 110, 165, 230])
NO_ENCOUNTER = 0.04
"""Share of honest claims whose encounter the scheduling system does not know."""


class Billing:
    """Providers and the table of claims in the making.

    Columns of text: account (the provider), counterparty (the patient), category (the procedure),
    channel (ward|clinic|group|telehealth), country, device (the coder's workstation), encounter, outcome
    (paid|denied). Numbers: amount, minutes (that the procedure takes) and service (milliseconds).
    """

    def __init__(self, world: World, rng: np.random.Generator) -> None:
        self.world = world
        text = ("account", "counterparty", "category", "channel", "country", "device", "encounter", "outcome")
        numbers = {"amount": ("float64", 0.0), "minutes": ("int64", 0), "service": ("int64", 0)}
        self.book = Book(text, numbers)
        self.account = self.book.codes("account", list(staff_ids(world)))
        self.patient = self.book.codes("counterparty", list(subject_ids(world)))
        self.visit = self.book.codes("category", VISITS)
        self.desk = self.book.codes("device", [f"ws-billing-{i:02d}" for i in range(6)])
        self.providers = np.flatnonzero(world.with_role("physician", "therapist"))
        mix = np.array([0.06, 0.18, 0.38, 0.28, 0.10])
        self.mix = rng.dirichlet(mix * 40, len(world.role))
        high = rng.permutation(self.providers)[: max(1, len(self.providers) // 15)]
        self.mix[high] = rng.dirichlet(np.array([0.02, 0.05, 0.18, 0.35, 0.40]) * 60, len(high))
        self.encounters = 0
        self.end = world.total_days * DAY

    def bill(self, who, subject, service, lag, level=None, *, encounter=None, **columns) -> None:
        """Add claims: at ``service`` by ``who`` for ``subject``, submitted ``lag`` later."""
        n = len(who)
        if level is not None:
            columns.setdefault("category", self.visit[level])
            columns.setdefault("minutes", MINUTES[level])
            columns.setdefault("amount", AMOUNTS[level])
        columns.setdefault("channel", "ward")
        columns.setdefault("outcome", "paid")
        columns.setdefault("device", self.desk[np.asarray(who) % len(self.desk)])
        self.book.add(
            n, time=np.asarray(service + lag).astype(np.int64), account=self.account[who],
            counterparty=self.patient[subject], service=service, country="US",
            encounter=self.new_encounters(n) if encounter is None else encounter, **columns,
        )  # fmt: skip

    def new_encounters(self, n: int) -> np.ndarray:
        """Codes of encounters that the scheduling system knows."""
        numbers = range(self.encounters, self.encounters + n)
        self.encounters += n
        return self.book.codes("encounter", [f"enc-{i:07d}" for i in numbers])


def lag(rng, n: int) -> np.ndarray:
    """From the service to the claim: some hours to two days."""
    return (rng.uniform(3, 40, n) * HOUR).astype(np.int64)


def draw_level(billing: Billing, rng, who: np.ndarray) -> np.ndarray:
    """The level of each visit, by the mix of its provider."""
    cut = np.cumsum(billing.mix[who], axis=1)
    return np.minimum((rng.random(len(who))[:, None] > cut).sum(axis=1), len(VISITS) - 1)


def add_claims(billing: Billing, rng: np.random.Generator) -> None:
    """All honest claims."""
    world = billing.world
    mask = np.zeros(len(world.role), dtype=bool)
    mask[billing.providers] = True
    who, day = np.nonzero(world.works & mask[:, None])
    count = rng.poisson(8 * world.habit[who])
    count = np.where(rng.random(len(who)) < 0.01, count * 2, count)  # a long day on call
    who, day = np.repeat(who, count), np.repeat(day, count)
    n = len(who)
    low, there = world.present(world.place[who, day] % world.care, day)
    subject = low + np.floor(rng.random(n) * there).astype(np.int64)
    service = at(day, world.begins[who, day] + 0.3 + 7.4 * rng.random(n))
    # A bad week for everybody: higher levels in one unit.
    level = draw_level(billing, rng, who)
    wave_unit, wave_day = int(rng.integers(0, world.care)), int(rng.integers(3, world.total_days))
    wave = (world.place[who, day] == wave_unit) & (day >= wave_day) & (day < wave_day + 6)
    level = np.minimum(level + (wave & (rng.random(n) < 0.5)), len(VISITS) - 1)
    encounter = billing.new_encounters(n)
    encounter[rng.random(n) < NO_ENCOUNTER] = 0
    delay = lag(rng, n)
    denied = rng.random(n) < 0.04
    outcome = billing.book.codes("outcome", ["paid", "denied"])[denied.astype(int)]
    billing.bill(who, subject, service, delay, level, encounter=encounter, outcome=outcome)
    again = np.flatnonzero(denied & (rng.random(n) < 0.8))  # sent again after the denial: the same service
    later = delay[again] + (rng.uniform(2, 7, len(again)) * DAY).astype(np.int64)
    billing.bill(who[again], subject[again], service[again], later, level[again], encounter=encounter[again])
    _groups(billing, rng)
    _series(billing, rng)


def _groups(billing: Billing, rng) -> None:
    """Group sessions: many patients in the same hour."""
    world = billing.world
    able = np.flatnonzero(world.with_role("therapist"))
    who, day = np.nonzero(world.works & np.isin(np.arange(len(world.role)), able[::2])[:, None])
    keep = rng.random(len(who)) < 0.3
    who, day = who[keep], day[keep]
    size = rng.integers(5, 11, len(who))
    hour = np.repeat(world.begins[who, day] + rng.integers(1, 6, len(who)), size)
    who, day = np.repeat(who, size), np.repeat(day, size)
    low, there = world.present(world.place[who, day] % world.care, day)
    subject = low + np.floor(rng.random(len(who)) * there).astype(np.int64)
    billing.bill(
        who, subject, at(day, hour), lag(rng, len(who)), category="group_therapy", minutes=60,
        amount=38.0, channel="group",
    )  # fmt: skip


def _series(billing: Billing, rng) -> None:
    """The same therapy for the same patient every working day: alike, but each with its encounter."""
    world = billing.world
    for who in np.flatnonzero(world.with_role("therapist")):
        days = np.flatnonzero(world.works[who])
        if len(days) < 6:
            continue
        from_ = int(rng.integers(0, len(days) - 5))
        chosen = days[from_ : from_ + int(rng.integers(5, 9))]
        low, there = world.present(np.array([world.place[who, chosen[0]] % world.care]), chosen[:1])
        subject = np.full(len(chosen), low[0] + int(rng.integers(0, there[0])))
        service = at(chosen, world.begins[who, chosen] + 2.0)
        billing.bill(
            np.full(len(chosen), who), subject, service, lag(rng, len(chosen)), category="physiotherapy",
            minutes=30, amount=62.0, channel="clinic",
        )  # fmt: skip
