"""Keys of people as they stand in data, in one form, and the pseudonyms by which a ledger knows them."""

from __future__ import annotations

import hmac
import math
import numbers
import re
import unicodedata
import uuid
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from secure_ai.core.errors import UserError, system_reason

KEY_BYTES = 32
PSEUDONYM_BYTES = 16
LARGEST_EXACT = 2**53  # beyond it a float stands for more than one whole number: for more than one person
NOBODY = ""
UNSEEN = {"Cc", "Cf"}  # control and format characters: a zero-width space, a byte-order mark, a line end
# A column of floats written to a text file: whole numbers with ".0", from 1e16 on with an exponent.
_WHOLE_FLOAT = re.compile(r"(-?[0-9]{1,40})\.0+")
_LARGE_FLOAT = re.compile(r"-?[0-9](\.[0-9]+)?e\+[0-9]{2,3}")


def person_key(value: Any) -> str:
    """Return one form of a person's key: the whole number 17, 17.0 and the text "17" are the same person.

    A column of whole numbers with a gap in it comes as floats from pandas, and from a CSV file it may come as
    text, "17.0" even: a withdrawal must be found all the same. Of a text neither blanks around it, nor
    characters that nobody sees, nor the width of its letters and digits (Unicode NFKC) count. Leading zeros
    and letter case do: "017" and "17", "p1" and "P1" may be two people.

    Returns:
        The text; ``""`` where the value names nobody: missing, empty, a fraction, a truth value, a float (or
        what a float was written as) too large to stand for one number.
    """
    if isinstance(value, str):
        return _text_key(value)
    if isinstance(value, uuid.UUID):
        return str(value)
    if isinstance(value, bool | np.bool_) or value is None or value is pd.NA:
        return NOBODY
    if isinstance(value, numbers.Integral):
        return str(int(value))
    if isinstance(value, numbers.Real | Decimal):
        whole = math.isfinite(value) and value == int(value)
        exact = isinstance(value, Decimal) or abs(value) < LARGEST_EXACT
        return str(int(value)) if whole and exact else NOBODY
    return NOBODY


def _text_key(text: str) -> str:
    if not (text.isascii() and text.isprintable()):
        seen = "".join(letter for letter in text if unicodedata.category(letter) not in UNSEEN)
        text = unicodedata.normalize("NFKC", seen)
    text = text.strip()
    if whole := _WHOLE_FLOAT.fullmatch(text):
        return whole[1] if abs(int(whole[1])) < LARGEST_EXACT else NOBODY
    return NOBODY if _LARGE_FLOAT.fullmatch(text) else text


def distinct_keys(people: Any) -> tuple[np.ndarray, list[str]]:
    """Return for each entry the place of its key in a list of distinct keys, and that list.

    Args:
        people: a column, list or array of keys (pandas, NumPy, Arrow).

    Raises:
        UserError: if it is a table, a single text (whose letters would be taken for people), or a column of
            a type that cannot hold keys, such as lists.
    """
    try:
        return _distinct_keys(people)
    except (pa.ArrowException, TypeError):
        # Lists, structs and maps cannot be told apart by value.
        raise UserError(
            "The column of keys holds lists, structs or the like: name a column of texts or whole numbers."
        ) from None


def _distinct_keys(people: Any) -> tuple[np.ndarray, list[str]]:
    if isinstance(people, pa.ChunkedArray | pa.Array):
        # Exact where pandas is not: whole numbers with gaps among them stay whole numbers.
        column = people if isinstance(people, pa.ChunkedArray) else pa.chunked_array([people])
        if pa.types.is_dictionary(column.type):
            column = column.cast(column.type.value_type)
        if not len(column):
            return np.empty(0, dtype=int), []
        encoded = column.dictionary_encode().combine_chunks()
        places = encoded.indices.cast(pa.int64()).fill_null(-1).to_numpy(zero_copy_only=False)
        return places, [person_key(value) for value in encoded.dictionary.to_pylist()]
    if isinstance(people, str | bytes) or getattr(people, "ndim", 1) != 1:
        raise UserError("People are given as one column or list of keys: a single person in a list of one.")
    if not isinstance(people, pd.Series | pd.Index | np.ndarray | pd.api.extensions.ExtensionArray):
        # As objects: numpy would turn 1 and "1" and True in one list into one type.
        values = list(people) if isinstance(people, Iterable) else None
        if values is None:
            raise UserError("People are given as a column or list of keys.")
        people = np.empty(len(values), dtype=object)
        people[:] = values
    if pd.api.types.is_object_dtype(people.dtype):
        # One by one: to a hash table True is 1, and 1.0 is 1.
        texts = [person_key(value) for value in people]
        people = np.empty(len(texts), dtype=object)
        people[:] = texts
    places, values = pd.factorize(people)
    keys = [person_key(value) for value in values]
    return places, keys


class Pseudonyms:
    """Turns keys of people into pseudonyms: a keyed hash, which says nothing without the key.

    Args:
        key: 32 bytes.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key

    def of(self, value: Any) -> str:
        """Return the pseudonym of one person.

        Raises:
            UserError: if the value names nobody.
        """
        if not (key := person_key(value)):
            raise UserError(
                "The key of the person is missing or is none (a fraction, a truth value, a float too large): "
                "give the identifier as text."
            )
        return self._hashed(key)

    def all(self, keys: Iterable[str]) -> list[str]:
        """Return the pseudonyms of keys in the form of :func:`person_key`; ``""`` for nobody."""
        return [self._hashed(key) if key else NOBODY for key in keys]

    def _hashed(self, key: str) -> str:
        return hmac.digest(self._key, key.encode("utf-8", "surrogatepass"), "sha256")[:PSEUDONYM_BYTES].hex()


def read_key(key: bytes | str | Path) -> bytes:
    """Return the secret of a ledger, read from its file where a path is given.

    Raises:
        UserError: if it cannot be read, or is shorter than 32 bytes.
    """
    if not isinstance(key, bytes | str | Path):
        raise UserError("The key of a consent ledger is bytes, or the name of the file that holds them.")
    if not isinstance(key, bytes):
        path = Path(key)
        try:
            key = path.read_bytes()
        except (OSError, ValueError) as error:
            raise UserError(
                f"The key file {path.name} of the consent ledger cannot be read ({system_reason(error)}): "
                "name the file that was made with the ledger."
            ) from None
    if len(key) < KEY_BYTES:
        raise UserError(
            f"The key of a consent ledger has {KEY_BYTES} random bytes or more: secrets.token_bytes(32)."
        )
    return key


def derived(key: bytes, use: str) -> bytes:
    """Return the part of the secret that serves one use."""
    return hmac.digest(key, b"secure-ai consent ledger: " + use.encode(), "sha256")
