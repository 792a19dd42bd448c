"""Changes of a given size that bring the model nearest to another answer: one step, many steps, none at all.

Source: Goodfellow, Shlens & Szegedy, Explaining and harnessing adversarial examples (2015): one step;
    Madry et al., Towards deep learning models resistant to adversarial attacks (2018): projected gradient;
    Carlini & Wagner, Towards evaluating the robustness of neural networks (2017): the lead is what is raised.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from secure_ai.attack.gradients.limits import Limits, Norm, check_norm, check_sizes, held
from secure_ai.attack.gradients.white_box import open_white_box
from secure_ai.core import UserError

STEP_SHARE = 2.5
# A lead, in log odds, that rounding in the model's own arithmetic does not undo.
ENOUGH = 1e-5


def fast_gradient(
    model: Any, rows: Any, labels: Any, size: Any, *, norm: Norm = "linf", limits: Limits | None = None
) -> Any:
    """Return rows changed by one step along the gradient (white box).

    Args:
        model: what :func:`open_white_box` takes.
        rows: (n, columns) as the model takes them; a frame gives a frame.
        labels: (n,) classes to lead away from.
        size: of the change, in the limits' unit; one number or one per row.
        norm: ``"linf"``, no value changes by more; ``"l2"``, the root of the summed squares is no more.
        limits: what may change; pictures from 0 to 1 if not given.

    Raises:
        TargetError: if the model has no gradient.
        UserError: if an argument is wrong.
    """
    return projected_gradient(model, rows, labels, size, norm=norm, limits=limits, steps=1, step_share=1.0)


def projected_gradient(
    model: Any,
    rows: Any,
    labels: Any,
    size: Any,
    *,
    norm: Norm = "linf",
    limits: Limits | None = None,
    steps: int = 20,
    starts: int = 1,
    lead: float = ENOUGH,
    step_share: float = STEP_SHARE,
    seed: int = 0,
) -> Any:
    """Return rows changed by many small steps, each held within the size allowed (white box).

    A row is left alone as soon as another class leads; where none does, the best attempt is returned.

    Args:
        model, rows, labels, size, norm, limits: as in :func:`fast_gradient`.
        steps: how many steps.
        starts: attempts; the first begins at the row, the others at a random change.
        lead: how far another class must lead, in log odds, before a row is left alone; infinity goes on.
        step_share: length of all steps together, in sizes.
        seed: of the random changes.

    Raises:
        TargetError: if the model has no gradient.
        UserError: if an argument is wrong.
    """
    box, limits = open_white_box(model), limits or Limits.pictures()
    check_norm(norm)
    if steps < 1 or starts < 1:
        raise UserError(f"steps={steps}, starts={starts}: give 1 or more of each.")
    origin = np.asarray(rows, dtype=float)
    sizes = check_sizes(size, len(origin))
    codes = box.codes(labels)
    best, best_lead = origin.copy(), box.leads(origin, codes)
    rng = np.random.default_rng(seed)
    for attempt in range(starts):
        left = np.flatnonzero(best_lead <= lead)
        change = np.zeros((len(left), origin.shape[1]))
        if attempt:
            change = _noise(change.shape, sizes[left], norm, rng)
        for step in range(steps + 1):
            if not len(left):
                break
            here = limits.within(origin[left], change, sizes[left], norm)
            last = step == steps
            if last:
                leads, slopes = box.leads(here, codes[left]), None
            else:
                leads, slopes = box.lead_gradient(here, codes[left])
            better = leads > best_lead[left]
            best[left[better]], best_lead[left[better]] = here[better], leads[better]
            going = best_lead[left] <= lead
            left, change = left[going], change[going]
            if slopes is not None:
                change = _stepped(
                    change,
                    slopes[going] * limits.units(origin.shape[1]),
                    sizes[left] * step_share / steps,
                    norm,
                )
                change = held(change, sizes[left], norm)
    return like(rows, best)


def random_change(
    rows: Any, size: Any, *, norm: Norm = "linf", limits: Limits | None = None, seed: int = 0
) -> Any:
    """Return rows changed at random by the whole size: what a change can do that knows nothing of the model.

    Args:
        rows, size, norm, limits: as in :func:`fast_gradient`.
        seed: of the noise.
    """
    check_norm(norm)
    limits = limits or Limits.pictures()
    origin = np.asarray(rows, dtype=float)
    sizes = check_sizes(size, len(origin))
    change = np.random.default_rng(seed).normal(size=origin.shape) * (limits.units(origin.shape[1]) > 0)
    return like(rows, limits.within(origin, _stepped(0 * change, change, sizes, norm), sizes, norm))


def like(rows: Any, values: np.ndarray) -> Any:
    """Return values as a frame with the columns and index of ``rows`` if that is one."""
    if not hasattr(rows, "columns"):
        return values
    import pandas as pd

    return pd.DataFrame(values, columns=rows.columns, index=rows.index)


def _stepped(change: np.ndarray, slopes: np.ndarray, length: np.ndarray, norm: Norm) -> np.ndarray:
    if norm == "linf":
        return change + length[:, None] * np.sign(slopes)
    steep = np.linalg.norm(slopes, axis=1, keepdims=True)
    return change + length[:, None] * slopes / np.maximum(steep, 1e-300)


def _noise(shape: tuple[int, ...], sizes: np.ndarray, norm: Norm, rng: np.random.Generator) -> np.ndarray:
    if norm == "linf":
        return rng.uniform(-1, 1, shape) * sizes[:, None]
    return _stepped(np.zeros(shape), rng.normal(size=shape), sizes * rng.random(shape[0]), norm)
