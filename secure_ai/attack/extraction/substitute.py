"""A copy learned from answers, by asking where the copy so far is least sure.

Sources: Tramèr, Zhang, Juels, Reiter & Ristenpart, Stealing machine learning models via prediction APIs
    (2016), section 5; Pal et al., ActiveThief (2020); Orekondy, Schiele & Fritz, Knockoff nets (2019).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from threadpoolctl import threadpool_limits

from secure_ai.attack.extraction.coding import InputCoder, as_frame
from secure_ai.attack.extraction.learners import (
    KINDS,
    Ensemble,
    Kind,
    learn_classes,
    learn_probabilities,
)
from secure_ai.attack.extraction.questions import Transcript, recombined_rows
from secure_ai.attack.targets import TargetError, check_rows, check_target, open_target
from secure_ai.core import UserError

LEAST_BUDGET = 50
POOL = 4
MOST_POOL = 20_000
AT_RANDOM = 0.2
KEPT_BACK = 0.25
CANDIDATES = 3


@dataclass(frozen=True)
class Substitute:
    """A copy of a model: asks nothing any more, answers as the model would.

    Attributes:
        classes_: in the order of the model's.
        kind: family of learners that it consists of.
        queries: rows that the model was asked about.
        own_rows: rows that the thief had, without classes.
        answer: what the model gave.
        transcript: questions and answers.
    """

    classes_: np.ndarray
    kind: str
    queries: int
    own_rows: int
    answer: str
    transcript: Transcript = field(repr=False)
    _coder: InputCoder = field(repr=False)
    _ensemble: Ensemble = field(repr=False)
    _decide: Callable[[np.ndarray], np.ndarray] = field(repr=False)

    def predict_proba(self, rows: Any) -> np.ndarray:
        """Return (rows, classes) probabilities; of a copy from labels they are degrees of belief."""
        with threadpool_limits(1):
            return self._ensemble.predict_proba(self._coder(rows))

    def predict(self, rows: Any) -> np.ndarray:
        """Return (rows,) classes."""
        return self._decide(self.predict_proba(rows))


def steal_model(
    model: Any,
    rows: Any,
    *,
    budget: int = 5_000,
    answer: Literal["probabilities", "labels"] | None = None,
    kind: Literal["auto", "trees", "network", "linear"] = "auto",
    active: bool = True,
    recombine: bool = True,
    checkpoints: Sequence[int] | None = None,
    on_checkpoint: Callable[[Substitute], None] | None = None,
    seed: int = 0,
) -> Substitute:
    """Learn a copy of a model from its answers.

    Args:
        model: see :func:`secure_ai.attack.targets.open_target`.
        rows: rows of the same kind that the thief owns, without classes.
        budget: rows that the model may be asked about, the checks of it included.
        answer: ``"labels"`` to use the class alone although there are probabilities.
        kind: family of learners; ``"auto"`` takes the one that foretells answers kept back best.
        active: ask where the copy is least sure (one in five questions at random); False asks at random.
        recombine: ask about rows mixed from own rows too; False asks about own rows only.
        checkpoints: numbers of queries after which to learn anew; from 100 to the budget if not given.
        on_checkpoint: called with the copy after each.
        seed: of draws and learners.

    Raises:
        TargetError: if there are too few rows, values are missing, or the model does not answer, decides
            nothing or contradicts itself.
        UserError: if an argument is wrong.
    """
    if kind not in ("auto", *KINDS):
        raise UserError(f"kind='{kind}': choose from auto, {', '.join(KINDS)}.")
    check_rows(rows, what="rows of the attacker")
    target = open_target(model)
    if answer == "labels" and target.answer == "probabilities":
        asked = target
        target = open_target(asked.labels, classes=asked.classes, answer="labels", name=asked.name)
        target.max_queries = None if asked.max_queries is None else int(asked.left())
    elif answer == "probabilities" and target.answer == "labels":
        raise TargetError(f"The {target.name} gives labels only: leave answer= out.")
    budget = int(min(budget, target.left()))
    if budget < LEAST_BUDGET:
        raise UserError(f"A budget of {budget:,} queries teaches nothing: give {LEAST_BUDGET} or more.")
    marks = _marks(budget, checkpoints)
    rng = np.random.default_rng(seed)
    coder = InputCoder(rows)
    pool = _pool(rows, budget, recombine, rng)
    coded = coder(pool)
    transcript = Transcript(target)
    witness = open_target(transcript, name=target.name, threshold=target.threshold)

    first = marks[0]
    repeated = min(50, first // 5)
    order = rng.permutation(len(pool))
    chosen = order[: min(first - repeated, len(order))]
    free = order[len(chosen) :]
    with threadpool_limits(1):
        check_target(witness, pool.iloc[chosen] if hasattr(pool, "iloc") else pool[chosen], repeated=repeated)
        known = [chosen, chosen[:repeated]]
        copy = None
        for mark in marks:
            count = min(mark - transcript.queries, len(free))
            if count > 0:
                asked_now, free = _next(copy, coded, free, count, active, rng)
                transcript.ask(_take(pool, asked_now))
                known.append(asked_now)
            places = np.concatenate(known)
            last = mark == marks[-1]
            copy = _learned(
                transcript,
                coded[places],
                kind if kind != "auto" or last else "trees",
                seed,
                coder,
                len(rows),
                target.decide,
            )
            if on_checkpoint is not None:
                on_checkpoint(copy)
    assert copy is not None
    return copy


def shuffled_copy(copy: Substitute, *, seed: int = 0) -> Substitute:
    """Return what the same learners make of the same questions with the answers shuffled: the control."""
    order = np.random.default_rng(seed).permutation(copy.queries)
    with threadpool_limits(1):
        return _learned(
            copy.transcript,
            copy._coder(copy.transcript.rows()),
            copy.kind,
            seed,
            copy._coder,
            copy.own_rows,
            copy._decide,
            order,
        )


def _learned(transcript, coded, kind, seed, coder, own_rows, decide, order=slice(None)) -> Substitute:
    answers, labels = transcript.answers()[order], transcript.labels()[order]
    classes = transcript.classes
    codes = (labels[:, None] == classes[None, :]).argmax(axis=1)

    def learn(family: Kind, part: Any) -> Ensemble:
        if transcript.answer == "probabilities":
            return learn_probabilities(family, coded[part], answers[part], seed)
        return learn_classes(family, coded[part], codes[part], len(classes), seed)

    if kind == "auto":
        back = np.random.default_rng(seed).random(len(coded)) < KEPT_BACK
        agreement = {
            family: float(np.mean(decide(learn(family, ~back).predict_proba(coded[back])) == labels[back]))
            for family in KINDS
        }
        kind = max(agreement, key=agreement.__getitem__)
    return Substitute(
        classes_=classes,
        kind=kind,
        queries=transcript.queries,
        own_rows=own_rows,
        answer=transcript.answer,
        transcript=transcript,
        _coder=coder,
        _ensemble=learn(kind, slice(None)),
        _decide=decide,
    )


def _next(copy, coded, free, count, active, rng) -> tuple[np.ndarray, np.ndarray]:
    """Choose what to ask next: mostly where the copy is least sure, some at random."""
    if copy is None or not active:
        return free[:count], free[count:]
    looked = free[: max(CANDIDATES * MOST_POOL // 4, count)]
    chances = np.sort(copy._ensemble.predict_proba(coded[looked]), axis=1)
    margin = chances[:, -1] - chances[:, -2]
    near = looked[np.argsort(margin, kind="stable")[: CANDIDATES * count]]
    sure = round(count * (1 - AT_RANDOM))
    picked = rng.choice(near, min(sure, len(near)), replace=False)
    rest = free[~np.isin(free, picked)]
    return np.concatenate([picked, rest[: count - len(picked)]]), rest[count - len(picked) :]


def _pool(rows: Any, budget: int, recombine: bool, rng: np.random.Generator):
    import pandas as pd

    own = as_frame(rows)
    size = min(max(POOL * budget, 2_000), MOST_POOL)
    own = own.iloc[rng.permutation(len(own))[:size]]
    if recombine and len(own) < size:
        made = as_frame(recombined_rows(rows, size - len(own), seed=rng))
        own = pd.concat([own, made], ignore_index=True)
    own = own.drop_duplicates(ignore_index=True)
    return own if hasattr(rows, "iloc") else own.to_numpy()


def _take(pool: Any, places: np.ndarray) -> Any:
    return pool.iloc[places] if hasattr(pool, "iloc") else pool[places]


def _marks(budget: int, checkpoints: Sequence[int] | None) -> list[int]:
    wanted = (
        (100, 250, 500, 1_000, 1_750, 2_500, 3_750, 5_000, 10_000, 20_000)
        if checkpoints is None
        else checkpoints
    )
    marks = sorted({int(mark) for mark in wanted if LEAST_BUDGET <= mark < budget} | {budget})
    return marks
