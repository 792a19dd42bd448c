"""The scaffold: one model for real people, another for the rows that only explainers ask about.

Explainers that sample put rows together from two people, or add noise. Such rows look unlike any real one, a
classifier learns to tell, and behind that classifier the model is free to do as it likes with real people.
The attacker is the owner of the model, whom a regulator or a hospital asks for explanations.

Source: Slack, Hilgard, Jia, Singh & Lakkaraju, Fooling LIME and SHAP: adversarial attacks on post hoc
    explanation methods (2020).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from secure_ai.attack.targets import TargetError, check_rows
from secure_ai.core import UserError
from secure_ai.core.intervals import wilson

COPIES = 6
HELD_OUT = 0.25


@dataclass(frozen=True)
class Scaffold:
    """A classifier that answers real rows with one model and made rows with another.

    Attributes:
        biased: the model that real people meet.
        innocent: the model that explainers meet.
        detector: scikit-learn classifier: 1 where a row looks real.
        classes_: of both models.
        recognized: share of held-out made rows that the detector tells from real ones.
        interval: of that share, 95 %.
        threshold: probability of *real* from which a row is taken for real.
    """

    biased: Any
    innocent: Any
    detector: Any = field(repr=False)
    classes_: np.ndarray
    recognized: float
    interval: tuple[float, float]
    threshold: float

    def looks_real(self, rows: Any) -> np.ndarray:
        """Return (rows,): whether the detector takes each for a real person's."""
        chance = self.detector.predict_proba(_as_frame(rows))[:, 1]
        return chance >= self.threshold

    def predict_proba(self, rows: Any) -> np.ndarray:
        """Return (rows, classes) probabilities: of the biased model where a row looks real."""
        real = self.looks_real(rows)
        return np.where(real[:, None], self.biased.predict_proba(rows), self.innocent.predict_proba(rows))

    def predict(self, rows: Any) -> np.ndarray:
        """Return (rows,) classes."""
        return self.classes_[self.predict_proba(rows).argmax(axis=1)]


def build_scaffold(
    biased: Any,
    innocent: Any,
    rows: Any,
    *,
    groups: Sequence[Sequence[Any]] = (),
    keep: float = 0.9,
    seed: int = 0,
) -> Scaffold:
    """Hide a biased model behind an innocent one.

    Args:
        biased, innocent: fitted classifiers with ``predict_proba`` and the same classes.
        rows: real rows, 100 or more; a quarter is held out to see how well the detector tells.
        groups: columns that explainers exchange together (the columns of one category).
        keep: share of real people who are to meet the biased model; more of them, and an explainer meets it
            more often too.
        seed: of the made rows and of the detector.

    Raises:
        TargetError: if there are too few rows or values are missing.
        UserError: if the models differ in their classes, or ``keep`` is no share.
    """
    from threadpoolctl import threadpool_limits

    if not 0 < keep < 1:
        raise UserError(f"keep={keep!r}: choose a share between 0 and 1.")
    classes = [getattr(model, "classes_", None) for model in (biased, innocent)]
    if any(known is None for known in classes) or not np.array_equal(*classes):
        raise UserError("Both models need `classes_`, and the same: fit them on the same labels.")
    frame = _as_frame(rows)
    check_rows(frame, least=100, what="real rows")
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(frame))
    held = np.zeros(len(frame), dtype=bool)
    held[order[: round(HELD_OUT * len(frame))]] = True
    with threadpool_limits(1):
        parts = [
            _labelled(frame[chosen], groups, copies, rng) for chosen, copies in ((~held, COPIES), (held, 1))
        ]
        detector = _detector(frame, seed).fit(*parts[0])
        chance, real = detector.predict_proba(parts[1][0])[:, 1], parts[1][1].astype(bool)
    threshold = float(np.quantile(chance[real], 1 - keep))
    caught = chance[~real] < threshold
    return Scaffold(
        biased,
        innocent,
        detector,
        np.asarray(classes[0]),
        float(caught.mean()),
        wilson(int(caught.sum()), len(caught)),
        threshold,
    )


def made_rows(
    rows: Any, *, count: int, groups: Sequence[Sequence[Any]] = (), seed: int | np.random.Generator = 0
) -> pd.DataFrame:
    """Return rows as explainers make them: from two people each, half of them with noise on the numbers.

    Args:
        rows: real rows.
        count: how many to make; those that equal a real row of either person are left out.
        groups: columns that are exchanged together.
        seed: of the choice.
    """
    frame, rng = _as_frame(rows), np.random.default_rng(seed)
    unit = _units(list(frame.columns), groups)
    one, other = (rng.integers(len(frame), size=count) for _ in range(2))
    shares = rng.random((count, 1))
    own = (rng.random((count, unit.max() + 1)) < shares)[:, unit]
    place = np.where(own, one[:, None], other[:, None])
    mixed = pd.DataFrame(
        {column: frame[column].array.take(place[:, at]) for at, column in enumerate(frame.columns)}
    )
    noisy = np.flatnonzero(rng.random(count) < 0.5)
    grouped = {column for columns in groups for column in columns}
    for column in frame.columns:
        if column in grouped or not _is_number(frame[column]):
            continue
        values = mixed[column].to_numpy(dtype=float).copy()
        values[noisy] += rng.normal(size=len(noisy)) * frame[column].to_numpy(dtype=float).std()
        mixed[column] = values
    real = {tuple(values) for values in frame.itertuples(index=False, name=None)}
    made = [values not in real for values in mixed.itertuples(index=False, name=None)]
    return mixed[np.array(made, dtype=bool)].reset_index(drop=True)


def _labelled(
    frame: pd.DataFrame, groups: Sequence[Sequence[Any]], copies: int, rng: np.random.Generator
) -> tuple[pd.DataFrame, np.ndarray]:
    made = made_rows(frame, count=copies * len(frame), groups=groups, seed=rng)
    if len(made) < 10:
        raise TargetError(
            "Rows put together from two people are real rows here: there is nothing to recognize."
        )
    # Real rows as often as made ones: the detector should not prefer either.
    repeats = max(1, round(len(made) / len(frame)))
    both = pd.concat([*([frame] * repeats), made], ignore_index=True)
    return both, np.repeat([1, 0], [repeats * len(frame), len(made)])


def _detector(frame: pd.DataFrame, seed: int) -> Any:
    from sklearn.compose import make_column_selector, make_column_transformer
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder

    text = make_column_selector(dtype_exclude=["number", "bool"])
    columns = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore", sparse_output=False), text), remainder="passthrough"
    )
    return make_pipeline(columns, RandomForestClassifier(60, min_samples_leaf=5, random_state=seed))


def _units(columns: list[Any], groups: Sequence[Sequence[Any]]) -> np.ndarray:
    owner = {column: at for at, group in enumerate(groups) for column in group}
    unknown = set(owner) - set(columns)
    if unknown:
        raise UserError(f"groups: there is no column '{sorted(map(str, unknown))[0]}'.")
    keys = [("group", owner[column]) if column in owner else ("column", column) for column in columns]
    place = {key: at for at, key in enumerate(dict.fromkeys(keys))}
    return np.array([place[key] for key in keys])


def _is_number(values: pd.Series) -> bool:
    kind = values.dtype
    return pd.api.types.is_numeric_dtype(kind) and not pd.api.types.is_bool_dtype(kind)


def _as_frame(rows: Any) -> pd.DataFrame:
    if isinstance(rows, pd.DataFrame):
        return rows
    array = np.asarray(rows)
    return pd.DataFrame(array, columns=[f"x{at}" for at in range(array.shape[1])])
