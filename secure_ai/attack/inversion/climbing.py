"""The record that a model takes for the clearest case of a class, found from its answers or its gradient.

Without more the climb ends at a record that nobody has: any model is surest far from all it has seen. So what
is climbed is the probability of the class times that of the record, as far as the attacker knows what records
look like (a normal distribution around his own rows' mean; what goes together there changes together). That
product is highest where records of the class are densest: at a typical one.

Source: Fredrikson, Jha & Ristenpart, Model inversion attacks that exploit confidence information and basic
    countermeasures (2015), algorithm 1 (gradient or numeric); Spall, Multivariate stochastic approximation
    using a simultaneous perturbation gradient approximation (1992): the slope from answers alone; Zhang et
    al., The secret revealer (2020): the attacker's own rows as what records look like (there by a generative
    network, here by principal components).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from secure_ai.attack.extraction.coding import as_frame, is_number, like
from secure_ai.attack.gradients.white_box import WhiteBox, open_white_box
from secure_ai.attack.targets import Target, TargetError, open_target
from secure_ai.core import UserError

Method = Literal["answers", "gradient"]
METHODS = ("answers", "gradient")
LEAST_CHANCE = 1e-6
LEAST_GAIN = 1e-9
CANDIDATES = 9
DIRECTIONS = 24
EXPLAINED = 0.95
STEP, REACH = 0.1, 0.3
Slope = Callable[[np.ndarray, Callable[[np.ndarray], Any], np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Inverted:
    """What came out for one class.

    Attributes:
        label: the class.
        record: one row, as the model takes it (a frame of one row, or an array (1, columns)).
        start: the row that the climb began at: what the attacker's own rows are on average.
        probability: that the model gives the class for ``record``, and for ``start``.
        queries: rows that the model was asked about; 0 where its gradient was read.
    """

    label: Any
    record: Any = field(repr=False)
    start: Any = field(repr=False)
    probability: tuple[float, float]
    queries: int


@threadpool_limits.wrap(limits=1)
def invert_class(
    model: Any,
    label: Any,
    own: Any,
    *,
    method: Method = "answers",
    picture: tuple[int, int] | None = None,
    trust: float = 0.3,
    steps: int = 40,
    seed: int = 0,
) -> Inverted:
    """Return the record that the model takes for a typical case of a class.

    Args:
        model: what :func:`secure_ai.attack.targets.open_target` takes; for ``"gradient"`` what
            :func:`secure_ai.attack.gradients.open_white_box` takes.
        label: the class.
        own: rows of the attacker, of any class: where the climb begins, and what records look like.
        method: ``"answers"`` or ``"gradient"``.
        picture: height and width where a row is a picture.
        trust: how strongly the record is held to what the attacker's rows look like; 0 for not at all.
        steps: of the climb; of a table by answers, columns changed at most.
        seed: of the directions asked about.

    Raises:
        TargetError: if the model does not answer, or has no gradient.
        UserError: if an argument is wrong.
    """
    if method not in METHODS:
        raise UserError(f"method='{method}': choose from {', '.join(METHODS)}.")
    if not 0 <= trust < np.inf or steps < 1:
        raise UserError("trust is 0 or more, and steps 1 or more.")
    target = open_target(model)
    target.index_of(label)
    if picture is not None and np.prod(picture) != np.shape(own)[1]:
        raise UserError(
            f"picture={tuple(picture)}: a row has {np.shape(own)[1]:,} columns; give its height and width."
        )
    asked = target.queries
    if picture is None and method == "answers":
        start, record = _by_columns(target, label, own, trust, steps)
    else:
        slope = _opened(model, label) if method == "gradient" else _from_answers(target, label, seed)
        start, record = _by_slopes(slope, own, picture, trust, steps)
    queries = target.queries - asked
    chances = target.scores(record, label)[0], target.scores(start, label)[0]
    return Inverted(label, record, start, (float(chances[0]), float(chances[1])), queries)


def _by_columns(target: Target, label: Any, own: Any, trust: float, steps: int) -> tuple[Any, Any]:
    """Take, again and again, the one change of a column that raises the sum of logarithms most."""
    frame = as_frame(own)
    offered = {name: _offered(frame[name]) for name in frame}
    best = {name: values[weights.argmax()] for name, (values, weights) in offered.items()}
    start = _row(frame, [best])
    for _ in range(steps):
        # The first is the record itself, so that staying as it is can be best.
        tried, likely = [best], [sum(_weight(offered[name], best[name]) for name in best)]
        for name, (values, weights) in offered.items():
            own_weight = _weight(offered[name], best[name])
            for value, weight in zip(values, weights, strict=True):
                if value != best[name]:
                    tried.append(best | {name: value})
                    likely.append(likely[0] + weight - own_weight)
        chances = target.scores(like(_row(frame, tried), own), label)
        gains = np.log(np.maximum(chances, LEAST_CHANCE)) + trust * np.array(likely)
        choice = int(np.argmax(gains))
        if gains[choice] <= gains[0] + LEAST_GAIN:
            break
        best = tried[choice]
    return like(start, own), like(_row(frame, [best]), own)


def _row(frame: pd.DataFrame, records: list[dict[Any, Any]]) -> pd.DataFrame:
    return pd.DataFrame(records, columns=frame.columns).astype(frame.dtypes.to_dict())


def _weight(offered: tuple[np.ndarray, np.ndarray], value: Any) -> float:
    values, weights = offered
    return float(weights[np.flatnonzero(values == value)[0]])


def _offered(column: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """Return values to try in a column, and the logarithm of how common each is among the attacker's rows."""
    if not is_number(column) or column.nunique() <= CANDIDATES:
        counts = column.value_counts().sort_index(key=lambda found: found.astype(str)).nlargest(CANDIDATES)
        return counts.index.to_numpy(), np.log(counts.to_numpy() / len(column))
    values = column.to_numpy(dtype=float)
    found = np.unique(np.quantile(values, np.linspace(0.05, 0.95, CANDIDATES)))
    if column.dtype.kind in "iu":
        found = np.unique(found.round().astype(column.dtype))
    return found, -(((found - values.mean()) / values.std()) ** 2) / 2


