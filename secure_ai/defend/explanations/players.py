"""The features of an explanation as players, and rows put together from the case and from others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from secure_ai.core import UserError


@dataclass(frozen=True)
class Players:
    """What a contribution is given to: a feature, or several columns that are one feature.

    Attributes:
        names: of the players.
        columns: names of the columns of each.
        of_column: (columns,) the player of each column.
    """

    names: tuple[str, ...]
    columns: tuple[tuple[Any, ...], ...]
    of_column: np.ndarray

    def __len__(self) -> int:
        return len(self.names)


def make_players(columns: Sequence[Any], groups: Mapping[str, Sequence[Any]] | None = None) -> Players:
    """Return one player for each column, or for each group of columns (the columns of one category, say).

    Args:
        columns: names of all columns.
        groups: name of a player → its columns; a column that is in none stands alone.

    Raises:
        UserError: if a group names no column, an unknown one, or one that another group has.
    """
    owner: dict[Any, str] = {}
    for name, members in (groups or {}).items():
        if isinstance(members, str) or not len(members):
            raise UserError(f"Group '{name}': list its columns.")
        for member in members:
            if member not in columns:
                raise UserError(f"Group '{name}': there is no column '{member}'.")
            if member in owner:
                raise UserError(f"Column '{member}' is in the groups '{owner[member]}' and '{name}': choose.")
            owner[member] = name
    names = list(dict.fromkeys(owner.get(column, str(column)) for column in columns))
    if len(names) != len(set(columns) - set(owner)) + len(groups or {}):
        raise UserError("A group has the name of a column outside it, or two columns have one name: rename.")
    place = {name: at for at, name in enumerate(names)}
    of_column = np.array([place[owner.get(column, str(column))] for column in columns], dtype=int)
    members = tuple(
        tuple(column for column, at in zip(columns, of_column, strict=True) if at == player)
        for player in range(len(names))
    )
    return Players(tuple(names), members, of_column)


def as_frame(rows: Any) -> tuple[pd.DataFrame, bool]:
    """Return rows as a frame, and whether they were an array (whose columns become x0, x1 …)."""
    if isinstance(rows, pd.DataFrame):
        return rows.reset_index(drop=True), False
    array = np.asarray(rows)
    if array.ndim != 2:
        raise UserError("Give rows as a frame, or as an array of rows x features.")
    return pd.DataFrame(array, columns=[f"x{at}" for at in range(array.shape[1])]), True


def as_row(row: Any, like: pd.DataFrame) -> pd.DataFrame:
    """Return one case as a frame of one row with the columns and types of ``like``.

    Args:
        row: a frame of one row, a Series, a mapping, or a list of values.
        like: the other rows.

    Raises:
        UserError: if there is not exactly one row, a column is missing, or a value does not fit its column.
    """
    if isinstance(row, pd.DataFrame):
        if len(row) != 1:
            raise UserError(f"There are {len(row):,} rows to explain: give one, such as rows.iloc[[0]].")
        values = row.iloc[0]
    elif isinstance(row, pd.Series | Mapping):
        values = pd.Series(row, dtype=object) if isinstance(row, Mapping) else row
    else:
        array = np.asarray(row).ravel()
        if len(array) != like.shape[1]:
            raise UserError(f"The row has {len(array)} values, the other rows have {like.shape[1]} columns.")
        values = pd.Series(array, index=like.columns)
    absent = [column for column in like.columns if column not in values.index]
    if absent:
        raise UserError(f"The row has no column '{absent[0]}', which the other rows have.")
    found = {}
    for column in like.columns:
        kind = like[column].dtype
        try:
            cast = pd.Series([values[column]]).astype(kind)
        except (TypeError, ValueError):
            raise UserError(f"Column '{column}' of the row is not of the type of the other rows.") from None
        if cast.isna().any() and not pd.isna(values[column]):
            raise UserError(f"Column '{column}' of the row has a category that the other rows do not know.")
        found[column] = cast
    return pd.DataFrame(found, columns=like.columns)


def composites(
    row: pd.DataFrame, others: pd.DataFrame, players: Players, masks: np.ndarray, picks: np.ndarray
) -> pd.DataFrame:
    """Return rows that take the masked players from ``row`` and the rest from one of the ``others`` each.

    Args:
        row: the case, one row.
        others: rows of other people.
        players: which columns belong together.
        masks: (rows, players) whether the value is the case's own.
        picks: (rows,) which of the others lends the rest.
    """
    own = masks[:, players.of_column]
    kinds = set(others.dtypes)
    if len(kinds) == 1 and isinstance(next(iter(kinds)), np.dtype):
        values = np.where(own, row.to_numpy(), others.to_numpy()[picks])
        return pd.DataFrame(values, columns=others.columns)
    both = pd.concat([row, others], ignore_index=True)
    place = np.where(own, 0, 1 + picks[:, None])
    return pd.DataFrame(
        {column: both[column].array.take(place[:, at]) for at, column in enumerate(others.columns)}
    )
