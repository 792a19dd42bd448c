"""The error of a hand-over that is refused."""

from __future__ import annotations

from secure_ai.core.errors import UserError


class HandoverRefused(UserError):
    """A hand-over, receipt or destruction that is not accepted; the sentence says why."""
