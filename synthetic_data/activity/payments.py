"""A bank's payments: accounts with habits, and the honest things that look like fraud."""

from __future__ import annotations

import numpy as np

from synthetic_data.activity.book import Book
from synthetic_data.activity.work import at
from synthetic_data.activity.world import World
from synthetic_data.identifiers import numbered

CATEGORIES = ("groceries", "restaurant", "fuel", "pharmacy", "clothing", "electronics", "streaming",
              "travel", "furniture", "utilities")  # fmt: skip
TYPICAL = np.array([42, 28, 38, 22, 65, 120, 12, 260, 400, 90.0])
SHARES = np.array([0.30, 0.20, 0.11, 0.08, 0.09, 0.05, 0.07, 0.03, 0.02, 0.05])
COUNTRIES = ("US", "CA", "GB", "MX", "DE", "FR", "ES", "JP", "BR", "TH")
MERCHANTS = 400


class Bank:
    """Accounts, merchants and the table of payments in the making.

    Columns of text: account, counterparty, direction (in|out), category, channel (card|online|cash|transfer),
    country, device, outcome (approved|declined).
    """

    def __init__(self, world: World, rng: np.random.Generator) -> None:
        self.world, self.n = world, 3 * len(world.role)
        text = ("account", "counterparty", "direction", "category", "channel", "country", "device", "outcome")
        order = ("time", "account", "counterparty", "amount", "category", "channel", "country", "device",
                 "direction", "outcome")  # fmt: skip
        self.book = Book(text, {"amount": ("float64", 0.0)}, order)
        book = self.book
        self.account = book.codes("account", list(numbered("acc-", np.arange(self.n), 6)))
        self.payee = book.codes("counterparty", list(numbered("acc-", np.arange(self.n), 6)))
        self.merchant = book.codes("counterparty", list(numbered("mer-", np.arange(MERCHANTS), 4)))
        self.outside = book.codes("counterparty", list(numbered("ext-", np.arange(4 * self.n), 6)))
        self.device = book.codes("device", list(numbered("dev-", np.arange(2 * self.n), 6)))
        self.strange = book.codes("device", list(numbered("dev-", np.arange(2 * self.n, 4 * self.n), 6)))
        self.country = book.codes("country", COUNTRIES)
        self.category = book.codes("category", CATEGORIES)
        self.level = rng.lognormal(0, 0.4, self.n)
        self.busy = rng.gamma(3, 0.35, self.n)
        self.home = np.where(rng.random(self.n) < 0.93, 0, rng.integers(1, 4, self.n))
        self.merchant_category = rng.choice(len(CATEGORIES), MERCHANTS, p=SHARES)
        self.favorites = rng.integers(0, MERCHANTS, (self.n, 10))
        total = world.total_days
        self.new_phone = np.where(rng.random(self.n) < 0.08, rng.integers(0, total, self.n), total + 1)
        away = rng.random(self.n) < 0.09
        self.trip_from = np.where(away, rng.integers(2, total, self.n), total + 1)
        self.trip_until = self.trip_from + rng.integers(4, 12, self.n)
        self.trip_country = rng.integers(1, len(COUNTRIES), self.n)

    def usual_device(self, who: np.ndarray, day: np.ndarray) -> np.ndarray:
        """Code of the phone that a customer uses on a day."""
        return self.device[who + self.n * (day >= self.new_phone[who])]

    def where(self, who: np.ndarray, day: np.ndarray) -> np.ndarray:
        """Number of the country that a customer is in on a day."""
        away = (day >= self.trip_from[who]) & (day < self.trip_until[who])
        return np.where(away, self.trip_country[who], self.home[who])

    def pay(self, who: np.ndarray, time: np.ndarray, amount: np.ndarray, **columns) -> None:
        """Add payments of accounts."""
        columns.setdefault("direction", "out")
        columns.setdefault("outcome", "approved")
        self.book.add(len(who), time=time, account=self.account[who], amount=np.round(amount, 2), **columns)


def add_payments(bank: Bank, rng: np.random.Generator) -> None:
    """All honest payments."""
    _purchases(bank, rng)
    _salaries(bank, rng)
    _transfers(bank, rng)
    _treasurers(bank, rng)
    _large(bank, rng)
    _trials(bank, rng)
    _trips(bank, rng)
    _new_phones(bank, rng)


