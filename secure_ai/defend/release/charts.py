"""The picture of leaves before release: how many training records lie in each leaf of a model's trees."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from secure_ai.core import UserError
from secure_ai.core.figures import GUIDE, HATCH, RISK, SCORE, percent
from secure_ai.defend.release.facts import read_facts
from secure_ai.defend.release.parts import take_apart
from secure_ai.defend.release.rules import load_rules

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def plot_release(model: Any, *, rules: Any = None) -> Figure:
    """Draw how many leaves hold how many training records, those below the threshold apart.

    Args:
        model: a fitted model with trees.
        rules: as :func:`load_rules` takes them.

    Raises:
        UserError: if there is no tree in the model.
    """
    import matplotlib.pyplot as plt

    threshold = load_rules(rules).rules["smallest_leaf"].threshold
    sizes = [read_facts(part, 0).leaves for part in take_apart(model)]
    leaves = np.concatenate([*sizes, np.empty(0, dtype=int)])
    if not len(leaves):
        raise UserError(f"There is no tree in this {type(model).__name__}: its leaves cannot be drawn.")
    edges = np.unique(np.concatenate([[1, 2, 3, 4, 5, 10, 20, 50], 100 * 10.0 ** np.arange(8), [threshold]]))
    edges = edges[: np.searchsorted(edges, leaves.max(), side="right") + 1]
    counts = np.histogram(leaves, bins=[*edges[:-1], np.inf] if len(edges) > 1 else [1, np.inf])[0]
    lows = edges[: len(counts)]
    names = [_range(low, high) for low, high in zip(lows, [*lows[1:], None], strict=True)]
    figure, axes = plt.subplots(figsize=(8, 0.9 + 0.4 * len(counts)), dpi=80, layout="constrained")
    for place, (low, count) in enumerate(zip(lows, counts, strict=True)):
        small = low < threshold
        axes.barh(
            place, count, color=RISK if small else SCORE, hatch=HATCH if small else "", edgecolor="white"
        )
        axes.annotate(f"{count:,}", (count, place), (4, 0), textcoords="offset points", va="center")
    below = int((leaves < threshold).sum())
    border = np.searchsorted(lows, threshold) - 0.5
    if border < len(counts) - 0.5:
        axes.axhline(border, color=GUIDE, linestyle=":")
    axes.set_yticks(range(len(counts)), names)
    axes.set_ylabel("training records in a leaf")
    axes.set_xlabel("leaves")
    axes.set_xlim(0, 1.15 * counts.max())
    share = percent(below / len(leaves))
    axes.set_title(
        f"{share} of {len(leaves):,} leaves hold fewer than {threshold:,g} training records", fontsize=11
    )
    plt.close(figure)
    return figure


def _range(low: float, high: float | None) -> str:
    if high is None:
        return f"{low:,.0f} or more"
    return f"{low:,.0f}" if high - low <= 1 else f"{low:,.0f} to {high - 1:,.0f}"
