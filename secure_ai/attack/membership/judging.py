"""Judging any attack by its scores: how well members are told from others, with baseline, control, interval.

Source: Carlini et al., Membership inference attacks from first principles (2022), section III.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from secure_ai.attack.membership import figures
from secure_ai.attack.membership.bounds import most_advantage
from secure_ai.core import Measurement, Unassessed, UserError
from secure_ai.core.figures import percent

if TYPE_CHECKING:
    import pandas as pd

    from secure_ai.attack.membership.at_risk import RecordsAtRisk

YEOM = "Yeom et al., Privacy risk in machine learning (2018)"
CARLINI = "Carlini et al., Membership inference attacks from first principles (2022)"
LEAST = 20
FALSE_ALARMS, FEWER_ALARMS = 0.01, 0.001
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
        balanced_accuracy: mean share of both groups that is told right, by the threshold of ``advantage``.
        tpr_at_lower_fpr: members found at 0.1 % false alarms; ``Unassessed`` below 1,000 records that are
            none.
        tpr_at_zero_fpr: members above every record that is none.
        p_value: chance of this AUC, or more, were membership shuffled.
        scores: one row for each record, members first: ``member``, ``position`` in its group, ``score``,
            ``false_alarms`` (share of non-members that score at least as high).
        expected: (records,) mean probability that reference models without a record give to its class, where
            there were references.
        epsilon, delta: what the model's training has cost, where known.
    """

    auc: Measurement
    advantage: Measurement
    tpr_at_low_fpr: Measurement | Unassessed
    roc: pd.DataFrame
    attack: str
    balanced_accuracy: Measurement
    tpr_at_lower_fpr: Measurement | Unassessed
    tpr_at_zero_fpr: Measurement
    p_value: Measurement
    scores: pd.DataFrame = field(repr=False)
    expected: np.ndarray | None = field(default=None, repr=False)
    epsilon: float | None = None
    delta: float = 0.0

    def figures(self) -> tuple[Measurement | Unassessed, ...]:
        """Return every figure, and the reason in place of one that could not be measured."""
        return (
            self.auc,
            self.advantage,
            self.balanced_accuracy,
            self.tpr_at_low_fpr,
            self.tpr_at_lower_fpr,
            self.tpr_at_zero_fpr,
            self.p_value,
        )

    def measurements(self) -> list[Measurement]:
        """Return every figure that was measured."""
        return [figure for figure in self.figures() if isinstance(figure, Measurement)]

    def tpr_at(self, fpr: float) -> float:
        """Return the share of members found with at most a share ``fpr`` of false alarms.

        Raises:
            UserError: if there are too few non-members to show so few false alarms.
        """
        others = int((~self.scores["member"]).sum())
        if not 0 <= fpr <= 1 or 0 < fpr < 1 / others:
            raise UserError(f"{others:,} non-members cannot show a false alarm rate of {fpr:g}.")
        return float(self.roc["tpr"][self.roc["fpr"] <= fpr + 1e-12].max())

    def records_at_risk(self, frame: Any, *, top: int = 50) -> RecordsAtRisk:
        """Return the members that the attack is surest of, and what they have in common.

        Args:
            frame: the members' rows as people know them (before encoding), in the order that was attacked.
            top: how many.

        Raises:
            UserError: if the frame has another number of rows than there were members.
        """
        from secure_ai.attack.membership.at_risk import find_records_at_risk

        inside = self.scores[self.scores["member"]]
        expected = None if self.expected is None else self.expected[: len(inside)]
        return find_records_at_risk(
            frame, inside["score"], top=top, expected=expected, false_alarms=inside["false_alarms"]
        )

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


