"""Explain one decision of any model: exactly, by sampling, where features add up, or from real rows alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from secure_ai.attack.targets import reason_instead
from secure_ai.core import UserError
from secure_ai.defend.explanations.asking import Scale, Scorer, check_explainable, open_scorer
from secure_ai.defend.explanations.cohorts import cohort_shapley
from secure_ai.defend.explanations.explanation import Explanation
from secure_ai.defend.explanations.players import Players, as_frame, as_row, make_players
from secure_ai.defend.explanations.shapley import (
    MOST_EXACT,
    Contributions,
    exact_shapley,
    linear_shapley,
    sampled_shapley,
)
from secure_ai.defend.explanations.surrogate import local_surrogate

Method = Literal["auto", "exact", "sampled", "linear", "cohort", "surrogate"]
METHODS = {
    "exact": "exact Shapley values",
    "sampled": "sampled Shapley values",
    "linear": "exact Shapley values of a sum",
    "cohort": "Shapley values from real rows alone",
    "surrogate": "local linear surrogate",
}
BACKGROUND_ROWS = 100


@reason_instead
def explain(
    model: Any,
    row: Any,
    background: Any,
    *,
    label: Any = None,
    method: Method = "auto",
    groups: Mapping[str, Sequence[Any]] | None = None,
    scale: Scale | None = None,
    permutations: int = 200,
    background_rows: int | None = BACKGROUND_ROWS,
    seed: int = 0,
) -> Explanation:
    """Say what each feature added to the model's answer about one case.

    Args:
        model: any classifier, function or endpoint that :func:`~secure_ai.attack.targets.open_target` takes.
        row: the case: a frame of one row, a Series, a mapping or a list of values.
        background: other people's rows, with whom the case is compared. Who they are is a decision: everyone,
            or those just approved (:func:`~secure_ai.defend.explanations.references.reference_applicants`).
        label: class that the answer is about; the one that the model gives to the case if not given.
        method: ``"exact"`` (up to 10 features or groups), ``"sampled"`` (random orders, with standard error),
            ``"linear"`` (logistic regression: exact, few queries), ``"cohort"`` (asks about real rows
            only, so that it cannot be deceived as the others can; see `secure_ai.attack.explanations`),
            ``"surrogate"`` (as LIME), or ``"auto"``: exact where possible, else sampled.
        groups: name → columns that are one feature (the columns of one category).
        scale: ``"probability"`` or ``"log-odds"``; log-odds for ``"linear"``, else probability if not given.
        permutations: random orders for ``"sampled"`` (and ``"cohort"`` above 10 features), five rows each
            for ``"surrogate"``.
        background_rows: how many of the background to use, drawn with ``seed``; None for all
            (``"cohort"`` always uses all, since it asks about each only once).
        seed: of the draw and of the random orders.

    Returns:
        The explanation, or :class:`~secure_ai.core.Unassessed` with the reason where the model cannot be
        explained (constant, inconsistent, no answer, missing values).

    Raises:
        UserError: if an argument is wrong.
    """
    frame, as_array = as_frame(background)
    case = as_row(row, frame)
    players = make_players(list(frame.columns), groups)
    method = choose_method(method, len(players))
    scale = scale or ("log-odds" if method == "linear" else "probability")
    scorer = open_scorer(model, case, label=label, scale=scale, as_array=as_array)
    others = frame if method == "cohort" else draw_background(frame, background_rows, seed)
    with threadpool_limits(1):
        answers = check_explainable(scorer, case, others)
        found = _contributions(
            scorer, case, others, players, answers, method=method, permutations=permutations, seed=seed
        )
    return Explanation(
        features=players.names,
        values=_values(case, players),
        contributions=found.values,
        standard_errors=found.standard_errors,
        base=found.base,
        score=float(answers[0]),
        label=scorer.label,
        scale=scale,
        method=METHODS[method],
        background=len(others),
        queries=scorer.asked,
    )


@reason_instead
def explain_rows(
    model: Any,
    rows: Any,
    background: Any,
    *,
    label: Any,
    method: Method = "auto",
    groups: Mapping[str, Sequence[Any]] | None = None,
    scale: Scale | None = None,
    permutations: int = 200,
    background_rows: int | None = BACKGROUND_ROWS,
    seed: int = 0,
) -> pd.DataFrame:
    """Return the contributions for many cases: one row for each, one column for each feature or group.

    Args:
        rows: the cases, as ``background``.
        label: class that all answers are about.
        model, background, method, groups, scale, permutations, background_rows, seed: as for :func:`explain`.

    Returns:
        The frame, or :class:`~secure_ai.core.Unassessed` with the reason.
    """
    frame, as_array = as_frame(background)
    cases, _ = as_frame(rows)
    if as_array:
        cases.columns = frame.columns
    players = make_players(list(frame.columns), groups)
    method = choose_method(method, len(players))
    scale = scale or ("log-odds" if method == "linear" else "probability")
    others = frame if method == "cohort" else draw_background(frame, background_rows, seed)
    if not len(cases):
        return pd.DataFrame(columns=list(players.names), dtype=float)
    scorer = open_scorer(model, cases.iloc[[0]], label=label, scale=scale, as_array=as_array)
    with threadpool_limits(1):
        everyone = scorer(others)
        found = []
        for at in range(len(cases)):
            case = as_row(cases.iloc[[at]], frame)
            if not at:
                answers = check_explainable(scorer, case, others)
            else:
                answers = np.concatenate([scorer(case), everyone])
            settings = {"method": method, "permutations": permutations, "seed": seed + at}
            found.append(_contributions(scorer, case, others, players, answers, **settings).values)
    return pd.DataFrame(found, columns=list(players.names))


def choose_method(method: Method, players: int) -> Method:
    """Return the method, with ``"auto"`` decided.

    Raises:
        UserError: if it is unknown.
    """
    if method == "auto":
        return "exact" if players <= MOST_EXACT else "sampled"
    if method not in METHODS:
        raise UserError(f"method='{method}': choose from auto, {', '.join(METHODS)}.")
    return method


def draw_background(frame: pd.DataFrame, most: int | None, seed: int) -> pd.DataFrame:
    """Return at most that many rows, drawn without replacement."""
    if most is None or len(frame) <= most:
        return frame
    if most < 1:
        raise UserError(f"background_rows={most}: give 1 or more.")
    chosen = np.random.default_rng(seed).choice(len(frame), size=most, replace=False)
    return frame.iloc[np.sort(chosen)].reset_index(drop=True)


def _contributions(
    scorer: Scorer,
    case: pd.DataFrame,
    others: pd.DataFrame,
    players: Players,
    answers: np.ndarray,
    *,
    method: Method,
    permutations: int,
    seed: int,
) -> Contributions:
    if permutations < 2:
        raise UserError(f"permutations={permutations}: give 2 or more.")
    if method == "exact":
        return exact_shapley(scorer, case, others, players)
    if method == "linear":
        return linear_shapley(scorer, case, others, players, float(answers[0]))
    if method == "cohort":
        return cohort_shapley(answers, case, others, players, permutations=permutations, seed=seed)
    if method == "surrogate":
        return local_surrogate(scorer, case, others, players, samples=5 * permutations, seed=seed)
    return sampled_shapley(scorer, case, others, players, permutations=permutations, seed=seed)


def _values(case: pd.DataFrame, players: Players) -> tuple[Any, ...]:
    """Return what the case has for each player; of the columns of one category the one that is set."""
    found: list[Any] = []
    for columns in players.columns:
        values = [case[column].iloc[0] for column in columns]
        if len(columns) > 1 and all(value in (0, 1) for value in values) and sum(values) == 1:
            found.append(str(columns[[bool(value) for value in values].index(True)]))
        else:
            found.append(values[0] if len(values) == 1 else tuple(values))
    return tuple(found)
