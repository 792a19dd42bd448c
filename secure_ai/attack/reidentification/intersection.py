"""Two releases about the same people: what neither tells alone, and both tell together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from secure_ai.attack.reidentification.values import (
    Integers,
    Meanings,
    codes_of,
    combined,
    locate,
    measured_frame,
    share_measured,
    texts_of,
)
from secure_ai.core import Measurement, Unassessed, UserError
from secure_ai.core.figures import percent
from secure_ai.core.sources import shown

if TYPE_CHECKING:
    import pandas as pd

GANTA = "Ganta, Kasiviswanathan & Smith, Composition attacks and auxiliary information (2008)"


@dataclass(frozen=True)
class Intersection:
    """What two releases together say about people whom an attacker knows.

    Attributes:
        quasi_identifiers: the columns by which people are found in both.
        sensitive: the column of the secret.
        people: number of people who fit a class of both releases.
        possible: one row per person of ``people``: ``person`` (row of the attacker's table), and how many
            sensitive values are possible by the ``first`` release, the ``second`` and ``both`` (0 in both:
            the person cannot be in both).
        learned: share of people for whom one value is possible in both and for whom it is the true one, or,
            where the truth is not known, for whom one is possible.
        learned_first: the same by the first release alone.
        learned_second: by the second.
        right: share of the people with one possible value in both for whom that is the true one;
            ``Unassessed`` where the truth is not known or nobody is left with one value.
        scored: whether the truth was known.
    """

    quasi_identifiers: tuple[str, ...]
    sensitive: str
    people: int
    possible: pd.DataFrame
    learned: Measurement
    learned_first: Measurement
    learned_second: Measurement
    right: Measurement | Unassessed
    scored: bool

    def measurements(self) -> list[Measurement]:
        """Return every figure that was measured."""
        figures = [self.learned_first, self.learned_second, self.learned, self.right]
        return [figure for figure in figures if isinstance(figure, Measurement)]

    def to_frame(self) -> pd.DataFrame:
        """Return the measurements as a frame, one row each."""
        return measured_frame(self.measurements())

    def sentence(self) -> str:
        """Say what the attack found."""
        low, high = self.learned.interval
        text = (
            f"The first release alone gives away '{self.sensitive}' of {percent(self.learned_first.value)} "
            f"of {self.people:,} people, the second of {percent(self.learned_second.value)}, both together "
            f"of {percent(self.learned.value)} (95% interval {percent(low)} to {percent(high)})"
        )
        if not isinstance(self.right, Measurement):
            return f"{text}."
        return (
            f"{text}. Where one value is left it is the true one for {percent(self.right.value)}; were the "
            f"second release about other people, for {percent(self.right.control or 0.0)}."
        )


def intersect_releases(
    first: Any,
    second: Any,
    people: Any,
    quasi_identifiers: Sequence[str],
    sensitive: str,
    *,
    meanings: Meanings | None = None,
    seed: int = 0,
) -> Intersection:
    """Learn people's secrets from two releases in which their classes differ.

    The attacker knows the quasi-identifiers of people who are in both releases. He finds the class of each
    person in either, and keeps the sensitive values that occur in both classes: often one.

    The baseline of what both tell is the better of the two alone. Whether the one value that is left is the
    true one has as its baseline the most frequent value of the first release for everybody, and as its
    control the same attack with the sensitive values of the second release exchanged at random among its
    records, as if it were about other people.

    Args:
        first: a released table, with ranges, sets, masks or ``*`` for its quasi-identifiers.
        second: another of the same people, released in another way or at another time.
        people: what the attacker knows: the quasi-identifiers as they are, one row per person. If it has the
            sensitive column too, that only scores the attack.
        quasi_identifiers: columns by which to find people.
        sensitive: column of the secret in both releases.
        meanings: for columns of nodes of a hierarchy, the values for which each stands.
        seed: seed of the control.

    Raises:
        UserError: if a column is missing, or nobody fits a class of both releases.

    Source: Ganta, Kasiviswanathan & Smith (2008).
    """
    import pandas as pd

    keys = (
        [quasi_identifiers] if isinstance(quasi_identifiers, str) else list(dict.fromkeys(quasi_identifiers))
    )
    if sensitive in keys:
        raise UserError(f"'{shown(sensitive)}' is named in two roles: choose one of them.")
    releases = [
        texts_of(table, [*keys, sensitive], f"the {name} release")
        for table, name in ((first, "first"), (second, "second"))
    ]
    known = texts_of(people, keys, "the attacker's table")
    truth = _truth(people, sensitive)
    coded, labels = codes_of(*(release[sensitive] for release in releases), truth)
    if not len(labels) or any((codes < 0).all() for codes in coded[:2]):
        raise UserError(f"'{shown(sensitive)}' is missing in every record: choose another sensitive column.")
    found = [_classes(release[keys], known, meanings) for release in releases]
    there = np.intersect1d(found[0][1], found[1][1])
    if not len(there):
        raise UserError("Nobody of the attacker's table fits a class of both releases: check the columns.")
    width = len(labels) + 1
    sets = [_possible(*place, codes, width) for place, codes in zip(found, coded[:2], strict=True)]
    both = np.intersect1d(*sets)
    n = len(known)
    possible = pd.DataFrame(
        {
            "person": there,
            "first": np.bincount(sets[0] // width, minlength=n)[there],
            "second": np.bincount(sets[1] // width, minlength=n)[there],
            "both": np.bincount(both // width, minlength=n)[there],
        }
    )
    true = coded[2] if len(truth) else None
    hits = [_learned(kept, there, n, width, true) for kept in (*sets, both)]
    others = np.intersect1d(
        sets[0], _possible(*found[1], np.random.default_rng(seed).permutation(coded[1]), width)
    )
    better = max(hits[:2]) / len(there)

    def share(name: str, count: int, baseline: float) -> Measurement:
        return share_measured(
            f"intersection_learned_{name}", count, len(there), unit="share of people", baseline=baseline,
            control=None,
            method=f"people for whom one value of '{sensitive}' is possible"
            + (", the true one" if true is not None else ""),
            source=GANTA,
        )  # fmt: skip

    return Intersection(
        quasi_identifiers=tuple(keys),
        sensitive=sensitive,
        people=len(there),
        possible=possible,
        learned=share("both", hits[2], better),
        learned_first=share("first", hits[0], float(width == 2)),
        learned_second=share("second", hits[1], float(width == 2)),
        right=_right(both, others, there, n=n, width=width, true=true, first=coded[0]),
        scored=true is not None,
    )


def _right(
    both: Integers,
    others: Integers,
    there: Integers,
    *,
    n: int,
    width: int,
    true: Integers | None,
    first: Integers,
) -> Measurement | Unassessed:
    """Return how often the one value that is left is the true one."""
    if true is None:
        return Unassessed(
            "Whether it is right cannot be said without the sensitive column in the people's table."
        )
    alone, right = (_learned(both, there, n, width, known) for known in (None, true))
    if not alone:
        return Unassessed("More than one value is possible for everybody.")
    alone_by_chance, right_by_chance = (_learned(others, there, n, width, known) for known in (None, true))
    common = np.bincount(first[first >= 0]).argmax()
    return share_measured(
        "intersection_right", right, alone, unit="share of people with one possible value",
        baseline=float((true[there] == common).mean()),
        control=right_by_chance / alone_by_chance if alone_by_chance else None,
        method="people for whom one value is possible in both releases", source=GANTA,
    )  # fmt: skip


def _truth(people: Any, sensitive: str) -> Any:
    """Return the sensitive column of the attacker's table, empty where it has none."""
    from secure_ai.attack.reidentification.values import opened

    source = opened(people, "the attacker's table")
    return texts_of(source, [sensitive], source.label)[sensitive] if sensitive in source.columns else []


def _classes(
    released: pd.DataFrame, people: pd.DataFrame, meanings: Meanings | None
) -> tuple[Integers, Integers, Integers]:
    """Return the class of each record, and the pairs of person and class that fit."""
    class_of = combined([codes_of(released[column])[0][0] for column in released.columns])
    _, first = np.unique(class_of, return_index=True)
    persons, classes = locate(released.iloc[first].reset_index(drop=True), people, meanings=meanings)
    return class_of, persons, classes


def _possible(
    class_of: Integers, persons: Integers, classes: Integers, values: Integers, width: int
) -> Integers:
    """Return the distinct pairs of person and possible value, as person * width + value."""
    pairs = np.unique(class_of * width + np.where(values < 0, width - 1, values))
    starts = np.searchsorted(pairs, np.arange(int(class_of.max()) + 2) * width)
    sizes = np.diff(starts)[classes]
    ends = np.cumsum(sizes)
    at = np.arange(int(ends[-1]) if len(ends) else 0) - np.repeat(ends - sizes, sizes)
    value = pairs[np.repeat(starts[classes], sizes) + at] % width
    return np.unique(np.repeat(persons, sizes) * width + value)


def _learned(kept: Integers, there: Integers, n: int, width: int, true: Integers | None) -> int:
    """Count the people for whom one value is left that is no gap, and the true one if that is known."""
    person, value = kept // width, kept % width
    alone = (np.bincount(person, minlength=n)[person] == 1) & (value < width - 1) & np.isin(person, there)
    if true is not None:
        alone &= true[person] == value
    return int(alone.sum())
