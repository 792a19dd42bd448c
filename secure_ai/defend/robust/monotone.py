"""Monotone models: what an attacker can only push one way must never help them.

Source: Incer, Theodorides, Afroz & Wagner, Adversarially robust malware detection using monotonic
    classification (2018).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from secure_ai.attack.targets import TargetError, check_probabilities, check_rows, open_target
from secure_ai.core import UserError
from secure_ai.defend.robust.decisions import needs_probabilities

if TYPE_CHECKING:
    from secure_ai.attack.evasion import Constraints

Direction = Literal["up", "down"]
STEPS = 8
TOLERANCE = 1e-9


def harmless_directions(constraints: Constraints) -> dict[str, Direction]:
    """Return the directions of risk under which one-way pushes gain an attacker nothing.

    What can only rise may only raise the risk, what can only fall may only raise it by falling.

    Args:
        constraints: what an attacker can change; ``increasing`` and ``decreasing`` count.
    """
    rising: dict[str, Direction] = dict.fromkeys(constraints.increasing, "up")
    return rising | dict.fromkeys(constraints.decreasing, "down")


def fit_monotone(
    rows: Any, labels: Any, directions: Mapping[Any, Direction], *, seed: int = 0, **settings: Any
) -> Any:
    """Fit gradient boosting whose probability of the second class moves only as the directions say.

    Args:
        rows: frame of numbers.
        labels: (rows,) two classes; the second (in sorted order) is the risk.
        directions: column → ``"up"`` (the risk may only rise with it) or ``"down"``.
        seed: of the fit.
        settings: of scikit-learn's HistGradientBoostingClassifier.

    Raises:
        TargetError: if there are not two classes, or values are missing.
        UserError: if a column is unknown or no number, or a direction is none.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier
    from threadpoolctl import threadpool_limits

    frame = _numbers(rows)
    _check_directions(frame, directions)
    check_rows(frame)
    if len(np.unique(labels)) != 2:
        raise TargetError(
            f"There are {len(np.unique(labels))} classes: a risk that rises or falls needs two."
        )
    ways = {"up": 1, "down": -1}
    model = HistGradientBoostingClassifier(
        **({"max_iter": 100, "max_leaf_nodes": 15, "random_state": seed} | settings),
        monotonic_cst={column: ways[way] for column, way in directions.items()},
    )
    with threadpool_limits(1):
        return model.fit(frame, labels)


def check_monotone(
    model: Any, rows: Any, directions: Mapping[Any, Direction], *, risk: Any, steps: int = STEPS
) -> pd.DataFrame:
    """Move each column of each row through the values seen and look whether the risk ever goes the wrong way.

    Args:
        model: any classifier with probabilities.
        rows: frame of numbers.
        directions: column → ``"up"`` or ``"down"``.
        risk: the class that is the risk.
        steps: values of each column that are tried (quantiles of the rows).

    Returns:
        Columns column, direction, rows, wrong (share of rows with a step the wrong way) and largest (the
        greatest gain of probability that a wrong step gives).

    Raises:
        TargetError: if the model gives no probabilities or does not answer.
        UserError: if a column or direction is unknown.
    """
    frame = _numbers(rows)
    _check_directions(frame, directions)
    check_rows(frame)
    target = open_target(model)
    needs_probabilities(target, "a check of direction")
    check_probabilities(target, rows)
    found = []
    for column, way in directions.items():
        values = np.unique(np.quantile(frame[column], np.linspace(0, 1, steps)))
        moved = pd.concat([frame] * len(values), ignore_index=True)
        moved[column] = np.repeat(values, len(frame)).astype(frame[column].dtype)
        asked = moved if isinstance(rows, pd.DataFrame) else moved.to_numpy()
        chance = target.probabilities(asked)[:, target.index_of(risk)].reshape(len(values), len(frame))
        steps_taken = np.diff(chance, axis=0) * (1 if way == "up" else -1)
        worst = abs(steps_taken.min(axis=0, initial=0.0))
        found.append((column, way, len(frame), float((worst > TOLERANCE).mean()), float(worst.max())))
    return pd.DataFrame(found, columns=["column", "direction", "rows", "wrong", "largest"])


def _numbers(rows: Any) -> pd.DataFrame:
    frame = rows if isinstance(rows, pd.DataFrame) else pd.DataFrame(np.asarray(rows))
    if not isinstance(rows, pd.DataFrame):
        frame.columns = [f"x{at}" for at in range(frame.shape[1])]
    text = [column for column in frame.columns if not pd.api.types.is_numeric_dtype(frame[column].dtype)]
    if text:
        raise UserError(f"Column '{text[0]}' holds no numbers: give categories as columns of 0 and 1.")
    return frame


def _check_directions(frame: pd.DataFrame, directions: Mapping[Any, Direction]) -> None:
    if not directions:
        raise UserError("There are no directions: name at least one column.")
    for column, way in directions.items():
        if column not in frame:
            raise UserError(f"There is no column '{column}' to give a direction to.")
        if way not in ("up", "down"):
            raise UserError(f"Direction of '{column}': '{way}' is neither 'up' nor 'down'.")
