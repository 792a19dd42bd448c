"""Differencing of counts: two tables of counts, each harmless, whose difference is about one person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from secure_ai.attack.reidentification.values import measured_frame, opened, share_measured, texts_of
from secure_ai.core import Measurement, Unassessed, UserError
from secure_ai.core.figures import percent
from secure_ai.core.sources import column_list, shown

if TYPE_CHECKING:
    import pandas as pd

ADAM = "Adam & Wortmann, Security-control methods for statistical databases (1989), on trackers"
COUNT = "count"


@dataclass(frozen=True)
class CountDifference:
    """What the difference of two tables of counts gives away.

    Attributes:
        groups: the columns that define the groups.
        sensitive: the column of the secret.
        smallest_count: least count above 0 in either table.
        changes: one row per group in which counts differ: the group's columns, ``came`` and ``left`` (people
            more and fewer), and ``exposed`` (whether all of them have one value).
        unknown_groups: groups with a count that is missing or masked in one of the tables; left out.
        exposed: share of the people who came or left whose secret is certain by the difference;
            ``Unassessed`` where nothing differs.
    """

    groups: tuple[str, ...]
    sensitive: str
    smallest_count: int
    changes: pd.DataFrame = field(repr=False)
    unknown_groups: int
    exposed: Measurement | Unassessed

    def measurements(self) -> list[Measurement]:
        """Return the figure, if there is one."""
        return [self.exposed] if isinstance(self.exposed, Measurement) else []

    def to_frame(self) -> pd.DataFrame:
        """Return the measurement as a frame of at most one row."""
        return measured_frame(self.measurements())

    def sentence(self) -> str:
        """Say what the attack found."""
        if not isinstance(self.exposed, Measurement):
            return self.exposed.reason
        people = round(self.exposed.value * self.exposed.n)
        return (
            f"No count is below {self.smallest_count:,}, and yet the difference of the two tables tells "
            f"'{self.sensitive}' of {people:,} of the {self.exposed.n:,} people who came or left "
            f"({percent(self.exposed.value)}); one table alone tells it of "
            f"{percent(self.exposed.baseline)}, two tables about different people "
            f"of {percent(self.exposed.control or 0.0)}."
        )


def count_table(table: Any, columns: Sequence[str], *, at_least: int = 1) -> pd.DataFrame:
    """Count the records of each combination of values, as reports publish them.

    Args:
        table: a DataFrame, a path or a :class:`Source`.
        columns: the columns to count by.
        at_least: smaller counts are left blank (missing), as many publishers do.

    Returns:
        The columns and ``count``, ordered.

    Raises:
        UserError: if a column is missing or called ``count``.
    """
    source = opened(table, "the table")
    names = [columns] if isinstance(columns, str) else list(dict.fromkeys(columns))
    source.require(names)
    if not names or COUNT in names:
        raise UserError(f"Name at least one column to count by, and none called '{COUNT}'.")
    listed = column_list(names)
    frame = source.sql(
        f"SELECT {listed}, count(*) AS {COUNT} FROM source GROUP BY ALL ORDER BY {listed}"
    ).df()
    frame[COUNT] = frame[COUNT].astype("Int64").where(frame[COUNT] >= at_least)
    return frame


def difference_counts(
    first: Any,
    second: Any,
    groups: Sequence[str],
    sensitive: str,
    *,
    count: str = COUNT,
    seed: int = 0,
) -> CountDifference:
    """Learn the secrets of people who are in one of two tables of counts and not in the other.

    Where the people that a group gained (or lost) all have one value, whoever knows that somebody came (or
    left) knows theirs. Only net changes are seen: somebody who comes when another with the same value leaves
    stays hidden.

    The baseline is what the better of the two tables tells alone: people in groups that hold one value only.
    The control is the same attack where the second table is about other people: the same size of each group,
    values drawn from those of the whole first table.

    Args:
        first: counts at first, one row per group and value; repeated rows are added up.
        second: counts later; rows that are not there count as 0.
        groups: columns that define the groups.
        sensitive: column of the secret.
        count: column of the counts.
        seed: seed of the control.

    Raises:
        UserError: if a column is missing or has two roles, or a table has no count.

    Source: Adam & Wortmann (1989); Denning, Denning & Schwartz, The tracker (1979).
    """
    import pandas as pd

    keys = [groups] if isinstance(groups, str) else list(dict.fromkeys(groups))
    if not keys:
        raise UserError("No column of the groups was named: name those by which people are counted.")
    if len({*keys, sensitive, count}) < len(keys) + 2:
        raise UserError("A column is named in two roles: groups, sensitive and count must be different.")
    sides = [
        _counts(table, keys, sensitive, count, name)
        for table, name in ((first, "the first table"), (second, "the second table"))
    ]
    both = pd.concat(sides, axis=1, keys=["first", "second"])
    both = both.mask(~np.column_stack([both.index.isin(side.index) for side in sides]), 0)
    unknown = both.isna().any(axis=1).groupby(level=keys, dropna=False).transform("any")
    n_unknown = int(unknown.groupby(level=keys, dropna=False).first().sum()) if len(unknown) else 0
    known = both[~unknown.to_numpy()]
    numbers, names = known.groupby(level=keys, dropna=False, sort=True).ngroup().to_numpy(), known.index
    one, two = (known[side].to_numpy(float) for side in ("first", "second"))
    values = pd.factorize(names.get_level_values(sensitive), use_na_sentinel=False)[0]
    n_groups = int(numbers.max(initial=-1)) + 1
    exposed, came, left = _exposed(one, two, numbers, n_groups)
    changed = int((came + left).sum())
    at = pd.Series(np.arange(len(known))).groupby(numbers).first().to_numpy() if n_groups else []
    frame = (
        names.droplevel(sensitive).take(at).to_frame(index=False) if n_groups else pd.DataFrame(columns=keys)
    )
    frame = frame.assign(came=came.astype(int), left=left.astype(int), exposed=exposed)
    smallest = int(min((side[side > 0].min() for side in (one, two) if (side > 0).any()), default=0))
    figure: Measurement | Unassessed
    if changed:
        alone = max(
            float((came + left)[_one_value(side, numbers, n_groups)].sum()) / changed for side in (one, two)
        )
        control = _control(one, two, numbers, values, np.random.default_rng(seed))
        figure = share_measured(
            "count_difference_exposed", int((came + left)[exposed].sum()), changed,
            unit="share of people who came or left", baseline=alone, control=control,
            method=f"net changes of {n_groups:,} groups by {', '.join(keys)}", source=ADAM,
        )  # fmt: skip
    else:
        figure = Unassessed("The two tables have the same counts wherever both are known: nothing to learn.")
    return CountDifference(
        groups=tuple(keys),
        sensitive=sensitive,
        smallest_count=smallest,
        changes=frame[came + left > 0].reset_index(drop=True),
        unknown_groups=n_unknown,
        exposed=figure,
    )


def _counts(table: Any, keys: list[str], sensitive: str, count: str, name: str) -> pd.Series:
    """Return the counts by group and value; missing where a count is missing or no number."""
    import pandas as pd

    frame = texts_of(table, [*keys, sensitive, count], name)
    numbers = pd.to_numeric(frame[count], errors="coerce").where(lambda n: n >= 0)
    if numbers.isna().all():
        raise UserError(f"The column '{shown(count)}' of {name} holds no count: name the one that does.")
    labels = [frame[column].fillna("") for column in (*keys, sensitive)]
    return numbers.groupby(labels).agg(lambda cells: cells.sum(skipna=False))


def _exposed(
    one: np.ndarray, two: np.ndarray, groups: np.ndarray, n: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return for each group whether all its changes are of one value, people more, and people fewer."""
    change = two - one
    came = np.bincount(groups, np.maximum(change, 0), minlength=n)
    left = np.bincount(groups, np.maximum(-change, 0), minlength=n)
    return np.bincount(groups[change != 0], minlength=n) == 1, came, left


def _one_value(counts: np.ndarray, groups: np.ndarray, n: int) -> np.ndarray:
    return np.bincount(groups[counts > 0], minlength=n) == 1


def _control(
    one: np.ndarray, two: np.ndarray, groups: np.ndarray, values: np.ndarray, rng: np.random.Generator
) -> float:
    n, width = int(groups.max()) + 1, int(values.max()) + 1
    overall = np.bincount(values, one if one.any() else two, minlength=width)
    sizes = np.bincount(groups, two, minlength=n).astype(np.int64)
    drawn = rng.multinomial(sizes, overall / overall.sum())
    before = np.zeros((n, width))
    np.add.at(before, (groups, values), one)
    cells = np.repeat(np.arange(n), width)
    exposed, came, left = _exposed(before.ravel(), drawn.ravel().astype(float), cells, n)
    changed = (came + left).sum()
    return float((came + left)[exposed].sum() / changed) if changed else 0.0
