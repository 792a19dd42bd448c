"""The result of minimization: what a purpose needs, what it does not, and what each change cost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from secure_ai.anonymize.minimize.ladders import Level
from secure_ai.core import Measurement, UserError, frameworks
from secure_ai.core.sources import shown

if TYPE_CHECKING:
    import pandas as pd

METRIC_NAMES = {"auc": "AUC", "accuracy": "accuracy", "r2": "R²"}
BASIS = ("GDPR Art. 5(1)(c)", "164.502(b)")


@dataclass(frozen=True)
class KeptColumn:
    """A column that the purpose needs.

    Attributes:
        name: its name.
        level: how coarse its values may be.
        levels: how many levels its ladder has, this one among them.
        identifying: whether outsiders commonly know it, so that it can single people out.
    """

    name: str
    level: Level
    levels: int
    identifying: bool


@dataclass(frozen=True)
class DroppedColumn:
    """A column that the purpose does not need.

    Attributes:
        name: its name.
        reason: why, in words.
        identifying: whether it names a person or can single people out.
    """

    name: str
    reason: str
    identifying: bool


@dataclass(frozen=True)
class Minimization:
    """The minimum data set of one purpose.

    Attributes:
        target: what is predicted.
        purpose: what for, as it was given.
        tolerance: how much of the score may be lost.
        seed: what the folds depend on.
        full: score with all columns that a model can read (95 % interval, baseline of knowing nothing).
        score: score with the kept columns alone, on the folds on which they were chosen.
        confirmed: the same on other folds; its ``control`` is the full table there.
        kept: columns to keep, in table order.
        dropped: columns to leave out, in the order in which they went.
        curve: one row per change: ``step``, ``change``, ``columns``, ``score``, ``low``, ``high``,
            ``identifying`` (identifying columns left) and ``within`` (whether the tolerance holds). The
            rows after the last one within go on until one column is left, to show what is lost then.
        notes: what a reader must know.
    """

    target: str
    purpose: str
    tolerance: float
    seed: int
    full: Measurement
    score: Measurement
    confirmed: Measurement
    kept: tuple[KeptColumn, ...]
    dropped: tuple[DroppedColumn, ...]
    curve: pd.DataFrame
    notes: tuple[str, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns to keep."""
        return tuple(column.name for column in self.kept)

    @property
    def metric(self) -> str:
        """What was measured: ``auc``, ``accuracy`` or ``r2``."""
        return self.score.name

    @property
    def holds(self) -> bool:
        """Whether the tolerance also holds on folds that took no part in choosing."""
        return self.confirmed.value >= self.confirmed.control - self.tolerance

    def apply(self, table: pd.DataFrame) -> pd.DataFrame:
        """Return ``table`` with the kept columns alone, coarsened, and the target where it is there.

        Raises:
            UserError: if a kept column is missing.
        """
        missing = [name for name in self.columns if name not in table.columns]
        if missing:
            raise UserError(
                f"The table has no column {', '.join(map(shown, missing))}, which the minimum data set "
                "keeps: apply it to a table of the same form."
            )
        levels = {column.name: column.level for column in self.kept}
        made = table.loc[:, [name for name in table.columns if name in levels or name == self.target]].copy()
        for name, level in levels.items():
            made[name] = level.apply(table[name])
        return made

    def kept_report(self) -> pd.DataFrame:
        """Return one row per kept column: ``column``, ``values`` and ``identifying`` (yes or no)."""
        import pandas as pd

        rows = [(c.name, c.level.name, "yes" if c.identifying else "no") for c in self.kept]
        return pd.DataFrame(rows, columns=["column", "values", "identifying"])

    def dropped_report(self) -> pd.DataFrame:
        """Return one row per reason: ``reason`` and ``columns`` (their names)."""
        import pandas as pd

        reasons: dict[str, list[str]] = {}
        for column in self.dropped:
            reasons.setdefault(column.reason, []).append(column.name)
        return pd.DataFrame(
            [(reason, ", ".join(names)) for reason, names in reasons.items()], columns=["reason", "columns"]
        )

    def sentence(self) -> str:
        """Say what was found."""
        n = len(self.kept) + len(self.dropped)
        return (
            f"{len(self.kept)} of {n} columns are enough for this purpose: {_says(self.score)} with them, "
            f"{_says(self.full)} with all that a model can read."
        )

    def to_markdown(self) -> str:
        """Return the result as Markdown: a record for whoever has to answer for the choice."""
        lines = [f"# Minimum data set: {_cell(self.purpose)}", "", self.sentence(), ""]
        lines += [
            f"- Predicted: {_cell(self.target)}, from {self.full.n:,} rows",
            f"- May be lost: {self.tolerance:g} of the score; seed {self.seed}",
            f"- On other folds: {_says(self.confirmed)}, and {self.confirmed.control:.3f} with all columns; "
            f"the tolerance {'holds' if self.holds else 'does not hold'} there",
            f"- Basis: {'; '.join(frameworks.label(identifier) for identifier in BASIS)}",
            "", "## Kept", "", "| column | values | identifying |", "|---|---|---|",
        ]  # fmt: skip
        for report in (self.kept_report(), self.dropped_report()):
            lines += ["| " + " | ".join(map(_cell, row)) + " |" for row in report.itertuples(index=False)]
            if "reason" not in report:
                lines += ["", "## Left out", "", "| reason | columns |", "|---|---|"]
        if self.notes:
            lines += ["", "## To know", "", *(f"- {note}" for note in self.notes)]
        return "\n".join([*lines, ""])


def _says(measured: Measurement) -> str:
    low, high = measured.interval
    return f"{METRIC_NAMES[measured.name]} {measured.value:.3f} ({low:.3f} to {high:.3f})"


def _cell(text: str) -> str:
    return "".join(c if c.isprintable() else " " for c in str(text)).replace("|", "\\|")
