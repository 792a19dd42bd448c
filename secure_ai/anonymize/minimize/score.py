"""Score a model on some columns of a table, each at some level of coarseness, as minimization asks often."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from secure_ai.anonymize.minimize.ladders import Level, encoded, is_number
from secure_ai.core import Measurement, UserError
from secure_ai.core.intervals import wilson
from secure_ai.core.sources import shown

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from sklearn.base import BaseEstimator

FOLDS = 5
REPEATS = 2
LEAST_ROWS = 100
LEAST_PER_OUTCOME = 10
MOST_OUTCOMES = 20
Z = 1.96

METRICS = {"binary": "auc", "classes": "accuracy", "number": "r2"}
SOURCES = {
    "auc": "DeLong et al., Comparing the areas under two or more correlated ROC curves (1988)",
    "accuracy": "Wilson, Probable inference, the law of succession, and statistical inference (1927)",
    "r2": "coefficient of determination; interval by the delta method",
}


@dataclass(frozen=True)
class Seen:
    """One evaluation: the score, its standard bounds, and what each column contributes."""

    value: float
    low: float
    high: float
    losses: Mapping[str, float]


def checked_target(table: pd.DataFrame, target: str) -> tuple[pd.Series, str]:
    """Return the target where it has a value, and its kind: ``binary``, ``classes`` or ``number``.

    Raises:
        UserError: if it cannot be predicted.
    """
    import numpy as np
    import pandas as pd

    name = shown(target)
    outcome = table[target]
    if pd.api.types.is_float_dtype(outcome):
        outcome = outcome.where(np.isfinite(outcome))
    outcome = outcome.dropna()
    if not len(outcome):
        raise UserError(f"The target '{name}' has no value in any row: name another column.")
    different = outcome.map(str).nunique()
    if different == 1:
        raise UserError(f"The target '{name}' is the same in every row: there is nothing to predict.")
    if len(outcome) < LEAST_ROWS:
        raise UserError(
            f"{len(outcome)} rows have a value of '{name}', and a score needs at least {LEAST_ROWS}."
        )
    if pd.api.types.is_datetime64_any_dtype(outcome):
        raise UserError(f"The target '{name}' is a date: turn it into a number or an outcome first.")
    numeric = pd.api.types.is_numeric_dtype(outcome) and not pd.api.types.is_bool_dtype(outcome)
    code = not pd.api.types.is_float_dtype(outcome) and different == len(outcome)
    if code or (different > MOST_OUTCOMES and not numeric):
        raise UserError(
            f"The target '{name}' has {different:,} different values in {len(outcome):,} rows: predict "
            f"a number or at most {MOST_OUTCOMES} outcomes, not a code that differs from row to row."
        )
    rarest = int(outcome.map(str).value_counts().min())
    if numeric and different > 2 and (different > MOST_OUTCOMES or rarest < LEAST_PER_OUTCOME):
        return outcome.astype(float), "number"
    if rarest < LEAST_PER_OUTCOME:
        raise UserError(
            f"An outcome of '{name}' has {rarest} rows, and a score needs at least {LEAST_PER_OUTCOME} of "
            "each: merge rare outcomes."
        )
    return outcome.map(str), "binary" if different == 2 else "classes"


class Scorer:
    """Scores a model in cross-validation on the columns that it is given.

    Rows are brought into an order of their own (by a hash of their content), so that the order in which
    they come changes nothing.

    Args:
        inputs: the table without its target.
        ladders: columns that a model may use, with their levels.
        outcome: what is predicted, with the same index.
        kind: ``binary``, ``classes`` or ``number``.
        seed: of the folds.
        estimator: model to use in place of the regressions.
        most: rows to score.
    """

    def __init__(
        self,
        inputs: pd.DataFrame,
        ladders: Mapping[str, Sequence[Level]],
        outcome: pd.Series,
        *,
        kind: str,
        seed: int,
        estimator: BaseEstimator | None,
        most: int,
    ) -> None:
        import numpy as np

        inputs = inputs[list(ladders)]
        order = _own_order(inputs, outcome, seed)[:most]
        self._inputs = inputs.iloc[order].reset_index(drop=True)
        y = outcome.iloc[order].to_numpy()
        self._y = y.astype(float) if kind == "number" else np.unique(y, return_inverse=True)[1]
        self.kind, self.metric, self._seed = kind, METRICS[kind], seed
        self._estimator = estimator
        self._finest = {name: levels[0] for name, levels in ladders.items()}
        self._number = {
            name: is_number(self._inputs[name]) and levels[-1].kind != "zip3"
            for name, levels in ladders.items()
        }
        self._blocks: dict[tuple[str, Level], np.ndarray] = {}
        self._folds = self._split(seed)

    @property
    def n(self) -> int:
        """Rows that are scored."""
        return len(self._y)

    @property
    def baseline(self) -> float:
        """Score of knowing nothing: 0.5, the share of the most frequent outcome, or 0."""
        import numpy as np

        if self.kind == "classes":
            return float(np.bincount(self._y).max() / self.n)
        return 0.5 if self.kind == "binary" else 0.0

    def score(self, levels: Mapping[str, Level]) -> Seen:
        """Return the score of the columns in ``levels``, and what the model would lose without each.

        A column's loss is how far the score falls when its values are shuffled among the held-out rows.
        """
        return self._evaluate(levels, self._folds, losses=True)

    def confirmed(self, levels: Mapping[str, Level]) -> Measurement:
        """Return the score of ``levels`` on other folds than those of the search; control: all columns."""
        folds = self._split(self._seed + 1)
        control = self._evaluate(self._finest, folds).value
        return self.measured(self._evaluate(levels, folds), control)

    def measured(self, seen: Seen, control: float | None = None) -> Measurement:
        """Return an evaluation as a measurement."""
        return Measurement(
            self.metric,
            seen.value,
            "share" if self.kind == "number" else "probability",
            self.n,
            self.baseline,
            (seen.low, seen.high),
            f"{FOLDS}-fold cross-validation, {REPEATS} rounds",
            SOURCES[self.metric],
            control,
        )

    def _evaluate(self, levels: Mapping[str, Level], folds, *, losses: bool = False) -> Seen:
        import numpy as np

        blocks = {name: self._block(name, level) for name, level in levels.items()}
        x = np.hstack(list(blocks.values()))
        rounds = [self._round(x, blocks, turn, losses and turn is folds[0]) for turn in folds]
        value, error = (float(np.mean([seen[part] for seen in rounds])) for part in (0, 1))
        return Seen(value, *interval(self.kind, value, error, self.n), rounds[0][2])

    def _round(self, x, blocks, folds, losses: bool) -> tuple[float, float, dict[str, float]]:
        """Return score, standard error and losses of one round of cross-validation."""
        import numpy as np

        ends = np.cumsum([block.shape[1] for block in blocks.values()])
        places = {name: (end - blocks[name].shape[1], end) for name, end in zip(blocks, ends, strict=True)}
        shuffled = np.random.default_rng(self._seed).permutation(self.n) if losses else None
        held = np.empty(self.n)
        without = {name: np.empty(self.n) for name in places} if losses else {}
        for train, test in folds:
            model = self._model()
            model.fit(x[train], self._y[train])
            held[test] = self._said(model, x[test])
            for name, (low, high) in places.items() if losses else ():
                changed = x[test].copy()
                changed[:, low:high] = changed[np.argsort(shuffled[test], kind="stable"), low:high]
                without[name][test] = self._said(model, changed)
        tests = [test for _, test in folds]
        value, error = self._judge(held, tests)
        fallen = {name: value - self._judge(said, tests, error=False)[0] for name, said in without.items()}
        return value, error, fallen

    def _block(self, name: str, level: Level) -> np.ndarray:
        found = self._blocks.get((name, level))
        if found is None:
            found = encoded(self._inputs[name], level, number=self._number[name])
            self._blocks[name, level] = found
        return found

    def _model(self) -> BaseEstimator:
        from sklearn.base import clone
        from sklearn.linear_model import LogisticRegression, Ridge

        if self._estimator is not None:
            return clone(self._estimator)
        if self.kind == "number":
            return Ridge(alpha=1.0)
        return LogisticRegression(C=0.3, solver="newton-cholesky", max_iter=50)

    def _said(self, model: BaseEstimator, x: np.ndarray) -> np.ndarray:
        if self.kind != "binary":
            return model.predict(x)
        return (
            model.decision_function(x)
            if hasattr(model, "decision_function")
            else model.predict_proba(x)[:, 1]
        )

    def _judge(self, said: np.ndarray, tests: list[np.ndarray], *, error: bool = True) -> tuple[float, float]:
        """Return score and standard error of what was said of every row when it was held out."""
        import numpy as np

        if self.kind == "binary":
            # Models of different folds do not share a scale: rows are ranked within their fold only.
            parts = np.array([_auc(said[test], self._y[test], error) for test in tests])
            return float(parts[:, 0].mean()), float(np.sqrt(np.square(parts[:, 1]).sum()) / len(parts))
        if self.kind == "classes":
            return float(np.mean(said == self._y)), 0.0
        residual, spread = (self._y - said) ** 2, (self._y - self._y.mean()) ** 2
        ratio = residual.mean() / spread.mean()
        return 1 - float(ratio), float(np.std((residual - ratio * spread) / spread.mean()) / np.sqrt(self.n))

    def _split(self, seed: int) -> list:
        import numpy as np
        from sklearn.model_selection import KFold, StratifiedKFold

        splitter = KFold if self.kind == "number" else StratifiedKFold
        return [
            list(splitter(FOLDS, shuffle=True, random_state=turn).split(np.zeros(self.n), self._y))
            for turn in np.random.default_rng(seed).integers(2**31, size=REPEATS).tolist()
        ]


def _own_order(inputs: pd.DataFrame, outcome: pd.Series, seed: int) -> np.ndarray:
    import numpy as np
    import pandas as pd

    whole = inputs[sorted(inputs.columns)].assign(**{"outcome\t": outcome}).astype(object).map(str)
    keys = pd.util.hash_pandas_object(whole, index=False, hash_key=f"{seed % 10**16:016d}").to_numpy()
    return np.argsort(keys, kind="stable")


def auc_components(said: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return DeLong's components of the AUC: one for each row with ``y == 1``, one for each other row.

    The mean of either is the AUC. Differences of two models' components on the same rows give the interval
    of their difference.

    Source: DeLong et al. (1988).
    """
    from scipy.stats import rankdata

    yes = y == 1
    m, n = int(yes.sum()), int((~yes).sum())
    ranks = rankdata(said)
    return (ranks[yes] - rankdata(said[yes])) / n, 1 - (ranks[~yes] - rankdata(said[~yes])) / m


def auc_variance(above: np.ndarray, below: np.ndarray) -> float:
    """Return the variance of an AUC, or of a difference of two, by its components."""
    return float(above.var(ddof=1) / len(above) + below.var(ddof=1) / len(below))


def _auc(said: np.ndarray, y: np.ndarray, error: bool) -> tuple[float, float]:
    """Return the AUC and its standard error by DeLong's variance."""
    import numpy as np
    from scipy.stats import rankdata

    if not error:
        yes = y == 1
        m, n = int(yes.sum()), int((~yes).sum())
        return float((rankdata(said)[yes].mean() - (m + 1) / 2) / n), 0.0
    above, below = auc_components(said, y)
    return float(above.mean()), float(np.sqrt(auc_variance(above, below)))


def interval(kind: str, value: float, error: float, n: int) -> tuple[float, float]:
    """Return the 95 % bounds of a score of ``kind`` by its standard error (by Wilson's for accuracy)."""
    if kind == "classes":
        return wilson(round(value * n), n)
    low, high = value - Z * error, min(1.0, value + Z * error)
    return (max(0.0, low) if kind == "binary" else low), high
