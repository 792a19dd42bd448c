"""What the tasks of chapter 10 are checked on: pictures, attacked cases, sure answers, reasons."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from secure_ai.learn.attacked_models import AttackedModel

# --- pictures before and after an attack ---


@dataclass(frozen=True)
class PicturePair:
    """A picture before and after, and whether the change counts.

    Attributes:
        kind: what is the matter with it.
        before: (height, width) bytes.
        after: what an attack returned.
        most: grey levels by which a pixel may differ.
        counts: whether it is a picture that can be stored, and within the limit.
    """

    kind: str
    before: np.ndarray = field(repr=False)
    after: np.ndarray = field(repr=False)
    most: int
    counts: bool


def picture_pairs(rng: np.random.Generator) -> list[PicturePair]:
    """Return fresh pairs of pictures: such that count, and such that miss by one thing each."""
    found: list[PicturePair] = []

    def add(kind: str, counts: bool, after: Any, *, kept: bool = False) -> None:
        side, most = tuple(rng.integers(5, 9, 2)), int(rng.integers(3, 10))
        before = rng.integers(30, 220, side)
        made = after(before, most)
        stored = made.astype(np.uint8) if kept else made
        found.append(PicturePair(kind, before.astype(np.uint8), stored, most, counts))

    def one(before: np.ndarray, value: float) -> np.ndarray:
        after = before.astype(float)
        after[tuple(rng.integers(0, size) for size in before.shape)] = value
        return after

    def moved(before: np.ndarray, most: int, low: int = -1, high: int = 1) -> np.ndarray:
        change = rng.integers(low * most, high * most + 1, before.shape)
        change[0, 0], change[-1, -1] = low * most, high * most
        return before + change

    for _ in range(3):
        add("raised, bytes", True, lambda b, m: moved(b, m - 1, low=0), kept=True)
        add("lowered, bytes", True, lambda b, m: moved(b, m - 1, high=0), kept=True)
        add("lowered, floats", True, lambda b, m: moved(b, m - 1, high=0).astype(float))
        add("at the limit", True, lambda b, m: moved(b, m).astype(float))
        add("one pixel, far up", False, lambda b, m: b + (one(b * 0, m + int(rng.integers(1, 20)))))
        add("one pixel, far down", False, lambda b, m: b - (one(b * 0, m + int(rng.integers(1, 20)))))
        add("no whole levels", False, lambda b, m: b + rng.uniform(-m, m, b.shape))
        add("no number", False, lambda b, m: one(b, np.nan))
        add("one row only", False, lambda b, m: b[:1] * 1.0)
    # A pixel that can only be compared with its limit if the range of grey levels is looked at, too.
    for value, step in ((254, 3), (1, -3)):
        before = rng.integers(30, 220, (6, 7))
        before[2, 3] = value
        after = before.astype(float)
        after[2, 3] += step
        found.append(PicturePair("out of range", before.astype(np.uint8), after, 5, False))
    # All rows alike: NumPy compares one row with each of them, and finds no difference.
    striped = np.repeat(rng.integers(30, 220, (1, 7)), 6, axis=0)
    found.append(PicturePair("one row only", striped.astype(np.uint8), striped[:1] * 1.0, 5, False))
    before = rng.integers(30, 220, (6, 7))
    before[2, 3] = 254
    after = before.copy()
    after[2, 3] = 2
    found.append(PicturePair("wraps round", before.astype(np.uint8), after.astype(np.uint8), 5, False))
    return found


def stored_attack(network: Any, rows: np.ndarray, labels: np.ndarray, levels: int) -> pd.DataFrame:
    """Attack pictures with a change of at most ``levels`` grey levels, and store them as whole levels.

    Args:
        network: fitted on rows from 0 to 1.
        rows, labels: pictures as rows and their classes; those wrongly answered are left out.
        levels: grey levels of 255.

    Returns:
        One line for each picture: flipped (as computed), flipped_stored (rounded to whole grey levels, as a
        file holds them), flipped_noise (random change of the size), most_changed (grey levels, when stored);
        in ``attrs`` the pictures ``before``, ``computed`` and ``stored``, in grey levels.
    """
    from secure_ai.attack.gradients import Limits, projected_gradient, random_change

    right = network.predict(rows) == labels
    rows, labels = rows[right], labels[right]
    limits = Limits(0.0, 1.0)
    after = np.asarray(projected_gradient(network, rows, labels, levels / 255, limits=limits, steps=10))
    noisy = np.asarray(random_change(rows, levels / 255, limits=limits))
    stored = np.round(after * 255)
    frame = pd.DataFrame(
        {
            "flipped": network.predict(after) != labels,
            "flipped_stored": network.predict(stored / 255) != labels,
            "flipped_noise": network.predict(np.round(noisy * 255) / 255) != labels,
            "most_changed": np.abs(stored - np.round(rows * 255)).max(axis=1),
        }
    )
    frame.attrs = {"before": np.round(rows * 255), "computed": after * 255, "stored": stored}
    return frame


# --- attacked cases, answered before and after ---

ANSWERS = ("pass", "call", "stop")


def attacked_cases(rng: np.random.Generator) -> tuple[pd.DataFrame, str]:
    """Return cases and the answer that the attacker wants.

    Returns:
        Columns truth, before, after, valid, random, again; and one of :data:`ANSWERS`.
    """
    names = [str(name) for name in rng.permutation(ANSWERS)]
    goal, size = names[0], int(rng.integers(120, 200))
    truth = rng.choice(names, size, p=(0.3, 0.4, 0.3))
    before = np.where(rng.random(size) < 0.6, truth, rng.choice(names, size))
    reached = rng.random(size)
    after = np.where(reached < 0.5, goal, np.where(reached < 0.75, rng.choice(names[1:], size), before))
    valid = rng.random(size) < np.where(after == goal, 0.6, 0.8)
    # Wrongly answered cases stand near a border: they tip more easily, also by chance.
    luck = np.where(before == truth, 0.12, 0.4)
    random = np.where(rng.random(size) < luck, rng.choice(names, size), before)
    again = np.where(rng.random(size) < luck / 2, rng.choice(names, size), before)
    columns = {"truth": truth, "before": before, "after": after, "valid": valid}
    return pd.DataFrame({**columns, "random": random, "again": again}), goal


# --- how sure the model was ---


def sure_answers(rng: np.random.Generator) -> tuple[np.ndarray, float, int, int, int]:
    """Return chances of the wanted answer, its border, days, people and minutes for a case.

    Many cases have the same chance, as with models made of trees.
    """
    border = float(rng.choice([0.3, 0.6, 0.7, 0.9]))
    days, people, minutes = int(rng.integers(3, 8)), int(rng.integers(1, 4)), int(rng.choice([20, 30, 45]))
    can = people * 360 * days // minutes
    given = int(can * rng.uniform(3.2, 5.0))
    levels = np.round(np.linspace(border, 0.999, 90), 4)
    # More levels near the border, so that each slip ends elsewhere.
    above = rng.choice(levels, given)
    below = np.round(rng.uniform(0.0, border - 1e-3, int(given * rng.uniform(0.3, 0.9))), 4)
    return rng.permutation(np.concatenate([above, below])), border, days, people, minutes


# --- what an explanation found ---

FINDINGS = {
    "income": "Income insufficient for what was asked",
    "burden": "Payments too high in relation to income",
    "years_employed": "Length of employment too short",
    "delinquencies": "Past obligations paid late",
    "open_accounts": "Too many open accounts",
    "history": "Too little is known of earlier obligations",
    "visits": "Number of visits in the last year",
    "distance": "Distance to the place of service",
    "term": "Time asked for too long",
    "requests": "Number of recent requests",
}
BASES = ("age", "sex", "marital_status", "nationality")


def findings(rng: np.random.Generator) -> tuple[pd.DataFrame, list[str], int]:
    """Return what an explanation found, bases on which nobody may be refused, and how many reasons to name.

    Returns:
        Columns feature, words, contribution (positive speaks for refusal), standard_error; names of
        features; a number.
    """
    names = [str(name) for name in rng.permutation(list(FINDINGS))]
    bases = [str(name) for name in rng.permutation(BASES)]
    most = int(rng.integers(2, 4))
    size = np.sort(rng.uniform(0.02, 0.3, len(names)) + rng.uniform(0, 1e-3, len(names)))[::-1]
    error = size * rng.uniform(0.05, 0.45, len(names))
    chance = rng.random(len(names)) < 0.35
    error[chance] = size[chance] * rng.uniform(0.55, 1.2, int(chance.sum()))
    sign = np.where(rng.random(len(names)) < 0.3, -1, 1)
    rows = [
        (name, FINDINGS[name], float(s * c), float(e))
        for name, s, c, e in zip(names, sign, size, error, strict=True)
    ]
    # What a prohibited basis does: nothing beyond chance, something in favor, a little against, much against.
    role = int(rng.integers(5))
    size_of = {0: (0.04, 0.06), 1: (-0.2, 0.02), 2: (0.012, 0.001), 3: (0.4, 0.02)}
    if role in size_of:
        rows.append((bases[0], bases[0].replace("_", " ").capitalize(), *size_of[role]))
    rows = [rows[place] for place in rng.permutation(len(rows))]
    names = ["feature", "words", "contribution", "standard_error"]
    return pd.DataFrame(rows, columns=names), bases[:3], most


def refusals(attacked: AttackedModel, refused: int, *, count: int = 12) -> list[pd.DataFrame]:
    """Return what explanations find in held-out cases that were refused, one table for each, as in task 5.

    Args:
        attacked: the model that decides.
        refused: the class that means refusal.
        count: of cases.
    """
    from secure_ai.core import UserError
    from secure_ai.defend.explanations import Explanation, explain

    inputs, others = attacked.test[0], attacked.train[0]
    target = attacked.target()
    rows = inputs[target.labels(inputs) == refused].head(count)
    found = []
    for place in range(len(rows)):
        case = rows.iloc[[place]]
        told = explain(target, case, others, label=refused, method="sampled", permutations=60)
        if not isinstance(told, Explanation):
            raise UserError(told.reason)
        words = [_words(name, case[name].iloc[0], others[name]) for name in told.features]
        columns = {"feature": told.features, "words": words, "contribution": told.contributions}
        found.append(pd.DataFrame({**columns, "standard_error": told.standard_errors}))
    return found


def _words(name: str, value: Any, usual: pd.Series) -> str:
    """Return what is said of a feature: how the case differs from others, without its own value."""
    from secure_ai.defend.explanations import read_reason_texts

    text = read_reason_texts().get(name)
    plain = name.replace("_", " ").capitalize()
    if not pd.api.types.is_numeric_dtype(usual.dtype):
        return text.any if text is not None and text.any else plain
    more = value > usual.mean()
    if text is not None and text.high and text.low:
        return text.high if more else text.low
    if set(usual.unique()) <= {0, 1}:
        return f"{plain}: {'yes' if value else 'no'}"
    return f"{plain}: {'above' if more else 'below'} the average"
