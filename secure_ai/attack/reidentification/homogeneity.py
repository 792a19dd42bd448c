"""Homogeneity: in a class whose people share one secret, nobody needs to be told apart to learn it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from secure_ai.attack.reidentification.classes import (
    CodedRelease,
    check_chance,
    coded_release,
    smallest_class,
)
from secure_ai.attack.reidentification.values import measured_frame
from secure_ai.core import Measurement, UserError
from secure_ai.core.figures import percent

if TYPE_CHECKING:
    import pandas as pd

MACHANAVAJJHALA = "Machanavajjhala et al., ℓ-diversity: privacy beyond k-anonymity (2007), section 2"


@dataclass(frozen=True)
class Homogeneity:
    """How many people's secret a release gives away through classes that share it.

    Attributes:
        quasi_identifiers: the columns that define the classes.
        sensitive: the column of the secret.
        k: size of the smallest class.
        threshold: share of a class from which its most frequent value counts as its people's secret.
        classes: one row per class: ``class_size``, ``top_share`` (share of its most frequent known value)
            and ``given_away`` (whether it reaches the threshold).
        learned: share of all records whose secret is learned rightly.
        learned_records: the same as a number.
    """

    quasi_identifiers: tuple[str, ...]
    sensitive: str
    k: int
    threshold: float
    classes: pd.DataFrame
    learned: Measurement
    learned_records: int

    def measurements(self) -> list[Measurement]:
        """Return the figure that was measured."""
        return [self.learned]

    def to_frame(self) -> pd.DataFrame:
        """Return the measurement as a frame of one row."""
        return measured_frame(self.measurements())

    def sentence(self) -> str:
        """Say what the attack found."""
        share = "all" if self.threshold == 1 else f"at least {percent(self.threshold)} of the"
        given = int(self.classes["given_away"].sum())
        return (
            f"Every class has at least {self.k:,} records, and yet in {given:,} of {len(self.classes):,} "
            f"classes {share} records share one value of '{self.sensitive}': that of "
            f"{self.learned_records:,} of {self.learned.n:,} people ({percent(self.learned.value)}) is "
            "learned. With the values exchanged at random it would be "
            f"{percent(self.learned.control or 0.0)}."
        )


def homogeneity(
    release: Any,
    quasi_identifiers: Sequence[str],
    sensitive: str,
    *,
    threshold: float = 1.0,
    secrets: Collection[object] | None = None,
    shuffles: int = 10,
    seed: int = 0,
) -> Homogeneity:
    """Count the people whose sensitive value their class gives away.

    Who knows somebody's class takes its most frequent value for theirs where that holds at least
    ``threshold`` of the class. Counted are the people about whom that is right. That a value is missing is
    no secret learned.

    The baseline is someone without the quasi-identifiers, for whom all records are one class. The control is
    the same release with the sensitive values exchanged at random among the records: what small classes give
    away by chance.

    Args:
        release: the released table: a DataFrame, a path or a :class:`Source`.
        quasi_identifiers: columns that define the classes.
        sensitive: column of the secret.
        threshold: above 0.5, at most 1.
        secrets: values that count as a secret; all if not given.
        shuffles: how often the values are exchanged for the control.
        seed: seed of that.

    Raises:
        UserError: if a column is missing or has two roles, the threshold is out of range, or none of the
            ``secrets`` occurs.

    Source: Machanavajjhala et al. (2007).
    """
    check_chance(threshold, shuffles, seed, above=0.5)
    coded = coded_release(release, quasi_identifiers, sensitive)
    counting = np.append(np.ones(coded.missing, dtype=bool), False)
    if secrets is not None:
        counting[:-1] = np.isin(coded.labels, [str(value) for value in secrets])
        if not counting.any():
            raise UserError(f"None of the secrets occurs in '{sensitive}': write them as the table does.")
    classes, learned = _given_away(coded, threshold, counting)
    by_chance = [_given_away(other, threshold, counting)[1] for other in coded.shuffled(shuffles, seed)]
    one = np.bincount(coded.values, minlength=coded.missing + 1)
    baseline = one[counting & (one >= threshold * coded.n)].sum() / coded.n
    value = learned / coded.n
    return Homogeneity(
        quasi_identifiers=coded.quasi_identifiers,
        sensitive=sensitive,
        k=smallest_class(coded.classes),
        threshold=threshold,
        classes=classes,
        learned=Measurement(
            "homogeneity_learned", value, "share of records", coded.n, float(baseline), (value, value),
            f"exact count over all records; control: mean of {shuffles} random exchanges of '{sensitive}', "
            f"{min(by_chance):,} to {max(by_chance):,} records",
            MACHANAVAJJHALA, float(np.mean(by_chance)) / coded.n,
        ),
        learned_records=learned,
    )  # fmt: skip


def _given_away(coded: CodedRelease, threshold: float, counting: np.ndarray) -> tuple[pd.DataFrame, int]:
    import pandas as pd

    classes, values, records = coded.counts()
    sizes = np.bincount(coded.classes)
    eligible = np.where(counting[values], records, 0)
    top = np.maximum.reduceat(eligible, np.flatnonzero(np.diff(classes, prepend=-1)))
    given = top >= threshold * sizes - 1e-9
    frame = pd.DataFrame({"class_size": sizes, "top_share": top / sizes, "given_away": given})
    return frame, int(top[given].sum())
