"""Pictures of leakage against accuracy, titles computed from their data."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from secure_ai.core.figures import GUIDE, RISK, SCORE, percent
from secure_ai.defend.leakage.compare import AFFORDABLE, BEFORE, FALSE_ALARMS, LeakageComparison, points

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def plot_leakage(found: LeakageComparison, most_cost: float = AFFORDABLE) -> Figure:
    """Draw members found at 1 % false alarms against accuracy, one numbered point for each answer.

    What it shows in words: :meth:`LeakageComparison.sentence`.

    Args:
        found: from :func:`compare_answers`.
        most_cost: accuracy that may be lost, as a share; shown as a line.
    """
    import matplotlib.pyplot as plt

    table = found.table
    figure, axes = plt.subplots(figsize=(10, 4.6), dpi=80, layout="constrained")
    accuracy, tpr = 100 * table["accuracy"], 100 * table["tpr"]
    spread = np.maximum([tpr - 100 * table["low"], 100 * table["high"] - tpr], 0)
    first, best = table.iloc[0], found.best(most_cost)
    colors = [RISK if name == BEFORE else SCORE for name in table["answer"]]
    markers = ["X" if name == BEFORE else "*" if name == best else "o" for name in table["answer"]]
    for place, (number, name) in enumerate(enumerate(table["answer"])):
        axes.errorbar(
            accuracy[place], tpr[place], yerr=spread[:, [place]], fmt=markers[place], color=colors[place],
            capsize=2, markersize=13 if markers[place] == "*" else 8,
            label=f"{number}: {'no answer' if name == BEFORE else name}",
            zorder=3 if name == BEFORE else 2,
        )  # fmt: skip
        # The same model that says less stands above or below the first one: its number goes to the left.
        beside = (-14, -4) if place and accuracy[place] == accuracy[0] else (6, 5)
        axes.annotate(str(number), (accuracy[place], tpr[place]), beside, textcoords="offset points")
    axes.axhline(100 * FALSE_ALARMS, color=GUIDE, linestyle=":", linewidth=1)
    axes.axvline(100 * (first["accuracy"] - most_cost), color=GUIDE, linestyle="--", linewidth=1)
    axes.annotate(
        f"{100 * most_cost:g} point less", (100 * (first["accuracy"] - most_cost), 1), (3, -12),
        xycoords=("data", "axes fraction"), textcoords="offset points", fontsize=8, color=GUIDE,
    )  # fmt: skip
    axes.set_ylim(bottom=0)
    axes.set_xlabel("accuracy on records outside the training data (%)")
    axes.set_ylabel("members found at 1% false alarms (%)\n(dotted: guessing; bars: 95% interval)")
    axes.legend(frameon=False, loc="center left", bbox_to_anchor=(1, 0.5), fontsize=9)
    title = "No answer costs less than the limit"
    if best is not None:
        line = table[table["answer"] == best].iloc[0]
        title = (
            f"'{best}' takes the members found from {percent(first['tpr'])} to {percent(line['tpr'])}, with "
            f"{points(line['cost'])} accuracy"
        )
    axes.set_title(title, loc="left", fontsize=10)
    axes.spines[["top", "right"]].set_visible(False)
    plt.close(figure)
    return figure
