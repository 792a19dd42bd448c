"""The server of a masked round: it collects, goes on without who falls silent, uncovers the sum alone."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from numpy.typing import NDArray

from secure_ai.core.errors import UserError
from secure_ai.defend.federated.secure_aggregation.errors import RoundFailed
from secure_ai.defend.federated.secure_aggregation.fixed_point import FixedPoint, Words
from secure_ai.defend.federated.secure_aggregation.identities import is_signature, keys_content
from secure_ai.defend.federated.secure_aggregation.masks import (
    commitment,
    is_usable,
    mask_words,
    public_bytes,
)
from secure_ai.defend.federated.secure_aggregation.messages import (
    MOST_CLIENTS,
    Advertise,
    Confirm,
    Confirmation,
    Distribute,
    Mask,
    MaskedUpdate,
    Message,
    PublicKeys,
    Refusal,
    SealedShares,
    Uncovered,
    Unmask,
)
from secure_ai.defend.federated.secure_aggregation.participant import (
    LEAST_CLIENTS,
    least_for,
    own_mask_words,
    pair_key,
    round_digest,
)
from secure_ai.defend.federated.secure_aggregation.secret_sharing import Entropy, reconstruct_checked

STAGES = ("keys", "shares", "update", "confirmation", "unmasking")
# Takes one request for each name and the kind of answer; gives an answer, or why there is none, for each.
Ask = Callable[[Mapping[str, Message], type[Message]], Mapping[str, Message | UserError]]


@dataclass
class AggregationServer:
    """Runs the five stages of one round through ``ask``.

    Attributes:
        clients: the names of those invited.
        length: numbers in each update.
        ask: carries requests to the participants and their answers back.
        threshold: how many must stay; two thirds if None.
        entropy: gives random bytes.
        known: the participants' signing keys, if they sign: one with a bad signature leaves before the others
            see its keys, and would all leave because of it.
        seen: what arrived from each participant: words under masks.
        dropped: name → (stage, reason) of each participant that is not in the sum, or fell silent after it.
        survivors: whose updates are in the sum.
    """

    clients: Sequence[str]
    length: int
    ask: Ask = field(repr=False)
    threshold: int | None = None
    entropy: Entropy = field(default=os.urandom, repr=False)
    known: Mapping[str, Ed25519PublicKey] | None = None
    seen: dict[str, Words] = field(default_factory=dict, repr=False)
    dropped: dict[str, tuple[str, str]] = field(default_factory=dict)
    survivors: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        names = list(self.clients)
        if len(set(names)) != len(names) or not LEAST_CLIENTS <= len(names) <= MOST_CLIENTS:
            raise UserError(
                f"A masked round has {LEAST_CLIENTS} to {MOST_CLIENTS:,} participants with different names; "
                f"there are {len(set(names))}. Of fewer, each can tell the other's update from the sum."
            )
        self.clients = names
        least = least_for(len(names))
        self.threshold = least if self.threshold is None else self.threshold
        if not least <= self.threshold <= len(names):
            raise UserError(
                f"The threshold for {len(names)} participants lies between {least} and {len(names)}."
            )
        self.encoding = FixedPoint.for_clients(len(names))

    def run(self) -> NDArray[np.float64]:
        """Return the sum of the updates of all whose masked update arrived, in ``survivors``.

        Raises:
            RoundFailed: if fewer than the threshold are left at a stage.
            UserError: if the sum is none of honest updates.
        """
        invitation = Advertise(
            session=self.entropy(32),
            clients=tuple(self.clients),
            threshold=self.threshold,
            length=self.length,
            fractional_bits=self.encoding.fractional_bits,
        )
        self.round = round_digest(invitation)
        keys = self._stage(0, dict.fromkeys(self.clients, invitation), PublicKeys, self._check_keys())
        listed = Distribute(keys=tuple(keys[name] for name in keys))
        shares = self._stage(1, dict.fromkeys(keys, listed), SealedShares, self._check_shares(set(keys)))
        letters = {
            name: Mask(sealed={other: shares[other].sealed[name] for other in shares if other != name})
            for name in shares
        }
        updates = self._stage(2, letters, MaskedUpdate, self._check_update)
        self.seen = {name: update.vector() for name, update in updates.items()}
        self.survivors = tuple(updates)
        confirmed = self._stage(
            3, dict.fromkeys(updates, Confirm(survivors=self.survivors)), Confirmation, lambda _: ""
        )
        lost = tuple(name for name in shares if name not in updates)
        signatures = {name: one.signature for name, one in confirmed.items() if one.signature is not None}
        last = Unmask(survivors=self.survivors, dropped=lost, signatures=signatures)
        answers = self._stage(4, dict.fromkeys(confirmed, last), Uncovered, lambda _: "")
        return self.encoding.decode(self._unmasked(keys, list(shares), lost, answers))

    def _stage(self, number: int, requests: Mapping, kind: type[Message], check: Callable) -> dict:
        """Ask, and return the usable answers; who gave none is noted."""
        answers = self.ask(requests, kind)
        good = {}
        for name in requests:
            answer = answers.get(name, UserError("no answer"))
            if isinstance(answer, Refusal):
                reason = answer.reason
            elif isinstance(answer, Exception):
                reason = str(answer)
            elif answer.name != name:
                reason = "answered under another name"
            else:
                reason = check(answer)
            if reason:
                self.dropped[name] = (STAGES[number], reason)
            else:
                good[name] = answer
        if len(good) < self.threshold:
            gone = "; ".join(
                f"{name}: {reason}"
                for name, (stage, reason) in self.dropped.items()
                if stage == STAGES[number]
            )
            raise RoundFailed(
                f"The round was given up at the stage '{STAGES[number]}': {len(good)} of {len(self.clients)} "
                f"participants are left, and {self.threshold} are needed. No update was uncovered. ({gone})"
            )
        return good

    def _check_keys(self) -> Callable[[PublicKeys], str]:
        used: set[bytes] = set()

        def check(answer: PublicKeys) -> str:
            pair = {answer.sealing_key, answer.masking_key}
            if len(pair) < 2 or pair & used or not all(map(is_usable, pair)):
                return "it sent a key that is no usable one, or another's"
            if self.known is not None:
                key = self.known.get(answer.name)
                if key is None or not is_signature(key, answer.signature, keys_content(self.round, answer)):
                    return "its keys are not signed by it"
            used.update(pair)
            return ""

        return check

    def _check_shares(self, members: set[str]) -> Callable[[SealedShares], str]:
        def check(answer: SealedShares) -> str:
            return (
                ""
                if set(answer.sealed) == members - {answer.name}
                else "it did not make a share for each other"
            )

        return check

    def _check_update(self, answer: MaskedUpdate) -> str:
        length = len(answer.words) // 8
        return "" if length == self.length else f"its update has {length:,} words in place of {self.length:,}"

    def _unmasked(
        self,
        keys: Mapping[str, PublicKeys],
        members: Sequence[str],
        lost: Sequence[str],
        answers: Mapping[str, Uncovered],
    ) -> Words:
        """Take the own masks of those who arrived, and the pair masks of those who did not, off the sum."""
        numbers = {name: number for number, name in enumerate(sorted(keys), start=1)}
        total = np.zeros(self.length, dtype=np.uint64)
        for words in self.seen.values():
            total += words
        for name in self.survivors:
            shares = _shares_of(name, {holder: one.own_masks for holder, one in answers.items()}, numbers)
            published = keys[name].commitment
            secret = self._secret(
                name, shares, lambda made, published=published: commitment(self.round, made) == published
            )
            total -= own_mask_words(secret, self.round, self.length)
        for name in lost:
            shares = _shares_of(name, {holder: one.masking_keys for holder, one in answers.items()}, numbers)
            published = keys[name].masking_key
            secret = self._secret(
                name, shares, lambda made, published=published: public_bytes(made) == published
            )
            for other in self.survivors:
                words = mask_words(
                    pair_key(secret, name, keys[other].masking_key, other, self.round), self.length
                )
                # The survivor had added where its name comes first.
                total = total - words if other < name else total + words
        return total

    def _secret(self, name: str, shares: Mapping[int, bytes], is_right: Callable[[bytes], bool]) -> bytes:
        secret = reconstruct_checked(shares, self.threshold, is_right)
        if secret is None:
            raise RoundFailed(
                f"The shares that {name} made do not fit what it published: it, or too many of those "
                "who kept them, sent wrong ones. No update was uncovered: repeat the round without it."
            )
        return secret


def _shares_of(
    name: str, held: Mapping[str, Mapping[str, bytes]], numbers: Mapping[str, int]
) -> dict[int, bytes]:
    return {numbers[holder]: shares[name] for holder, shares in held.items() if name in shares}
