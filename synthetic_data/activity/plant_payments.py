"""Planted fraud with a bank's payments."""

from __future__ import annotations

import numpy as np

from synthetic_data.activity.payments import MERCHANTS, Bank
from synthetic_data.activity.plant import Scene
from synthetic_data.activity.world import HISTORY_DAYS


def _victim(scene: Scene) -> tuple[Bank, int, int]:
    bank = scene.payments
    at_home = (bank.home == 0) & (bank.trip_from > scene.world.total_days)
    who = scene.pick(np.flatnonzero((bank.busy > 0.5) & at_home), "account")
    return bank, who, int(scene.rng.integers(HISTORY_DAYS, scene.world.total_days))


def _pay(scene: Scene, who: int, time: np.ndarray, amount, **columns) -> str:
    scene.payments.pay(np.full(len(time), who), time, np.asarray(amount), incident=scene.number, **columns)
    return f"acc-{who:06d}"


def card_testing(scene: Scene) -> str:
    """Tiny sums at new merchants from a strange device, some declined; then a large one."""
    bank, who, day = _victim(scene)
    rng, n = scene.rng, scene.count(14, 4, least=3)
    time = scene.moments(day, rng.uniform(0, 22), n, scene.quiet(0.4, 30))
    amount = rng.choice([0.5, 1.0, 1.49, 2.0, 2.99], n)
    amount[-1] = 180 * bank.level[who] * rng.lognormal(0, 0.3)
    declined = (rng.random(n) < scene.quiet(0.5, 0.1)).astype(int)
    return _pay(
        scene, who, time, amount, category=bank.category[rng.integers(0, 7, n)], channel="online",
        counterparty=bank.merchant[rng.integers(0, MERCHANTS, n)], country="US",
        device=bank.strange[who], outcome=bank.book.codes("outcome", ["approved", "declined"])[declined],
    )  # fmt: skip


def account_takeover(scene: Scene) -> str:
    """A strange device sends large sums to payees that the account never paid."""
    bank, who, day = _victim(scene)
    rng, n = scene.rng, scene.count(4, 1, least=2)
    time = scene.moments(day, rng.uniform(0, 22), n, scene.quiet(5, 90))
    abroad = rng.random() < scene.quiet(0.8, 0.0)
    return _pay(
        scene, who, time, scene.quiet(1400, 350) * rng.lognormal(0, 0.3, n), category="transfer",
        channel="transfer", counterparty=bank.outside[rng.integers(2 * bank.n, 3 * bank.n, n)],
        country=bank.country[int(rng.integers(1, 10)) if abroad else 0], device=bank.strange[who],
    )  # fmt: skip


def mule_layering(scene: Scene) -> str:
    """Sums from many strangers come in and leave within hours to other strangers."""
    bank, who, day = _victim(scene)
    rng, n = scene.rng, scene.count(7, 3, least=3)
    hour = rng.uniform(6, 14)
    time = scene.moments(day, hour, n, scene.quiet(12, 40))
    amount = scene.quiet(900, 300) * rng.lognormal(0, 0.3, n)
    strangers = bank.outside[rng.integers(3 * bank.n, 4 * bank.n, n)]
    _pay(scene, who, time, amount, direction="in", category="transfer", channel="transfer",
         counterparty=strangers, country="US", device="")  # fmt: skip
    m = max(2, n // 2)
    out = scene.moments(day, hour, m, 30) + int(time[-1] - time[0])
    out = np.minimum(out, scene.end - 1_000 + np.arange(-m, 0))
    return _pay(
        scene, who, np.sort(out), np.full(m, amount.sum() * 0.95 / m), category="transfer",
        channel="transfer", counterparty=bank.outside[rng.integers(3 * bank.n, 4 * bank.n, m)],
        country="US", device=bank.usual_device(np.full(m, who), np.full(m, day)),
    )  # fmt: skip


def cloned_card(scene: Scene) -> str:
    """A card is used abroad while its owner uses it at home on the same day."""
    bank, who, day = _victim(scene)
    rng, n = scene.rng, scene.count(6, 2, least=2)
    time = scene.moments(day, rng.uniform(8, 18), n, scene.quiet(15, 60))
    channel = bank.book.codes("channel", ["card", "cash"])[(rng.random(n) < 0.5).astype(int)]
    return _pay(
        scene, who, time, scene.quiet(320, 90) * rng.lognormal(0, 0.3, n),
        category=bank.category[rng.integers(0, 6, n)], channel=channel, device="terminal",
        counterparty=bank.merchant[rng.integers(0, MERCHANTS, n)],
        country=bank.country[int(rng.integers(1, 10))],
    )  # fmt: skip
