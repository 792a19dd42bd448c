"""Search tokens: equal values get equal tokens, so that encrypted columns can be searched and joined."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from secure_ai.core.errors import UserError
from secure_ai.encrypt.fields.encoding import encode, is_missing
from secure_ai.encrypt.secret_keys import Key

FULL_BITS = 128


class SearchTokens:
    """Deterministic tokens of one column: HMAC-SHA256 with a key of the column's own.

    The trade-off: whoever sees the tokens sees which values are equal, and thus how often each occurs
    (:func:`frequency_attack`); whoever has the key tries all values (:func:`dictionary_attack`). With
    fewer ``bits`` several values share a token: less is seen, and a search returns rows too many
    (:func:`truncation_tradeoff`).

    Args:
        key: the secret; another one than for encryption.
        table: the table's name.
        column: the column's name; the same value has another token in another column.
        bits: length of a token, from 1 to 128.
        fold_case: whether 'Smith ' and 'smith' are to match.
    """

    def __init__(
        self, key: Key, *, table: str, column: str, bits: int = FULL_BITS, fold_case: bool = False
    ) -> None:
        if not 1 <= bits <= FULL_BITS:
            raise UserError(f"A search token has 1 to {FULL_BITS} bits, not {bits}.")
        self.bits, self._fold_case = bits, fold_case
        # Names of tables and columns are told apart by their length.
        self._mac = key.mac(f"search token {len(table)} {table} {column}")

    def token(self, value: Any) -> str | None:
        """Return the token of ``value`` in hexadecimal digits; a missing value has none.

        Raises:
            UserError: for a value that is not text, a number, a date or a time.
        """
        if is_missing(value):
            return None
        if isinstance(value, str) and self._fold_case:
            value = " ".join(value.casefold().split())
        try:
            data = encode(value)
        except TypeError as error:
            raise UserError(
                f"A value of type {error} has no search token: use text, numbers or dates."
            ) from None
        number = int.from_bytes(self._mac.digest(data.hex())[: FULL_BITS // 8], "big")
        return f"{number >> (FULL_BITS - self.bits):0{-(-self.bits // 4)}x}"

    def tokens(self, values: pd.Series | Sequence[Any]) -> pd.Series:
        """Return the token of each value, with the index of ``values`` if it has one."""
        series = values if isinstance(values, pd.Series) else pd.Series(list(values), dtype="object")
        known: dict[Any, str | None] = {}
        tokens = []
        for value in series.tolist():
            missing = is_missing(value)
            # True and 1 are equal as keys, and different as values.
            name = (type(value), value)
            if not missing and name not in known:
                known[name] = self.token(value)
            tokens.append(None if missing else known[name])
        return pd.Series(tokens, series.index, dtype="str", name=series.name)

    def matches(self, tokens: pd.Series, value: Any) -> np.ndarray:
        """Return which of the stored ``tokens`` match ``value``: all its rows, and with few bits others."""
        wanted = self.token(value)
        if wanted is None:
            raise UserError("A missing value cannot be searched for: look for rows without a token.")
        return (tokens == wanted).fillna(False).to_numpy(bool)
