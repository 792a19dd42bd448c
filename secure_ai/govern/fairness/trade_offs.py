"""What each definition of fairness would cost: thresholds that meet it, and what happens to everybody."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from secure_ai.core import UserError
from secure_ai.core.intervals import Z
from secure_ai.govern.fairness.cases import FEWEST, GroupedCases, group_cases, real_number, whole_number
from secure_ai.govern.fairness.rates import GroupRates, group_rates

POLICIES = {
    "one threshold for all": "",
    "demographic parity": "selection_rate",
    "equal opportunity": "true_positive_rate",
    "equal false alarms": "false_positive_rate",
    "predictive parity": "precision",
}
"""Policy → the rate that it makes equal."""

WARNING = (
    "Thresholds that differ by group treat people by their group. For credit in the United States that is "
    "forbidden where the group is a prohibited basis (12 CFR 1002.4), and elsewhere it needs a legal basis."
)


@dataclass(frozen=True)
class TradeOff:
    """The same scores under several policies.

    Attributes:
        rates: policy → rates of the groups on the cases that judge.
        thresholds: policy → group → threshold, found on the cases that fit.
        costs: one row a policy: ``policy``, ``accuracy``, ``missed``, ``false alarms`` (cases), ``cost``
            (missed × its cost + false alarms × theirs), ``more`` (than one threshold for all) with its 95 %
            interval ``more low`` to ``more high`` (the same people under both rules), and the largest gap in
            each rate over the groups that are assessed (NaN where fewer than two are).
        fitted, judged: number of cases.
    """

    rates: Mapping[str, GroupRates]
    thresholds: Mapping[str, Mapping[str, float]]
    costs: pd.DataFrame
    fitted: int
    judged: int


def trade_off(
    scores: Any,
    outcome: Any,
    group: Any,
    *,
    threshold: float = 0.5,
    cost_missed: float = 1.0,
    cost_false_alarm: float = 1.0,
    fewest: int = FEWEST,
    seed: int = 0,
) -> TradeOff:
    """Find thresholds that meet each definition, on one half of the cases, and judge them on the other.

    Every policy meets the rate that one threshold for all has overall: the house decides on about as many
    people, and only who they are changes.

    Args:
        scores: (cases,) probability or score of being a case; a decision is a score at or above a threshold.
        outcome: (cases,) bool or 0/1.
        group: (cases,) labels.
        threshold: of "one threshold for all".
        cost_missed, cost_false_alarm: what one of each costs, in any unit.
        fewest: a group with fewer cases, or fewer outcomes of either kind, in the fitting half keeps the
            common threshold.
        seed: of the halves.

    Raises:
        UserError: if scores are missing or not finite, lengths differ, or costs are negative.
    """
    values = _scores(scores)
    seed, fewest = whole_number(seed, "seed", 0), whole_number(fewest, "fewest", 1)
    threshold = real_number(threshold, "threshold", least=-1e300, most=1e300)
    missed_cost = real_number(cost_missed, "cost_missed", least=0, most=np.inf)
    alarm_cost = real_number(cost_false_alarm, "cost_false_alarm", least=0, most=np.inf)
    cases = group_cases(values >= threshold, outcome, group, fewest=fewest)
    if cases.outcome is None:
        raise UserError("Without the true outcomes no threshold can be judged: give them.")
    if len(cases) < 2 * fewest:
        raise UserError(
            f"{len(cases)} cases are too few to fit thresholds on one half and judge them on the other."
        )
    fit = np.zeros(len(cases), dtype=bool)
    fit[np.random.default_rng(seed).permutation(len(cases))[: len(cases) // 2]] = True
    halves = {"fit": fit, "judge": ~fit}
    parts = {name: (values[rows], cases.outcome[rows], cases.group[rows]) for name, rows in halves.items()}
    rates, thresholds, rows, usual = {}, {}, [], None
    for policy, rate in POLICIES.items():
        found = _thresholds(parts["fit"], cases.names, rate, threshold, fewest)
        judged, truth, labels = parts["judge"]
        decided = judged >= np.array([found[name] for name in labels])
        part = GroupedCases(
            decided, truth, labels, tuple(name for name in cases.names if name in set(labels))
        )
        rates[policy], thresholds[policy] = group_rates(part, fewest=fewest), found
        errors = (truth & ~decided) * missed_cost + (~truth & decided) * alarm_cost
        usual = errors if usual is None else usual
        rows.append({"policy": policy, **_cost(part, rates[policy], errors), **_more(errors - usual)})
    return TradeOff(rates, thresholds, pd.DataFrame(rows), int(fit.sum()), int((~fit).sum()))


def _thresholds(
    part: tuple[np.ndarray, np.ndarray, np.ndarray],
    names: tuple[str, ...],
    rate: str,
    threshold: float,
    fewest: int,
) -> dict[str, float]:
    scores, outcome, labels = part
    if not rate:
        return dict.fromkeys(names, threshold)
    wanted = float(_shares(rate, scores, outcome, np.array([threshold]), 1)[0])
    found = {}
    for name in names:
        inside = labels == name
        own, truth = scores[inside], outcome[inside]
        if min(len(own), int(truth.sum()), int((~truth).sum())) < fewest or np.isnan(wanted):
            found[name] = threshold
            continue
        candidates = np.unique(own)
        distance = np.abs(_shares(rate, own, truth, candidates, fewest) - wanted)
        # Of thresholds that meet the rate equally well the one nearest to the common threshold.
        best = np.flatnonzero(distance <= np.nanmin(distance) + 1e-12)
        found[name] = float(candidates[best[np.argmin(np.abs(candidates[best] - threshold))]])
    return found


def _shares(
    rate: str, scores: np.ndarray, truth: np.ndarray, thresholds: np.ndarray, fewest: int
) -> np.ndarray:
    """Return the rate at each threshold; a precision of fewer decisions is luck, and not known."""

    def decided(of: np.ndarray) -> np.ndarray:
        return len(of) - np.searchsorted(np.sort(of), thresholds, side="left")

    found, alarms = decided(scores[truth]), decided(scores[~truth])
    hits, among = {
        "selection_rate": (found + alarms, np.full(len(thresholds), len(scores))),
        "true_positive_rate": (found, np.full(len(thresholds), truth.sum())),
        "false_positive_rate": (alarms, np.full(len(thresholds), (~truth).sum())),
        "precision": (found, np.where(found + alarms >= fewest, found + alarms, 0)),
    }[rate]
    return np.divide(hits, among, out=np.full(len(thresholds), np.nan), where=among > 0)


def _cost(part: GroupedCases, rates: GroupRates, errors: np.ndarray) -> dict[str, float]:
    gaps = {}
    for rate in [name for name in POLICIES.values() if name]:
        known = rates.of(rate)["value"].dropna()
        gaps[f"gap in {rate.replace('_', ' ')}"] = float(np.ptp(known)) if len(known) > 1 else float("nan")
    return {
        "accuracy": float((part.decision == part.outcome).mean()),
        "missed": int((part.outcome & ~part.decision).sum()),
        "false alarms": int((~part.outcome & part.decision).sum()),
        "cost": float(errors.sum()),
        **gaps,
    }


def _more(difference: np.ndarray) -> dict[str, float]:
    """Return the sum of differences of the same people, with its 95 % interval."""
    more, half = float(difference.sum()), Z * float(difference.std()) * np.sqrt(len(difference))
    return {"more": more, "more low": more - half, "more high": more + half}


def _scores(scores: Any) -> np.ndarray:
    try:
        values = np.asarray(scores, dtype=float)
    except (TypeError, ValueError):
        values = np.array([np.nan])
    if values.ndim != 1 or not np.isfinite(values).all():
        raise UserError("The scores must be one finite number for each case.")
    return values
