"""Pictures of explanations, each with a title that its data give."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from secure_ai.core.figures import GUIDE, HATCH, RISK, SCORE, percent
from secure_ai.defend.explanations.explanation import Explanation
from secure_ai.defend.explanations.stability import ExplanationStability

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def plot_explanation(found: Explanation, *, most: int = 8, outcome: str | None = None) -> Figure:
    """Draw the strongest contributions as bars with two standard errors.

    Args:
        found: the explanation.
        most: features at most; what the rest add up to is one more bar.
        outcome: what the class means, for the title.
    """
    import matplotlib.pyplot as plt

    order = np.argsort(-np.abs(found.contributions), kind="stable")
    shown, rest = order[:most], order[most:]
    unit = 100.0 if found.scale == "probability" else 1.0
    names = [found.features[at] for at in shown]
    sizes = list(unit * found.contributions[shown])
    errors = list(2 * unit * found.standard_errors[shown])
    if len(rest):
        names.append(f"{len(rest)} others together")
        sizes.append(unit * float(found.contributions[rest].sum()))
        errors.append(0.0)
    places = np.arange(len(names))[::-1]
    figure, axes = plt.subplots(figsize=(8, 1.3 + 0.38 * len(names)), dpi=80, layout="constrained")
    for sign, color, hatch, text in ((1, RISK, HATCH, "raises"), (-1, SCORE, None, "lowers")):
        chosen = np.array([sign * size > 0 for size in sizes])
        if chosen.any():
            axes.barh(
                places[chosen],
                np.array(sizes)[chosen],
                color=color,
                hatch=hatch,
                edgecolor="white",
                label=text,
            )
    axes.errorbar(sizes, places, xerr=errors, fmt="none", ecolor="black", capsize=3, linewidth=1)
    axes.axvline(0, color=GUIDE, linewidth=1)
    axes.set_yticks(places, names)
    axes.set_xlabel(
        "contribution to the probability (percentage points; bars of two standard errors)"
        if found.scale == "probability"
        else "contribution (log-odds; bars of two standard errors)"
    )
    about = outcome or f"'{found.label}'"
    figures = (
        f"{percent(found.score)} instead of {percent(found.base)}"
        if found.scale == "probability"
        else f"{found.score:+.2f} instead of {found.base:+.2f}"
    )
    axes.set_title(f"{about}: {figures}, most of all by {names[0]}", loc="left")
    axes.legend(frameon=False, loc="best")
    axes.spines[["top", "right"]].set_visible(False)
    plt.close(figure)
    return figure


def plot_stability(found: ExplanationStability) -> Figure:
    """Draw how many of the strongest features stay under each change, with intervals and random order."""
    import matplotlib.pyplot as plt

    frame = found.to_frame()
    places = np.arange(len(frame))[::-1]
    figure, axes = plt.subplots(figsize=(8, 1.4 + 0.5 * len(frame)), dpi=80, layout="constrained")
    errors = np.maximum([frame["agreement"] - frame["low"], frame["high"] - frame["agreement"]], 0)
    axes.errorbar(frame["agreement"], places, xerr=errors, fmt="o", color=SCORE, capsize=4)
    axes.axvline(frame["baseline"].iloc[0], color=RISK, linestyle="--", label="features in random order")
    axes.set_yticks(places, frame["change"])
    axes.set_ylim(-0.6, len(frame) - 0.4)
    axes.set_xlim(0, 1.05)
    axes.set_xticks([0, 0.5, 1], ["0%", "50%", "100%"])
    axes.set_xlabel(f"of the {found.top} strongest features, those that stay (95% interval)")
    worst = frame.loc[frame["agreement"].idxmin()]
    axes.set_title(
        f"{found.method[0].upper()}{found.method[1:]}: {percent(float(worst['agreement']))} of the reasons "
        f"stay with {worst['change']}",
        loc="left",
    )
    axes.legend(frameon=False, loc="lower left")
    axes.spines[["top", "right"]].set_visible(False)
    plt.close(figure)
    return figure
