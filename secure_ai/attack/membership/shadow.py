"""An attacker that is trained: reference models, whose members are known, show it what membership looks like.

One half of the references are the shadow models whose members it learns to tell; the other half says how
hard each record is. The halves were drawn independently: nothing but the models' answers gives members away.

Source: Shokri, Stronati, Song & Shmatikov, Membership inference attacks against machine learning models
    (2017), section V; Watson, Guo, Cormode & Sablayrolles, On the importance of difficulty calibration in
    membership inference attacks (2022).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from secure_ai.attack.membership.references import ReferenceSignals
from secure_ai.attack.membership.scores import CLIP, arcsine, logit
from secure_ai.core import UserError

EXAMPLES = 40_000


def shadow_scores(references: ReferenceSignals, seed: int = 0) -> Callable[[np.ndarray], np.ndarray]:
    """Train the attacker and return it: probabilities of a target to scores of the same records.

    Args:
        references: four or more, each record in and out of some of each half.
        seed: of the examples and the attacker's own training.

    Raises:
        UserError: if there are too few references.
    """
    half = (references.count + 1) // 2
    halves = references.models(slice(0, half)), references.models(slice(half, None))
    if any(not _both(one.member) for one in halves):
        raise UserError(
            "An attacker cannot be trained on these references: train four or more, that have the records "
            "in half of the models."
        )
    attackers = [
        _attacker(shadows, judges, seed + place)
        for place, (shadows, judges) in enumerate((halves, halves[::-1]))
    ]
    return lambda probability: np.mean([attacker(probability) for attacker in attackers], axis=0)


def _attacker(
    shadows: ReferenceSignals, judges: ReferenceSignals, seed: int
) -> Callable[[np.ndarray], np.ndarray]:
    from sklearn.ensemble import HistGradientBoostingClassifier
    from threadpoolctl import threadpool_limits

    rng = np.random.default_rng(seed)
    shares = [
        rng.choice(shadows.records, min(shadows.records, EXAMPLES // shadows.count), replace=False)
        for _ in range(shadows.count)
    ]
    difficulty = _difficulty(judges)
    features = [
        _features(one[places], difficulty[places])
        for one, places in zip(shadows.probability, shares, strict=True)
    ]
    inside = [one[places] for one, places in zip(shadows.member, shares, strict=True)]
    model = HistGradientBoostingClassifier(max_leaf_nodes=15, min_samples_leaf=50, random_state=seed)
    # On so few columns a second thread gains nothing, and waits long where another program is at work.
    with threadpool_limits(1):
        model.fit(np.concatenate(features), np.concatenate(inside))

    def scores(probability: np.ndarray) -> np.ndarray:
        with threadpool_limits(1):
            return model.decision_function(_features(probability, difficulty))

    return scores


def _difficulty(judges: ReferenceSignals) -> np.ndarray:
    """Return (records, 4): mean and spread of the signal of models with and without each record."""
    signals = arcsine(judges.probability)
    columns = []
    for group in (judges.member, ~judges.member):
        mean = np.where(group, signals, 0.0).sum(axis=0) / group.sum(axis=0)
        spread = np.where(group, (signals - mean) ** 2, 0.0).sum(axis=0) / group.sum(axis=0)
        columns += [mean, np.sqrt(spread)]
    return np.column_stack(columns)


def _features(probability: np.ndarray, difficulty: np.ndarray) -> np.ndarray:
    signal = arcsine(probability)
    within, spread_in, without, spread_out = difficulty.T
    gap = (signal - without) ** 2 / (spread_out**2 + CLIP) - (signal - within) ** 2 / (spread_in**2 + CLIP)
    return np.column_stack(
        [signal, logit(probability), signal - within, signal - without, gap, within, without]
    )


def _both(member: np.ndarray) -> bool:
    return bool(len(member) and (member.any(axis=0) & ~member.all(axis=0)).all())
