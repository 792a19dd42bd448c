"""One picture whose answer flips under a change that nobody sees, beside noise of the same size."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from secure_ai.attack.gradients.limits import Limits, Norm
from secure_ai.attack.gradients.steps import projected_gradient, random_change
from secure_ai.attack.gradients.white_box import open_white_box
from secure_ai.attack.targets import open_target
from secure_ai.core import UserError
from secure_ai.core.figures import percent

GREY_LEVELS = 255
NOISE_DRAWS = 20


@dataclass(frozen=True)
class Flip:
    """A picture before and after, and what the model says of each.

    Attributes:
        before, after, noisy: (height, width) grey levels, whole numbers from 0 to 255; ``noisy`` is the
            random change of the same size that brought the model furthest.
        said_before, said_after, said_noisy: the model's class of each.
        chance_before, chance_after, chance_noisy: the probability it gives that class.
        noise_flips: how many of twenty random changes of the size bring another answer too.
        names: class → words.
    """

    before: np.ndarray
    after: np.ndarray
    noisy: np.ndarray
    said_before: Any
    said_after: Any
    said_noisy: Any
    chance_before: float
    chance_after: float
    chance_noisy: float
    noise_flips: int
    names: Mapping[Any, str] = field(default_factory=dict)

    @property
    def flipped(self) -> bool:
        """Return whether the answer is another."""
        return bool(self.said_before != self.said_after)

    @property
    def levels(self) -> int:
        """Return the greatest change of a pixel, in grey levels of 256."""
        return int(np.abs(self.after - self.before).max())

    def words(self, label: Any) -> str:
        """Return what a class is called."""
        return self.names.get(label, str(label))

    def sentence(self) -> str:
        """Say what the change did."""
        verb, other = ("turns", "") if self.flipped else ("does not turn", "anything else: ")
        noise = f"{self.noise_flips or 'none'} {'bring' if self.noise_flips > 1 else 'brings'}"
        return (
            f"A change of at most {self.levels} of {GREY_LEVELS} grey levels {verb} "
            f"'{self.words(self.said_before)}' ({percent(self.chance_before)}) into {other}"
            f"'{self.words(self.said_after)}' ({percent(self.chance_after)}); of {NOISE_DRAWS} random "
            f"changes of that size {noise} another answer."
        )


def flip_picture(
    model: Any,
    picture: Any,
    label: Any = None,
    *,
    side: tuple[int, int],
    size: float = 8 / GREY_LEVELS,
    norm: Norm = "linf",
    names: Mapping[Any, str] | None = None,
    steps: int = 40,
    seed: int = 0,
) -> Flip:
    """Change a picture so that the model is as sure as possible of another class (white box).

    Args:
        model: what :func:`open_white_box` takes.
        picture: (pixels,) from 0 to 1, one row.
        label: the class to lead away from; the model's answer if not given.
        side: height and width.
        size: of the change, in parts of the grey range: 8 / 255 is less than one grey level in thirty.
        norm: how it is measured.
        names: class → words.
        steps: of the projected gradient.
        seed: of the noise.

    Raises:
        TargetError: if the model has no gradient or does not answer.
        UserError: if the picture is none of that side.
    """
    target, box, limits = open_target(model), open_white_box(model), Limits.pictures(GREY_LEVELS)
    row = np.asarray(picture, dtype=float).reshape(1, -1)
    if row.shape[1] != side[0] * side[1]:
        raise UserError(f"The picture has {row.shape[1]:,} pixels and side={tuple(side)} another number.")
    said = target.labels(row)[0]
    own = np.asarray([said if label is None else label])
    after = projected_gradient(
        box, row, own, size, norm=norm, limits=limits, steps=steps, lead=float("inf"), seed=seed
    )
    draws = np.vstack(
        [random_change(row, size, norm=norm, limits=limits, seed=seed + k) for k in range(NOISE_DRAWS)]
    )
    noise_flips = int((target.labels(draws) != said).sum())
    noisy = draws[int(box.leads(draws, box.codes(np.repeat(own, NOISE_DRAWS))).argmax())][None]
    labels = target.labels(np.vstack([row, after, noisy]))
    chances = target.probabilities(np.vstack([row, after, noisy])).max(axis=1)
    shown = [np.round(part * GREY_LEVELS).astype(int).reshape(side) for part in (row, after, noisy)]
    return Flip(*shown, *labels.tolist(), *map(float, chances), noise_flips, dict(names or {}))