def _purchases(bank: Bank, rng) -> None:
    total = bank.world.total_days
    count = rng.poisson(np.broadcast_to(bank.busy[:, None], (bank.n, total)))
    who, day = (np.repeat(a.ravel(), count.ravel()) for a in np.indices((bank.n, total)))
    n = len(who)
    usual = bank.favorites[who, np.minimum(rng.geometric(0.25, n) - 1, 9)]
    merchant = np.where(rng.random(n) < 0.82, usual, rng.integers(0, MERCHANTS, n))
    category = bank.merchant_category[merchant]
    online = rng.random(n) < np.where(np.isin(category, [6, 7, 9]), 0.95, 0.2)
    cash = ~online & (rng.random(n) < 0.06)
    country = bank.where(who, day)
    channel = np.where(online, "online", np.where(cash, "cash", "card"))
    channels = bank.book.codes("channel", ["card", "online", "cash"])
    channel = channels[np.where(online, 1, np.where(cash, 2, 0))]
    amount = np.where(
        cash, 20.0 * rng.integers(1, 11, n), TYPICAL[category] * bank.level[who] * rng.lognormal(0, 0.5, n)
    )
    hour = np.where(rng.random(n) < 0.96, rng.normal(14.5, 3.6, n), rng.uniform(0, 24, n)) % 24
    declined = rng.random(n) < 0.015
    terminal = bank.book.code("device", "terminal")
    bank.pay(
        who, at(day, hour), amount, counterparty=bank.merchant[merchant], category=bank.category[category],
        channel=channel, country=bank.country[country],
        device=np.where(online, bank.usual_device(who, day), terminal),
        outcome=bank.book.codes("outcome", ["approved", "declined"])[declined.astype(int)],
    )  # fmt: skip


