"""The simplest membership attack: a record on which the model's loss is small was in the training data.

It needs no other model and no training. Stronger attacks compare a record's loss with what models trained
with and without it would give (:mod:`secure_ai.attack.membership.attacks`); they score records otherwise and
are judged by the same figures (:func:`membership_from_scores`).

Source: Yeom, Giacomelli, Fredrikson & Jha, Privacy risk in machine learning: analyzing the connection to
    overfitting (2018), adversary 2; figures: Carlini et al., Membership inference attacks from first
    principles (2022), section III.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from secure_ai.attack.membership.judging import (
    CARLINI,
    YEOM,
    MembershipAttack,
    membership_from_scores,
)
from secure_ai.core import UserError

__all__ = [
    "CARLINI",
    "YEOM",
    "MembershipAttack",
    "loss_threshold_attack",
    "membership_from_scores",
    "record_losses",
]


def loss_threshold_attack(
    model: Any,
    members: tuple[Any, Any],
    non_members: tuple[Any, Any],
    *,
    control: Any | None = None,
    epsilon: float | None = None,
    delta: float | None = None,
    seed: int = 0,
) -> MembershipAttack:
    """Tell members from others by the model's loss on each record.

    Args:
        model: a fitted classifier with ``predict_proba`` and ``classes_``.
        members: features and classes of records that it was trained on.
        non_members: the same of records from the same population that it was not trained on.
        control: a model trained without these members; the attack on it must fail, or the two groups differ
            in something else than membership. Without it membership is shuffled.
        epsilon, delta: what training has cost; taken from the model's ``cost_`` if it has one.
        seed: of halves, shuffles and resampling.

    Raises:
        UserError: if a group has fewer than 20 records, a class is unknown to the model, or the model gives
            no probabilities.

    Source: the module's.
    """
    scores = [-record_losses(model, *group) for group in (members, non_members)]
    other = None
    if control is not None:
        other = tuple(-record_losses(control, *group) for group in (members, non_members))
    cost = getattr(model, "cost_", None)
    if epsilon is None and cost is not None:
        epsilon, delta = cost.epsilon, cost.delta
    return membership_from_scores(
        *scores,
        control=other,
        attack="loss threshold",
        source=YEOM,
        epsilon=epsilon,
        delta=delta or 0.0,
        seed=seed,
    )


def record_losses(model: Any, features: Any, classes: Any) -> np.ndarray:
    """Return the cross-entropy of each record: minus the logarithm of the probability of its class.

    Raises:
        UserError: if the model gives no probabilities, a class is unknown to it, or lengths differ.
    """
    if not hasattr(model, "predict_proba") or not hasattr(model, "classes_"):
        raise UserError(
            "The model gives no probabilities of classes: fit it, or take one with predict_proba."
        )
    y = np.asarray(classes).ravel()
    if len(y) != len(features):
        raise UserError(
            f"There are {len(features):,} records and {len(y):,} classes: give one class for each."
        )
    if not len(y):
        return np.zeros(0)
    known = np.asarray(model.classes_)
    if not np.isin(y, known).all():
        raise UserError("A record has a class that the model does not know: leave it out.")
    order = np.argsort(known)
    place = order[np.searchsorted(known, y, sorter=order)]
    chance = np.asarray(model.predict_proba(features), dtype=float)[np.arange(len(y)), place]
    return -np.log(np.maximum(chance, np.finfo(float).tiny))
