"""What the tasks of chapters 18 and 19 are checked on: small random cases, and the record of a decision."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from secure_ai.learn.capstones.attack_day import ATTACKS, Result
from secure_ai.learn.capstones.capstone import Check, Outcome
from secure_ai.learn.capstones.scenario import scenario
from secure_ai.learn.engine import CheckResult, attempt, correct, incorrect

LEVELS = ("low", "medium", "high", "critical")
NAMES = ("backups", "drill", "filter", "limit", "seal", "tokens", "training", "watch")
DECISION_KIND = "this is no outcome of a capstone."
DECISION_BUDGET = "the choice costs more than the budget, in points or in hours."
DECISION_CHECK = "a threshold is not met: security and usefulness both count."
DECISION_ATTACK = "an attack that must not come through did, or too many did."
DECISION_OTHER = "this is the outcome of another capstone."


@dataclass(frozen=True)
class SmallFinding:
    """A finding in short: id, level, figure and threshold."""

    id: str
    level: str
    value: float
    threshold: float


@dataclass(frozen=True)
class SmallResult:
    """One attack in short: what came of it, and which controls would have helped."""

    attack: str
    state: str
    would_have: tuple[str, ...]


def budget_case(rng: np.random.Generator) -> tuple[Any, ...]:
    """Return a choice, prices, and a budget near what the choice costs."""
    prices = {name: (int(rng.integers(2, 20)), int(rng.integers(1, 9))) for name in NAMES}
    chosen = list(rng.choice(NAMES, size=int(rng.integers(1, 6))))
    sums = [sum(prices[name][part] for name in set(chosen)) for part in (0, 1)]
    points, hours = (max(0, total + int(rng.choice([-3, 0, 0, 4]))) for total in sums)
    return [str(name) for name in chosen], prices, points, hours


def findings_case(rng: np.random.Generator) -> tuple[Any, ...]:
    """Return a few findings, some of which nobody measured."""
    ids = rng.permutation(NAMES)[: int(rng.integers(1, 6))]
    few = rng.choice((*LEVELS, "unassessed"), size=int(rng.integers(1, 4)))
    return (
        [
            SmallFinding(
                str(name),
                str(rng.choice(few)),
                round(float(rng.uniform()), 3),
                round(float(rng.uniform()), 3),
            )
            for name in ids
        ],
    )


def change_case(rng: np.random.Generator) -> tuple[Any, ...]:
    """Return what came of some attacks, prices, and what is left of the budget."""
    prices = {name: int(rng.integers(2, 8)) for name in NAMES}
    offered = rng.permutation(NAMES)[:4]
    results = [
        SmallResult(
            f"attack {number}",
            str(rng.choice(["stopped", "noticed", "succeeded", "succeeded"])),
            tuple(str(name) for name in rng.permutation(offered)[: int(rng.integers(0, 4))]),
        )
        for number in range(int(rng.integers(1, 6)))
    ]
    return results, prices, int(rng.integers(1, 9))


def limits_case(rng: np.random.Generator) -> tuple[Any, ...]:
    """Return figures, some of them missing or not measured, and thresholds on either side."""
    limits, figures = {}, {}
    for name in rng.permutation(NAMES)[: int(rng.integers(2, 6))]:
        bound = round(float(rng.uniform()), 2)
        limits[str(name)] = (str(rng.choice(["at most", "at least"])), bound)
        kind = rng.integers(6)
        if kind == 0:
            continue
        figures[str(name)] = None if kind == 1 else bound if kind == 2 else round(float(rng.uniform()), 2)
    return figures, limits


def effects_case(rng: np.random.Generator) -> tuple[Any, ...]:
    """Return figures before and after, and which way is better."""
    sides, before, after = {}, {}, {}
    for name in map(str, rng.permutation(NAMES)[: int(rng.integers(2, 6))]):
        sides[name] = str(rng.choice(["at most", "at least"]))
        before[name] = round(float(rng.uniform()), 2)
        moved = before[name] + float(rng.choice([0, -0.005, 0.005, -0.01, 0.01, -0.3, 0.3]))
        after[name] = None if rng.integers(6) == 0 else round(moved, 3)
    return before, after, sides


def holds_case(rng: np.random.Generator) -> tuple[Any, ...]:
    """Return what came of some attacks, which of them must hold, and how many may come through."""
    states = ("stopped", "noticed", "succeeded")
    weights = (0.5, 0.2, 0.3)
    names = [f"attack {number}" for number in range(int(rng.integers(2, 6)))]
    results = [SmallResult(name, str(rng.choice(states, p=weights)), ()) for name in names]
    must = [str(name) for name in rng.permutation(names)[: int(rng.integers(0, 3))]]
    return results, must, int(rng.integers(0, 3))


def example_outcome(
    name: str, chosen: tuple[str, ...], *, missed: str = "", through: tuple[str, ...] = ()
) -> Outcome:
    """Return the record of a decision with the outcomes that are said, for the tests of a check."""
    case = scenario(name)
    points, hours = case.cost(chosen)
    checks = tuple(Check(one, limit.words, 0.0, "", one != missed) for one, limit in case.limits.items())
    attacks = tuple(
        Result(one, ATTACKS[one].title, "succeeded" if one in through else "stopped", "", ())
        for one in case.attacks
    )
    return Outcome(chosen, points, hours, case.affordable(chosen), checks, attacks, won=True)


def judge_decision(value: Any, name: str) -> CheckResult:
    """Judge the outcome of a capstone by what stands in it, not by what it says of itself."""
    if callable(value):
        value = attempt(value)
    if not isinstance(value, Outcome):
        return incorrect(DECISION_KIND, "Hand in what `capstone.decide(my_choice, seed=seed)` returns.")
    case = scenario(name)
    measured, attacked = [one.measure for one in value.checks], {one.attack for one in value.attacks}
    if measured != list(case.limits) or attacked != set(case.attacks):
        return incorrect(DECISION_OTHER, "Decide with the `capstone` of this chapter.")
    if not case.affordable(value.chosen):
        return incorrect(DECISION_BUDGET, "Leave out what another control does as well.")
    if not all(one.met for one in value.checks):
        return incorrect(DECISION_CHECK, "Look for 'not met' in `checks_table(outcome)`.")
    through = {one.attack for one in value.attacks if not one.held}
    if through & set(case.must_hold) or len(through) > case.may_succeed:
        return incorrect(DECISION_ATTACK, "`attacks_table(capstone, outcome)` says what would have helped.")
    return correct("The thresholds are met, the attack day was survived, and it fits the budget.")
