"""What the tasks of chapter 13 are checked on: scores, reference models, guesses, candidates, releases."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

# --- scores of a membership attack ---

SHARES = (0.01, 0.02, 0.05)


def attack_scores(rng: np.random.Generator, *, few: bool = False) -> tuple[np.ndarray, np.ndarray, float]:
    """Return scores of members and of others, with ties, and the share of others that may be accused.

    Args:
        rng: draws them.
        few: give fewer others than the share can be counted on.
    """
    alarms = float(rng.choice(SHARES))
    least = round(1 / alarms)
    size = least - int(rng.integers(1, least // 4 + 1)) if few else int(rng.integers(1.2 * least, 4 * least))
    others = rng.normal(0.0, 1.0, size)
    members = rng.normal(1.2, 1.4, int(rng.integers(150, 300)))
    return np.round(members, 1), np.round(others, 1), alarms


# --- what reference models say of each record ---


@dataclass(frozen=True)
class References:
    """The probability of each record's true answer, from models trained with it and without it.

    Attributes:
        chance: (records, models).
        inside: (records, models) whether the record was in that model's training data.
        own: (records,) what the attacked model gives.
    """

    chance: np.ndarray
    inside: np.ndarray
    own: np.ndarray

    def arguments(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return everything in the order of the fields."""
        return self.chance, self.inside, self.own


def references(rng: np.random.Generator, *, certain: bool = False, alike: bool = False) -> References:
    """Return what reference models say of some records, each of which is in half of the models.

    Args:
        rng: draws them.
        certain: let some probabilities be exactly 1, or nearly 0.
        alike: let models without some record all say the same of it.
    """
    records, models = int(rng.integers(8, 14)), 2 * int(rng.integers(6, 10))
    half = np.arange(models) < models // 2
    inside = np.stack([rng.permutation(half) for _ in range(records)])
    # Not near the ends, where all models would say the same: that is for ``alike``.
    middle = np.clip(rng.normal(0.3, 1.0, (records, 1)), -1.8, 1.4)
    shift = rng.uniform(0.6, 2.0, (records, 1))
    # Each side has a spread of its own, so that it matters which one is divided by.
    spread = np.where(inside, rng.uniform(0.4, 0.6, (records, 1)), rng.uniform(0.8, 1.1, (records, 1)))
    told = middle + shift * inside + spread * _standard(rng, inside)
    own = middle[:, 0] + shift[:, 0] * rng.choice([0, 1], records) + rng.normal(0, 0.6, records)
    chance, own = (1 / (1 + np.exp(-np.clip(odds, -5, 5))) for odds in (told, own))
    if certain:
        chance[0, :2], chance[1, 0], chance[3, :2] = 1.0, 1.0, 1e-9
        own[1], own[4] = 1.0, 0.0
    if alike:
        for record in (0, 2, 5):
            chance[record, ~inside[record]] = rng.uniform(0.3, 0.7)
    return References(chance, inside, own)


def _standard(rng: np.random.Generator, inside: np.ndarray) -> np.ndarray:
    """Return (records, models) draws whose spread is 1 on each side of each record."""
    drawn = rng.normal(size=inside.shape)
    for mask in (inside, ~inside):
        kept = np.where(mask, drawn, np.nan)
        drawn = np.where(mask, drawn / np.nanstd(kept, axis=1, keepdims=True), drawn)
    return drawn


# --- guesses of a secret value ---

VALUES = ("often", "once", "never")
GUESSES = (
    *("leaks", "both", "learned", "nothing", "easier members"),
    *("tiny", "small", "nearly", "nearly and learned"),
)
ERRORS = {"tiny": 0.5, "small": 1.1, "nearly": 1.75, "nearly and learned": 1.75}
CHANGED = 0.05


def guesses(rng: np.random.Generator, kind: str) -> pd.DataFrame:
    """Return guesses whose verdict is known by their kind.

    Args:
        rng: draws the rest.
        kind: ``"leaks"``: members alone are guessed better with the model; ``"both"``: others too, by less;
            ``"learned"``: both alike; ``"nothing"``: both alike, and hardly; ``"easier members"``: members
            are guessed more often without the model already, and it adds nothing; ``"tiny"``, ``"small"``,
            ``"nearly"``: what members gain more is so many standard errors of the difference as `ERRORS`
            says; ``"nearly and learned"``: the same, and others gain, too.

    Returns:
        Columns ``truth``, ``with_model``, ``without``, ``member``.
    """
    base = {"learned": 0.14, "both": 0.12, "nearly and learned": 0.14, "nothing": 0.02}.get(kind, 0.0)
    easier = kind == "easier members"
    # So alike that no mistake with the standard errors gives the verdicts of another mistake.
    sizes = rng.integers(340, 400, 2)
    gain = base + {"leaks": 0.2, "both": 0.2}.get(kind, 0.0)
    for _ in range(6):  # the error of the difference depends on the difference
        error = np.hypot(_error(base, sizes[0]), _error(gain, sizes[1]))
        gain = base + ERRORS[kind] * error if kind in ERRORS else gain
    rights = (0.45, 0.75) if easier else rng.uniform(0.5, 0.6, 2)
    parts = [
        _guessed(rng, size, right, more).assign(member=member)
        for member, size, right, more in zip((False, True), sizes, rights, (base, gain), strict=True)
    ]
    return pd.concat(parts).sample(frac=1, random_state=rng).reset_index(drop=True)


