"""What a comparison of two tables says: one record per column, with figures, bounds and a level."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import pandas as pd

from secure_ai.core import Measurement, Unassessed

Level = Literal["major", "moderate", "small", "stable", "unassessed"]
LEVELS: tuple[Level, ...] = ("major", "moderate", "small", "stable", "unassessed")
Role = Literal["input", "score", "label"]
FIGURES = ("psi", "ks", "missing", "unseen", "out_of_range")
FEED_SIGNS = ("missing", "type_changed", "column_missing", "scale", "infinite", "out_of_range", "unseen")


@dataclass(frozen=True, slots=True)
class Sign:
    """One thing that a column shows, in words without values of the table.

    Attributes:
        name: ``"psi"``, ``"ks"``, ``"missing"``, ``"unseen"``, ``"out_of_range"``, ``"infinite"``,
            ``"scale"``, ``"type_changed"`` or ``"column_missing"``.
        words: one phrase.
    """

    name: str
    words: str


@dataclass(frozen=True, slots=True)
class ColumnDrift:
    """What happened to one column.

    Attributes:
        column: its name.
        role: ``"input"``, ``"score"`` or ``"label"``.
        kind: ``"number"``, ``"category"`` or ``"other"``.
        level: ``"major"``, ``"moderate"``, ``"small"`` (sure, and too small to act on), ``"stable"`` or
            ``"unassessed"``.
        figures: name (see ``FIGURES``) → measurement, or why there is none.
        bounds: name → what chance alone passes with the report's error rate; for ``psi`` a PSI.
        p_values: name → p-value, corrected for the number of columns (Holm).
        signs: what was noticed, the weightiest first; empty where nothing was.
    """

    column: str
    role: Role
    kind: str
    level: Level
    figures: Mapping[str, Measurement | Unassessed]
    bounds: Mapping[str, float] = field(default_factory=dict)
    p_values: Mapping[str, float] = field(default_factory=dict)
    signs: tuple[Sign, ...] = ()

    @property
    def drifted(self) -> bool:
        """Whether somebody should look: level major or moderate."""
        return self.level in ("major", "moderate")

    def value(self, figure: str) -> float:
        """Return a figure's value; NaN where it was not assessed."""
        found = self.figures.get(figure)
        return found.value if isinstance(found, Measurement) else math.nan

    def sentence(self) -> str:
        """Return the column in one sentence."""
        if self.signs:
            return f"{self.column}: {self.level}; {'; '.join(sign.words for sign in self.signs)}."
        psi = self.figures["psi"]
        if isinstance(psi, Measurement):
            return (
                f"{self.column}: {self.level}; PSI {psi.value:.3f}, where chance alone gives up to "
                f"{self.bounds['psi']:.3f}."
            )
        return f"{self.column}: {self.level}; {psi.reason}."


@dataclass(frozen=True, slots=True)
class DriftReport:
    """What differs between the reference and the current table.

    Attributes:
        n_reference, n_current: rows compared.
        columns: one record per column of the reference that was looked at, worst first.
        new_columns: columns that only the current table has; not judged.
        alpha: chance of any alarm in the whole report where nothing has drifted.
        warnings: what a reader must know, in sentences.
    """

    n_reference: int
    n_current: int
    columns: tuple[ColumnDrift, ...]
    new_columns: tuple[str, ...] = ()
    alpha: float = 0.05
    warnings: tuple[str, ...] = ()

    @property
    def drifted(self) -> tuple[ColumnDrift, ...]:
        """The columns that somebody should look at."""
        return tuple(column for column in self.columns if column.drifted)

    @property
    def unassessed(self) -> tuple[ColumnDrift, ...]:
        """The columns that could not be judged."""
        return tuple(column for column in self.columns if column.level == "unassessed")

    def column(self, name: str) -> ColumnDrift:
        """Return the record of a column.

        Raises:
            KeyError: if there is none of that name.
        """
        for column in self.columns:
            if column.column == name:
                return column
        raise KeyError(name)

    def sentence(self) -> str:
        """Say how many columns drifted, which first, and what was not judged."""
        judged = len(self.columns) - len(self.unassessed)
        text = f"{len(self.drifted)} of {judged} {'column' if judged == 1 else 'columns'} judged drifted"
        if self.drifted:
            shown = [f"{column.column} ({column.level})" for column in self.drifted[:3]]
            more = len(self.drifted) - len(shown)
            text += f": {', '.join(shown)}" + (f" and {more} more" if more else "")
        if self.unassessed:
            text += f"; {len(self.unassessed)} not assessed"
        return f"{text} ({self.n_reference:,} reference rows, {self.n_current:,} current rows)."

    def to_frame(self) -> pd.DataFrame:
        """Return a row per column: figures, the PSI's noise bound, corrected p of KS, level and signs."""
        rows = [
            {
                "column": column.column,
                "role": column.role,
                "level": column.level,
                **{name: column.value(name) for name in FIGURES},
                "psi_noise_bound": column.bounds.get("psi", math.nan),
                "ks_p": column.p_values.get("ks", math.nan),
                "signs": "; ".join(sign.words for sign in column.signs) or _why_not(column),
            }
            for column in self.columns
        ]
        names = ["column", "role", "level", *FIGURES, "psi_noise_bound", "ks_p", "signs"]
        return pd.DataFrame(rows, columns=names)


def _why_not(column: ColumnDrift) -> str:
    psi = column.figures["psi"]
    return psi.reason if isinstance(psi, Unassessed) and column.level == "unassessed" else ""
