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

from secure_ai.attack.extraction.coding import InputCoder
from secure_ai.attack.extraction.learners import (
    KINDS,
    Ensemble,
    learn_classes,
    learn_probabilities,
)
from secure_ai.attack.extraction.questions import Transcript, question_pool, taken
from secure_ai.attack.targets import Target, TargetError, check_rows, check_target, open_target
from secure_ai.core import UserError

LEAST_BUDGET = 50
POOL = 4
LEAST_POOL, MOST_POOL = 2_000, 20_000
MOST_LOOKED_AT = 15_000
REPEATED = 50
AT_RANDOM = 0.2
KEPT_BACK = 0.25
CHOSEN_AT = 500
CANDIDATES = 3
CHECKPOINTS = (100, 250, 500, 1_000, 1_750, 2_500, 3_750, 5_000, 10_000, 20_000)


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

    def predict_proba(self, rows: Any) -> np.ndarray:
        """Return (rows, classes) probabilities; of a copy from labels they are degrees of belief."""
        with threadpool_limits(1):
            return self._ensemble.predict_proba(self._coder(rows))

    def predict(self, rows: Any) -> np.ndarray:
        """Return (rows,) classes."""
        return self.transcript.decide(self.predict_proba(rows))


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

    Returns:
        The copy; its ``queries`` are fewer than the budget where there are not so many rows to ask about.

    Raises:
        TargetError: if there are too few rows, values are missing, or the model does not answer, decides
            nothing or contradicts itself.
        UserError: if an argument is wrong.
    """
    if kind not in ("auto", *KINDS):
        raise UserError(f"kind='{kind}': choose from auto, {', '.join(KINDS)}.")
    check_rows(rows, what="rows of the attacker")
    target = _as_answered(open_target(model), answer)
    budget = int(min(budget, target.left()))
    if budget < LEAST_BUDGET:
        raise UserError(f"A budget of {budget:,} queries teaches nothing: give {LEAST_BUDGET} or more.")
    wanted = CHECKPOINTS if checkpoints is None else checkpoints
    marks = sorted({int(mark) for mark in wanted if LEAST_BUDGET <= mark < budget} | {budget})
    rng = np.random.default_rng(seed)
    coder = InputCoder(rows)
    size = min(max(POOL * budget, LEAST_POOL), MOST_POOL)
    pool = question_pool(rows, size, recombine=recombine, seed=rng)
    coded = coder(pool)
    free = rng.permutation(len(pool))
    transcript = Transcript(target)
    apprentice = _Apprentice(transcript, coder, len(rows), seed)
    with threadpool_limits(1):
        repeated = min(REPEATED, marks[0] // 5)
        first, free = free[: marks[0] - repeated], free[marks[0] - repeated :]
        witness = open_target(transcript, name=target.name, threshold=target.threshold)
        check_target(witness, taken(pool, first), repeated=repeated)
        asked = [first, first[:repeated]]
        copy, family, before = None, kind, 0
        for mark in marks:
            count = min(mark - transcript.queries, len(free))
            if copy is not None and count > 0:
                places = _unsure(copy, coded, free, count, rng) if active else free[:count]
                free = free[~np.isin(free, places)]
                transcript.ask(taken(pool, places))
                asked.append(places)
            # Choosing the family costs as much as the copy: done once there is enough to choose by, and last.
            last = mark == marks[-1] or not len(free)
            choosing = last or (mark >= CHOSEN_AT and before < CHOSEN_AT)
            if kind == "auto":
                family = "auto" if choosing else "trees" if copy is None else copy.kind
            before = mark
            copy = apprentice.copy(coded[np.concatenate(asked)], family)
            if on_checkpoint is not None:
                on_checkpoint(copy)
            if not len(free):
                break
    assert copy is not None
    return copy


def shuffled_copy(copy: Substitute, *, seed: int = 0) -> Substitute:
    """Return what the same learners make of the same questions with the answers shuffled: the control."""
    apprentice = _Apprentice(copy.transcript, copy._coder, copy.own_rows, seed)
    order = np.random.default_rng(seed).permutation(copy.queries)
    with threadpool_limits(1):
        return apprentice.copy(copy._coder(copy.transcript.rows()), copy.kind, order)


@dataclass(frozen=True)
class _Apprentice:
    """Makes copies out of a transcript."""

    transcript: Transcript
    coder: InputCoder
    own_rows: int
    seed: int

    def copy(self, coded: np.ndarray, kind: str, order: Any = slice(None)) -> Substitute:
        """Learn from all questions so far.

        Args:
            coded: the questions, in the order of the transcript.
            kind: family of learners, or ``"auto"``.
            order: of the answers, for a control.
        """
        answers, labels = self.transcript.answers()[order], self.transcript.labels()[order]
        classes = self.transcript.classes
        codes = (labels[:, None] == classes[None, :]).argmax(axis=1)

        def learn(family: str, part: Any) -> Ensemble:
            if self.transcript.answer == "probabilities":
                return learn_probabilities(family, coded[part], answers[part], self.seed)
            return learn_classes(family, coded[part], codes[part], len(classes), self.seed)

        if kind == "auto":
            back = np.random.default_rng(self.seed).random(len(coded)) < KEPT_BACK
            agreement = {}
            for family in KINDS:
                given = self.transcript.decide(learn(family, ~back).predict_proba(coded[back]))
                agreement[family] = float(np.mean(given == labels[back]))
            kind = max(agreement, key=agreement.__getitem__)
        return Substitute(
            classes_=classes,
            kind=kind,
            queries=self.transcript.queries,
            own_rows=self.own_rows,
            answer=self.transcript.answer,
            transcript=self.transcript,
            _coder=self.coder,
            _ensemble=learn(kind, slice(None)),
        )


def _as_answered(target: Target, answer: str | None) -> Target:
    """Return the target as the thief uses it: by its classes alone where that is wished."""
    if answer is None or answer == target.answer:
        return target
    if answer == "probabilities":
        raise TargetError(f"The {target.name} gives labels only: leave answer= out.")
    if answer != "labels":
        raise UserError(f"answer='{answer}': choose probabilities or labels.")
    limit = None if target.max_queries is None else int(target.left())
    return Target(target.labels, classes=target.classes, answer="labels", name=target.name, max_queries=limit)


def _unsure(
    copy: Substitute, coded: np.ndarray, free: np.ndarray, count: int, rng: np.random.Generator
) -> np.ndarray:
    """Choose what to ask next: mostly where the copy is least sure, some at random."""
    looked_at = free[:MOST_LOOKED_AT]
    chances = copy._ensemble.predict_proba(coded[looked_at])
    if chances.shape[1] == 2:
        margin = np.abs(chances[:, 1] - copy.transcript.threshold)
    else:
        chances = np.sort(chances, axis=1)
        margin = chances[:, -1] - chances[:, -2]
    order = np.argsort(margin, kind="stable")
    # Out of three times as many, so that they are not all alike.
    near = looked_at[order[: CANDIDATES * count]]
    picked = rng.choice(near, min(round(count * (1 - AT_RANDOM)), len(near)), replace=False)
    return np.concatenate([picked, free[~np.isin(free, picked)][: count - len(picked)]])
