"""Membership from a table of probabilities alone: the model stays where it is, and so do the records.

Columns: ``p_<class>`` the probability that the model gives to each class, ``label`` the record's class,
``member`` 1 or 0 (true, false, yes, no). With reference models also ``ref_<model>``, the probability that
this one gives to the record's own class, and ``in_<model>``, 1 where the record was in its training data;
without ``in_`` columns no reference has seen the records.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from secure_ai.attack.membership import scores
from secure_ai.attack.membership.attacks import RMIA
from secure_ai.attack.membership.judging import CARLINI, LEAST, YEOM, MembershipAttack, membership_from_scores
from secure_ai.attack.membership.references import ReferenceSignals
from secure_ai.attack.targets.errors import TargetError, reason_instead
from secure_ai.attack.targets.target import open_target
from secure_ai.core import Unassessed, UserError
from secure_ai.core.sources import Source, TableLike, as_source, shown

YES, NO = {"1", "1.0", "true", "yes"}, {"0", "0.0", "false", "no"}


def membership_from_table(source: TableLike, *, seed: int = 0) -> MembershipAttack | Unassessed:
    """Measure membership from probabilities in a table.

    Args:
        source: whatever :func:`secure_ai.core.sources.open_source` reads, with the columns of this module.
        seed: of halves, shuffles and resampling.

    Returns:
        The loss threshold; with references LiRA or RMIA, whichever finds more members of the references
        (offline LiRA where these have not seen the records). ``Unassessed`` with the reason where the
        probabilities are none, or a group has fewer than 20 records.

    Raises:
        UserError: if a column is missing, or a row cannot be read (the column and the row are named).

    Source: Carlini et al. (2022); Yeom et al. (2018); Zarifzadeh et al. (2024).
    """
    return reason_instead(_measured)(as_source(source), seed)


def _measured(opened: Source, seed: int) -> MembershipAttack:
    opened.require(["label", "member"])
    frame = opened.to_pandas()
    classes = [name[2:] for name in frame.columns if name.startswith("p_")]
    if len(classes) < 2:
        raise UserError(
            f"{opened.label} has {len(classes)} columns of probabilities: name one p_<class> for each class."
        )
    member = _flags(frame["member"], opened.label)
    chances = _checked(frame[[f"p_{name}" for name in classes]], opened.label)
    own = _own(frame["label"], classes, chances, opened.label)
    for name, count in (("members", int(member.sum())), ("non-members", int((~member).sum()))):
        if count < LEAST:
            raise TargetError(f"{opened.label} has {count} {name}: give {LEAST} or more.")
    known = _references(frame, opened.label)
    if known is None:
        found, attack, source_name = scores.logit(own), "loss threshold", YEOM
    else:
        online = bool(known.member.any())
        mode: scores.Mode = "online" if online else "offline"
        method = scores.best_method(known) if online else "lira"
        judge = scores.lira_scores if method == "lira" else scores.rmia_scores
        found = judge(own, known, mode=mode)
        attack, source_name = (f"{mode} LiRA", CARLINI) if method == "lira" else (f"{mode} RMIA", RMIA)
    order = np.concatenate([np.flatnonzero(member), np.flatnonzero(~member)])
    return membership_from_scores(
        found[member],
        found[~member],
        attack=attack,
        source=source_name,
        expected=None if known is None else known.expected()[order],
        seed=seed,
    )


def _flags(column: Any, label: str) -> np.ndarray:
    words = column.astype(str).str.strip().str.lower()
    wrong = ~words.isin(YES | NO)
    if wrong.any():
        raise UserError(
            f"{label}: column '{shown(column.name)}' is neither 1 nor 0 in {int(wrong.sum()):,} rows (first "
            f"in row {int(wrong.to_numpy().argmax()) + 1}): write 1 or 0."
        )
    return words.isin(YES).to_numpy()


def _numbers(frame: Any, label: str) -> np.ndarray:
    import pandas as pd

    numbers = frame.apply(pd.to_numeric, errors="coerce").to_numpy(dtype=float)
    bad = ~np.isfinite(numbers) | (numbers < 0) | (numbers > 1)
    if bad.any():
        row, column = np.argwhere(bad)[0]
        raise UserError(
            f"{label}: {int(bad.sum()):,} probabilities are missing or not from 0 to 1 (first in column "
            f"'{shown(frame.columns[column])}', row {row + 1}): correct them, or leave those rows out."
        )
    return numbers


def _checked(frame: Any, label: str) -> np.ndarray:
    """Return the probabilities, judged as those of a model are."""
    numbers = _numbers(frame, label)
    target = open_target(lambda _: numbers, classes=range(numbers.shape[1]), name=f"model in {label}")
    chances = target.probabilities(numbers)
    if not np.ptp(chances, axis=0).max(initial=0) > 0:
        raise TargetError(f"{label} has the same probabilities in all rows: check how they were written.")
    return chances


def _own(labels: Any, classes: list[str], chances: np.ndarray, label: str) -> np.ndarray:
    import pandas as pd

    words = labels.astype(str).str.strip()
    if pd.api.types.is_float_dtype(labels.dtype):
        # A column of whole numbers with a gap in it is read as 0.0, 1.0.
        words = words.str.removesuffix(".0")
    if pd.api.types.is_bool_dtype(labels.dtype) and not words.isin(classes).any():
        words = words.str.lower()
    wrong = ~words.isin(classes)
    if wrong.any():
        raise UserError(
            f"{label}: {int(wrong.sum()):,} rows have a label without a column p_<label> (first in row "
            f"{int(wrong.to_numpy().argmax()) + 1}): name the columns as the labels."
        )
    place = words.map({name: index for index, name in enumerate(classes)}).to_numpy(dtype=int)
    return chances[np.arange(len(place)), place].astype(np.float32)


def _references(frame: Any, label: str) -> ReferenceSignals | None:
    names = [name[4:] for name in frame.columns if name.startswith("ref_")]
    if not names:
        return None
    chances = _numbers(frame[[f"ref_{name}" for name in names]], label).T
    given = [f"in_{name}" in frame.columns for name in names]
    if any(given) and not all(given):
        raise UserError(
            f"{label}: {sum(given)} of {len(names)} reference models say whose records they have seen: add "
            "in_<model> for each ref_<model>, or for none."
        )
    member = np.zeros(chances.shape, bool)
    if all(given):
        member = np.stack([_flags(frame[f"in_{name}"], label) for name in names])
    # What the other classes had is not in the table.
    return ReferenceSignals(
        chances.astype(np.float32), chances >= 0.5, member, np.arange(len(frame), dtype=np.uint64)
    )
