"""Fraud episodes of seven kinds, each with its own rhythm, and the label noise around them.

Every kind is drawn as *episodes*: one victim, mule or merchant, one start, then payments at the pace of that
fraud. What marks it is in the docstring of its function, and the data card repeats it.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from synthetic_data.finance import reference as ref
from synthetic_data.finance.transactions import (
    DEVICES_EACH,
    FRAUD_COUNTRIES,
    FRAUD_DEVICES,
    N_MERCHANTS,
    Ledger,
    Population,
    draw,
)

ELDER_AGE = 60
ELDER_WEIGHT = 3.0  # of customers of that age among victims of authorized push payments
MULE_ONE_IN = 8  # mules are the newest eighth of customers


def planned_counts(size: int) -> dict[str, int]:
    """Truly fraudulent payments by kind among ``size`` payments, shared out by largest remainder."""
    total = round(size * ref.FRAUD_RATE)
    wanted = {kind: share * total for kind, share in ref.FRAUD_SHARES.items()}
    counts = {kind: int(value) for kind, value in wanted.items()}
    by_remainder = sorted(wanted, key=lambda kind: (counts[kind] - wanted[kind], kind))
    for kind in by_remainder[: total - sum(counts.values())]:
        counts[kind] += 1
    return counts


def fraudulent(rng: np.random.Generator, people: Population, counts: dict[str, int]) -> list[Ledger]:
    """The payments of each kind, ``counts[kind]`` of them; arrays as in :func:`transactions.genuine`."""
    parts = []
    for kind, n in counts.items():
        if n:
            ledger = _MAKERS[kind](rng, people, n)
            ledger["kind"] = np.full(n, ref.FRAUD_KINDS.index(kind))
            ledger["amount"] = np.clip(ledger["amount"], 0.5, 250_000.0)
            ledger["distance"] = np.minimum(ledger["distance"], 15_000.0)
            ledger["time"] = ledger["time"] % (ref.DAYS * ref.DAY)
            parts.append(ledger)
    return parts


def noisy_labels(rng: np.random.Generator, ledger: Ledger) -> np.ndarray:
    """The kind as the bank recorded it: some fraud unreported, some genuine purchases disputed."""
    kind = ledger["kind"].copy()
    fraud = np.flatnonzero(kind > 0)
    unreported = []
    for code in np.unique(kind[fraud]):
        rows = fraud[kind[fraud] == code]
        flips = rng.random(len(rows)) < ref.UNREPORTED_SHARE
        flips[0] = False  # a kind that was planned is never lost altogether
        unreported.append(rows[flips])
    candidates = np.flatnonzero((kind == 0) & (ledger["channel"] == ref.ONLINE))
    disputes = min(round(len(fraud) * ref.DISPUTE_SHARE), len(candidates))
    if unreported:
        kind[np.concatenate(unreported)] = 0
    kind[rng.choice(candidates, disputes, replace=False)] = ref.FRAUD_KINDS.index("first_party_dispute")
    return kind


def _episodes(rng, n: int, low: int, high: int) -> tuple[np.ndarray, np.ndarray, int]:
    """Episode of each of ``n`` payments, place in it, number of episodes (``low`` to ``high`` payments)."""
    sizes = rng.integers(low, high + 1, size=n)
    ends = np.cumsum(sizes)
    count = int(np.searchsorted(ends, n)) + 1
    episode = np.repeat(np.arange(count), sizes[:count])[:n]
    starts = np.concatenate([[0], ends[: count - 1]])
    return episode, np.arange(n) - starts[episode], count


def _start(rng, count: int, hour: float, spread: float) -> np.ndarray:
    day = rng.integers(0, ref.DAYS, count)
    return day * ref.DAY + ((rng.normal(hour, spread, count) % 24.0) * 3600).astype(np.int64)


def _rows(people: Population, who: np.ndarray, use_credit: np.ndarray, payment: np.ndarray) -> Ledger:
    use_credit = use_credit & (people.credit_card[who] >= 0) & ~payment
    card = np.where(use_credit, people.credit_card[who], people.debit_card[who])
    account = np.where(use_credit, people.credit_account[who], people.checking_account[who])
    return {"account": account, "card": np.where(payment, -1, card)}


def _shop(rng, mccs: list[str], n: int) -> np.ndarray:
    category = rng.choice([ref.CATEGORY_OF[mcc] for mcc in mccs], n)
    return category * ref.MERCHANTS_PER_CATEGORY + rng.integers(0, ref.MERCHANTS_PER_CATEGORY, n)


def _fraud_device(rng, people: Population, count: int) -> np.ndarray:
    return len(people) * DEVICES_EACH + rng.integers(0, FRAUD_DEVICES, count)


def _own_device(rng, who: np.ndarray, n: int) -> np.ndarray:
    return who * DEVICES_EACH + (rng.random(n) < 0.25)


def _home_ip(people: Population, who: np.ndarray) -> np.ndarray:
    return (who * 37 + 11) % people.addresses


def card_testing(rng, people: Population, n: int) -> Ledger:
    """Many tiny online payments on one stolen card within minutes; every third burst ends in a large one."""
    episode, position, count = _episodes(rng, n, 4, 11)
    who = rng.integers(0, len(people), count)[episode]
    credit = (rng.random(count) < 0.5)[episode]
    time = _start(rng, count, 12.0, 7.0)[episode] + (position * rng.uniform(20, 150, n)).astype(np.int64)
    last = np.append(episode[1:] != episode[:-1], True)
    cash_out = last & (rng.random(n) < 0.35)
    return _rows(people, who, credit, np.zeros(n, dtype=bool)) | {
        "time": time,
        "amount": np.where(cash_out, np.exp(rng.normal(5.3, 0.7, n)), np.exp(rng.normal(1.2, 0.8, n))),
        "merchant": _shop(rng, ["5815", "5999", "4899", "5942", "4121"], n),
        "channel": np.full(n, ref.ONLINE),
        "country": np.where(rng.random(n) < 0.35, rng.choice(FRAUD_COUNTRIES, n), 0),
        "ip": rng.integers(0, people.addresses, count)[episode],
        "device": _fraud_device(rng, people, count)[episode],
        "distance": np.where(
            (rng.random(count) < 0.6)[episode],
            np.exp(rng.normal(6.5, 1.2, count))[episode],
            np.exp(rng.normal(1.8, 1.2, n)),
        ),
    }


def account_takeover(rng, people: Population, n: int) -> Ledger:
    """A new device and address, mostly at night, then large transfers or purchases within two hours."""
    episode, position, count = _episodes(rng, n, 1, 4)
    who = rng.integers(0, len(people), count)[episode]
    payment = rng.random(n) < 0.55
    known = (rng.random(count) < 0.4)[episode]  # remote control of the victim's own machine
    payee = N_MERCHANTS + rng.integers(0, people.payees, n)
    return _rows(people, who, np.ones(n, dtype=bool), payment) | {
        "time": _start(rng, count, 1.0, 5.0)[episode]
        + (position * rng.uniform(300, 2400, n)).astype(np.int64),
        "amount": np.exp(rng.normal(5.4, 1.1, n)),
        "merchant": np.where(payment, payee, _shop(rng, ["5732", "5944", "6051", "5311"], n)),
        "channel": np.where(payment, ref.TRANSFER, ref.ONLINE),
        "country": np.where(rng.random(n) < 0.2, rng.choice(FRAUD_COUNTRIES, n), 0),
        "ip": np.where(known, _home_ip(people, who), rng.integers(0, people.addresses, count)[episode]),
        "device": np.where(known, _own_device(rng, who, n), _fraud_device(rng, people, count)[episode]),
        "distance": np.where(
            known | (rng.random(n) < 0.3), np.exp(rng.normal(1.4, 1.1, n)), np.exp(rng.normal(6.3, 1.2, n))
        ),
    }


def cloned_card(rng, people: Population, n: int) -> Ledger:
    """Swipes of a copied stripe far from home, a few within three hours, for goods that are easily sold."""
    episode, position, count = _episodes(rng, n, 1, 5)
    who = rng.integers(0, len(people), count)[episode]
    foreign = (rng.random(count) < 0.4)[episode]
    atm = rng.random(n) < 0.15
    base = np.where(rng.random(count) < 0.75, rng.normal(6.9, 0.9, count), rng.normal(3.4, 0.8, count))
    swiped = np.where(rng.random(n) < 0.7, ref.MAGSTRIPE, ref.CONTACTLESS)
    cash = ref.CASH_MACHINE * ref.MERCHANTS_PER_CATEGORY + rng.integers(0, ref.MERCHANTS_PER_CATEGORY, n)
    amount = np.exp(rng.normal(4.3, 0.8, n))
    return _rows(people, who, (rng.random(count) < 0.5)[episode], np.zeros(n, dtype=bool)) | {
        "time": _start(rng, count, 16.0, 4.5)[episode]
        + (position * rng.uniform(300, 2700, n)).astype(np.int64),
        "amount": np.where(atm, np.clip(np.round(amount / 20) * 20, 20, 1000), amount),
        "merchant": np.where(atm, cash, _shop(rng, ["5311", "5732", "5541", "5651", "5411"], n)),
        "channel": np.where(atm, ref.ATM, swiped),
        "country": np.where(foreign, rng.choice(FRAUD_COUNTRIES, count)[episode], 0),
        "ip": np.full(n, -1),
        "device": np.full(n, -1),
        "distance": np.exp(base)[episode] * rng.uniform(0.97, 1.03, n),
    }


def mule_layering(rng, people: Population, n: int) -> Ledger:
    """Young accounts pass money on for days, mostly in amounts just under the reporting limit."""
    episode, position, count = _episodes(rng, n, 2, 6)
    young = np.argsort(people.tenure_days, kind="stable")[: max(1, len(people) // MULE_ONE_IN)]
    who = rng.choice(young, count)[episode]
    just_under = ref.REPORTING_LIMIT - np.abs(rng.normal(0, 700, n)) - 5
    small = np.exp(rng.normal(7.2, 0.6, n))
    amount = np.where(rng.random(n) < 0.8, np.maximum(just_under, 6_000), small)
    return _rows(people, who, np.zeros(n, dtype=bool), np.ones(n, dtype=bool)) | {
        "time": _start(rng, count, 13.0, 4.0)[episode]
        + (position * rng.uniform(2 * 3600, 18 * 3600, n)).astype(np.int64),
        "amount": np.where(rng.random(n) < 0.4, np.floor(amount / 50) * 50, amount),
        "merchant": N_MERCHANTS + rng.integers(0, people.payees, n),
        "channel": np.where(rng.random(n) < 0.5, ref.WIRE, ref.TRANSFER),
        "country": np.where(rng.random(n) < 0.3, rng.choice(FRAUD_COUNTRIES, n), 0),
        "ip": _home_ip(people, who),
        "device": _own_device(rng, who, n),
        "distance": np.exp(rng.normal(1.4, 1.1, n)),
    }


def bust_out(rng, people: Population, n: int) -> Ledger:
    """A credit line used up within three days on resaleable goods and cash, by its own holder."""
    episode, position, count = _episodes(rng, n, 4, 10)
    holders = np.flatnonzero(people.credit_card >= 0)
    holders = holders if len(holders) else np.arange(len(people))
    who = rng.choice(holders, count)[episode]
    limit = np.maximum(people.credit_limit[who], 1_000.0)
    online = rng.random(n) < 0.4
    return _rows(people, who, np.ones(n, dtype=bool), np.zeros(n, dtype=bool)) | {
        "time": _start(rng, count, 13.0, 4.0)[episode]
        + (position * rng.uniform(1800, 6 * 3600, n)).astype(np.int64),
        "amount": limit * rng.uniform(0.015, 0.11, n),
        "merchant": _shop(rng, ["5732", "5944", "6051", "5311", "4511"], n),
        "channel": np.where(online, ref.ONLINE, draw(rng, np.array([0.6, 0.4]), n)),
        "country": np.zeros(n, dtype=np.int64),
        "ip": np.where(online, _home_ip(people, who), -1),
        "device": np.where(online, _own_device(rng, who, n), -1),
        "distance": np.exp(rng.normal(1.8, 1.1, n)),
    }


def merchant_collusion(rng, people: Population, n: int) -> Ledger:
    """A dishonest shop books round amounts late in the evening on many cards, week after week."""
    episode, position, count = _episodes(rng, n, 5, 14)
    shops = _shop(rng, ["5999", "5732", "5944"], 3)
    who = rng.integers(0, len(people), n)
    amount = rng.choice([40.0, 60.0, 80.0, 100.0, 120.0, 150.0, 200.0, 250.0], n)
    ragged = rng.random(n) < 0.2
    return _rows(people, who, rng.random(n) < 0.5, np.zeros(n, dtype=bool)) | {
        "time": _start(rng, count, 23.0, 1.5)[episode]
        + (position * rng.uniform(60, 900, n)).astype(np.int64),
        "amount": np.where(ragged, amount * rng.uniform(0.9, 1.1, n), amount),
        "merchant": shops[rng.integers(0, 3, count)][episode],
        "channel": np.where(rng.random(n) < 0.5, ref.MAGSTRIPE, ref.CHIP),
        "country": np.zeros(n, dtype=np.int64),
        "ip": np.full(n, -1),
        "device": np.full(n, -1),
        "distance": np.exp(rng.normal(2.6, 1.0, n)),
    }


def authorized_push_payment(rng, people: Population, n: int) -> Ledger:
    """The victim is talked into a large transfer to a stranger, from their own device, in office hours."""
    episode, position, count = _episodes(rng, n, 1, 3)
    weight = np.where(people.age >= ELDER_AGE, ELDER_WEIGHT, 1.0)
    who = draw(rng, weight, count)[episode]
    amount = np.exp(rng.normal(6.7, 0.9, n) + 0.3 * np.log(people.income[who] / 60_000.0))
    return _rows(people, who, np.zeros(n, dtype=bool), np.ones(n, dtype=bool)) | {
        "time": _start(rng, count, 13.0, 2.5)[episode]
        + (position * rng.uniform(600, 7200, n)).astype(np.int64),
        "amount": np.where(rng.random(n) < 0.7, np.maximum(np.round(amount / 50) * 50, 50), amount),
        "merchant": N_MERCHANTS + rng.integers(0, people.payees, n),
        "channel": np.where(rng.random(n) < 0.25, ref.WIRE, ref.TRANSFER),
        "country": np.where(rng.random(n) < 0.2, rng.choice(FRAUD_COUNTRIES, n), 0),
        "ip": _home_ip(people, who),
        "device": _own_device(rng, who, n),
        "distance": np.exp(rng.normal(1.4, 1.1, n)),
    }


_MAKERS: dict[str, Callable[..., Ledger]] = {
    "card_testing": card_testing,
    "account_takeover": account_takeover,
    "cloned_card": cloned_card,
    "mule_layering": mule_layering,
    "bust_out": bust_out,
    "merchant_collusion": merchant_collusion,
    "authorized_push_payment": authorized_push_payment,
}
