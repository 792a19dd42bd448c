"""Generalization hierarchies: for each value of a column, the ever coarser forms in which it may be released.

Level 0 is the value itself and the last level is ``*``. A hierarchy is read from ARX's CSV form
(:func:`read_hierarchy`), built (:mod:`~secure_ai.anonymize.tabular.hierarchy_builders`) or proposed for the
columns of a table (:func:`~secure_ai.anonymize.tabular.hierarchy_builders.suggest_hierarchies`).
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from secure_ai.anonymize.tabular.released import MISSING, SUPPRESSED, value_text
from secure_ai.core import UserError
from secure_ai.core.outputs import atomic_file
from secure_ai.core.sources import shown

if TYPE_CHECKING:
    import pandas as pd

Codes = NDArray[np.int32]

DELIMITERS = ";,\t|"
"""Separators that are recognized, ARX's first."""

MISSING_ROWS = frozenset({"", "NULL"})
"""Values that stand for a missing one in a hierarchy file: empty, or as ARX writes it."""

SHOWN_LINES = 3


@dataclass(frozen=True)
class Hierarchy:
    """The values of one column at every level, from the finest to ``*``.

    Attributes:
        column: name of the column.
        levels: for each level the texts of all values, in the same order; the first level holds the values
            themselves (as :func:`~secure_ai.anonymize.tabular.released.value_text` writes them) and the last
            only ``*``. A last level of anything else gets one of ``*`` above it.
        missing: what a missing value is at each level: "missing" up to the last but one, if not given.
        note: how the hierarchy was made, in words.

    Raises:
        UserError: if there is no value, the levels have different lengths, a value has two rows, or two
            values are alike at one level and differ at a higher one.
    """

    column: str
    levels: tuple[tuple[str, ...], ...]
    missing: tuple[str, ...] = ()
    note: str = ""

    def __post_init__(self) -> None:
        name = shown(self.column)
        if not self.levels or not self.levels[0]:
            raise UserError(f"The hierarchy of '{name}' is empty: give it at least one value.")
        if len({len(level) for level in self.levels}) > 1:
            raise UserError(f"The levels of the hierarchy of '{name}' have different numbers of values.")
        if set(self.levels[-1]) != {SUPPRESSED} or len(self.levels) == 1:
            top = (SUPPRESSED,) * len(self.levels[0])
            object.__setattr__(self, "levels", (*self.levels, top))
            if self.missing:
                object.__setattr__(self, "missing", (*self.missing, SUPPRESSED))
        missing = self.missing or (MISSING,) * (len(self.levels) - 1) + (SUPPRESSED,)
        if len(missing) != len(self.levels) or missing[-1] != SUPPRESSED:
            raise UserError(f"The missing values of '{name}' need {len(self.levels)} levels that end in '*'.")
        object.__setattr__(self, "missing", tuple(missing))
        repeated = len(self.levels[0]) - len(set(self.levels[0]))
        if repeated:
            raise UserError(
                f"The hierarchy of '{name}' has {_count(repeated, 'value')} twice: keep one row each."
            )
        self._check_monotone()

    def _check_monotone(self) -> None:
        for level in range(1, self.height - 1):
            below, above = self.nodes(level)[:-1], self.nodes(level + 1)[:-1]
            parents = np.full(below.max() + 1, -1, dtype=np.int32)
            parents[below] = above
            torn = int(np.count_nonzero(parents[below] != above))
            if torn:
                raise UserError(
                    f"The hierarchy of '{shown(self.column)}' is torn: {_count(torn, 'value')} that level "
                    f"{level} makes alike with others differ from them at level {level + 1}. Give each group "
                    "of a level one group above it."
                )

    @property
    def height(self) -> int:
        """Number of levels, the values themselves and ``*`` included."""
        return len(self.levels)

    @cached_property
    def _place(self) -> dict[str, int]:
        return {value: place for place, value in enumerate(self.levels[0])}

    def nodes(self, level: int) -> Codes:
        """Return for each value, the missing one last, the number of its group at ``level``.

        Groups are numbered in the order in which they first occur. Missing values are in a group of values
        only where that is called the same at this level and all above.
        """
        number: dict[str, int] = {}
        nodes = [number.setdefault(text, len(number)) for text in self.levels[level]]
        above = self.missing[level:]
        alike = next(
            (at for at, row in enumerate(zip(*self.levels[level:], strict=True)) if row == above), None
        )
        nodes.append(len(number) if alike is None else nodes[alike])
        return np.array(nodes, dtype=np.int32)

    def places(self, texts: Sequence[str | None], *, numeric: bool = False) -> Codes:
        """Return the place of each value in the hierarchy; None (missing) is behind the last.

        An empty text that has no row of its own counts as missing.

        Args:
            texts: distinct values as text.
            numeric: whether they are numbers: "07" and "7.0" of the hierarchy then stand for 7.

        Raises:
            UserError: if the hierarchy lacks some of the values; it tells how many, not which.
        """
        known = self._numeric_place if numeric else self._place
        last = len(self.levels[0])
        found = [last if text is None else known.get(text, -1 if text else last) for text in texts]
        lacking = found.count(-1)
        if lacking:
            raise UserError(
                f"The hierarchy of '{shown(self.column)}' lacks {lacking:,} of the {len(found):,} different "
                "values of the table: add a row for each, or build the hierarchy from the table itself."
            )
        return np.array(found, dtype=np.int32)

    @cached_property
    def _numeric_place(self) -> dict[str, int]:
        place: dict[str, int] = {}
        for at, value in enumerate(self.levels[0]):
            number = number_text(value)
            if number is None:
                continue
            if number in place:
                other = place[number]
                if any(level[at] != level[other] for level in self.levels[1:]):
                    raise UserError(
                        f"The hierarchy of '{shown(self.column)}' writes one number in two ways, with "
                        "different groups above: keep one of the two rows."
                    )
            else:
                place[number] = at
        return place

    def to_frame(self) -> pd.DataFrame:
        """Return one row per value: ``level 0`` to the last."""
        import pandas as pd

        return pd.DataFrame({f"level {i}": level for i, level in enumerate(self.levels)})

    def sentence(self) -> str:
        """Say in words how the values become coarser."""
        sizes = " → ".join(f"{len(set(level)):,}" for level in self.levels)
        note = f" ({self.note})" if self.note else ""
        return f"'{shown(self.column)}' has {self.height} levels of {sizes} different values{note}."

    def write(self, path: str | Path, *, delimiter: str = DELIMITERS[0]) -> None:
        """Write the hierarchy in ARX's CSV form: no header, one row per value, its levels side by side.

        Raises:
            UserError: if the file cannot be written.
        """
        try:
            with atomic_file(Path(path)) as draft, draft.open("w", encoding="utf-8", newline="") as file:
                writer = csv.writer(file, delimiter=delimiter)
                writer.writerows(zip(*self.levels, strict=True))
                if "" not in self._place:
                    writer.writerow(["", *self.missing[1:]])
        except UnicodeEncodeError:
            raise UserError(
                f"The hierarchy of '{shown(self.column)}' has values that are no text (lone surrogates): "
                "read its table in the right encoding."
            ) from None


