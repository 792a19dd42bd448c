"""Fairness in pictures: the rates of the groups with their intervals, and what each policy trades."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from secure_ai.core import UserError
from secure_ai.core.figures import GUIDE, RISK, SCORE
from secure_ai.govern.fairness.gaps import Gap, compare_groups
from secure_ai.govern.fairness.rates import RATES, GroupRates
from secure_ai.govern.fairness.trade_offs import TradeOff

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SHOWN = ("selection_rate", "true_positive_rate", "false_positive_rate", "precision")


def rates_finding(rates: GroupRates, rate: str = "selection_rate") -> str:
    """Say the largest difference of a rate in one sentence, and what was not assessed."""
    gaps = [gap for gap in compare_groups(rates, rate) if isinstance(gap, Gap)]
    words = rate.replace("_", " ")
    if not gaps:
        return f"No group is large enough to compare its {words}."
    worst = max(gaps, key=lambda gap: abs(gap.difference))
    more = "higher" if worst.difference > 0 else "lower"
    sure = "beyond chance" if worst.beyond_chance else "which may be chance"
    left = sum(name[0] == rate for name in rates.unassessed())
    rest = f" {left} group{'s' if left > 1 else ''} too small to say." if left else ""
    return (
        f"Largest difference in {words}: {worst.group} is {100 * abs(worst.difference):.0f} points {more} "
        f"than {worst.reference}, {sure}.{rest}"
    )


def plot_rates(rates: GroupRates, shown: Sequence[str] = SHOWN) -> Figure:
    """Draw each rate of each group with its interval; a group that is too small is written, not drawn."""
    import matplotlib.pyplot as plt

    present = [name for name in shown if name in set(rates.table["rate"])]
    if unknown := [name for name in shown if name not in RATES]:
        raise UserError(f"There is no rate '{unknown[0]}': choose from {', '.join(RATES)}.")
    names = list(rates.cases.names)
    figure, axes = plt.subplots(
        1,
        len(present),
        figsize=(2.6 * len(present) + 1.6, 0.42 * len(names) + 1.6),
        sharey=True,
        squeeze=False,
        dpi=64,
    )
    for axis, rate in zip(axes[0], present, strict=True):
        rows = rates.of(rate)
        for place, row in enumerate(rows.itertuples()):
            if np.isnan(row.value):
                axis.text(0.5, place, "unassessed", ha="center", va="center", color=GUIDE, size=8)
                continue
            axis.plot([row.low, row.high], [place, place], color=SCORE, linewidth=2)
            axis.plot(row.value, place, "o", color=RISK, markersize=6)
        axis.set_title(rate.replace("_", " "), fontsize=10)
        axis.set_xlim(0, 1)
        axis.set_xticks([0, 0.5, 1], ["0%", "50%", "100%"])
        axis.grid(axis="x", color="#dddddd", linewidth=0.6)
        axis.set_axisbelow(True)
    axes[0][0].set_yticks(range(len(names)), [plain(name) for name in names])
    axes[0][0].set_ylim(len(names) - 0.5, -0.5)
    figure.suptitle(_wrapped(plain(rates_finding(rates, present[0])), 40 + 22 * len(present)), fontsize=11)
    figure.tight_layout()
    plt.close(figure)
    return figure


def trade_off_finding(result: TradeOff) -> str:
    """Say what one threshold for all costs, which policy leaves the smallest gap, and its price."""
    costs = result.costs.set_index("policy")
    gap, words = "gap in selection rate", "in who gets the decision"
    one = "one threshold for all"
    if np.isnan(costs.loc[one, gap]):
        return "Fewer than two groups are large enough to judge what a definition would cost."
    text = (
        f"On {result.judged:,} people: {one} leaves a gap of {100 * costs.loc[one, gap]:.0f} points {words}, "
        f"and its errors cost {costs.loc[one, 'cost']:,.0f}."
    )
    nearest = str(costs[gap].idxmin())
    if nearest == one:
        return f"{text} No other policy has a smaller gap."
    row = costs.loc[nearest]
    sure = "beyond chance" if row["more low"] > 0 or row["more high"] < 0 else "which may be chance"
    return (
        f"{text} Smallest gap: {nearest}, with {100 * row[gap]:.0f} points; its errors cost "
        f"{row['more']:+,.0f} ({row['more low']:+,.0f} to {row['more high']:+,.0f}), {sure}."
    )


def plot_trade_off(result: TradeOff) -> Figure:
    """Draw, for each policy, what it costs and how far the groups stay apart in each rate."""
    import matplotlib.pyplot as plt

    table = result.costs
    gaps = [name for name in table if name.startswith("gap in ")]
    places = np.arange(len(table))
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.6), sharey=True, width_ratios=(1, 1.8), dpi=64)
    left.barh(places, table["cost"], color=SCORE)
    for place, cost in zip(places, table["cost"], strict=True):
        left.annotate(
            f"{cost:,.0f}", (cost, place), (4, 0), textcoords="offset points", va="center", fontsize=9
        )
    left.set_xlim(0, 1.25 * max(table["cost"].max(), 1))
    left.set_title("cost of errors", fontsize=10)
    left.set_yticks(places, table["policy"])
    left.invert_yaxis()
    for at, (name, marker) in enumerate(zip(gaps, "osD^", strict=True)):
        if table[name].isna().all():  # too few cases to say
            continue
        right.plot(
            100 * table[name], places + 0.16 * (at - 1.5), marker, color=(SCORE, RISK, GUIDE, "#7a5c00")[at],
            markersize=7, linestyle="none", label=name.removeprefix("gap in "),
        )  # fmt: skip
    right.set_xlim(left=-2)
    right.set_xlabel("largest gap between groups, percentage points")
    right.set_title("how far the groups stay apart", fontsize=10)
    right.grid(axis="x", color="#dddddd", linewidth=0.6)
    if right.lines:
        right.legend(fontsize=8, loc="upper left", bbox_to_anchor=(1.01, 1), frameon=False)
    figure.suptitle(_wrapped(trade_off_finding(result), 110), fontsize=11)
    figure.tight_layout()
    plt.close(figure)
    return figure


def plain(text: str) -> str:
    """Return a text in which a dollar sign begins no formula."""
    return text.replace("$", r"\$")


def _wrapped(text: str, width: int) -> str:
    import textwrap

    return "\n".join(textwrap.wrap(text, width))
