"""What a model becomes in operation: it decides a case, or hands it to a person."""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

import numpy as np

from secure_ai.attack.targets import Target, TargetError, open_target
from secure_ai.core import UserError

REVIEW = "review"


@runtime_checkable
class DecisionSystem(Protocol):
    """A model with whatever stands around it.

    Attributes:
        classes: what it tells apart.

    ``classify`` returns (rows,) classes, one for each row. ``passes`` returns (rows,): how near each row is
    to being answered with a class without anybody looking, from 0 to 1, and 0.5 or more exactly where it is.
    An attacker who knows the system climbs this. ``reviewed`` returns (rows,): which go to a person.
    """

    classes: np.ndarray

    def classify(self, rows: Any) -> np.ndarray: ...

    def passes(self, rows: Any, label: Any) -> np.ndarray: ...

    def reviewed(self, rows: Any) -> np.ndarray: ...


class PlainDecision:
    """A model that decides every case alone.

    Args:
        model: what :func:`~secure_ai.attack.targets.open_target` takes.
    """

    def __init__(self, model: Any) -> None:
        self.target: Target = open_target(model)
        self.classes = self.target.classes

    def classify(self, rows: Any) -> np.ndarray:
        """Return (rows,) classes."""
        return self.target.labels(rows)

    def passes(self, rows: Any, label: Any) -> np.ndarray:
        """Return (rows,): the probability of the label, moved so that 0.5 is where it becomes the answer."""
        if self.target.answer == "labels":
            return (self.target.labels(rows) == label).astype(float)
        chances = self.target.probabilities(rows)
        place = self.target.index_of(label)
        if len(self.classes) == 2:
            needed = self.target.threshold if place else 1 - self.target.threshold
            score = above(chances[:, place], needed)
            # A tie goes to the second class.
            return np.where((score == 0.5) & (place == 0), np.nextafter(0.5, 0), score)
        others = np.delete(chances, place, axis=1).max(axis=1)
        total = chances[:, place] + others
        share = np.divide(chances[:, place], total, out=np.zeros(len(total)), where=total > 0)
        chosen = chances.argmax(axis=1) == place
        return np.where(chosen, np.maximum(share, 0.5), np.minimum(share, np.nextafter(0.5, 0)))

    def reviewed(self, rows: Any) -> np.ndarray:
        """Return (rows,): none goes to a person."""
        return np.zeros(len(rows), dtype=bool)


def as_system(model: Any) -> DecisionSystem:
    """Return a model as a system that decides every case alone, and a system as it is."""
    return model if isinstance(model, DecisionSystem) else PlainDecision(model)


def above(values: np.ndarray, needed: float) -> np.ndarray:
    """Stretch values from 0 to 1 so that ``needed`` lies at 0.5."""
    low = 0.5 * values / needed if needed > 0 else np.zeros(len(values))
    high = 0.5 + 0.5 * (values - needed) / (1 - needed) if needed < 1 else np.full(len(values), 0.5)
    return np.clip(np.where(values >= needed, high, np.minimum(low, np.nextafter(0.5, 0))), 0, 1)


def attack_surface(system: DecisionSystem, goal: Any, name: str) -> Target:
    """Return the system as a target of an attacker who knows it: class 1 is the goal, without a person.

    Raises:
        UserError: if the system does not know the goal.
    """
    if goal not in list(system.classes):
        raise UserError("The goal is no class of the model: choose one of its `classes`.")
    return Target(lambda rows: system.passes(rows, goal), classes=(0, 1), name=name)


def needs_probabilities(target: Target, why: str) -> None:
    """Raise TargetError where the target gives labels only."""
    if target.answer != "probabilities":
        raise TargetError(
            f"The {target.name} gives labels only, and {why} needs probabilities: ask it for them."
        )
