"""Work that goes on without the model: a rule or a queue by hand, measured in cases, minutes and "
"what is missed."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from secure_ai.core.errors import UserError
from secure_ai.core.intervals import wilson
from secure_ai.core.sources import shown

Rule = str | Callable[[pd.DataFrame], object]
MODEL, RULE, ARRIVAL = "with the model", "fallback rule", "in order of arrival"


@dataclass(frozen=True, slots=True)
class WayOfWorking:
    """How the queue went in one way of working.

    Attributes:
        way: "with the model", "fallback rule" or "in order of arrival".
        cases, handled: how many came, and how many somebody looked at before the outage ended.
        cases_that_matter, reached: so many are cases of the target, and so many of them were reached.
        share_reached, low, high: with Wilson's 95% interval.
        staff_minutes: minutes of work spent.
        minutes_per_reached: of them for each case that mattered.
        median_wait: minutes from arrival until somebody looked, of the cases that mattered and were reached.
    """

    way: str
    cases: int
    handled: int
    cases_that_matter: int
    reached: int
    share_reached: float
    low: float
    high: float
    staff_minutes: float
    minutes_per_reached: float
    median_wait: float


@dataclass(frozen=True)
class ModelDown:
    """Ways of working side by side during an outage of the model."""

    hours: float
    reviewers: int
    minutes_per_case: float
    ways: tuple[WayOfWorking, ...]

    def to_frame(self) -> pd.DataFrame:
        """Return one row a way: the fields of :class:`WayOfWorking`."""
        return pd.DataFrame(
            [{name: getattr(one, name) for name in WayOfWorking.__slots__} for one in self.ways]
        )

    def sentence(self) -> str:
        """Say what the fallback keeps, and what it costs."""
        by = {one.way: one for one in self.ways}
        rule, arrival = by[RULE], by[ARRIVAL]
        said = (
            f"In {self.hours:g} hours {rule.handled:,} of {rule.cases:,} cases are looked at by "
            f"{self.reviewers} people; "
            f"by the fallback rule {rule.reached} of {rule.cases_that_matter} that matter are "
            f"reached, in order of "
            f"arrival {arrival.reached}"
        )
        if MODEL not in by:
            return said + "."
        model = by[MODEL]
        extra = rule.minutes_per_reached - model.minutes_per_reached
        more = f"{extra:.0f} more" if extra >= 0 else f"{-extra:.0f} fewer"
        return f"{said}, with the model {model.reached}: without it each costs {more} minutes of work."


def model_down(
    cases: pd.DataFrame,
    target: str,
    *,
    rule: Rule,
    model_score: str | None = None,
    hours: float = 8.0,
    reviewers: int = 2,
    minutes_per_case: float = 12.0,
    seed: int = 0,
) -> ModelDown:
    """Let a day's cases arrive while the model is down, and measure what people still reach.

    Cases arrive evenly spread in a random order over the outage. Whoever is free takes the waiting case of
    the highest priority: by the model's score, by the fallback rule, or the one that has waited longest.

    Args:
        cases: one case a row, with the truth.
        target: the column of what matters: 0 and 1, or no and yes.
        rule: a column, or a function of ``cases`` that returns a priority for each: what people can apply
            without the model.
        model_score: the column with the model's score, for comparison; None if there is none.
        hours: how long the model is down.
        reviewers: how many people work on the queue.
        minutes_per_case: what a case takes a person.
        seed: for the order of arrival.

    Returns:
        The ways of working; each handles as many cases as people can, so that only the choice differs.

    Raises:
        UserError: if a column is missing, the target is not yes and no, a priority is not a number, there are
            no cases, or a figure is not positive.
    """
    matters = _checked(cases, target, hours, reviewers, minutes_per_case)
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(cases))
    arrivals = np.empty(len(cases))
    arrivals[order] = np.linspace(0.0, hours * 60, len(cases), endpoint=False)
    priorities = {RULE: _priority(cases, rule, "rule"), ARRIVAL: -arrivals}
    if model_score is not None:
        priorities = {MODEL: _priority(cases, model_score, "model_score"), **priorities}
    ways = tuple(
        _way(
            way,
            _queue(priority, arrivals, hours * 60, reviewers, minutes_per_case),
            arrivals,
            matters,
            minutes_per_case,
        )
        for way, priority in priorities.items()
    )
    return ModelDown(float(hours), reviewers, float(minutes_per_case), ways)


def _checked(
    cases: pd.DataFrame, target: str, hours: float, reviewers: int, minutes_per_case: float
) -> np.ndarray:
    if not isinstance(cases, pd.DataFrame) or cases.empty:
        raise UserError("There are no cases: give a table with one case a row.")
    if target not in cases.columns:
        raise UserError(
            f"The cases have no column '{shown(str(target))}': there are "
            f"{', '.join(map(str, cases.columns[:12]))}."
        )
    if isinstance(reviewers, bool) or not isinstance(reviewers, int) or not 1 <= reviewers <= 10_000:
        raise UserError("reviewers is how many people work on the queue: a whole number of 1 or more.")
    if not (np.isfinite(hours) and 0 < hours <= 10_000):
        raise UserError("hours is how long the model is down: more than 0.")
    if not (np.isfinite(minutes_per_case) and 0 < minutes_per_case <= 10_000):
        raise UserError("minutes_per_case is what a case takes a person: more than 0.")
    values = cases[target]
    if values.isna().any() or not set(values.unique()) <= {0, 1}:
        raise UserError(f"The column '{shown(target)}' is not yes and no (0 and 1) for every case.")
    return values.to_numpy().astype(bool)


def _priority(cases: pd.DataFrame, given: Rule, what: str) -> np.ndarray:
    if isinstance(given, str):
        if given not in cases.columns:
            raise UserError(f"The cases have no column '{shown(given)}' ({what}).")
        values = cases[given]
    else:
        try:
            values = given(cases)
        except Exception:
            raise UserError(f"The {what} fails on these cases: try it on the table first.") from None
    try:
        numbers = np.asarray(values, dtype=float)
    except (TypeError, ValueError):
        raise UserError(f"The {what} gives no numbers: a priority is a number, higher is sooner.") from None
    if numbers.shape != (len(cases),) or not np.isfinite(numbers).all():
        raise UserError(f"The {what} gives no finite number for every case.")
    return numbers


def _way(
    way: str, looked_at: dict[int, float], arrivals: np.ndarray, matters: np.ndarray, minutes: float
) -> WayOfWorking:
    reached = [case for case in looked_at if matters[case]]
    waits = [looked_at[case] - arrivals[case] for case in reached]
    total, spent = int(matters.sum()), len(looked_at) * minutes
    low, high = wilson(len(reached), total)
    return WayOfWorking(
        way=way,
        cases=len(arrivals),
        handled=len(looked_at),
        cases_that_matter=total,
        reached=len(reached),
        share_reached=len(reached) / total if total else float("nan"),
        low=float(low),
        high=float(high),
        staff_minutes=float(spent),
        minutes_per_reached=spent / len(reached) if reached else float("inf"),
        median_wait=float(np.median(waits)) if waits else float("nan"),
    )


def _queue(
    priority: np.ndarray, arrivals: np.ndarray, length: float, reviewers: int, minutes: float
) -> dict[int, float]:
    """Return case → when somebody began with it; only what is finished before the end counts."""
    coming = np.argsort(arrivals, kind="stable")
    free = [0.0] * reviewers
    waiting: list[tuple[float, float, int]] = []
    begun: dict[int, float] = {}
    following = 0
    while True:
        now = heapq.heappop(free)
        while following < len(coming) and arrivals[coming[following]] <= now:
            case = int(coming[following])
            heapq.heappush(waiting, (-priority[case], arrivals[case], case))
            following += 1
        if not waiting:
            if following >= len(coming):
                return begun
            heapq.heappush(free, float(arrivals[coming[following]]))
            continue
        if now + minutes > length:
            return begun
        case = heapq.heappop(waiting)[2]
        begun[case] = now
        heapq.heappush(free, now + minutes)
