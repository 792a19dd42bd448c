"""How messages reach participants and answers come back: in this process, or over sockets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from secure_ai.core.errors import UserError
from secure_ai.defend.federated.transport.errors import ParticipantGone
from secure_ai.defend.federated.transport.peer import Peer


class Exchange(Protocol):
    """Carries bytes to participants and their answers back.

    Attributes:
        records: rows of each participant by name, in the order in which they joined.
        sent, received: bytes that each participant has sent and received so far.
        last_round: number of the last round asked for; participants train each number once.
    """

    last_round: int

    @property
    def records(self) -> Mapping[str, int]: ...

    @property
    def sent(self) -> Mapping[str, int]: ...

    @property
    def received(self) -> Mapping[str, int]: ...

    def ask(self, requests: Mapping[str, bytes]) -> dict[str, bytes | UserError]:
        """Ask several participants at the same time; a failure stands in place of an answer."""
        ...


class InProcessExchange:
    """Participants in this process, asked one after the other; for lessons, and to compare with sockets.

    Args:
        peers: the participants.

    Raises:
        UserError: if two have the same name.
    """

    def __init__(self, peers: Sequence[Peer]) -> None:
        self._peers = {peer.name: peer for peer in peers}
        if len(self._peers) < len(peers):
            raise UserError("Two participants have the same name: give each its own.")
        self.last_round = 0
        self.records = {name: peer.client.records for name, peer in self._peers.items()}
        self.sent, self.received = dict.fromkeys(self._peers, 0), dict.fromkeys(self._peers, 0)

    def ask(self, requests: Mapping[str, bytes]) -> dict[str, bytes | UserError]:
        """Ask each in turn."""
        answers: dict[str, bytes | UserError] = {}
        for name, content in requests.items():
            if name not in self._peers:
                answers[name] = ParticipantGone(name, "it is not here")
                continue
            self.received[name] += len(content)
            answer = self._peers[name].answer(content)
            self.sent[name] += len(answer)
            answers[name] = answer
        return answers
