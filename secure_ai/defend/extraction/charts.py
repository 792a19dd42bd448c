"""The picture of answers to theft: what a thief still copies beside what a probability loses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from secure_ai.core.figures import GUIDE, HATCH, RISK, SCORE, percent
from secure_ai.defend.extraction.compare import AnswerComparison

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def plot_answers(found: AnswerComparison) -> Figure:
    """Draw for each answer the fidelity of both thieves and the error of a probability for clients."""
    import matplotlib.pyplot as plt

    table = found.table.iloc[::-1]
    places = range(len(table))
    figure, (left, right) = plt.subplots(
        1, 2, figsize=(10, 1.2 + 0.55 * len(table)), dpi=80, layout="constrained", sharey=True
    )
    shift = 0.19
    bars = (
        ("fidelity_adaptive", "thief who adapts", RISK, HATCH, shift),
        ("fidelity", "thief", SCORE, "", -shift),
    )
    for column, name, color, hatch, by in bars:
        left.barh(
            [place + by for place in places], table[column], height=0.36, color=color, hatch=hatch,
            edgecolor="white", label=name,
        )  # fmt: skip
        for place, share in zip(places, table[column], strict=True):
            left.annotate(
                percent(share),
                (share, place + by),
                (4, 0),
                textcoords="offset points",
                va="center",
                fontsize=9,
            )
    left.axvline(found.majority, color=GUIDE, linestyle=":", label="most frequent answer")
    left.set_yticks(
        places, [f"{row.answer}\n({row.queries:,} queries)" for row in table.itertuples()], fontsize=9
    )
    left.set_xlim(0, 1.2)
    left.set_xticks([0, 0.5, 1], ["0%", "50%", "100%"])
    left.set_xlabel(f"answers copied, of {found.n:,} rows held out")
    figure.legend(loc="outside lower left", ncols=3, frameon=False, fontsize=9)
    right.barh(places, table["probability_error"], color=GUIDE)
    for place, row in zip(places, table.itertuples(), strict=True):
        words = f"{row.probability_error:.3f}; {percent(row.decisions_changed)} of decisions changed"
        if row.rows_refused > 0:
            words += f"; {percent(row.rows_refused)} refused"
        right.annotate(
            words, (row.probability_error, place), (4, 0), textcoords="offset points", va="center", fontsize=9
        )
    right.set_xlim(0, max(2.6 * table["probability_error"].max(), 0.1))
    right.set_xlabel("mean error of a probability, for clients")
    least = found.table.loc[found.table["fidelity_adaptive"].idxmin()]
    figure.suptitle(
        f"A thief who adapts still copies {percent(least['fidelity_adaptive'])} or more under every answer",
        x=0.01, ha="left", fontsize=11,
    )  # fmt: skip
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
    plt.close(figure)
    return figure
