"""Fast string columns: a pool of values and integer codes become a string column without a Python loop."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

Strings = Any  # pandas string array, Arrow-backed


def arrow(values: Any) -> pa.Array:
    """Strings of any kind (sequence, pandas, Arrow) as one Arrow array."""
    array = (
        values if isinstance(values, pa.Array | pa.ChunkedArray) else pa.array(values, type=pa.large_string())
    )
    return array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array


def take(pool: Any, codes: np.ndarray) -> Strings:
    """The value of ``pool`` at each code; a negative code is a missing value.

    Args:
        pool: strings.
        codes: integers of shape (n,).

    Returns:
        A string array of length n.
    """
    missing = codes < 0
    picked = pa.array(np.where(missing, 0, codes), mask=missing) if missing.any() else pa.array(codes)
    return pd.array(arrow(pool).take(picked), dtype="str")


def join(*parts: Any, separator: str = "") -> Strings:
    """Element-wise concatenation of string columns and constants."""
    arrays = [pa.scalar(p, pa.large_string()) if isinstance(p, str) else arrow(p) for p in parts]
    return pd.array(
        pc.binary_join_element_wise(*arrays, pa.scalar(separator, pa.large_string())), dtype="str"
    )


def hexadecimal(rng: np.random.Generator, n: int, digits: int) -> np.ndarray:
    """Random lower-case hexadecimal digits as a (n, digits) matrix of ASCII codes."""
    letters = np.frombuffer(b"0123456789abcdef", dtype=np.uint8)
    return letters[rng.integers(0, 16, size=(n, digits), dtype=np.int8)]


def cents(amounts: np.ndarray) -> np.ndarray:
    """Amounts of money, rounded to two decimals."""
    return np.round(amounts, 2)
