"""An explanation for the clinician: the risk, what moved it, and what it does not say."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from secure_ai.core import UserError
from secure_ai.defend.explanations.explanation import Explanation, show_value


def clinician_sentence(
    explanation: Explanation,
    *,
    outcome: str,
    names: Mapping[str, str] | None = None,
    most: int = 3,
    values: bool = False,
) -> str:
    """Say in plain words what risk the model sees and which findings moved it.

    Args:
        explanation: of the answer about the class that means the outcome, as a probability.
        outcome: what the class means, such as "readmission within 30 days".
        names: feature → what a clinician calls it; the feature's own name where it is missing.
        most: findings at most in either direction.
        values: whether to show the patient's own values; only where the reader may see them.

    Raises:
        UserError: if the explanation is not one of a probability.
    """
    if explanation.scale != "probability":
        raise UserError("A clinician reads probabilities: explain with scale='probability'.")
    words, beyond = names or {}, explanation.beyond_chance()

    def listed(sign: int) -> str:
        order = np.argsort(-sign * explanation.contributions, kind="stable")
        strong = [at for at in order if sign * explanation.contributions[at] > 0 and beyond[at]]
        parts = []
        for at in strong[:most]:
            feature = explanation.features[at]
            own = f" = {show_value(explanation.values[at])}" if values else ""
            step = 100 * abs(explanation.contributions[at])
            parts.append(f"{words.get(feature, feature)}{own} ({step:.1f} points)")
        return ", ".join(parts)

    text = (
        f"The model puts the risk of {outcome} at {explanation.score:.0%}; it gives the "
        f"{explanation.background:,} patients compared with {explanation.base:.0%} on average."
    )
    raised, lowered = listed(1), listed(-1)
    if raised:
        text += f" Raised by {raised}."
    if lowered:
        text += f" Lowered by {lowered}."
    if not raised and not lowered:
        text += " No single finding moved it beyond chance."
    unsure = int((~beyond).sum())
    if unsure:
        text += f" {unsure} of {len(beyond)} findings moved it by no more than chance could."
    return (
        text + " This says what moved the model, not what causes the outcome or what treatment would change."
    )
