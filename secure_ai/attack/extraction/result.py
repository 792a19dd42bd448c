"""What a theft of a model came to: agreement with the original, queries and money."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from secure_ai.core import Measurement, Unassessed
from secure_ai.core.figures import percent

if TYPE_CHECKING:
    import pandas as pd

    from secure_ai.attack.extraction.substitute import Substitute


@dataclass(frozen=True)
class ExtractionResult:
    """How well a copy agrees with the model, beside what naming the most frequent answer reaches.

    Attributes:
        fidelity: agreement on rows held out; baseline: the share of the most frequent answer; control: a copy
            learned from shuffled answers.
        fidelity_unseen: the same on held-out rows that the thief neither owned nor asked about.
        fidelity_rare: the same on rows that the model does not give its most frequent answer for.
        curve: columns ``queries``, ``cost``, ``fidelity``, ``low``, ``high``, ``own_rows``.
        answer: what the model gave, ``"probabilities"`` or ``"labels"``.
        cost: of all queries.
        currency: of ``cost``.
        substitute: the copy.
    """

    fidelity: Measurement
    fidelity_unseen: Measurement | Unassessed
    fidelity_rare: Measurement
    curve: pd.DataFrame
    answer: str
    cost: float
    currency: str
    substitute: Substitute = field(repr=False)

    @property
    def queries(self) -> int:
        """How many rows the model was asked about."""
        return int(self.curve["queries"].iloc[-1])

    def measurements(self) -> list[Measurement]:
        """Return every figure that was measured."""
        found = (self.fidelity, self.fidelity_unseen, self.fidelity_rare)
        return [figure for figure in found if isinstance(figure, Measurement)]

    def to_frame(self) -> pd.DataFrame:
        """Return one row for each figure: measure, value, low, high, baseline, control, n, method."""
        import pandas as pd

        rows = [
            (m.name, m.value, *m.interval, m.baseline, m.control, m.n, m.method) for m in self.measurements()
        ]
        columns = ["measure", "value", "low", "high", "baseline", "control", "n", "method"]
        return pd.DataFrame(rows, columns=columns)

    def copied(self) -> bool:
        """Say whether the copy agrees beyond chance: its interval lies above baseline and control."""
        return self.fidelity.interval[0] > max(self.fidelity.baseline, self.fidelity.control or 0.0)

    def queries_for(self, fidelity: float) -> int | None:
        """Return the fewest queries after which the copy agreed so often; None if it never did."""
        reached = self.curve.loc[self.curve["fidelity"] >= fidelity, "queries"]
        return None if reached.empty else int(reached.iloc[0])

    def sentence(self) -> str:
        """Say what the theft came to."""
        low, high = self.fidelity.interval
        words = "labels alone" if self.answer == "labels" else "probabilities"
        text = (
            f"After {self.queries:,} queries answered with {words} ({self.cost:,.2f} {self.currency}) "
            f"the copy ({self.substitute.kind}) agrees with the model on {percent(self.fidelity.value)} of "
            f"{self.fidelity.n:,} rows held out ({percent(low)} to {percent(high)}); naming the most "
            f"frequent answer agrees on {percent(self.fidelity.baseline)}, a copy of shuffled answers on "
            f"{percent(self.fidelity.control or 0.0)}"
        )
        rare = percent(self.fidelity_rare.value)
        return (
            f"{text}; where the model gives another answer than its most frequent one it agrees on {rare}. "
            f"The thief owned {self.substitute.own_rows:,} rows without answers."
        )
