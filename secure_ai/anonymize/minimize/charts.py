"""Pictures of minimization, each with a title and a sentence computed from its data."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from secure_ai.anonymize.minimize.result import METRIC_NAMES, Minimization
from secure_ai.core.figures import RISK, SCORE, percent, share_bars

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def minimization_sentence(found: Minimization) -> str:
    """Say what the curve of a minimization shows."""
    curve = found.curve
    start, end = curve.iloc[0], _chosen(found)
    best, last = curve.loc[curve["score"].idxmax()], curve.iloc[-1]
    return (
        f"With {start['columns']} columns the {_name(found)} is {start['score']:.3f}, with the "
        f"{end['columns']} kept {end['score']:.3f}, with one column {last['score']:.3f}; it is "
        f"highest with {best['columns']} ({best['score']:.3f}). Columns that outsiders can "
        f"know: {start['identifying']} at the start, {end['identifying']} kept."
    )


def plot_minimization(found: Minimization) -> Figure:
    """Draw the score with its interval, and below it the identifying columns, while columns go."""
    import matplotlib.pyplot as plt

    curve, chosen = found.curve, _chosen(found)
    figure, (upper, lower) = plt.subplots(
        2, 1, figsize=(8, 5), dpi=80, layout="constrained", sharex=True, height_ratios=(3, 1)
    )
    upper.fill_between(
        curve["step"], curve["low"], curve["high"], color=SCORE, alpha=0.18, label="95% interval", linewidth=0
    )
    upper.plot(curve["step"], curve["score"], "-o", color=SCORE, markersize=4, label=_name(found))
    upper.axvline(chosen["step"], color="black", linestyle=":", linewidth=1.2)
    right = chosen["step"] > 0.6 * curve["step"].iloc[-1]
    upper.annotate(
        f"kept: {chosen['columns']} columns", (chosen["step"], curve["low"].min()), (-6 if right else 6, 2),
        textcoords="offset points", ha="right" if right else "left", fontsize=10,
    )  # fmt: skip
    upper.set_title(
        f"{chosen['columns']} columns do the work of {curve['columns'].iloc[0]}; with fewer the score falls",
        loc="left",
    )
    upper.set_ylabel(f"{_name(found)} on rows not trained on")
    upper.legend(frameon=False, loc="lower left")
    lower.step(curve["step"], curve["identifying"], where="post", color=RISK)
    lower.axvline(chosen["step"], color="black", linestyle=":", linewidth=1.2)
    lower.set_ylabel("identifying\ncolumns")
    lower.set_ylim(bottom=0)
    lower.set_xlabel("changes made, in order: a column dropped, or its values made coarser")
    for axes in (upper, lower):
        axes.spines[["top", "right"]].set_visible(False)
    plt.close(figure)
    return figure


def coarsening_sentence(curve: pd.DataFrame) -> str:
    """Say what coarser values cost and bought, from :func:`coarsening_curve`."""
    fine, rough, none = curve.iloc[0], curve.iloc[-2], curve.iloc[-1]
    return (
        f"From '{fine['values']}' to '{rough['values']}', people who are alone in their values go from "
        f"{percent(fine['unique'])} to {percent(rough['unique'])} and the score from {fine['score']:.3f} to "
        f"{rough['score']:.3f}; without any of them it is {none['score']:.3f}."
    )


def plot_coarsening(curve: pd.DataFrame) -> Figure:
    """Draw the share of unique people and the score, side by side, over levels of coarseness."""
    import matplotlib.pyplot as plt

    labels = [text.replace(", ", "\n") for text in curve["values"]][::-1]
    back = curve.iloc[::-1]
    places = range(len(back))
    figure, (left, right) = plt.subplots(
        1, 2, figsize=(9, 0.9 + 0.62 * len(curve)), dpi=80, layout="constrained", sharey=True
    )
    share_bars(left, back["unique"].tolist())
    left.set_yticks(places, labels, fontsize=9)
    left.set_xlabel("people who are alone in these values")
    spread = [back["score"] - back["low"], back["high"] - back["score"]]
    right.errorbar(back["score"], places, xerr=spread, fmt="o", color=SCORE, capsize=3)
    right.set_xlabel("score of the model (95% interval)")
    fine, rough = curve.iloc[0], curve.iloc[-2]
    figure.suptitle(
        f"Coarser values: unique people {percent(fine['unique'])} to {percent(rough['unique'])}, "
        f"score {fine['score']:.3f} to {rough['score']:.3f}",
        x=0.01, ha="left",
    )  # fmt: skip
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
    plt.close(figure)
    return figure


def _chosen(found: Minimization) -> pd.Series:
    return found.curve[found.curve["within"]].iloc[-1]


def _name(found: Minimization) -> str:
    return METRIC_NAMES[found.metric]
