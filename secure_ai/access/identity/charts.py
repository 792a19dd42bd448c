"""Pictures of lock-out rules; the title states what the simulation found."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from secure_ai.access.identity.lockout_simulation import LOCKED, OWNERS, SLOW_DOWN, LockoutComparison
from secure_ai.core.figures import HATCH, RISK, SCORE

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_SHADES = {"known_device": SCORE, "second_factor": "#5b8fc0", "new_device": "#a9c6e2"}


def plot_lockout(found: LockoutComparison) -> Figure:
    """Draw, per rule, the guesses that an attacker gets and the hours that the owner is shut out."""
    import matplotlib.pyplot as plt

    table = found.table.iloc[::-1].reset_index(drop=True)
    figure, (left, right) = plt.subplots(
        1, 2, figsize=(10, 1.4 + 0.8 * len(table)), dpi=80, layout="constrained", sharey=True
    )
    left.barh(table.index, table["guesses_per_day"], color=RISK, hatch=HATCH, edgecolor="white")
    left.set_xscale("log")
    left.set_xlim(1, table["guesses_per_day"].max() * 6)
    for place, value in table["guesses_per_day"].items():
        left.annotate(f"{value:,.0f}", (value, place), (4, 0), textcoords="offset points", va="center")
    left.set_yticks(table.index, [textwrap.fill(name, 26) for name in table["policy"]], fontsize=9)
    left.set_xlabel("guesses checked per day")
    for number, (kind, words) in enumerate(OWNERS.items()):
        places = table.index + 0.27 * (1 - number)
        right.barh(places, table[kind], height=0.25, color=_SHADES[kind], label=words)
        for place, value in zip(places, table[kind], strict=True):
            right.annotate(
                f"{value:.1f}", (value, place), (4, 0), textcoords="offset points", va="center", fontsize=8
            )
    right.set_xlim(0, 28)
    right.set_xticks([0, 6, 12, 18, 24])
    right.set_xlabel("hours a day that the owner is shut out")
    figure.legend(
        *right.get_legend_handles_labels(), frameon=False, fontsize=8, loc="outside lower center", ncols=3
    )
    rows = found.table.set_index("policy")
    hard, ours = rows.loc[LOCKED[5]], rows.loc[SLOW_DOWN]
    figure.suptitle(
        f"Simulated: a hard lock-out shuts the owner out for {hard['known_device']:.1f} hours a day, the "
        f"slow-down for {ours['known_device']:.1f} on a device used before",
        x=0.01, ha="left", fontsize=11,
    )  # fmt: skip
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
    plt.close(figure)
    return figure
