"""Columns of a data frame, encrypted and decrypted value by value."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import pandas as pd

from secure_ai.core.errors import UserError
from secure_ai.core.sources import shown
from secure_ai.encrypt.fields.cipher import FieldCipher, is_encrypted
from secure_ai.encrypt.fields.encoding import is_missing


def encrypt_columns(
    frame: pd.DataFrame,
    columns: Sequence[str],
    cipher: FieldCipher,
    *,
    row_key: str | Sequence[str],
    person: str | None = None,
) -> pd.DataFrame:
    """Return a copy of ``frame`` with ``columns`` encrypted; index, order and other columns stay.

    Args:
        frame: the table.
        columns: what to encrypt.
        cipher: made for this table; save its ``keys`` afterwards.
        row_key: the column, or columns, that identify a row; not encrypted, because they are needed again.
        person: the column of the person's identifier, where each person has a key of their own.

    Raises:
        UserError: for a missing column, row keys that are missing or not unique, a value that cannot be
            encrypted or is encrypted already.
    """
    keys = _checked(frame, columns, row_key)
    persons = None
    if person is not None:
        _require(frame, [person])
        persons = frame[person].tolist()
    result = frame.copy()
    for column in columns:
        values = frame[column].tolist()
        refuse_encrypted(values, column)
        result[column] = pd.Series(cipher.encrypt_values(values, column, keys, persons), frame.index, "str")
    return result


def decrypt_columns(
    frame: pd.DataFrame,
    columns: Sequence[str],
    cipher: FieldCipher,
    *,
    row_key: str | Sequence[str],
    unavailable: str = "refuse",
) -> pd.DataFrame:
    """Return a copy of ``frame`` with ``columns`` decrypted.

    Values come back with their type: whole numbers as int64 (Int64 where some are missing), dates and
    times as timestamps of their unit; what was a category or a narrower number is text or the wider one.

    Args:
        frame: the table, its rows in any order.
        columns: what to decrypt.
        cipher: with the ``keys`` that were saved when encrypting.
        row_key: as when encrypting.
        unavailable: ``"refuse"``, or ``"missing"``: where a data key does not open (the person was
            shredded, the key is not ours to use) values become missing, and a warning counts them.

    Raises:
        UserError: as :meth:`FieldCipher.decrypt`, with the number of the row, counted from 1.
    """
    if unavailable not in {"refuse", "missing"}:
        raise UserError(f"unavailable is 'refuse' or 'missing', not '{shown(str(unavailable))}'.")
    keys = _checked(frame, columns, row_key)
    result = frame.copy()
    for column in columns:
        gone: dict[int, str] | None = {} if unavailable == "missing" else None
        values = cipher.decrypt_values(frame[column].tolist(), column, keys, unavailable=gone)
        result[column] = typed_series(values, frame.index)
        warn_unavailable(len(gone or ()), column)
    return result


def warn_unavailable(count: int, column: str) -> None:
    """Warn that ``count`` values of ``column`` stay closed."""
    if count:
        warnings.warn(
            f"{count:,} values of column '{shown(column)}' are missing: their data keys do not open.",
            stacklevel=3,
        )


def refuse_encrypted(values: Sequence[Any], column: str, first_row: int = 1) -> None:
    """Refuse values that are encrypted already.

    Raises:
        UserError: naming the first such row.
    """
    row = next((i for i, value in enumerate(values) if is_encrypted(value)), None)
    if row is not None:
        raise UserError(
            f"Row {first_row + row:,} of column '{shown(column)}' is encrypted already: "
            "encrypt the original table, or leave this column out."
        )


def typed_series(values: list[Any], index: pd.Index) -> pd.Series:
    """Return ``values`` as a Series of the type that they share, of objects if they share none."""
    kinds = {type(value) for value in values if value is not None}
    complete = all(value is not None for value in values)
    kind = kinds.pop() if len(kinds) == 1 else None
    if kind is str or (kind is None and not kinds and not complete):
        return pd.Series(values, index, dtype="str")
    if kind is bool:
        return pd.Series(values, index, dtype="bool" if complete else "boolean")
    if kind is float:
        return pd.Series(values, index, dtype="float64")
    if kind is int and all(value is None or -(2**63) <= value < 2**63 for value in values):
        return pd.Series(values, index, dtype="int64" if complete else "Int64")
    if kind is pd.Timestamp:
        times = [value for value in values if value is not None]
        if len({(time.unit, str(time.tzinfo)) for time in times}) == 1:
            return pd.Series(pd.DatetimeIndex(values).as_unit(times[0].unit), index)
    return pd.Series(values, index, dtype="object")


def row_keys_of(columns: Sequence[Sequence[Any]]) -> list[Any]:
    """Return the key of each row: a value, or a tuple where several columns make the key."""
    return list(columns[0]) if len(columns) == 1 else list(zip(*columns, strict=True))


def key_columns(row_key: str | Sequence[str]) -> list[str]:
    """Return the names of the columns that make the row key."""
    return [row_key] if isinstance(row_key, str) else list(row_key)


def check_choice(columns: Sequence[str], row_key: str | Sequence[str]) -> None:
    """Check what is to be encrypted or decrypted.

    Raises:
        UserError: if it is nothing, a plain text, named twice, or part of the row key.
    """
    names = key_columns(row_key)
    if isinstance(columns, str) or not columns or len(set(columns)) < len(columns) or not names:
        raise UserError("Name the columns as a list, each once, such as ['ssn', 'diagnosis'], and a row key.")
    for name in columns:
        if name in names:
            raise UserError(f"Column '{shown(name)}' is the row key and must stay readable: name another.")


def _checked(frame: pd.DataFrame, columns: Sequence[str], row_key: str | Sequence[str]) -> list[Any]:
    check_choice(columns, row_key)
    names = key_columns(row_key)
    _require(frame, [*names, *columns])
    columns_of_key = [frame[name].tolist() for name in names]
    keys = row_keys_of(columns_of_key)
    # As text, because 7 and "7" are one place.
    texts = set(row_keys_of([[str(value) for value in column] for column in columns_of_key]))
    if not any(is_missing(key) for key in keys) and len(texts) < len(keys):
        raise duplicate_keys(names)
    return keys


def duplicate_keys(names: Sequence[str]) -> UserError:
    """Say that the row key does not tell rows apart."""
    return UserError(
        f"The row key '{shown(', '.join(names))}' has the same value in several rows, whose values could be "
        "exchanged unnoticed: name the column, or the columns, that identify a row."
    )


def _require(frame: pd.DataFrame, columns: Sequence[str]) -> None:
    for name in columns:
        count = list(frame.columns).count(name)
        if count != 1:
            what = "has no column" if count == 0 else "has several columns"
            raise UserError(f"The table {what} '{shown(name)}': check the names.")
