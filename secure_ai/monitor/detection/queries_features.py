"""What a client's queries to a model have in common: near repeats, inputs between inputs, rare inputs, pace.

Everything is computed from what came before, one query at a time.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

HOUR = 3600.0
SAME = 1e-9
LINE_MEMORY = 12  # a search for the boundary goes on between its latest points
PRADA_EVERY = 20


@dataclass(frozen=True, slots=True)
class QueryFeatures:
    """One query beside the earlier ones of its client; large is suspicious, except where said.

    Attributes:
        rarity: Mahalanobis distance of the input from the inputs of the history.
        unseen_values: inputs with few values in the history that hold a value never seen there.
        closeness: minus the natural logarithm of the distance to the nearest earlier query that differs in
            two inputs or more: near repeats that are neither a retry nor a slider.
        between: 1 where the input lies on the line between two earlier ones that differ in several inputs.
        fresh_hour: queries of this client in the last hour that were neither a retry nor a slider.
        all_hour: all its queries in the last hour.
        margin: distance of the score from the threshold of the decision (small: at the boundary).
        coverage: distinct combinations of signs of the inputs among the last twenty fresh queries, of twenty.
        minimum_distance: distance to the nearest earlier query of any sort: PRADA's statistic is over these.
        prada: deviation of the minimum distances from normal, 1 - W of Shapiro and Wilk over the last ones.
        repeats: 1 where the query stood before, exactly (a retry).
        slider: 1 where one input alone differs from one of the last queries (a what-if slider).
    """

    rarity: float
    unseen_values: float
    closeness: float
    between: float
    fresh_hour: float
    all_hour: float
    margin: float
    coverage: float
    minimum_distance: float
    prada: float
    repeats: float
    slider: float


FEATURES = tuple(item.name for item in fields(QueryFeatures))


class InputSpace:
    """The inputs of a quiet history: center, spread, and which inputs take few values."""

    def __init__(self) -> None:
        self.center: np.ndarray = np.zeros(0)
        self.whitening: np.ndarray = np.zeros((0, 0))
        self.lattice: list[frozenset[float] | None] = []
        self.low: np.ndarray = np.zeros(0)
        self.high: np.ndarray = np.zeros(0)
        self._at_center: float | None = None

    def learn(self, inputs: np.ndarray, *, few: float, decimals: int) -> None:
        """Learn from inputs of shape (queries, inputs); ``few`` is the share of distinct values below which
        an input counts as one of few values."""
        inputs = inputs[np.isfinite(inputs).all(axis=1)]
        if len(inputs) < 2 * inputs.shape[1] + 2:
            return
        self._at_center = None
        self.center = inputs.mean(axis=0)
        spread = np.cov(inputs.T) + 1e-6 * np.eye(inputs.shape[1])
        self.whitening = np.linalg.cholesky(np.linalg.inv(spread)).T
        self.low, self.high = np.quantile(inputs, [0.001, 0.999], axis=0)
        self.lattice = []
        for column in inputs.T:
            values = frozenset(round(value, decimals) + 0.0 for value in column.tolist())
            self.lattice.append(values if len(values) <= few * len(column) else None)

    def rarity(self, x: np.ndarray) -> float:
        """Return the Mahalanobis distance of an input; 0 where nothing was learned."""
        if not self.center.size:
            return 0.0
        return float(np.linalg.norm(self.whitening @ (x - self.center)))

    def unlikely(self, rarity: float) -> float:
        """Return the log of how much likelier an input of this rarity is from an even draw over the range of
        the history than from the history (taken as a normal distribution); 0 where nothing was learned."""
        return self.at_center + 0.5 * rarity**2 if self.center.size else 0.0

    @property
    def at_center(self) -> float:
        """The same for the center of the history."""
        if self._at_center is None:
            evenly = -float(np.log(np.maximum(self.high - self.low, 1e-9)).sum())
            normal = float(np.log(np.abs(np.diag(self.whitening)) + 1e-300).sum())
            self._at_center = evenly - normal + 0.5 * len(self.center) * math.log(2 * math.pi)
        return self._at_center

    def unseen(self, x: np.ndarray, decimals: int) -> int:
        """Count inputs of few values that hold another one."""
        return sum(
            1
            for place, values in enumerate(self.lattice)
            if values is not None and round(float(x[place]), decimals) + 0.0 not in values
        )

    def state(self) -> dict[str, Any]:
        """Return what was learned as JSON values."""
        return {
            "center": self.center.tolist(),
            "whitening": self.whitening.tolist(),
            "low": self.low.tolist(),
            "high": self.high.tolist(),
            "lattice": [None if values is None else sorted(values) for values in self.lattice],
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up what :meth:`state` returned."""
        self._at_center = None
        self.center = np.array(state["center"], dtype=float)
        size = len(self.center)
        self.whitening = np.array(state["whitening"], dtype=float).reshape(size, size)
        self.low, self.high = np.array(state["low"], dtype=float), np.array(state["high"], dtype=float)
        self.lattice = [
            None if values is None else np.array(values, dtype=float) for values in state["lattice"]
        ]


