"""A fingerprint: questions on which copies of a model agree with it and models of others do not.

Nothing is retrained: it works for a model that is in use. The owner trains models as others would have them,
and copies as a thief would make them, and keeps the questions that tell the two apart. How much models of
others agree by chance is measured on further ones, so the p-value rests on their spread and not on a proof as
that of a watermark does.

Source: Lukas, Zhang & Kerschbaum, Deep neural network fingerprinting by conferrable adversarial examples
    (2021): the score of a question; Cao, Jia & Gong, IPGuard (2021): questions near the boundary.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy.stats import t as student
from sklearn.base import clone

from secure_ai.attack.extraction.questions import question_pool
from secure_ai.attack.targets import check_target, open_target, reason_instead
from secure_ai.core import UserError
from secure_ai.defend.ownership.claims import OwnershipTest
from secure_ai.defend.ownership.tables import reseeded, taken

LUKAS = (
    "Lukas, Zhang & Kerschbaum, Deep neural network fingerprinting by conferrable adversarial examples (2021)"
)
ALPHA = 1e-3
CANDIDATES = 5_000


@dataclass(frozen=True)
class Fingerprint:
    """Questions that tell copies of a model from models of others.

    Attributes:
        rows: the questions.
        labels: what the owner's model answers.
        others: share of matches of each model of the kind that others have, which the choice did not see.
        copies: the same for copies that the choice did not see.
    """

    rows: Any = field(repr=False)
    labels: np.ndarray = field(repr=False)
    others: tuple[float, ...]
    copies: tuple[float, ...]

    def __len__(self) -> int:
        return len(self.labels)

    def sentence(self) -> str:
        """Say how well the questions tell apart."""
        mine, theirs, most = float(np.mean(self.copies)), float(np.mean(self.others)), max(self.others)
        return (
            f"Copies answer {mine:.0%} of {len(self)} questions as the owner's model does, models of others "
            f"{theirs:.0%} (at most {most:.0%} of {len(self.others)} models)."
        )


def make_fingerprint(
    model: Any,
    rows: Any,
    labels: Any,
    *,
    questions: int = 200,
    others: int = 8,
    copies: int = 4,
    seed: int = 0,
) -> Fingerprint:
    """Choose the questions.

    Args:
        model: the owner's fitted classifier; others of its kind are trained on rows drawn anew.
        rows, labels: data of the kind that it was trained on (its training data, or others).
        questions: how many.
        others: models of others to train for the choice, and as many again for the chance level.
        copies: copies to train from the model's answers for the choice, and as many again to check them.
        seed: of draws, seeds and candidates.

    Raises:
        UserError: if fewer than 3 others or 1 copy are asked for, or nothing tells them apart.
    """
    if others < 3 or copies < 1:
        raise UserError("A fingerprint needs 3 or more models of others and 1 or more copies.")
    target = open_target(model)
    rng = np.random.default_rng(seed)
    labels = np.asarray(labels)
    stranger = []
    for number in range(2 * others):
        # As many rows as the owner has: what learned from fewer agrees less, and would flatter the test.
        drawn = rng.integers(0, len(labels), len(labels))
        stranger.append(reseeded(clone(model), seed + 1 + number).fit(taken(rows, drawn), labels[drawn]))
    copied = []
    for number in range(2 * copies):
        asked = question_pool(rows, min(2 * len(labels), 2 * CANDIDATES), seed=rng)
        copied.append(reseeded(clone(model), seed + 101 + number).fit(asked, target.labels(asked)))
    candidates = question_pool(rows, CANDIDATES, seed=rng)
    truth = target.labels(candidates)

    def agreement(models: list[Any]) -> np.ndarray:
        return np.mean([np.asarray(one.predict(candidates)) == truth for one in models], axis=0)

    score = agreement(copied[:copies]) * (1 - agreement(stranger[:others]))
    best = np.argsort(-score, kind="stable")[:questions]
    if len(best) < questions or score[best[-1]] <= 0:
        raise UserError(
            f"Only {int((score > 0).sum()):,} questions tell copies from models of others: ask for fewer, or "
            "give more rows."
        )
    chosen, answers = taken(candidates, best), truth[best]

    def shares(models: list[Any]) -> tuple[float, ...]:
        return tuple(float(np.mean(np.asarray(one.predict(chosen)) == answers)) for one in models)

    return Fingerprint(chosen, answers, shares(stranger[others:]), shares(copied[copies:]))


@reason_instead
def fingerprint_test(model: Any, fingerprint: Fingerprint, *, alpha: float = ALPHA) -> OwnershipTest:
    """Ask a suspect the questions of a fingerprint.

    Args:
        model: the suspect, see :func:`secure_ai.attack.targets.open_target`.
        fingerprint: the questions.
        alpha: probability of a false claim that the owner accepts.

    Returns:
        The test. The p-value is that of a further model of others being so far above their mean, by Student's
        t of a prediction: it takes their shares for normally distributed.
    """
    if not 0 < alpha < 1:
        raise UserError(f"alpha={alpha!r}: choose a probability above 0 and below 1.")
    target = open_target(model, name="suspect model")
    given = check_target(target, fingerprint.rows)
    matches = int(np.sum(given == fingerprint.labels))
    shares = np.array(fingerprint.others)
    # Few models may happen to lie close together: their spread is taken to be that of n answers at least.
    middle = (shares.mean() * len(fingerprint) + 1) / (len(fingerprint) + 2)
    variance = max(float(shares.var(ddof=1)), middle * (1 - middle) / len(fingerprint))
    spread = np.sqrt(variance * (1 + 1 / len(shares)))
    above = (matches / len(fingerprint) - shares.mean()) / spread
    return OwnershipTest(
        matches=matches,
        questions=len(fingerprint),
        by_chance=float(shares.mean()),
        p_value=float(student.sf(above, len(shares) - 1)),
        alpha=alpha,
        kind="fingerprint",
        method=f"beside {len(shares)} independent models; Student's t of a prediction",
        source=LUKAS,
    )
