"""A figure that can stand before a committee, and the honest absence of one."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Measurement:
    """A figure with everything that is needed to judge it.

    Attributes:
        name: what was measured, in the field's standard term, snake case (``prosecutor_risk``).
        value: the figure.
        unit: its unit (``"probability"``, ``"records"``, ``"USD per year"``).
        n: how many observations it rests on.
        baseline: what someone without the data, model or attack would reach.
        control: the same measurement where the effect is known to be absent; None where the
            measurement has no such group (an exact count, for instance).
        interval: lower and upper bound at 95 %; both equal to ``value`` for an exact count.
        method: how it was measured, one phrase.
        source: paper, standard or section that defines it.

    Raises:
        ValueError: if ``n`` is not positive, a bound is missing or reversed, or a figure is NaN.
    """

    name: str
    value: float
    unit: str
    n: int
    baseline: float
    interval: tuple[float, float]
    method: str
    source: str
    control: float | None = None

    def __post_init__(self) -> None:
        low, high = self.interval
        figures = [self.value, self.baseline, low, high, *([] if self.control is None else [self.control])]
        if any(math.isnan(figure) for figure in figures):
            raise ValueError(f"{self.name}: a measurement cannot hold NaN; use Unassessed with the reason.")
        if self.n <= 0:
            raise ValueError(f"{self.name}: a measurement needs at least one observation, got n={self.n}.")
        if low > high:
            raise ValueError(f"{self.name}: the interval is reversed ({low} > {high}).")

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as plain JSON-ready values."""
        return asdict(self) | {"interval": list(self.interval)}

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> Measurement:
        """Rebuild a measurement from :meth:`to_dict`."""
        low, high = fields["interval"]
        return cls(**{**fields, "interval": (low, high)})


@dataclass(frozen=True, slots=True)
class Unassessed:
    """What could not be measured, and why. Never a zero, never a pass."""

    reason: str

    def __bool__(self) -> bool:
        """Be false, so that ``if measurement:`` cannot take an absence for a result."""
        return False

    def sentence(self) -> str:
        """Say that nothing was measured, and why; results of attacks have a sentence, too."""
        return f"Unassessed: {self.reason}"
