"""A fingerprint made of what an account itself asked: whoever learned from the answers gives them back.

It needs the questions, so they must have been kept: for a stated time, encrypted, being records of people.

Source: after Maini, Yaghini & Papernot, Dataset inference (2021): who learned from rows knows them better
    than others do; here the rows are the suspect's own questions.
"""

from __future__ import annotations

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
def fingerprint_of_questions(
    model: Any,
    asked: Any,
    rows: Any,
    labels: Any,
    *,
    threshold: float = 0.5,
    others: int = 12,
    seed: int = 0,
) -> Fingerprint:
    """Take the questions of an account as the questions of a fingerprint, for ``fingerprint_test``.

    Nothing is chosen among them, so that nothing can be chosen to the owner's advantage. Ask the suspect as
    it answers in use, at its own threshold.

    Args:
        model: the owner's fitted classifier; others of its kind are trained on halves of the rows.
        asked: rows that the account asked about; those that were asked twice count once.
        rows, labels: data of the kind that the model was trained on (its training data, or others).
        threshold: probability of the second of two classes from which it was the answer.
        others: models of others to train, for the chance level.
        seed: of halves and seeds.

    Raises:
        UserError: if fewer than 3 others are asked for.
        TargetError: if the questions are too few, or the model does not answer them.
    """
    if others < LEAST_OTHERS:
        raise UserError(f"The chance level needs {LEAST_OTHERS} or more models of others.")
    labels, rng = np.asarray(labels), np.random.default_rng(seed)
    once = asked.drop_duplicates(ignore_index=True) if hasattr(asked, "iloc") else np.unique(asked, axis=0)
    check_rows(once, what="questions that were kept")
    answers = open_target(model, threshold=threshold).labels(once)

    def share(other: Any) -> float:
        return float(np.mean(open_target(other, threshold=threshold).labels(once) == answers))

    found = []
    for number in range(others):
        half = rng.permutation(len(labels))[: len(labels) // 2]
        stranger = reseeded(clone(model), seed + 1 + number).fit(taken(rows, half), labels[half])
        found.append(share(stranger))
    return Fingerprint(once, answers, tuple(found), (share(clone(model).fit(once, answers)),))
