"""The simplest membership attack: a record on which the model's loss is small was in the training data.

It needs no other model and no training. Stronger attacks compare a record's loss with what models trained
with and without it would give; they score records otherwise and are judged by the same figures
(:func:`membership_from_scores`).

Source: Yeom, Giacomelli, Fredrikson & Jha, Privacy risk in machine learning: analyzing the connection to
    overfitting (2018), adversary 2; figures: Carlini et al., Membership inference attacks from first
    principles (2022), section III.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from secure_ai.attack.membership import figures
from secure_ai.attack.membership.bounds import most_advantage
from secure_ai.core import Measurement, Unassessed, UserError
from secure_ai.core.figures import percent

if TYPE_CHECKING:
    import pandas as pd

YEOM = "Yeom et al., Privacy risk in machine learning (2018)"
CARLINI = "Carlini et al., Membership inference attacks from first principles (2022)"
LEAST = 20
FALSE_ALARMS = 0.01
SHUFFLES = 20


@dataclass(frozen=True)
class MembershipAttack:
    """What a membership attack found; each figure with baseline, control and interval.

    The baseline is an attacker who guesses without the model.

    Attributes:
        auc: probability that a member scores above a record that is none.
        advantage: true less false positives, the threshold learned on other records than it is judged on.
        tpr_at_low_fpr: members found at 1 % false alarms; ``Unassessed`` below 100 records that are none.
        roc: columns ``fpr``, ``tpr``, one row per threshold.
        attack: name of the attack.
        epsilon, delta: what the model's training has cost, where known.
    """

    auc: Measurement
    advantage: Measurement
    tpr_at_low_fpr: Measurement | Unassessed
    roc: pd.DataFrame
    attack: str
    epsilon: float | None = None
    delta: float = 0.0

    def measurements(self) -> list[Measurement]:
        """Return every figure that was measured."""
        found = (self.auc, self.advantage, self.tpr_at_low_fpr)
        return [figure for figure in found if isinstance(figure, Measurement)]

    def to_frame(self) -> pd.DataFrame:
        """Return one row for each figure: measure, value, low, high, baseline, control, n, method."""
        import pandas as pd

        rows = [
            (m.name, m.value, *m.interval, m.baseline, m.control, m.n, m.method) for m in self.measurements()
        ]
        columns = ["measure", "value", "low", "high", "baseline", "control", "n", "method"]
        return pd.DataFrame(rows, columns=columns)

    def leaks(self) -> bool:
        """Say whether members are found beyond chance: the AUC's interval lies above baseline and control."""
        return self.auc.interval[0] > max(0.5, self.auc.control or 0.5)

    def sentence(self) -> str:
        """Say what the attack found."""
        low, high = self.auc.interval
        verb = "tells" if self.leaks() else "does not tell"
        text = (
            f"The {self.attack} attack {verb} members from others: AUC {self.auc.value:.3f} "
            f"({low:.3f} to {high:.3f}; control {self.auc.control:.3f}, guessing 0.500), "
            f"advantage {self.advantage.value:.3f}"
        )
        if isinstance(self.tpr_at_low_fpr, Measurement):
            text += f", {percent(self.tpr_at_low_fpr.value)} of members found at 1% false alarms"
        if self.epsilon is not None and np.isfinite(self.epsilon):
            most = most_advantage(self.epsilon, self.delta)
            text += f"; at epsilon {self.epsilon:.3g} no attack can have an advantage above {most:.3f}"
        return text + "."


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


def membership_from_scores(
    members: Any,
    non_members: Any,
    *,
    attack: str,
    source: str = CARLINI,
    control: tuple[Any, Any] | None = None,
    epsilon: float | None = None,
    delta: float = 0.0,
    seed: int = 0,
) -> MembershipAttack:
    """Judge any attack by its scores, one for each record; greater means *member*.

    Args:
        members, non_members: the scores of both groups.
        attack: name of the attack.
        source: its source.
        control: scores of both groups where membership made no difference; None shuffles the given ones.
        epsilon, delta: what training has cost, where known.
        seed: of halves, shuffles and resampling.

    Raises:
        UserError: if a group has fewer than 20 scores, or one is not finite.
    """
    import pandas as pd

    first, second = _scores(members, "members"), _scores(non_members, "non_members")
    rng = np.random.default_rng(seed)
    if control is None:
        pairs, absent = [], "control: shuffled membership"
        for _ in range(SHUFFLES):
            mixed = rng.permutation(np.concatenate([first, second]))
            pairs.append((mixed[: len(first)], mixed[len(first) :]))
    else:
        pairs = [(_scores(control[0], "control"), _scores(control[1], "control"))]
        absent = "control: a model trained without the members"
    judged = partial(_measured, first, second, pairs, absent)
    low_fpr: Measurement | Unassessed = Unassessed(
        f"{len(second)} records outside the training data cannot show 1% false alarms: give 100 or more."
    )
    if len(second) * FALSE_ALARMS >= 1:
        low_fpr = judged(
            name="membership_tpr_at_1_percent_fpr",
            unit="probability",
            figure=lambda *pair: figures.true_positives_at(*pair, FALSE_ALARMS),
            interval=figures.true_positives_interval(first, second, FALSE_ALARMS, seed),
            baseline=FALSE_ALARMS,
            method=f"{attack}; interval of resampled records",
            source=CARLINI,
        )
    fpr, tpr = figures.roc(first, second)
    return MembershipAttack(
        auc=judged(
            name="membership_auc",
            unit="probability",
            figure=figures.auc,
            interval=figures.auc_interval(first, second),
            baseline=0.5,
            method=f"{attack}; DeLong interval",
            source=source,
        ),
        advantage=judged(
            name="membership_advantage",
            unit="difference of probabilities",
            figure=lambda *pair: figures.advantage(*pair, seed)[0],
            interval=figures.advantage(first, second, seed)[1],
            baseline=0.0,
            method=f"{attack}; threshold learned on the other half",
            source=YEOM,
        ),
        tpr_at_low_fpr=low_fpr,
        roc=pd.DataFrame({"fpr": fpr, "tpr": tpr}),
        attack=attack,
        epsilon=epsilon,
        delta=delta,
    )


def _measured(
    members: np.ndarray,
    others: np.ndarray,
    controls: Sequence[tuple[np.ndarray, np.ndarray]],
    absent: str,
    *,
    name: str,
    unit: str,
    figure: Callable[..., float],
    interval: tuple[float, float],
    baseline: float,
    method: str,
    source: str,
) -> Measurement:
    return Measurement(
        name=name,
        value=figure(members, others),
        unit=unit,
        n=len(members) + len(others),
        baseline=baseline,
        interval=interval,
        method=f"{method}; {absent}",
        source=source,
        control=float(np.mean([figure(*pair) for pair in controls])),
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


def _scores(values: Any, name: str) -> np.ndarray:
    try:
        scores = np.asarray(values, dtype=float).ravel()
    except (TypeError, ValueError):
        raise UserError(f"{name}: a score is no number; give one number for each record.") from None
    if len(scores) < LEAST:
        raise UserError(
            f"{name}: {len(scores)} records are too few to judge an attack; give at least {LEAST}."
        )
    if not np.isfinite(scores).all():
        raise UserError(f"{name}: the attack has no finite score for some record.")
    return scores
