"""Whether an erasure worked: a membership attack on the erased records before and after, and what it cost.

The attacker is the strongest there is: he has the other records and the recipe, trains models without the
erased ones, and looks how much surer the attacked model is of a record than those. The control is the model
that never saw the records: what an attack finds on it is not membership. Deleting the rows from the table
alone stands beside, because that is what is often done.

Sources: Watson et al., On the importance of difficulty calibration in membership inference attacks (2022);
    Bourtoule et al., Machine unlearning (2021); Chen et al., When machine unlearning jeopardizes privacy
    (2021), for the attacker who holds the model of before and of after.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from secure_ai.attack.membership.judging import LEAST, MembershipAttack, membership_from_scores
from secure_ai.attack.membership.loss_threshold import record_losses
from secure_ai.attack.poisoning.poisoned import take
from secure_ai.attack.targets import reason_instead
from secure_ai.core import Measurement, Unassessed, UserError
from secure_ai.core.figures import percent
from secure_ai.core.intervals import wilson
from secure_ai.defend.unlearning.erasure import Erasure, largest_difference
from secure_ai.defend.unlearning.records import rows_of, without
from secure_ai.defend.unlearning.sharded import _placed, train_sharded

if TYPE_CHECKING:
    from secure_ai.defend.unlearning.erasure import Training

BEFORE, TABLE_ONLY, ERASED, SCRATCH = (
    "before",
    "deleted from the table only",
    "erased from the model",
    "trained without them",
)
BOTH = "attacker holds both versions"
WATSON = "Watson et al., On the importance of difficulty calibration in membership inference attacks (2022)"
MOST_LOSS = -math.log(1e-3)
CHEN = "Chen et al., When machine unlearning jeopardizes privacy (2021)"


@dataclass(frozen=True)
class ErasureMeasure:
    """What an erasure achieved.

    Attributes:
        erasure: the new training, and the receipt with the comparison filled in.
        attacks: version of the model → the membership attack on the erased records, others being records that
            no version saw. :class:`~secure_ai.core.Unassessed` where fewer than 20 rows were erased.
        both: the attack of one who compares the answers of before and after.
        table: one line for each version: version, auc, low, high, difference (greatest of a probability for
            an erased record, from the model trained without them), work (share of training from the
            beginning), accuracy (on ``test``; NaN without it).
    """

    erasure: Erasure
    attacks: dict[str, MembershipAttack | Unassessed]
    both: MembershipAttack | Unassessed
    table: pd.DataFrame

    def measurements(self) -> list[Measurement]:
        """Return the AUC of the attack before and after; baseline 0.5, control the model without them."""
        found = []
        control = self.attacks[SCRATCH]
        for name in (BEFORE, ERASED):
            attack = self.attacks[name]
            if isinstance(attack, MembershipAttack) and isinstance(control, MembershipAttack):
                moment = "before" if name == BEFORE else "after"
                found.append(
                    replace(
                        attack.auc,
                        name=f"membership_auc_{moment}_erasure",
                        control=control.auc.value,
                        method="calibrated loss of the erased records; DeLong interval; control: a model "
                        "trained without them",
                    )
                )
        return found

    def to_frame(self) -> pd.DataFrame:
        """Return the table."""
        return self.table

    def sentence(self) -> str:
        """Say what an attacker finds of the erased records before and after."""
        before, after, scratch = (self.attacks[name] for name in (BEFORE, ERASED, SCRATCH))
        text = self.erasure.receipt.sentence()
        if not all(isinstance(attack, MembershipAttack) for attack in (before, after, scratch)):
            return f"{text} {before.reason if isinstance(before, Unassessed) else ''}".strip()
        text += (
            f" A membership attack on the erased records has an AUC of {before.auc.value:.3f} before and "
            f"{after.auc.value:.3f} after; on a model that never saw them {scratch.auc.value:.3f}. Deleting "
            f"the rows from the table alone leaves it at {before.auc.value:.3f}."
        )
        if isinstance(self.both, MembershipAttack):
            text += f" Who holds the model of before and of after reaches {self.both.auc.value:.3f}: "
            text += "withdraw the old one."
        return text


@reason_instead
def measure_erasure(
    training: Training,
    ids: Any,
    others: tuple[Any, Any],
    *,
    test: tuple[Any, Any] | None = None,
    references: int = 3,
    seed: int = 0,
) -> ErasureMeasure | Unassessed:
    """Erase records and prove it: attacked before and after, compared with training without them.

    Args:
        training: from :func:`train_sharded`, :func:`train_counting`, :func:`train_linear` or
            :func:`train_logistic`.
        ids: whose records to erase.
        others: rows and labels of records from the same population that were never trained on.
        test: rows and labels to judge accuracy; None leaves it out.
        references: models that the attacker trains on the other records; one is enough where training gives
            the same model each time.
        seed: of the attack.

    Returns:
        What was achieved, or :class:`~secure_ai.core.Unassessed` with the reason.

    Raises:
        UserError: if an argument is wrong.
    """
    if isinstance(references, bool) or not isinstance(references, int) or not 1 <= references <= 64:
        raise UserError(f"references={references!r}: choose a whole number from 1 to 64.")
    gone = rows_of(ids, training.keys)
    rows, labels = take(training.rows, np.flatnonzero(gone)), training.labels[gone]
    strangers, truth = others[0], np.asarray(others[1]).ravel()
    erasure, scratch = training.erase(ids), training.from_scratch(ids)
    models = {
        BEFORE: training.model, TABLE_ONLY: training.model, ERASED: erasure.model, SCRATCH: scratch,
    }  # fmt: skip
    losses = {name: _losses(model, rows, labels, strangers, truth) for name, model in models.items()}
    usual = np.mean(
        [
            _losses(training.from_scratch(ids, seed=seed + 1 + number), rows, labels, strangers, truth)
            for number in range(references)
        ],
        axis=0,
    )
    # What differs by rounding alone tells nothing: all of it is one score.
    scores = {name: np.round(usual - found, 9) for name, found in losses.items()}
    count = len(labels)
    attacks = {
        name: _attack(score[:count], score[count:], "calibrated loss", seed, WATSON)
        for name, score in scores.items()
    }
    # Erasing lowers what the model knew of a record: the change alone gives it away.
    change = np.round(losses[ERASED] - losses[BEFORE], 9)
    both = _attack(change[:count], change[count:], "two versions", seed, CHEN)
    receipt = replace(
        erasure.receipt,
        compared="a model trained without the records from the beginning",
        largest_difference=max(
            largest_difference(erasure.model, scratch, rows),
            largest_difference(erasure.model, scratch, without(training.rows, gone)),
        ),
    )
    lines = [
        {"version": name}
        | _found(attacks[name])
        | {
            "difference": largest_difference(model, scratch, rows),
            "work": {SCRATCH: 1.0, ERASED: receipt.share_of_work}.get(name, 0.0),
            "accuracy": np.nan if test is None else _accuracy(model, *test),
        }
        for name, model in models.items()
    ]
    return ErasureMeasure(replace(erasure, receipt=receipt), attacks, both, pd.DataFrame(lines))


def _found(attack: MembershipAttack | Unassessed) -> dict[str, float]:
    if isinstance(attack, Unassessed):
        return dict.fromkeys(("auc", "low", "high"), np.nan)
    return dict(zip(("auc", "low", "high"), (attack.auc.value, *attack.auc.interval), strict=True))


def _losses(model: Any, rows: Any, labels: np.ndarray, others: Any, truth: np.ndarray) -> np.ndarray:
    """Return the loss of the erased records, then of the others; limited, or one record would decide."""
    found = np.concatenate([record_losses(model, rows, labels), record_losses(model, others, truth)])
    return np.minimum(found, MOST_LOSS)


def _attack(
    members: np.ndarray, others: np.ndarray, name: str, seed: int, source: str
) -> MembershipAttack | Unassessed:
    if min(len(members), len(others)) < LEAST:
        return Unassessed(
            f"{min(len(members), len(others))} records are too few to judge a membership attack: give at "
            f"least {LEAST}. The comparison with a model trained without them stands."
        )
    return membership_from_scores(members, others, attack=name, seed=seed, source=source)


def _accuracy(model: Any, rows: Any, labels: Any) -> float:
    classes = np.asarray(model.classes_)
    return float((classes[model.predict_proba(rows).argmax(axis=1)] == np.asarray(labels)).mean())


@dataclass(frozen=True)
class ShardingCurve:
    """What more shards cost in accuracy, and save when records are erased.

    Attributes:
        frame: one line for each number of shards: shards, accuracy, low, high, work (mean share of training
            from the beginning that a request costs).
        request: people in a request.
        tested: records that accuracy was measured on.
    """

    frame: pd.DataFrame
    request: int
    tested: int

    def to_frame(self) -> pd.DataFrame:
        """Return the frame."""
        return self.frame

    def sentence(self) -> str:
        """Say what the most shards cost and save, against the fewest."""
        first, last = self.frame.iloc[0], self.frame.iloc[-1]
        return (
            f"From {first['shards']:.0f} to {last['shards']:.0f} shards, erasing {self.request} "
            f"{'person' if self.request == 1 else 'people'} goes from {percent(first['work'])} to "
            f"{percent(last['work'])} of the work of training, and accuracy from {first['accuracy']:.1%} to "
            f"{last['accuracy']:.1%} on {self.tested:,} other records."
        )


def sharding_curve(
    recipe: Any,
    rows: Any,
    labels: Any,
    test: tuple[Any, Any],
    *,
    ids: Any = None,
    shards: Sequence[int] = (1, 2, 5, 10, 20),
    request: int = 1,
    seed: int = 0,
) -> ShardingCurve:
    """Train with different numbers of shards: accuracy, and the work that erasing costs.

    Args:
        recipe, rows, labels, ids: as for :func:`train_sharded`.
        test: rows and labels to judge accuracy.
        shards: numbers of shards.
        request: how many people a request names; the work is the mean over 200 requests drawn at random.
        seed: of training and drawing.

    Raises:
        UserError: if an argument is wrong.
        TargetError: if training fails.
    """
    if not len(shards):
        raise UserError("shards: name at least one number of shards.")
    lines = []
    for count in shards:
        training = train_sharded(recipe, rows, labels, ids=ids, shards=int(count), seed=seed)
        right = _accuracy(training.model, *test)
        low, high = wilson(right * len(test[1]), len(test[1]))
        lines.append((count, right, low, high, _work(training, request, np.random.default_rng(seed))))
    frame = pd.DataFrame(lines, columns=["shards", "accuracy", "low", "high", "work"])
    return ShardingCurve(frame, request, len(test[1]))


def _work(training: Any, request: int, rng: np.random.Generator, draws: int = 200) -> float:
    """Return the mean share of the rows that stand in a shard with somebody of a request."""
    people, person = np.unique(training.keys.astype(str), return_inverse=True)
    if not 1 <= request < len(people):
        raise UserError(f"request={request!r}: choose from 1 to {len(people) - 1:,} people.")
    shard = np.empty(len(person), dtype=int)
    for number, (places, _) in enumerate(_placed(training.keys, training)):
        shard[places] = number
    rows = np.bincount(shard, minlength=training.shards)
    shard_of = np.empty(len(people), dtype=int)
    shard_of[person] = shard
    chosen = [np.unique(shard_of[rng.choice(len(people), request, replace=False)]) for _ in range(draws)]
    return float(np.mean([rows[hit].sum() for hit in chosen]) / rows.sum())
