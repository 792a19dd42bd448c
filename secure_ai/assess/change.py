"""When one measurement counts as better or worse than another: the rule that every comparison here uses."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Literal

from secure_ai.assess.risks import bad_side, risks
from secure_ai.core import Finding, Measurement
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
    before, after = beyond(risk, before), beyond(risk, after)
    if overlap(before, after):
        return "same"
    rose = after.interval[0] > before.interval[1]
    return "worse" if rose == (bad_side(risk) == "above") else "better"


def relative(risk: str, measured: Measurement) -> str | None:
    """Return how figures are compared whose baseline is the model's own; None for all others."""
    return risks()[risk].relative.get(measured.name) if risk in risks() else None


def beyond(risk: str, measured: Measurement) -> Measurement:
    """Return what a figure says beyond its own baseline, where two baselines would not be alike.

    A model that gives one answer nearly always is "copied" well by that answer alone: its figure may only be
    compared with that of another model after this is taken off. The baseline counts as known exactly.
    """
    how, base = relative(risk, measured), measured.baseline
    if how is None:
        return measured
    scale = 1 - base if how == "rest" and base < 1 else 1.0
    value, low, high = ((one - base) / scale for one in (measured.value, *measured.interval))
    return replace(measured, value=value, interval=(low, high), baseline=0.0, control=None)


def same_bar(old: Finding, new: Finding) -> bool:
    """Return whether two findings were held against one threshold, or one above their own baselines."""
    one, other = old.threshold, new.threshold
    first, second = old.measurement, new.measurement
    if one == other or one is None or other is None:
        return one == other
    if not isinstance(first, Measurement) or not isinstance(second, Measurement):
        return False
    if relative(old.id, first) is None or not same_thing(first, second):
        return False
    bars = (replace(m, value=t, interval=(t, t)) for m, t in ((first, one), (second, other)))
    low, high = sorted(beyond(old.id, bar).value for bar in bars)
    return high - low < 1e-9


def is_share(unit: str) -> bool:
    """Return whether a figure of this unit reads as a percentage."""
    return unit in SHARES or unit.startswith(("share of ", "difference of "))


def shown_figure(value: float, unit: str = "") -> str:
    """Return a figure for a sentence: a share as a percentage, another with its unit.

    >>> shown_figure(0.1234, "probability"), shown_figure(3.0, "columns"), shown_figure(1.0, "share of rows")
    ('12.3%', '3 columns', '100%')
    >>> shown_figure(0.0003, "probability"), shown_figure(0.9996, "share")
    ('0.03%', '99.96%')
    """
    if not is_share(unit):
        return f"{number(value)} {unit}".strip()
    near = abs(value - 1) if value > 0.5 else abs(value)
    # One digit after the point, more where a small figure or a small rest would be rounded away.
    digits = next((places for places in (1, 2, 3, 4) if near >= 0.5 * 10.0 ** -(places + 1)), 1)
    text = format(Decimal(f"{100 * value:.{digits}f}"), "f")
    text = text.rstrip("0").rstrip(".")
    return f"{'0' if text == '-0' else text}%"


def shown(measured: Measurement) -> str:
    """Return a measurement with its interval: ``12.3% (10.1% to 14.9%)``; an exact count stands alone."""
    low, high = measured.interval
    value = shown_figure(measured.value, measured.unit)
    if low == high == measured.value:
        return value
    ends = [shown_figure(end, measured.unit if is_share(measured.unit) else "") for end in (low, high)]
    return f"{value} ({ends[0]} to {ends[1]})"
