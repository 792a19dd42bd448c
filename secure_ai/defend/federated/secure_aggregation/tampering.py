"""What a server in the middle can do to a masked round whose participants sign nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from secure_ai.defend.federated.secure_aggregation.errors import RoundFailed
from secure_ai.defend.federated.secure_aggregation.participant import MaskingParticipant
from secure_ai.defend.federated.secure_aggregation.rounds import InProcess
from secure_ai.defend.federated.secure_aggregation.server import AggregationServer


@dataclass(frozen=True)
class TamperedRound:
    """What a dishonest server got.

    Attributes:
        victim: the only real participant.
        read: its whole update, or None where it refused; not shown by ``repr``.
        refusal: the sentence with which it refused.
    """

    victim: str
    read: NDArray[np.float64] | None = field(repr=False)
    refusal: str = ""

    def sentence(self) -> str:
        """Say what came of it."""
        if self.read is None:
            return f"The server in the middle read nothing of {self.victim}: {self.refusal}"
        return f"The server in the middle read all {len(self.read):,} numbers of the update of {self.victim}."


def server_in_the_middle(victim: MaskingParticipant, others: Sequence[str], length: int) -> TamperedRound:
    """Let a server play all the others towards one participant: their updates are zero, the sum is its own.

    Every check of the protocol but signatures passes: the masks are right, only their other ends are all the
    server's. Participants with :class:`~...identities.Identities` refuse before they have sent anything.

    Args:
        victim: a participant who has not answered anything yet.
        others: the names of the participants it believes to be there, two or more.
        length: of its update.
    """
    zeros = np.zeros(length)
    members = {name: MaskingParticipant(name, zeros) for name in others} | {victim.name: victim}
    server = AggregationServer(list(members), length, InProcess(members))
    try:
        total = server.run()
    except RoundFailed as error:
        return TamperedRound(victim.name, None, server.dropped.get(victim.name, ("", str(error)))[1])
    if victim.name in server.survivors:
        return TamperedRound(victim.name, total)
    return TamperedRound(victim.name, None, server.dropped[victim.name][1])
