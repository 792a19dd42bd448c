"""Masked rounds in one process: the same messages as over a network, counted in bytes."""

from __future__ import annotations

import hashlib
import itertools
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from secure_ai.core.errors import UserError
from secure_ai.defend.federated.secure_aggregation.errors import RoundFailed
from secure_ai.defend.federated.secure_aggregation.fixed_point import Words
from secure_ai.defend.federated.secure_aggregation.identities import Identities
from secure_ai.defend.federated.secure_aggregation.messages import (
    REQUESTS,
    Message,
    Refusal,
    read_message,
)
from secure_ai.defend.federated.secure_aggregation.participant import MaskingParticipant
from secure_ai.defend.federated.secure_aggregation.secret_sharing import Entropy
from secure_ai.defend.federated.secure_aggregation.server import STAGES, AggregationServer

SHARES_SCALE = 4096.0
GONE = "it fell silent"


@dataclass(frozen=True)
class SecureSum:
    """A sum, and all that the server had in its hands on the way.

    Attributes:
        total: the sum of the updates of ``survivors``.
        survivors: whose updates are in it.
        dropped: name → (stage, reason) of each that is not, or that fell silent after its update.
        seen: the words that arrived from each, under masks; not shown by ``repr``.
        bytes_sent, bytes_received: of each participant, all messages of the round.
        seconds: for the whole round, all participants one after the other.
        threshold: how many had to stay.
    """

    total: NDArray[np.float64] = field(repr=False)
    survivors: tuple[str, ...]
    dropped: dict[str, tuple[str, str]]
    seen: dict[str, Words] = field(repr=False)
    bytes_sent: dict[str, int]
    bytes_received: dict[str, int]
    seconds: float
    threshold: int

    def sentence(self) -> str:
        """Say whose updates are in the sum, and what the round cost."""
        invited = len(set(self.survivors) | set(self.dropped))
        lost = invited - len(self.survivors)
        sent = max(self.bytes_sent.values())
        return (
            f"The sum holds the updates of {len(self.survivors)} of {invited} participants "
            f"({lost} dropped out, at least {self.threshold} had to stay); each sent at most {sent:,} bytes."
        )

    def to_frame(self) -> pd.DataFrame:
        """Return a row for each participant: in_the_sum, dropped_at, reason, bytes_sent, bytes_received."""
        rows = []
        for name in sorted(self.bytes_sent):
            stage, reason = self.dropped.get(name, ("", ""))
            row = (name in self.survivors, stage, reason, self.bytes_sent[name], self.bytes_received[name])
            rows.append((name, *row))
        columns = ["participant", "in_the_sum", "dropped_at", "reason", "bytes_sent", "bytes_received"]
        return pd.DataFrame(rows, columns=columns)


def lesson_entropy(seed: int) -> Entropy:
    """Return a source of bytes that is the same for the same seed; for lessons: anybody can repeat it."""
    counter = itertools.count()

    def give(count: int) -> bytes:
        return hashlib.shake_256(f"lesson {seed} {next(counter)}".encode()).digest(count)

    return give


def secure_sum(
    vectors: Mapping[str, ArrayLike],
    *,
    drop: Mapping[str, str] | None = None,
    identities: Mapping[str, Identities] | None = None,
    threshold: int | None = None,
    seed: int | None = None,
) -> SecureSum:
    """Add the updates of at least three participants so that the server learns the sum alone.

    Args:
        vectors: name → flat update, all of one length.
        drop: name → the stage before which it falls silent, one of ``STAGES`` (``"keys"``, ``"shares"``,
            ``"update"``, ``"confirmation"``, ``"unmasking"``).
        identities: signing keys by name, see :class:`Identities`; without them the round is unsigned.
        threshold: how many must stay; two thirds, rounded up, if None; not fewer.
        seed: makes the masks repeatable, for lessons; the sum is the same with any masks.

    Raises:
        RoundFailed: if too few stay.
        UserError: if there are fewer than three participants, or a stage is unknown. A participant whose own
            update cannot be sent (NaN, too large, another length) leaves by itself, with its reason.

    >>> found = secure_sum({"A": [1.0, 2.0], "B": [10.0, 20.0], "C": [100.0, 200.0]}, drop={"C": "update"})
    >>> found.total.tolist(), found.survivors
    ([11.0, 22.0], ('A', 'B'))
    """
    drop = dict(drop or {})
    for name, stage in drop.items():
        if name not in vectors or stage not in STAGES:
            raise UserError(f"A participant drops out before one of the stages {', '.join(STAGES)}.")
    entropy = os.urandom if seed is None else lesson_entropy(seed)
    members = {
        name: MaskingParticipant(name, vector, identities=(identities or {}).get(name), entropy=entropy)
        for name, vector in vectors.items()
    }
    exchange = InProcess(members, drop)
    lengths = [np.size(vector) for vector in vectors.values()]
    # The length that most agree on: one of another length is the one that leaves.
    length = max(set(lengths), key=lambda one: (lengths.count(one), one), default=0)
    if length < 1:
        raise UserError("An update needs at least one number.")
    start = time.perf_counter()
    known = next(iter(identities.values())).known if identities else None
    server = AggregationServer(list(vectors), length, exchange, threshold, entropy, known)
    total = server.run()
    return SecureSum(
        total=total,
        survivors=server.survivors,
        dropped=server.dropped,
        seen=server.seen,
        bytes_sent=exchange.sent,
        bytes_received=exchange.received,
        seconds=time.perf_counter() - start,
        threshold=server.threshold,
    )