def from_rows(column: str, rows: Iterable[Sequence[str]], *, note: str = "") -> Hierarchy:
    """Return the hierarchy of rows as ARX writes them: a value, then its ever coarser forms.

    A row of an empty value (or ``NULL``) is the branch of missing values. Rows that occur twice count once.

    Raises:
        UserError: if rows have different lengths, or a value has two rows that differ, naming the rows by
            number; or if the levels do not make a hierarchy.
    """
    by_value: dict[str, tuple[str, ...]] = {}
    uneven: list[int] = []
    twice: list[int] = []
    for number, row in enumerate(rows, 1):
        levels = tuple(row)
        first = next(iter(by_value.values()), levels)
        if len(levels) != len(first):
            uneven.append(number)
        elif by_value.setdefault(levels[0], levels) != levels:
            twice.append(number)
    name = shown(column)
    if not by_value:
        raise UserError(f"The hierarchy of '{name}' is empty: give it at least one value.")
    if uneven:
        raise UserError(
            f"The hierarchy of '{name}' has {_count(len(uneven), 'row')} of another length than the first "
            f"({_lines(uneven)}): give every value the same number of levels."
        )
    if twice:
        raise UserError(
            f"The hierarchy of '{name}' has {_count(len(twice), 'value')} with two different rows "
            f"({_lines(twice)}): keep one of them."
        )
    missing = next((by_value[text] for text in sorted(MISSING_ROWS) if text in by_value), ())
    by_value.pop("", None)
    if not by_value:
        raise UserError(f"The hierarchy of '{name}' has a row for missing values only: add the others.")
    levels = tuple(zip(*by_value.values(), strict=True))
    missing = (MISSING, *missing[1:]) if len(levels) > 1 and missing else ()
    return Hierarchy(column, levels, missing, note)


