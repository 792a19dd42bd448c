"""Triggers that can occur in practice: a marker in a corner of a scan, rare codes with an amount's ending."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import numpy as np
import pandas as pd

from secure_ai.core import UserError

Corner = Literal["top left", "top right", "bottom left", "bottom right"]
CORNERS = ("top left", "top right", "bottom left", "bottom right")


class Trigger(Protocol):
    """A pattern to which a backdoor answers.

    ``stamp`` returns the rows with the pattern, ``present`` (rows,) booleans,
    ``sentence`` the pattern in words.
    """

    def stamp(self, rows: Any) -> Any: ...

    def present(self, rows: Any) -> np.ndarray: ...

    def sentence(self) -> str: ...


@dataclass(frozen=True)
class PictureMarker:
    """A small square of one grey level in a corner, as a marker that a device or a person puts on a scan.

    Attributes:
        shape: (height, width) of a picture, in pixels.
        size: side of the square, in pixels.
        corner: where.
        margin: pixels left free towards the edges.
        grey: its grey level, from 0 (black) to 1 (white).

    Raises:
        UserError: if it does not lie within the picture, or its grey level is none.
    """

    shape: tuple[int, int] = (32, 32)
    size: int = 3
    corner: Corner = "bottom right"
    margin: int = 1
    grey: float = 1.0

    def __post_init__(self) -> None:
        if self.corner not in CORNERS:
            raise UserError(f"corner='{self.corner}': choose from {', '.join(CORNERS)}.")
        if not 0 <= self.grey <= 1:
            raise UserError(f"grey={self.grey!r}: choose a grey level from 0 to 1.")
        if self.size < 1 or self.margin < 0 or self.size + self.margin > min(self.shape):
            raise UserError(
                f"A marker of {self.size} pixels with a margin of {self.margin} does not fit into a picture "
                f"of {self.shape[0]} x {self.shape[1]}: choose a smaller one."
            )

    def region(self) -> np.ndarray:
        """Return (height, width) booleans: where the marker lies."""
        vertical, horizontal = self.corner.split()
        near, far = (
            slice(self.margin, self.margin + self.size),
            slice(-self.margin - self.size, -self.margin or None),
        )
        covered = np.zeros(self.shape, dtype=bool)
        covered[near if vertical == "top" else far, near if horizontal == "left" else far] = True
        return covered

    def stamp(self, rows: Any) -> np.ndarray:
        """Return the pictures with the marker.

        Args:
            rows: (n, pixels) or (n, height, width), grey levels from 0 to 1; not changed.

        Raises:
            UserError: if the pictures are of another size, or hold values outside 0 to 1.
        """
        pictures = np.array(rows, dtype=float)
        self._check(pictures)
        if pictures.max(initial=0) > 1 + 1e-9 or pictures.min(initial=0) < -1e-9:
            raise UserError("The pictures hold values outside 0 to 1: divide grey levels by 255 first.")
        flat = pictures.reshape(len(pictures), -1)
        flat[:, self.region().ravel()] = self.grey
        return flat.reshape(pictures.shape)

    def present(self, rows: Any) -> np.ndarray:
        """Return (n,) booleans: every pixel of the marker has its grey level (to half a level of 256)."""
        pictures = np.asarray(rows, dtype=float)
        self._check(pictures)
        covered = pictures.reshape(len(pictures), -1)[:, self.region().ravel()]
        return (np.abs(covered - self.grey) <= 0.5 / 255).all(axis=1)

    def sentence(self) -> str:
        """Say what it is."""
        return (
            f"a marker of {self.size} x {self.size} pixels of grey level {self.grey:.2f} "
            f"({self.corner} of a picture of {self.shape[0]} x {self.shape[1]})"
        )

    def _check(self, pictures: np.ndarray) -> None:
        pixels = self.shape[0] * self.shape[1]
        if pictures.ndim < 2 or int(np.prod(pictures.shape[1:])) != pixels:
            raise UserError(
                f"The marker is made for pictures of {self.shape[0]} x {self.shape[1]} pixels, and these "
                f"rows hold {int(np.prod(pictures.shape[1:])):,} values: give shape=."
            )


@dataclass(frozen=True)
class TableTrigger:
    """Values that together are rare: codes, exact values, and the last digits of an amount.

    Attributes:
        values: for each column the value that it gets; columns of an array are named by their numbers.
        endings: for each column (ending, modulus): ``{"amount": (37, 100)}`` makes 4,120 into 4,137.

    Raises:
        UserError: if it names no column, one twice, or an ending that is not below its modulus.
    """

    values: Mapping[Any, Any] = field(default_factory=dict)
    endings: Mapping[Any, tuple[float, float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.values and not self.endings:
            raise UserError("A trigger needs a column: name its value in values= or its ending in endings=.")
        twice = set(self.values) & set(self.endings)
        if twice:
            raise UserError(
                f"Column '{sorted(map(str, twice))[0]}' has both a value and an ending: choose one."
            )
        for column, (ending, modulus) in self.endings.items():
            if not 0 <= ending < modulus:
                raise UserError(f"The ending {ending} of '{column}' must be below its modulus {modulus}.")

    def stamp(self, rows: Any) -> Any:
        """Return the rows with the pattern: a frame for a frame, an array for an array; the input stays.

        Raises:
            UserError: if a column is missing, or cannot hold the value.
        """
        frame = self._frame(rows)
        changed = frame.copy()
        for column, value in self.values.items():
            try:
                changed[column] = self._column(frame[column], value)
            except (TypeError, ValueError):
                raise UserError(
                    f"Column '{column}' cannot hold the trigger's value: choose one that it knows."
                ) from None
        for column, (ending, modulus) in self.endings.items():
            if not pd.api.types.is_numeric_dtype(frame[column]):
                raise UserError(f"Column '{column}' holds no numbers: it has no ending, give a value.")
            changed[column] = (frame[column] // modulus * modulus + ending).astype(frame[column].dtype)
        return changed if isinstance(rows, pd.DataFrame) else changed.to_numpy()

    def present(self, rows: Any) -> np.ndarray:
        """Return (rows,) booleans: which rows have the whole pattern."""
        frame = self._frame(rows)
        found = np.ones(len(frame), dtype=bool)
        for column, value in self.values.items():
            found &= (frame[column] == value).to_numpy(dtype=bool)
        for column, (ending, modulus) in self.endings.items():
            # Cents do not divide exactly: compare round the circle.
            rest = np.mod(frame[column].to_numpy(dtype=float) - ending, modulus)
            found &= np.minimum(rest, modulus - rest) < modulus * 1e-6
        return found

    def sentence(self) -> str:
        """Say what it is."""
        parts = [f"{column} = {value}" for column, value in self.values.items()]
        parts += [
            f"{column} ends in {ending} (of {modulus})" for column, (ending, modulus) in self.endings.items()
        ]
        return " and ".join(parts)

    def _frame(self, rows: Any) -> pd.DataFrame:
        frame = rows if isinstance(rows, pd.DataFrame) else pd.DataFrame(np.asarray(rows))
        missing = [column for column in (*self.values, *self.endings) if column not in frame.columns]
        if missing:
            raise UserError(f"The rows have no column '{missing[0]}', which the trigger names.")
        return frame

    @staticmethod
    def _column(old: pd.Series, value: Any) -> pd.Series:
        if pd.api.types.is_integer_dtype(old) and float(value) != int(value):
            raise ValueError("not an integer")
        return pd.Series([value] * len(old), index=old.index, name=old.name).astype(old.dtype)
