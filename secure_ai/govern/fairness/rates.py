"""Rates and errors of decisions for each group, each with its interval and its number of cases."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from secure_ai.core import Unassessed, UserError
from secure_ai.core.intervals import wilson
from secure_ai.govern.fairness.cases import FEWEST, SMALL, GroupedCases, whole_number

Mask = Callable[[GroupedCases], np.ndarray]


@dataclass(frozen=True)
class Rate:
    """A share: of the cases in ``among``, those in ``hits``. ``needs_outcome`` where truth must be known."""

    among: Mask
    hits: Mask
    words: str
    needs_outcome: bool = True


def _everybody(cases: GroupedCases) -> np.ndarray:
    return np.ones(len(cases), dtype=bool)


RATES = {
    "selection_rate": Rate(_everybody, lambda c: c.decision, "get the decision", needs_outcome=False),
    "base_rate": Rate(_everybody, lambda c: c.outcome, "turned out to be cases"),
    "true_positive_rate": Rate(lambda c: c.outcome, lambda c: c.decision, "of the cases, found"),
    "false_positive_rate": Rate(lambda c: ~c.outcome, lambda c: c.decision, "of the others, wrongly decided"),
    "false_negative_rate": Rate(lambda c: c.outcome, lambda c: ~c.decision, "of the cases, missed"),
    "precision": Rate(lambda c: c.decision, lambda c: c.outcome, "of the decisions, right"),
    "accuracy": Rate(_everybody, lambda c: c.decision == c.outcome, "decided rightly"),
}
"""Name → share; ``precision`` is the positive predictive value."""


@dataclass(frozen=True)
class GroupRates:
    """All rates of all groups.

    Attributes:
        cases: what they were counted on.
        table: one row for each rate and group: ``rate``, ``group``, ``hits``, ``n``, ``value``, ``low``,
            ``high`` (95 %, Wilson). Where there are fewer cases than allowed, all but the names are missing.
        fewest: cases that a rate needs.
    """

    cases: GroupedCases
    table: pd.DataFrame
    fewest: int

    def of(self, rate: str) -> pd.DataFrame:
        """Return the rows of one rate, in the order of the groups.

        Raises:
            UserError: if there is no such rate, or outcomes are not known.
        """
        rows = self.table[self.table["rate"] == rate]
        if rows.empty:
            known = ", ".join(dict.fromkeys(self.table["rate"]))
            raise UserError(f"There is no rate '{rate}' here: choose from {known}.")
        return rows.reset_index(drop=True)

    def unassessed(self) -> dict[tuple[str, str], Unassessed]:
        """Return what could not be assessed: (rate, group) → the reason."""
        few = self.table[self.table["value"].isna()]
        return {(row.rate, row.group): Unassessed(self.why_not(row.group)) for row in few.itertuples()}

    def why_not(self, group: str) -> str:
        """Say why a rate of this group is not assessed."""
        if group == SMALL:
            return f"several groups of fewer than {self.fewest} people are not one group"
        return f"fewer than {self.fewest} cases"

    @property
    def largest(self) -> str:
        """The group with the most people: with whom the others are compared, in every rate."""
        names = [name for name in self.cases.names if name != SMALL] or list(self.cases.names)
        return max(names, key=lambda name: int((self.cases.group == name).sum()))

    def to_frame(self) -> pd.DataFrame:
        """Return one row a group and one column a rate, as text a person reads: ``62% (55% to 68%)``."""
        shown = self.table.assign(text=[_text(row, self.fewest) for row in self.table.itertuples()])
        wide = shown.pivot(index="group", columns="rate", values="text")
        sizes = {name: int((self.cases.group == name).sum()) for name in self.cases.names}
        people = {name: f"{n:,}" if n >= self.fewest else f"under {self.fewest}" for name, n in sizes.items()}
        wide.insert(0, "people", pd.Series(people))
        order = ["people", *(name for name in RATES if name in wide)]
        return wide.loc[list(self.cases.names), order].rename_axis(index="group", columns=None)


def group_rates(cases: GroupedCases, *, fewest: int = FEWEST) -> GroupRates:
    """Count every rate for every group.

    Args:
        cases: see :func:`~secure_ai.govern.fairness.group_cases`; without outcomes only the selection rate.
        fewest: a rate on fewer cases is not assessed.

    Raises:
        UserError: if ``fewest`` is below 1.
    """
    fewest = whole_number(fewest, "fewest", 1)
    rows = []
    for name, rate in RATES.items():
        if rate.needs_outcome and cases.outcome is None:
            continue
        among, hits = rate.among(cases), rate.hits(cases)
        for group in cases.names:
            inside = among & (cases.group == group)
            found, n = int((hits & inside).sum()), int(inside.sum())
            if n < fewest or group == SMALL:
                rows.append((name, group, pd.NA, pd.NA, np.nan, np.nan, np.nan))
            else:
                rows.append((name, group, found, n, found / n, *wilson(found, n)))
    table = pd.DataFrame(rows, columns=["rate", "group", "hits", "n", "value", "low", "high"])
    table = table.astype({"hits": "Int64", "n": "Int64"})
    return GroupRates(cases, table, fewest)


def implied_false_positive_rate(base_rate: float, precision: float, true_positive_rate: float) -> float:
    """Return the false positive rate that follows from the three others.

    Where groups differ in their base rate, no model can give them the same precision, the same true positive
    rate and the same false positive rate, except one that never errs.

    Raises:
        UserError: if a share is not between 0 and 1, or a base rate or precision is 0 or 1.

    Source: Chouldechova, Fair prediction with disparate impact (2017), equation 2.6.
    """
    if not (0 < base_rate < 1 and 0 < precision <= 1 and 0 <= true_positive_rate <= 1):
        raise UserError("Give a base rate between 0 and 1, a precision above 0 and a true positive rate.")
    return base_rate / (1 - base_rate) * (1 - precision) / precision * true_positive_rate


def _text(row: object, fewest: int) -> str:
    if np.isnan(row.value):
        return f"unassessed (under {fewest})"
    return f"{row.value:.0%} ({row.low:.0%} to {row.high:.0%})"
