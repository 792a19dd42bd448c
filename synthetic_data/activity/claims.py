"""A hospital's claims: what each provider billed for whom, with the honest things that look like fraud."""

from __future__ import annotations

import numpy as np

from synthetic_data.activity.book import Book
from synthetic_data.activity.work import Office, at, missing
from synthetic_data.activity.world import DAY, HOUR

VISITS = ("visit_1", "visit_2", "visit_3", "visit_4", "visit_5")
MINUTES = np.array([10, 15, 20, 30, 45])
AMOUNTS = np.array([45.0, 75, 110, 165, 230])
NO_ENCOUNTER = 0.04
"""Share of honest claims whose encounter the scheduling system does not know."""
FOR_ANOTHER = 0.04
"""Share of honest claims for a visit that a colleague wrote down: the provider opened no record."""


class Billing:
    """Providers and the table of claims in the making.

    Columns of text: account (the provider), counterparty (the patient), category (the procedure),
    channel (ward|clinic|group|telehealth|supervised), country, device (the coder's workstation), encounter,
    outcome (paid|denied|void). Numbers: amount, minutes (that the procedure takes), service (milliseconds).
    """

    def __init__(self, office: Office, rng: np.random.Generator) -> None:
        self.office, self.world = office, office.world
        world = office.world
        text = ("account", "counterparty", "category", "channel", "country", "device", "encounter", "outcome")
        numbers = {"amount": ("float64", 0.0), "minutes": ("int64", 0), "service": ("int64", 0)}
        order = ("time", "account", "counterparty", "amount", "category", "channel", "country", "device",
                 "outcome", "encounter", "service", "minutes")  # fmt: skip
        self.book = Book(text, numbers, order)
        self.account = self.book.codes("account", [f"emp-{i:04d}" for i in range(len(world.role))])
        names = [f"{world.sector.subject_prefix}{i:06d}" for i in range(len(world.subject_unit))]
        self.patient = self.book.codes("counterparty", names)
        self.visit = self.book.codes("category", VISITS)
        self.desk = self.book.codes("device", [f"ws-billing-{i:02d}" for i in range(6)])
        self.providers = np.flatnonzero(world.with_role("physician", "therapist"))
        self.mix = rng.dirichlet(np.array([0.06, 0.18, 0.38, 0.28, 0.10]) * 40, len(world.role))
        shuffled = rng.permutation(self.providers)
        high, self.supervisors = np.split(
            shuffled[: 2 * max(1, len(shuffled) // 20)], [max(1, len(shuffled) // 20)]
        )
        self.mix[high] = rng.dirichlet(np.array([0.02, 0.05, 0.18, 0.35, 0.40]) * 60, len(high))
        self.encounters = 0

    def bill(self, who, subject, service, lag, level=None, *, encounter=None, **columns) -> None:
        """Add claims of ``who`` for ``subject``: the service at ``service``, submitted ``lag`` later."""
        n = len(who)
        if level is not None:
            given = {"category": self.visit[level], "minutes": MINUTES[level], "amount": AMOUNTS[level]}
            columns = given | columns
        columns = {"channel": "ward", "outcome": "paid", "device": self.desk[who % len(self.desk)]} | columns
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
    """From the service to the claim, in milliseconds: some hours to two days."""
    return (rng.uniform(3, 40, n) * HOUR).astype(np.int64)


def draw_level(billing: Billing, rng, who: np.ndarray) -> np.ndarray:
    """The level of each visit, by the mix of its provider."""
    cut = np.cumsum(billing.mix[who], axis=1)
    return np.minimum((rng.random(len(who))[:, None] > cut).sum(axis=1), len(VISITS) - 1)


def add_claims(billing: Billing, rng: np.random.Generator) -> None:
    """All honest claims; call it once the accesses of the staff are there."""
    _visits(billing, rng)
    _supervised(billing, rng)
    _groups(billing, rng)
    _series(billing, rng)
    _telehealth(billing, rng)


def _seen(billing: Billing) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(who, subject, time) of the first access of a provider to a patient on a day."""
    book, office, world = billing.office.book, billing.office, billing.world
    who_of = np.full(int(book.column("actor").max()) + 1, -1)
    who_of[office.actor] = np.arange(len(office.actor))
    subject_of = np.full(int(book.column("target").max()) + 1, -1)
    subject_of[office.target] = np.arange(len(office.target))
    who, subject = who_of[book.column("actor")], subject_of[book.column("target")]
    time = book.column("time")
    rows = np.flatnonzero((subject >= 0) & np.isin(who, billing.providers) & ~book.column("break_glass"))
    rows = rows[np.argsort(time[rows], kind="stable")]
    pair = (time[rows] // DAY * len(world.role) + who[rows]) * len(world.subject_unit) + subject[rows]
    rows = rows[np.sort(np.unique(pair, return_index=True)[1])]
    return who[rows], subject[rows], time[rows]


def _visits(billing: Billing, rng) -> None:
    world = billing.world
    who, subject, time = _seen(billing)
    busy = np.bincount(who * (world.total_days + 2) + time // DAY)[who * (world.total_days + 2) + time // DAY]
    # No provider visits more than some twenty a day, however many records are read.
    some = rng.random(len(who)) < np.minimum(0.8, 16 / busy)
    who, subject, time = who[some], subject[some], time[some]
    n = len(who)
    day = np.minimum(time // DAY, world.total_days - 1)
    level = draw_level(billing, rng, who)
    # A bad week for everybody: higher levels in one unit.
    wave_unit, wave_day = int(rng.integers(0, world.care)), int(rng.integers(3, world.total_days))
    wave = (world.place[who, day] == wave_unit) & (day >= wave_day) & (day < wave_day + 6)
    level = np.minimum(level + (wave & (rng.random(n) < 0.5)), len(VISITS) - 1)
    colleague = np.arange(len(world.role))
    for unit in np.unique(world.unit[billing.providers]):
        local = billing.providers[world.unit[billing.providers] == unit]
        colleague[local] = rng.choice(local, len(local))
    who = np.where(rng.random(n) < FOR_ANOTHER, colleague[who], who)
    encounter = billing.new_encounters(n)
    encounter[rng.random(n) < NO_ENCOUNTER] = 0
    delay = lag(rng, n)
    refused = np.searchsorted([0.95, 0.985], rng.random(n))
    outcome = billing.book.codes("outcome", ["paid", "denied", "void"])[refused]
    service = time + rng.integers(1, 15, n) * 60_000
    billing.bill(who, subject, service, delay, level, encounter=encounter, outcome=outcome)
    # Sent again after a denial, or corrected after it was voided: the same service and encounter.
    again = np.flatnonzero((refused > 0) & (rng.random(n) < 0.85))
    later = delay[again] + (rng.uniform(1, 7, len(again)) * DAY).astype(np.int64)
    corrected = np.where(refused[again] == 2, np.maximum(0, level[again] - 1), level[again])
    billing.bill(who[again], subject[again], service[again], later, corrected, encounter=encounter[again])


def _written(billing: Billing, rng, who, subject, service) -> None:
    """The note that each of these services leaves in the record."""
    office = billing.office
    relation = np.where(missing(rng, who, subject), 0, office.book.code("relation", "appointment"))
    keep = office.world.subject_staff[subject] != who
    office.add(who[keep], service[keep] + rng.integers(2, 50, keep.sum()) * 60_000, action="update",
               resource="notes", target=office.target[subject[keep]], purpose="treatment",
               relation=relation[keep])  # fmt: skip


def _here(billing: Billing, rng, who, day) -> np.ndarray:
    world = billing.world
    low, there = world.present(world.place[who, day] % world.care, day)
    return low + np.floor(rng.random(len(who)) * there).astype(np.int64)


def _supervised(billing: Billing, rng) -> None:
    """A few bill for the visits of those they supervise as well: long days, every day, openly."""
    world = billing.world
    who, day = np.nonzero(world.works & np.isin(np.arange(len(world.role)), billing.supervisors)[:, None])
    count = rng.poisson(14, len(who))
    who, day = np.repeat(who, count), np.repeat(day, count)
    service = at(day, world.begins[who, day] + 0.3 + 7.4 * rng.random(len(who)))
    subject = _here(billing, rng, who, day)
    billing.bill(
        who, subject, service, lag(rng, len(who)), draw_level(billing, rng, who), channel="supervised"
    )


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
    subject, service = _here(billing, rng, who, day), at(day, hour)
    _written(billing, rng, who, subject, service)
    billing.bill(who, subject, service, lag(rng, len(who)), category="group_therapy", minutes=60,
                 amount=38.0, channel="group")  # fmt: skip


def _series(billing: Billing, rng) -> None:
    """The same therapy for the same patient every working day: alike, but each with its encounter."""
    world = billing.world
    for who in np.flatnonzero(world.with_role("therapist")):
        days = np.flatnonzero(world.works[who])
        if len(days) < 6:
            continue
        from_ = int(rng.integers(0, len(days) - 5))
        chosen = days[from_ : from_ + int(rng.integers(5, 9))]
        rows = np.full(len(chosen), who)
        subject = np.full(len(chosen), _here(billing, rng, rows[:1], chosen[:1])[0])
        service = at(chosen, world.begins[who, chosen] + 2.0)
        _written(billing, rng, rows, subject, service)
        billing.bill(rows, subject, service, lag(rng, len(chosen)), category="physiotherapy", minutes=30,
                     amount=62.0, channel="clinic")  # fmt: skip


def _telehealth(billing: Billing, rng) -> None:
    """Calls on a day off: the provider is not on shift, but the encounter is known and the note is there."""
    world = billing.world
    mask = np.isin(np.arange(len(world.role)), billing.providers) & world.works.any(axis=1)
    date = world.start + np.arange(world.total_days)
    employed = (date >= world.hired_on[:, None]) & ~(date >= world.left_on[:, None])
    employed &= ~((date >= world.leave_from[:, None]) & (date < world.leave_until[:, None]))
    who, day = np.nonzero(~world.works & mask[:, None] & employed)
    keep = rng.random(len(who)) < 0.06
    who, day = who[keep], day[keep]
    count = rng.integers(1, 4, len(who))
    who, day = np.repeat(who, count), np.repeat(day, count)
    subject, service = _here(billing, rng, who, day), at(day, rng.uniform(9, 20, len(who)))
    _written(billing, rng, who, subject, service)
    encounter = billing.new_encounters(len(who))
    encounter[rng.random(len(who)) < NO_ENCOUNTER] = 0
    billing.bill(who, subject, service, lag(rng, len(who)), rng.integers(0, 3, len(who)),
                 encounter=encounter, channel="telehealth")  # fmt: skip
