"""What an ownership test says of a suspect: how often it answers as foretold, and what chance would do."""

from __future__ import annotations

from dataclasses import dataclass

from secure_ai.core import Measurement
from secure_ai.core.intervals import clopper_pearson

ADI = "Adi et al., Turning your weakness into a strength: watermarking deep neural networks (2018)"


@dataclass(frozen=True)
class OwnershipTest:
    """The suspect's answers to the owner's secret questions.

    Attributes:
        matches, questions: how many answers are as the owner foretold, of how many.
        by_chance: the share that a model of somebody else reaches.
        p_value: probability that a model of somebody else matches as often or more.
        alpha: the probability of a false claim that the owner accepts.
        kind: ``"watermark"`` or ``"fingerprint"``.
        method: how the p-value comes about, one phrase.
        source: where the test comes from.
    """

    matches: int
    questions: int
    by_chance: float
    p_value: float
    alpha: float
    kind: str
    method: str
    source: str = ADI

    @property
    def claimed(self) -> bool:
        """Whether the owner may claim the model."""
        return self.p_value <= self.alpha

    @property
    def share(self) -> float:
        """The share of matches."""
        return self.matches / self.questions

    def measurement(self, control: float | None = None) -> Measurement:
        """Return the share of matches as a measurement; ``control`` is that of independent models."""
        return Measurement(
            name=f"{self.kind}_match",
            value=self.share,
            unit="probability",
            n=self.questions,
            baseline=self.by_chance,
            control=control,
            interval=clopper_pearson(self.matches, self.questions),
            method=self.method,
            source=self.source,
        )

    def measurements(self) -> tuple[Measurement, ...]:
        """Return the share of matches."""
        return (self.measurement(),)

    def sentence(self) -> str:
        """Say whether the model may be claimed, and how sure that is."""
        head = (
            f"{self.matches} of {self.questions} secret questions are answered as the owner foretold "
            f"({self.by_chance:.0%} by chance, p = {self.p_value:.2g})"
        )
        if self.claimed:
            return f"{head}: the owner may claim the model, at a false-claim rate of {self.alpha:g}."
        return f"{head}: that is no proof of ownership at a false-claim rate of {self.alpha:g}."
