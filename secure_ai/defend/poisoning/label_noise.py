"""Label noise: rows whose label other rows contradict, and whether one group has too many of them.

Some labels are always wrong. Flipped ones are wrong together: in one group, from one class to one other.

Source: Northcutt, Jiang & Chuang, Confident learning: estimating uncertainty in dataset labels (2021).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from secure_ai.attack.poisoning.poisoned import label_array
from secure_ai.attack.targets import check_rows, reason_instead
from secure_ai.core import Measurement, UserError
from secure_ai.core.figures import percent
from secure_ai.core.intervals import wilson
from secure_ai.defend.poisoning.expectation import expected_classes

NORTHCUTT = "Northcutt, Jiang & Chuang, Confident learning (2021)"
ALARM = 0.001
LEAST_GROUP = 20


@dataclass(frozen=True)
class LabelNoise:
    """Which labels look wrong, and where.

    Attributes:
        share: of rows whose label looks wrong; baseline: 0; control: the same with labels drawn anew from
            what the models expect, so that only honest uncertainty contradicts them.
        suspicious: (rows,) booleans.
        margin: (rows,): expected probability of the likeliest other class less that of the label; the higher,
            the stranger.
        groups: columns ``group``, ``label``, ``rows``, ``observed``, ``expected``, ``p_value`` (of the group
            having that label so often or so seldom by chance, times the number of tests), ``alarm``; empty
            without groups.
    """

    share: Measurement
    suspicious: np.ndarray
    margin: np.ndarray
    groups: pd.DataFrame

    @property
    def alarm(self) -> bool:
        """Whether a group's labels differ from what its rows let expect."""
        return bool(len(self.groups) and self.groups["alarm"].any())

    def measurements(self) -> list[Measurement]:
        """Return the share of labels that look wrong."""
        return [self.share]

    def to_frame(self) -> pd.DataFrame:
        """Return the table of groups."""
        return self.groups.copy()

    def sentence(self) -> str:
        """Say how many labels look wrong, and which group stands out."""
        text = (
            f"{percent(self.share.value)} of {self.share.n:,} labels look wrong (with honest labels "
            f"{percent(self.share.control)} would)"
        )
        if self.alarm:
            worst = self.groups.iloc[0]
            text += (
                f"; the group '{worst['group']}' stands out: {percent(worst['observed'])} of its "
                f"{worst['rows']:,} rows have the label {worst['label']}, "
                f"{percent(worst['expected'])} were expected"
            )
        elif len(self.groups):
            text += "; no group stands out"
        return text + "."


@reason_instead
def find_label_noise(
    model: Any,
    rows: Any,
    labels: Any,
    *,
    groups: Any | None = None,
    folds: int = 5,
    seed: int = 0,
) -> LabelNoise:
    """Find labels that models trained on other rows contradict.

    Args:
        model: a classifier with ``fit`` and ``predict_proba`` (copied, not changed); None takes one that adds
            up the effects of single values.
        rows: the training rows, a frame or an array.
        labels: (rows,) their labels.
        groups: (rows,) names, such as a column of codes or the sources; each is tested.
        folds: parts; a row is judged by a model trained on the others.
        seed: of the split.

    Returns:
        The finding, or ``Unassessed`` with the reason.

    Raises:
        UserError: if labels or groups do not fit the rows.
    """
    known = label_array(labels, rows)
    check_rows(rows, least=50)
    expected, classes = expected_classes(rows, known, model=model, folds=folds, seed=seed)
    codes = np.searchsorted(classes, known)
    suspicious = _contradicted(expected, codes)
    # Even where labels are as the models expect, chance alone contradicts some.
    drawn = np.random.default_rng(seed).random((len(codes), 1))
    honest = np.minimum((expected.cumsum(axis=1) < drawn).sum(axis=1), len(classes) - 1)
    own = expected[np.arange(len(codes)), codes]
    others = expected.copy()
    others[np.arange(len(codes)), codes] = -1
    value = int(suspicious.sum())
    share = Measurement(
        name="labels_that_look_wrong", value=value / len(known), unit="share of rows", n=len(known),
        baseline=0.0, control=float(_contradicted(expected, honest).mean()),
        interval=wilson(value, len(known)),
        method=f"confident learning over {folds} folds", source=NORTHCUTT,
    )  # fmt: skip
    table = _groups(known, groups, expected, classes)
    return LabelNoise(share, suspicious, others.max(axis=1) - own, table)


def _contradicted(expected: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """Return which rows reach, for another class, the probability that rows of that class have on average."""
    usual = np.array(
        [
            expected[codes == place, place].mean() if (codes == place).any() else 1.0
            for place in range(expected.shape[1])
        ]
    )
    reached = np.where(expected >= usual, expected, -1.0)
    return (reached.max(axis=1) >= 0) & (reached.argmax(axis=1) != codes)


def _groups(known: np.ndarray, groups: Any, expected: np.ndarray, classes: np.ndarray) -> pd.DataFrame:
    columns = ["group", "label", "rows", "observed", "expected", "p_value", "alarm"]
    if groups is None:
        return pd.DataFrame(columns=columns)
    names = np.asarray(groups).ravel()
    if len(names) != len(known):
        raise UserError(f"There are {len(known):,} rows and {len(names):,} groups: give one for each.")
    found = []
    for name in pd.unique(names):
        inside = names == name
        size = int(inside.sum())
        if size < LEAST_GROUP:
            continue
        for place, label in enumerate(classes[1:] if len(classes) == 2 else classes, int(len(classes) == 2)):
            hits, mean = int((known[inside] == label).sum()), float(expected[inside, place].mean())
            found.append([name, label, size, hits / size, mean, _two_sided(hits, size, mean)])
    for row in found:
        row[-1] = min(1.0, row[-1] * len(found))
        row.append(row[-1] < ALARM)
    return pd.DataFrame(found, columns=columns).sort_values(["p_value", "rows"], ignore_index=True)


def _two_sided(hits: int, size: int, mean: float) -> float:
    from scipy.stats import binom

    # Rows differ in what is expected; the binomial of their mean is wider than their sum (Hoeffding, 1956).
    return float(min(1.0, 2 * min(binom.cdf(hits, size, mean), binom.sf(hits - 1, size, mean))))
