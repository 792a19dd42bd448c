"""How small a change is enough: for each row the smallest found that brings another answer.

The size is doubled until the projected gradient succeeds, then halved between failure and success. On a
linear model the optimum is known (distance to the plane), and the tests compare.

Source: Carlini & Wagner, Towards evaluating the robustness of neural networks (2017): bisection;
    Moosavi-Dezfooli et al., DeepFool (2016): first guess.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from secure_ai.attack.gradients.limits import Limits, Norm, check_norm
from secure_ai.attack.gradients.steps import ENOUGH, like, projected_gradient
from secure_ai.attack.gradients.white_box import open_white_box

DOUBLINGS = 12
HALVINGS = 9
HARDLY = 1e-6


@dataclass(frozen=True)
class SmallestChanges:
    """The smallest change found for each row.

    Attributes:
        changed: rows after it; as they came where none was found. A frame if a frame came.
        size: (n,) in the limits' unit; 0 where the answer was another before, infinite where none was found.
        norm: how size is measured.
        unit_name: in words.
    """

    changed: Any
    size: np.ndarray
    norm: Norm
    unit_name: str

    @property
    def found(self) -> np.ndarray:
        """Return (n,), whether another answer was reached."""
        return np.isfinite(self.size)

    def sentence(self) -> str:
        """Say how small changes are."""
        if not self.found.any():
            return f"Of {len(self.size):,} rows none was brought to another answer."
        low, middle, high = np.quantile(self.size[self.found], [0.1, 0.5, 0.9])
        return (
            f"{int(self.found.sum()):,} of {len(self.size):,} rows were brought to another answer; half of "
            f"these by a change of {middle:.3g} {self.unit_name} or less ({self.norm}; the middle 80% from "
            f"{low:.3g} to {high:.3g})."
        )


def smallest_changes(
    model: Any,
    rows: Any,
    labels: Any,
    *,
    norm: Norm = "linf",
    limits: Limits | None = None,
    most: float | None = None,
    steps: int = 20,
) -> SmallestChanges:
    """Return the smallest change of each row that brings another answer (white box).

    Args:
        model: what :func:`open_white_box` takes.
        rows, labels, norm, limits: as in :func:`secure_ai.attack.gradients.steps.fast_gradient`.
        most: the greatest size tried; without it up to the whole range of every column.
        steps: of each attempt.

    Raises:
        TargetError: if the model has no gradient.
        UserError: if an argument is wrong.
    """
    check_norm(norm)
    box, limits = open_white_box(model), limits or Limits.pictures()
    origin = np.asarray(rows, dtype=float)
    codes = box.codes(labels)
    leads, slopes = box.lead_gradient(origin, codes)
    unit = limits.units(origin.shape[1])
    steep = np.abs(slopes * unit).sum(axis=1) if norm == "linf" else np.linalg.norm(slopes * unit, axis=1)
    if most is None:
        spans = np.divide(limits.high - np.asarray(limits.low) + 0 * unit, unit, out=0 * unit, where=unit > 0)
        most = float(spans.max() if norm == "linf" else np.linalg.norm(spans))
    least = 1 / limits.levels if limits.levels else most * HARDLY
    # Room for the lead that is asked for; on a linear model the first attempt then succeeds.
    guess = np.clip((2 * ENOUGH - leads) / np.maximum(steep, 1e-300), least, most)
    size = np.where(leads > 0, 0.0, np.inf)
    changed, fails = origin.copy(), np.zeros(len(origin))
    given = np.asarray(labels).ravel()

    def attempt(places: np.ndarray, sizes: np.ndarray) -> None:
        tried = projected_gradient(
            box, origin[places], given[places], sizes, norm=norm, limits=limits, steps=steps
        )
        hit = box.leads(tried, codes[places]) > ENOUGH
        far = limits.distance(origin[places], tried, norm)
        fails[places[~hit]] = np.maximum(fails[places[~hit]], sizes[~hit])
        better = hit & (far < size[places])
        size[places[better]], changed[places[better]] = far[better], tried[better]

    for _ in range(DOUBLINGS):
        left = np.flatnonzero(np.isinf(size) & (fails < most))
        if not len(left):
            break
        attempt(left, guess[left])
        guess = np.minimum(guess * 2, most)
    for _ in range(HALVINGS):
        between = np.isfinite(size) & (size - fails > 1e-3 * size)
        if limits.levels and norm == "linf":
            between &= np.round(size * limits.levels) > np.floor(fails * limits.levels + 1e-9) + 1
        left = np.flatnonzero(between)
        if not len(left):
            break
        attempt(left, (size[left] + fails[left]) / 2)
    return SmallestChanges(like(rows, changed), size, norm, limits.unit_name)
