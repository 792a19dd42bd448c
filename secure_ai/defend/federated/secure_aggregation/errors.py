"""What can go wrong in a masked round: a server refused, a round given up."""

from __future__ import annotations

from secure_ai.core.errors import UserError


class UnfairRequest(UserError):
    """A server asks a participant for what would uncover somebody's update: the participant refuses."""


class RoundFailed(UserError):
    """Too few participants are left to uncover the sum; nobody's update was uncovered either."""
