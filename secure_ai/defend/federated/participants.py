"""Who takes part, with which rows: three hospitals of unequal size and unequal patients, for instance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from secure_ai.anonymize.differential_privacy.learning.inputs import checked_features
from secure_ai.core.errors import UserError
from secure_ai.defend.federated.client import LocalClient
from secure_ai.defend.federated.encoding import AgreedEncoder, agree_encoder, summarize_table
from secure_ai.defend.federated.model import FederatedModel

MOST_DRAWS = 200
Rows = np.ndarray | pd.DataFrame


@dataclass(frozen=True, repr=False)
class Participant:
    """One house with its rows; a part is held out and never trained on.

    Attributes:
        name: of the house.
        rows: (records, features) numbers.
        labels: (records,) how each case ended.
        test_rows, test_labels: held out.
        encoder: by which rows were made of a table with names and texts, agreed by sums; None if none was
            needed.
    """

    name: str
    rows: np.ndarray
    labels: np.ndarray
    test_rows: np.ndarray
    test_labels: np.ndarray
    encoder: AgreedEncoder | None = None

    def __repr__(self) -> str:
        """Say how much there is, and nothing of what it is."""
        return f"Participant({self.name!r}, {len(self.rows)} rows, {len(self.test_rows)} held out)"

    def client(self, model: FederatedModel, seed: int | None = 0) -> LocalClient:
        """Return the client that trains on the rows of this house."""
        return LocalClient(self.name, self.rows, self.labels, model, seed)


def split_unequally(
    rows: Any,
    labels: Any,
    names: Sequence[str],
    *,
    sizes: Sequence[float] | None = None,
    label_skew: float | None = 1.0,
    least: int = 20,
    held_out: float = 0.3,
    people: Any = None,
    seed: int = 0,
) -> list[Participant]:
    """Deal rows out to participants with unequal sizes and unequal outcomes, each with a held-out part.

    Args:
        rows: (records, features) numbers, or a DataFrame, of which the participants agree on an encoder by
            sums over the rows that they train on (see ``encoding``).
        labels: (records,) classes.
        names: of the participants, two or more.
        sizes: share of the records of each; None for equal ones.
        label_skew: parameter of the Dirichlet distribution by which each class is dealt out: 0.1 is very
            unequal, 100 nearly equal; None deals every class by size alone.
        least: people that each participant gets at least; the split is drawn again until that is so.
        held_out: share of each participant's people whose rows are held out for tests.
        people: (records,) whose row it is: all rows of a person go to one participant, and to one side of its
            held-out part. None takes each row for a person.
        seed: of the dealing.

    Raises:
        UserError: if there are fewer than two participants, lengths differ, or no split gives everybody
            ``least`` people.

    Source: Hsu, Qi & Brown, Measuring the effects of non-identical data distribution for federated visual
        classification (2019), the Dirichlet split.
    """
    x, y, own = _checked(rows, labels, people)
    if not 0 < held_out < 1:
        raise UserError(f"held_out={held_out}: choose a share between 0 and 1, for instance 0.3.")
    if label_skew is not None and not label_skew > 0:
        raise UserError(f"label_skew={label_skew}: choose a number above 0, or None for no skew.")
    share = _shares(names, sizes)
    rng = np.random.default_rng(seed)
    # A person counts for the class of the highest number it has: the rare outcome in our tables.
    kind = np.zeros(own.max() + 1, dtype=int)
    np.maximum.at(kind, own, np.unique(y, return_inverse=True)[1])
    for _ in range(MOST_DRAWS):
        house = _houses(kind, share, label_skew, rng)
        if np.bincount(house, minlength=len(share)).min() >= max(least, 2):
            break
    else:
        raise UserError(
            f"No split of {len(kind):,} people gives each of {len(share)} participants {max(least, 2)}: take "
            "fewer participants, more even sizes, a larger label_skew, or a smaller `least`."
        )
    return _dealt(x, y, own, house, names=list(names), held_out=held_out, rng=rng)


def split_by(
    rows: Any,
    labels: Any,
    groups: Any,
    *,
    held_out: float = 0.3,
    people: Any = None,
    seed: int = 0,
) -> list[Participant]:
    """Deal rows out by a column: each value of ``groups`` is a participant, with a held-out part.

    A person with rows in two groups is in both, as a patient of two hospitals is; its rows stay on one side
    of each held-out part.

    Args:
        rows: (records, features) numbers, or a DataFrame, of which the participants agree on an encoder by
            sums over the rows that they train on (see ``encoding``).
        labels: (records,) classes.
        groups: (records,) name of the participant of each row.
        held_out: share of each participant's people whose rows are held out for tests.
        people: (records,) whose row it is; None takes each row for a person.
        seed: of the held-out part.

    Raises:
        UserError: if there are fewer than two groups, lengths differ, or a group is too small to hold out.
    """
    x, y, own = _checked(rows, labels, people)
    given = np.asarray(groups, dtype=object).ravel()
    if len(given) != len(x) or pd.isna(given).any():
        raise UserError("groups: give the participant of each row, none missing.")
    house, names = pd.factorize(given, sort=True)
    if len(names) < 2:
        raise UserError("groups: there must be two participants or more.")
    if not 0 < held_out < 1:
        raise UserError(f"held_out={held_out}: choose a share between 0 and 1, for instance 0.3.")
    # The same person in two houses is two people as far as holding out goes.
    own = np.unique(own * len(names) + house, return_inverse=True)[1].ravel()
    of = np.zeros(own.max() + 1, dtype=int)
    of[own] = house
    return _dealt(
        x, y, own, of, names=[str(name) for name in names], held_out=held_out, rng=np.random.default_rng(seed)
    )


def model_for(participants: Sequence[Participant], hidden: Sequence[int] = ()) -> FederatedModel:
    """Return the shape of a model for these participants: their features, and the classes of all.

    Args:
        participants: from :func:`split_unequally`, for instance.
        hidden: units of each hidden layer; () for logistic regression.
    """
    if not participants:
        raise UserError("There is no participant: give at least one.")
    classes = np.unique(np.concatenate([[*each.labels, *each.test_labels] for each in participants]))
    return FederatedModel(participants[0].rows.shape[1], tuple(hidden), tuple(classes.tolist()))


def describe_participants(participants: Sequence[Participant]) -> pd.DataFrame:
    """Return one row for each: participant, rows, held_out, and the share of each class among its rows."""
    classes = np.unique(np.concatenate([each.labels for each in participants]))
    return pd.DataFrame(
        [
            {"participant": each.name, "rows": len(each.rows), "held_out": len(each.test_rows)}
            | {f"share of {label}": float(np.mean(each.labels == label)) for label in classes}
            for each in participants
        ]
    )


def pooled_rows(participants: Sequence[Participant]) -> tuple[np.ndarray, np.ndarray]:
    """Return rows and labels of all participants together: what nobody in a federation ever holds."""
    return (
        np.concatenate([each.rows for each in participants]),
        np.concatenate([each.labels for each in participants]),
    )


def _checked(rows: Any, labels: Any, people: Any) -> tuple[Rows, np.ndarray, np.ndarray]:
    x: Rows = rows.reset_index(drop=True) if isinstance(rows, pd.DataFrame) else checked_features(rows)
    y = np.asarray(labels).ravel()
    if len(y) != len(x):
        raise UserError(f"There are {len(x):,} rows and {len(y):,} labels: give one for each row.")
    if pd.isna(y).any():
        raise UserError("A label is missing: leave those rows out.")
    if people is None:
        return x, y, np.arange(len(x))
    own = pd.factorize(np.asarray(people, dtype=object).ravel())[0]
    if len(own) != len(x) or (own < 0).any():
        raise UserError("people: give whose row each is, none missing.")
    return x, y, own


def _shares(names: Sequence[str], sizes: Sequence[float] | None) -> np.ndarray:
    if isinstance(names, str) or len(names) < 2 or len({str(name) for name in names}) < len(names):
        raise UserError("names: give two participants or more, each with a name of its own.")
    share = np.ones(len(names)) if sizes is None else np.asarray(list(sizes), dtype=float)
    if len(share) != len(names) or not np.isfinite(share).all() or (share <= 0).any():
        raise UserError(f"sizes: give a number above 0 for each of the {len(names)} participants.")
    return share / share.sum()


def _houses(
    kind: np.ndarray, share: np.ndarray, label_skew: float | None, rng: np.random.Generator
) -> np.ndarray:
    """Return the number of the participant of each person, whose class is in ``kind``."""
    house = np.zeros(len(kind), dtype=int)
    for each in np.unique(kind):
        who = rng.permutation(np.flatnonzero(kind == each))
        part = share if label_skew is None else rng.dirichlet(label_skew * len(share) * share)
        house[who] = np.searchsorted(np.cumsum(part)[:-1], (np.arange(len(who)) + 0.5) / len(who))
    return house


def _dealt(
    x: Rows,
    y: np.ndarray,
    own: np.ndarray,
    house: np.ndarray,
    *,
    names: list[str],
    held_out: float,
    rng: np.random.Generator,
) -> list[Participant]:
    aside = np.zeros(len(house), dtype=bool)
    for number, name in enumerate(names):
        who = rng.permutation(np.flatnonzero(house == number))
        if len(who) < 2:
            raise UserError(
                f"Participant '{name}' would get fewer than two cases: take fewer participants, more even "
                "sizes, or a larger label_skew."
            )
        aside[who[: min(max(1, round(held_out * len(who))), len(who) - 1)]] = True
    place, out = house[own], aside[own]
    encoder = None
    if isinstance(x, pd.DataFrame):
        encoder = agree_encoder(
            [summarize_table(x[(place == number) & ~out]) for number in range(len(names))]
        )
        x = encoder.transform(x)
    return [
        Participant(name, x[mine & ~out], y[mine & ~out], x[mine & out], y[mine & out], encoder)
        for name, mine in ((name, place == number) for number, name in enumerate(names))
    ]
