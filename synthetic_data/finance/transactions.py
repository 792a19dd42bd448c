"""Genuine payments of a block: outings, web sessions, transfers and trips, as arrays of integer codes.

Spending comes in sessions, so that several payments within minutes are ordinary. Customers travel, change
devices, shop at night and buy dear things now and then: each trait of fraud also has an innocent cause.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from synthetic_data.finance import reference as ref

COLUMNS = (
    "account",
    "card",
    "time",
    "amount",
    "merchant",
    "channel",
    "country",
    "ip",
    "device",
    "distance",
    "kind",
)
N_MERCHANTS = len(ref.CATEGORIES) * ref.MERCHANTS_PER_CATEGORY
DEVICES_EACH = 3
FRAUD_DEVICES = 400
SPENDING_POWER = 0.3  # amounts grow with this power of income
FRAUD_COUNTRIES = np.arange(1, len(ref.COUNTRIES))

Ledger = dict[str, np.ndarray]


@dataclass(frozen=True)
class Population:
    """What payments need to know of a block's customers; arrays of shape (customers,).

    Accounts and cards are rows within the block; -1 stands for customers that have none.
    """

    age: np.ndarray
    income: np.ndarray
    tenure_days: np.ndarray
    checking_account: np.ndarray
    credit_account: np.ndarray
    debit_card: np.ndarray
    credit_card: np.ndarray
    credit_limit: np.ndarray
    payees: int
    addresses: int

    def __len__(self) -> int:
        return len(self.age)


def sessions(rng: np.random.Generator, n: int, mean_extra: float) -> tuple[np.ndarray, np.ndarray]:
    """Group ``n`` payments into sessions: the session number and the position within it of each payment."""
    if n == 0:
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    sizes = rng.geometric(1.0 / (1.0 + mean_extra), size=n)
    ends = np.cumsum(sizes)
    count = int(np.searchsorted(ends, n)) + 1
    session = np.repeat(np.arange(count), sizes[:count])[:n]
    starts = np.concatenate([[0], ends[: count - 1]])
    return session, np.arange(n) - starts[session]


def merchants(rng: np.random.Generator, category: np.ndarray, customer: np.ndarray) -> np.ndarray:
    """A merchant of each category; customers keep returning to a few."""
    favorite = customer * 7 + category * 13
    wander = rng.geometric(0.55, size=len(category)) - 1
    return category * ref.MERCHANTS_PER_CATEGORY + (favorite + wander) % ref.MERCHANTS_PER_CATEGORY


def draw(rng: np.random.Generator, weights: np.ndarray, n: int) -> np.ndarray:
    """``n`` indices drawn with probabilities proportional to ``weights``."""
    edges = np.cumsum(weights)
    picked = np.searchsorted(edges, rng.random(n) * edges[-1], side="right")
    return np.minimum(picked, len(weights) - 1)


def genuine(rng: np.random.Generator, people: Population, n: int) -> Ledger:
    """``n`` genuine payments of the population, in no order.

    Returns:
        Arrays of shape (n,) by the names in ``COLUMNS``; ``time`` in seconds since the start of the calendar.
    """
    session, position = sessions(rng, n, 0.9)
    count = int(session[-1]) + 1 if n else 0
    activity = rng.gamma(2.0, 1.0, len(people)) + 0.1
    customer = draw(rng, activity, count)
    start = _start_times(rng, customer, count, len(people))

    place = draw(rng, np.array([0.52, 0.28, 0.05, 0.115, 0.02, 0.015]), count)
    shop, web, atm, transfer, wire, burst = (place == code for code in range(6))

    shop_weights = np.array([c.shop for c in ref.CATEGORIES])
    web_weights = np.array([c.web for c in ref.CATEGORIES])
    # Payments of a burst (fares, in-app purchases) lie minutes apart, those of an outing fifteen.
    burst_row = burst[session]
    gap = np.where(burst_row, 90.0, 900.0)
    time = start[session] + (position * gap * rng.uniform(0.4, 1.8, n)).astype(np.int64)

    row = {name: flag[session] for name, flag in
           {"shop": shop, "web": web, "atm": atm, "transfer": transfer, "wire": wire}.items()}  # fmt: skip
    who = customer[session]
    category = np.where(row["shop"], draw(rng, shop_weights, n), draw(rng, web_weights, n))
    category[row["atm"]] = ref.CASH_MACHINE
    category[burst_row] = rng.choice([ref.CATEGORY_OF["4111"], ref.CATEGORY_OF["5815"]], int(burst_row.sum()))
    payment = row["transfer"] | row["wire"]

    merchant = merchants(rng, category, who)
    payee = N_MERCHANTS + (who * 3 + rng.geometric(0.5, n)) % people.payees
    merchant = np.where(payment, payee, merchant)

    log_mean = np.array([c.log_mean for c in ref.CATEGORIES])
    log_sd = np.array([c.log_sd for c in ref.CATEGORIES])
    wealth = SPENDING_POWER * np.log(people.income[who] / 60_000.0)
    amount = np.exp(log_mean[category] + wealth + log_sd[category] * rng.standard_normal(n))
    # One purchase in fifty is out of proportion: a sofa, a holiday, a wedding.
    amount = np.where(rng.random(n) < 0.02, amount * rng.uniform(5, 25, n), amount)
    amount = np.where(row["transfer"], np.exp(5.2 + wealth + 1.15 * rng.standard_normal(n)), amount)
    amount = np.where(row["wire"], np.exp(8.0 + wealth + 0.95 * rng.standard_normal(n)), amount)
    rounded = (payment & (rng.random(n) < 0.45)) | (rng.random(n) < 0.02)
    amount = np.where(rounded, np.maximum(np.round(amount / 50) * 50, 50), amount)
    amount = np.where(row["atm"], np.clip(np.round(amount / 20) * 20, 20, 1000), amount)

    channel = np.where(row["shop"], draw(rng, np.array([0.45, 0.47, 0.08]), n), ref.ONLINE)
    channel[row["atm"]] = ref.ATM
    channel[row["transfer"]] = ref.TRANSFER
    channel[row["wire"]] = ref.WIRE
    in_person = row["shop"] | row["atm"]

    country, distance = _places(
        rng, people, customer=customer, start=start, session=session, in_person=in_person, payment=payment
    )
    ip, device = _devices(rng, people, who=who, start=start[session], remote=~in_person, session=session)

    use_credit = (people.credit_card[who] >= 0) & ~payment & (rng.random(n) < 0.5)
    card = np.where(use_credit, people.credit_card[who], people.debit_card[who])
    return {
        "account": np.where(use_credit, people.credit_account[who], people.checking_account[who]),
        "card": np.where(payment, -1, card),
        "time": time,
        "amount": np.clip(amount, 0.5, 250_000.0),
        "merchant": merchant,
        "channel": channel,
        "country": country,
        "ip": ip,
        "device": device,
        "distance": distance,
        "kind": np.zeros(n, dtype=np.int64),
    }


def _start_times(rng: np.random.Generator, customer: np.ndarray, count: int, people: int) -> np.ndarray:
    """Seconds at which sessions start: weekends busier, hours around each customer's own habit."""
    weekday = np.array([0.95, 0.9, 0.9, 0.95, 1.25, 1.3, 1.15])  # the calendar starts on a Tuesday
    day = draw(rng, np.tile(weekday, ref.DAYS // 7 + 1)[: ref.DAYS], count)
    habit = rng.normal(14.0, 2.0, people)
    habit[rng.random(people) < 0.12] += 9.0  # night workers
    hour = (habit[customer] + rng.normal(0.0, 3.6, count)) % 24.0
    return day * ref.DAY + (hour * 3600).astype(np.int64)


def _places(rng, people, *, customer, start, session, in_person, payment):
    """Country and distance from home (km) of each payment; some customers are on a trip."""
    n, size = len(session), len(people)
    begins = rng.integers(0, ref.DAYS, size) * ref.DAY
    begins[rng.random(size) > 0.45] = 10 * ref.DAYS * ref.DAY  # never
    lasts = rng.integers(3, 15, size) * ref.DAY
    abroad = rng.random(size) < 0.45
    trip_country = np.where(abroad, rng.choice(FRAUD_COUNTRIES, size), 0)
    trip_distance = np.where(abroad, np.exp(rng.normal(8.0, 0.7, size)), np.exp(rng.normal(6.6, 0.8, size)))

    away = (start >= begins[customer]) & (start < begins[customer] + lasts[customer])
    away_row = away[session] & ~payment
    who = customer[session]
    near = np.exp(rng.normal(1.4, 1.1, n))
    far = trip_distance[who] * rng.uniform(0.97, 1.03, n)
    distance = np.where(away_row, far, near)
    # Web payments: distance is that of the network address, and a tenth come through a relay elsewhere.
    relay = ~in_person & ~payment & (rng.random(n) < 0.10)
    distance = np.where(relay, np.exp(rng.normal(6.3, 1.2, n)), distance)
    country = np.where(away_row & in_person, trip_country[who], 0)
    foreign_shop = ~in_person & ~payment & (rng.random(n) < 0.12)
    country = np.where(foreign_shop, rng.choice(FRAUD_COUNTRIES, n), country)
    foreign_payee = payment & (rng.random(n) < 0.08)
    country = np.where(foreign_payee, rng.choice(FRAUD_COUNTRIES, n), country)
    return country, np.minimum(distance, 15_000.0)


def _devices(rng, people, *, who, start, remote, session):
    """Network address and device of remote payments (-1 in person); devices are renewed and borrowed."""
    n, size = len(who), len(people)
    second = rng.random(n) < 0.25
    renewed = start > rng.integers(20, 4 * ref.DAYS, size)[who] * ref.DAY
    device = who * DEVICES_EACH + np.where(renewed, 2, second)
    # A borrowed or public machine: its number is shared by the whole session.
    borrowed = (session * 2_654_435_761 % 1000) < 30
    device = np.where(borrowed, size * DEVICES_EACH + session % FRAUD_DEVICES, device)
    home = (who * 37 + 11) % people.addresses
    ip = np.where(rng.random(n) < 0.75, home, rng.integers(0, people.addresses, n))
    return np.where(remote, ip, -1), np.where(remote, device, -1)