class Client:
    """What is kept of one client: its last inputs with their times, ids and distances."""

    def __init__(self, size: int, memory: int) -> None:
        self.inputs = np.full((memory, size), np.inf)
        self.times: deque[tuple[float, bool]] = deque()
        self.minimum: deque[float] = deque(maxlen=memory)
        self.count = 0
        self.fresh = 0
        self.prada = 0.0
        self.coverage = 0.0
        self.last_time = -math.inf

    def place(self, x: np.ndarray) -> None:
        """Remember an input, the oldest of the memory makes room."""
        self.inputs[self.count % len(self.inputs)] = x
        self.count += 1

    def known(self) -> np.ndarray:
        """Return the inputs that are remembered, shape (queries, inputs)."""
        return self.inputs[: min(self.count, len(self.inputs))]

    def latest(self, number: int) -> np.ndarray:
        """Return the last inputs, in any order."""
        size = len(self.inputs)
        places = [place % size for place in range(max(0, self.count - min(number, size)), self.count)]
        return self.inputs[places]

    def state(self) -> dict[str, Any]:
        """Return the client as JSON values."""
        return {
            "inputs": self.known().tolist(),
            "times": [[time, fresh] for time, fresh in self.times],
            "minimum": list(self.minimum),
            "count": self.count,
            "prada": self.prada,
            "coverage": self.coverage,
            "last_time": self.last_time if math.isfinite(self.last_time) else None,
        }

    @classmethod
    def of(cls, state: Mapping[str, Any], size: int, memory: int) -> Client:
        """Return the client that :meth:`state` described."""
        client = cls(size, memory)
        inputs = np.array(state["inputs"], dtype=float).reshape(-1, size)
        client.inputs[: len(inputs)] = inputs
        client.count = int(state["count"])
        client.times.extend((float(time), bool(fresh)) for time, fresh in state["times"])
        client.fresh = sum(1 for _, fresh in client.times if fresh)
        client.minimum.extend(float(value) for value in state["minimum"])
        client.prada, client.coverage = float(state["prada"]), float(state["coverage"])
        client.last_time = -math.inf if state["last_time"] is None else float(state["last_time"])
        return client


def between(x: np.ndarray, earlier: np.ndarray, tolerance: float) -> bool:
    """Say whether ``x`` lies strictly between two earlier inputs, on the straight line that joins them.

    A search for the boundary halves such lines. Pairs that differ in one input only (a slider) do not count.
    ``tolerance`` is the distance from the line that rounding may cause, in units of the inputs.

    >>> between(np.array([1.0, 1.0]), np.array([[0.0, 0.0], [2.0, 2.0]]), 0.01)
    True
    >>> between(np.array([1.0, 0.0]), np.array([[0.0, 0.0], [2.0, 0.0]]), 0.01)
    False
    """
    offsets = earlier - x
    lengths = np.sqrt((offsets**2).sum(axis=1))
    kept = lengths > 4 * tolerance
    offsets, lengths = offsets[kept], lengths[kept]
    if len(offsets) < 2:
        return False
    directions = offsets / lengths[:, None]
    cosines = directions @ directions.T
    ones, others = np.nonzero(np.triu(cosines < -0.99))
    if not len(ones):
        return False
    sines = np.sqrt(np.maximum(1 - cosines[ones, others] ** 2, 0.0))
    off_line = sines * np.minimum(lengths[ones], lengths[others])
    several = (np.abs(offsets[ones] - offsets[others]) > SAME).sum(axis=1) >= 2
    return bool((several & (off_line <= tolerance)).any())


