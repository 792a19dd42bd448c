"""Release an answer about a table with differential privacy, paid from a ledger where there is one."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from secure_ai.anonymize.differential_privacy import noise as noises
from secure_ai.anonymize.differential_privacy.aggregate import Aggregate, aggregate, check_columns
from secure_ai.anonymize.differential_privacy.bounds import Bounds, PrivacyUnit
from secure_ai.anonymize.differential_privacy.ledger import BudgetLedger
from secure_ai.anonymize.differential_privacy.noise import CONFIDENCE, MECHANISMS, Noise
from secure_ai.anonymize.differential_privacy.queries import (
    ContingencyTable,
    Histogram,
    Mean,
    Quantile,
    Query,
    Sum,
    describe,
)
from secure_ai.anonymize.differential_privacy.selection import Selection, fit_selection
from secure_ai.anonymize.differential_privacy.sensitivity import middle, sensitivities, step_of
from secure_ai.anonymize.differential_privacy.stability import Stability, fit_stability
from secure_ai.core.errors import UserError
from secure_ai.core.sources import Source, TableLike, as_source

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class Release:
    """A noisy answer with what is needed to judge it.

    Attributes:
        query: what was asked, by columns.
        value: the noisy number, or a Series of noisy counts named by category.
        epsilon, delta: what was paid.
        proved_epsilon: what OpenDP's privacy map states; never above ``epsilon``.
        rho: the same in zero-concentrated differential privacy, None where it has none.
        mechanism: how it was made private.
        scale: of the noise, one for each part (a mean has a sum and a count).
        sensitivity: how far one person moves each part before the noise, in the unit of the answer.
        accuracy: with 95% confidence, the noise moves a number by no more than this.
        accuracy_unit: what ``accuracy`` counts.
        bounds: the user's bounds, None for counts.
        unit: who is protected.
        doubts: a warning where the budget promises next to nothing.
        exact: the exact answer, only where it was asked for in a lesson. It is not private.
    """

    query: str
    value: float | pd.Series
    epsilon: float
    delta: float
    proved_epsilon: float
    rho: float | None
    mechanism: str
    scale: tuple[float, ...]
    sensitivity: tuple[float, ...]
    accuracy: float
    accuracy_unit: str
    bounds: Bounds | None
    unit: PrivacyUnit
    doubts: str = ""
    exact: float | pd.Series | None = None

    def sentence(self) -> str:
        """Say the answer, its accuracy and what it cost."""
        if isinstance(self.value, int | float):
            answer = f"The {self.query} is about {self.value:,.6g}"
        else:
            answer = f"The {self.query} has {len(self.value):,} noisy counts"
        cost = f"epsilon {self.epsilon:g}" + (f", delta {self.delta:g}" if self.delta else "")
        if math.isfinite(self.accuracy):
            near = (
                f"with {CONFIDENCE:.0%} confidence {self._for_each()}the noise moved it by at most "
                f"{self.accuracy:,.3g} {self.accuracy_unit}"
            )
        else:
            near = "too few records answer for an accuracy to be given"
        limits = f" Values were bounded to {self.bounds}." if self.bounds else ""
        parts = [
            f"{answer}; {near}. It cost {cost} ({self.mechanism}).{limits}",
            self.unit.sentence(),
            self.doubts,
            "The exact answer is shown beside it for teaching; it is not private."
            if self.exact is not None
            else "",
        ]
        return " ".join(part for part in parts if part)

    def to_frame(self) -> pd.DataFrame:
        """Return one row for each number (column ``noisy``, and ``exact`` in a lesson)."""
        import pandas as pd

        noisy = self.value if isinstance(self.value, pd.Series) else pd.Series([self.value], [self.query])
        frame = pd.DataFrame({"noisy": noisy, "accuracy": self.accuracy})
        if self.exact is not None:
            exact = self.exact if isinstance(self.exact, pd.Series) else pd.Series([self.exact], [self.query])
            frame["exact"] = exact
        return frame

    def nonnegative(self) -> Release:
        """Return the same with counts below zero raised to zero: a look at the answer, not at the data.

        Sums of many cells come out too high after this; use it for showing, not for adding up.
        """
        if isinstance(self.value, int | float):
            return replace(self, value=max(0.0, self.value))
        return replace(self, value=self.value.clip(lower=0))

    def _for_each(self) -> str:
        return "" if isinstance(self.value, int | float) else "for each count "


def release(
    source: TableLike | Source,
    query: Query,
    *,
    epsilon: float,
    delta: float = 0.0,
    unit: PrivacyUnit | None = None,
    mechanism: str = "laplace",
    ledger: BudgetLedger | str | Path | None = None,
    who: str = "",
    exact_for_teaching: bool = False,
) -> Release:
    """Answer ``query`` with differential privacy.

    Bad input is refused and the exact answer is made before anything is paid; then the ledger is charged,
    and only then is noise drawn. Should the process die between the two, the charge stays: it must
    not be possible to look at an answer and take the payment back.

    Names and types of the columns count as public. A text file states no types, so one row can change how a
    column is read, and with it the answer by more than the noise covers: release from Parquet or a database,
    whose types are fixed. Refusals depend on names and types, but for three that say one thing about all
    rows: the table is empty, the person of a row is missing, the file cannot be read. How long an answer
    takes is not hidden either.

    Args:
        source: anything that :func:`secure_ai.core.sources.open_source` reads, or an opened source.
        query: :class:`Count`, :class:`Sum`, :class:`Mean`, :class:`Quantile`, :class:`Histogram` or
            :class:`ContingencyTable`.
        epsilon: budget of this release.
        delta: for the Gaussian mechanism, and for a histogram without given categories; else 0.
        unit: who is protected; one row by default.
        mechanism: ``"laplace"`` or ``"gaussian"``. Quantiles use permute-and-flip selection, histograms
            without given categories Laplace with a threshold.
        ledger: the budget, or its file; without one nobody counts what was spent in all.
        who: who asks, kept in the ledger (a role or a ticket number).
        exact_for_teaching: also give the exact answer. That is a disclosure: for lessons on made-up data.

    Raises:
        UserError: on bad input or an overdrawn budget; nothing is spent then.
    """
    unit = unit or PrivacyUnit()
    check_query(query, epsilon, delta, mechanism)
    opened = as_source(source)
    budget = BudgetLedger(ledger) if isinstance(ledger, str | Path) else ledger
    check_columns(opened, query, unit)
    fitted = fit(query, unit, epsilon, delta, mechanism)
    rho = _rho(fitted)
    if budget is not None:
        # Before the table is read: who has nothing left should not wait for the refusal.
        budget.check(opened, epsilon, delta, rho=rho, person=unit.person)
    exact = aggregate(opened, query, unit)
    if budget is not None:
        budget.spend(
            opened,
            epsilon,
            delta,
            rho=rho,
            person=unit.person,
            what=describe(query) + (", exact answer shown for teaching" if exact_for_teaching else ""),
            who=who,
            mechanism=fitted[0].mechanism,
        )
    value, accuracy, accuracy_unit = _noisy(query, exact, fitted)
    return Release(
        describe(query),
        value,
        float(epsilon),
        float(delta),
        sum(part.epsilon for part in fitted) if rho is None or delta == 0 else noises.epsilon_of(rho, delta),
        rho,
        fitted[0].mechanism,
        tuple(part.scale for part in fitted),
        tuple(part.sensitivity * part.step for part in fitted),
        accuracy,
        accuracy_unit,
        getattr(query, "bounds", None),
        unit,
        noises.doubts(epsilon, delta),
        exact_answer(query, exact) if exact_for_teaching else None,
    )


Fitted = tuple[Noise, ...] | tuple[Selection] | tuple[Stability]


def fit(query: Query, unit: PrivacyUnit, epsilon: float, delta: float, mechanism: str) -> Fitted:
    """Return the noise of each part of an answer to ``query``. The data are not needed for it."""
    moved = sensitivities(query, unit)
    if isinstance(query, Quantile):
        return (fit_selection(moved[0].steps, epsilon, query.fraction.denominator, query.candidates),)
    if isinstance(query, Histogram) and query.categories is None and query.edges is None:
        return (fit_stability(moved[0].steps, epsilon, delta),)
    share = 1 / len(moved)
    if mechanism == "gaussian":
        return tuple(noises.gaussian(part.steps, epsilon, delta, part.step, share) for part in moved)
    return tuple(noises.laplace(part.steps, epsilon * share, part.step) for part in moved)


def expected_error(
    query: Query,
    epsilon: float,
    delta: float = 0.0,
    unit: PrivacyUnit | None = None,
    mechanism: str = "laplace",
    *,
    records: int | None = None,
) -> float:
    """Return the mean absolute error that the noise alone brings, from its known distribution.

    Args:
        query: count, sum, mean, or a table of given categories (the error of one cell).
        epsilon, delta, unit, mechanism: as for :func:`release`.
        records: how many records a mean without a known size rests on.

    Raises:
        UserError: if the error depends on the data beyond that (quantiles, open histograms).
    """
    unit = unit or PrivacyUnit()
    check_query(query, epsilon, delta, mechanism)
    fitted = fit(query, unit, epsilon, delta, mechanism)
    if not isinstance(fitted[0], Noise):
        raise UserError(
            f"The error of a {query.name} of this kind depends on the data: use error_curve with a source."
        )
    if not isinstance(query, Mean):
        return fitted[0].expected_error
    size = query.known_size or records
    if size is None or size < 1:
        raise UserError("The error of a mean depends on how many records there are: give records.")
    # The noise of the count matters by the distance of the mean from the middle, unknown here.
    return fitted[0].expected_error / size


def exact_answer(query: Query, exact: Aggregate) -> Any:
    """Return the exact answer within bounds and contribution limits, for lessons and error curves."""
    if isinstance(query, Quantile):
        return query.grid[min(range(len(exact.values)), key=lambda place: exact.values[place])]
    if isinstance(query, Histogram | ContingencyTable):
        return _series(query, exact.labels, exact.values)
    if not isinstance(query, Sum | Mean):
        return float(exact.values[0])
    total = exact.values[0] * step_of(query)
    if isinstance(query, Sum):
        return total
    n = query.known_size or exact.values[1]
    return middle(query.bounds) + total / n if n else math.nan


def check_query(query: Query, epsilon: float, delta: float, mechanism: str) -> None:
    """Refuse a price or mechanism that does not fit the query.

    Raises:
        UserError: saying what fits.
    """
    noises.checked_privacy(epsilon, delta)
    if mechanism not in MECHANISMS:
        raise UserError(f"There is no mechanism '{mechanism}': choose laplace or gaussian.")
    unknown_keys = isinstance(query, Histogram) and query.categories is None and query.edges is None
    if unknown_keys and (delta == 0 or mechanism != "laplace"):
        raise UserError(
            f"The histogram of '{query.column}' has no categories: give those of the data dictionary, or a "
            "delta above 0 with the Laplace mechanism, so that rare categories stay hidden."
        )
    if isinstance(query, Quantile) and mechanism != "laplace":
        raise UserError("A quantile is selected with pure epsilon: leave the mechanism and delta out.")
    if mechanism == "gaussian" and delta == 0:
        raise UserError("The Gaussian mechanism needs a delta above 0, such as 1e-6.")
    if mechanism == "laplace" and delta > 0 and not unknown_keys:
        raise UserError("The Laplace mechanism spends no delta: leave it out, or choose gaussian.")


def _rho(fitted: Fitted) -> float | None:
    parts = [part.rho for part in fitted]
    return None if any(part is None for part in parts) else float(sum(parts))


def _noisy(query: Query, exact: Aggregate, fitted: Fitted) -> tuple[Any, float, str]:
    first = fitted[0]
    if isinstance(first, Selection):
        return query.grid[first.choose(exact.values)], first.accuracy(), "records in rank"
    if isinstance(first, Stability):
        counts = first.add({label[0]: n for label, n in zip(exact.labels, exact.values, strict=True)})
        labels = tuple((name,) for name in sorted(counts))
        series = _series(query, labels, [counts[label[0]] for label in labels])
        return series, first.accuracy(), "rows"
    if isinstance(query, Histogram | ContingencyTable):
        return _series(query, exact.labels, first.add(exact.values)), first.accuracy(), "rows"
    if not isinstance(query, Mean):
        (value,) = first.add(exact.values[:1])
        return value, first.accuracy(), "rows" if query.name == "count" else "in its unit"
    bounds = query.bounds
    half = bounds.high - middle(bounds)
    (total,) = first.add(exact.values[:1])
    if query.known_size is not None:
        size, error = float(query.known_size), first.accuracy()
    else:
        (size,) = fitted[1].add(exact.values[1:])
        # Each of the two within its bound with 97.5%, so both with 95%.
        each = 1 - (1 - CONFIDENCE) / 2
        error = first.accuracy(each) + half * fitted[1].accuracy(each)
    if size < 1:
        return middle(bounds), math.inf, "in its unit"
    mean = min(max(middle(bounds) + total / size, bounds.low), bounds.high)
    return mean, error / size, "in its unit"


def _series(query: Query, labels: Any, values: Any) -> pd.Series:
    import pandas as pd

    if len(query.columns) == 1:
        index: Any = pd.Index([label[0] for label in labels], name=query.columns[0], dtype=object)
    else:
        index = pd.MultiIndex.from_tuples(labels, names=query.columns)
    return pd.Series([float(value) for value in values], index=index, name="count", dtype=float)
