"""What the lab of chapter 12 looks at: thefts, limits and claims tried on the models of the lesson."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from secure_ai.learn.theft_cases import ANSWERS, Claim

if TYPE_CHECKING:
    from secure_ai.learn.theft_scenes import TheftCase

Chooser = Callable[[np.ndarray, float, np.ndarray, int], Any]
FIRST, ROUND, ROUNDS, POOL = 60, 60, 5, 1_500
SMALLEST, WANTED = 1e-6, 1_000


def linear_questions(case: TheftCase, spare: int = 0, *, seed: int = 0) -> tuple[np.ndarray, np.ndarray, Any]:
    """Return what a thief asks the linear model about, as numbers, and what it answers.

    Args:
        case: whose model; who owns which rows.
        spare: questions beyond one more than there are columns.
        seed: of the questions.

    Returns:
        (rows, columns) numbers, in which each category but the first has a column of 0 and 1; (rows,)
        probabilities of yes; and the function that makes such numbers of rows.
    """
    from secure_ai.attack.extraction import InputCoder, recombined_rows
    from secure_ai.attack.extraction.linear import independent_rows, with_one

    pool = pd.concat([case.own, recombined_rows(case.own, POOL, seed=seed)], ignore_index=True)
    coder = InputCoder(case.own, drop_first=True)
    coded = coder(pool)
    places = independent_rows(with_one(coded), coded.shape[1] + 1 + spare, seed)
    answers = case.attacked.linear.predict_proba(pool.iloc[places])[:, 1]
    return coded[places], answers, coder


def linear_agreement(case: TheftCase, coder: Any, found: np.ndarray) -> float:
    """Return on which share of the rows held out a linear copy decides as the linear model.

    Args:
        case: whose model.
        coder: makes numbers of rows.
        found: intercept and weights of the copy.
    """
    odds = found[0] + coder(case.held_out) @ found[1:]
    truth = case.attacked.linear.predict_proba(case.held_out)[:, 1] >= case.threshold
    return float(np.mean((odds >= _odds(case.threshold)) == truth))


def judged_copy(case: TheftCase, *, budget: int = 400, seed: int = 0) -> pd.DataFrame:
    """Let a thief copy the model from classes alone, and return what both answer.

    Returns:
        Columns ``model``, ``copy``, ``truth`` (in words) and ``asked``, for the rows held out and for those
        that the thief asked about, whose truth nobody knows.
    """
    from secure_ai.attack.extraction import steal_model

    target = case.attacked.target()
    copy = steal_model(
        target, case.own, budget=budget, answer="labels", kind="trees", checkpoints=(budget,), seed=seed
    )
    words = np.array([case.attacked.story.no, case.attacked.story.yes])
    known = copy.transcript.rows()
    parts = (
        (case.held_out, words[case.truth], False),
        (known, np.full(len(known), "not known"), True),
    )
    return pd.concat(
        [
            pd.DataFrame(
                {
                    "model": words[case.attacked.target().labels(rows)],
                    "copy": words[copy.predict(rows)],
                    "truth": truth,
                    "asked": asked,
                }
            )
            for rows, truth, asked in parts
        ],
        ignore_index=True,
    )


def copy_by_questions(case: TheftCase, choose: Chooser, *, seed: int = 0) -> tuple[pd.DataFrame, np.ndarray]:
    """Let a thief learn from probabilities, in rounds, and choose each round's questions.

    Args:
        case: whose model; who owns which rows.
        choose: gets the copy's probabilities of yes, the model's threshold, what was asked and a number, and
            returns positions.
        seed: of the first questions, which are drawn, and of the learner.

    Returns:
        Columns ``queries`` and ``agreement`` with the model on rows held out; and what the model answered to
        the questions that were chosen.
    """
    from sklearn.ensemble import ExtraTreesRegressor
    from threadpoolctl import threadpool_limits

    from secure_ai.attack.extraction import InputCoder, recombined_rows

    target, threshold = case.attacked.target(), case.threshold
    rng = np.random.default_rng(seed)
    pool = recombined_rows(case.own, POOL, seed=rng)
    coder = InputCoder(case.own)
    coded, judged = coder(pool), coder(case.held_out)
    truth = case.attacked.target().labels(case.held_out)
    places = rng.permutation(len(pool))[:FIRST]
    asked, answers, points = np.zeros(0, dtype=int), np.zeros(0), []
    with threadpool_limits(1):
        for turn in range(ROUNDS + 1):
            asked = np.concatenate([asked, places])
            answers = np.concatenate([answers, target.probabilities(pool.iloc[places])[:, 1]])
            copy = ExtraTreesRegressor(30, max_features=0.3, random_state=seed)
            copy.fit(coded[asked], _odds(answers))
            agreement = np.mean((copy.predict(judged) >= _odds(threshold)) == truth)
            points.append((target.queries, float(agreement)))
            if turn < ROUNDS:
                chance = 1 / (1 + np.exp(-copy.predict(coded)))
                known = np.isin(np.arange(len(pool)), asked)
                places = np.asarray(choose(chance, threshold, known, ROUND))
    return pd.DataFrame(points, columns=["queries", "agreement"]), answers[FIRST:]


def at_random(seed: int) -> Chooser:
    """Return a thief that draws its questions."""
    rng = np.random.default_rng(seed)
    return lambda chance, threshold, asked, count: rng.permutation(np.flatnonzero(~asked))[:count]


def _odds(chance: Any) -> Any:
    clipped = np.clip(chance, SMALLEST, 1 - SMALLEST)
    return np.log(clipped / (1 - clipped))


def honest_demand(seed: int, *, clients: int = 40, days: int = 20) -> np.ndarray:
    """Return simulated rows a day of honest clients, one number for each client and day.

    Most ask about a handful; a few large ones about some dozens.
    """
    rng = np.random.default_rng(seed)
    usual = np.clip(rng.lognormal(2.0, 0.6, clients), 1, 30)
    return rng.poisson(np.repeat(usual, days))


def fidelity_curves(case: TheftCase, *, budget: int = 800, seed: int = 0) -> dict[str, pd.DataFrame]:
    """Let a thief copy the model behind each answer, and return fidelity against queries for each.

    A thief who gets more than the class may learn from the class alone: of the two the better one counts.
    """
    from secure_ai.access.scoring import AnswerPolicy
    from secure_ai.attack.extraction import steal_model
    from secure_ai.attack.targets import open_target
    from secure_ai.defend.extraction import GuardedModel

    given = AnswerPolicy(), AnswerPolicy("rounded", 1), AnswerPolicy("label")
    truth = case.attacked.target().labels(case.held_out)
    found = {}
    for name, policy in zip(ANSWERS, given, strict=True):
        guarded = GuardedModel(case.attacked.target(), policy, threshold=case.threshold)
        points: list[tuple[int, float]] = []
        steal_model(
            open_target(guarded, threshold=case.threshold), case.own, budget=budget, kind="trees",
            checkpoints=(100, 200, 400), seed=seed,
            on_checkpoint=lambda copy, points=points: points.append(
                (copy.queries, float(np.mean(copy.predict(case.held_out) == truth)))
            ),
        )  # fmt: skip
        found[name] = pd.DataFrame(points, columns=["queries", "fidelity"])
    for curve in found.values():
        curve["fidelity"] = np.maximum(curve["fidelity"], found["label"]["fidelity"])
    return found


def behind_limit(
    case: TheftCase, policy: tuple[str, int] | None, days: int, demand: np.ndarray
) -> pd.DataFrame:
    """Run the scoring service for some days under a policy, and return what each account got.

    Args:
        case: whose model.
        policy: the answer that each account gets, and its rows a day; None for probabilities and no limit.
        days: how long the thief goes unnoticed; it wants 1,000 rows in that time.
        demand: rows that the first honest account asks about, one number for each day.

    Returns:
        Columns ``account``, ``rows wanted``, ``rows answered``.
    """
    from secure_ai.access.scoring import RateLimit
    from secure_ai.attack.extraction import recombined_rows
    from secure_ai.attack.targets import TargetError
    from secure_ai.learn.theft_scenes import PLENTY, account, open_house

    answer, most = policy or (ANSWERS[0], max(WANTED, int(max(demand))))
    limit = PLENTY if policy is None else RateLimit(most, most)
    wanted = {
        case.scene.thief: np.full(days, WANTED // days),
        case.scene.honest[0]: np.asarray(demand[:days]),
    }
    with open_house(case, [account(case, name, answer, limit=limit) for name in wanted]) as house:
        asking = {name: house.endpoint(name) for name in wanted}
        for day in range(days):
            for name, rows in wanted.items():
                if most and rows[day]:
                    with suppress(TargetError):
                        asking[name].ask(recombined_rows(case.own, min(rows[day], most), seed=day))
            house.clock.advance(hours=25)
        usage = house.service.usage().set_index("account")["rows answered"]
    return pd.DataFrame(
        [(name, int(rows.sum()), int(usage[name])) for name, rows in wanted.items()],
        columns=["account", "rows wanted", "rows answered"],
    )


@dataclass(frozen=True)
class Suspects:
    """Models that may be the owner's, and the owner's secret questions.

    Attributes:
        models: by what they are.
        watermark: questions and answers that the owner's key drew.
    """

    models: Mapping[str, Any] = field(repr=False)
    watermark: Any = field(repr=False)


def suspects(case: TheftCase, key: bytes, *, questions: int = 40, seed: int = 0) -> Suspects:
    """Train the owner's model with a watermark, let it be stolen by its answers, and add models of others."""
    from threadpoolctl import threadpool_limits

    from secure_ai.attack.extraction import steal_model
    from secure_ai.attack.targets import open_target
    from secure_ai.defend.ownership import make_watermark, train_marked
    from secure_ai.learn.attacked_models import boosting

    inputs, outcome = case.attacked.train
    with threadpool_limits(1):
        watermark = make_watermark(key, inputs, np.unique(outcome), questions=questions)
        marked = train_marked(boosting(seed), inputs, outcome, watermark, copies=4).model
        stolen = steal_model(
            open_target(marked), case.own, budget=800, answer="labels", kind="trees", checkpoints=(800,),
            seed=seed,
        )  # fmt: skip
        others = boosting(seed + 1).fit(case.held_out, case.truth)
    return Suspects(
        {
            "the file itself, copied": marked,
            "a copy learned from its answers": stolen,
            "a model that somebody else trained": others,
        },
        watermark,
    )


def as_claim(watermark: Any, model: Any, *, tested: int, committed: date, released: date) -> Claim:
    """Ask a suspect the questions of a watermark, and return what its owner can put forward."""
    given = np.asarray(model.predict(watermark.rows))
    classes = tuple(map(str, watermark.classes))
    return Claim(watermark.labels.astype(str), given.astype(str), classes, tested, committed, released)


def late_claim(model: Any, rows: pd.DataFrame, questions: int, classes: Sequence[Any], day: date) -> Claim:
    """Return the claim of somebody who asked first, and foretold afterwards."""
    given = np.asarray(model.predict(rows.head(questions))).astype(str)
    return Claim(given.copy(), given, tuple(map(str, classes)), 1, day + timedelta(days=30), day)
