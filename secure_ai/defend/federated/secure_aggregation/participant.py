"""A participant of a masked round: what it sends, what it refuses, and what it never tells."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable

from cryptography.exceptions import InvalidTag
from numpy.typing import ArrayLike

from secure_ai.core.errors import UserError
from secure_ai.defend.federated.secure_aggregation.errors import UnfairRequest
from secure_ai.defend.federated.secure_aggregation.fixed_point import FixedPoint, Words
from secure_ai.defend.federated.secure_aggregation.identities import (
    Identities,
    keys_content,
    survivors_content,
)
from secure_ai.defend.federated.secure_aggregation.masks import (
    agreed_key,
    commitment,
    derived,
    mask_words,
    public_bytes,
    seal,
    unseal,
)
from secure_ai.defend.federated.secure_aggregation.messages import (
    Advertise,
    Confirm,
    Confirmation,
    Distribute,
    Mask,
    MaskedUpdate,
    Message,
    PublicKeys,
    SealedShares,
    Uncovered,
    Unmask,
)
from secure_ai.defend.federated.secure_aggregation.secret_sharing import SHARE_BYTES, Entropy, split_secret

LEAST_CLIENTS = 3


def least_for(clients: int) -> int:
    """Return the threshold for so many participants: two thirds of them, rounded up.

    With it a third may drop out. Twice the threshold less the number of participants is how many of them
    must side with the server before it can collect both kinds of shares of another: 1 of 3, 3 of 9.

    Source: Bonawitz et al., Practical Secure Aggregation for Privacy-Preserving Machine Learning (2017), 6.2.
    """
    return -(-2 * clients // 3)


class MaskingParticipant:
    """Takes part in one round with one update; each stage is answered once.

    Args:
        name: of the participant, unique in the round.
        vector: its update, flat; it leaves this object only under masks.
        identities: signing keys; without them a server in the middle can pass for the others.
        entropy: gives random bytes; the operating system's, except where a lesson must be repeatable.

    Source: Bonawitz et al. (2017), figure 4 (the protocol with consistency check).
    """

    def __init__(
        self,
        name: str,
        vector: ArrayLike,
        *,
        identities: Identities | None = None,
        entropy: Entropy = os.urandom,
    ) -> None:
        self.name, self._vector, self._identities, self._entropy = name, vector, identities, entropy
        self._stage = 0
        self._masking, self._sealing, self._own_mask = (entropy(32) for _ in range(3))
        self._shares: dict[str, tuple[bytes, bytes]] = {}

    def __repr__(self) -> str:
        return f"MaskingParticipant({self.name!r})"

    def answer(self, request: Message) -> Message:
        """Answer one request of the server; a stage that was answered is not answered again.

        Raises:
            UnfairRequest: if the request is out of turn or would uncover somebody's update.
            UserError: if the own update cannot be sent (NaN, infinite, too large, of another length).
        """
        stages = (
            (Advertise, self._advertise),
            (Distribute, self._distribute),
            (Mask, self._mask),
            (Confirm, self._confirm),
            (Unmask, self._unmask),
        )
        kind, reply = stages[self._stage] if self._stage < len(stages) else (None, None)
        if kind is None or not isinstance(request, kind):
            raise UnfairRequest(
                f"{self.name} was asked for a stage out of turn: each stage of a round is answered once."
            )
        # Counted before it is tried: after a refusal this round is over for this participant.
        self._stage += 1
        try:
            return reply(request)
        except Exception:
            self._stage = len(stages)
            raise

    def _advertise(self, request: Advertise) -> PublicKeys:
        clients, needed = request.clients, least_for(len(request.clients))
        if len(set(clients)) != len(clients) or self.name not in clients or len(clients) < LEAST_CLIENTS:
            raise UnfairRequest(
                f"A masked round has at least {LEAST_CLIENTS} different participants, {self.name} among "
                "them: of fewer, each can tell the other's update from the sum."
            )
        if not needed <= request.threshold <= len(clients):
            raise UnfairRequest(
                f"The threshold of {request.threshold} is too low for {len(clients)} participants: with "
                f"fewer than {needed} a server could ask two halves of them for different shares."
            )
        if self._identities is not None:
            self._identities.check_names(clients)
        self._request, self._round = request, round_digest(request)
        self._words: Words = FixedPoint(len(clients), request.fractional_bits).encode(self._vector)
        if len(self._words) != request.length:
            raise UserError(
                f"The update of {self.name} has {len(self._words):,} numbers, and this round adds vectors of "
                f"{request.length:,}: use the same model as the others."
            )
        keys = PublicKeys(
            name=self.name,
            sealing_key=public_bytes(self._sealing),
            masking_key=public_bytes(self._masking),
            commitment=commitment(self._round, self._own_mask),
        )
        if self._identities is not None:
            signature = self._identities.sign(keys_content(self._round, keys))
            keys = keys.model_copy(update={"signature": signature})
        self._published = keys
        return keys

    def _distribute(self, request: Distribute) -> SealedShares:
        threshold = self._request.threshold
        keys = {one.name: one for one in request.keys}
        public = [key for one in request.keys for key in (one.sealing_key, one.masking_key)]
        if len(keys) < threshold or len(keys) != len(request.keys) or len(set(public)) != len(public):
            raise UnfairRequest(
                f"The list of keys holds fewer than {threshold} participants, or a key or name twice."
            )
        if set(keys) - set(self._request.clients) or keys.get(self.name) != self._published:
            raise UnfairRequest(
                f"The list of keys is not that of this round, or another key of {self.name} stands in it: "
                "somebody on the way has changed it."
            )
        if self._identities is not None:
            for one in request.keys:
                if not self._identities.is_signed(one.name, one.signature, keys_content(self._round, one)):
                    raise UnfairRequest(
                        f"The keys of {one.name} are not signed by it: they may be the server's own. "
                        "Nothing of the update was sent."
                    )
        self._keys = keys
        order = sorted(keys)
        pairs = [split_secret(secret, len(order), threshold, self._entropy) for secret in self._secrets()]
        sealed = {}
        for number, name in enumerate(order, start=1):
            shares = (pairs[0][number], pairs[1][number])
            if name == self.name:
                self._shares[name] = shares
            else:
                key = self._sealing_key(name, self.name, name)
                sealed[name] = seal(key, b"".join(shares), self._round)
        return SealedShares(name=self.name, sealed=sealed)

    def _mask(self, request: Mask) -> MaskedUpdate:
        others = set(request.sealed)
        if others - (set(self._keys) - {self.name}) or len(others) + 1 < self._request.threshold:
            raise UnfairRequest(
                f"Fewer than {self._request.threshold} participants would mask, or one who never sent a key."
            )
        for name, sealed in request.sealed.items():
            key = self._sealing_key(name, name, self.name)
            try:
                both = unseal(key, sealed, self._round)
            except InvalidTag:
                continue  # Its sender made it badly, or it was altered: there is no share of it here.
            self._shares[name] = both[:SHARE_BYTES], both[SHARE_BYTES:]
        masked = self._words + own_mask_words(self._own_mask, self._round, len(self._words))
        for name in others:
            words = mask_words(self._pair_key(name), len(self._words))
            # One of a pair adds what the other subtracts.
            masked = masked + words if self.name < name else masked - words
        self._masked_with = others | {self.name}
        return MaskedUpdate.of(self.name, masked)

    def _confirm(self, request: Confirm) -> Confirmation:
        self._check_survivors(request.survivors)
        self._survivors = request.survivors
        if self._identities is None:
            return Confirmation(name=self.name)
        content = survivors_content(self._round, request.survivors)
        return Confirmation(name=self.name, signature=self._identities.sign(content))

    def _unmask(self, request: Unmask) -> Uncovered:
        survivors, dropped = set(request.survivors), set(request.dropped)
        both = sorted(survivors & dropped)
        if both:
            raise UnfairRequest(
                f"{self.name} was asked for both shares of {both[0]}: with them its update would lie open. "
                "No share was sent."
            )
        if request.survivors != self._survivors or dropped != self._masked_with - survivors:
            raise UnfairRequest(
                f"{self.name} was told of other participants before: the lists of who arrived differ. "
                "No share was sent."
            )
        if self._identities is not None:
            content = survivors_content(self._round, self._survivors)
            signed = [
                name
                for name, signature in request.signatures.items()
                if name in survivors and self._identities.is_signed(name, signature, content)
            ]
            if len(signed) < self._request.threshold:
                raise UnfairRequest(
                    f"Only {len(signed)} participants have signed the list of who arrived, "
                    f"{self._request.threshold} are needed: the server may have told others another list. "
                    "No share was sent."
                )
        return Uncovered(
            name=self.name,
            own_masks=self._shares_of(survivors, 1),
            masking_keys=self._shares_of(dropped, 0),
        )

    def _check_survivors(self, survivors: Iterable[str]) -> None:
        names = tuple(survivors)
        if (
            len(set(names)) != len(names)
            or len(names) < self._request.threshold
            or self.name not in names
            or set(names) - self._masked_with
        ):
            raise UnfairRequest(
                f"The list of who arrived does not fit this round: it needs at least "
                f"{self._request.threshold} of those who masked, {self.name} among them."
            )

    def _shares_of(self, names: Iterable[str], which: int) -> dict[str, bytes]:
        return {name: self._shares[name][which] for name in sorted(names) if name in self._shares}

    def _secrets(self) -> tuple[bytes, bytes]:
        return self._masking, self._own_mask

    def _sealing_key(self, other: str, sender: str, recipient: str) -> bytes:
        direction = (sender.encode(), recipient.encode())
        return agreed_key(self._sealing, self._keys[other].sealing_key, b"shares", self._round, *direction)

    def _pair_key(self, other: str) -> bytes:
        return pair_key(self._masking, self.name, self._keys[other].masking_key, other, self._round)


def round_digest(request: Advertise) -> bytes:
    """Return what stands for a round and its rules: two who were told different ones share no key."""
    return hashlib.sha256(request.to_bytes()).digest()


def own_mask_words(own_mask: bytes, this_round: bytes, length: int) -> Words:
    """Return the mask of a participant that no other shares."""
    return mask_words(derived(own_mask, b"own mask", this_round), length)


def pair_key(private: bytes, name: str, public: bytes, other: str, this_round: bytes) -> bytes:
    """Return the key of the mask that two participants share in this round."""
    pair = sorted((name.encode(), other.encode()))
    return agreed_key(private, public, b"pair mask", this_round, *pair)
