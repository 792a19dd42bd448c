"""Pictures of answers to evasion and of review by people, titles computed from their data."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from secure_ai.core.figures import GUIDE, HATCH, RISK, SCORE, percent
from secure_ai.defend.robust.compare import AnswerComparison

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def plot_answers(found: AnswerComparison) -> Figure:
    """Draw success of the naive and the adaptive attacker against each answer, and beside it the price."""
    import matplotlib.pyplot as plt

    table, width = found.table, 0.38
    places = np.arange(len(table))[::-1]
    figure, (left, middle, right) = plt.subplots(
        1, 3, figsize=(11, 1.6 + 0.55 * len(table)), dpi=80, layout="constrained", sharey=True,
        width_ratios=(3, 2, 2),
    )  # fmt: skip
    spread = np.maximum(
        [table["success_adaptive"] - table["low"], table["high"] - table["success_adaptive"]], 0
    )
    left.barh(
        places + width / 2, table["success_naive"], width, color=GUIDE, label="does not know the answer"
    )
    left.barh(
        places - width / 2, table["success_adaptive"], width, xerr=spread, color=RISK, hatch=HATCH,
        edgecolor="white", capsize=3, label="knows the answer (95% interval)",
    )  # fmt: skip
    left.set_yticks(places, table["answer"])
    left.set_xlim(0, 1.05)
    left.set_xticks([0, 0.5, 1], ["0%", "50%", "100%"])
    left.set_xlabel(f"of {found.attacked} attacked rows, those that get through")
    left.legend(frameon=False, loc="lower left", bbox_to_anchor=(0, 1), fontsize=9)
    middle.barh(
        places - width / 2, table["cost"].fillna(0), width, color=RISK, hatch=HATCH, edgecolor="white"
    )
    for place, cost in zip(places, table["cost"], strict=True):
        text = "none gets through" if np.isnan(cost) else f"{cost:,.3g}"
        middle.annotate(text, (0 if np.isnan(cost) else cost, place - width / 2), (4, 0),
                        textcoords="offset points", va="center", fontsize=9)  # fmt: skip
    middle.margins(x=0.25)
    middle.set_xlabel(f"median cost of getting through\n({found.cost_unit})")
    right.barh(places + width / 2, 100 * table["price"], width, color=SCORE, label="accuracy lost (points)")
    right.barh(
        places - width / 2, 100 * table["review"], width, color="white", edgecolor=SCORE, hatch="..",
        label="sent to a person (%)",
    )  # fmt: skip
    right.axvline(0, color=GUIDE, linewidth=1)
    right.set_xlabel(f"price on {found.ordinary:,} ordinary rows")
    right.legend(frameon=False, loc="lower left", bbox_to_anchor=(0, 1), fontsize=9)
    best = table[table["answer"] == found.best()].iloc[0]
    first = table.loc[table["answer"] == found.before, "success_adaptive"].iloc[0]
    figure.suptitle(
        f"Evasion: {percent(float(first))} get through before, {percent(float(best['success_adaptive']))} "
        f"with the best answer ({best['answer']})",
        x=0.01, ha="left",
    )  # fmt: skip
    for axes in (left, middle, right):
        axes.spines[["top", "right"]].set_visible(False)
    plt.close(figure)
    return figure


def plot_review(curve: pd.DataFrame) -> Figure:
    """Draw what people's attention buys, from :func:`~secure_ai.defend.robust.review.review_curve`."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(7, 3.6), dpi=80, layout="constrained")
    axes.fill_between(curve["share"], curve["low"], curve["high"], color=SCORE, alpha=0.18, linewidth=0)
    axes.plot(curve["share"], curve["accuracy"], "-o", color=SCORE, markersize=5)
    ticks = curve["share"].tolist()
    axes.set_xticks(ticks, [f"{share:.0%}" for share in ticks])
    axes.set_xlabel("cases that go to a person, the least sure first")
    axes.set_ylabel("accuracy of the rest (95% interval)")
    first, last = curve.iloc[0], curve.iloc[-1]
    axes.set_title(
        f"With {last['share']:.0%} sent to people, accuracy of the rest goes from {first['accuracy']:.1%} to "
        f"{last['accuracy']:.1%}",
        loc="left", fontsize=10,
    )  # fmt: skip
    axes.spines[["top", "right"]].set_visible(False)
    plt.close(figure)
    return figure
