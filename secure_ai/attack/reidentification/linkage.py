"""Linkage: who the records of a table without names are, by a public list of people with names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from secure_ai.attack.reidentification.typing_errors import neighbors
from secure_ai.attack.reidentification.values import (
    Integers,
    Meanings,
    codes_of,
    combined,
    is_generalized,
    locate,
    measured_frame,
    share_measured,
    texts_of,
)
from secure_ai.core import Measurement, Unassessed, UserError
from secure_ai.core.figures import percent

if TYPE_CHECKING:
    import pandas as pd

SWEENEY = "Sweeney, Simple demographics often identify people uniquely (2000)"


@dataclass(frozen=True)
class Linkage:
    """What linking a release with a register found; people appear as row numbers only.

    Attributes:
        columns: the columns that were compared, as the release calls them.
        records: number of records of the release.
        people: number of people of the register.
        matches: one row per record that was given a person: ``release_row``, ``register_row`` (both from 0),
            ``typing_error`` (whether one was forgiven), and ``correct`` where the truth is known.
        named: share of records that were given exactly one person.
        precision: share of the named that are right.
        recall: share of the records whose person is in the register that were named rightly.
        identified: share of all records that were named rightly.
        false_accusations: share of the named who are not in the release at all.
            The last four are ``Unassessed`` without the truth.
    """

    columns: tuple[str, ...]
    records: int
    people: int
    matches: pd.DataFrame
    named: Measurement
    precision: Measurement | Unassessed
    recall: Measurement | Unassessed
    identified: Measurement | Unassessed
    false_accusations: Measurement | Unassessed

    def measurements(self) -> list[Measurement]:
        """Return every figure that was measured."""
        figures = [self.named, self.precision, self.recall, self.identified, self.false_accusations]
        return [figure for figure in figures if isinstance(figure, Measurement)]

    def to_frame(self) -> pd.DataFrame:
        """Return the measurements as a frame, one row each."""
        return measured_frame(self.measurements())

    def sentence(self) -> str:
        """Say what the attack found."""
        known = " + ".join(self.columns)
        text = (
            f"{known}: {len(self.matches):,} of {self.records:,} records ({percent(self.named.value)}) fit "
            f"exactly one of {self.people:,} people in the register"
        )
        if not isinstance(self.identified, Measurement):
            return f"{text}; how many are right cannot be said without the truth."
        if not isinstance(self.precision, Measurement):
            return f"{text}; nobody is named."
        right = int(self.matches["correct"].sum())
        low, high = self.identified.interval
        return (
            f"{text}; {right:,} of them rightly. So {percent(self.identified.value)} of all records are "
            f"named (95% interval {percent(low)} to {percent(high)}), and "
            f"{percent(self.precision.value)} of the names are right."
        )


def link(
    release: Any,
    register: Any,
    on: Sequence[str] | Mapping[str, str],
    *,
    truth: Sequence[int] | Integers | None = None,
    forgive: Sequence[str] = (),
    one_to_one: bool = True,
    meanings: Meanings | None = None,
) -> Linkage:
    """Name the records whose quasi-identifiers fit exactly one person of a register.

    Values are compared as text, so that a date or number fits whatever type it is kept in. A record or
    person that lacks a value is not linked. A released table with ranges, sets or ``*`` is read as
    :func:`~secure_ai.attack.reidentification.values.locate` says.

    The baseline is an attacker who names a person of the register at random. The control is the same attack
    on a register without anybody of the release: whoever is named there is accused falsely.

    Args:
        release: the table without names: a DataFrame, a path or a :class:`Source`.
        register: the list of people, one row per person.
        on: columns that both have, or a mapping from the column of the release to that of the register.
        truth: for each row of the register the row of the release that is about this person (from 0), -1 for
            nobody: to score the attack, never to make it.
        forgive: columns in which one typing error (a character missing, added, changed, or two neighbors
            exchanged) is forgiven where nothing fits exactly; at most one error in all.
        one_to_one: whether every record is another person. Records that look alike then cannot be told
            apart, and are not named. Set it to False where people have several records.
        meanings: for columns of nodes of a hierarchy, the values for which each stands.

    Raises:
        UserError: if a column is missing, no record or no person has all values, ``truth`` does not fit the
            two tables, or typing errors are to be forgiven in a generalized table.

    Source: Sweeney (2000).
    """
    pairs = dict(on) if isinstance(on, Mapping) else {c: c for c in ([on] if isinstance(on, str) else on)}
    ours = texts_of(release, tuple(pairs), "the release")
    columns = tuple(ours.columns)
    names = [pairs[column] for column in columns]
    theirs = texts_of(register, names, "the register")[names].set_axis(columns, axis=1)
    forgiven = (forgive,) if isinstance(forgive, str) else tuple(forgive)
    if strange := [column for column in forgiven if column not in columns]:
        raise UserError(f"'{strange[0]}' is to be forgiven and not compared: name it in on= as well.")
    for frame, name in ((ours, "record of the release"), (theirs, "person of the register")):
        if frame.isna().any(axis=1).all():
            raise UserError(f"No {name} has a value in all of {', '.join(columns)}: compare fewer columns.")
    known = None if truth is None else _checked_truth(truth, len(ours), len(theirs))
    generalized = is_generalized(ours)
    if generalized and forgiven:
        raise UserError(
            "Typing errors cannot be forgiven in a table with ranges or sets: leave out forgive=."
        )

    def named(people: pd.DataFrame) -> pd.DataFrame:
        if generalized:
            return _in_classes(ours, people, one_to_one, meanings)
        return _exactly(ours, people, forgiven, one_to_one)

    matches = named(theirs)
    if known is None:
        return _unscored(columns, len(ours), len(theirs), matches)
    matches["correct"] = known[matches["register_row"]] == matches["release_row"]
    outsiders = theirs[known < 0].reset_index(drop=True)
    control = len(named(outsiders)) / len(ours) if len(outsiders) else None
    return _scored(columns, len(ours), matches, known, control)


def _checked_truth(truth: Any, records: int, people: int) -> Integers:
    rows = np.asarray(truth)
    if rows.shape != (people,) or rows.dtype.kind not in "iu":
        raise UserError(
            f"truth must hold one whole number for each of the {people:,} people of the register, not "
            f"{rows.dtype} of shape {rows.shape}: the row of the release, or -1."
        )
    if len(rows) and not -1 <= rows.min() <= rows.max() < records:
        raise UserError(f"truth must hold rows of the release, 0 to {records - 1:,}, or -1 for nobody.")
    return rows.astype(np.int64)


def _exactly(
    ours: pd.DataFrame, theirs: pd.DataFrame, forgiven: tuple[str, ...], one_to_one: bool
) -> pd.DataFrame:
    coded = {name: codes_of(ours[name], theirs[name]) for name in ours.columns}
    n = len(ours)
    here, there = ([coded[name][0][side] for name in ours.columns] for side in (0, 1))
    whole_here, whole_there = (np.all([c >= 0 for c in side], axis=0) for side in (here, there))
    key = combined([np.concatenate(both) for both in zip(here, there, strict=True)])
    fitting = np.bincount(key[n:][whole_there], minlength=len(key))
    person = np.full(len(key), -1)
    person[key[n:]] = np.arange(len(theirs))
    counted = fitting[key[:n]]
    alike = np.bincount(key[:n][whole_here], minlength=len(key))[key[:n]]
    alone = whole_here & ((alike == 1) | (not one_to_one))
    rows = np.flatnonzero(alone & (counted == 1))
    found = _found(rows, person[key[rows]], False)
    if not forgiven:
        return found
    rows = np.flatnonzero(alone & (counted == 0))
    near = [_near(name, coded, rows, whole_there) for name in forgiven]
    records, persons = (np.concatenate(side) for side in zip(*near, strict=True))
    # Exactly one person in all columns together; several hits on one person are one.
    once = np.bincount(records, minlength=n)[records] == 1
    claims = _found(records[once], persons[once], True)
    if one_to_one:
        claims = claims[~claims["register_row"].isin(found["register_row"])]
        claims = claims.drop_duplicates("register_row", keep=False)
    return _sorted(found, claims)


def _near(
    name: str, coded: Mapping[str, Any], rows: Integers, whole: np.ndarray
) -> tuple[Integers, Integers]:
    """Return pairs of record and person that agree in all other columns and nearly in this one."""
    import pandas as pd

    (here, there), texts = coded[name]
    others = [codes for other, (codes, _) in coded.items() if other != name]
    joint = combined([np.concatenate([c[0][rows], c[1]]) for c in others]) if others else None
    rest = joint if joint is not None else np.zeros(len(rows) + len(there), dtype=np.int64)
    people = np.flatnonzero(whole)
    people = people[np.isin(rest[len(rows) :][people], rest[: len(rows)])]
    wrong, right = neighbors(texts, np.unique(here[rows]), np.unique(there[people]))
    typed = pd.DataFrame({"record": rows, "rest": rest[: len(rows)], "wrong": here[rows]})
    meant = pd.DataFrame({"person": people, "rest": rest[len(rows) :][people], "right": there[people]})
    pairs = typed.merge(pd.DataFrame({"wrong": wrong, "right": right}), on="wrong").merge(
        meant, on=["rest", "right"]
    )
    return pairs["record"].to_numpy(np.int64), pairs["person"].to_numpy(np.int64)


def _in_classes(
    ours: pd.DataFrame, theirs: pd.DataFrame, one_to_one: bool, meanings: Meanings | None
) -> pd.DataFrame:
    """Name the records of a generalized table: those whose class fits one person."""
    classes = ours.drop_duplicates(ignore_index=True)
    numbered = combined([np.concatenate(codes_of(ours[c], classes[c])[0]) for c in ours.columns])
    place = np.empty(int(numbered.max()) + 1, dtype=np.int64)
    place[numbered[len(ours) :]] = np.arange(len(classes))
    class_of = place[numbered[: len(ours)]]
    whole = np.flatnonzero(theirs.notna().all(axis=1))
    persons, found = locate(classes, theirs.iloc[whole].reset_index(drop=True), meanings=meanings)
    fitting = np.bincount(found, minlength=len(classes))
    person = np.full(len(classes), -1)
    person[found] = whole[persons]
    alike = np.bincount(class_of, minlength=len(classes))
    rows = np.flatnonzero((fitting[class_of] == 1) & ((alike[class_of] == 1) | (not one_to_one)))
    matches = _found(rows, person[class_of[rows]], False)
    # Classes can overlap: a person whom two classes fit is neither's for sure.
    twice = np.bincount(persons, minlength=len(whole))[np.searchsorted(whole, matches["register_row"])] > 1
    return matches[~twice].reset_index(drop=True)


def _found(records: Integers, persons: Integers, typing_error: bool) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame({"release_row": records, "register_row": persons, "typing_error": typing_error})


def _sorted(*parts: pd.DataFrame) -> pd.DataFrame:
    import pandas as pd

    return pd.concat(parts, ignore_index=True).sort_values("release_row", ignore_index=True)


def _method(columns: tuple[str, ...]) -> str:
    return f"records that fit exactly one person in {', '.join(columns)}"


def _unscored(columns: tuple[str, ...], records: int, people: int, matches: pd.DataFrame) -> Linkage:
    unknown = Unassessed("How many names are right cannot be said without the truth: give truth=.")
    named = share_measured(
        "linkage_named", len(matches), records, unit="share of records", baseline=float(people == 1),
        control=None, method=_method(columns), source=SWEENEY,
    )  # fmt: skip
    return Linkage(columns, records, people, matches, named, unknown, unknown, unknown, unknown)


def _scored(
    columns: tuple[str, ...], records: int, matches: pd.DataFrame, truth: Integers, control: float | None
) -> Linkage:
    people, inside = len(truth), int(np.count_nonzero(truth >= 0))
    in_both = len(np.unique(truth[truth >= 0]))
    right = int(matches["correct"].sum())
    strangers = int(np.count_nonzero(truth[matches["register_row"]] < 0))
    guess = in_both / records / people
    nobody = Unassessed("Nobody was named.")

    def share(
        name: str, hits: int, n: int, *, unit: str, baseline: float, control: float | None = None
    ) -> Measurement:
        return share_measured(
            name, hits, n, unit=unit, baseline=baseline, control=control,
            method=_method(columns), source=SWEENEY,
        )  # fmt: skip

    records_of, names_of = "share of records", "share of names"
    n = len(matches)
    return Linkage(
        columns=columns,
        records=records,
        people=people,
        matches=matches,
        named=share(
            "linkage_named", n, records, unit=records_of, baseline=float(people == 1), control=control
        ),
        precision=share("linkage_precision", right, n, unit=names_of, baseline=guess) if n else nobody,
        recall=share("linkage_recall", right, in_both, unit="share of records in both", baseline=1 / people)
        if in_both
        else Unassessed("Nobody of the release is in the register."),
        identified=share(
            "linkage_identified", right, records, unit=records_of, baseline=guess,
            # Without anybody of the release in the register no name can be right.
            control=None if control is None else 0.0,
        ),
        false_accusations=share(
            "linkage_false_accusations", strangers, n, unit=names_of, baseline=1 - inside / people,
            control=None if control is None else 1.0,
        )
        if n
        else nobody,
    )  # fmt: skip
