"""A participant that cannot be reached, or is no longer there."""

from __future__ import annotations

from secure_ai.core.errors import UserError
from secure_ai.core.sources import shown


class ParticipantGone(UserError):
    """A participant closed its connection, did not answer in time, or sent what is no message.

    Args:
        name: of the participant.
        reason: a phrase.
    """

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"Participant '{shown(name)}': {reason}.")
        self.name, self.reason = name, reason
