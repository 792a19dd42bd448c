"""A fingerprint made of what an account itself asked: whoever learned from the answers gives them back.

It needs the questions, so they must have been kept: for a stated time, encrypted, being records of people.

Source: after Maini, Yaghini & Papernot, Dataset inference (2021): who learned from rows knows them better
    than others do; here the rows are the suspect's own questions.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.base import clone
from threadpoolctl import threadpool_limits

from secure_ai.attack.targets import check_rows, open_target
from secure_ai.core import UserError
from secure_ai.defend.ownership.fingerprint import Fingerprint
from secure_ai.defend.ownership.tables import reseeded, taken

LEAST_OTHERS = 3


@threadpool_limits.wrap(limits=1)
def models_of_others(model: Any, rows: Any, labels: Any, *, count: int = 12, seed: int = 0) -> list[Any]:
    """Train models as others would have them: of the same kind, each on another half of the rows.

    Args:
        model: a classifier of scikit-learn; it is cloned.
        rows, labels: data of the kind that it was trained on (its training data, or others).
        count: how many.
        seed: of halves and seeds.
    """
    labels, rng = np.asarray(labels), np.random.default_rng(seed)
    found = []
    for number in range(count):
        half = rng.permutation(len(labels))[: len(labels) // 2]
        found.append(reseeded(clone(model), seed + 1 + number).fit(taken(rows, half), labels[half]))
    return found


@threadpool_limits.wrap(limits=1)
def fingerprint_of_questions(
    model: Any, asked: Any, others: Sequence[Any], *, threshold: float = 0.5
) -> Fingerprint:
    """Take the questions of an account as the questions of a fingerprint, for ``fingerprint_test``.

    Nothing is chosen among them, so that nothing can be chosen to the owner's advantage. Ask the suspect as
    it answers in use, at its own threshold.

    Args:
        model: the owner's fitted classifier.
        asked: rows that the account asked about; those that were asked twice count once.
        others: models of others, for the chance level, see :func:`models_of_others`.
        threshold: probability of the second of two classes from which it was the answer.

    Raises:
        UserError: if there are fewer than 3 others.
        TargetError: if the questions are too few, or a model does not answer them.
    """
    if len(others) < LEAST_OTHERS:
        raise UserError(f"The chance level needs {LEAST_OTHERS} or more models of others.")
    once = asked.drop_duplicates(ignore_index=True) if hasattr(asked, "iloc") else np.unique(asked, axis=0)
    check_rows(once, what="questions that were kept")
    answers = open_target(model, threshold=threshold).labels(once)

    def share(other: Any) -> float:
        return float(np.mean(open_target(other, threshold=threshold).labels(once) == answers))

    copy = clone(model).fit(once, answers)
    return Fingerprint(once, answers, tuple(share(other) for other in others), (share(copy),))
