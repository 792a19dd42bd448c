"""What the tasks of chapter 12 are checked on: a linear owner, a copy, a thief at work, curves, claims."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta

import numpy as np
import pandas as pd

# --- a linear owner ---


@dataclass(frozen=True)
class LinearOwner:
    """A linear model of random coefficients, and what it answered a thief.

    Attributes:
        rows: (rows, columns) what it was asked.
        answers: (rows,) its probabilities of yes.
        intercept: of its log odds.
        weights: (columns,) of its log odds.
    """

    rows: np.ndarray
    answers: np.ndarray
    intercept: float
    weights: np.ndarray


def linear_owner(rng: np.random.Generator, *, more: int = 0, certain: int = 0) -> LinearOwner:
    """Return an owner that was asked about one row more than it has columns, and ``more`` besides.

    Args:
        rng: draws model and rows.
        more: further rows.
        certain: still further rows, so far out that the answer is exactly 0 or 1.
    """
    columns = int(rng.integers(3, 6))
    spread, middle = 10.0 ** rng.integers(0, 4, columns), rng.uniform(-1, 1, columns)
    standard = rng.normal(size=(1, columns))
    while len(standard) < columns + 1 or np.linalg.cond(_with_one(standard)) > 30:
        standard = rng.normal(size=(columns + 1 + more, columns))
    weights = rng.uniform(0.4, 1.2, columns) * rng.choice([-1, 1], columns) / spread
    intercept = float(rng.uniform(0.4, 1.2) * rng.choice([-1, 1]))
    far = 2e3 * rng.choice([-1, 1], (certain, 1)) * np.sign(weights) * rng.uniform(0.5, 1, (certain, columns))
    rows = rng.permutation(np.vstack([standard + middle, far])) * spread
    odds = np.clip(intercept + rows @ weights, -700, 700)
    answers = 1 / (1 + np.exp(-odds))
    answers[odds < -50] = 0.0
    return LinearOwner(rows, answers, intercept, weights)


def _with_one(rows: np.ndarray) -> np.ndarray:
    return np.column_stack([np.ones(len(rows)), rows])


# --- a copy beside its original ---

CLASSES = ("accept", "call", "decline", "refer", "review")


def judged_answers(rng: np.random.Generator) -> pd.DataFrame:
    """Return answers of a model and a copy: columns ``model``, ``copy``, ``truth``, ``asked``.

    What the thief had asked about, the copy repeats by heart.
    """
    names = rng.permutation(CLASSES)[: int(rng.integers(2, 4))]
    frequent, others = names[0], names[1:]
    size = int(rng.integers(150, 250))
    model = np.where(rng.random(size) < rng.uniform(0.7, 0.85), frequent, rng.choice(others, size))
    # The truth and the copy lean to other classes than the model does, so that baselines can be told apart.
    truth = np.where(rng.random(size) < 0.45, model, rng.choice(others, size))
    copy = np.where(rng.random(size) < rng.uniform(0.55, 0.8), model, rng.choice(names, size))
    asked = rng.random(size) < np.where(model == frequent, 0.1, 0.55)
    copy = np.where(asked, model, copy)
    return pd.DataFrame({"model": model, "copy": copy, "truth": truth, "asked": asked})


# --- a thief in the middle of its work ---


@dataclass(frozen=True)
class HalfLearned:
    """What a thief knows after some questions.

    Attributes:
        chance: (rows,) the probability of yes that the copy so far gives to each row that could be asked.
        asked: (rows,) whether the model was asked about it already.
        threshold: probability from which the model says yes.
        count: how many questions to ask next.
    """

    chance: np.ndarray
    asked: np.ndarray
    threshold: float
    count: int


def half_learned(rng: np.random.Generator, threshold: float, *, scarce: bool = False) -> HalfLearned:
    """Return a copy's probabilities, no two of them equally far from the threshold.

    Args:
        rng: draws them.
        threshold: probability from which the model says yes.
        scarce: let fewer rows be left than are wanted.
    """
    size, count = int(rng.integers(60, 120)), int(rng.integers(5, 10))
    chance = rng.permutation(np.linspace(0.003, 0.991, size)) + rng.uniform(0, 1e-4, size)
    near = np.argsort(np.abs(chance - threshold))
    asked = rng.random(size) < 0.3
    asked[near[: 2 * count : 2]] = True
    if scarce:
        asked[:] = True
        asked[rng.permutation(size)[: count - 2]] = False
    return HalfLearned(chance, asked, threshold, count)


# --- limits and answers ---


@dataclass(frozen=True)
class Thief:
    """Whom a limit is set against.

    Attributes:
        days: how long it goes unnoticed.
        accounts: how many it has.
    """

    days: int
    accounts: int


@dataclass(frozen=True)
class Most:
    """What must not be passed.

    Attributes:
        fidelity: that no copy may reach.
        refused: share of honest rows that may be refused.
    """

    fidelity: float
    refused: float


@dataclass(frozen=True)
class Situation:
    """What is known when limit and answer are decided.

    Attributes:
        curves: for each answer, the one that serves clients best first: columns ``queries``, ``fidelity``.
        demand: rows that honest clients ask about, one number for each client and day.
        thief: time and accounts.
        most: what is allowed.
    """

    curves: dict[str, pd.DataFrame] = field(repr=False)
    demand: np.ndarray
    thief: Thief
    most: Most

    def arguments(self) -> tuple[dict[str, pd.DataFrame], np.ndarray, Thief, Most]:
        """Return everything in the order of the fields."""
        return self.curves, self.demand, self.thief, self.most


ANSWERS = ("probability", "1 decimal", "label")
CASES = ("first", "second", "third", "none", "never reached", "dip", "at once", "few clients")


def situation(kind: str, rng: np.random.Generator) -> Situation:
    """Return a situation whose solution is known by its kind.

    Args:
        kind: ``"first"``, ``"second"``, ``"third"`` or ``"none"``: which answer is the first that will do;
            ``"never reached"``: it is the first, and its curve ends below; ``"dip"``: the first, and its
            curve falls below again after it was above; ``"at once"``: none, every curve begins above;
            ``"few clients"``: the first, and many clients are refused a few of their rows.
        rng: draws the rest.
    """
    days, accounts = int(rng.integers(4, 9)), int(rng.integers(2, 5))
    need = 2 * int(rng.integers(15, 30))  # the limit that honest clients need
    most = float(rng.uniform(0.86, 0.94))
    steps = np.arange(1, 10) * days * accounts * need
    late = {"queries": steps // 2 + rng.integers(3, days * accounts - 1, 9), "below": 4}
    soon = {"queries": steps // 40 + np.arange(9), "below": 2}

    def curve(queries: np.ndarray, below: int, *, dip: bool = False) -> pd.DataFrame:
        """A curve that passes ``most`` after its first ``below`` points."""
        low = np.sort(rng.uniform(0.6, most - 0.02, below))
        high = np.sort(rng.uniform(most + 0.01, 0.99, len(queries) - below))
        fidelity = np.concatenate([low, high])
        if dip:
            fidelity[-1] = most - 0.01
        return pd.DataFrame({"queries": queries, "fidelity": fidelity})

    shapes = {
        "second": (soon, late, late),
        "third": (soon, soon, late),
        "none": (soon, soon, soon),
        "never reached": (late | {"below": 9}, late, late),
        "dip": (late | {"dip": True}, late, late),
        "at once": (late | {"below": 0},) * 3,
    }
    curves = [curve(**shape) for shape in shapes.get(kind, (late, late, late))]
    demand = rng.integers(need // 2, need + 1, 60)
    if kind == "few clients":
        # The limit of this curve is 2 * need: a third of the clients ask about a little more.
        demand[:20] = 2 * need + rng.integers(2, 4, 20)
    return Situation(dict(zip(ANSWERS, curves, strict=True)), demand, Thief(days, accounts), Most(most, 0.05))


# --- whose model is it? ---


@dataclass(frozen=True)
class Claim:
    """What somebody puts forward who says that a model is a copy of his.

    Attributes:
        drawn: the answers that he foretold to his secret questions.
        given: what the suspect model answered.
        classes: what the model tells apart; each foretold answer is a blind draw from them.
        tested: how many models of other people he has asked in all, this one included.
        committed: the day on which he published the checksum of his questions and answers.
        released: the day from which anybody could ask the suspect.
    """

    drawn: np.ndarray = field(repr=False)
    given: np.ndarray = field(repr=False)
    classes: tuple[str, ...]
    tested: int
    committed: date
    released: date


def claim(
    rng: np.random.Generator, *, matches: int, questions: int = 60, classes: int = 2, tested: int = 1,
    days_before: int = 90,
) -> Claim:  # fmt: skip
    """Return a claim in which so many answers are as foretold."""
    names = tuple(rng.permutation(CLASSES)[:classes].tolist())
    codes = rng.integers(classes, size=questions)
    other = (codes + rng.integers(1, classes, questions)) % classes
    hit = np.zeros(questions, dtype=bool)
    hit[rng.permutation(questions)[:matches]] = True
    released = date(2026, 1, 1) + timedelta(days=int(rng.integers(300)))
    pick = np.array(names)
    return Claim(
        pick[codes], pick[np.where(hit, codes, other)], names, tested,
        released - timedelta(days=days_before), released,
    )  # fmt: skip
