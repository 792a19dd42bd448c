"""Put a known drift into a table, for lessons and for measuring alarms: a simulation, and it says so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from secure_ai.core import UserError
from secure_ai.core.sources import shown

Kind = Literal["covariate_shift", "unit_change", "missing_feed", "new_category", "concept_drift"]
KINDS: dict[Kind, str] = {
    "covariate_shift": "other people come: rows with high values are drawn more often",
    "unit_change": "the same measurements arrive in another unit",
    "missing_feed": "values no longer arrive",
    "new_category": "a code that was never seen appears",
    "concept_drift": "the same people, the same share of outcomes, and another relation between the two",
}
# From conventional to SI units; molar masses 180.16 (glucose), 113.12 (creatinine), 386.65 (cholesterol).
UNIT_FACTORS = {
    "glucose": (1 / 18.016, "mg/dL to mmol/L"),
    "creatinine": (88.40, "mg/dL to µmol/L"),
    "chol": (1 / 38.665, "mg/dL to mmol/L"),
    "hemoglobin": (10.0, "g/dL to g/L"),
    "weight": (1 / 0.45359237, "kg to lb"),
    "amount": (100.0, "dollars to cents"),
    "income": (1 / 12, "a year to a month"),
}
NEW_CODE = "code of the simulation"


@dataclass(frozen=True, slots=True)
class SimulatedDrift:
    """A table with a drift that somebody put in.

    Attributes:
        frame: the table; the one that was given is unchanged.
        kind: which drift.
        column: where.
        strength: how much, 0 to 1.
        what: what was done, one phrase.
    """

    frame: pd.DataFrame
    kind: Kind
    column: str
    strength: float
    what: str

    def sentence(self) -> str:
        """Say first that this is a simulation, then what was done."""
        return f"Simulation, not real drift: {self.what} (kind {self.kind}, strength {self.strength:g})."


def simulate_drift(
    frame: pd.DataFrame, *, kind: Kind, column: str, strength: float = 1.0, seed: int = 0
) -> SimulatedDrift:
    """Return a copy of a table with one known drift in one column.

    Args:
        frame: rows to change.
        kind: ``covariate_shift`` (rows drawn again, weighted by exp(2 · strength · z) of the column),
            ``unit_change`` (times the factor of ``UNIT_FACTORS`` that the name calls for, 100 otherwise),
            ``missing_feed``, ``new_category``, or ``concept_drift`` (``column`` is the label: outcomes
            are exchanged among rows, so that their share stays and their relation to the inputs goes).
        column: where; a number for the first two, a label for the last.
        strength: share of rows that change, 0 to 1; for ``covariate_shift`` how strongly.
        seed: which rows.

    Raises:
        UserError: if the kind or column is unknown, the strength is outside 0 to 1, or the column is of
            the wrong type.
    """
    if kind not in KINDS:
        raise UserError(f"There is no such kind of drift: choose from {', '.join(KINDS)}.")
    if column not in frame.columns:
        raise UserError(f"The table has no column '{shown(str(column))}' to put a drift into.")
    if not 0 <= strength <= 1:
        raise UserError("The strength of a simulated drift is a number from 0 to 1.")
    numeric = pd.api.types.is_numeric_dtype(frame[column])
    if kind in ("covariate_shift", "unit_change") and not numeric:
        raise UserError(f"A {kind} needs a column of numbers, and '{shown(column)}' holds none.")
    rng = np.random.default_rng(seed)
    drifted, values = frame.copy(), frame[column]
    chosen = rng.random(len(frame)) < strength
    if kind == "covariate_shift":
        drifted, what = _shift(frame, column, strength, rng)
    elif kind == "unit_change":
        factor, name = next(
            (found for word, found in UNIT_FACTORS.items() if word in column.lower()), (100.0, "times 100")
        )
        drifted[column] = values.astype(float).where(~chosen, values.astype(float) * factor)
        what = f"{chosen.mean():.0%} of the values of {column} go from {name}"
    elif kind == "missing_feed":
        drifted[column] = values.mask(chosen)
        what = f"{chosen.mean():.0%} of the values of {column} no longer arrive"
    elif kind == "new_category":
        drifted[column] = values.astype(object).mask(chosen, NEW_CODE)
        what = f"{chosen.mean():.0%} of the values of {column} carry a new code"
    else:
        places = np.flatnonzero(chosen)
        changed = values.to_numpy(copy=True)
        changed[places] = changed[rng.permutation(places)]
        drifted[column] = changed
        what = f"the outcomes {column} of {chosen.mean():.0%} of the rows are exchanged among each other"
    return SimulatedDrift(drifted, kind, column, strength, what)


def _shift(
    frame: pd.DataFrame, column: str, strength: float, rng: np.random.Generator
) -> tuple[pd.DataFrame, str]:
    values = frame[column].to_numpy(dtype=float, na_value=np.nan)
    spread = np.nanstd(values) if np.isfinite(values).any() else 0.0
    if not spread > 0:
        raise UserError(f"The column '{shown(column)}' does not vary: choose another for a covariate_shift.")
    z = np.nan_to_num((values - np.nanmean(values)) / spread)
    # Values far out would otherwise be drawn over and over.
    weights = np.exp(2 * strength * np.clip(z, -2.5, 2.5))
    rows = rng.choice(len(frame), size=len(frame), p=weights / weights.sum())
    moved = float(np.nanmean(values[rows]) - np.nanmean(values)) / spread
    return frame.iloc[rows], f"{column} is {moved:.1f} standard deviations higher on average"
