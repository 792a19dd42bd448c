"""Pictures of differential privacy, each with a title and a sentence computed from its data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from secure_ai.anonymize.differential_privacy.error_curves import ErrorCurve, amount
from secure_ai.anonymize.differential_privacy.odds import posterior
from secure_ai.core.figures import GUIDE, RISK, SCORE, percent

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

LINES = ("-", "--", "-.", ":")


def plot_error_curve(curve: ErrorCurve, epsilon: float | None = None) -> Figure:
    """Draw the expected error against epsilon, both on log axes; ``epsilon`` marks a choice."""
    import matplotlib.pyplot as plt

    table = curve.table
    figure, axes = plt.subplots(figsize=(8, 4.2), dpi=80, layout="constrained")
    biased = abs(curve.bias) > 1e-9 * max(1.0, abs(curve.exact))
    label = "noise, bounds and limit on rows" if biased else "expected error"
    axes.plot(table["epsilon"], table["error"], "-o", color=SCORE, markersize=4, label=label)
    if biased:
        axes.plot(table["epsilon"], table["noise"], "--", color=GUIDE, label="noise alone")
    if curve.exact:
        axes.axhline(0.01 * abs(curve.exact), color=RISK, linestyle=":", label="1% of the answer")
    if epsilon is not None:
        axes.axvline(epsilon, color="black", linewidth=1.2, linestyle="-.", label=f"epsilon {epsilon:g}")
    axes.set(
        xscale="log",
        yscale="log",
        xlabel="epsilon (left: more private)",
        ylabel=f"mean absolute error of the\n{curve.query}",
    )
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}" if value >= 1 else f"{value:g}")
    lowest = table["error"].min()
    if lowest > 0:
        # A quantile that is as good as certain has an error far below anything worth drawing.
        axes.set_ylim(bottom=max(min(lowest, table["noise"].min()), lowest / 1000) / 2)
    first, last = table.iloc[0], table.iloc[-1]
    title = (
        f"Error falls from {amount(first['error'])} at epsilon {first['epsilon']:g} "
        f"to {amount(last['error'])} at epsilon {last['epsilon']:g}"
    )
    if biased and abs(curve.bias) > first["noise"]:
        title = f"No epsilon takes away the {amount(abs(curve.bias))} that bounds and the limit on rows cost"
    axes.set_title(title, loc="left")
    axes.grid(alpha=0.25)
    axes.legend(frameon=False)
    return _finished(figure)


def plot_odds(epsilons: Sequence[float] = (0.1, 0.5, 1.0, 3.0)) -> Figure:
    """Draw how sure an attacker can be at most afterwards, against how sure before."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(8, 4.2), dpi=80, layout="constrained")
    before = np.linspace(0.005, 0.995, 199)
    axes.plot(before, before, color=GUIDE, linewidth=1, label="nothing learned")
    for number, epsilon in enumerate(epsilons):
        after = [posterior(float(prior), epsilon) for prior in before]
        axes.plot(before, after, LINES[number % len(LINES)], color=SCORE, linewidth=1.2 + 0.5 * number,
                  label=f"epsilon {epsilon:g}")  # fmt: skip
    axes.set(xlabel="how sure before the answer", ylabel="how sure after it, at most")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(lambda value, _: f"{value:.0%}")
    axes.set_title(odds_finding(epsilons), loc="left")
    axes.grid(alpha=0.25)
    axes.legend(frameon=False, loc="lower right")
    return _finished(figure)


def odds_finding(epsilons: Sequence[float]) -> str:
    """Say what an even bet becomes at the smallest and the largest epsilon."""
    low, high = min(epsilons), max(epsilons)
    return (
        f"An even bet becomes at most {percent(posterior(0.5, low))} sure at epsilon {low:g}, "
        f"{percent(posterior(0.5, high))} at epsilon {high:g}"
    )


def plot_differencing(table: pd.DataFrame) -> Figure:
    """Draw the success of the differencing attack (``differencing_success``) and its bound."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(8, 4.2), dpi=80, layout="constrained")
    axes.plot(table["epsilon"], table["exact"], color=RISK, label="exact counts")
    axes.plot(table["epsilon"], table["bound"], "--", color=GUIDE, label="bound on any attacker")
    axes.fill_between(
        table["epsilon"], table["low"], table["high"], color=SCORE, alpha=0.25, linewidth=0,
        label="95% interval",
    )  # fmt: skip
    axes.plot(table["epsilon"], table["success"], "-o", color=SCORE, markersize=4, label="noisy counts")
    axes.axhline(0.5, color="black", linestyle=":", linewidth=1, label="a coin")
    axes.set(xscale="log", xlabel="epsilon of both counts together", ylabel="share of right guesses")
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    axes.set_title(differencing_finding(table), loc="left")
    axes.grid(alpha=0.25)
    axes.legend(frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
    return _finished(figure)


def differencing_finding(table: pd.DataFrame) -> str:
    """Say how often the attack is right at the smallest and the largest epsilon."""
    first, last = table.iloc[0], table.iloc[-1]
    return (
        f"Always right on exact counts; on noisy ones {percent(first['success'])} at epsilon "
        f"{first['epsilon']:g}, {percent(last['success'])} at {last['epsilon']:g}"
    )


def _finished(figure: Figure) -> Figure:
    import matplotlib.pyplot as plt

    for axes in figure.axes:
        axes.spines[["top", "right"]].set_visible(False)
    plt.close(figure)
    return figure
