"""Singling out: a description, made from the release alone, that fits exactly one of the people behind it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from secure_ai.attack.reidentification.classes import smallest_class
from secure_ai.attack.reidentification.values import (
    Integers,
    Meanings,
    codes_of,
    combined,
    locate,
    measured_frame,
    readings_of,
    share_measured,
    texts_of,
)
from secure_ai.core import Measurement, Unassessed, UserError
from secure_ai.core.figures import percent
from secure_ai.core.sources import shown

if TYPE_CHECKING:
    import pandas as pd

COHEN_NISSIM = "Cohen & Nissim, Towards formalizing the GDPR's notion of singling out (2020)"
BY_VALUE, BY_HASH = "value", "hash"


@dataclass(frozen=True)
class SinglingOut:
    """How often descriptions made from a release single out one person of the original table.

    Attributes:
        quasi_identifiers: the columns that define the classes.
        k: size of the smallest class that is not suppressed.
        people: number of people of the original table.
        predicates: one row per description: ``kind`` (``value``: a class and a value that one of its records
            has; ``hash``: a class and one in so many of all conceivable people, as many as it has records),
            ``class_size``, ``fitting`` (people of the original whom it fits), ``isolates``, and ``weight``
            (share of people whom it would fit if the columns were independent).
        by_value: share of the descriptions by value that fit exactly one person; ``Unassessed`` without any.
        by_hash: the same of those by hash.
    """

    quasi_identifiers: tuple[str, ...]
    k: int
    people: int
    predicates: pd.DataFrame
    by_value: Measurement | Unassessed
    by_hash: Measurement

    def measurements(self) -> list[Measurement]:
        """Return every figure that was measured."""
        return [m for m in (self.by_value, self.by_hash) if isinstance(m, Measurement)]

    def to_frame(self) -> pd.DataFrame:
        """Return the measurements as a frame, one row each."""
        return measured_frame(self.measurements())

    def sentence(self) -> str:
        """Say what the attack found."""
        words = {BY_VALUE: "a class and one unique value", BY_HASH: "a class and a random one in its size"}
        parts = []
        for kind, figure in ((BY_VALUE, self.by_value), (BY_HASH, self.by_hash)):
            if isinstance(figure, Measurement):
                low, high = figure.interval
                parts.append(
                    f"{percent(figure.value)} of {figure.n:,} descriptions by {words[kind]} fit exactly one "
                    f"of {self.people:,} people (95% interval {percent(low)} to {percent(high)}; by chance "
                    f"{percent(figure.baseline)}, among other people {percent(figure.control or 0.0)})"
                )
        return f"Though every class has at least {self.k:,} records, {'; '.join(parts)}."


def single_out(
    release: Any,
    original: Any,
    quasi_identifiers: Sequence[str],
    *,
    attributes: Sequence[str] = (),
    others: Any = None,
    attempts: int = 1000,
    meanings: Meanings | None = None,
    seed: int = 0,
) -> SinglingOut:
    """Make descriptions from a release, and count how many fit exactly one person of the original table.

    *By value*: a class, and a value of one of ``attributes`` that a single record of the class has. *By
    hash*: a class of n records, and one in n of all conceivable people, chosen by a keyed hash; of the n
    people one is left with probability (1 - 1/n)^(n-1), about 37 %. Neither needs the original: it is used
    for counting only. A release that hides who is in it would let no such description, as few people as it
    fits in general, succeed more often than chance.

    The baseline is that chance: a description that fits the share w of all people isolates one of n with
    probability n w (1 - w)^(n-1); w is taken from the original, as if its columns were independent. The
    control counts the same descriptions on people who are not in the release: ``others``, or else the
    original with the values of each column exchanged at random.

    Args:
        release: the released table.
        original: the table it was made from, one row per person.
        quasi_identifiers: columns that define the classes.
        attributes: columns that were released unchanged, such as the sensitive one.
        others: people of the same kind who are not in the release, for the control; best as many as in it.
        attempts: number of classes to try, drawn at random where there are more.
        meanings: for columns of nodes of a hierarchy, the values for which each stands.
        seed: seed of all that is drawn.

    Raises:
        UserError: if a column is missing or has two roles, or every record of the release is suppressed.

    Source: Cohen & Nissim (2020), section 4; Cohen, Attacks on deidentification's defenses (2022).
    """
    import pandas as pd

    keys = (
        [quasi_identifiers] if isinstance(quasi_identifiers, str) else list(dict.fromkeys(quasi_identifiers))
    )
    shown_too = [attributes] if isinstance(attributes, str) else list(dict.fromkeys(attributes))
    both = next((name for name in shown_too if name in keys), None)
    if both is not None:
        raise UserError(f"'{shown(both)}' is named in two roles: choose one of them.")
    if attempts < 1:
        raise UserError(f"attempts must be at least 1, not {attempts}: 1000 is usual.")
    rng = np.random.default_rng(seed)
    released = texts_of(release, [*keys, *shown_too], "the release")
    people = texts_of(original, [*keys, *shown_too], "the original table")
    if others is None:
        strangers = pd.DataFrame({n: people[n].array[rng.permutation(len(people))] for n in people.columns})
    else:
        strangers = texts_of(others, [*keys, *shown_too], "the table of other people")
    released = released[~(released[keys] == "*").all(axis=1)].reset_index(drop=True)
    if released.empty:
        raise UserError("Every record of the release is suppressed: there is nothing to describe.")
    class_of = combined([codes_of(released[name])[0][0] for name in keys])
    sizes = np.bincount(class_of)
    chosen = np.sort(rng.permutation(len(sizes))[:attempts])
    first = np.unique(class_of, return_index=True)[1][chosen]
    classes = released.loc[first, keys].reset_index(drop=True)
    made = _made(released[shown_too], class_of, chosen, rng)
    salt = int(rng.integers(2**63))
    fitting = _fitting(classes, sizes[chosen], made, people, salt=salt, meanings=meanings)
    elsewhere = _fitting(
        classes, sizes[chosen], made, strangers, salt=salt, meanings=meanings, required=False
    )
    weight = _weights(classes, sizes[chosen], made, people, meanings)
    frame = made.assign(
        class_size=sizes[chosen][made["place"]],
        fitting=fitting,
        isolates=fitting == 1,
        weight=weight,
        chance=len(people) * weight * (1 - weight) ** (len(people) - 1),
        control=elsewhere == 1,
    )
    method = f"descriptions from up to {attempts:,} classes, counted on the original; control on " + (
        "the original with each column exchanged at random" if others is None else "other people"
    )

    def measured(kind: str) -> Measurement | Unassessed:
        rows = frame[frame["kind"] == kind]
        if rows.empty:
            return Unassessed("No class holds a value of the attributes that only one of its records has.")
        return share_measured(
            f"singling_out_by_{kind}", int(rows["isolates"].sum()), len(rows), unit="share of descriptions",
            baseline=float(rows["chance"].mean()), control=float(rows["control"].mean()), method=method,
            source=COHEN_NISSIM,
        )  # fmt: skip

    by_hash = measured(BY_HASH)
    assert isinstance(by_hash, Measurement)
    return SinglingOut(
        quasi_identifiers=tuple(keys),
        k=smallest_class(class_of),
        people=len(people),
        predicates=frame[["kind", "class_size", "fitting", "isolates", "weight"]],
        by_value=measured(BY_VALUE),
        by_hash=by_hash,
    )


def _made(
    attributes: pd.DataFrame, class_of: Integers, chosen: Integers, rng: np.random.Generator
) -> pd.DataFrame:
    """Return the descriptions: place of the class among ``chosen``, kind, and attribute and value if any."""
    import pandas as pd

    hashes = pd.DataFrame({"place": np.arange(len(chosen)), "kind": BY_HASH, "attribute": "", "value": ""})
    place = np.full(int(class_of.max()) + 1, -1)
    place[chosen] = np.arange(len(chosen))
    parts = []
    for name in attributes.columns:
        held = pd.DataFrame({"place": place[class_of], "value": attributes[name]})
        held = held[(held["place"] >= 0) & held["value"].notna()]
        once = held[~held.duplicated(keep=False)]
        parts.append(once.assign(kind=BY_VALUE, attribute=name))
    unique = pd.concat(parts, ignore_index=True) if parts else hashes.iloc[:0]
    # One per class, so that classes with many unique values do not count for more.
    drawn = unique.iloc[rng.permutation(len(unique))].drop_duplicates("place").sort_values("place")
    return pd.concat([drawn[hashes.columns], hashes], ignore_index=True)


def _fitting(
    classes: pd.DataFrame,
    sizes: Integers,
    made: pd.DataFrame,
    people: pd.DataFrame,
    *,
    salt: int,
    meanings: Meanings | None,
    required: bool = True,
) -> Integers:
    """Count for each description the people whom it fits."""
    import pandas as pd

    persons, places = locate(classes, people[classes.columns], meanings=meanings, required=required)
    hashed = pd.util.hash_pandas_object(people.fillna(""), index=False).to_numpy()
    # A keyed mix of the record's hash, uniform on [0, 1).
    mixed = (hashed ^ np.uint64(salt)) * np.uint64(0x9E3779B97F4A7C15)
    mixed ^= mixed >> np.uint64(32)
    uniform = (mixed * np.uint64(0xD6E8FEB86659FD93) >> np.uint64(11)) / 2**53
    counts = np.zeros(len(made), dtype=np.int64)
    hashes = (made["kind"] == BY_HASH).to_numpy()
    of_place = np.bincount(places[uniform[persons] < 1 / sizes[places]], minlength=len(classes))
    counts[hashes] = of_place[made["place"][hashes]]
    pairs = pd.DataFrame({"person": persons, "place": places})
    for name, rows in made[~hashes].groupby("attribute"):
        values = people[name].array[pairs["person"]]
        held = pairs.assign(value=values).groupby(["place", "value"]).size()
        index = pd.MultiIndex.from_frame(rows[["place", "value"]])
        counts[rows.index] = held.reindex(index, fill_value=0).to_numpy()
    return counts


def _weights(
    classes: pd.DataFrame,
    sizes: Integers,
    made: pd.DataFrame,
    people: pd.DataFrame,
    meanings: Meanings | None,
) -> np.ndarray:
    """Return the share of people whom each description would fit if the columns were independent."""
    readings, codes = readings_of(classes, people[classes.columns], meanings)
    weight = np.ones(len(classes))
    for (labels, fits), code in zip(readings, codes, strict=True):
        shares = np.bincount(code, minlength=len(fits[0])) / len(people)
        weight *= np.array([shares[row].sum() for row in fits])[labels]
    described = weight[made["place"]]
    hashes = (made["kind"] == BY_HASH).to_numpy()
    described[hashes] /= sizes[made["place"][hashes]]
    for name, rows in made[~hashes].groupby("attribute"):
        share = people[name].value_counts(normalize=True, dropna=False)
        described[rows.index] *= share.reindex(rows["value"], fill_value=0.0).to_numpy()
    return described