def _monthly(bank: Bank, day_of_month: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(who, day) for something that happens on a day of each month."""
    dates = bank.world.start + np.arange(bank.world.total_days)
    of_month = (dates - dates.astype("datetime64[M]")).astype(int) + 1
    return np.nonzero(day_of_month[:, None] == of_month[None, :])


def _salaries(bank: Bank, rng) -> None:
    salary_day = rng.choice([1, 15, 28], bank.n)
    pay = 2600 * bank.level * rng.lognormal(0, 0.2, bank.n)
    who, day = _monthly(bank, salary_day)
    bank.pay(who, at(day, 6 + 2 * rng.random(len(who))), pay[who], direction="in", category="salary",
             counterparty=bank.outside[who % 60], channel="transfer", country="US", device="")  # fmt: skip
    who, day = _monthly(bank, salary_day + 1)
    bank.pay(who, at(day, 7 + 3 * rng.random(len(who))), 0.4 * pay[who], category="rent",
             counterparty=bank.outside[100 + who % 300], channel="transfer", country="US",
             device=bank.usual_device(who, day))  # fmt: skip


def _transfers(bank: Bank, rng) -> None:
    """To the same few people, and to somebody new now and then."""
    total = bank.world.total_days
    count = rng.poisson(np.full((bank.n, total), 0.06))
    who, day = (np.repeat(a.ravel(), count.ravel()) for a in np.indices((bank.n, total)))
    n = len(who)
    known = (who * 7 + rng.integers(1, 4, n)) % bank.n
    other = np.where(rng.random(n) < 0.85, known, rng.integers(0, bank.n, n))
    amount = 90 * bank.level[who] * rng.lognormal(0, 0.8, n)
    time = at(day, rng.normal(15, 4, n) % 24)
    keep = other != who
    who, day, other, amount, time = (a[keep] for a in (who, day, other, amount, time))
    bank.pay(who, time, amount, category="transfer", counterparty=bank.payee[other], channel="transfer",
             country=bank.country[bank.where(who, day)], device=bank.usual_device(who, day))  # fmt: skip
    bank.pay(other, time + 1500, amount, category="transfer", counterparty=bank.payee[who], direction="in",
             channel="transfer", country="US", device="")  # fmt: skip


def _treasurers(bank: Bank, rng) -> None:
    """Of clubs and landlords: many small sums in, one large sum out, every month from the same people."""
    chosen = rng.choice(bank.n, max(2, bank.n // 100), replace=False)
    for who in chosen:
        members = rng.choice(bank.n, rng.integers(8, 20), replace=False)
        for first in np.arange(rng.integers(0, 9), bank.world.total_days - 2, 10):
            n = len(members)
            time = at(first, 9 + 10 * rng.random(n))
            amount = np.full(n, 60.0) * bank.level[who]
            bank.pay(np.full(n, who), time, amount, direction="in", category="transfer", channel="transfer",
                     counterparty=bank.payee[members], country="US", device="")  # fmt: skip
            bank.pay(
                np.array([who]), at(first + 1, rng.uniform(9, 18, 1)), np.array([amount.sum() * 0.95]),
                category="transfer", counterparty=bank.outside[100 + who % 300], channel="transfer",
                country="US", device=bank.usual_device(np.array([who]), np.array([first + 1])),
            )  # fmt: skip


def _large(bank: Bank, rng) -> None:
    """A car, a kitchen: twenty times the usual, from the usual device."""
    n = max(3, bank.n * bank.world.total_days // 2500)
    who, day = rng.integers(0, bank.n, n), rng.integers(0, bank.world.total_days, n)
    category = bank.book.codes("category", ["furniture", "electronics", "vehicle"])
    bank.pay(
        who, at(day, rng.uniform(9, 20, n)), rng.lognormal(7.6, 0.5, n),
        category=category[rng.integers(0, 3, n)],
        counterparty=bank.merchant[rng.integers(0, MERCHANTS, n)], channel="online",
        country=bank.country[bank.where(who, day)], device=bank.usual_device(who, day),
    )  # fmt: skip


def _trials(bank: Bank, rng) -> None:
    """Someone tries three to six subscriptions in an evening: small sums at new merchants, own device."""
    for _ in range(max(3, bank.n * bank.world.total_days // 6000)):
        who, day = int(rng.integers(0, bank.n)), int(rng.integers(0, bank.world.total_days))
        n = int(rng.integers(3, 7))
        rows = np.full(n, who)
        time = at(day, 19.5) + np.cumsum(rng.integers(20_000, 240_000, n))
        bank.pay(rows, time, rng.choice([0.99, 1.0, 1.99, 4.99], n), category="streaming", channel="online",
                 counterparty=bank.merchant[rng.integers(0, MERCHANTS, n)],
                 country=bank.country[bank.where(rows, np.full(n, day))],
                 device=bank.usual_device(rows, np.full(n, day)))  # fmt: skip


def _trips(bank: Bank, rng) -> None:
    """A trip is booked before; in one of five somebody at home goes on using the second card."""
    who = np.flatnonzero(bank.trip_from < bank.world.total_days)
    day = np.maximum(0, bank.trip_from[who] - rng.integers(2, 15, len(who)))
    travel = np.flatnonzero(bank.merchant_category == CATEGORIES.index("travel"))
    merchant = (
        travel[rng.integers(0, len(travel), len(who))] if len(travel) else np.zeros(len(who), dtype=int)
    )
    amount = 520 * bank.level[who] * rng.lognormal(0, 0.4, len(who))
    bank.pay(who, at(day, rng.uniform(9, 22, len(who))), amount,
             category="travel", counterparty=bank.merchant[merchant], channel="online",
             country=bank.country[bank.home[who]], device=bank.usual_device(who, day))  # fmt: skip
    home = who[rng.random(len(who)) < 0.2]
    count = rng.integers(2, 8, len(home))
    who = np.repeat(home, count)
    span = np.minimum(bank.trip_until[who], bank.world.total_days) - bank.trip_from[who]
    day = bank.trip_from[who] + np.floor(rng.random(len(who)) * span).astype(np.int64)
    merchant = bank.favorites[who, rng.integers(0, 4, len(who))]
    kind = bank.merchant_category[merchant]
    bank.pay(who, at(day, rng.uniform(8, 21, len(who))), TYPICAL[kind] * rng.lognormal(0, 0.5, len(who)),
             category=bank.category[kind], counterparty=bank.merchant[merchant], channel="card",
             country=bank.country[bank.home[who]], device="terminal")  # fmt: skip


def _new_phones(bank: Bank, rng) -> None:
    """Some who have a new phone pay somebody new in the first days, such as a deposit."""
    who = np.flatnonzero(bank.new_phone < bank.world.total_days - 1)
    who = who[rng.random(len(who)) < 0.25]
    day = np.minimum(bank.new_phone[who] + rng.integers(0, 4, len(who)), bank.world.total_days - 1)
    amount = rng.lognormal(6.0, 0.6, len(who))
    bank.pay(who, at(day, rng.uniform(9, 21, len(who))), amount, category="transfer",
             counterparty=bank.outside[rng.integers(bank.n, 2 * bank.n, len(who))], channel="transfer",
             country=bank.country[bank.where(who, day)], device=bank.usual_device(who, day))  # fmt: skip
