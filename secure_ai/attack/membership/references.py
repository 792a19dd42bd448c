"""Reference models: what a model trained with, and without, a record says about it; kept as signals alone.

An attacker trains models as the target was trained, on halves of records that include the suspected ones.
Of each only two figures for each record stay: the probability that it gave the record's class, and whether
that class was its answer. They serve many targets and every attack of this package; no model is kept.

Source: Carlini et al., Membership inference attacks from first principles (2022), section IV;
    Zarifzadeh, Liu & Shokri, Low-cost high-power membership inference attacks (2024), section 3.
"""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from pickle import PicklingError
from typing import Any

import numpy as np

from secure_ai.attack.membership.groups import keys_of, stack, take
from secure_ai.attack.targets.errors import TargetError
from secure_ai.attack.targets.preflight import check_rows
from secure_ai.attack.targets.target import Target, open_target
from secure_ai.core import UserError

Recipe = Any
COUNT = 16
# Starting two processes that import scikit-learn takes about this long; less work stays in this one.
WORTH_PROCESSES = 4.0


@dataclass(frozen=True, repr=False, eq=False)
class ReferenceSignals:
    """What reference models say about each record; reused for any target trained on some of the records.

    Attributes:
        probability: (models, records) float32, given to the record's own class.
        right: (models, records) bool: the record's own class was the answer.
        member: (models, records) bool: the record was in that model's training data.
        keys: (records,) a digest of each record and its class, by which it is found again; in memory only.
    """

    probability: np.ndarray
    right: np.ndarray
    member: np.ndarray
    keys: np.ndarray = field(repr=False)

    def __repr__(self) -> str:
        return f"ReferenceSignals({self.count} models, {self.records:,} records)"

    @property
    def count(self) -> int:
        """Number of reference models."""
        return len(self.probability)

    @property
    def records(self) -> int:
        """Number of records that they were asked about."""
        return self.probability.shape[1]

    def at(self, places: np.ndarray) -> ReferenceSignals:
        """Return the signals of the records at ``places``, in that order."""
        return ReferenceSignals(
            self.probability[:, places], self.right[:, places], self.member[:, places], self.keys[places]
        )

    def places(self, rows: Any, labels: Any) -> np.ndarray:
        """Return where records stand among those of the references.

        Identical records are interchangeable: the first that is asked for is the first that is there.

        Raises:
            UserError: if the references were never asked about a record.
        """
        asked = _numbered(keys_of(rows, labels))
        where = {key: place for place, key in enumerate(_numbered(self.keys))}
        found = [where.get(key, -1) for key in asked]
        missing = sum(place < 0 for place in found)
        if missing:
            raise UserError(
                f"{missing:,} of {len(found):,} records are unknown to the reference models: give "
                "reference_models the members and the non-members, or name them in records=."
            )
        return np.array(found)


def reference_models(
    recipe: Recipe,
    rows: Any,
    labels: Any,
    count: int = COUNT,
    *,
    in_share: float = 0.5,
    records: tuple[Any, Any] | None = None,
    seed: int = 0,
    n_jobs: int = 2,
) -> ReferenceSignals:
    """Train models as the target was trained and keep what they say about each record.

    Args:
        recipe: an unfitted classifier (cloned; its ``random_state`` is set), or ``(rows, labels, seed)`` to a
            fitted one.
        rows, labels: records to train on, each in ``in_share`` of the models: members, non-members and any
            other records of the population. Choose ``in_share`` so that a reference has as many records as
            the target.
        count: how many models.
        records: rows and labels that no reference is trained on but each is asked about: the attacker who
            does not have the suspected records in advance ("offline").
        seed: of the halves and the models.
        n_jobs: processes; those start only where there is work for them. Nothing is written to disk.

    Raises:
        TargetError: if the rows cannot be used, or a reference cannot be trained.
        UserError: if an argument is wrong.
    """
    if not isinstance(count, int) or count < 2:
        raise UserError(f"count={count!r}: train at least two reference models.")
    if not 0 < in_share < 1:
        raise UserError(f"in_share={in_share!r}: choose a share between 0 and 1.")
    y = np.asarray(labels).ravel()
    check_rows(rows, what="rows for reference models")
    if len(y) != len(rows):
        raise UserError(f"There are {len(rows):,} records and {len(y):,} classes: give one class for each.")
    member = draw_membership(len(y), count, in_share, np.random.default_rng(seed))
    asked_rows, asked_labels = rows, y
    if records is not None:
        asked_rows, asked_labels = (
            stack(rows, records[0]),
            np.concatenate([y, np.asarray(records[1]).ravel()]),
        )
    seeds = np.random.SeedSequence(seed).generate_state(count)
    jobs = [(mask, int(one) % 2**31) for mask, one in zip(member, seeds, strict=True)]
    found = train_all(recipe, rows, y, jobs, (asked_rows, asked_labels), n_jobs)
    outside = np.zeros((count, len(asked_labels) - len(y)), bool)
    return ReferenceSignals(
        probability=np.stack([one[0] for one in found]),
        right=np.stack([one[1] for one in found]),
        member=np.hstack([member, outside]),
        keys=keys_of(asked_rows, asked_labels),
    )


