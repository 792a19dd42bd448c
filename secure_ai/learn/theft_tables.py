"""What lesson 12 looks at: weights of a copy, honest work beside thieves, limits, and claims to a model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import binom

from secure_ai.attack.extraction import (
    LinearCopy,
    coefficient_error,
    fidelity,
    recombined_rows,
    steal_model,
    true_coefficients,
)
from secure_ai.attack.targets import TargetError, open_target
from secure_ai.core import Unassessed
from secure_ai.core.figures import percent
from secure_ai.core.intervals import wilson
from secure_ai.defend.extraction import AnswerComparison, days_needed, refused_share
from secure_ai.defend.ownership import OwnershipTest, make_watermark
from secure_ai.learn.theft_scenes import House, TheftCase
from secure_ai.monitor.detection import QueryWatch

HOURS = (9, 13, 17)
EACH_TIME = 14
LEVEL, FEW_QUESTIONS = 0.1, 40
TINY = 1e-6

# Turn 1: a linear model


def largest_weights(case: TheftCase, copy: LinearCopy, most: int = 6) -> pd.DataFrame:
    """Return the weightiest columns of the linear model beside those of the copy.

    A weight is per spread of the column, so that columns can be compared.

    Args:
        case: whose linear model.
        copy: found from probabilities.
        most: so many columns at most.
    """
    slopes, _ = true_coefficients(case.attacked.linear, copy, case.own)
    spread = np.array([_spread(case.own, name) for name in copy.names])
    order = np.argsort(-np.abs(slopes[0] * spread))[:most]
    rows = [
        (copy.names[place], f"{slopes[0, place]:+.9f}", f"{copy.coefficients[0, place]:+.9f}")
        for place in order
    ]
    return pd.DataFrame(rows, columns=["column", "weight in the model", "weight in the copy"])


def linear_theft(case: TheftCase, copy: LinearCopy, answer: str) -> dict[str, Any]:
    """Return what one copy of the linear model came to, as a row of a table.

    Args:
        case: whose linear model.
        copy: to judge.
        answer: what the service gave, in words.
    """
    model = open_target(case.attacked.linear, threshold=case.threshold)
    # A copy from classes has the threshold in its boundary; one from probabilities is asked at the model's.
    copied = copy.predict if not copy.scaled else open_target(copy, threshold=case.threshold).labels
    agreed = np.mean(copied(case.held_out) == model.labels(case.held_out))
    error = coefficient_error(case.attacked.linear, copy, case.own) if copy.scaled else None
    return {
        "the service gives": answer,
        "copied by": copy.method.split(" on ")[0],
        "rows asked about": copy.queries,
        "largest error of a weight": "not its size" if error is None else _small(error),
        f"same answer, of {len(case.held_out)}": percent(float(agreed)),
    }


def _small(error: float) -> str:
    return "under 0.000001" if error < TINY else f"{error:.2g}"


def honest_alerts(watch: QueryWatch, names: Sequence[str], rows: int) -> str:
    """Say how many alerts honest work raised, and how many there may be in truth.

    Args:
        watch: that was on.
        names: the honest accounts.
        rows: that they asked about.
    """
    alerts = sum(alert.actor in names for alert in watch.alerts)
    most = wilson(alerts, rows)[1]
    told = f"{alerts} alert{'s' if alerts != 1 else ''}"
    return f"On {rows:,} rows of honest work: {told}. So few rows allow for up to {percent(most)}."


def never_seen(case: TheftCase, asked: pd.DataFrame) -> float:
    """Return which share of questions hold a number that lies outside the range of all honest records."""
    numbers = case.past.select_dtypes("number").columns
    low, high = case.past[numbers].min(), case.past[numbers].max()
    return float(((asked[numbers] < low) | (asked[numbers] > high)).any(axis=1).mean())


def _spread(rows: pd.DataFrame, name: str) -> float:
    if name in rows:
        return float(rows[name].std())
    column, _, value = name.partition("=")
    return float((rows[column].astype(str) == value).std())


# Turn 3: answers, work, thieves, limits


def answers_table(compared: AnswerComparison) -> pd.DataFrame:
    """Return what each answer leaves to a thief and takes from clients, in words."""
    table = compared.table
    return pd.DataFrame(
        {
            "the service gives": table["answer"],
            "thief: same answer": [percent(share) for share in table["fidelity"]],
            "thief who adapts": [
                f"{percent(row.fidelity_adaptive)} ({percent(row.low)} to {percent(row.high)})"
                for row in table.itertuples()
            ],
            "clients: decisions changed": [percent(share) for share in table["decisions_changed"]],
            "mean error of a probability": [f"{error:.3f}" for error in table["probability_error"]],
        }
    )


def honest_work(house: House, rows: pd.DataFrame, *, days: int, seed: int = 0) -> int:
    """Let the honest accounts work: three times a day each asks about some records.

    Args:
        house: whose service is asked.
        rows: records; they are drawn without order, again from the start where they end.
        days: of work; the clock is moved on to the next morning first.
        seed: of the draws.

    Returns:
        How many records they asked about.
    """
    rng = np.random.default_rng(seed)
    ends = [house.endpoint(name) for name in house.case.scene.honest]
    morning = house.clock.now.replace(hour=0, minute=0, second=0, microsecond=0)
    order, asked = rng.permutation(len(rows)), 0
    for day in range(1, days + 1):
        for hour in HOURS:
            for place, end in enumerate(ends):
                house.clock.set(morning + timedelta(days=day, hours=hour, minutes=10 * place))
                count = int(rng.poisson(EACH_TIME)) + 1
                end.ask(rows.iloc[np.take(order, range(asked, asked + count), mode="wrap")])
                asked += count
    return asked


def demand(house: House) -> list[int]:
    """Return what the honest accounts asked about in a day, one number for each account and day.

    It comes from the audit trail alone.
    """
    totals: dict[tuple[str, str], int] = {}
    for event in house.service.audit.events:
        if event.action == "score" and event.actor in house.case.scene.honest:
            key = (event.actor, event.time[:10])
            totals[key] = totals.get(key, 0) + int(event.details["rows"])
    return list(totals.values())


def limits_table(asked: Sequence[int], limits: Sequence[int], queries: int) -> pd.DataFrame:
    """Return what a limit of rows a day refuses to honest accounts, and how long a thief then needs.

    Args:
        asked: rows of one honest account in one day each.
        limits: rows a day.
        queries: that the thief wants.
    """
    rows = [
        (
            limit,
            percent(refused_share(asked, limit)),
            days_needed(queries, limit),
            days_needed(queries, limit, principals=3),
        )
        for limit in limits
    ]
    names = [
        "rows a day, each account", "honest rows refused", f"days for {queries:,} answers",
        "days with three accounts",
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=names)


@dataclass(frozen=True)
class Thief:
    """A way to ask.

    Attributes:
        name: of the account.
        asks: in words.
        made_up: share of its questions that are rows mixed from own ones; the others are own records.
        batch, seconds: rows in one question, and the time between two.
    """

    name: str
    asks: str
    made_up: float
    batch: int
    seconds: float

    def questions(self, case: TheftCase, seed: int = 0) -> pd.DataFrame:
        """Return what the thief asks about, in order: no more own records than there are."""
        rng = np.random.default_rng(seed)
        if not self.made_up:
            return case.own
        count = len(case.own) if self.made_up < 1 else 3 * len(case.own)
        mixed = recombined_rows(case.own, count, seed=seed)
        chosen = rng.random(count) < self.made_up
        own = case.own.iloc[np.arange(count) % len(case.own)].reset_index(drop=True)
        return own.where(~pd.Series(chosen), mixed)


THIEVES = (
    Thief("hasty", "rows of its own making, one batch after the other", 1.0, 25, 10),
    Thief("patient", "rows of its own making, ten an hour", 1.0, 10, 3600),
    Thief("mixing", "own records, one in five mixed from others, ten an hour", 0.2, 10, 3600),
    Thief("genuine", "own records as they are, ten an hour", 0.0, 10, 3600),
)


def ask_until_refused(house: House, thief: Thief, *, seed: int = 0) -> pd.DataFrame:
    """Let a thief ask until its questions end or the service refuses; return the rows that were answered."""
    end, rows = house.endpoint(thief.name, batch=thief.batch), thief.questions(house.case, seed)
    for start in range(0, len(rows), thief.batch):
        house.clock.advance(seconds=thief.seconds)
        try:
            end.ask(rows.iloc[start : start + thief.batch])
        except TargetError:
            return rows.iloc[:start]
    return rows


def taken_home(case: TheftCase, rows: pd.DataFrame, *, seed: int = 0) -> str:
    """Return how often a copy learned from the answers to ``rows`` agrees with the model, in words."""
    target = case.attacked.target()
    # A fifth of the questions of `steal_model` goes into checking that the model does not contradict itself.
    budget = max(-(-len(rows) * 5 // 4), 50)
    try:
        copy = steal_model(
            target,
            rows,
            budget=budget,
            kind="trees",
            active=False,
            recombine=False,
            checkpoints=(),
            seed=seed,
        )
    except TargetError:
        return "too little to learn from"
    found = fidelity(target, copy, case.held_out)
    low, high = found.interval
    return f"{percent(found.value)} ({percent(low)} to {percent(high)})"


def thieves_table(
    case: TheftCase, answered: dict[str, pd.DataFrame], watch: QueryWatch, *, seed: int = 0
) -> pd.DataFrame:
    """Return what became of each thief: rows answered, the alert, and what was taken home.

    Args:
        case: whose model.
        answered: rows that were answered, by thief.
        watch: that was on.
        seed: of the copies.
    """
    rows = []
    for thief in THIEVES:
        first = watch.asked(thief.name).first_alert
        rows.append(
            (
                thief.name, thief.asks, len(answered[thief.name]),
                "no alert" if first is None else f"at row {first:,}",
                taken_home(case, answered[thief.name], seed=seed),
            )
        )  # fmt: skip
    names = ["thief", "asks about", "rows answered", "noticed", f"same answer, of {len(case.held_out)}"]
    return pd.DataFrame(rows, columns=names)


# Turn 4: whose model is it


def claims_table(tests: Mapping[str, OwnershipTest | Unassessed]) -> pd.DataFrame:
    """Return what an ownership test says of each suspect.

    Args:
        tests: by suspect.
    """
    rows = []
    for suspect, test in tests.items():
        if isinstance(test, Unassessed):
            rows.append((suspect, "not assessed", "", "", test.reason))
            continue
        verdict = "may be claimed" if test.claimed else "no proof"
        matched = f"{test.matches:,} of {test.questions:,}"
        rows.append((suspect, matched, percent(test.by_chance), in_how_many(test.p_value), verdict))
    names = ["suspect", "answers as foretold", "usual by chance", "so many by chance", "verdict"]
    return pd.DataFrame(rows, columns=names)


def in_how_many(probability: float) -> str:
    """Return a probability as people say it.

    >>> in_how_many(0.42), in_how_many(0.0123), in_how_many(3.1e-5), in_how_many(1e-20)
    ('42%', '1 in 80', '1 in 30,000', 'under 1 in a million')
    """
    if probability < TINY:
        return "under 1 in a million"
    if probability >= 0.1:
        return percent(probability)
    times = 1 / probability
    digits = len(str(int(times))) - 1
    return f"1 in {round(times, -digits):,.0f}"


def claims_with_other_keys(case: TheftCase, model: Any, key: bytes, keys: int = 50) -> int:
    """Return how many of so many keys claim a model that none of them marked, at a level of 1 in 10.

    Args:
        case: whose rows the questions are made of.
        model: of somebody else.
        key: that the keys are made of.
        keys: how many.
    """
    marks = [
        make_watermark(key + bytes([number]), case.own, [0, 1], questions=FEW_QUESTIONS)
        for number in range(keys)
    ]
    given = open_target(model).labels(pd.concat([mark.rows for mark in marks], ignore_index=True))
    parts = np.split(given, np.cumsum([len(mark) for mark in marks])[:-1])
    matches = [int(np.sum(part == mark.labels)) for part, mark in zip(parts, marks, strict=True)]
    return int(np.sum(binom.sf(np.array(matches) - 1, len(marks[0]), 0.5) <= LEVEL))
