"""With whom a customer is compared: everyone who applied, or those who were just approved."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pandas as pd

from secure_ai.attack.targets import TargetError, check_rows, open_target
from secure_ai.core import UserError
from secure_ai.defend.explanations.players import as_frame

Compared = Literal["just approved", "all approved", "all"]


def reference_applicants(
    model: Any, rows: Any, *, approved: Any, compared: Compared = "just approved", share: float = 0.25
) -> pd.DataFrame:
    """Return the applicants that a refused one is compared with.

    The official interpretation of Regulation B (12 CFR 1002.9, paragraph (b)(2)) names both as ways to select
    reasons: distance from the average of applicants at or slightly above the passing score, and distance from
    the average of all applicants. A lender chooses one and keeps to it.

    Args:
        model: the model that decides, with probabilities for ``"just approved"``.
        rows: applicants.
        approved: the class that means approval.
        compared: ``"just approved"``, ``"all approved"`` or ``"all"``.
        share: of the approved, how many are *just* approved.

    Raises:
        TargetError: if the model does not answer, or approves fewer than 10 of the rows.
        UserError: if an argument is wrong.
    """
    if compared not in ("just approved", "all approved", "all"):
        raise UserError(f"compared='{compared}': choose from just approved, all approved, all.")
    if not 0 < share <= 1:
        raise UserError(f"share={share!r}: give a share above 0 and up to 1.")
    frame, as_array = as_frame(rows)
    check_rows(frame, what="applicants")
    if compared == "all":
        return frame
    target = open_target(model)
    target.index_of(approved)
    asked = frame.to_numpy() if as_array else frame
    passed = np.flatnonzero(target.labels(asked) == approved)
    if compared == "just approved" and len(passed):
        chance = target.probabilities(asked[passed] if as_array else frame.iloc[passed])
        order = np.argsort(chance[:, target.index_of(approved)], kind="stable")
        passed = np.sort(passed[order[: max(1, int(np.ceil(share * len(passed))))]])
    if len(passed) < 10:
        raise TargetError(
            f"Only {len(passed)} of {len(frame):,} applicants are {compared}: give more applicants, "
            "or compare with all."
        )
    return frame.iloc[passed].reset_index(drop=True)
