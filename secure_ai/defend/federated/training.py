"""The rounds of federated learning: weights go out, changes come back, their mean is the next model.

Source: McMahan et al., Communication-efficient learning of deep networks from decentralized data (2017).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import compress
from typing import Any

import numpy as np
import pandas as pd

from secure_ai.attack.networks.training import one_thread
from secure_ai.core.errors import UserError
from secure_ai.defend.federated.aggregation import Aggregate, weighted_mean
from secure_ai.defend.federated.checks import UpdateError, check_update
from secure_ai.defend.federated.client import Client, RoundRequest, TrainingSettings, Update
from secure_ai.defend.federated.model import FederatedClassifier, FederatedModel
from secure_ai.defend.federated.participants import Participant
from secure_ai.defend.federated.scores import scores_of

MOST_ROUNDS = 10_000
Combine = Callable[[Sequence[Update], int], np.ndarray]
HeldOut = Mapping[str, tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True)
class FederatedRun:
    """A model that was trained together, and what happened in each round.

    Attributes:
        model: the trained classifier.
        rounds: one row for each round and participant: round, participant, used (bool), records, loss (of the
            common weights on its rows, before training; nats), update_norm, agreement (cosine with the sum
            of the others' updates), reason (why it was left out).
        history: one row for each round and held-out part: round, participant, records, loss (nats), accuracy,
            auc (NaN where one class only); empty without held-out parts.
        bytes_up, bytes_down: what each participant sends and receives in a round, 8 bytes for each weight.
    """

    model: FederatedClassifier
    rounds: pd.DataFrame
    history: pd.DataFrame
    bytes_up: int
    bytes_down: int

    @property
    def weights(self) -> np.ndarray:
        """The flat weights of the model."""
        return self.model.weights

    @property
    def left_out(self) -> pd.DataFrame:
        """Which participant was left out of which round, and why: round, participant, reason."""
        out = self.rounds[~self.rounds["used"]]
        return out[["round", "participant", "reason"]].reset_index(drop=True)

    def to_frame(self) -> pd.DataFrame:
        """Return the last round's figures on each held-out part."""
        last = self.history[self.history["round"] == self.history["round"].max()]
        return last.drop(columns="round").reset_index(drop=True)

    def sentence(self) -> str:
        """Say who trained for how long, how well it went, and who was left out."""
        names = list(dict.fromkeys(self.rounds["participant"]))
        rounds = int(self.rounds["round"].max())
        told = f"{len(names)} participants trained {len(self.weights):,} weights over {rounds:,} rounds"
        if len(self.history):
            first, last = (
                self.history[self.history["round"] == number]["loss"].mean() for number in (1, rounds)
            )
            told += f"; the mean loss on held-out rows went from {first:.3f} to {last:.3f}"
        out = self.left_out["participant"].value_counts()
        if not len(out):
            return f"{told}. Every update was used."
        who = ", ".join(f"'{name}' in {count} of {rounds}" for name, count in out.items())
        return f"{told}. Left out: {who}."


def train_federated(
    participants: Sequence[Client | Participant],
    model: FederatedModel,
    *,
    rounds: int = 20,
    settings: TrainingSettings | None = None,
    aggregate: Aggregate = weighted_mean,
    held_out: HeldOut | None = None,
    weigh: str = "records",
    start: np.ndarray | None = None,
    seed: int | None = 0,
) -> FederatedRun:
    """Train one model of all participants; rows stay with them.

    Each round every participant trains from the common weights on. What it sends is checked: who sends NaN,
    infinity, another shape or a false number of records, fails or does not answer, is named and left out of
    that round, and the round goes on with the others.

    Args:
        participants: :class:`Participant` (rows in this process), or any :class:`Client`.
        model: the shape that all agreed on.
        rounds: how often weights go out and changes come back.
        settings: how participants train; ``TrainingSettings(proximal=0.1)`` is FedProx.
        aggregate: makes one change of many, ``aggregate(vectors, weights) -> vector``: flat changes in the
            order of the participants, and their weights in the mean. By default the mean (FedAvg).
        held_out: name → (rows, labels) to measure on after each round; those of ``Participant`` if None.
        weigh: ``"records"``, or ``"equal"`` to give every participant the same weight.
        start: flat weights to begin from; None draws them by ``seed``.
        seed: of the first weights, and of the clients that are made of :class:`Participant`; None: they draw
            fresh entropy.

    Raises:
        UserError: if an argument is impossible, or a round has no usable update.
    """
    if weigh not in ("records", "equal"):
        raise UserError(f"weigh={weigh!r:.40}: choose 'records' or 'equal'.")

    def combine(updates: Sequence[Update], number: int) -> np.ndarray:
        if not updates:
            raise UserError(
                f"Round {number}: no participant sent a usable update. Look at the reasons, then start again."
            )
        share = np.array([each.records if weigh == "records" else 1.0 for each in updates], dtype=float)
        return aggregate([each.delta for each in updates], share / share.sum())

    return run_rounds(
        participants,
        model,
        rounds=rounds,
        settings=settings or TrainingSettings(),
        combine=combine,
        held_out=held_out,
        start=start,
        seed=seed,
    )


def run_rounds(
    participants: Sequence[Client | Participant],
    model: FederatedModel,
    *,
    rounds: int,
    settings: TrainingSettings,
    combine: Combine,
    draws: Callable[[int], np.ndarray] | None = None,
    held_out: HeldOut | None = None,
    start: np.ndarray | None = None,
    seed: int | None = 0,
) -> FederatedRun:
    """Run the rounds; what is particular to a method comes in as ``combine`` and ``draws``.

    Args:
        combine: makes one change of the usable updates of a round, ``combine(updates, number)``.
        draws: number of participants → which of them are asked in this round; None asks all.
        participants, model, rounds, settings, held_out, start, seed: as :func:`train_federated`.

    Raises:
        UserError: as :func:`train_federated`.
    """
    whole = isinstance(rounds, (int, np.integer)) and not isinstance(rounds, bool)
    if not whole or not 1 <= rounds <= MOST_ROUNDS:
        raise UserError(f"rounds={rounds!r:.40}: choose a whole number from 1 to {MOST_ROUNDS:,}.")
    clients = _clients(participants, model, seed)
    tests = _tests(participants, held_out)
    weights = model.initial_weights(seed or 0) if start is None else np.array(start, dtype=float)
    model.unflatten(weights)
    agreed = {client.name: int(client.records) for client in clients}
    told: list[dict[str, Any]] = []
    history: list[dict[str, Any]] = []
    with one_thread():
        for number in range(1, rounds + 1):
            request = RoundRequest(number, model.unflatten(weights), settings)
            asked = np.ones(len(clients), dtype=bool) if draws is None else draws(len(clients))
            updates, rows = _asked(list(compress(clients, asked)), request, model.size, agreed)
            told += rows
            change = np.asarray(combine(updates, number), dtype=float)
            if change.shape != (model.size,) or not np.isfinite(change).all():
                raise UserError(
                    f"Round {number}: the aggregate of the updates is no vector of {model.size:,} numbers."
                )
            weights = weights + change
            classifier = model.classifier(weights)
            history += [
                {"round": number, "participant": name, **scores_of(classifier, *part)}
                for name, part in tests.items()
            ]
    columns = ["round", "participant", "used", "records", "loss", "update_norm", "agreement", "reason"]
    measured = ["round", "participant", "records", "loss", "accuracy", "auc"]
    return FederatedRun(
        model.classifier(weights),
        pd.DataFrame(told, columns=columns),
        pd.DataFrame(history, columns=measured),
        8 * model.size,
        8 * model.size,
    )


def _asked(
    clients: Sequence[Client], request: RoundRequest, size: int, agreed: Mapping[str, int]
) -> tuple[list[Update], list[dict[str, Any]]]:
    """Return the usable updates of a round, and a row of the record for each participant asked."""
    updates: list[Update] = []
    rows: list[dict[str, Any]] = []
    for client in clients:
        row = {"round": request.number, "participant": client.name, "records": agreed[client.name]}
        empty = {"loss": np.nan, "update_norm": np.nan, "agreement": np.nan}
        try:
            update = ask(client, request, size, agreed[client.name])
        except UpdateError as error:
            rows.append({**row, **empty, "used": False, "reason": error.reason})
            continue
        updates.append(update)
        norm = float(np.linalg.norm(update.delta))
        rows.append({**row, **empty, "used": True, "loss": update.loss, "update_norm": norm, "reason": ""})
    total = np.sum([each.delta for each in updates], axis=0)
    for update, row in zip(updates, (row for row in rows if row["used"]), strict=True):
        row["agreement"] = _cosine(update.delta, total - update.delta)
    return updates, rows


def _cosine(one: np.ndarray, other: np.ndarray) -> float:
    lengths = float(np.linalg.norm(one)) * float(np.linalg.norm(other))
    return float(one @ other) / lengths if lengths else float("nan")


def ask(client: Client, request: RoundRequest, size: int, records: int) -> Update:
    """Return what a participant sends in a round, checked.

    Args:
        client: the participant.
        request: weights and settings of the round.
        size: number of weights.
        records: as many rows as it may claim.

    Raises:
        UpdateError: if it fails, does not answer, or sends what cannot be used.
    """
    name = client.name
    # A copy for each: a participant in this process must not change the weights of the others.
    own = RoundRequest(request.number, [part.copy() for part in request.weights], request.settings)
    try:
        update = client.train(own)
    except UpdateError:
        raise
    except UserError as error:
        told = str(error).removeprefix(f"Participant '{name}': ")
        raise UpdateError(name, f"could not train: {told}") from None
    except (OSError, EOFError):
        raise UpdateError(name, "did not answer: it was left out of this round.") from None
    return check_update(update, name=name, size=size, most_records=records)


def _clients(participants: Sequence[Client | Participant], model: FederatedModel, seed: int) -> list[Client]:
    clients = [
        each.client(model, None if seed is None else seed + place) if isinstance(each, Participant) else each
        for place, each in enumerate(participants)
    ]
    if not clients:
        raise UserError("There is no participant: give at least one.")
    names = [client.name for client in clients]
    if len(set(names)) < len(names):
        raise UserError("Two participants have the same name: give each its own.")
    return clients


def _tests(participants: Sequence[Client | Participant], held_out: HeldOut | None) -> HeldOut:
    if held_out is not None:
        return held_out
    return {
        each.name: (each.test_rows, each.test_labels)
        for each in participants
        if isinstance(each, Participant)
    }
