"""When one measurement counts as better or worse than another: the rule that every comparison here uses."""

from __future__ import annotations

from typing import Literal

from secure_ai.assess.risks import bad_side
from secure_ai.core import Measurement
from secure_ai.govern.records.words import number

Way = Literal["better", "worse", "same"]
RULE = (
    "A figure counts as changed where the two 95 % intervals do not overlap; a risk counts as changed where "
    "its figure, its outcome or its level did."
)
SHARES = frozenset({"probability", "share", "rate", "proportion"})
OPPOSITE: dict[str, Way] = {"better": "worse", "worse": "better"}


def same_thing(one: Measurement, other: Measurement) -> bool:
    """Return whether two measurements are of the same figure in the same unit."""
    return (one.name, one.unit) == (other.name, other.unit)


def overlap(one: Measurement, other: Measurement) -> bool:
    """Return whether two intervals have a point in common: then the figures are not told apart."""
    return one.interval[0] <= other.interval[1] and other.interval[0] <= one.interval[1]


def way(risk: str, before: Measurement, after: Measurement) -> Way:
    """Return whether a figure got better or worse; the same where the intervals do not tell them apart.

    Args:
        risk: id, which says whether high or low figures are bad.
        before, after: the same figure, twice.
    """
    if overlap(before, after):
        return "same"
    rose = after.interval[0] > before.interval[1]
    return "worse" if rose == (bad_side(risk) == "above") else "better"


def is_share(unit: str) -> bool:
    """Return whether a figure of this unit reads as a percentage."""
    return unit in SHARES or unit.startswith(("share of ", "difference of "))


def shown_figure(value: float, unit: str = "") -> str:
    """Return a figure for a sentence: a share as a percentage, another with its unit.

    >>> shown_figure(0.1234, "probability"), shown_figure(3.0, "columns"), shown_figure(1.0, "share of rows")
    ('12.3%', '3 columns', '100.0%')
    """
    return f"{value:.1%}" if is_share(unit) else f"{number(value)} {unit}".strip()


def shown(measured: Measurement) -> str:
    """Return a measurement with its interval: ``12.3% (10.1% to 14.9%)``; an exact count stands alone."""
    low, high = measured.interval
    value = shown_figure(measured.value, measured.unit)
    if low == high == measured.value:
        return value
    ends = [shown_figure(end, measured.unit if is_share(measured.unit) else "") for end in (low, high)]
    return f"{value} ({ends[0]} to {ends[1]})"
