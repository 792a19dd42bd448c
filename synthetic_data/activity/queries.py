"""Clients that query models: applications, nightly jobs and people, with their retries and their sliders."""

from __future__ import annotations

import numpy as np

from synthetic_data.activity.work import Office, at
from synthetic_data.activity.world import HOUR, World

INPUTS = 8


class Models:
    """The models, and the table of queries in the making."""

    def __init__(self, office: Office, rng: np.random.Generator) -> None:
        names = office.world.sector.models
        self.office, self.names = office, names
        self._weights = rng.normal(0, 0.7, (len(names), INPUTS))
        self._bias = rng.normal(-0.6, 0.3, len(names))
        mixing = rng.normal(0, 0.45, (len(names), INPUTS, INPUTS))
        self._mixing = np.eye(INPUTS) * 0.7 + mixing
        scale = np.sqrt((self._mixing**2).sum(axis=1, keepdims=True))
        self._mixing = self._mixing / scale
        self._x: list[np.ndarray] = []
        self._scores: list[np.ndarray] = []
        self._count = 0

    def score(self, model: int, x: np.ndarray) -> np.ndarray:
        """What the model answers: (n,) between 0 and 1."""
        z = x @ self._weights[model] + self._bias[model] + 0.5 * x[:, 0] * x[:, 1] - 0.3 * x[:, 2] ** 2
        return np.round(1 / (1 + np.exp(-z)), 6)  # the last bits of a product depend on the size of the block

    def genuine(self, rng, model: int, n: int, shift: np.ndarray | float = 0.0) -> np.ndarray:
        """Inputs of real cases: correlated, one yes-or-no and one count among them."""
        x = rng.normal(size=(n, INPUTS)) @ self._mixing[model] + shift
        x[:, 6] = np.where(x[:, 6] > 0.8, 1.8, -0.55)
        x[:, 7] = np.round(x[:, 7] * 2) / 2
        return np.round(x, 3)

    def ask(self, model: int, x: np.ndarray, time: np.ndarray, *, who=None, client="", incident=-1) -> None:
        """Add queries by a member of staff (``who``) or by a program (``client``)."""
        n = len(x)
        if not n:
            return
        self._x.append(x)
        self._scores.append(self.score(model, x))
        columns = {
            "time": time, "action": "query", "target": self.names[model], "model": self.names[model],
            "purpose": self.office.world.sector.roles[0].purposes[0], "outcome": "allowed",
            "query": self._count + np.arange(n), "incident": incident,
            "data": f"{self.office.world.sector.dataset}@2026-02",
        }  # fmt: skip
        self._count += n
        if who is None:
            self.office.book.add(
                n, actor=client, role="application", unit="it", source=f"host-{client}", **columns
            )
        else:
            self.office.add(np.full(n, who), columns.pop("time"), **columns)

    def tables(self) -> tuple[np.ndarray, np.ndarray]:
        """(inputs, scores) by the number of the query."""
        return np.concatenate(self._x), np.concatenate(self._scores)


