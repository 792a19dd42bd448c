"""From a leaked file back to who leaked it: how much of each recipient's mark is in its weights.

The signs of a recipient who had no part in the leak are independent of the leaked weights, whatever was done
to them. So the chance that such a recipient is accused is at most exp(-t^2 / 2) for a threshold t
(Hoeffding's inequality for signs), whoever colludes and however the file was changed.

Source: Hoeffding, Probability inequalities for sums of bounded random variables (1963); Tardos, Optimal
    probabilistic fingerprint codes (2003): what an accusation must bound.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from secure_ai.core import UserError
from secure_ai.defend.ownership.keyed import check_key
from secure_ai.defend.ownership.marks import signs_of
from secure_ai.defend.ownership.weights import read_weights

FALSE_ACCUSATION = 1e-6
LOUDEST = 2.0


@dataclass(frozen=True)
class Trace:
    """What a leaked file says about its recipients.

    Attributes:
        scores: one row for each recipient, the highest first: ``recipient``, ``score`` (in standard
            deviations of an innocent one), ``bound`` (on the probability of such a score for an innocent
            one), ``accused``.
        threshold: score from which a recipient is accused.
        false_accusation: bound on the probability that anybody innocent is accused.
        weights: how many weights were looked at.
        changed: share of them that differ from the original by more than a mark does.
    """

    scores: pd.DataFrame = field(repr=False)
    threshold: float
    false_accusation: float
    weights: int
    changed: float

    @property
    def accused(self) -> tuple[str, ...]:
        """Whose mark is in the file, the clearest first."""
        return tuple(self.scores.loc[self.scores["accused"], "recipient"])

    def to_frame(self) -> pd.DataFrame:
        """Return the scores."""
        return self.scores

    def sentence(self) -> str:
        """Say whose copy it was, and how sure that is."""
        sure = f"anybody innocent would be accused with a probability of at most {self.false_accusation:g}"
        if not self.accused:
            return (
                f"No recipient's mark is clear enough to accuse anybody (highest score "
                f"{self.scores['score'].iloc[0]:.1f}, needed {self.threshold:.1f}; {sure})."
            )
        who = " and ".join(self.accused)
        copies = "the copy" if len(self.accused) == 1 else "a mixture of the copies"
        return f"The leaked file is {copies} given to {who} ({sure})."


def trace_leak(
    leaked: Any,
    original: Any,
    key: bytes,
    recipients: Sequence[str],
    strength: float,
    *,
    false_accusation: float = FALSE_ACCUSATION,
) -> Trace:
    """Look for the marks of all recipients in a leaked model.

    Args:
        leaked: the model that turned up, or its arrays.
        original: the model without a mark.
        key: the owner's.
        recipients: everybody who was given a copy.
        strength: that of the marks; the strongest where they differ.
        false_accusation: bound on the probability that anybody innocent is accused.

    Raises:
        UserError: if the leaked model has other weights than the original by number, or nobody is named.
    """
    check_key(key)
    if not recipients or isinstance(recipients, str) or len(set(recipients)) < len(recipients):
        raise UserError("Name everybody who was given a copy, each once.")
    if not 0 < false_accusation < 1:
        raise UserError(f"false_accusation={false_accusation!r}: choose a probability above 0 and below 1.")
    if not 0 < strength <= 1:
        raise UserError(f"strength={strength!r}: give that of the marks, such as 0.001.")
    found, first = read_weights(leaked), read_weights(original)
    if len(found) != len(first):
        raise UserError(
            f"The leaked model has {len(found):,} weights and the original {len(first):,}: it is no copy "
            "of this model. Test it with the watermark or the fingerprint."
        )
    moved = (found.values - first.values) / (first.scales * strength) - first.offset
    # A weight that was changed on purpose says no more than one that carries a mark.
    heard = np.clip(moved, -LOUDEST, LOUDEST)
    loudness = float(np.sqrt(np.sum(heard**2)))
    threshold = float(np.sqrt(2 * np.log(len(recipients) / false_accusation)))
    rows = []
    for recipient in recipients:
        score = float(signs_of(key, recipient, len(heard)) @ heard) / loudness if loudness > 0 else 0.0
        bound = float(np.exp(-(max(score, 0.0) ** 2) / 2))
        rows.append((recipient, score, bound, score >= threshold))
    scores = pd.DataFrame(rows, columns=["recipient", "score", "bound", "accused"])
    return Trace(
        scores=scores.sort_values("score", ascending=False, kind="stable").reset_index(drop=True),
        threshold=threshold,
        false_accusation=false_accusation,
        weights=len(heard),
        changed=float(np.mean(np.abs(moved) > LOUDEST)),
    )