def read_hierarchy(
    path: str | Path, column: str, *, delimiter: str | None = None, encoding: str = "utf-8-sig"
) -> Hierarchy:
    """Read a hierarchy in ARX's CSV form: no header, one row per value, its levels side by side.

    Args:
        path: the file.
        column: name of the column that it is for.
        delimiter: separator; recognized if not given (semicolon, comma, tab or bar).
        encoding: UTF-8 if not given, with or without byte-order mark.

    Raises:
        UserError: if the file cannot be read, or is no hierarchy.
    """
    path = Path(path)
    label = shown(path.name)
    try:
        with path.open(encoding=encoding, newline="") as file:
            text = file.read()
    except (OSError, ValueError, LookupError) as error:
        reason = (
            os.strerror(error.errno).lower()
            if isinstance(error, OSError) and error.errno
            else "it is not UTF-8 text"
        )
        raise UserError(f"The hierarchy {label} cannot be read ({reason}): check the file.") from None
    try:
        rows = _rows(text, delimiter)
    except csv.Error:
        raise UserError(
            f"The hierarchy {label} cannot be read as a table: check its quotes and its separator."
        ) from None
    if not rows:
        raise UserError(f"The hierarchy {label} is empty: give it one row per value.")
    if max(map(len, rows)) < 2:
        raise UserError(
            f"The hierarchy {label} has one field per row: separate the levels by semicolons, or name the "
            "separator."
        )
    return from_rows(column, rows, note=f"read from {label}")


def value_texts(values: pd.Series) -> tuple[list[str | None], NDArray[np.int64]]:
    """Return the distinct values of a column as text, None for missing, and the place of each row in them.

    Raises:
        UserError: if a number is infinite.
    """
    import pandas as pd

    places, distinct = pd.factorize(values, use_na_sentinel=False)
    known = pd.notna(distinct)
    numeric = pd.api.types.is_numeric_dtype(values.dtype)
    if numeric and not np.isfinite(np.asarray(distinct[known], dtype=float)).all():
        raise UserError(
            f"The column '{shown(str(values.name))}' holds infinite values: replace them, by the largest "
            "real value or as missing."
        )
    texts = [value_text(value) if is_known else None for value, is_known in zip(distinct, known, strict=True)]
    return texts, places


def number_text(text: str) -> str | None:
    """Return how :func:`value_text` writes the number that ``text`` is, or None if it is none."""
    try:
        return value_text(int(text)) if text.strip().lstrip("+-").isdecimal() else value_text(float(text))
    except ValueError:
        return None


def _rows(text: str, delimiter: str | None) -> list[list[str]]:
    best: list[list[str]] = []
    for candidate in delimiter or DELIMITERS:
        rows = [row for row in csv.reader(io.StringIO(text, newline=""), delimiter=candidate) if row]
        if not rows or delimiter:
            return rows
        if len(rows[0]) > 1 and len({len(row) for row in rows}) == 1:
            return rows
        # No separator fits every row: the likeliest is that of most fields, and the message names the rows.
        if sum(map(len, rows)) > sum(map(len, best)):
            best = rows
    return best


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _lines(numbers: list[int]) -> str:
    named = ", ".join(map(str, numbers[:SHOWN_LINES]))
    more = len(numbers) - SHOWN_LINES
    return f"row {named}" + (f" and {more:,} more" if more > 0 else "")
