"""What all pictures and their sentences share: colors that differ in print too, and honest percentages."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Dark enough for text on white (contrast above 4.5 : 1); told apart by hatch or line style as well.
SCORE, RISK, GUIDE = "#1f5a91", "#8c1d40", "#5a5a5a"
HATCH = "//"


def percent(share: float) -> str:
    """Show ``share`` as a percentage that never rounds a miss away: 99.8% is not 100%, 0.2% is not 0%.

    >>> percent(0.75), percent(0.998), percent(1.0), percent(0.0002), percent(float("nan"))
    ('75%', '99.8%', '100%', 'under 0.1%', 'not known')
    """
    if math.isnan(share):
        return "not known"
    if 0 < share < 0.001:
        return "under 0.1%"
    if 0.999 < share < 1:
        return "over 99.9%"
    if 0 < share < 0.01 or 0.99 < share < 1:
        return f"{share:.1%}"
    return f"{share:.0%}"


def share_bars(axes: Axes, shares: Sequence[float], room: float = 1.25) -> None:
    """Draw shares as bars of risk from the bottom up, each with its percentage, on an axis of percentages.

    Args:
        axes: where to draw.
        shares: from 0 to 1.
        room: where the axis ends; beyond 1, for the words beside a long bar.
    """
    places = range(len(shares))
    axes.barh(places, shares, color=RISK, hatch=HATCH, edgecolor="white")
    for place, share in zip(places, shares, strict=True):
        axes.annotate(percent(float(share)), (share, place), (4, 0), textcoords="offset points", va="center")
    axes.set_xlim(0, room)
    axes.set_xticks([0, 0.5, 1], ["0%", "50%", "100%"])
