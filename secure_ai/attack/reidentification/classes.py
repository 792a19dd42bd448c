"""A released table as an attacker counts it: class and sensitive value of each record, as numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from secure_ai.attack.reidentification.values import Integers, codes_of, combined, texts_of
from secure_ai.core import UserError
from secure_ai.core.sources import shown


@dataclass(frozen=True)
class CodedRelease:
    """Class and sensitive value of each record.

    Attributes:
        quasi_identifiers: the columns that define the classes.
        classes: class of each record, 0 to ``n_classes - 1``.
        values: code of the sensitive value of each record; missing is the last code.
        labels: text of each code but the last.
        extra: codes of further columns.
    """

    quasi_identifiers: tuple[str, ...]
    classes: Integers
    values: Integers
    labels: NDArray[np.object_]
    extra: tuple[Integers, ...] = ()

    @property
    def n(self) -> int:
        """Number of records."""
        return len(self.classes)

    @property
    def missing(self) -> int:
        """Code of a missing sensitive value."""
        return len(self.labels)

    def counts(self, classes: Integers | None = None) -> tuple[Integers, Integers, Integers]:
        """Return class, value and number of records of every pair that occurs, ordered."""
        width = self.missing + 1
        key = (self.classes if classes is None else classes) * width + self.values
        pairs, records = np.unique(key, return_counts=True)
        return pairs // width, pairs % width, records

    def shuffled(self, times: int, seed: int) -> Iterator[CodedRelease]:
        """Yield the release with its sensitive values exchanged among the records at random."""
        rng = np.random.default_rng(seed)
        for _ in range(times):
            yield replace(self, values=rng.permutation(self.values))


def coded_release(
    release: Any, quasi_identifiers: Sequence[str], sensitive: str, extra: Sequence[str] = ()
) -> CodedRelease:
    """Load the columns of a release that an attack needs. A missing quasi-identifier is a value of its own.

    Raises:
        UserError: if a column is missing or has two roles, or all sensitive values are missing.
    """
    keys = (
        [quasi_identifiers] if isinstance(quasi_identifiers, str) else list(dict.fromkeys(quasi_identifiers))
    )
    if not keys:
        raise UserError("No quasi-identifier was named: name the columns that define the classes.")
    more = [extra] if isinstance(extra, str) else list(extra)
    for column in (*more, sensitive):
        if column in keys or (column == sensitive and column in more):
            raise UserError(f"'{shown(column)}' is named in two roles: choose one of them.")
    frame = texts_of(release, [*keys, sensitive, *more], "the release")
    (values,), labels = codes_of(frame[sensitive])
    if not len(labels):
        raise UserError(f"'{shown(sensitive)}' is missing in every record: choose another sensitive column.")
    columns = {name: codes_of(frame[name])[0][0] for name in (*keys, *more)}
    return CodedRelease(
        quasi_identifiers=tuple(keys),
        classes=combined([columns[name] for name in keys]),
        values=np.where(values < 0, len(labels), values),
        labels=labels,
        extra=tuple(columns[name] for name in more),
    )


def check_chance(threshold: object, shuffles: object, seed: object, *, above: float) -> None:
    """Check what is asked about certainty and chance.

    Raises:
        UserError: if the threshold is no number in (``above``, 1], or the others are no whole numbers of at
            least 1 and 0.
    """
    if isinstance(threshold, bool) or not isinstance(threshold, int | float) or not above < threshold <= 1:
        raise UserError(
            f"The threshold must be a number above {above:g} and at most 1, not {threshold}: 0.9 is usual."
        )
    for name, value, least in (("shuffles", shuffles, 1), ("seed", seed, 0)):
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
            raise UserError(f"{name} must be a whole number of at least {least}, not {value}.")


def smallest_class(classes: Integers) -> int:
    """Return k: the number of records of the smallest class."""
    sizes = np.bincount(classes)
    return int(sizes[sizes > 0].min())