def analysts(world: World) -> np.ndarray:
    """Members of staff who query models by hand."""
    names = ("physician", "data_analyst", "loan_officer", "quality_reviewer", "fraud_analyst")
    able = np.flatnonzero(world.with_role(*names) & (world.works.sum(axis=1) > world.total_days * 0.4))
    return able[:: max(1, len(able) // max(6, len(world.role) // 25))]


def add_queries(models: Models, rng: np.random.Generator) -> None:
    """All genuine queries."""
    world = models.office.world
    days = np.arange(world.total_days)
    scale = max(0.15, len(world.role) / 500)
    for model in range(len(models.names)):
        for number in range(2):  # applications of the daily work
            shift = rng.normal(0, 0.25, INPUTS)
            count = rng.poisson(70 * scale, len(days))
            hour = rng.normal(12.5, 3.6, count.sum()) % 24
            x = models.genuine(rng, model, int(count.sum()), shift)
            time = np.sort(at(np.repeat(days, count), hour))
            x, time = _follow_ups(rng, x, time)
            x, time = _retries(rng, x, time)
            models.ask(model, x, time, client=f"app-{models.names[model].split('@')[0]}-{number + 1}")
        count = rng.poisson(110 * scale, len(days))  # a nightly job
        time = at(np.repeat(days, count), 2.5 + 0.5 * rng.random(count.sum()))
        models.ask(model, models.genuine(rng, model, int(count.sum())), np.sort(time),
                   client=f"job-{models.names[model].split('@')[0]}")  # fmt: skip
    for who in analysts(world):
        _by_hand(models, rng, int(who))
    for _ in range(max(3, round(len(world.role) * world.total_days / 3500))):
        _study(models, rng)


def _retries(rng, x, time):
    """A time-out sends the same inputs again; after an outage many at once."""
    again = np.flatnonzero(rng.random(len(x)) < 0.02)
    times = rng.integers(1, 4, len(again))
    rows = [np.repeat(again, times)]
    moved = [time[rows[0]] + rng.integers(1_000, 20_000, len(rows[0]))]
    for _ in range(max(1, len(x) // 3000)):
        from_ = int(rng.integers(0, max(1, len(x) - 40)))
        rows.append(np.tile(np.arange(from_, min(len(x), from_ + 25)), 6))
        moved.append(time[from_] + 2 * HOUR + np.sort(rng.integers(0, 300_000, len(rows[-1]))))
    return np.concatenate([x, x[np.concatenate(rows)]]), np.concatenate([time, *moved])


def _by_hand(models: Models, rng, who: int) -> None:
    """Some cases a day, and now and then a slider: one input moved step by step."""
    world = models.office.world
    model = who % len(models.names)
    works = np.flatnonzero(world.works[who])
    count = rng.poisson(5 * world.habit[who], len(works))
    day = np.repeat(works, count)
    x = models.genuine(rng, model, len(day))
    time = at(day, world.begins[who, day] + 7.5 * rng.random(len(day)))
    slides = np.flatnonzero(rng.random(len(day)) < 0.08)
    xs, times = [x], [time]
    for row in slides:
        steps = int(rng.integers(5, 15))
        moved = np.repeat(x[row : row + 1], steps, axis=0)
        moved[:, rng.integers(0, 6)] = np.round(np.linspace(-2, 2, steps), 2)
        xs.append(moved)
        times.append(time[row] + np.cumsum(rng.integers(800, 4_000, steps)))
    models.ask(model, np.concatenate(xs), np.concatenate(times), who=who)


def _follow_ups(rng, x, time):
    """The same case some hours later: two of its inputs have moved a little."""
    chosen = np.flatnonzero(rng.random(len(x)) < 0.03)
    each = rng.integers(3, 8, len(chosen))
    rows = np.repeat(chosen, each)
    step = np.arange(len(rows)) - np.repeat(np.cumsum(each) - each, each) + 1
    moved = x[rows].copy()
    for _ in range(2):
        column = rng.integers(0, 6, len(rows))
        moved[np.arange(len(rows)), column] += rng.normal(0, 0.08, len(rows))
    later = time[rows] + step * np.repeat(rng.integers(20, 240, len(chosen)), each) * 60_000
    return np.concatenate([x, np.round(moved, 3)]), np.concatenate([time, later])


def _study(models: Models, rng) -> None:
    """A validation, or a review of cases near the threshold: hundreds of real cases in a day."""
    world, able = models.office.world, analysts(models.office.world)
    if not len(able):
        return
    who, model = int(rng.choice(able)), int(rng.integers(0, len(models.names)))
    day = int(rng.choice(np.flatnonzero(world.works[who])))
    n = int(rng.integers(120, 500))
    x = models.genuine(rng, model, n)
    if rng.random() < 0.4:
        pool = models.genuine(rng, model, 2000)
        x = pool[np.argsort(np.abs(models.score(model, pool) - 0.5))[:n]]
        x = x[rng.permutation(len(x))]
    time = at(day, world.begins[who, day] + np.sort(rng.uniform(0.5, 7.5, len(x))))
    models.ask(model, x, time, who=who)
