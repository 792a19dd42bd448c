"""What fairness is measured on: decisions, outcomes, scores and groups, checked once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from secure_ai.core import UserError

NOT_STATED, SMALL = "not stated", "small groups"
MOST_GROUPS = 40
FEWEST = 20
"""Below so many cases a rate is not assessed, and a count is not shown: it would be about single people."""


@dataclass(frozen=True)
class GroupedCases:
    """Decisions about people of several groups.

    Attributes:
        decision: (cases,) bool: what the model or the house decided; True is the decision under review
            ("refused", "called in for care").
        outcome: (cases,) bool: what turned out to be true, or None where nobody knows.
        group: (cases,) group of each person; who did not state one is in ``"not stated"``.
        names: groups in a fixed order.
    """

    decision: np.ndarray
    outcome: np.ndarray | None
    group: np.ndarray
    names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.decision)


def group_cases(decision: Any, outcome: Any, group: Any, *, fewest: int = FEWEST) -> GroupedCases:
    """Check decisions, outcomes and groups, and put them side by side.

    Args:
        decision, outcome: (cases,) bool, or 0 and 1; outcome may be None.
        group: (cases,) labels; missing ones become a group of their own. Intervals of numbers
            (``pandas.cut``) keep their order, other labels are sorted.
        fewest: groups of fewer people become ``"small groups"``, which are counted and not compared: neither
            their names nor their counts should point at single people.

    Raises:
        UserError: if lengths differ, a value is missing or neither 0 nor 1, or there is one group only.
    """
    fewest = whole_number(fewest, "fewest", 1)
    decided = as_yes_no(decision, "decision")
    known = None if outcome is None else as_yes_no(outcome, "outcome")
    labels, names = as_labels(group)
    lengths = {len(decided), len(labels), *([] if known is None else [len(known)])}
    if len(lengths) > 1:
        raise UserError(
            f"Decisions, outcomes and groups differ in length ({', '.join(map(str, sorted(lengths)))}): "
            "give one of each for every case."
        )
    if len(names) < 2:
        raise UserError("All cases are of one group: a comparison needs at least two.")
    if len(names) > MOST_GROUPS:
        raise UserError(
            f"There are {len(names):,} groups, which looks like a number or an identifier: "
            f"put people into at most {MOST_GROUPS} groups first."
        )
    small = [name for name in names if (labels == name).sum() < fewest]
    if small:
        labels = np.where(np.isin(labels, small), SMALL, labels).astype(object)
        names = (*(name for name in names if name not in small), SMALL)
    return GroupedCases(decided, known, labels, names)


def as_yes_no(values: Any, what: str) -> np.ndarray:
    """Return 0/1 or bool values as bool.

    Raises:
        UserError: if a value is missing or something else.
    """
    try:
        array = np.asarray(values)
    except (TypeError, ValueError):
        array = np.zeros((0, 0))
    if array.ndim != 1 or not len(array):
        raise UserError(f"The {what} must be one value for each case, and there must be cases.")
    if pd.isna(array).any():
        raise UserError(
            f"{int(pd.isna(array).sum()):,} values of the {what} are missing: leave those cases out."
        )
    try:
        numbers = array.astype(float)
    except (TypeError, ValueError):
        numbers = np.full(len(array), np.nan)
    if not np.isin(numbers, (0.0, 1.0)).all():
        raise UserError(f"The {what} must be yes or no for each case: use True and False, or 1 and 0.")
    return numbers.astype(bool)


def as_labels(group: Any) -> tuple[np.ndarray, tuple[str, ...]]:
    """Return the labels of a grouping as text, and the groups in a fixed order; missing ones are a group.

    Raises:
        UserError: if there is not one plain label for each case.
    """
    try:
        series = pd.Series(group).reset_index(drop=True)
        plain = (
            isinstance(series.dtype, pd.CategoricalDtype)
            or not series.map(lambda label: isinstance(label, list | tuple | set | dict | np.ndarray)).any()
        )
    except (TypeError, ValueError):
        plain = False
    if not plain:
        raise UserError("The group must be one label for each case.")
    if isinstance(series.dtype, pd.CategoricalDtype):
        ordered = [str(name) for name in series.cat.categories]
    else:
        ordered = sorted(str(name) for name in series.dropna().unique())
    labels = series.astype(object).where(series.notna(), NOT_STATED).astype(str).to_numpy(dtype=object)
    present = set(labels)
    return labels, tuple(name for name in dict.fromkeys([*ordered, NOT_STATED]) if name in present)


def whole_number(value: Any, name: str, least: int) -> int:
    """Return a setting that must be a whole number.

    Raises:
        UserError: if it is none, or too small.
    """
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
        raise UserError(f"{name}={value!r}: give a whole number of {least} or more.")
    return int(value)


def real_number(value: Any, name: str, *, least: float, most: float, open_ends: bool = False) -> float:
    """Return a setting that must be a finite number within bounds.

    Raises:
        UserError: if it is none, or out of bounds.
    """
    number = isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)
    fits = number and np.isfinite(value) and least <= value <= most
    if not fits or (open_ends and value in (least, most)):
        bounds = f"between {least:g} and {most:g}" if np.isfinite(most) else f"of {least:g} or more"
        raise UserError(f"{name}={value!r}: give a number {bounds}.")
    return float(value)
