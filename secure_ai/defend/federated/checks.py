"""Whether what a participant sent can be used at all: numbers, of the right shape, from whom it should be."""

from __future__ import annotations

from typing import Any

import numpy as np

from secure_ai.core.errors import UserError
from secure_ai.core.sources import shown
from secure_ai.defend.federated.client import Update

# No training comes near it, and sums of such numbers still do not run over.
MOST_CHANGE = 1e9


class UpdateError(UserError):
    """A participant sent something that cannot enter the mean; ``participant`` is its name."""

    def __init__(self, participant: str, reason: str) -> None:
        super().__init__(f"Participant '{shown(participant)}' {reason}")
        self.participant = participant
        self.reason = reason


def check_update(update: Any, *, name: str, size: int, most_records: int | None = None) -> Update:
    """Return the update with its delta as flat float64, or say what is wrong with it.

    Args:
        update: what came back from the participant.
        name: of the participant who was asked.
        size: number of weights of the model.
        most_records: more rows than that are a lie (its weight in the mean); None believes the number.

    Raises:
        UpdateError: if it is no :class:`Update`, comes under another name, has another length, holds NaN or
            infinity or absurdly large numbers, or states an impossible number of records. Its numbers are
            not repeated.
    """
    if not isinstance(update, Update):
        raise UpdateError(name, "sent no update: it was left out of this round.")
    if update.name != name:
        raise UpdateError(name, "answered under another name: it was left out of this round.")
    try:
        delta = np.asarray(update.delta, dtype=np.float64)
    except (TypeError, ValueError):
        raise UpdateError(name, "sent something that is no numbers: it was left out of this round.") from None
    if delta.shape != (size,):
        raise UpdateError(
            name, f"sent an update of shape {delta.shape} in place of ({size},): it was left out."
        )
    bad = int((~np.isfinite(delta)).sum())
    if bad:
        raise UpdateError(
            name, f"sent {bad:,} of {size:,} numbers that are NaN or infinite: it was left out of this round."
        )
    if np.abs(delta).max() > MOST_CHANGE:
        raise UpdateError(
            name, f"sent a change of a weight by more than {MOST_CHANGE:,.0f}: it was left out of this round."
        )
    records = update.records
    if isinstance(records, bool) or not isinstance(records, (int, np.integer)) or records < 1:
        raise UpdateError(name, "states no usable number of records: it was left out of this round.")
    if most_records is not None and records > most_records:
        raise UpdateError(
            name, f"states {int(records):,} records, more than the {most_records:,} agreed: it was left out."
        )
    loss = float(update.loss) if isinstance(update.loss, (int, float, np.floating)) else float("nan")
    return Update(name, delta, int(records), loss)
