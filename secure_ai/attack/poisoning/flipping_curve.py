"""How accuracy falls as labels are flipped: at random over all rows, or in one group only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from secure_ai.attack.poisoning.flips import flip_group, flip_labels
from secure_ai.attack.poisoning.poisoned import label_array, take
from secure_ai.attack.poisoning.training import train_copy
from secure_ai.attack.targets import TargetError, check_rows, check_target, open_target, reason_instead
from secure_ai.core import Measurement, UserError
from secure_ai.core.figures import percent
from secure_ai.core.intervals import wilson

if TYPE_CHECKING:
    import pandas as pd

BIGGIO = "Biggio, Nelson & Laskov, Support vector machines under adversarial label noise (2011)"


@dataclass(frozen=True)
class FlippingResult:
    """What flipped labels do to a model.

    Attributes:
        points: one measurement for each share: accuracy on clean held-out rows (random flips), or the share
            of the group's rows that get the attacker's label (targeted flips). Baseline: trained on clean
            labels; control: trained without those rows, or for a group the same figure outside of it.
        shares: of training rows whose label was flipped.
        accuracy: (shares,) accuracy on all held-out rows.
        targeted: whether one group was flipped.
    """

    points: tuple[Measurement, ...]
    shares: tuple[float, ...]
    accuracy: tuple[float, ...]
    targeted: bool

    def measurements(self) -> list[Measurement]:
        """Return the figure of each share."""
        return list(self.points)

    def to_frame(self) -> pd.DataFrame:
        """Return one row per share: share, value, low, high, baseline, control, accuracy, n."""
        import pandas as pd

        rows = [
            (share, m.value, *m.interval, m.baseline, m.control, accuracy, m.n)
            for share, m, accuracy in zip(self.shares, self.points, self.accuracy, strict=True)
        ]
        return pd.DataFrame(
            rows, columns=["share", "value", "low", "high", "baseline", "control", "accuracy", "n"]
        )

    def sentence(self) -> str:
        """Say what the largest share does."""
        last, share = self.points[-1], self.shares[-1]
        if self.targeted:
            return (
                f"With {percent(share)} of training labels flipped, all in one group, {percent(last.value)} "
                f"of that group's rows get the attacker's answer (clean training: {percent(last.baseline)}); "
                f"accuracy over all rows is {percent(self.accuracy[-1])}."
            )
        return (
            f"With {percent(share)} of training labels flipped at random, accuracy is {percent(last.value)} "
            f"instead of {percent(last.baseline)}."
        )


@reason_instead
def measure_flipping(
    model: Any,
    rows: Any,
    labels: Any,
    *,
    shares: Sequence[float] = (0.01, 0.05, 0.1, 0.2, 0.3),
    group: Any | None = None,
    to: Any | None = None,
    test_share: float = 0.3,
    seed: int = 0,
) -> FlippingResult:
    """Train copies of a model on ever more flipped labels and judge them on rows kept clean.

    Args:
        model: a classifier with ``fit`` (copied, not changed), or a function that returns one.
        rows: features, a frame or an array.
        labels: (rows,) classes.
        shares: of training rows that are flipped; for a group at most its rows with another label.
        group: (rows,) booleans: flip only these, to ``to``; None flips at random.
        to: the label that the group gets.
        test_share: of rows that are kept for judging.
        seed: of split and draw.

    Returns:
        The result, or ``Unassessed`` with the reason.

    Raises:
        UserError: if an argument is wrong.
    """
    known = label_array(labels, rows)
    check_rows(rows)
    if (group is None) != (to is None):
        raise UserError("Give group= and to= together, or neither.")
    if not len(shares):
        raise UserError("Give at least one share of labels to flip.")
    if not 0 < test_share < 1:
        raise UserError(f"test_share={test_share!r}: choose a share between 0 and 1.")
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(known))
    cut = round(len(order) * test_share)
    test, training = order[:cut], order[cut:]
    if not 0 < cut < len(order):
        raise TargetError("There are too few rows to train on one part and judge on the other.")
    inside = None if group is None else np.asarray(group, dtype=bool).ravel()
    if inside is not None and len(inside) != len(known):
        raise UserError(
            f"There are {len(known):,} rows, and group= marks {len(inside):,}: give one mark for each."
        )
    if inside is not None and (inside[test] & (known[test] != to)).sum() < 10:
        raise TargetError(
            "The group has fewer than ten held-out rows with another label: nothing can be judged."
        )
    train_rows, train_labels = take(rows, training), known[training]
    test_rows, truth = take(rows, test), known[test]

    def answers(new_labels: np.ndarray, kept: np.ndarray | None = None) -> np.ndarray:
        given = train_rows if kept is None else take(train_rows, kept)
        return open_target(train_copy(model, given, new_labels)).labels(test_rows)

    clean = check_target(open_target(train_copy(model, train_rows, train_labels)), test_rows)
    judged = np.ones(len(test), dtype=bool) if inside is None else inside[test] & (truth != to)
    away = np.zeros(len(test), dtype=bool) if inside is None else ~inside[test] & (truth != to)

    def hits(found: np.ndarray) -> np.ndarray:
        return found == truth if inside is None else found == to

    points, accuracies = [], []
    for share in shares:
        flipped = (
            flip_labels(train_rows, train_labels, share, seed=seed)
            if inside is None
            else flip_group(train_rows, train_labels, inside[training], to, share, seed=seed)
        )
        found = answers(flipped.labels)
        value, n = int(hits(found)[judged].sum()), int(judged.sum())
        if inside is None:
            kept = np.flatnonzero(~flipped.changed)
            control = float((answers(train_labels[kept], kept) == truth).mean())
        else:
            control = float(hits(found)[away].mean()) if away.any() else None
        point = Measurement(
            name="accuracy_after_flipping" if inside is None else "group_gets_the_attackers_answer",
            value=value / n, unit="share of rows", n=n, baseline=float(hits(clean)[judged].mean()),
            control=control, interval=wilson(value, n),
            method=f"{flipped.attack} in {share:.1%} of training rows, held-out rows with true labels",
            source=BIGGIO,
        )  # fmt: skip
        points.append(point)
        accuracies.append(float((found == truth).mean()))
    return FlippingResult(tuple(points), tuple(map(float, shares)), tuple(accuracies), inside is not None)
