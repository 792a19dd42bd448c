"""Success against size: how many rows get another answer by changes of a size, beside noise of that size."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from secure_ai.attack.gradients.limits import Limits, Norm, check_norm, check_sizes
from secure_ai.attack.gradients.steps import ENOUGH, fast_gradient, projected_gradient, random_change
from secure_ai.attack.gradients.white_box import WhiteBox, open_white_box
from secure_ai.attack.targets import (
    Target,
    TargetError,
    check_rows,
    check_target,
    open_target,
    reason_instead,
)
from secure_ai.core import Measurement
from secure_ai.core.figures import percent
from secure_ai.core.intervals import wilson

if TYPE_CHECKING:
    import pandas as pd

MADRY = "Madry et al., Towards deep learning models resistant to adversarial attacks (2018)"
MANY, ONE, NOISE = "projected gradient", "one gradient step", "random noise"
LEAST_AGREEMENT = 0.98


@dataclass(frozen=True)
class GradientAttack:
    """What changes of each size reach on a model.

    Attributes:
        curve: columns ``attack``, ``size``, ``success``, ``low``, ``high``: share of the attacked rows that
            get another answer, with its interval.
        again: share that gets another answer when asked again unchanged.
        rows: how many were attacked: those whose label the model gave before.
        accuracy: share of all rows whose label the model gave before.
        norm: how size is measured.
        unit_name: of the size, in words.
        draws: random changes tried for each row, of which one must succeed.
        queries: rows asked.
        levels: grey levels of the range, for pictures stored in bytes.
        name: of the model.
        shuffled: for a transferred attack, success at each size through a substitute that learned shuffled
            answers; empty for a white-box attack.
    """

    curve: pd.DataFrame
    again: float
    rows: int
    accuracy: float
    norm: Norm
    unit_name: str
    draws: int
    queries: int
    levels: int | None = None
    name: str = "model"
    shuffled: tuple[float, ...] = ()

    @property
    def transferred(self) -> bool:
        """Return whether the changes were made on a substitute."""
        return bool(self.shuffled)

    def size_words(self, size: float) -> str:
        """Return a size in words: grey levels where no pixel of a stored picture changes by more."""
        if self.levels and self.norm == "linf":
            return f"{size * self.levels:.3g} of {self.levels} grey levels"
        return f"{size:.3g} {self.unit_name} ({self.norm})"

    def success(self, size: float, attack: str = MANY) -> float:
        """Return the success of an attack at one of the sizes measured."""
        chosen = self.curve[(self.curve["attack"] == attack) & np.isclose(self.curve["size"], size)]
        return float(chosen["success"].iloc[0])

    def measurements(self) -> list[Measurement]:
        """Return the success of the projected gradient at each size."""
        found = []
        for place, row in enumerate(self.curve[self.curve["attack"] == MANY].itertuples()):
            control, absent = self.again, "asked again unchanged"
            if self.transferred:
                control, absent = self.shuffled[place], "through a substitute of shuffled answers"
            found.append(
                Measurement(
                    name="transfer_evasion_success" if self.transferred else "gradient_evasion_success",
                    value=float(row.success),
                    unit="share of rows",
                    n=self.rows,
                    baseline=self.success(row.size, NOISE),
                    control=control,
                    interval=(float(row.low), float(row.high)),
                    method=f"{MANY}{' of a substitute' if self.transferred else ''}, {self.norm} size "
                    f"{row.size:.4g} {self.unit_name}; answers confirmed; Wilson interval; baseline: "
                    f"best of {self.draws} random changes of that size; control: {absent}",
                    source=MADRY,
                )
            )
        return found

    def to_frame(self) -> pd.DataFrame:
        """Return one line for each size: size, projected gradient, one step, noise, low and high."""
        wide = self.curve.pivot(index="size", columns="attack", values="success")[[MANY, ONE, NOISE]]
        bounds = self.curve[self.curve["attack"] == MANY].set_index("size")[["low", "high"]]
        return wide.join(bounds).rename_axis(columns=None).reset_index()

    def sentence(self) -> str:
        """Say what the smallest size that reaches nearly all rows does; the largest, if none does."""
        found = self.measurements()
        chosen = next((m for m in found if m.value >= 0.95), found[-1])
        size = self.curve.loc[self.curve["attack"] == MANY, "size"].iloc[found.index(chosen)]
        low, high = chosen.interval
        how = "made on a substitute " if self.transferred else ""
        control = "by a substitute that learned nothing" if self.transferred else "asked again unchanged"
        return (
            f"Changes {how}of at most {self.size_words(size)} bring the {self.name} to another answer on "
            f"{percent(chosen.value)} of {self.rows:,} rows that it had right ({percent(low)} to "
            f"{percent(high)}); random changes of that size on {percent(chosen.baseline)} (best of "
            f"{self.draws}), {control} {percent(chosen.control or 0.0)}."
        )


@reason_instead
def measure_gradient_attack(
    model: Any,
    rows: Any,
    labels: Any = None,
    sizes: Sequence[float] = (2 / 255, 4 / 255, 8 / 255, 16 / 255),
    *,
    norm: Norm = "linf",
    limits: Limits | None = None,
    steps: int = 20,
    starts: int = 1,
    threshold: float = 0.5,
    name: str = "model",
    seed: int = 0,
) -> GradientAttack:
    """Measure how many rows get another answer by changes of each size (white box).

    Args:
        model: what :func:`open_white_box` takes: the attack reads its weights.
        rows: a frame of numbers, or an array, rows that the model was not trained on.
        labels: the true classes; rows that the model has wrong are not attacked. None takes its answers.
        sizes: in the limits' unit.
        norm: ``"linf"``, no value changes by more; ``"l2"``, the root of the summed squares is no more.
        limits: what may change; pictures from 0 to 1 in 256 grey levels if not given.
        steps: of the projected gradient, and random changes tried beside it.
        starts: attempts of the projected gradient.
        threshold: probability of the second of two classes from which it is the answer.
        name: of the model, for sentences.
        seed: of random changes.

    Returns:
        The curve; ``Unassessed`` if the model has no gradient, answers nothing, or rows are unusable.

    Raises:
        UserError: if an argument is wrong.
    """
    target = open_target(model, threshold=threshold, name=name)
    check_rows(rows)
    box = open_white_box(model, threshold=threshold, name=name)
    return curve_through(
        target, box, rows, labels, sizes, norm=norm, limits=limits, steps=steps, starts=starts, seed=seed
    )


def curve_through(
    target: Target,
    box: WhiteBox,
    rows: Any,
    labels: Any,
    sizes: Sequence[float],
    *,
    norm: Norm,
    limits: Limits | None,
    steps: int,
    starts: int,
    seed: int,
    shuffled: WhiteBox | None = None,
) -> GradientAttack:
    """Measure changes made on ``box`` by what ``target`` answers.

    Args:
        target: what is asked; the model itself, or another.
        box: what is opened.
        rows, labels, sizes, norm, limits, steps, starts, seed: as in :func:`measure_gradient_attack`.
        shuffled: a substitute that learned shuffled answers, if ``box`` is a substitute.

    Raises:
        TargetError: if the target answers nothing, ``box`` answers otherwise than the model it is said to
            be, or the model has no row right.
    """
    import pandas as pd

    check_norm(norm)
    limits, greatest = limits or Limits.pictures(), np.unique(check_sizes(sizes))
    before = check_target(target, rows)
    given = before if labels is None else np.asarray(labels).ravel()
    if len(given) != len(rows):
        raise TargetError(f"There are {len(rows):,} rows and {len(given):,} labels: give one for each row.")
    values = np.asarray(rows, dtype=float)
    if shuffled is None and np.mean(box.leads(values, box.codes(before)) <= 0) < LEAST_AGREEMENT:
        raise TargetError(
            f"The {target.name} answers otherwise than its own weights say: check its threshold and columns."
        )
    right = np.flatnonzero(given == before)
    if not len(right):
        raise TargetError(
            f"The {target.name} has no row right: there is nothing to attack. Check the labels."
        )
    attacked = rows.iloc[right] if hasattr(rows, "iloc") else values[right]
    own, n = given[right], len(right)

    def success(changed: Any) -> np.ndarray:
        return target.labels(changed) != own

    pushed = partial(
        projected_gradient,
        norm=norm,
        limits=limits,
        steps=steps,
        starts=starts,
        lead=ENOUGH if shuffled is None else float("inf"),
        seed=seed,
    )
    made: dict[str, Callable[[float], np.ndarray]] = {
        MANY: lambda size: success(pushed(box, attacked, own, size)),
        ONE: lambda size: success(fast_gradient(box, attacked, own, size, norm=norm, limits=limits)),
        NOISE: lambda size: np.any(
            [
                success(random_change(attacked, size, norm=norm, limits=limits, seed=seed + draw))
                for draw in range(steps)
            ],
            axis=0,
        ),
    }
    lines = []
    for attack, measured in made.items():
        for size in greatest:
            hits = float(measured(float(size)).sum())
            lines.append((attack, float(size), hits / n, *wilson(hits, n)))
    controls: tuple[float, ...] = ()
    if shuffled is not None:
        controls = tuple(float(success(pushed(shuffled, attacked, own, size)).mean()) for size in greatest)
    return GradientAttack(
        curve=pd.DataFrame(lines, columns=["attack", "size", "success", "low", "high"]),
        again=float(success(attacked).mean()),
        rows=n,
        accuracy=n / len(given),
        norm=norm,
        unit_name=limits.unit_name,
        draws=steps,
        queries=target.queries,
        levels=limits.levels,
        name=target.name,
        shuffled=controls,
    )