def membership_from_scores(
    members: Any,
    non_members: Any,
    *,
    attack: str,
    source: str = CARLINI,
    control: tuple[Any, Any] | None = None,
    expected: np.ndarray | None = None,
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
        expected: see :attr:`MembershipAttack.expected`.
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
    judged = partial(_measured, n=len(first) + len(second), absent=absent)

    def compared(figure: Callable[..., float]) -> tuple[float, float]:
        return figure(first, second), float(np.mean([figure(*pair) for pair in pairs]))

    def found_at(fpr: float, name: str) -> Measurement:
        return judged(
            name=name,
            unit="probability",
            values=compared(lambda *pair: figures.true_positives_at(*pair, fpr)),
            interval=figures.true_positives_interval(first, second, fpr, seed),
            baseline=fpr or 1 / (len(second) + 1),
            method=f"{attack}; interval of resampled records",
            source=CARLINI,
        )

    def found_at_few(fpr: float, name: str) -> Measurement | Unassessed:
        if len(second) * fpr >= 1:
            return found_at(fpr, name)
        return Unassessed(
            f"{len(second):,} records outside the training data cannot show {fpr * 100:g}% false alarms: "
            f"give {round(1 / fpr):,} or more."
        )

    told = compared(lambda *pair: figures.advantage(*pair, seed)[0])
    low, high = figures.advantage(first, second, seed)[1]
    fpr, tpr = figures.roc(first, second)
    return MembershipAttack(
        auc=judged(
            name="membership_auc",
            unit="probability",
            values=compared(figures.auc),
            interval=figures.auc_interval(first, second),
            baseline=0.5,
            method=f"{attack}; DeLong interval",
            source=source,
        ),
        advantage=judged(
            name="membership_advantage",
            unit="difference of probabilities",
            values=told,
            interval=(low, high),
            baseline=0.0,
            method=f"{attack}; threshold learned on the other half",
            source=YEOM,
        ),
        balanced_accuracy=judged(
            name="membership_balanced_accuracy",
            unit="probability",
            # Half the advantage above one half: the same threshold, the same records.
            values=((1 + told[0]) / 2, (1 + told[1]) / 2),
            interval=((1 + low) / 2, (1 + high) / 2),
            baseline=0.5,
            method=f"{attack}; threshold learned on the other half",
            source=CARLINI,
        ),
        tpr_at_low_fpr=found_at_few(FALSE_ALARMS, "membership_tpr_at_1_percent_fpr"),
        tpr_at_lower_fpr=found_at_few(FEWER_ALARMS, "membership_tpr_at_0.1_percent_fpr"),
        tpr_at_zero_fpr=found_at(0.0, "membership_tpr_at_0_fpr"),
        p_value=_p_value(first, second, pairs, f"{attack}; {absent}", seed),
        roc=pd.DataFrame({"fpr": fpr, "tpr": tpr}),
        scores=_score_frame(first, second),
        attack=attack,
        expected=expected,
        epsilon=epsilon,
        delta=delta,
    )


def _p_value(
    first: np.ndarray, second: np.ndarray, pairs: Sequence[Any], method: str, seed: int
) -> Measurement:
    value, interval, control = figures.permuted(first, second, seed, pairs)
    return Measurement(
        name="membership_p_value",
        value=value,
        unit="probability",
        n=len(first) + len(second),
        baseline=0.5,
        interval=interval,
        method=f"AUC against shuffled membership, one-sided; {method}",
        control=control,
        source="Phipson & Smyth, Permutation p-values should never be zero (2010)",
    )


def _score_frame(first: np.ndarray, second: np.ndarray) -> pd.DataFrame:
    import pandas as pd

    scores = np.concatenate([first, second])
    alarms = (len(second) - np.searchsorted(np.sort(second), scores, side="left")) / len(second)
    return pd.DataFrame(
        {
            "member": np.arange(len(scores)) < len(first),
            "position": np.concatenate([np.arange(len(first)), np.arange(len(second))]),
            "score": scores,
            "false_alarms": alarms,
        }
    )


def _measured(
    *,
    name: str,
    unit: str,
    values: tuple[float, float],
    interval: tuple[float, float],
    baseline: float,
    method: str,
    source: str,
    n: int,
    absent: str,
) -> Measurement:
    return Measurement(
        name=name,
        value=values[0],
        unit=unit,
        n=n,
        baseline=baseline,
        interval=interval,
        method=f"{method}; {absent}",
        source=source,
        control=values[1],
    )


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
