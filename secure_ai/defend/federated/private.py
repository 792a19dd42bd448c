"""Federated learning with differential privacy, for each record or for each participant.

*For each record*: every participant runs DP-SGD on its own rows. Nobody who sees updates or the model, the
server included, can tell whether one record took part. The number of records of a house counts as public.

*For each participant*: the server draws who takes part, shortens each update, and adds noise to the sum.
Nobody who sees the model can tell whether one participant took part with all its rows. The server still sees
the updates, unless they are added up securely. It needs many participants: with three, noise drowns them.

Sources:
    McMahan et al., Learning differentially private recurrent language models (2018), DP-FedAvg;
    Abadi et al., Deep learning with differential privacy (2016), DP-SGD.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from secure_ai.anonymize.differential_privacy.learning.accountant import epsilon_spent, noise_for
from secure_ai.anonymize.differential_privacy.learning.inputs import positive
from secure_ai.core.errors import UserError
from secure_ai.defend.federated.aggregation import Aggregate, weighted_mean
from secure_ai.defend.federated.client import Client, RecordPrivacy, TrainingSettings, Update, clipped
from secure_ai.defend.federated.model import FederatedModel
from secure_ai.defend.federated.participants import Participant
from secure_ai.defend.federated.scores import scores_of
from secure_ai.defend.federated.training import FederatedRun, HeldOut, run_rounds, train_federated

SEEDED = " The seed is fixed: who knows it can take the noise away, so this model is for lessons."


@dataclass(frozen=True)
class PrivateRun:
    """A model that was trained together with differential privacy, and what it has cost.

    Attributes:
        run: the :class:`FederatedRun`.
        level: ``"record"`` or ``"participant"``: whom epsilon protects.
        epsilon, delta: what was spent; at level ``"record"`` by each participant for its own records.
        noise_multiplier: standard deviation of the noise over ``max_norm``.
        max_norm: length to which each record's gradient, or each participant's update, was shortened.
        sampling_rate: probability with which each record enters a step, or each participant a round.
        steps: steps that were accounted for.
        participants: how many there are.
        fixed_seed: whether the noise came from a seed that somebody chose.
    """

    run: FederatedRun
    level: str
    epsilon: float
    delta: float
    noise_multiplier: float
    max_norm: float
    sampling_rate: float
    steps: int
    participants: int
    fixed_seed: bool = True

    def sentence(self) -> str:
        """Say whom the noise protects and what was spent."""
        whom = {
            "record": "each record of a participant, against the server as well",
            "participant": "each participant with all its records, against all who see the model but the "
            "server",
        }[self.level]
        return (
            f"{self.steps:,} noisy steps have cost epsilon {self.epsilon:.3g} at delta {self.delta:g} for "
            f"{whom} ({self.participants} participants; noise {self.noise_multiplier:.3g} times the longest "
            f"{'gradient' if self.level == 'record' else 'update'}).{SEEDED if self.fixed_seed else ''}"
        )


def train_private(
    participants: Sequence[Client | Participant],
    model: FederatedModel,
    *,
    epsilon: float,
    delta: float = 1e-5,
    level: str = "record",
    rounds: int = 20,
    max_norm: float = 1.0,
    sampling_rate: float | None = None,
    steps: int = 10,
    settings: TrainingSettings | None = None,
    aggregate: Aggregate = weighted_mean,
    held_out: HeldOut | None = None,
    seed: int | None = 0,
) -> PrivateRun:
    """Train together with (epsilon, delta)-differential privacy.

    Args:
        participants, model, rounds, settings, held_out: as :func:`train_federated`.
        epsilon: what may be spent over all rounds, at least 0.01.
        delta: probability with which the bound may fail.
        level: ``"record"``: each participant protects its own records; ``"participant"``: each participant
            as a whole is protected.
        max_norm: length to which each record's gradient, or each participant's update, is shortened.
        sampling_rate: probability with which each record enters a step (default 0.1), or each participant a
            round (default 1: all take part in every round).
        steps: steps of each participant in a round (level ``"record"``).
        aggregate: adds up the updates; at level ``"participant"`` it has to be a mean, plain or secure.
        seed: of weights, order, drawing and noise: for lessons and tests, as whoever knows it takes the noise
            away. None draws fresh entropy, as every release must. (Clients of your own bring their seed.)

    Raises:
        UserError: if an argument is impossible, or delta would allow to give away a whole participant.
    """
    settings = settings or TrainingSettings()
    if level not in ("record", "participant"):
        raise UserError(f"level={level!r:.40}: choose 'record' or 'participant'.")
    positive("max_norm", max_norm)
    many = len(participants)
    taken = rounds * (steps if level == "record" else 1)
    rate = sampling_rate if sampling_rate is not None else (0.1 if level == "record" else 1.0)
    people = max((_records(each) for each in participants), default=1) if level == "record" else many
    if delta > 1 / max(people, 1):
        raise UserError(
            f"delta={delta:g} is above one over the number of {level}s ({people:,}): it would allow to give "
            "one of them away. Choose a smaller delta."
        )
    plan = {"sampling_rate": float(rate), "steps": int(taken)}
    noise = noise_for(epsilon=float(epsilon), delta=float(delta), **plan)
    shared: dict[str, Any] = {"rounds": rounds, "held_out": held_out, "seed": seed}
    if level == "record":
        privacy = RecordPrivacy(noise, float(max_norm), float(rate), int(steps))
        run = train_federated(
            participants,
            model,
            settings=replace(settings, record_privacy=privacy),
            aggregate=aggregate,
            **shared,
        )
    else:
        rng = np.random.default_rng(None if seed is None else [seed, many])
        expected = rate * many

        def combine(updates: Sequence[Update], number: int) -> np.ndarray:
            total = np.zeros(model.size)
            if updates:
                # Shortened again here: who does not shorten its own update must not outweigh the noise.
                vectors = [clipped(each.delta, max_norm) for each in updates]
                total = aggregate(vectors, np.full(len(vectors), 1 / len(vectors))) * len(vectors)
            return (total + rng.normal(0.0, noise * max_norm, model.size)) / expected

        def draws(count: int) -> np.ndarray:
            return rng.random(count) < rate

        run = run_rounds(
            participants,
            model,
            settings=replace(settings, max_update_norm=float(max_norm)),
            combine=combine,
            draws=draws,
            **shared,
        )
    spent = epsilon_spent(noise_multiplier=noise, delta=float(delta), **plan)
    return PrivateRun(
        run,
        level=level,
        epsilon=spent,
        delta=float(delta),
        noise_multiplier=noise,
        max_norm=float(max_norm),
        sampling_rate=float(rate),
        steps=taken,
        participants=many,
        fixed_seed=seed is not None,
    )


def _records(participant: Client | Participant) -> int:
    return len(participant.rows) if isinstance(participant, Participant) else int(participant.records)


def compare_budgets(
    participants: Sequence[Participant],
    model: FederatedModel,
    *,
    epsilons: Sequence[float] = (0.5, 2.0, 8.0),
    levels: Sequence[str] = ("record", "participant"),
    rounds: int = 20,
    settings: TrainingSettings | None = None,
    seeds: Sequence[int] = (0, 1, 2),
    **how: Any,
) -> pd.DataFrame:
    """Return what privacy costs: one row for each level and epsilon, the last without noise.

    Columns: level, epsilon (infinite without noise), noise_multiplier, loss, accuracy, auc on everybody's
    held-out rows (means over ``seeds``), auc_low, auc_high (least and greatest over seeds).

    Args:
        participants, model, rounds, settings: as :func:`train_private`.
        epsilons: budgets to try.
        levels: ``"record"``, ``"participant"`` or both.
        seeds: of noise, weights and order.
        how: further arguments of :func:`train_private` (``delta``, ``max_norm``, ``steps`` ...).
    """
    settings = settings or TrainingSettings()
    rows = np.concatenate([each.test_rows for each in participants])
    labels = np.concatenate([each.test_labels for each in participants])
    shared: dict[str, Any] = {"rounds": rounds, "settings": settings, "held_out": {}}
    found = []
    for level in levels:
        for epsilon in epsilons:
            runs = [
                train_private(participants, model, epsilon=epsilon, level=level, seed=seed, **shared, **how)
                for seed in seeds
            ]
            scores = [scores_of(each.run.model, rows, labels) for each in runs]
            found.append(_row(level, float(epsilon), runs[0].noise_multiplier, scores))
    plain = [train_federated(participants, model, seed=seed, **shared).model for seed in seeds]
    found.append(_row("no noise", np.inf, 0.0, [scores_of(each, rows, labels) for each in plain]))
    return pd.DataFrame(found)


def _row(level: str, epsilon: float, noise: float, scores: Sequence[dict[str, float]]) -> dict[str, Any]:
    table = pd.DataFrame(scores)
    return {
        "level": level,
        "epsilon": epsilon,
        "noise_multiplier": noise,
        **table[["loss", "accuracy", "auc"]].mean().to_dict(),
        "auc_low": table["auc"].min(),
        "auc_high": table["auc"].max(),
    }
