"""How much of the records a curious server gets back from what participants send, over many batches.

Participants send gradients of batches drawn from their rows; the server inverts each and the result is laid
beside the truth. An attacker without the gradient guesses the mean of other people's rows; as a control the
server inverts the gradient of other records.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from secure_ai.attack.federated.inversion import (
    ROUNDING,
    RecoveredBatch,
    mean_gradient,
    recover_batch,
)
from secure_ai.core import Measurement, UserError
from secure_ai.core.figures import percent
from secure_ai.core.intervals import wilson

Arrays = Sequence[np.ndarray]
Sent = Callable[[np.ndarray, np.ndarray], Arrays]
GEIPING = "Geiping et al., Inverting gradients (2020)"
SPEAR = "Dimitrov et al., SPEAR: exact gradient inversion of batches (2024)"
# A row counts as recovered if no value is further off than this, in units of the standardized columns.
TOLERANCE = 0.01


@dataclass(frozen=True, repr=False)
class GradientInversion:
    """What the server recovered.

    Attributes:
        recovered: share of the records of which every value was recovered; baseline: by guessing the mean
            row; control: from the gradient of other records.
        error: median distance (root mean square over columns) of a record from the recovered row nearest to
            it; baseline and control as above.
        batch: records of each batch.
        truth, rows: (records, inputs) of the first batch and what was recovered of it, in the same order, to
            look at; rows of NaN where the attack gave up. They are records: never print those of real people.
    """

    recovered: Measurement
    error: Measurement
    batch: int
    truth: np.ndarray
    rows: np.ndarray

    def measurements(self) -> list[Measurement]:
        """Return every figure that was measured."""
        return [self.recovered, self.error]

    def to_frame(self) -> pd.DataFrame:
        """Return one row for each figure: figure, value, baseline, control, low, high."""
        return pd.DataFrame(
            [
                {
                    "figure": each.name,
                    "value": each.value,
                    "baseline": each.baseline,
                    "control": each.control,
                    "low": each.interval[0],
                    "high": each.interval[1],
                }
                for each in self.measurements()
            ]
        )

    def sentence(self) -> str:
        """Say what share of the records the server got back."""
        return (
            f"From updates of {self.batch} record{'s' if self.batch > 1 else ''} the server recovers "
            f"{percent(self.recovered.value)} of the records in every value "
            f"({percent(self.recovered.interval[0])} to {percent(self.recovered.interval[1])}; "
            f"{self.recovered.n} records); the median distance is {self.error.value:.2g} deviations, by "
            f"guessing the mean row {self.error.baseline:.2g}."
        )


def plain_gradient(weights: Arrays) -> Sent:
    """Return what an unprotected participant sends after one step: the mean gradient of its batch.

    Args:
        weights: weights and biases of each layer in turn.
    """
    given = [np.asarray(part, dtype=float) for part in weights]
    return lambda rows, codes: mean_gradient(given, rows, codes)


def measure_inversion(
    weights: Arrays,
    rows: Any,
    codes: Any,
    *,
    batch: int = 1,
    batches: int = 10,
    sends: Sent | None = None,
    effort: int = 10_000,
    seed: int = 0,
) -> GradientInversion:
    """Draw batches of records, let the participant send their gradient, and invert it.

    Args:
        weights: common weights of the round, which the server knows; weights and biases in turn.
        rows: (records, inputs) of one participant, standardized columns; at least ``batch * (batches + 1)``.
        codes: (records,) class numbers from 0.
        batch: records of each batch.
        batches: how many are inverted.
        sends: ``sends(rows, codes) -> gradients``, what the participant sends of a batch; by default
            :func:`plain_gradient`. Noise, more steps or a mask come in here.
        effort: gradients computed for a batch before its search gives up.
        seed: of drawing and of the search.

    Raises:
        UserError: if there are too few records, or shapes do not fit.
    """
    given = [np.asarray(part, dtype=float) for part in weights]
    x, y = np.asarray(rows, dtype=float), np.asarray(codes).ravel()
    if x.ndim != 2 or len(x) != len(y) or not np.isfinite(x).all():
        raise UserError("Give rows of finite numbers, and a class number for each.")
    if batch < 1 or batches < 1 or len(x) < batch * (batches + 1):
        raise UserError(
            f"{batches} batches of {batch} and one beside them need {batch * (batches + 1):,} records; there "
            f"are {len(x):,}."
        )
    sends = sends or plain_gradient(given)
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(x))[: batch * (batches + 1)].reshape(batches + 1, batch)
    others = np.delete(x, order.ravel(), axis=0)
    mean = (others if len(others) else x).mean(axis=0)[None, :]
    got = [_inverted(sends(x[each], y[each]), given, batch, effort=effort, seed=seed) for each in order]
    near = [_distances(x[order[place]], got[place]) for place in range(batches)]
    far = [_distances(x[order[place]], got[place + 1]) for place in range(batches)]
    guess = _distances(x[order[:-1].ravel()], mean)
    (hits, apart), (false_hits, false_apart) = (
        tuple(np.concatenate(part) for part in zip(*each, strict=True)) for each in (near, far)
    )
    n = len(hits)
    recovered = Measurement(
        name="records_recovered",
        value=float(hits.mean()),
        unit="share of records",
        n=n,
        baseline=float(guess[0].mean()),
        interval=wilson(float(hits.sum()), n),
        method=f"batches of {batch}; every value within {TOLERANCE} deviations",
        source=GEIPING if batch == 1 else SPEAR,
        control=float(false_hits.mean()),
    )
    drawn = np.median(apart[rng.integers(0, n, (400, n))], axis=1)
    low, high = np.percentile(drawn, [2.5, 97.5])
    middle = float(np.median(apart))
    error = Measurement(
        name="distance_of_recovered_row",
        value=middle,
        unit="deviations (root mean square over columns)",
        n=n,
        baseline=float(np.median(guess[1])),
        interval=(min(float(low), middle), max(float(high), middle)),
        method="median over records; bootstrap of records",
        source=recovered.source,
        control=float(np.median(false_apart)),
    )
    return GradientInversion(recovered, error, batch, x[order[0]], _in_order(x[order[0]], got[0]))


def inversion_table(cases: Mapping[str, GradientInversion]) -> pd.DataFrame:
    """Return one row for each case: case, batch, recovered, low, high, control, distance, guessing."""
    return pd.DataFrame(
        [
            {
                "case": name,
                "batch": each.batch,
                "recovered": each.recovered.value,
                "low": each.recovered.interval[0],
                "high": each.recovered.interval[1],
                "control": each.recovered.control,
                "distance": each.error.value,
                "guessing": each.error.baseline,
            }
            for name, each in cases.items()
        ]
    )


def _inverted(
    gradients: Arrays, weights: list[np.ndarray], batch: int, *, effort: int, seed: int
) -> np.ndarray:
    """Return the rows that the server believes in, or the one mean row where the batch is too large."""
    seen = [np.asarray(part, dtype=float) for part in gradients]
    try:
        found: RecoveredBatch = recover_batch(seen, weights, records=batch, effort=effort, seed=seed)
    except UserError:
        # What is left without a search: a weighted mean of the rows.
        unit = int(np.abs(seen[1]).argmax())
        slope = seen[1][unit]
        return (seen[0][:, unit] / slope if abs(slope) > ROUNDING else np.zeros(len(seen[0])))[None, :]
    return found.rows


def _distances(truth: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return for each true row whether a recovered one equals it, and the distance to the nearest."""
    apart = truth[:, None, :] - rows[None, :, :]
    return (
        (np.abs(apart).max(axis=2) < TOLERANCE).any(axis=1),
        np.sqrt(np.square(apart).mean(axis=2)).min(axis=1),
    )


def _in_order(truth: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Return recovered rows in the order of the true ones; NaN where there are too few."""
    from scipy.optimize import linear_sum_assignment
    from scipy.spatial.distance import cdist

    ordered = np.full(truth.shape, np.nan)
    one, other = linear_sum_assignment(cdist(truth, rows))
    ordered[one] = rows[other]
    return ordered
