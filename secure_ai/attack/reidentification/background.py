"""Background knowledge: how much surer of a secret somebody becomes who already knows a fact or two."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from secure_ai.attack.reidentification.classes import (
    CodedRelease,
    check_chance,
    coded_release,
    smallest_class,
)
from secure_ai.attack.reidentification.values import Integers, combined, measured_frame
from secure_ai.core import Measurement, UserError
from secure_ai.core.figures import percent

if TYPE_CHECKING:
    import pandas as pd

MARTIN = "Martin et al., Worst-case background knowledge for privacy-preserving data publishing (2007)"
RULED_OUT, COLUMN = "value ruled out", "column known"


@dataclass(frozen=True)
class BackgroundKnowledge:
    """How certain of a secret an attacker is who knows the class of a person and some facts.

    Attributes:
        quasi_identifiers: the columns that define the classes.
        sensitive: the column of the secret.
        n: number of records.
        k: size of the smallest class.
        threshold: certainty from which a secret counts as learned.
        curve: one row per kind and number of facts: ``kind``, ``facts``, ``what`` (the column that is added),
            ``certainty`` (mean over the records of the share of the true value among what is still
            possible), ``learned`` (share of records at or above the threshold), ``baseline`` and ``control``
            (of ``learned``), ``baseline_certainty`` and ``control_certainty``.
    """

    quasi_identifiers: tuple[str, ...]
    sensitive: str
    n: int
    k: int
    threshold: float
    curve: pd.DataFrame

    def measurements(self) -> list[Measurement]:
        """Return for each number of facts the share of people whose secret is learned."""
        return [
            Measurement(
                f"background_knowledge_{row.kind.replace(' ', '_')}_{row.facts}",
                row.learned,
                "share of records",
                self.n,
                row.baseline,
                (row.learned, row.learned),
                f"exact count of records whose true value has at least {percent(self.threshold)} of what is "
                f"possible for someone who knows {row.facts} facts ({row.kind}); control: values exchanged "
                "at random",
                MARTIN,
                row.control,
            )
            for row in self.curve.itertuples()
        ]

    def to_frame(self) -> pd.DataFrame:
        """Return the measurements as a frame, one row each."""
        return measured_frame(self.measurements())

    def sentence(self) -> str:
        """Say what the attack found."""
        first = self.curve.iloc[0]
        words = {RULED_OUT: "{} of the values ruled out", COLUMN: "{} more columns known"}
        parts = [
            f"; with {words[row.kind].format(row.facts)} it is so for {percent(row.learned)} "
            f"(by chance {percent(row.control)})"
            for row in self.curve.groupby("kind", sort=False).tail(1).itertuples()
            if row.facts
        ]
        return (
            f"Knowing the class alone, somebody is at least {percent(self.threshold)} certain of the "
            f"'{self.sensitive}' of {percent(first['learned'])} of {self.n:,} people "
            f"(by chance {percent(first['control'])}){''.join(parts)}. The true value has a mean "
            f"certainty of {percent(first['certainty'])}, and without the release of "
            f"{percent(first['baseline_certainty'])}."
        )


def background_knowledge(
    release: Any,
    quasi_identifiers: Sequence[str],
    sensitive: str,
    *,
    ruled_out: int = 3,
    known: Sequence[str] = (),
    threshold: float = 0.9,
    shuffles: int = 5,
    seed: int = 0,
) -> BackgroundKnowledge:
    """Measure how certain of each person's secret somebody is who knows their class and some facts.

    Two kinds of facts. *A value ruled out*: the attacker knows that the person does not have the m other
    values that are most frequent in the class (the worst case of m such facts). *A column known*: he also
    knows the values of the first m columns of ``known``, which the release shows.

    The baseline is an attacker with the same facts for whom all records are one class. The control is the
    same attack on the release with the sensitive values exchanged at random: what small classes alone do.

    Args:
        release: the released table: a DataFrame, a path or a :class:`Source`.
        quasi_identifiers: columns that define the classes.
        sensitive: column of the secret.
        ruled_out: greatest number of values ruled out.
        known: further columns, in the order in which they become known.
        threshold: certainty from which a secret counts as learned.
        shuffles: how often the values are exchanged for the control.
        seed: seed of that.

    Raises:
        UserError: if a column is missing or has two roles, or a number is out of range.

    Source: Machanavajjhala et al., ℓ-diversity (2007); Martin et al. (2007).
    """
    import pandas as pd

    check_chance(threshold, shuffles, seed, above=0.0)
    if isinstance(ruled_out, bool) or not isinstance(ruled_out, int) or ruled_out < 0:
        raise UserError(f"ruled_out must be a whole number of at least 0, not {ruled_out}: 3 is usual.")
    columns = [known] if isinstance(known, str) else list(known)
    coded = coded_release(release, quasi_identifiers, sensitive, columns)
    others = list(coded.shuffled(shuffles, seed))
    whole = np.zeros(coded.n, dtype=np.int64)

    def row(kind: str, facts: int, what: str, attack: Callable[[CodedRelease], Any], lay: Any) -> dict:
        mean, sure = attack(coded)
        by_chance = np.mean([attack(other) for other in others], axis=0)
        return {
            "kind": kind, "facts": facts, "what": what, "certainty": mean, "learned": sure,
            "baseline": lay[1], "control": float(by_chance[1]), "baseline_certainty": lay[0],
            "control_certainty": float(by_chance[0]),
        }  # fmt: skip

    def certainty(release: CodedRelease, classes: Integers, facts: int) -> tuple[float, float]:
        return _certainty(release, classes, facts, threshold)

    rows = [
        row(RULED_OUT, m, "", lambda r, m=m: certainty(r, r.classes, m), certainty(coded, whole, m))
        for m in range(ruled_out + 1)
    ]
    for m in range(1, len(columns) + 1):
        finer = combined([coded.classes, *coded.extra[:m]])
        alone = combined(list(coded.extra[:m]))
        rows.append(
            row(COLUMN, m, columns[m - 1], lambda r, f=finer: certainty(r, f, 0), certainty(coded, alone, 0))
        )
    return BackgroundKnowledge(
        quasi_identifiers=coded.quasi_identifiers,
        sensitive=sensitive,
        n=coded.n,
        k=smallest_class(coded.classes),
        threshold=threshold,
        curve=pd.DataFrame(rows),
    )


def _certainty(
    release: CodedRelease, classes: Integers, ruled_out: int, threshold: float
) -> tuple[float, float]:
    """Return mean certainty of the true values, and the share of records at or above the threshold.

    A record whose value is missing has no secret: its certainty is 0.
    """
    of_class, values, records = release.counts(classes)
    order = np.lexsort((-records, of_class))
    of_class, values, records = of_class[order], values[order], records[order]
    starts = np.flatnonzero(np.diff(of_class, prepend=-1))
    sizes = np.add.reduceat(records, starts)
    lengths = np.diff(starts, append=len(records))
    rank = np.arange(len(records)) - np.repeat(starts, lengths)
    # The most frequent others: the first m of the class, or the first m + 1 without the value itself.
    summed = np.concatenate([[0], np.cumsum(records)])

    def top(m: int) -> Integers:
        return np.repeat(summed[starts + np.minimum(m, lengths)] - summed[starts], lengths)

    excluded = np.where(rank < ruled_out, top(ruled_out + 1) - records, top(ruled_out))
    sure = np.where(values == release.missing, 0.0, records / (np.repeat(sizes, lengths) - excluded))
    return (
        float((sure * records).sum() / release.n),
        float(records[sure >= threshold - 1e-9].sum() / release.n),
    )
