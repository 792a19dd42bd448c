"""Why groups differ: what drives the gap in a model's scores, and which columns give a group away."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from secure_ai.core import UserError
from secure_ai.core.intervals import Z
from secure_ai.govern.fairness.cases import FEWEST, as_labels, whole_number

FOLDS = 5


def gap_drivers(contributions: pd.DataFrame, group: Any, one: str, other: str) -> pd.DataFrame:
    """Split the difference of the mean score of two groups into the parts of the features.

    Contributions add up to each score (Shapley values), so their means add up to the mean scores: the parts
    sum to the whole difference. They say what moved the model, not what is just.

    Args:
        contributions: one row a case, one column a feature: ``secure_ai.defend.explanations.explain_rows``.
        group: (cases,) labels.
        one, other: the groups; the difference is ``one`` minus ``other``.

    Returns:
        Columns ``feature``, ``part`` (unit of the contributions), ``low``, ``high`` (Welch's intervals, 95 %
        for all features together); the largest part first.

    Raises:
        UserError: if lengths differ, or a group has fewer than two cases.
    """
    from scipy.stats import t as student

    labels, _ = as_labels(group)
    if len(labels) != len(contributions):
        raise UserError(
            f"There are {len(contributions)} explained cases and {len(labels)} groups: give as many."
        )
    if not all(pd.api.types.is_numeric_dtype(kind) for kind in contributions.dtypes):
        raise UserError("The contributions must be numbers: give what explain_rows returned.")
    sides = [contributions[labels == name] for name in (one, other)]
    if min(map(len, sides)) < 2:
        raise UserError("A group has fewer than two explained cases: explain more of them.")
    part = sides[0].mean() - sides[1].mean()
    errors = [side.var(ddof=1) / len(side) for side in sides]
    error = sum(errors)
    weights = sum(each**2 / (len(side) - 1) for each, side in zip(errors, sides, strict=True))
    freedom = (error**2 / weights.where(weights > 0)).fillna(1.0)
    half = student.isf(0.025 / max(len(part), 1), freedom) * np.sqrt(error)
    table = pd.DataFrame(
        {"feature": part.index, "part": part.to_numpy(), "low": part - half, "high": part + half}
    )
    order = np.argsort(-table["part"].abs().to_numpy(), kind="stable")
    return table.iloc[order].reset_index(drop=True)


def proxies(inputs: pd.DataFrame, group: Any, *, seed: int = 0) -> pd.DataFrame:
    """Measure how well each column alone, and all together, tell a person's group.

    A model that never saw the group can still know it. Leaving the column out is no proof of fairness.

    Args:
        inputs: (cases, columns) what the model sees.
        group: (cases,) labels; groups with fewer than 20 cases are left out.
        seed: of the folds.

    Returns:
        Columns ``column`` (the last row is ``"all together"``), ``auc``: how often the group's own member is
        told from another's (0.5 = not at all), averaged over the groups, on cases held out of the fit (five
        folds), its 95 % interval ``low`` and ``high``, and ``n``. The strongest column first.

    Raises:
        UserError: if there are no columns, two have one name, or fewer than two groups have enough cases.

    Source: Hanley & McNeil, The meaning and use of the area under a ROC curve (1982), for the interval.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.model_selection import StratifiedKFold, cross_val_predict
    from sklearn.tree import DecisionTreeClassifier

    seed = whole_number(seed, "seed", 0)
    if not isinstance(inputs, pd.DataFrame) or not len(inputs.columns) or inputs.columns.duplicated().any():
        raise UserError("The inputs must be a table with columns of different names.")
    labels, _ = as_labels(group)
    if len(labels) != len(inputs):
        raise UserError(f"There are {len(inputs)} cases and {len(labels)} groups: give as many.")
    names, counts = np.unique(labels.astype(str), return_counts=True)
    kept = np.isin(labels, names[counts >= FEWEST])
    labels, table = labels[kept].astype(str), inputs[kept].reset_index(drop=True)
    if len(np.unique(labels)) < 2:
        raise UserError(f"Fewer than two groups have {FEWEST} cases: nothing can be told apart.")
    numbers = pd.DataFrame({name: _as_number(table[name]) for name in table})
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
    rows = []
    with threadpool_limits(1):
        for name in [*numbers.columns, None]:
            model = (
                HistGradientBoostingClassifier(max_iter=60, random_state=seed)
                if name is None
                else DecisionTreeClassifier(max_leaf_nodes=12, min_samples_leaf=10, random_state=seed)
            )
            columns = numbers if name is None else numbers[[name]]
            guess = cross_val_predict(model, columns, labels, cv=folds, method="predict_proba")
            shown = "all together" if name is None else str(name)
            rows.append((shown, *_told_apart(labels, guess), len(labels)))
    single = sorted(rows[:-1], key=lambda row: -row[1])
    return pd.DataFrame([*single, rows[-1]], columns=["column", "auc", "low", "high", "n"])


def _told_apart(labels: np.ndarray, guess: np.ndarray) -> tuple[float, float, float]:
    """Return the area under the ROC curve averaged over the groups, and its interval.

    The groups' areas rest on the same people: the mean of their standard errors bounds that of the mean.
    """
    from sklearn.metrics import roc_auc_score

    names = list(enumerate(np.unique(labels)))
    areas, errors = [], []
    for place, name in names if len(names) > 2 else names[1:]:
        inside = labels == name
        area = float(roc_auc_score(inside, guess[:, place]))
        ours, others = int(inside.sum()), int((~inside).sum())
        one, two = area / (2 - area), 2 * area**2 / (1 + area)
        spread = area * (1 - area) + (ours - 1) * (one - area**2) + (others - 1) * (two - area**2)
        areas.append(area)
        errors.append(np.sqrt(max(spread, 0.0) / (ours * others)))
    area, half = float(np.mean(areas)), Z * float(np.mean(errors))
    return area, max(area - half, 0.0), min(area + half, 1.0)


def _as_number(column: pd.Series) -> np.ndarray:
    if pd.api.types.is_numeric_dtype(column.dtype):
        values = column.astype(float).to_numpy()
        values = np.where(np.isfinite(values), values, np.nan)
        return np.zeros(len(values)) if np.isnan(values).all() else values
    return pd.Categorical(column.map(str, na_action="ignore")).codes.astype(float)