class SecureMean:
    """The weighted mean of updates through masked sums: for ``train_federated(..., aggregate=SecureMean())``.

    The weights (numbers of records) are hidden too: each participant adds weight times update, and its weight
    as one number more.

    Args:
        drop: number of the round from 1 → {place of the participant from 0: stage}, to show drop-outs.
        seed: makes the masks repeatable, for lessons.

    Attributes:
        rounds: the :class:`SecureSum` of each round so far.
    """

    def __init__(
        self, *, drop: Mapping[int, Mapping[int, str]] | None = None, seed: int | None = None
    ) -> None:
        self._drop, self._seed = dict(drop or {}), seed
        self.rounds: list[SecureSum] = []

    def __call__(self, vectors: Sequence[ArrayLike], weights: ArrayLike) -> NDArray[np.float64]:
        """Return the mean of the vectors of those who stayed.

        Raises:
            UserError: as :func:`secure_sum`; and if there is not one weight for each vector.
        """
        weights = np.asarray(weights, dtype=np.float64).ravel()
        if len(weights) != len(vectors):
            raise UserError(
                f"There are {len(vectors)} updates and {len(weights)} weights: give one for each."
            )
        # Shares of 1 lose in the last place what numbers of records do not; a power of two alters no bit.
        scale = SHARES_SCALE if weights.size and weights.sum() < 2 else 1.0
        number, names = len(self.rounds) + 1, [f"participant {place + 1}" for place in range(len(vectors))]
        found = secure_sum(
            {
                name: weighted_vector(vector, weight * scale)
                for name, vector, weight in zip(names, vectors, weights, strict=True)
            },
            drop={names[place]: stage for place, stage in self._drop.get(number, {}).items()},
            seed=None if self._seed is None else self._seed + number,
        )
        self.rounds.append(found)
        return mean_of(found.total)


def weighted_vector(vector: ArrayLike, weight: float) -> NDArray[np.float64]:
    """Return what one participant adds for a weighted mean: weight times its vector, then its weight."""
    return np.append(np.asarray(vector, dtype=np.float64).ravel() * float(weight), float(weight))


def mean_of(total: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the weighted mean of a sum of :func:`weighted_vector`.

    Raises:
        RoundFailed: if the weights do not add up to more than zero.
    """
    if not total[-1] > 0:
        raise RoundFailed("The weights add up to nothing: a participant sent nonsense; repeat the round.")
    return total[:-1] / total[-1]


class InProcess:
    """Carries messages between the server and participants in this process, as bytes that are counted."""

    def __init__(
        self, members: Mapping[str, MaskingParticipant], drop: Mapping[str, str] = MappingProxyType({})
    ) -> None:
        self._members, self._drop, self._stage = members, drop, -1
        self.sent, self.received = dict.fromkeys(members, 0), dict.fromkeys(members, 0)

    def __call__(
        self, requests: Mapping[str, Message], kind: type[Message]
    ) -> dict[str, Message | UserError]:
        self._stage += 1
        answers: dict[str, Message | UserError] = {}
        packed: dict[int, bytes] = {}
        for name, request in requests.items():
            if STAGES.index(self._drop.get(name, STAGES[-1])) <= self._stage and name in self._drop:
                answers[name] = UserError(GONE)
                continue
            # One message to all is packed once.
            content = packed.get(id(request)) or packed.setdefault(id(request), request.to_bytes())
            self.received[name] += len(content)
            try:
                reply = self._members[name].answer(read_message(content, list(REQUESTS.values())))
            except UserError as error:
                reply = Refusal(name=name, reason=str(error)[:500])
            back = self._back(name, reply.to_bytes())
            self.sent[name] += len(back)
            try:
                answers[name] = read_message(back, [kind, Refusal])
            except UserError as error:
                answers[name] = error
        return answers

    def _back(self, name: str, content: bytes) -> bytes:
        """Return what arrives of an answer; a test changes it here."""
        return content