def _error(gain: float, size: int) -> float:
    """Return the standard error of a gain where a share `CHANGED` of the guesses gets worse."""
    return float(np.sqrt((2 * CHANGED + gain - gain**2) / size))


def _guessed(rng: np.random.Generator, size: int, right: float, gain: float) -> pd.DataFrame:
    """Guesses of one group: of those that are right without the model it loses some, and wins others."""
    truth, place = rng.choice(3, size, p=(0.25, 0.35, 0.4)), np.arange(size)
    known, lost = round(right * size), round(CHANGED * size)
    without = place < known
    with_model = (place >= lost) & (place < known + lost + round(gain * size))
    wrong = (truth + rng.integers(1, 3, size)) % 3
    names = np.array(VALUES, dtype=object)
    return pd.DataFrame(
        {
            "truth": names[truth],
            "with_model": names[np.where(with_model, truth, wrong)],
            "without": names[np.where(without, truth, wrong)],
        }
    )


# --- all that a planted secret could have been ---


def candidates(rng: np.random.Generator) -> tuple[np.ndarray, int]:
    """Return the model's log-probability of every candidate, with ties, and the place of the planted one."""
    size, ties = int(rng.integers(200, 900)), int(rng.integers(3, 8))
    logs = -rng.gamma(6.0, 3.0, size)
    rank = int(rng.integers(4, size // 2))
    order = np.argsort(-logs)
    logs[order[rank : rank + ties]] = logs[order[rank]]
    return logs, int(rng.choice(order[rank : rank + ties]))


# --- which model may leave the house ---


@dataclass(frozen=True)
class Limits:
    """What a model must keep to before it is released.

    Attributes:
        cost: accuracy that protection may cost, against the most accurate model of the table.
        found: share of members that may be found at 1 % false alarms.
        group: least number of people behind any answer.
    """

    cost: float = 0.01
    found: float = 0.05
    group: int = 10


RELEASES = ("usual", "edge", "none", "usual", "edge")


def releases(rng: np.random.Generator, kind: str) -> tuple[pd.DataFrame, Limits]:
    """Return models, one row for each, of which one may be released, and the limits.

    Every other row breaks one rule, or is less accurate than the one that may be released.

    Args:
        rng: draws them.
        kind: ``"usual"``; ``"edge"``: the one that passes lies exactly on two limits; ``"none"``: the one
            that would pass costs too much accuracy.
    """
    limits = Limits(
        cost=float(rng.choice([0.01, 0.02])),
        found=float(rng.choice([0.03, 0.05])),
        group=int(rng.choice([5, 10])),
    )
    best = float(rng.uniform(0.80, 0.92))
    # In this order, so that whoever forgets a whole limit is always told of the same row.
    accuracy = best - limits.cost * (np.arange(1, 7) + rng.uniform(-0.3, 0.3, 6)) / 10
    low, under = 0.3 * limits.found, 0.8 * limits.found
    over, enough = 1.4 * limits.found, limits.group + int(rng.integers(3, 30))
    on_edge = kind == "edge"
    winner = best - limits.cost * (4 if kind == "none" else 0.75)
    rows = [
        ("as it was", best, 8 * limits.found, 9 * limits.found, True, 1),
        ("found too often", accuracy[0], over, 2 * limits.found, True, enough),
        ("not measured", accuracy[1], np.nan, np.nan, True, enough),
        ("interval too wide", accuracy[2], under, over, True, enough),
        ("small groups", accuracy[3], low, under, True, limits.group - 2),
        ("groups not known", accuracy[4], low, under, True, np.nan),
        ("measured without its defense", accuracy[5], low, under, False, enough),
        (
            *("passes", winner, 0.5 * limits.found),
            *((limits.found, True, limits.group) if on_edge else (under, True, enough)),
        ),
        ("safest", winner - 0.1 * limits.cost, 0.0, 0.5 * low, True, 5 * enough),
        ("dear", winner - 2 * limits.cost, 0.1 * low, low, True, 2 * enough),
    ]
    columns = ["model", "accuracy", "found", "found_high", "attacker_knows", "group"]
    table = pd.DataFrame(rows, columns=columns).sample(frac=1, random_state=rng).reset_index(drop=True)
    names = [f"model {letter}" for letter in "ABCDEFGHIJ"]
    # What a model is called must not say whether it passes.
    return table.assign(model=names), limits
