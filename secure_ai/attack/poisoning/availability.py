"""An attack on retraining: a model that learns each month from new rows is made useless by some of them.

The attacker does not want one answer; he wants none to be worth anything. He sends rows of one
class of which the model is sure, with another label: they pull hardest, and all in one direction.

Source: Biggio, Nelson & Laskov, Poisoning attacks against support vector machines (2012); Jagielski et al.,
    Manipulating machine learning (2018), the setting of repeated training.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from secure_ai.attack.poisoning.flips import flip_labels
from secure_ai.attack.poisoning.poisoned import Poisoned, how_many, label_array, take
from secure_ai.attack.poisoning.training import train_copy
from secure_ai.attack.targets import (
    Target,
    TargetError,
    check_rows,
    check_target,
    open_target,
    reason_instead,
)
from secure_ai.core import Measurement, UserError
from secure_ai.core.figures import percent
from secure_ai.core.intervals import wilson

if TYPE_CHECKING:
    import pandas as pd

JAGIELSKI = "Jagielski et al., Manipulating machine learning (2018)"


@dataclass(frozen=True)
class RetrainingResult:
    """What becomes of a model that is trained again each round on all rows so far.

    Attributes:
        final: accuracy after the last round on rows kept clean; baseline: retrained on clean rows only;
            control: as many labels flipped at random.
        rounds: columns ``round``, ``clean``, ``attacked``, ``random``: accuracies; round 0 is before.
        share: of each round's rows that the attacker sends.
    """

    final: Measurement
    rounds: pd.DataFrame
    share: float

    def measurements(self) -> list[Measurement]:
        """Return the figure after the last round."""
        return [self.final]

    def to_frame(self) -> pd.DataFrame:
        """Return the accuracies, round by round."""
        return self.rounds.copy()

    def sentence(self) -> str:
        """Say what the attack does to the model."""
        return (
            f"With {percent(self.share)} of each round's rows sent by an attacker, accuracy after "
            f"{len(self.rounds) - 1} rounds is {percent(self.final.value)}; clean it is "
            f"{percent(self.final.baseline)}, with as many labels flipped at random "
            f"{percent(self.final.control)}."
        )


def poison_batch(model: Any, rows: Any, labels: Any, share: float) -> Poisoned:
    """Flip labels where the model is surest of the true one, the commonest class of the batch first.

    Flips in both directions would cancel each other.

    Args:
        model: what the attacker can ask: a classifier, function, endpoint or target; with labels alone he
            takes rows that it answers rightly.
        rows: a batch of new rows.
        labels: (rows,) their true classes.
        share: of the batch.

    Raises:
        TargetError: if the model does not answer.
        UserError: if the share makes no row.
    """
    known = label_array(labels, rows)
    count = how_many(len(known), share, len(known), "rows")
    target = open_target(model)
    scores, others = _sureness(target, rows, known)
    classes, sizes = np.unique(known, return_counts=True)
    chosen = np.lexsort((-scores, known != classes[sizes.argmax()]))[:count]
    changed = np.zeros(len(known), dtype=bool)
    changed[chosen] = True
    after = known.copy()
    after[chosen] = others[chosen]
    return Poisoned(rows, after, changed, "labels of the commonest class flipped where the model is surest")


@reason_instead
def measure_retraining(
    model: Any,
    rows: Any,
    labels: Any,
    *,
    share: float = 0.1,
    rounds: int = 5,
    test_share: float = 0.3,
    seed: int = 0,
) -> RetrainingResult:
    """Measure what an attacker does to a model that is retrained round after round.

    A first model is trained on a third of the training rows; the rest comes in ``rounds`` batches of which
    the attacker writes ``share``.

    Args:
        model: a classifier with ``fit`` (copied, not changed), or a function that returns one.
        rows: features, a frame or an array.
        labels: (rows,) classes.
        share: of each batch.
        rounds: how often the model is retrained.
        test_share: of rows that are kept for judging.
        seed: of split and draw.

    Returns:
        The result, or ``Unassessed`` with the reason.

    Raises:
        UserError: if an argument is wrong.
    """
    import pandas as pd

    known = label_array(labels, rows)
    check_rows(rows, least=50)
    if rounds < 1 or not 0 < test_share < 1:
        raise UserError("Choose one round or more, and a test_share between 0 and 1.")
    order = np.random.default_rng(seed).permutation(len(known))
    cut = round(len(order) * test_share)
    test, training = order[:cut], order[cut:]
    first, *batches = np.split(
        training, np.linspace(len(training) // 3, len(training), rounds + 1).astype(int)[:-1]
    )
    if min(map(len, batches)) < 10:
        raise TargetError(f"{len(known):,} rows are too few for {rounds} rounds: give more, or fewer rounds.")
    test_rows, truth = take(rows, test), known[test]
    start = train_copy(model, take(rows, first), known[first])
    labels_of = {name: known.copy() for name in ("clean", "attacked", "random")}
    right = {name: check_target(open_target(start), test_rows) == truth for name in labels_of}
    table = [(0, *(float(right[name].mean()) for name in labels_of))]
    attacked, seen = start, first
    for number, batch in enumerate(batches, 1):
        batch_rows = take(rows, batch)
        labels_of["attacked"][batch] = poison_batch(attacked, batch_rows, known[batch], share).labels
        labels_of["random"][batch] = flip_labels(batch_rows, known[batch], share, seed=seed + number).labels
        seen = np.concatenate([seen, batch])
        for name, given in labels_of.items():
            fitted = train_copy(model, take(rows, seen), given[seen])
            right[name] = open_target(fitted).labels(test_rows) == truth
            attacked = fitted if name == "attacked" else attacked
        table.append((number, *(float(right[name].mean()) for name in labels_of)))
    hits = int(right["attacked"].sum())
    final = Measurement(
        name="accuracy_after_poisoned_retraining",
        value=hits / len(truth),
        unit="share of rows",
        n=len(truth),
        baseline=float(right["clean"].mean()),
        control=float(right["random"].mean()),
        interval=wilson(hits, len(truth)),
        method=f"{rounds} rounds; labels flipped in {share:.0%} of a batch where the model is surest",
        source=JAGIELSKI,
    )
    return RetrainingResult(final, pd.DataFrame(table, columns=["round", *labels_of]), share)


def _sureness(target: Target, rows: Any, known: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return how sure the model is of each true label, and the label that it finds least likely."""
    own = target.classes[None, :] == known[:, None]
    if target.answer == "probabilities":
        chances = target.probabilities(rows)
        return np.where(own, chances, 0.0).sum(axis=1), target.classes[
            np.where(own, 2.0, chances).argmin(axis=1)
        ]
    return (target.labels(rows) == known).astype(float), target.classes[own.argmin(axis=1)]
