"""What inversion of a class shows: how like the class it is, and whether it shows any of its members.

A typical record is no person's. Where a class *is* a person (a face, a voice, a patient's own scans) the
typical record of the class shows that person; where it is a diagnosis or a decision it shows what such
cases have in common, which is what the model is for. Both are measured.

Source: Fredrikson, Jha & Ristenpart, Model inversion attacks that exploit confidence information and basic
    countermeasures (2015); Yeom et al., Privacy risk in machine learning (2018): the same attack on members
    and on others tells what membership adds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from secure_ai.attack.attribute_inference.guessing import taken
from secure_ai.attack.extraction.coding import InputCoder
from secure_ai.attack.inversion.climbing import Inverted, Method, invert_class
from secure_ai.attack.membership.figures import auc, auc_interval
from secure_ai.attack.membership.groups import Overlap, check_groups
from secure_ai.attack.targets import (
    TargetError,
    check_probabilities,
    check_rows,
    open_target,
    reason_instead,
)
from secure_ai.core import Measurement
from secure_ai.core.figures import percent

SOURCE = "Fredrikson et al., Model inversion attacks (2015)"
YEOM = "Yeom et al., Privacy risk in machine learning (2018)"
LEAST = 40
LEAST_OF_CLASS = 10
RESAMPLES = 400


@dataclass(frozen=True)
class Inversion:
    """What came out for a class, and what it is like.

    Attributes:
        label: the class.
        inverted: the record that came out, where the climb began, probabilities, queries.
        likeness: cosine between the way from the start to the record and the way from the mean of the
            attacker's rows to the mean of the class's members; 0 without the model. Control: the record that
            comes out for another class.
        individuals: share of pairs in which a member of the class is nearer to the record than a person of
            the same class that the model never saw; 0.5 if it shows nobody. Control: the start.
        table: one row for each picture of the class: record, probability, to_class_mean, nearest_member,
            nearest_other (distances in standard deviations of a column, per column).
    """

    label: Any
    inverted: Inverted = field(repr=False)
    likeness: Measurement
    individuals: Measurement
    table: pd.DataFrame

    def measurements(self) -> list[Measurement]:
        """Return both figures."""
        return [self.likeness, self.individuals]

    def to_frame(self) -> pd.DataFrame:
        """Return one row for each figure: measure, value, low, high, baseline, control, n, method."""
        rows = [
            (m.name, m.value, *m.interval, m.baseline, m.control, m.n, m.method) for m in self.measurements()
        ]
        columns = ["measure", "value", "low", "high", "baseline", "control", "n", "method"]
        return pd.DataFrame(rows, columns=columns)

    def shows_class(self) -> bool:
        """Say whether the record is like the class: the interval of the likeness lies above 0 and control."""
        return self.likeness.interval[0] > max(0.0, self.likeness.control or 0.0)

    def shows_members(self) -> bool:
        """Say whether it is nearer to members than to others of the class, beyond chance and control."""
        return self.individuals.interval[0] > max(0.5, self.individuals.control or 0.5)

    def sentence(self) -> str:
        """Say what the record shows, and what not."""
        like, (low, high) = self.likeness, self.likeness.interval
        does = "is like" if self.shows_class() else "is not like"
        who = (
            "It is nearer to members than to others of the class: it tells who was in the training data"
            if self.shows_members()
            else "It is no nearer to members than to others of the class: it shows no person"
        )
        return (
            f"What the model takes for a typical record of class {self.label} (probability "
            f"{percent(self.inverted.probability[0])}, at the start {percent(self.inverted.probability[1])}) "
            f"{does} the mean of its members of that class: likeness {like.value:.2f} ({low:.2f} to "
            f"{high:.2f}; 0 without the model, {like.control:.2f} for another class). {who} "
            f"({percent(self.individuals.value)} of pairs)."
        )


@reason_instead
@threadpool_limits.wrap(limits=1)
def measure_inversion(
    model: Any,
    members: tuple[Any, Any],
    non_members: tuple[Any, Any],
    label: Any,
    *,
    own: Any = None,
    method: Method = "answers",
    picture: tuple[int, int] | None = None,
    trust: float = 0.3,
    steps: int = 40,
    overlap: Overlap = "refuse",
    seed: int = 0,
) -> Inversion:
    """Invert a class, and compare what comes out with the class and with the people in it.

    Args:
        model: what :func:`invert_class` takes.
        members: rows that the model was trained on, and their classes.
        non_members: the same of the same population that it was not trained on.
        label: the class.
        own: rows of the attacker, without classes; half of ``non_members``, drawn at random and then not
            compared with, if not given.
        method, picture, trust, steps: as in :func:`invert_class`.
        overlap: what happens to non-members that are members too
            (:func:`secure_ai.attack.membership.groups.check_groups`).
        seed: of halves, of the climb and of resampling.

    Returns:
        What was found; :class:`Unassessed` if the model does not answer or there are too few rows.

    Raises:
        UserError: if an argument is wrong.

    Source: the module's.
    """
    members, non_members = check_groups(members, non_members, overlap)
    for name, (rows, _) in {"members": members, "non_members": non_members}.items():
        check_rows(rows, least=LEAST, what=f"records of {name}")
    target = open_target(model)
    target.index_of(label)
    check_probabilities(target, members[0])
    rng = np.random.default_rng(seed)
    others = non_members
    if own is None:
        order = rng.permutation(len(non_members[0]))
        half = len(order) // 2
        own = taken(non_members, np.sort(order[:half]))[0]
        others = taken(non_members, np.sort(order[half:]))
    check_rows(own, least=LEAST // 2, what="rows of the attacker")
    code = InputCoder(own) if picture is None else _in_contrast(own)
    inside, outside = (code(rows)[np.asarray(labels) == label] for rows, labels in (members, others))
    if min(len(inside), len(outside)) < LEAST_OF_CLASS:
        raise TargetError(
            f"Class {label} has {len(inside):,} members and {len(outside):,} others to compare with: give "
            f"{LEAST_OF_CLASS} or more of each."
        )
    options: dict[str, Any] = {
        "method": method, "picture": picture, "trust": trust, "steps": steps, "seed": seed
    }  # fmt: skip
    found = invert_class(model, label, own, **options)
    classes, counts = np.unique(np.asarray(members[1])[np.asarray(members[1]) != label], return_counts=True)
    if not len(classes):
        raise TargetError("The members are of one class only: give rows of another class to compare with.")
    another = invert_class(model, classes[counts.argmax()], own, **options)
    start, record, other = (code(row)[0] for row in (found.start, found.record, another.record))
    points = {
        "the attacker's start": (start, found.probability[1]),
        f"inverted for class {label}": (record, found.probability[0]),
        "inverted for another class": (other, target.scores(another.record, label)[0]),
    }
    return Inversion(
        label=label,
        inverted=found,
        likeness=_likeness(record - start, other - start, inside - code(own).mean(axis=0), rng),
        individuals=_individuals(start, record, inside, outside),
        table=pd.DataFrame(
            [
                (
                    name,
                    chance,
                    _far(point, inside.mean(axis=0)[None])[0],
                    _far(point, inside).min(),
                    _far(point, outside).min(),
                )
                for name, (point, chance) in points.items()
            ],
            columns=["record", "probability", "to_class_mean", "nearest_member", "nearest_other"],
        ),
    )


def _likeness(
    found: np.ndarray, other: np.ndarray, inside: np.ndarray, rng: np.random.Generator
) -> Measurement:
    value = _cosine(found, inside.mean(axis=0))
    drawn = [
        _cosine(found, inside[rng.integers(len(inside), size=len(inside))].mean(axis=0))
        for _ in range(RESAMPLES)
    ]
    low, high = np.quantile(drawn, [0.025, 0.975])
    return Measurement(
        name="inversion_likeness",
        value=value,
        unit="cosine",
        n=len(inside),
        baseline=0.0,
        interval=(min(float(low), value), max(float(high), value)),
        method="way from the start to the inverted record against the way from the attacker's mean to the "
        "class mean; interval of resampled members; control: inverted for another class",
        source=SOURCE,
        control=_cosine(other, inside.mean(axis=0)),
    )


def _individuals(
    start: np.ndarray, record: np.ndarray, inside: np.ndarray, outside: np.ndarray
) -> Measurement:
    near, far = -_far(record, inside), -_far(record, outside)
    return Measurement(
        name="inversion_nearer_to_members",
        value=auc(near, far),
        unit="probability",
        n=len(near) + len(far),
        baseline=0.5,
        interval=auc_interval(near, far),
        method="pairs of a member and another of the same class; DeLong interval; control: the start",
        source=YEOM,
        control=auc(-_far(start, inside), -_far(start, outside)),
    )


def _in_contrast(own: Any) -> Callable[[Any], np.ndarray]:
    """Return pictures in one unit for all pixels: a pixel at the rim must not become a loud one."""
    pixels = np.asarray(own, dtype=float)
    center, spread = pixels.mean(axis=0), pixels.std(axis=0).mean() or 1.0
    return lambda rows: (np.asarray(rows, dtype=float) - center) / spread


def _cosine(one: np.ndarray, other: np.ndarray) -> float:
    size = np.linalg.norm(one) * np.linalg.norm(other)
    return float(one @ other / size) if size > 0 else 0.0


def _far(point: np.ndarray, rows: np.ndarray) -> np.ndarray:
    return np.sqrt(((rows - point) ** 2).mean(axis=1))
