"""Plausibility of features: rules that every honest row keeps, and how far a row is from all honest ones.

It stops rows that nobody could have. A change that an attacker could really make keeps the rules and stays
near other people's rows; against that it does little, which is why it is measured and not assumed.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from secure_ai.attack.targets import check_rows
from secure_ai.core import UserError
from secure_ai.defend.robust.decisions import as_system

if TYPE_CHECKING:
    from secure_ai.attack.evasion import Constraints

NEIGHBORS = 5
MOST_KNOWN = 5_000
CALIBRATION = 0.3


@dataclass(frozen=True)
class PlausibilityCheck:
    """What honest rows look like, learned from clean ones.

    Attributes:
        constraints: rules that a row keeps by itself: ranges, whole numbers, categories, one-hot groups,
            formulas.
        threshold: distance to other people's rows from which a row is not plausible.
        columns: names of the columns.
    """

    constraints: Constraints
    threshold: float
    columns: tuple[Any, ...]
    _encoder: Any = field(repr=False)
    _neighbors: Any = field(repr=False)

    def broken_rules(self, rows: Any) -> pd.DataFrame:
        """Return every rule that a row breaks by itself: columns row, column, rule."""
        frame = self._frame(rows)
        return self.constraints.violations(_moved_everywhere(frame), frame)

    def broken_against(self, earlier: Any, rows: Any, constraints: Constraints) -> pd.DataFrame:
        """Return every rule of change that rows break against what the same people stated before.

        Args:
            earlier: the earlier rows, in the same order.
            rows: the rows now.
            constraints: rules with directions (an age does not fall) and what cannot change.
        """
        return constraints.violations(self._frame(earlier), self._frame(rows))

    def distances(self, rows: Any) -> np.ndarray:
        """Return (rows,) mean distances to the five nearest clean rows, in standard deviations."""
        if not len(rows):
            return np.zeros(0)
        coded = np.asarray(self._encoder.transform(self._frame(rows)), dtype=float)
        return self._neighbors.kneighbors(coded)[0].mean(axis=1)

    def plausible(self, rows: Any) -> np.ndarray:
        """Return (rows,): whether a row keeps the rules and is no further from others than clean rows."""
        return self.scores(rows) >= 0.5

    def scores(self, rows: Any) -> np.ndarray:
        """Return (rows,) from 0 to 1; 0.5 or more is plausible, 0 breaks a rule."""
        distance = self.distances(rows)
        near = np.clip(1 - 0.5 * distance / self.threshold, 0.5, 1)
        far = 0.5 * self.threshold / np.maximum(distance, self.threshold)
        score = np.where(distance <= self.threshold, near, np.minimum(far, np.nextafter(0.5, 0)))
        broken = self.broken_rules(rows)["row"].to_numpy(dtype=int)
        score[np.unique(broken)] = 0.0
        return score

    def _frame(self, rows: Any) -> pd.DataFrame:
        frame = _as_frame(rows)
        if list(frame.columns) != list(self.columns):
            raise UserError("The rows have other columns than those that plausibility was learned from.")
        return frame


def learn_plausibility(
    clean_rows: Any,
    constraints: Constraints | None = None,
    *,
    false_alarms: float = 0.05,
    seed: int = 0,
) -> PlausibilityCheck:
    """Learn what honest rows look like.

    Args:
        clean_rows: rows that can be trusted, 50 or more.
        constraints: rules; ranges, whole numbers and categories that are not declared are learned.
        false_alarms: share of honest rows that may be found too far from others. The threshold is set on
            rows held out, so that new honest rows are stopped about as often.
        seed: of the rows held out.

    Raises:
        TargetError: if there are too few rows or values are missing.
        UserError: if an argument is wrong.
    """
    from sklearn.compose import make_column_selector, make_column_transformer
    from sklearn.neighbors import NearestNeighbors
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    from secure_ai.attack.evasion import Constraints

    if not 0 < false_alarms < 1:
        raise UserError(f"false_alarms={false_alarms!r}: give a share between 0 and 1.")
    frame = _as_frame(clean_rows)
    check_rows(frame, least=50, what="clean rows")
    rules = (constraints or Constraints()).learn(frame)
    alone = replace(rules, immutable=(), increasing=(), decreasing=())
    order = np.random.default_rng(seed).permutation(len(frame))
    cut = max(15, round(CALIBRATION * len(frame)))
    held, known = frame.iloc[order[:cut]], frame.iloc[order[cut : cut + MOST_KNOWN]]
    text = make_column_selector(dtype_exclude=["number", "bool"])
    encoder = make_pipeline(
        make_column_transformer(
            (OneHotEncoder(handle_unknown="ignore", sparse_output=False), text), remainder=StandardScaler()
        )
    )
    coded = np.asarray(encoder.fit_transform(known), dtype=float)
    neighbors = NearestNeighbors(n_neighbors=min(NEIGHBORS, len(known))).fit(coded)
    learned = PlausibilityCheck(alone, 1.0, tuple(frame.columns), encoder, neighbors)
    distances = np.sort(learned.distances(held))
    # The quantile that keeps the promise for one more row (split conformal prediction).
    place = min(len(distances) - 1, int(np.ceil((len(distances) + 1) * (1 - false_alarms))) - 1)
    return replace(learned, threshold=max(float(distances[place]), 1e-9))


class PlausibleRows:
    """A system that sends implausible rows to a person.

    Args:
        system: what decides the others: a model or a system.
        check: what honest rows look like.
    """

    def __init__(self, system: Any, check: PlausibilityCheck) -> None:
        self.system, self.check = as_system(system), check
        self.classes = self.system.classes

    def classify(self, rows: Any) -> np.ndarray:
        """Return (rows,) classes, of implausible rows too."""
        return self.system.classify(rows)

    def passes(self, rows: Any, label: Any) -> np.ndarray:
        """Return (rows,): the lesser of what the system and the check say."""
        return np.minimum(self.system.passes(rows, label), self.check.scores(rows))

    def reviewed(self, rows: Any) -> np.ndarray:
        """Return (rows,): which are implausible, or go to a person anyway."""
        return self.system.reviewed(rows) | ~self.check.plausible(rows)


def _moved_everywhere(frame: pd.DataFrame) -> pd.DataFrame:
    """Return rows that differ in every cell: rules are judged where something differs."""
    other = {}
    for column in frame.columns:
        values = frame[column]
        number = pd.api.types.is_numeric_dtype(values.dtype) and not pd.api.types.is_bool_dtype(values.dtype)
        other[column] = values.astype(float) + 1e6 if number else pd.Series(["\0"] * len(frame), dtype=object)
    return pd.DataFrame({name: np.asarray(values) for name, values in other.items()}, columns=frame.columns)


def _as_frame(rows: Any) -> pd.DataFrame:
    if isinstance(rows, pd.DataFrame):
        return rows.reset_index(drop=True)
    array = np.asarray(rows)
    return pd.DataFrame(array, columns=[f"x{at}" for at in range(array.shape[1])])
