"""Federated training through an exchange of messages: plain updates, or masked ones."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from secure_ai.core.errors import UserError
from secure_ai.defend.federated.aggregation import Aggregate, weighted_mean
from secure_ai.defend.federated.checks import UpdateError
from secure_ai.defend.federated.client import RoundRequest, TrainingSettings, Update
from secure_ai.defend.federated.model import FederatedModel, flatten
from secure_ai.defend.federated.secure_aggregation.errors import RoundFailed
from secure_ai.defend.federated.secure_aggregation.fixed_point import Words
from secure_ai.defend.federated.secure_aggregation.messages import Message, Refusal, read_message
from secure_ai.defend.federated.secure_aggregation.rounds import mean_of
from secure_ai.defend.federated.secure_aggregation.server import AggregationServer
from secure_ai.defend.federated.training import FederatedRun, HeldOut, run_rounds
from secure_ai.defend.federated.transport.exchange import Exchange
from secure_ai.defend.federated.transport.messages import Train, Trained, bytes_of


@dataclass(frozen=True)
class MaskedRun:
    """A training over an exchange.

    Attributes:
        run: the model and what happened in each round; with masks without norms and agreements of updates,
            which nobody but the participant knows.
        masked: whether updates travelled under masks.
        seen: what arrived from each participant in the last round: words under masks, or its update.
        bytes_sent, bytes_received: of each participant, over the whole training.
        seconds: for the whole training.
    """

    run: FederatedRun
    masked: bool
    seen: dict[str, Words | np.ndarray] = field(repr=False)
    bytes_sent: dict[str, int]
    bytes_received: dict[str, int]
    seconds: float

    @property
    def weights(self) -> np.ndarray:
        """The flat weights of the model."""
        return self.run.weights

    def sentence(self) -> str:
        """Say how the training went and what it cost."""
        masks = "under masks" if self.masked else "as they were, readable by the server"
        most = max(self.bytes_sent.values())
        return (
            f"{self.run.sentence()} Updates travelled {masks}; each participant sent at most {most:,} bytes."
        )

    def traffic(self) -> pd.DataFrame:
        """Return a row for each participant: bytes_sent, bytes_received."""
        rows = [(name, sent, self.bytes_received[name]) for name, sent in self.bytes_sent.items()]
        return pd.DataFrame(rows, columns=["participant", "bytes_sent", "bytes_received"])


def train_over(
    exchange: Exchange,
    model: FederatedModel,
    *,
    masked: bool = True,
    rounds: int = 5,
    settings: TrainingSettings | None = None,
    aggregate: Aggregate = weighted_mean,
    held_out: HeldOut | None = None,
    threshold: int | None = None,
    start: np.ndarray | None = None,
    seed: int = 0,
) -> MaskedRun:
    """Train one model of all participants of an exchange.

    Each round, who does not answer, refuses, or sends NaN or another shape is named and left out, and the
    round goes on with the others. With masks a participant checks its own update before it leaves; a lie
    within the allowed range cannot be seen by anybody, and robust aggregation has nothing to look at.

    Args:
        exchange: from ``serve_federation`` (sockets), or :class:`InProcessExchange`.
        model: the shape that all agreed on.
        masked: add updates under masks, at least three participants; the server then sees their sum alone.
        rounds, settings, held_out, start, seed: as :func:`~secure_ai.defend.federated.train_federated`.
        aggregate: as there; only for plain updates.
        threshold: how many must stay in a masked round; two thirds if None.

    Raises:
        RoundFailed: if too few stay in a masked round.
        UserError: if an argument is impossible, or a round has no usable update.
    """
    if masked and aggregate is not weighted_mean:
        raise UserError(
            "Under masks the server holds no single update: a robust aggregate needs masked=False, or clip "
            "updates at the participants (TrainingSettings(max_update_norm=...))."
        )
    names = list(exchange.records)
    first = time.perf_counter()
    shared = _Round(exchange, model, masked)
    members = [_Remote(name, exchange.records[name], shared) for name in names]
    lost: list[tuple[int, str, str]] = []
    seen: dict[str, Words | np.ndarray] = {}

    def combine(updates: list[Update], number: int) -> np.ndarray:
        seen.clear()
        if not masked:
            if not updates:
                raise UserError(f"Round {number}: no participant sent a usable update. Look at the reasons.")
            seen.update((each.name, each.delta) for each in updates)
            weights = np.array([each.records for each in updates], dtype=float)
            return aggregate([each.delta for each in updates], weights / weights.sum())
        server = AggregationServer(names, model.size + 1, shared.ask_stage, threshold)
        try:
            return _mean(server.run(), sum(each.records for each in updates if each.name in server.survivors))
        finally:
            seen.update(server.seen)
            # All are invited: the threshold is a share of the members, not of those who happen to be there.
            trained = {each.name for each in updates} - set(server.survivors)
            left = [name for name in server.dropped if name in trained]
            lost.extend((number, name, f"left the masked round: {server.dropped[name][1]}") for name in left)

    run = run_rounds(
        members,
        model,
        rounds=rounds,
        settings=settings or TrainingSettings(),
        combine=combine,
        held_out=held_out,
        start=start,
        seed=seed,
    )
    if masked:
        run = replace(run, rounds=_without_updates(run.rounds, lost))
    return MaskedRun(
        run, masked, dict(seen), dict(exchange.sent), dict(exchange.received), time.perf_counter() - first
    )


class _Round:
    """Asks all participants at once when the first is asked, and hands out their answers."""

    def __init__(self, exchange: Exchange, model: FederatedModel, masked: bool) -> None:
        self._exchange, self._model, self._masked = exchange, model, masked
        self._number = 0
        self._answers: Mapping[str, bytes | UserError] = {}

    def update_of(self, name: str, request: RoundRequest) -> Update:
        if request.number != self._number:
            self._number = request.number
            # A further training over the same exchange goes on counting: a number is trained once.
            self._exchange.last_round += 1
            message = Train(
                number=self._exchange.last_round,
                settings=request.settings.to_dict(),
                words=bytes_of(flatten(request.weights)),
            ).to_bytes()
            self._answers = self._exchange.ask(dict.fromkeys(self._exchange.records, message))
        answer = self._answers.get(name)
        if answer is None or isinstance(answer, UserError):
            raise answer or UpdateError(name, "did not answer: it was left out of this round.")
        told = read_message(answer, [Trained, Refusal])
        if isinstance(told, Refusal):
            raise UserError(told.reason)
        delta = np.zeros(self._model.size) if self._masked else told.delta()
        return Update(told.name, delta, told.records, float("nan") if told.loss is None else told.loss)

    def ask_stage(
        self, requests: Mapping[str, Message], kind: type[Message]
    ) -> dict[str, Message | UserError]:
        """Carry one stage of a masked round."""
        packed = {id(request): request.to_bytes() for request in requests.values()}
        answers = self._exchange.ask({name: packed[id(request)] for name, request in requests.items()})
        read: dict[str, Message | UserError] = {}
        for name, answer in answers.items():
            try:
                read[name] = (
                    answer if isinstance(answer, UserError) else read_message(answer, [kind, Refusal])
                )
            except UserError as error:
                read[name] = error
        return read


class _Remote:
    """A participant as the rounds of a federation see it."""

    def __init__(self, name: str, records: int, shared: _Round) -> None:
        self.name, self.records, self._shared = name, records, shared

    def train(self, request: RoundRequest) -> Update:
        return self._shared.update_of(self.name, request)


def _mean(total: np.ndarray, records: int) -> np.ndarray:
    """Return the mean of a masked sum, if its weight is the number of records that its members state.

    Raises:
        RoundFailed: if a participant weighs more or less than it says.
    """
    if abs(total[-1] - records) > 1e-6:
        raise RoundFailed(
            f"The updates of this round weigh {total[-1]:,.6g} records and their senders state {records:,}: "
            "one of them lies, and masks hide which one. Discard the round."
        )
    return mean_of(total)


def _without_updates(rounds: pd.DataFrame, lost: list[tuple[int, str, str]]) -> pd.DataFrame:
    """Return the record of rounds as a server with masks can write it."""
    rounds = rounds.assign(update_norm=np.nan, agreement=np.nan)
    for number, name, reason in lost:
        chosen = (rounds["round"] == number) & (rounds["participant"] == name)
        rounds.loc[chosen, ["used", "reason"]] = [False, reason]
    return rounds