def _by_slopes(
    slope: Slope, own: Any, picture: tuple[int, int] | None, trust: float, steps: int
) -> tuple[Any, Any]:
    """Follow the slope of the sum of logarithms in coordinates in which the attacker's rows vary by 1."""
    try:
        rows = np.asarray(own, dtype=float)
    except (TypeError, ValueError):
        raise TargetError(
            "A slope needs numeric columns: choose method='answers' without picture= for rows with texts."
        ) from None
    center = rows.mean(axis=0)
    spread = rows.std(axis=0) if picture is None else np.ones(rows.shape[1])
    spread = np.where(spread > 0, spread, 1.0)
    # Columns of different units count alike; a pixel counts by its contrast.
    basis = _basis((rows - center) / spread) * spread

    def row_of(at: np.ndarray) -> Any:
        found = pd.DataFrame(center + at @ basis, columns=as_frame(own).columns)
        return found if isinstance(own, pd.DataFrame) else found.to_numpy(dtype=rows.dtype)

    at, first, second = np.zeros((1, len(basis))), 0.0, 0.0
    for step in range(1, steps + 1):
        up = np.reshape(slope(at, row_of, basis), (1, -1)) - trust * at
        first, second = 0.9 * first + 0.1 * up, 0.99 * second + 0.01 * up**2
        at = at + STEP * (first / (1 - 0.9**step)) / (np.sqrt(second / (1 - 0.99**step)) + 1e-8)
    return row_of(np.zeros_like(at)), row_of(at)


def _from_answers(target: Target, label: Any, seed: int) -> Slope:
    """Return a slope that is estimated from the answers to pairs of rows on opposite sides."""
    rng = np.random.default_rng(seed)

    def slope(at: np.ndarray, row_of: Callable[[np.ndarray], Any], basis: np.ndarray) -> np.ndarray:
        sides = rng.choice([-1.0, 1.0], (DIRECTIONS, len(basis)))
        asked = row_of(np.concatenate([at + REACH * sides, at - REACH * sides]))
        logs = np.log(np.maximum(target.scores(asked, label), LEAST_CHANCE))
        return ((logs[:DIRECTIONS] - logs[DIRECTIONS:])[:, None] * sides).mean(axis=0) / (2 * REACH)

    return slope


def _opened(model: Any, label: Any) -> Slope:
    """Return the slope that is read from the model's weights."""
    opened = open_white_box(model)
    code = opened.codes([label])

    def slope(at: np.ndarray, row_of: Callable[[np.ndarray], Any], basis: np.ndarray) -> np.ndarray:
        return _gradient(opened, np.asarray(row_of(at), dtype=float), code) @ basis.T

    return slope


def _gradient(opened: WhiteBox, rows: np.ndarray, code: np.ndarray) -> np.ndarray:
    """Return the slope of the class's log-probability, as that of two classes, by the inputs."""
    leads, slopes = opened.lead_gradient(rows, code)
    return -slopes / (1 + np.exp(-np.clip(leads, -500, 500)))[:, None]


def _basis(centered: np.ndarray) -> np.ndarray:
    """Return (coordinates, columns): the ways in which the attacker's rows vary together, as far as usual."""
    _, sizes, ways = np.linalg.svd(centered, full_matrices=False)
    told = np.cumsum(sizes**2) <= EXPLAINED * (sizes**2).sum()
    kept = max(int(told.sum()), 1)
    return ways[:kept] * (sizes[:kept] / len(centered) ** 0.5)[:, None]
