"""Picture of an attribute inference: each way to guess, of members and of others; titled by its finding."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from secure_ai.attack.attribute_inference.measure import AttributeInference
from secure_ai.core.figures import GUIDE, HATCH, RISK, SCORE, percent

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WORDS = {
    "most frequent": "most frequent value",
    "imputation": "from the other columns",
    "weighted": "answers, weighed by a stand-in",
    "bayes": "answers and other columns",
    "prior": "answers and how frequent it is",
    "confidence": "what the model is surest of",
}


def plot_attribute_inference(found: AttributeInference) -> Figure:
    """Draw how often each way to guess is right, of members beside people that the model never saw.

    What it shows in words: :meth:`AttributeInference.sentence`.
    """
    import matplotlib.pyplot as plt

    table = found.table.iloc[::-1].reset_index(drop=True)
    figure, axes = plt.subplots(figsize=(8, 4.6), dpi=80, layout="constrained")
    places = np.arange(len(table))
    for shift, name, color, hatch, words in (
        (0.2, "members", RISK, HATCH, "members of the training data"),
        (-0.2, "non_members", SCORE, "", "people that the model never saw"),
    ):
        bars = axes.barh(
            places + shift, table[name], 0.38, color=color, hatch=hatch, edgecolor="white", label=words
        )
        axes.bar_label(bars, [percent(share) for share in table[name]], padding=3, fontsize=9)
    axes.set_yticks(
        places,
        [
            f"{WORDS.get(row.attack, row.attack)}\n({'asks the model' if row.uses_model else 'no model'})"
            for row in table.itertuples()
        ],
    )
    axes.axvline(1 / found.values, color=GUIDE, linestyle=":")
    axes.annotate(
        "by dice", (1 / found.values, len(table) - 0.45), (3, 0), textcoords="offset points", color=GUIDE
    )
    axes.set_xlim(0, 1.12)
    axes.set_xticks(np.linspace(0, 1, 5), ["0%", "25%", "50%", "75%", "100%"])
    axes.set_xlabel(f"'{found.column}' guessed right (share of records)")
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(frameon=False, loc="outside lower center", ncols=2)
    control = found.accuracy.control or 0.0
    figure.suptitle(
        f"With the model {percent(found.accuracy.value)} of members are guessed right, "
        f"{percent(control)} of others; without it {percent(found.accuracy.baseline)}",
        x=0.01,
        ha="left",
        fontsize=11,
    )
    plt.close(figure)
    return figure
