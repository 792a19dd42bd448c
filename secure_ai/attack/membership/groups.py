"""The two groups that an attack tells apart: who is in them, and that nobody is in both."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from secure_ai.attack.targets.errors import TargetError
from secure_ai.attack.targets.preflight import check_rows
from secure_ai.core import UserError

Overlap = Literal["refuse", "leave out", "keep"]
OVERLAPS = ("refuse", "leave out", "keep")
LEAST = 20
SHOWN = 5


def take(rows: Any, places: np.ndarray) -> Any:
    """Return the rows at ``places`` of a frame or an array."""
    return rows.iloc[places] if hasattr(rows, "iloc") else np.asarray(rows)[places]


def stack(*parts: Any) -> Any:
    """Return rows one below the other: frames as a frame, else an array.

    Raises:
        UserError: if some are frames and others not, or their columns differ.
    """
    import pandas as pd

    frames = [isinstance(part, pd.DataFrame) for part in parts]
    if all(frames):
        if any(list(part.columns) != list(parts[0].columns) for part in parts):
            raise UserError("The groups of records have different columns: give both the same, in one order.")
        return pd.concat(parts, ignore_index=True)
    if any(frames):
        raise UserError("One group of records is a frame and another is none: give both as frames.")
    arrays = [np.asarray(part) for part in parts]
    if any(part.shape[1:] != arrays[0].shape[1:] for part in arrays):
        raise UserError("The groups of records have different numbers of columns: give both the same.")
    return np.concatenate(arrays)


def keys_of(rows: Any, labels: Any) -> np.ndarray:
    """Return (records,) uint64: equal for records with equal values and the same class."""
    import pandas as pd

    frame = rows if isinstance(rows, pd.DataFrame) else pd.DataFrame(np.asarray(rows).reshape(len(rows), -1))
    columns = []
    for series in (*(frame.iloc[:, place] for place in range(frame.shape[1])), pd.Series(np.asarray(labels))):
        number = pd.api.types.is_numeric_dtype(series.dtype)
        columns.append(series.to_numpy(dtype=float) if number else series.astype(str).to_numpy(dtype=object))
    hashes = np.zeros(len(frame), dtype=np.uint64)
    for column in columns:
        # -0.0 is 0.0.
        plain = column + 0.0 if column.dtype == float else column
        hashes = hashes * np.uint64(1_099_511_628_211) ^ pd.util.hash_array(plain)
    return hashes


def check_groups(
    members: tuple[Any, Any], non_members: tuple[Any, Any], overlap: Overlap = "refuse"
) -> tuple[tuple[Any, np.ndarray], tuple[Any, np.ndarray]]:
    """Return both groups as rows and labels, fit to be told apart.

    Args:
        members, non_members: rows and labels.
        overlap: what happens to a non-member that is identical to a member in every column and the class:
            ``"refuse"``, ``"leave out"`` of the non-members, or ``"keep"`` where different people look alike
            (then no attack can tell those apart).

    Raises:
        TargetError: if there are too few rows, or values that no model takes, or non-members of a class that
            no member has: they would be told apart by their class, which is no membership.
        UserError: if the groups overlap, or an argument is wrong.
    """
    if overlap not in OVERLAPS:
        raise UserError(f"overlap='{overlap}': choose from {', '.join(OVERLAPS)}.")
    inside, outside = (
        _pair(*group) for group in zip((members, non_members), ("members", "non-members"), strict=True)
    )
    stack(take(inside[0], np.arange(1)), take(outside[0], np.arange(1)))
    missing = ~np.isin(outside[1], inside[1])
    if missing.any():
        raise TargetError(
            f"{int(missing.sum()):,} of {len(missing):,} non-members have a class that no member has: they "
            "would be told apart by their class and not by membership; leave them out."
        )
    if overlap == "keep":
        return inside, outside
    known = keys_of(*inside)
    both = np.isin(keys_of(*outside), known)
    if not both.any():
        return inside, outside
    if overlap == "leave out":
        kept = np.flatnonzero(~both)
        return inside, _pair((take(outside[0], kept), outside[1][kept]), "non-members")
    first = ", ".join(map(str, np.flatnonzero(both)[:SHOWN]))
    raise UserError(
        f"{int(both.sum()):,} of {len(both):,} non-members are members too (the same values and class; first "
        f"at positions {first} of the non-members): give two groups without a common record, or choose "
        "overlap='leave out', or overlap='keep' if they are different people who look alike."
    )


def _pair(group: tuple[Any, Any], name: str) -> tuple[Any, np.ndarray]:
    try:
        rows, labels = group
    except (TypeError, ValueError):
        raise UserError(f"{name}: give a pair of rows and labels.") from None
    y = np.asarray(labels).ravel()
    check_rows(rows, least=LEAST, what=name)
    if len(y) != len(rows):
        raise UserError(f"{name}: there are {len(rows):,} records and {len(y):,} classes: give one for each.")
    import pandas as pd

    if pd.isna(y).any():
        raise TargetError(f"{int(pd.isna(y).sum()):,} {name} have no class: leave them out.")
    return rows, y
