"""AUC, advantage and true positives at few false alarms of an attack's scores, each with an interval."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy.stats import rankdata

from secure_ai.core.intervals import Z, clopper_pearson, wilson

RESAMPLES = 400
PERMUTATIONS = 999
# Beyond this many records the permutation distribution of the AUC is the normal one.
MOST_PERMUTED = 50_000


def roc(members: np.ndarray, others: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return false and true positive rates at every threshold, from (0, 0) to (1, 1).

    A score at or above the threshold counts as a member.
    """
    thresholds = np.unique(np.concatenate([members, others]))[::-1]
    members, others = np.sort(members), np.sort(others)
    tpr = 1 - np.searchsorted(members, thresholds, side="left") / len(members)
    fpr = 1 - np.searchsorted(others, thresholds, side="left") / len(others)
    return np.concatenate([[0.0], fpr]), np.concatenate([[0.0], tpr])


def auc(members: np.ndarray, others: np.ndarray) -> float:
    """Return the probability that a member scores above another record; a tie counts half."""
    ranks = rankdata(np.concatenate([members, others]))
    n, m = len(members), len(others)
    return float((ranks[:n].sum() - n * (n + 1) / 2) / (n * m))


def auc_interval(members: np.ndarray, others: np.ndarray) -> tuple[float, float]:
    """Return the interval of the AUC at 95 %, on the logit scale so that it stays between 0 and 1.

    Source: DeLong, DeLong & Clarke-Pearson, Comparing the areas under two or more correlated ROC curves
        (1988); logit: Pepe, The statistical evaluation of medical tests (2003).
    """
    n, m = len(members), len(others)
    value = auc(members, others)
    ranks = rankdata(np.concatenate([members, others]))
    above = (ranks[:n] - rankdata(members)) / m
    below = 1 - (ranks[n:] - rankdata(others)) / n
    error = math.sqrt(above.var(ddof=1) / n + below.var(ddof=1) / m)
    if value in (0.0, 1.0) or error == 0:
        # Perfect separation leaves no variance: the rule of three on the smaller group.
        slack = 3 / min(n, m)
        return max(0.0, value - slack), min(1.0, value + slack)
    logit, spread = math.log(value / (1 - value)), Z * error / (value * (1 - value))
    return 1 / (1 + math.exp(min(spread - logit, 700))), 1 / (1 + math.exp(max(-logit - spread, -700)))


def advantage(members: np.ndarray, others: np.ndarray, seed: int) -> tuple[float, tuple[float, float]]:
    """Return true less false positives, each half judged by the threshold of the other, and the interval.

    A threshold that is chosen and judged on the same records finds an advantage where there is none.

    Source: Yeom et al. (2018), definition 4; interval of a difference: Newcombe, Interval estimation for
        the difference between independent proportions (1998), method 10.
    """
    rng = np.random.default_rng(seed)
    halves = [np.array_split(rng.permutation(scores), 2) for scores in (members, others)]
    hits = alarms = 0
    for learn in (0, 1):
        fpr, tpr = roc(halves[0][learn], halves[1][learn])
        thresholds = np.unique(np.concatenate([halves[0][learn], halves[1][learn]]))[::-1]
        best = int(np.argmax(tpr - fpr))
        threshold = math.inf if best == 0 else thresholds[best - 1]
        hits += int((halves[0][1 - learn] >= threshold).sum())
        alarms += int((halves[1][1 - learn] >= threshold).sum())
    tpr, fpr = hits / len(members), alarms / len(others)
    found, false = wilson(hits, len(members)), wilson(alarms, len(others))
    low = tpr - fpr - math.hypot(tpr - found[0], false[1] - fpr)
    high = tpr - fpr + math.hypot(found[1] - tpr, fpr - false[0])
    return tpr - fpr, (max(-1.0, low), min(1.0, high))


def true_positives_at(members: np.ndarray, others: np.ndarray, fpr: float) -> float:
    """Return the share of members above the threshold that at most a share ``fpr`` of the others reaches."""
    allowed = math.floor(fpr * len(others) * (1 + 1e-12) + 1e-9)
    if allowed >= len(others):
        return 1.0
    place = len(others) - 1 - allowed
    return float(np.mean(members > np.partition(others, place)[place]))


def true_positives_interval(
    members: np.ndarray, others: np.ndarray, fpr: float, seed: int
) -> tuple[float, float]:
    """Return the interval at 95 %: of resampled records, and at least Wilson's."""
    rng = np.random.default_rng(seed)
    n, m = len(members), len(others)
    drawn = [true_positives_at(rng.choice(members, n), rng.choice(others, m), fpr) for _ in range(RESAMPLES)]
    low, high = np.quantile(drawn, [0.025, 0.975])
    plain = wilson(round(true_positives_at(members, others, fpr) * n), n)
    return min(float(low), plain[0]), max(float(high), plain[1])


def permuted(
    members: np.ndarray, others: np.ndarray, seed: int, controls: Sequence[tuple[np.ndarray, np.ndarray]] = ()
) -> tuple[float, tuple[float, float], float]:
    """Return how often shuffled membership gives this AUC or more, the interval at 95 %, and the control.

    Args:
        members, others: scores.
        seed: of the permutations.
        controls: pairs of scores; of these the mean is returned, one half where there are none.

    Source: Phipson & Smyth, Permutation p-values should never be zero (2010); for many records Mann &
        Whitney, On a test of whether one of two random variables is stochastically larger (1947).
    """
    if len(members) + len(others) > MOST_PERMUTED:
        from scipy.stats import mannwhitneyu

        first, *rest = (
            float(mannwhitneyu(*pair, alternative="greater", method="asymptotic").pvalue)
            for pair in ((members, others), *controls)
        )
        return first, (first, first), float(np.mean(rest)) if rest else 0.5
    drawn: dict[bytes, np.ndarray] = {}

    def hits(pair: tuple[np.ndarray, np.ndarray]) -> int:
        pooled = np.sort(np.concatenate(pair))
        ranks = rankdata(pooled)
        # Shuffles of the same scores have the same permutations.
        key = ranks.tobytes()
        if key not in drawn:
            drawn[key] = _permuted_sums(ranks, len(pair[0]), np.random.default_rng(seed))
        found = ranks[np.searchsorted(pooled, pair[0])].sum()
        return int((drawn[key] >= found - 1e-6).sum())

    count = hits((members, others))
    value, (low, high) = (count + 1) / (PERMUTATIONS + 1), clopper_pearson(count, PERMUTATIONS)
    rest = [(hits(pair) + 1) / (PERMUTATIONS + 1) for pair in controls]
    return value, (min(low, value), max(high, value)), float(np.mean(rest)) if rest else 0.5


def _permuted_sums(ranks: np.ndarray, size: int, rng: np.random.Generator) -> np.ndarray:
    """Return sums of ``size`` ranks drawn at random, by drawing the smaller part."""
    fewer = min(size, len(ranks) - size)
    sums = np.array(
        [rng.choice(ranks, fewer, replace=False, shuffle=False).sum() for _ in range(PERMUTATIONS)]
    )
    return sums if fewer == size else ranks.sum() - sums
