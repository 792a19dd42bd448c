"""How wrong an answer about a column will be, for each epsilon: for planning, not for release."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from secure_ai.anonymize.differential_privacy.aggregate import (
    Aggregate,
    aggregate,
    check_columns,
    true_answer,
)
from secure_ai.anonymize.differential_privacy.bounds import PrivacyUnit
from secure_ai.anonymize.differential_privacy.noise import Noise
from secure_ai.anonymize.differential_privacy.queries import (
    ContingencyTable,
    Histogram,
    Mean,
    Quantile,
    Query,
    describe,
)
from secure_ai.anonymize.differential_privacy.releases import check_query, exact_answer, fit
from secure_ai.anonymize.differential_privacy.sensitivity import middle
from secure_ai.core.errors import UserError
from secure_ai.core.figures import percent
from secure_ai.core.sources import Source, TableLike, as_source

if TYPE_CHECKING:
    import pandas as pd

EPSILONS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
ONE_PERCENT = 0.01
POINTS = 801


@dataclass(frozen=True, eq=False)
class ErrorCurve:
    """Expected error against epsilon. It is computed from the exact answer, so it is itself not private.

    Attributes:
        query: what is asked.
        exact: the answer with all rows and no bounds; for tables the mean count of a cell.
        bias: what bounds and the limit on rows move the answer by, without any noise.
        table: columns ``epsilon``, ``noise`` (mean absolute error of the noise alone), ``error`` (noise
            and bias together), ``relative_error`` (of the exact answer).
    """

    query: str
    exact: float
    bias: float
    table: pd.DataFrame

    def to_frame(self) -> pd.DataFrame:
        """Return the table."""
        return self.table.copy()

    def enough(self, share: float = ONE_PERCENT) -> float | None:
        """Return the smallest epsilon of the table with a relative error of at most ``share``."""
        good = self.table.loc[self.table["relative_error"] <= share, "epsilon"]
        return None if good.empty else float(good.min())

    def sentence(self) -> str:
        """Say what the curve shows."""
        first, last = self.table.iloc[0], self.table.iloc[-1]
        said = (
            f"The {self.query} is wrong by {amount(first['error'])} on average at epsilon "
            f"{first['epsilon']:g} and by {amount(last['error'])} at epsilon {last['epsilon']:g}"
        )
        enough = self.enough()
        said += (
            f"; from epsilon {enough:g} on the error is at most {percent(ONE_PERCENT)} of the answer."
            if enough is not None
            else f"; it stays above {percent(ONE_PERCENT)} of the answer."
        )
        if abs(self.bias) > last["noise"] and abs(self.bias) > 1e-6 * abs(self.exact):
            said += (
                f" Bounds and the limit on rows alone move it by {amount(self.bias)}, which no epsilon cures."
            )
        return said


def error_curve(
    source: TableLike | Source,
    query: Query,
    epsilons: Sequence[float] = EPSILONS,
    *,
    delta: float = 0.0,
    unit: PrivacyUnit | None = None,
    mechanism: str = "laplace",
) -> ErrorCurve:
    """Return the expected error of ``query`` on this table for each epsilon.

    Nothing is drawn: the errors follow from the known distribution of the noise, so the same table gives the
    same curve. For a histogram or contingency table it is the error of one cell.

    Raises:
        UserError: on bad input, and for histograms without given categories.
    """
    import pandas as pd

    unit = unit or PrivacyUnit()
    if isinstance(query, Histogram) and query.categories is None and query.edges is None:
        raise UserError(f"An error curve of '{query.column}' needs its categories: give them, or edges.")
    if not len(epsilons):
        raise UserError("The curve needs at least one epsilon, such as 0.1.")
    for epsilon in epsilons:
        check_query(query, epsilon, delta, mechanism)
    opened = as_source(source)
    check_columns(opened, query, unit)
    exact, truth = aggregate(opened, query, unit), true_answer(opened, query)
    if isinstance(query, Histogram | ContingencyTable):
        cells = len(exact.values)
        true_value, bias = truth / cells, (sum(exact.values) - truth) / cells
    else:
        true_value, bias = truth, exact_answer(query, exact) - truth
    rows = []
    for epsilon in sorted(float(epsilon) for epsilon in epsilons):
        noise, error = _errors(query, exact, bias, fit(query, unit, epsilon, delta, mechanism))
        rows.append((epsilon, noise, error, error / abs(true_value) if true_value else np.inf))
    table = pd.DataFrame(rows, columns=["epsilon", "noise", "error", "relative_error"])
    return ErrorCurve(describe(query), float(true_value), float(bias), table)


def amount(value: float) -> str:
    """Show a figure with three digits, or whole where it is large."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def _errors(query: Query, exact: Aggregate, bias: float, fitted: tuple) -> tuple[float, float]:
    """Return the mean absolute error without and with the bias."""
    if isinstance(query, Quantile):
        chances, grid = fitted[0].probabilities(exact.values), np.asarray(query.grid)
        answer = exact_answer(query, exact)
        return (
            float(chances @ np.abs(grid - answer)),
            float(chances @ np.abs(grid - answer + bias)),
        )
    if isinstance(query, Mean):
        return _errors_of_mean(query, exact, bias, fitted)
    if not bias:
        return fitted[0].expected_error, fitted[0].expected_error
    return fitted[0].expected_error, float(np.abs(_points(fitted[0]) + bias).mean())


def _errors_of_mean(query: Mean, exact: Aggregate, bias: float, fitted: tuple) -> tuple[float, float]:
    size = query.known_size or exact.values[1]
    answer = exact_answer(query, exact)
    from_middle = answer - middle(query.bounds)
    half = query.bounds.high - middle(query.bounds)
    total = size * from_middle + _points(fitted[0])
    if query.known_size is None:
        count = (size + _points(fitted[1]))[:, None]
        found = np.where(count < 1, 0.0, total[None, :] / np.maximum(count, 1))
    else:
        found = total / size
    moved = np.clip(found, -half, half) - from_middle
    return float(np.abs(moved).mean()), float(np.abs(moved + bias).mean())


def _points(noise: Noise) -> np.ndarray:
    """Return evenly likely values of the noise: its quantiles."""
    from scipy import stats

    ranks = (np.arange(POINTS) + 0.5) / POINTS
    kind = stats.laplace if noise.mechanism == "laplace" else stats.norm
    drawn = kind.ppf(ranks, scale=noise.scale)
    # The tails between the last quantiles and infinity: scaled so that the mean absolute error is exact.
    return drawn * (noise.expected_error / np.abs(drawn).mean())