def features_of(
    client: Client,
    space: InputSpace,
    *,
    time: float,
    x: np.ndarray,
    score: float,
    boundary: float,
    tolerance: float,
    decimals: int,
) -> QueryFeatures:
    """Compare one query with the earlier ones of its client, then remember it."""
    earlier = client.known()
    nearest, near_several, changed_least = math.inf, math.inf, len(x)
    line = False
    if len(earlier):
        differences = np.abs(earlier - x)
        changed = (differences > SAME).sum(axis=1)
        distances = np.sqrt(np.einsum("ij,ij->i", differences, differences))
        nearest, changed_least = float(distances.min()), int(changed.min())
        several = distances[changed >= 2]
        near_several = float(several.min()) if len(several) else math.inf
    repeat, slider = changed_least == 0, changed_least == 1
    fresh = not (repeat or slider)
    if fresh and len(earlier) >= 2:
        line = between(x, client.latest(LINE_MEMORY), tolerance)
    client.times.append((time, fresh))
    client.fresh += fresh
    while client.times and client.times[0][0] < time - HOUR:
        client.fresh -= client.times.popleft()[1]
    if math.isfinite(nearest) and fresh:
        client.minimum.append(nearest)
        if client.count % PRADA_EVERY == 0:
            client.prada = prada(client.minimum)
            signs = {tuple(row) for row in (client.latest(PRADA_EVERY) > 0).tolist()}
            client.coverage = len(signs) / PRADA_EVERY
    rarity = space.rarity(x)
    unseen = 0 if repeat or slider else space.unseen(x, decimals)
    if fresh:
        client.place(x)
    client.last_time = max(client.last_time, time)
    return QueryFeatures(
        rarity=rarity,
        unseen_values=float(unseen),
        closeness=-math.log(max(near_several, 1e-4)) if fresh and math.isfinite(near_several) else -5.0,
        between=float(line),
        fresh_hour=float(client.fresh),
        all_hour=float(len(client.times)),
        margin=abs(score - boundary) if math.isfinite(score) else 1.0,
        coverage=client.coverage,
        minimum_distance=nearest if math.isfinite(nearest) else 10.0,
        prada=client.prada,
        repeats=float(repeat),
        slider=float(slider),
    )


def prada(distances: Iterable[float]) -> float:
    """Return how far minimum distances depart from a normal distribution: 1 - W of Shapiro and Wilk, 0 to 1.

    The distances of queries that an attack makes cluster at a few values, those of genuine ones are about
    normal. Distances beyond three standard deviations are left out, as the paper does.

    Source: Juuti, Szyller, Marchal and Asokan 2019, PRADA: Protecting against DNN Model Stealing Attacks,
    IEEE EuroS&P, section 5.
    """
    from scipy.stats import shapiro

    values = np.fromiter(distances, dtype=float)
    spread = values.std()
    if len(values) < 20 or spread < 1e-12:
        return 0.0
    kept = values[np.abs(values - values.mean()) <= 3 * spread]
    return float(1.0 - shapiro(kept).statistic)


def inputs_of(row: Mapping[str, Any], names: Sequence[str]) -> np.ndarray | None:
    """Return the inputs of a row; None where one is missing or no finite number."""
    try:
        x = np.array([float(row[name]) for name in names])
    except (KeyError, TypeError, ValueError):
        return None
    return x if np.isfinite(x).all() else None
