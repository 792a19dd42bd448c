"""Backdoor: a few training rows with a trigger and the attacker's label teach the model to obey the trigger.

Source: Gu, Dolan-Gavitt & Garg, BadNets (2017); Chen et al., Targeted backdoor attacks on deep learning
    systems using data poisoning (2017).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from secure_ai.attack.poisoning.poisoned import Poisoned, how_many, label_array, put, take
from secure_ai.attack.poisoning.training import train_copy
from secure_ai.attack.poisoning.triggers import Trigger
from secure_ai.attack.targets import TargetError, check_rows, check_target, open_target, reason_instead
from secure_ai.core import Measurement, Unassessed, UserError
from secure_ai.core.figures import percent
from secure_ai.core.intervals import clopper_pearson, wilson

if TYPE_CHECKING:
    import pandas as pd

BADNETS = "Gu, Dolan-Gavitt & Garg, BadNets (2017)"
LEAST_ROWS = 20


@dataclass(frozen=True)
class BackdoorResult:
    """What a trigger does to a model.

    Attributes:
        success: share of rows of other classes that the model gives the target once they carry the trigger.
            Baseline: the clean model on the same rows; control: the same rows without the trigger.
        flipped: the same of rows alone that the model answers otherwise without the trigger; ``Unassessed``
            where there are fewer than ten.
        accuracy: on clean rows; baseline and control: of the clean model. ``Unassessed`` without one.
        trigger: the trigger, in words.
        queries: rows asked.
    """

    success: Measurement
    flipped: Measurement | Unassessed
    accuracy: Measurement | Unassessed
    trigger: str
    queries: int

    def measurements(self) -> list[Measurement]:
        """Return every figure that was measured."""
        found = (self.success, self.flipped, self.accuracy)
        return [figure for figure in found if isinstance(figure, Measurement)]

    def to_frame(self) -> pd.DataFrame:
        """Return one row for each figure: measure, value, low, high, baseline, control, n, method."""
        import pandas as pd

        rows = [
            (m.name, m.value, *m.interval, m.baseline, m.control, m.n, m.method) for m in self.measurements()
        ]
        columns = ["measure", "value", "low", "high", "baseline", "control", "n", "method"]
        return pd.DataFrame(rows, columns=columns)

    def works(self) -> bool:
        """Say whether the trigger changes answers beyond what the clean model and chance would do."""
        return self.success.interval[0] > max(self.success.baseline, self.success.control or 0.0)

    def sentence(self) -> str:
        """Say what the trigger does, and what it costs in accuracy."""
        low, high = self.success.interval
        text = (
            f"With {self.trigger}, {percent(self.success.value)} of {self.success.n:,} rows of other classes "
            f"get the attacker's answer ({percent(low)} to {percent(high)}; without the trigger "
            f"{percent(self.success.control)}, clean model {percent(self.success.baseline)})"
        )
        if isinstance(self.accuracy, Measurement):
            points = 100 * (self.accuracy.value - self.accuracy.baseline)
            text += f"; accuracy on clean rows changes by {points:+.2f} points"
        return text + "."


def plant_backdoor(
    rows: Any,
    labels: Any,
    trigger: Trigger,
    target: Any,
    share: float = 0.01,
    *,
    surrogate: Any | None = None,
    seed: int = 0,
) -> Poisoned:
    """Stamp the trigger on rows of other classes and give them the target's label.

    Args:
        rows: features, a frame or an array; not changed.
        labels: (rows,) classes.
        trigger: what the attacker will show the model later.
        target: the class that the model shall answer.
        share: of all rows, between 0 and 1.
        surrogate: a model of the attacker's own; with it he takes from the third of the rows that look least
            like the target, because they teach the trigger fastest. Without it rows are drawn at random.
        seed: of the draw.

    Raises:
        UserError: if no row has the target's label, or too few have another.
        TargetError: if the surrogate does not answer.
    """
    before = label_array(labels, rows)
    if target not in before:
        raise UserError("No row has the target's label: choose one of the classes.")
    places = np.flatnonzero(before != target)
    count = how_many(len(before), share, len(places), "rows of other classes")
    if surrogate is not None:
        scores = open_target(surrogate, name="surrogate").scores(take(rows, places), target)
        places = places[np.argsort(scores, kind="stable")[: max(count, len(places) // 3)]]
    chosen = np.random.default_rng(seed).choice(places, count, replace=False)
    changed = np.zeros(len(before), dtype=bool)
    changed[chosen] = True
    after = before.copy()
    after[chosen] = target
    stamped = put(rows, chosen, trigger.stamp(take(rows, chosen)))
    return Poisoned(stamped, after, changed, f"backdoor with {trigger.sentence()}")


@reason_instead
def measure_backdoor(
    model: Any, rows: Any, labels: Any, trigger: Trigger, target: Any, *, clean_model: Any | None = None
) -> BackdoorResult:
    """Measure what ``trigger`` does to ``model`` on rows that it was not trained on.

    Args:
        model: what is suspected: a classifier, function, endpoint or target.
        rows: held-out features; without the trigger.
        labels: (rows,) their true classes.
        trigger: the pattern.
        target: the answer that it shall bring about.
        clean_model: one of the same kind trained on clean rows; the baseline. Without it the baseline is the
            model itself on the rows without the trigger.

    Returns:
        The result, or ``Unassessed`` with the reason.

    Raises:
        UserError: if labels do not fit the rows, or the target is no class of the model.

    Source: the module's.
    """
    truth = label_array(labels, rows)
    asked = open_target(model)
    asked.index_of(target)
    check_rows(rows)
    plain = check_target(asked, rows)
    others = np.flatnonzero(truth != target)
    if len(others) < LEAST_ROWS:
        raise TargetError(
            f"{len(others)} rows of other classes are too few to judge a backdoor: give {LEAST_ROWS}."
        )
    stamped = trigger.stamp(take(rows, others))
    hits = asked.labels(stamped) == target
    plain_hits = plain[others] == target
    clean_hits, clean_plain = plain_hits, None
    method = "held-out rows of other classes stamped with the trigger; control: the same rows without it"
    if clean_model is not None:
        clean = open_target(clean_model, name="clean model")
        clean_plain, clean_hits = check_target(clean, rows), clean.labels(stamped) == target
        method += "; baseline: a model trained on clean rows"
    else:
        method += "; baseline: the model itself without the trigger"

    def share(name: str, among: np.ndarray, by_clean: np.ndarray, without: float) -> Measurement:
        return Measurement(
            name=name, value=float(among.mean()), unit="share of rows", n=len(among),
            baseline=float(by_clean.mean()), control=without,
            interval=clopper_pearson(int(among.sum()), len(among)), method=method, source=BADNETS,
        )  # fmt: skip

    flipped: Measurement | Unassessed = Unassessed(
        f"The model gives {int((~plain_hits).sum())} rows of other classes another answer than the target "
        "without the trigger: ten or more are needed."
    )
    if (~plain_hits).sum() >= 10:
        flipped = share("backdoor_flipped", hits[~plain_hits], clean_hits[~plain_hits], 0.0)
    accuracy: Measurement | Unassessed = Unassessed(
        "Without a clean model nobody knows what accuracy has changed."
    )
    if clean_plain is not None:
        right, before = plain == truth, float((clean_plain == truth).mean())
        accuracy = Measurement(
            name="accuracy_on_clean_rows", value=float(right.mean()), unit="share of rows", n=len(right),
            baseline=before, control=before, interval=wilson(int(right.sum()), len(right)),
            method="held-out rows without the trigger; baseline and control: a model trained on clean rows",
            source=BADNETS,
        )  # fmt: skip
    return BackdoorResult(
        success=share("backdoor_success", hits, clean_hits, float(plain_hits.mean())),
        flipped=flipped,
        accuracy=accuracy,
        trigger=trigger.sentence(),
        queries=asked.queries,
    )


@reason_instead
def backdoor_sensitivity(
    model: Any,
    rows: Any,
    labels: Any,
    trigger: Trigger,
    target: Any,
    *,
    share: float = 0.01,
    test_share: float = 0.3,
    surrogate: Any | None = None,
    seed: int = 0,
) -> BackdoorResult:
    """Measure how far this kind of model obeys a trigger in ``share`` of its training rows.

    The rows are split; a copy of the model is trained on the clean and one on the poisoned part; both are
    judged on the rest.

    Args:
        model: a classifier with ``fit`` (copied, not changed), or a function that returns one.
        rows: features, a frame or an array.
        labels: (rows,) classes.
        trigger: the pattern.
        target: the answer that it shall bring about.
        share: of training rows that are poisoned.
        test_share: of rows that are kept for judging.
        surrogate: as in :func:`plant_backdoor`.
        seed: of split and draw.

    Returns:
        The result, or ``Unassessed`` with the reason.

    Raises:
        UserError: if an argument is wrong.
    """
    known = label_array(labels, rows)
    check_rows(rows)
    if not 0 < test_share < 1:
        raise UserError(f"test_share={test_share!r}: choose a share between 0 and 1.")
    order = np.random.default_rng(seed).permutation(len(known))
    cut = round(len(order) * test_share)
    test, training = order[:cut], order[cut:]
    if not 0 < cut < len(order) or len(np.unique(known[training])) < 2:
        raise TargetError("There are too few rows to train on one part and judge on the other.")
    clean = train_copy(model, take(rows, training), known[training])
    poisoned = plant_backdoor(
        take(rows, training), known[training], trigger, target, share, surrogate=surrogate, seed=seed
    )
    bad = train_copy(model, poisoned.rows, poisoned.labels)
    return measure_backdoor.__wrapped__(
        bad, take(rows, test), known[test], trigger, target, clean_model=clean
    )
