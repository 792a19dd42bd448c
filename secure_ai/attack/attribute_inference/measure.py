"""What a model tells of a sensitive value: of its members, beside people of the same kind that it never saw.

A model that learned that two columns go together lets anybody guess one from the other, for everybody: that
is what it is for. What it tells of its *members* beyond that is what leaks; so both groups are attacked
alike.

Source: Yeom et al., Privacy risk in machine learning (2018), section 3.2: the difference of members and
    others; Jayaraman & Evans, Are attribute inference attacks just imputation? (2022).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from secure_ai.attack.attribute_inference.guessing import WITH_MODEL, Guesser, taken
from secure_ai.attack.attribute_inference.values import SensitiveValues
from secure_ai.attack.membership.groups import Overlap, check_groups
from secure_ai.attack.targets import (
    TargetError,
    check_probabilities,
    check_rows,
    check_target,
    open_target,
    reason_instead,
)
from secure_ai.core import Measurement, UserError
from secure_ai.core.figures import percent
from secure_ai.core.intervals import wilson

SOURCE = "Jayaraman & Evans, Are attribute inference attacks just imputation? (2022)"
YEOM = "Yeom et al., Privacy risk in machine learning (2018), section 3.2"
LEAST = 50
RESAMPLES = 1000
SUREST = 0.1


@dataclass(frozen=True)
class AttributeInference:
    """How often a sensitive value is guessed.

    Attributes:
        column: the sensitive column.
        accuracy: guessed with the model, of members; baseline: the best guess without it; control: the same
            of people that the model never saw.
        advantage: what the model adds to the guess about members, more than it adds about others: above 0 it
            tells of its members.
        surest: the same as ``accuracy``, of the tenth of members of whom the attacker is surest.
        table: one row for each way to guess: attack, uses_model, members, non_members (shares right).
        attack: the way that ``accuracy``, ``advantage`` and ``surest`` speak of.
        values: how many values the attacker chooses from.
        queries: rows that the model was asked about.
    """

    column: Any
    accuracy: Measurement
    advantage: Measurement
    surest: Measurement
    table: pd.DataFrame
    attack: str
    values: int
    queries: int

    def measurements(self) -> list[Measurement]:
        """Return every figure."""
        return [self.accuracy, self.advantage, self.surest]

    def to_frame(self) -> pd.DataFrame:
        """Return one row for each figure: measure, value, low, high, baseline, control, n, method."""
        rows = [
            (m.name, m.value, *m.interval, m.baseline, m.control, m.n, m.method) for m in self.measurements()
        ]
        columns = ["measure", "value", "low", "high", "baseline", "control", "n", "method"]
        return pd.DataFrame(rows, columns=columns)

    def leaks(self) -> bool:
        """Say whether the model tells more of its members than of others: the interval lies above 0."""
        return self.advantage.interval[0] > 0

    def sentence(self) -> str:
        """Say what was guessed, how well without the model, and of whom."""
        low, high = self.advantage.interval
        verb = "tells more of its members than of others" if self.leaks() else "tells no more of its members"
        return (
            f"With the model '{self.column}' is guessed right for {percent(self.accuracy.value)} of its "
            f"members and {percent(self.accuracy.control or 0.0)} of others; without it, "
            f"for {percent(self.accuracy.baseline)} of its members. It {verb}: advantage "
            f"{self.advantage.value:.3f} ({low:.3f} to {high:.3f})."
        )


@reason_instead
@threadpool_limits.wrap(limits=1)
def measure_attribute_inference(
    model: Any,
    members: tuple[Any, Any],
    non_members: tuple[Any, Any],
    column: Any,
    *,
    own: tuple[Any, Any] | None = None,
    attack: str = "weighted",
    stand_in: Any = None,
    groups: int = 4,
    overlap: Overlap = "refuse",
    seed: int = 0,
) -> AttributeInference:
    """Guess a sensitive column of records from their other columns, their outcome and the model's answers.

    Args:
        model: a fitted classifier that takes the sensitive column as an input, a function, an endpoint or a
            target.
        members: records that it was trained on, and their outcomes.
        non_members: the same of the same population that it was not trained on.
        column: name (of a frame) or place (in an array) of the sensitive column; numbers of more than twelve
            values are guessed by group.
        own: complete records and outcomes that the attacker has; half of ``non_members``, drawn at random
            and then not attacked, if not given.
        attack: ``"weighted"``, ``"bayes"``, ``"prior"`` or ``"confidence"`` (:meth:`Guesser.guess`): what the
            figures speak of.
        stand_in: a classifier, not fitted, that the attacker trains on his own rows to learn how far the
            model's word is to be taken; one like ``model`` if that is an estimator of scikit-learn's kind, a
            random forest otherwise.
        groups: into how many groups numbers are cut.
        overlap: what happens to non-members that are members too
            (:func:`secure_ai.attack.membership.groups.check_groups`).
        seed: of halves, of what the attacker learns, and of resampling.

    Returns:
        What was found; :class:`Unassessed` if the model does not answer or there are too few records.

    Raises:
        UserError: if there is no such column or attack, lengths differ, or members are among the others.

    Source: the module's and that of :meth:`Guesser.guess`.
    """
    if attack not in WITH_MODEL:
        raise UserError(f"attack='{attack}': choose from {', '.join(WITH_MODEL)}.")
    members, non_members = check_groups(members, non_members, overlap)
    for name, (rows, outcomes) in {
        "members": members,
        "non_members": non_members,
        "own": own or members,
    }.items():
        check_rows(rows, least=LEAST, what=f"records of {name}")
        if len(rows) != len(outcomes):
            raise UserError(
                f"{name}: {len(rows):,} records and {len(outcomes):,} outcomes; give one for each."
            )
    target = open_target(model)
    if stand_in is None and hasattr(model, "get_params") and hasattr(model, "fit"):
        stand_in = model
    rng = np.random.default_rng(seed)
    others = non_members
    if own is None:
        order = rng.permutation(len(non_members[0]))
        half = len(order) // 2
        own, others = (taken(non_members, np.sort(part)) for part in (order[:half], order[half:]))
    values = SensitiveValues.of(own[0], column, groups=groups)
    for outcomes in (members[1], others[1]):
        if not np.isin(np.asarray(outcomes), target.classes).all():
            raise UserError("A record has an outcome that the model does not know: leave it out.")
    (check_probabilities if target.answer == "probabilities" else check_target)(target, members[0])
    guesser = Guesser(target, own, values, stand_in=stand_in, seed=seed)
    right: dict[str, dict[str, np.ndarray]] = {}
    certain: dict[str, np.ndarray] = {}
    for name, (rows, outcomes) in (("members", members), ("non_members", others)):
        truth = values.codes(rows)
        scores = guesser.guess(rows, outcomes)
        right[name] = {way: found.argmax(axis=1) == truth for way, found in scores.items()}
        certain[name] = _certainty(scores[attack])
    if not any(hits.any() for hits in right["members"].values()):
        raise TargetError("No value of the sensitive column was ever guessed: check that the rows match.")
    table = pd.DataFrame(
        [
            (way, way in WITH_MODEL, right["members"][way].mean(), right["non_members"][way].mean())
            for way in right["members"]
        ],
        columns=["attack", "uses_model", "members", "non_members"],
    )
    best = max(("most frequent", "imputation"), key=lambda way: right["members"][way].mean())
    return AttributeInference(
        column=column,
        accuracy=_accuracy("attribute_inference_accuracy", right, attack, best, len(values)),
        advantage=_advantage(right, attack, best, rng),
        surest=_accuracy(
            "attribute_inference_accuracy_surest_tenth",
            {
                name: {way: hits[_top(certain[name])] for way, hits in ways.items()}
                for name, ways in right.items()
            },
            attack,
            best,
            len(values),
        ),
        table=table,
        attack=attack,
        values=len(values),
        queries=target.queries,
    )


def _accuracy(
    name: str, right: dict[str, dict[str, np.ndarray]], attack: str, best: str, values: int
) -> Measurement:
    hits = right["members"][attack]
    return Measurement(
        name=name,
        value=float(hits.mean()),
        unit="probability",
        n=len(hits),
        baseline=float(right["members"][best].mean()),
        interval=wilson(int(hits.sum()), len(hits)),
        method=f"{attack}, one of {values} values; baseline: {best}; control: people the model never saw",
        source=SOURCE,
        control=float(right["non_members"][attack].mean()),
    )


def _advantage(
    right: dict[str, dict[str, np.ndarray]], attack: str, best: str, rng: np.random.Generator
) -> Measurement:
    gains = {name: ways[attack].astype(float) - ways[best] for name, ways in right.items()}
    members, others = gains["members"], gains["non_members"]
    drawn = [
        rng.choice(members, len(members)).mean() - rng.choice(others, len(others)).mean()
        for _ in range(RESAMPLES)
    ]
    low, high = np.quantile(drawn, [0.025, 0.975])
    mixed = np.concatenate([members, others])
    absent = []
    for _ in range(20):
        shuffled = rng.permutation(mixed)
        absent.append(shuffled[: len(members)].mean() - shuffled[len(members) :].mean())
    value = float(members.mean() - others.mean())
    return Measurement(
        name="attribute_inference_advantage",
        value=value,
        unit="difference of probabilities",
        n=len(mixed),
        baseline=0.0,
        interval=(min(float(low), value), max(float(high), value)),
        method=f"gain of {attack} over {best}, of members less of others; interval of resampled records; "
        "control: shuffled membership",
        source=YEOM,
        control=float(np.mean(absent)),
    )


def _certainty(scores: np.ndarray) -> np.ndarray:
    ordered = np.sort(scores / scores.sum(axis=1, keepdims=True), axis=1)
    return ordered[:, -1] - ordered[:, -2]


def _top(certainty: np.ndarray) -> np.ndarray:
    return np.argsort(-certainty, kind="stable")[: max(round(len(certainty) * SUREST), 1)]
