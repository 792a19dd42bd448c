"""A participant's own side: it trains when asked, and lets its update go masked or not, as it decided."""

from __future__ import annotations

import math
import os

from secure_ai.core.errors import UserError
from secure_ai.defend.federated.client import Client, RoundRequest, TrainingSettings, Update
from secure_ai.defend.federated.model import FederatedModel
from secure_ai.defend.federated.secure_aggregation.errors import UnfairRequest
from secure_ai.defend.federated.secure_aggregation.identities import Identities
from secure_ai.defend.federated.secure_aggregation.messages import Advertise, Message, Refusal, read_message
from secure_ai.defend.federated.secure_aggregation.participant import MaskingParticipant
from secure_ai.defend.federated.secure_aggregation.rounds import weighted_vector
from secure_ai.defend.federated.secure_aggregation.secret_sharing import Entropy
from secure_ai.defend.federated.transport.messages import (
    TO_PARTICIPANT,
    Goodbye,
    Train,
    Trained,
    Welcome,
    bytes_of,
)


class Peer:
    """Answers the messages of a federation's server for one client, wherever they come from.

    Args:
        client: trains; its rows stay in it.
        model: the shape that was agreed on.
        masked: whether updates leave only under masks. It is the participant that decides: a server that asks
            for a plain one is refused.
        identities: signing keys for masked rounds; without them a server can pass for the others.
        entropy: gives random bytes for masks; the operating system's, except for lessons.
    """

    def __init__(
        self,
        client: Client,
        model: FederatedModel,
        *,
        masked: bool,
        identities: Identities | None = None,
        entropy: Entropy = os.urandom,
    ) -> None:
        self.client, self.model, self.masked = client, model, masked
        self._identities, self._entropy = identities, entropy
        self._last_round = 0
        self._update: Update | None = None
        self._masking: MaskingParticipant | None = None

    @property
    def name(self) -> str:
        """Name of the client."""
        return self.client.name

    def answer(self, content: bytes) -> bytes:
        """Answer one message; what cannot be done is answered with a refusal in words."""
        try:
            return self._reply(read_message(content, TO_PARTICIPANT)).to_bytes()
        except UserError as error:
            reason = str(error).removeprefix(f"Participant '{self.name}': ")
            return Refusal(name=self.name, reason=reason[:500]).to_bytes()

    def _reply(self, request: Message) -> Message:
        if isinstance(request, Train):
            return self._train(request)
        if isinstance(request, (Welcome, Goodbye)):
            raise UnfairRequest("This message belongs to the beginning or the end of the training.")
        if isinstance(request, Advertise):
            self._masking = self._new_masking()
        if self._masking is None:
            raise UnfairRequest("A masked round begins with an invitation: this stage is out of turn.")
        return self._masking.answer(request)

    def _train(self, request: Train) -> Trained:
        # Two rounds from the same weights with different members differ by one participant's update.
        if request.number <= self._last_round:
            raise UnfairRequest(
                f"Round {request.number} was trained before, and a round is trained once: the difference of "
                "two sums would show a single update."
            )
        self._last_round, self._update, self._masking = request.number, None, None
        settings = TrainingSettings.from_dict(request.settings)
        weights = self.model.unflatten(request.weights())
        update = self.client.train(RoundRequest(request.number, weights, settings))
        loss = float(update.loss) if math.isfinite(update.loss) else None
        told = Trained(name=self.name, records=update.records, loss=loss)
        if self.masked:
            self._update = update
            return told
        return told.model_copy(update={"words": bytes_of(update.delta)})

    def _new_masking(self) -> MaskingParticipant:
        if self._update is None:
            raise UnfairRequest(
                "There is no update to mask: each is masked once, in the round that it was trained in."
            )
        vector = weighted_vector(self._update.delta, self._update.records)
        self._update = None
        return MaskingParticipant(self.name, vector, identities=self._identities, entropy=self._entropy)
