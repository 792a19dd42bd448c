"""What the tasks of chapter 14 are checked on: updates, a record's trace, masked words, an erasure."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import combinations

import numpy as np
import pandas as pd

from secure_ai.defend.federated.client import Update

NAMES = ("Alder", "Birch", "Cedar", "Elm", "Hazel", "Juniper", "Maple", "Oak", "Rowan", "Willow")

# --- what participants send in a round ---

FAULTS = ("nan", "infinite", "minus infinite", "longer", "shorter", "single", "no records", "minus records")


def round_of_updates(rng: np.random.Generator, *faults: str) -> tuple[list[Update], int, list[str]]:
    """Return the updates of one round, the number of weights, and who sent what cannot be used.

    Args:
        rng: draws them.
        faults: one more participant for each of these (see ``FAULTS``), in a random place.
    """
    size, honest = int(rng.integers(4, 9)), int(rng.integers(3, 5))
    names = rng.permutation(NAMES)[: honest + len(faults)].tolist()
    # No two numbers of records are close: a plain mean is never the weighted one.
    records = rng.permutation(np.geomspace(25, 900, len(names)) * rng.uniform(0.9, 1.1, len(names)))
    updates = [
        Update(name, rng.normal(size=size), int(count), 0.0)
        for name, count in zip(names, records, strict=True)
    ]
    places = rng.permutation(len(names))[: len(faults)]
    for place, fault in zip(places, faults, strict=True):
        updates[place] = _faulty(updates[place], fault, rng)
    bad = set(places.tolist())
    return updates, size, [one.name for place, one in enumerate(updates) if place in bad]


def _faulty(update: Update, fault: str, rng: np.random.Generator) -> Update:
    delta = update.delta.copy()
    value = {"nan": np.nan, "infinite": np.inf, "minus infinite": -np.inf}
    if fault in value:
        delta[rng.integers(len(delta))] = value[fault]
        return replace(update, delta=delta)
    shapes = {"longer": np.append(delta, 0.5), "shorter": delta[:-1], "single": delta[:1]}
    if fault in shapes:
        return replace(update, delta=shapes[fault])
    return replace(update, records=0 if fault == "no records" else -update.records)


# --- what one record leaves in an update ---

TRACES = ("plain", "first is off", "none is positive", "sum is nothing", "all are off")


@dataclass(frozen=True)
class Trace:
    """How the first layer of a model moved when it learned from one record.

    Attributes:
        weights: (inputs, units) change of the weights.
        biases: (units,) change of the biases.
        record: (inputs,) the record; None where it left no trace.
    """

    weights: np.ndarray
    biases: np.ndarray
    record: np.ndarray | None


def trace(rng: np.random.Generator, kind: str) -> Trace:
    """Return what a record left behind.

    Args:
        rng: draws record, errors and step.
        kind: ``"plain"``: every unit was wrong; ``"first is off"``: the first one and another were not;
            ``"none is positive"``: some were not, and no bias moved up; ``"sum is nothing"``: the units'
            errors add up to 0, as those of class probabilities do; ``"all are off"``: no unit was wrong.
    """
    units = int(rng.integers(4, 6))
    inputs = units + int(rng.integers(1, 4))
    record = rng.normal(size=inputs) + rng.uniform(1, 4, inputs) * rng.choice([-1, 1], inputs)
    errors = rng.uniform(0.2, 0.9, units) * rng.choice([-1, 1], units)
    if kind == "first is off":
        errors[[0, units - 1]] = 0
        errors[1] = -abs(errors[1])  # one bias does move up: this is not the next kind
    if kind == "none is positive":
        errors = np.abs(errors)
        errors[rng.integers(1, units)] = 0
    if kind == "sum is nothing":
        # Multiples of 1/64: the sum is exactly 0, whatever is added first.
        errors = rng.integers(4, 30, units) / 64
        errors[-1] = -errors[:-1].sum()
    if kind == "all are off":
        errors[:] = 0
    biases = -(2.0 ** -rng.integers(2, 6)) * errors
    return Trace(np.outer(record, biases), biases, None if kind == "all are off" else record)


# --- masked words ---


@dataclass(frozen=True)
class MaskedRound:
    """A round of masked updates in which some participants went silent after the masks were agreed.

    Attributes:
        sent: name → (size,) uint64, words and masks of those who arrived.
        masks: (first, second) → (size,) uint64, for each pair of which one or both are missing; the names of
            a pair in alphabetical order.
        bits: binary places of the fixed point.
        total: (size,) the sum of the updates of those who arrived.
    """

    sent: dict[str, np.ndarray]
    masks: dict[tuple[str, str], np.ndarray]
    bits: int
    total: np.ndarray = field(repr=False)


def masked_round(rng: np.random.Generator, *, missing: int = 0) -> MaskedRound:
    """Return a round of three participants who arrive, and so many who do not."""
    size, bits = int(rng.integers(4, 8)), int(rng.integers(16, 33))
    names = sorted(rng.permutation(NAMES)[: 3 + missing].tolist())
    # Those who are missing stand in the middle: some of the others have added their mask, some subtracted.
    gone = set(names[1 : 1 + missing])
    signs = np.where(np.arange(size) % 2, 1, -1)  # of the sum: every second number is below 0
    plain = {name: signs * rng.integers(1, 2 ** (bits + 3), size) for name in names}
    words = {name: plain[name].astype(np.int64).view(np.uint64) for name in names}
    masks = {
        (first, second): rng.integers(0, 2**64, size, dtype=np.uint64)
        for first, second in combinations(names, 2)
    }
    for (first, second), mask in masks.items():
        words[first] = words[first] + mask
        words[second] = words[second] - mask
    here = [name for name in rng.permutation(names).tolist() if name not in gone]
    return MaskedRound(
        {name: words[name] for name in here},
        {pair: mask for pair, mask in masks.items() if gone & set(pair)},
        bits,
        sum(plain[name] for name in here) / 2.0**bits,
    )


# --- clip and noise ---


def long_and_short_updates(rng: np.random.Generator, clip: float) -> list[np.ndarray]:
    """Return updates of which two are longer than ``clip`` and two are shorter, in a random order.

    The long ones are so long that the mean of all is longer than ``clip``, too.
    """
    size = int(rng.integers(5, 9))
    lengths = clip * np.array([rng.uniform(15, 25), rng.uniform(45, 60), rng.uniform(0.3, 0.5), 0.7])
    found = []
    for length in rng.permutation(lengths):
        drawn = rng.normal(size=size)
        drawn[0] = 3 * np.abs(drawn).max()  # one number stands out: limiting each by itself is another thing
        found.append(drawn * length / np.linalg.norm(drawn))
    return found


# --- an erasure ---

ERASURES = (
    "exact", "never remembered", "more was trained", "nothing done", "wrong on purpose", "a shard is missing",
    "right on average", "one row is left",
)  # fmt: skip
HOLDS = ERASURES[:3]


@dataclass(frozen=True)
class ErasureCase:
    """A request, what was done, and how the model answers now.

    Attributes:
        rows: one line for each training row: ``person``, ``shard``.
        requests: who wants to be erased; somebody may have asked twice.
        trained: numbers of the shards that were trained again, according to the receipt.
        answers: one line for each erased row, the probability of its true outcome: ``before`` from the old
            model, ``after`` from the new one, ``scratch`` from one that never saw the row.
        tolerance: difference that is rounding.
    """

    rows: pd.DataFrame = field(repr=False)
    requests: list[str]
    trained: list[int]
    answers: pd.DataFrame = field(repr=False)
    tolerance: float = 1e-6

    def arguments(self) -> tuple[pd.DataFrame, list[str], list[int], pd.DataFrame, float]:
        """Return everything in the order of the fields."""
        return self.rows, self.requests, self.trained, self.answers, self.tolerance


def erasure_case(rng: np.random.Generator, kind: str) -> ErasureCase:
    """Return a request and its outcome.

    Args:
        rng: draws them.
        kind: ``"exact"``, ``"never remembered"`` (the old model answered as one that never saw the rows) and
            ``"more was trained"`` hold; ``"nothing done"``: the old answers; ``"wrong on purpose"``: the new
            model denies what it knew; ``"a shard is missing"``: from the receipt; ``"right on average"``: the
            differences cancel; ``"one row is left"``: as it was.
    """
    shards = int(rng.integers(6, 9))
    people = [f"P{number}" for number in rng.permutation(np.arange(100, 999))[:30]]
    rows = pd.DataFrame([(person, 0) for person in people for _ in range(2)], columns=["person", "shard"])
    rows["shard"] = rng.integers(0, shards, len(rows))
    who = rng.permutation(people)[:2].tolist()
    # The four rows of the two people lie in three or four shards, and not all shards are needed.
    mine = rows.index[rows["person"].isin(who)]
    drawn = rng.permutation(shards)
    rows.loc[mine, "shard"] = drawn[[0, 1, 2, 0]] if ERASURES.index(kind) % 2 else drawn[:4]
    rows = rows.iloc[rng.permutation(len(rows))].reset_index(drop=True)
    needed = sorted(set(rows["shard"][rows["person"].isin(who)].tolist()))
    others = sorted(set(range(shards)) - set(needed))
    trained = {"a shard is missing": needed[1:], "more was trained": [*needed, others[0]]}.get(kind, needed)
    scratch = rng.uniform(0.4, 0.6, len(mine))
    before = scratch + rng.uniform(0.15, 0.35, len(mine)) * (kind != "never remembered")
    away = np.array([0.1, -0.1, 0.05, -0.05])
    after = {
        "nothing done": before,
        "wrong on purpose": rng.uniform(0, 0.02, len(mine)),
        "right on average": scratch + away,
        "more was trained": scratch,
        "one row is left": np.where(np.arange(len(mine)) == rng.integers(len(mine)), before, scratch),
    }.get(kind, scratch + rng.normal(0, 1e-14, len(mine)))
    answers = pd.DataFrame({"before": before, "after": after, "scratch": scratch})
    return ErasureCase(rows, rng.permutation([*who, who[0]]).tolist(), trained, answers)
