"""The loss model in pictures and sentences that a board can read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from secure_ai.core import UserError
from secure_ai.govern.loss import BeforeAfter, bad_year, exceedance_curve, probability_of_exceeding

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BEFORE, AFTER, GUIDE = "#8c1d40", "#1f5a91", "#5a5a5a"
SYMBOLS = {"USD": "$", "EUR": "€", "GBP": "£"}


def money(amount: float, currency: str = "USD") -> str:
    """Return an amount as people say it, to two figures at least: ``$2.9 million``, ``$45 thousand``."""
    sign, amount = ("−" if amount < 0 else ""), abs(amount)
    unit, word = next(
        (
            pair
            for pair in ((1e9, " billion"), (1e6, " million"), (1e3, " thousand"))
            if amount >= 0.9995 * pair[0]
        ),
        (1.0, ""),
    )
    value = amount / unit
    digits = f"{value:.1f}".removesuffix(".0") if value < 9.95 else f"{value:.0f}"
    symbol = SYMBOLS.get(currency, currency + " ")
    return f"{sign}{symbol}{digits}{word}"


def exceedance_summary(
    result: BeforeAfter, amount: float = 1_000_000, one_in: float = 20, currency: str = "USD"
) -> pd.DataFrame:
    """Return the curve's three messages as a table, without and with the controls.

    Returns:
        Rows: an average year, one year in ``one_in`` costs more than, chance of a year above ``amount``.
        Columns: ``without the controls``, ``with the controls``.
    """
    sides = {"without the controls": result.before, "with the controls": result.after}
    return pd.DataFrame(
        {
            name: [
                money(losses.sum(axis=1).mean(), currency),
                money(bad_year(losses, one_in), currency),
                f"{probability_of_exceeding(losses, amount).value:.1%}",
            ]
            for name, losses in sides.items()
        },
        index=[
            "an average year costs",
            f"one year in {one_in:g} costs more than",
            f"chance of a year above {money(amount, currency)}",
        ],
    )


def exceedance_sentence(result: BeforeAfter, one_in: float = 20, currency: str = "USD") -> str:
    """Return the finding of the curve in one sentence."""
    before, after = bad_year(result.before, one_in), bad_year(result.after, one_in)
    return (
        f"One year in {one_in:g} costs more than {money(before, currency)}; "
        f"with the controls, more than {money(after, currency)}."
    )


def plot_exceedance(result: BeforeAfter, one_in: float = 20, currency: str = "USD") -> Figure:
    """Draw the chance that a year loses more than each amount, without and with the controls.

    Raises:
        UserError: if no simulated year has a loss.
    """
    import matplotlib.pyplot as plt

    annual = result.before.sum(axis=1)
    if not (annual > 0).any():
        raise UserError("No simulated year has a loss, so there is no curve: check the frequencies.")
    low, high = max(float(np.quantile(annual[annual > 0], 0.01)), 1.0), float(annual.quantile(0.999))
    amounts = np.geomspace(10 ** np.floor(np.log10(low)), 10 ** np.ceil(np.log10(high)), 200)
    figure, axes = plt.subplots(figsize=(8, 4.4), dpi=80, layout="constrained")
    sides = (
        ("without the controls", result.before, BEFORE, "-"),
        ("with the controls", result.after, AFTER, "--"),
    )
    for name, losses, color, style in sides:
        curve = exceedance_curve(losses, amounts)
        axes.plot(
            curve["amount"], curve["probability"], color=color, linestyle=style, linewidth=2, label=name
        )
        # Beside its point, on the side where the other curve is not.
        first = losses is result.before
        axes.annotate(
            _plain(money(bad_year(losses, one_in), currency)),
            (bad_year(losses, one_in), 1 / one_in),
            xytext=(8, 6) if first else (-8, 0),
            textcoords="offset points",
            ha="left" if first else "right",
            va="bottom" if first else "center",
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 1},
            color=color,
            weight="bold",
        )
        axes.plot(bad_year(losses, one_in), 1 / one_in, "o", color=color)
    axes.axhline(1 / one_in, color=GUIDE, linewidth=0.8, linestyle=":")
    axes.text(amounts[0], 1 / one_in, f" 1 year in {one_in:g}", color=GUIDE, va="bottom")
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(lambda value, _: _plain(money(value, currency)))
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    axes.set_xlim(amounts[0], amounts[-1])
    axes.set_ylim(0, 1)
    axes.set_xlabel(f"loss in one year ({currency}; each mark is ten times the one before)")
    axes.set_ylabel("chance that a year loses more")
    axes.set_title(_plain(exceedance_sentence(result, one_in, currency)), fontsize=11, loc="left", wrap=True)
    axes.legend(frameon=False)
    axes.grid(alpha=0.25)
    return figure


def controls_summary(result: BeforeAfter, currency: str = "USD") -> pd.DataFrame:
    """Return the controls as a table to read aloud: cost, what each saves and returns, how sure that is."""
    table = result.controls
    return pd.DataFrame(
        {
            "control": table["control"],
            "costs a year": [money(value, currency) for value in table["cost"]],
            "saves in an average year": [money(value, currency) for value in table["saves"]],
            "could be": [
                f"{money(low, currency)} to {money(high, currency)}"
                for low, high in zip(table["saves_low"], table["saves_high"], strict=True)
            ],
            "back for each 1 spent": (table["saves"] / table["cost"]).map("{:.1f}".format),
            "chance it pays": table["chance_it_pays"].map("{:.0%}".format),
        }
    )


def plot_controls(result: BeforeAfter, currency: str = "USD") -> Figure:
    """Draw what each control saves after its cost, with its 95 % range."""
    import matplotlib.pyplot as plt

    table = result.controls.iloc[::-1]
    figure, axes = plt.subplots(figsize=(8.5, 0.55 * len(table) + 1.5), dpi=80, layout="constrained")
    axes.hlines(table["control"], table["net_low"], table["net_high"], color=AFTER, linewidth=3, alpha=0.5)
    axes.plot(table["net"], table["control"], "o", color=AFTER, markersize=8)
    axes.axvline(0, color=GUIDE, linewidth=1)
    axes.text(0, len(table) - 0.35, " pays for itself →", color=GUIDE, va="bottom")
    axes.set_ylim(-0.6, len(table))
    axes.xaxis.set_major_formatter(lambda value, _: _plain(money(value, currency)))
    axes.xaxis.set_major_locator(plt.MaxNLocator(4))
    axes.set_xlabel(f"saved minus cost in an average year ({currency})")
    axes.set_title(controls_sentence(result), fontsize=11, loc="left", wrap=True)
    axes.grid(axis="x", alpha=0.25)
    return figure


def _plain(text: str) -> str:
    # matplotlib would set what stands between two dollar signs as a formula.
    return text.replace("$", r"\$")


def controls_sentence(result: BeforeAfter) -> str:
    """Return in one sentence which control is the surest to pay, and which the least."""
    single = result.controls[result.controls["control"] != "all together"]
    best, worst = (single.loc[single["chance_it_pays"].agg(which)] for which in ("idxmax", "idxmin"))
    return (
        f"Surest to pay for itself: {best['control']} ({best['chance_it_pays']:.0%}). "
        f"Least sure: {worst['control']} ({worst['chance_it_pays']:.0%})."
    )
