"""Scores of membership from reference signals: a figure for each record, the greater the more a *member*."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, cast

import numpy as np

from secure_ai.attack.membership import figures
from secure_ai.attack.membership.references import ReferenceSignals
from secure_ai.core import UserError

Mode = Literal["online", "offline"]
Scale = Literal["auto", "logit", "arcsine"]
CLIP = 1e-3
# Weight, in reference models, of the spread common to all records beside the spread of the record itself.
PRIOR = 4.0
LEAST_IN_EACH = 2
FALSE_ALARMS = 0.01
SMALLEST = 1e-6


def logit(probability: np.ndarray) -> np.ndarray:
    """Return log(p / (1 - p)) of probabilities clipped to [0.001, 0.999].

    Float32 probabilities of exactly 1 would be infinite, and a difference between 1 - 1e-6 and 1 - 1e-9 that
    is only rounding would drown the tail.
    """
    clipped = np.clip(np.asarray(probability, dtype=float), CLIP, 1 - CLIP)
    return np.log(clipped) - np.log1p(-clipped)


def arcsine(probability: np.ndarray) -> np.ndarray:
    """Return arcsin(sqrt(p)): where p is a share of votes (a forest), its spread does not depend on p.

    Source: Bartlett, The square root transformation in analysis of variance (1936).
    """
    return np.arcsin(np.sqrt(np.clip(np.asarray(probability, dtype=float), 0.0, 1.0)))


SCALES: dict[str, Callable[[np.ndarray], np.ndarray]] = {"logit": logit, "arcsine": arcsine}


def lira_scores(
    probability: np.ndarray, references: ReferenceSignals, *, mode: Mode = "online", scale: Scale = "auto"
) -> np.ndarray:
    """Return (records,): how much likelier the target's answer is from models with the record than without.

    Both are Student's t with the mean of the references' signals; the spread of each record is drawn to that
    of all records, as few references cannot tell it (4 models' weight). Offline only models without the
    record are used: how far the target's signal lies above theirs, in spreads.

    Args:
        probability: (records,) that the target gives to each record's class.
        references: of the same records in the same order.
        mode: ``"online"`` needs each record in two references and out of two; ``"offline"`` out of two.
        scale: of the signal; ``"auto"`` takes the one by which the references themselves are attacked best.

    Raises:
        UserError: if there are too few references, or an argument is wrong.

    Source: Carlini et al. (2022), algorithms 1 and 2.
    """
    _check(references, mode)
    if scale == "auto":
        scale = cast("Scale", best_scale(references, mode=mode))
    if scale not in SCALES:
        raise UserError(f"scale='{scale}': choose from auto, {', '.join(SCALES)}.")
    signals, observed = SCALES[scale](references.probability), SCALES[scale](probability)
    mean, variance, freedom = _spread(signals, ~references.member)
    if mode == "offline":
        return (observed - mean) / np.sqrt(variance)
    return _student(observed, *_spread(signals, references.member)) - _student(
        observed, mean, variance, freedom
    )


def rmia_scores(
    probability: np.ndarray, references: ReferenceSignals, *, mode: Mode = "online", share: float = 0.3
) -> np.ndarray:
    """Return (records,): log of the target's probability over the mean one of models in the population.

    The paper compares this ratio with that of population records; the share of those below grows with the
    ratio, so the order of the records, and with it every figure, is that of the ratio itself.

    Args:
        probability: (records,) that the target gives to each record's class.
        references: of the same records in the same order.
        mode: online the mean is over models with and without the record; offline it is estimated from models
            without it as ((1 + a) p + 1 - a) / 2.
        share: the paper's ``a``.

    Raises:
        UserError: if there are too few references.

    Source: Zarifzadeh, Liu & Shokri (2024), sections 3.1 and B.2.2.
    """
    _check(references, mode, least=1)
    chances, inside = np.clip(references.probability, CLIP, 1.0), references.member
    without = _mean(chances, ~inside)
    if mode == "online":
        expected = (_mean(chances, inside) + without) / 2
    else:
        expected = ((1 + share) * without + 1 - share) / 2
    return np.log(np.clip(probability, CLIP, 1.0)) - np.log(expected)


def label_scores(right: np.ndarray, references: ReferenceSignals) -> np.ndarray:
    """Return (records,): log-likelihood ratio of a right answer, from models with and without the record.

    All it needs of the target is its answers. A right answer is worth much where models without the record
    are wrong; shares of right answers are drawn to those of all records.

    Args:
        right: (records,) bool: the target's answer is the record's class.
        references: of the same records in the same order; offline where no reference has the records.

    Raises:
        UserError: if there are too few references.

    Source: Choquette-Choo et al., Label-only membership inference attacks (2021), the gap attack; calibrated
        as in Watson et al., On the importance of difficulty calibration in membership inference (2022).
    """
    inside = references.member
    online = bool((inside.sum(axis=0) >= 1).all())
    _check(references, "online" if online else "offline", least=1)
    # The mean probability of the class tells more of the chance of a right answer than few answers do.
    soft = (references.right + references.probability) / 2
    without = _drawn(soft, ~inside)
    within = _drawn(soft, inside) if online else np.ones_like(without)
    within, without = (np.clip(share, CLIP, 1 - CLIP) for share in (within, without))
    return np.where(right, np.log(within / without), np.log((1 - within) / (1 - without)))


def best_scale(references: ReferenceSignals, *, mode: Mode = "online") -> str:
    """Return the scale by which LiRA finds most members of the references themselves."""

    def found(scale: str) -> float:
        return self_attack(
            references, lambda *case: lira_scores(*case, mode=mode, scale=cast("Scale", scale))
        )

    return max(SCALES, key=found) if _halves_do(references, mode) else "logit"


def best_method(references: ReferenceSignals) -> str:
    """Return ``"lira"`` or ``"rmia"``: what finds more members of the references themselves."""
    if not _halves_do(references, "online"):
        return "rmia"
    scale = cast("Scale", best_scale(references))
    by_lira = self_attack(references, lambda *case: lira_scores(*case, scale=scale))
    return "lira" if by_lira >= self_attack(references, rmia_scores) else "rmia"


def self_attack(
    references: ReferenceSignals, attack: Callable[[np.ndarray, ReferenceSignals], np.ndarray]
) -> float:
    """Return how many members an attack finds at 1 % false alarms in the references, on average.

    Each is attacked with the half of the references that it is not in. (With all others it would not do:
    every record is in half of the models, so how many of the others have it tells of the one left out.)

    Args:
        references: the targets, one after the other.
        attack: probabilities of a target and its references to scores.
    """
    half = (references.count + 1) // 2
    parts = references.models(slice(0, half)), references.models(slice(half, None))
    shares = []
    for targets, judges in (parts, parts[::-1]):
        for probability, inside in zip(targets.probability, targets.member, strict=True):
            found = attack(probability, judges)
            if inside.any() and not inside.all():
                shares.append(figures.true_positives_at(found[inside], found[~inside], FALSE_ALARMS))
    return float(np.mean(shares)) if shares else 0.0


def _halves_do(references: ReferenceSignals, mode: Mode) -> bool:
    half = (references.count + 1) // 2
    least = LEAST_IN_EACH if mode == "online" else 0
    parts = references.models(slice(0, half)), references.models(slice(half, None))
    return references.member.any() and all(_each_has(part, least, LEAST_IN_EACH) for part in parts)


def _spread(signals: np.ndarray, group: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return of each record mean, variance and degrees of freedom over a group of models."""
    n = group.sum(axis=0)
    mean = np.where(group, signals, 0.0).sum(axis=0) / n
    around = np.where(group, (signals - mean) ** 2, 0.0).sum(axis=0)
    common = max(around.sum() / max((n - 1).sum(), 1), SMALLEST)
    freedom = n - 1 + PRIOR
    return mean, (around + PRIOR * common) / freedom, freedom


def _student(x: np.ndarray, mean: np.ndarray, variance: np.ndarray, freedom: np.ndarray) -> np.ndarray:
    """Return the log-density of Student's t, up to what is common to both groups."""
    from scipy.special import gammaln

    constant = gammaln((freedom + 1) / 2) - gammaln(freedom / 2) - np.log(freedom) / 2
    return (
        constant - (freedom + 1) / 2 * np.log1p((x - mean) ** 2 / (variance * freedom)) - np.log(variance) / 2
    )


def _mean(values: np.ndarray, group: np.ndarray) -> np.ndarray:
    return np.where(group, values, 0.0).sum(axis=0) / group.sum(axis=0)


def _drawn(values: np.ndarray, group: np.ndarray) -> np.ndarray:
    """Return means over a group of models, drawn to the mean of all records by one model's weight."""
    n, total = group.sum(axis=0), np.where(group, values, 0.0).sum(axis=0)
    return (total + total.sum() / max(n.sum(), 1)) / (n + 1)


def _each_has(references: ReferenceSignals, inside: int, outside: int) -> bool:
    count = references.member.sum(axis=0)
    return bool((count >= inside).all() and (references.count - count >= outside).all())


def _check(references: ReferenceSignals, mode: Any, least: int = LEAST_IN_EACH) -> None:
    if mode not in ("online", "offline"):
        raise UserError(f"mode='{mode}': choose online or offline.")
    if not _each_has(references, least if mode == "online" else 0, least):
        wanted = "with and without" if mode == "online" else "without"
        further = ", or choose mode='offline'" if mode == "online" and _each_has(references, 0, least) else ""
        raise UserError(
            f"Some record has fewer than {least} reference models {wanted} it: train more of them{further}."
        )
