"""What a released table is still good for: the same model trained before and after, on untouched rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from secure_ai.anonymize.minimize.result import METRIC_NAMES
from secure_ai.anonymize.minimize.score import (
    SOURCES,
    Z,
    auc_components,
    auc_variance,
    checked_target,
    interval,
)
from secure_ai.anonymize.tabular.encoding import Cells, ColumnEncoder, NumberCells, cells_of, cells_of_rows
from secure_ai.core import Measurement, UserError
from secure_ai.core.sources import shown

if TYPE_CHECKING:
    import pandas as pd
    from sklearn.base import BaseEstimator

FOLDS = 5
MOST_ROWS = 100_000
"""Rows that are used; of a larger table a sample, in whose smaller classes values are coarser than needed."""

UNIQUE_SHARE = 0.9
"""From this share of different values on, a column of texts is a code for its row."""


@dataclass(frozen=True)
class Generalized:
    """Training rows as they would be released.

    Attributes:
        kept: positions of the rows that are released, ascending; the others are suppressed.
        cells: for each quasi-identifier what those rows show.
    """

    kept: np.ndarray
    cells: Mapping[str, Cells]


@dataclass(frozen=True)
class ScoreChange:
    """One score before and after.

    Attributes:
        before: trained on the table as it was; the baseline knows nothing but the outcomes.
        after: trained on the released table; its ``control`` is the score before.
        difference: after less before, with its 95 % interval from the same held-out rows.
    """

    before: Measurement
    after: Measurement
    difference: Measurement


@dataclass(frozen=True)
class Usefulness:
    """What a model learns from a released table, beside what it learned from the table as it was.

    Attributes:
        target: what is predicted.
        features: columns that the model reads.
        scores: one for each metric, the main one first (AUC, accuracy or R²).
        suppressed: mean share of training rows left out.
        seed: of the folds.
    """

    target: str
    features: tuple[str, ...]
    scores: tuple[ScoreChange, ...]
    suppressed: float
    seed: int

    @property
    def main(self) -> ScoreChange:
        """The main score: AUC for two outcomes, accuracy for more, R² for a number."""
        return self.scores[0]

    def measurements(self) -> list[Measurement]:
        """Return every figure: before, after and difference of each score."""
        return [m for score in self.scores for m in (score.before, score.after, score.difference)]

    def to_frame(self) -> pd.DataFrame:
        """Return one row per score: ``score``, ``baseline``, ``before``, ``after``, ``difference``.

        And ``low`` and ``high``, which bound the difference at 95 %.
        """
        import pandas as pd

        rows = [
            (
                METRIC_NAMES[s.before.name],
                s.before.baseline,
                s.before.value,
                s.after.value,
                s.difference.value,
                *s.difference.interval,
            )
            for s in self.scores
        ]
        names = ["score", "baseline", "before", "after", "difference", "low", "high"]
        return pd.DataFrame(rows, columns=names)

    def sentence(self) -> str:
        """Say what training on the released table costs."""
        before, after, difference = self.main.before, self.main.after, self.main.difference
        name = METRIC_NAMES[before.name]
        # Rounded, and never as -0.000.
        low, high = (round(bound, 3) + 0.0 for bound in difference.interval)
        if low > 0 or high < 0:
            verdict = f"{abs(difference.value):.3f} {'more' if low > 0 else 'less'}"
        else:
            verdict = "no difference that these rows could show"
        return (
            f"A model of '{shown(self.target)}' reaches {name} {before.value:.3f} before and "
            f"{after.value:.3f} after, on {before.n:,} held-out rows as they were: {verdict} (95% interval "
            f"of the difference {low:+.3f} to {high:+.3f}; knowing nothing reaches {before.baseline:.3f})."
        )


def usefulness(
    table: pd.DataFrame,
    target: str,
    release: Callable[[pd.DataFrame], Generalized],
    *,
    features: Sequence[str] | None = None,
    seed: int = 0,
    folds: int = FOLDS,
    estimator: BaseEstimator | None = None,
    cache: dict[Any, np.ndarray] | None = None,
) -> Usefulness:
    """Train the same model before and after generalizing, and score both on the same held-out rows.

    In each fold the training rows alone are generalized, and the held-out rows stay as they were, because
    the model will meet people as they are. Quasi-identifiers enter as
    :class:`~secure_ai.anonymize.tabular.encoding.ColumnEncoder` says; all other columns, and the target, are
    the same on both sides. A training part has fewer rows than the table, so its values are a little coarser
    than those of the whole release: the figures are cautious.

    Args:
        table: the columns of the released table as they were before, with the target.
        target: column to predict; not a quasi-identifier.
        release: generalizes a frame of training rows.
        features: columns to read; all but the target if not given.
        seed: of folds and sample.
        folds: parts that are held out in turn.
        estimator: a scikit-learn classifier (with ``predict_proba``) or regressor in place of ours.
        cache: what the model before said, kept from one call to the next with the same table, target, seed
            and model; empty at first.

    Raises:
        UserError: if the target is missing or cannot be predicted, or no column is left to read.
    """
    from sklearn.model_selection import KFold, StratifiedKFold
    from threadpoolctl import threadpool_limits

    if target not in table.columns:
        raise UserError(f"The table has no column '{shown(target)}' to predict: name one that it releases.")
    if len(table) > MOST_ROWS:
        table = table.sample(MOST_ROWS, random_state=seed).sort_index()
    table = table.reset_index(drop=True)
    outcome, kind = checked_target(table, target)
    table = table.loc[outcome.index].reset_index(drop=True)
    y = outcome.to_numpy(float) if kind == "number" else np.unique(outcome.to_numpy(), return_inverse=True)[1]
    names = [name for name in (features or table.columns) if name != target]
    whole = {name: cells_of(table[name]) for name in names}
    names = [name for name in names if _readable(whole[name], len(table))]
    if not names:
        raise UserError(f"No column is left from which '{shown(target)}' could be predicted.")
    splitter = KFold if kind == "number" else StratifiedKFold
    rounds, suppressed = [], []
    known = {} if cache is None else cache
    # The models are small: threads of linear algebra would wait for each other, and add up differently.
    with threadpool_limits(1):
        for fold, (train, test) in enumerate(
            splitter(folds, shuffle=True, random_state=seed).split(table, y)
        ):
            made = release(table.iloc[train].reset_index(drop=True))
            suppressed.append(1 - len(made.kept) / len(train))
            # Both sides read a column as the release does: as numbers, or as categories.
            plain = {
                name: cells_of(table[name], number=isinstance(made.cells[name], NumberCells))
                if name in made.cells
                else whole[name]
                for name in names
            }
            held = {name: cells_of_rows(cells, test) for name, cells in plain.items()}
            key = (fold, *(isinstance(cells, NumberCells) for cells in plain.values()))
            if key not in known:
                learned = {name: cells_of_rows(plain[name], train) for name in names}
                known[key] = _Model(kind, estimator).fit(learned, y[train]).say(held)
            rows = train[made.kept]
            learned = {
                name: made.cells[name] if name in made.cells else cells_of_rows(plain[name], rows)
                for name in names
            }
            after = _Model(kind, estimator).fit(learned, y[rows]).say(held)
            rounds.append((y[test], known[key], after))
    return Usefulness(
        target,
        tuple(names),
        _changes(kind, y, rounds, f"{folds} folds; training rows generalized, held-out rows as they were"),
        float(np.mean(suppressed)),
        seed,
    )


def _readable(cells: Cells, n: int) -> bool:
    """Whether a model can learn from a column: not constant, and no code that differs from row to row."""
    if isinstance(cells, NumberCells):
        return len(cells.low) > 1
    return 1 < len(cells.members) < max(2, UNIQUE_SHARE * n)


class _Model:
    """A regression, or what is left to say where there is nothing to learn from."""

    def __init__(self, kind: str, estimator: BaseEstimator | None) -> None:
        from sklearn.base import clone
        from sklearn.linear_model import LogisticRegression, Ridge

        self._kind = kind
        if estimator is not None:
            self._model = clone(estimator)
        elif kind == "number":
            self._model = Ridge(alpha=1.0)
        else:
            self._model = LogisticRegression(C=0.3, solver="newton-cholesky", max_iter=50)
        self._constant: float | None = None

    def fit(self, inputs: Mapping[str, Cells], y: np.ndarray) -> _Model:
        if len(np.unique(y)) < 2:
            self._constant = float(y[0]) if len(y) else 0.0
            return self
        self._encoders = {name: ColumnEncoder(cells) for name, cells in inputs.items()}
        self._model.fit(self._encoded(inputs), y)
        return self

    def say(self, inputs: Mapping[str, Cells]) -> np.ndarray:
        """Return the probability of the second of two outcomes, else the outcome or number."""
        if self._constant is not None:
            return np.full(len(next(iter(inputs.values())).codes), self._constant)
        x = self._encoded(inputs)
        return self._model.predict_proba(x)[:, 1] if self._kind == "binary" else self._model.predict(x)

    def _encoded(self, inputs: Mapping[str, Cells]) -> np.ndarray:
        return np.hstack([encoder.encode(inputs[name]) for name, encoder in self._encoders.items()])


def _changes(kind: str, y: np.ndarray, rounds: list, method: str) -> tuple[ScoreChange, ...]:
    n = len(y)
    truth, before, after = (np.concatenate([part[i] for part in rounds]) for i in range(3))
    if kind == "number":
        spread = (truth - truth.mean()) ** 2
        parts = [1 - (truth - said) ** 2 / spread.mean() for said in (before, after)]
        values = [float(part.mean()) for part in parts]
        # The delta method: the spread of the outcomes is itself estimated.
        parts = [
            part + (1 - value) * (spread / spread.mean() - 1)
            for part, value in zip(parts, values, strict=True)
        ]
        errors = [_error(part) for part in parts]
        gap = _error(parts[1] - parts[0])
        return (_change("r2", kind, values, errors, gap=gap, baseline=0.0, n=n, method=method),)
    changes = []
    if kind == "binary":
        # Models of different folds do not share a scale: rows are ranked within their fold only.
        seen = [[auc_components(said, part[0]) for said in part[1:]] for part in rounds]
        values = [float(np.mean([fold[side][0].mean() for fold in seen])) for side in (0, 1)]
        errors = [
            float(np.sqrt(np.sum([auc_variance(*fold[side]) for fold in seen]))) / len(seen)
            for side in (0, 1)
        ]
        apart = [auc_variance(b[0] - a[0], b[1] - a[1]) for a, b in seen]
        gap = float(np.sqrt(np.sum(apart))) / len(seen)
        changes.append(_change("auc", kind, values, errors, gap=gap, baseline=0.5, n=n, method=method))
        before, after = (before > 0.5).astype(int), (after > 0.5).astype(int)
    right = [(said == truth).astype(float) for said in (before, after)]
    values = [float(part.mean()) for part in right]
    baseline = float(np.bincount(y).max() / n)
    gap = _error(right[1] - right[0])
    changes.append(
        _change("accuracy", "classes", values, [0.0, 0.0], gap=gap, baseline=baseline, n=n, method=method)
    )
    return tuple(changes)


def _change(
    metric: str,
    kind: str,
    values: list[float],
    errors: list[float],
    *,
    gap: float,
    baseline: float,
    n: int,
    method: str,
) -> ScoreChange:
    unit = "share" if metric == "r2" else "probability"
    source = SOURCES[metric]
    before, after = (
        Measurement(
            metric, value, unit, n, baseline, interval(kind, value, error, n), method, source, control
        )
        for value, error, control in zip(values, errors, (None, values[0]), strict=True)
    )
    fallen = values[1] - values[0]
    bounds = (fallen - Z * gap, fallen + Z * gap)
    return ScoreChange(
        before, after, Measurement(f"{metric}_difference", fallen, unit, n, 0.0, bounds, method, source)
    )


def _error(parts: np.ndarray) -> float:
    return float(parts.std(ddof=1) / np.sqrt(len(parts)))
