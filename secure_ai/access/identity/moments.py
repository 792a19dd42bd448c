"""Moments in time, checked: a time without its zone is refused."""

from __future__ import annotations

from datetime import UTC, datetime

from secure_ai.core.errors import UserError


def seconds(moment: datetime) -> float:
    """Return ``moment`` as seconds since 1970 (UTC).

    Raises:
        UserError: if it has no time zone.
    """
    if not isinstance(moment, datetime) or moment.tzinfo is None:
        raise UserError("A moment needs its time zone, as in datetime.now(UTC).")
    return moment.timestamp()


def utc_now() -> datetime:
    """Return the time of the machine, in UTC."""
    return datetime.now(UTC)