def draw_membership(records: int, count: int, in_share: float, rng: np.random.Generator) -> np.ndarray:
    """Return (count, records) bool: who is in which model; the two halves of the models are independent.

    Within each half every record is in the same number of models, up to one.
    """
    halves = []
    for size in (count - count // 2, count // 2):
        # A share that does not come out even is drawn for each record.
        inside = np.floor(in_share * size + rng.random(records))
        halves.append(rng.random((size, records)).argsort(axis=0).argsort(axis=0) < inside)
    return np.concatenate(halves)


def train_all(
    recipe: Recipe,
    rows: Any,
    labels: np.ndarray,
    jobs: Sequence[tuple[np.ndarray, int]],
    asked: tuple[Any, np.ndarray],
    n_jobs: int = 2,
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Train a model for each job (records it is trained on, seed) and return its signals on ``asked``.

    Raises:
        TargetError: if one cannot be trained or gives no probabilities.
    """
    begun = time.perf_counter()
    first = _trained(recipe, rows, labels, *jobs[0], asked)
    left = (time.perf_counter() - begun) * (len(jobs) - 1)
    rest = jobs[1:]
    if n_jobs < 2 or left < WORTH_PROCESSES:
        return [first, *_several(recipe, rows, labels, rest, asked)]
    from joblib import Parallel, delayed

    # Few large parcels: the rows travel once for each. max_nbytes=None: by pipe, never by a file.
    parcels = np.array_split(np.arange(len(rest)), min(len(rest), 2 * n_jobs))
    try:
        done = Parallel(n_jobs=n_jobs, max_nbytes=None)(
            delayed(_several)(recipe, rows, labels, [rest[place] for place in parcel], asked)
            for parcel in parcels
        )
    except PicklingError:
        # What the recipe holds (a connection, a lock) cannot go to another process.
        done = [_several(recipe, rows, labels, rest, asked)]
    return [first, *(signals for parcel in done for signals in parcel)]


def own_class(target: Target, rows: Any, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return of each record the probability of its class (float32) and whether that class is the answer.

    A class that the model does not know has probability 0.

    Raises:
        TargetError: if the target gives no probabilities, or answers nothing that could be judged.
    """
    chances = target.probabilities(rows)
    order = np.argsort(target.classes)
    place = np.searchsorted(target.classes, labels, sorter=order).clip(max=len(order) - 1)
    column = order[place]
    known = target.classes[column] == labels
    own = np.where(known, chances[np.arange(len(labels)), column], 0.0)
    return own.astype(np.float32), np.asarray(target.decide(chances) == labels)


def fit(recipe: Recipe, rows: Any, labels: np.ndarray, seed: int) -> Any:
    """Return a model trained by the recipe with this seed.

    Raises:
        TargetError: if it cannot be trained.
        UserError: if the recipe is neither a classifier nor a function.
    """
    from sklearn.base import clone

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if callable(getattr(recipe, "fit", None)):
                model = clone(recipe)
                wanted = {
                    name: seed
                    for name in model.get_params()
                    if name == "random_state" or name.endswith("__random_state")
                }
                return model.set_params(**wanted).fit(rows, labels)
            if callable(recipe):
                return recipe(rows, labels, seed)
    except UserError:
        raise
    except Exception as error:
        # The text of the exception may hold a value of the rows.
        raise TargetError(
            f"A reference model cannot be trained on {len(labels):,} records ({type(error).__name__}): "
            "check that the recipe takes these rows and labels."
        ) from None
    raise UserError("The recipe is neither an unfitted classifier nor a function (rows, labels, seed).")


def _trained(
    recipe: Recipe,
    rows: Any,
    labels: np.ndarray,
    mask: np.ndarray,
    seed: int,
    asked: tuple[Any, np.ndarray],
) -> tuple[np.ndarray, np.ndarray]:
    model = fit(recipe, take(rows, np.flatnonzero(mask)), labels[mask], seed)
    return own_class(open_target(model, name="reference model"), *asked)


def _several(
    recipe: Recipe, rows: Any, labels: np.ndarray, jobs: Sequence[Any], asked: tuple[Any, np.ndarray]
) -> list[tuple[np.ndarray, np.ndarray]]:
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        return [_trained(recipe, rows, labels, *job, asked) for job in jobs]


def _numbered(keys: np.ndarray) -> list[tuple[int, int]]:
    """Return each key with the number of times that it was there before."""
    seen: dict[int, int] = {}
    numbered = []
    for key in keys.tolist():
        seen[key] = seen.get(key, -1) + 1
        numbered.append((key, seen[key]))
    return numbered
