"""Pictures of minimization and de-identification, each with a title and a sentence computed from its data."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from secure_ai.anonymize.leftover import TOTAL, Leftover
from secure_ai.anonymize.minimize_result import METRIC_NAMES, Minimization

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SCORE, RISK, GUIDE = "#1f5a91", "#8c1d40", "#5a5a5a"
HATCH = "//"
LEAST_THERE = 5


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
        f"{_share(fine['unique'])} to {_share(rough['unique'])} and the score from {fine['score']:.3f} to "
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
    left.barh(places, back["unique"], color=RISK, hatch=HATCH, edgecolor="white")
    for place, share in zip(places, back["unique"], strict=True):
        left.annotate(_share(share), (share, place), (4, 0), textcoords="offset points", va="center")
    left.set_yticks(places, labels, fontsize=9)
    left.set_xlim(0, 1.25)
    left.set_xticks([0, 0.5, 1], ["0%", "50%", "100%"])
    left.set_xlabel("people who are alone in these values")
    spread = [back["score"] - back["low"], back["high"] - back["score"]]
    right.errorbar(back["score"], places, xerr=spread, fmt="o", color=SCORE, capsize=3)
    right.set_xlabel("score of the model (95% interval)")
    fine, rough = curve.iloc[0], curve.iloc[-2]
    figure.suptitle(
        f"Coarser values: unique people {_share(fine['unique'])} to {_share(rough['unique'])}, "
        f"score {fine['score']:.3f} to {rough['score']:.3f}",
        x=0.01, ha="left",
    )  # fmt: skip
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
    plt.close(figure)
    return figure


def leftover_sentence(found: Leftover) -> str:
    """Say what is left after de-identification."""
    total = found.by_entity.loc[TOTAL]
    kinds = found.by_entity.drop(TOTAL).query("left > 0")
    if kinds.empty:
        return f"None of the {total['there']:,.0f} known identifiers is left."
    named = ", ".join(
        f"{entity} {row['left']:,.0f} of {row['there']:,.0f}" for entity, row in kinds.iterrows()
    )
    return (
        f"{total['left']:,.0f} of {total['there']:,.0f} known identifiers are left ({named}); "
        f"{found.clean_texts:,} of {len(found.spans):,} texts are clean."
    )


def plot_leftover(found: Leftover, least: int = LEAST_THERE) -> Figure:
    """Draw the share of known identifiers that is left, by kind, where there are ``least``."""
    import matplotlib.pyplot as plt

    kinds = found.by_entity.drop(TOTAL).query("there >= @least").iloc[::-1]
    figure, axes = plt.subplots(figsize=(8, 0.9 + 0.3 * len(kinds)), dpi=80, layout="constrained")
    bars = axes.barh(kinds.index, kinds["share"], color=RISK, hatch=HATCH, edgecolor="white")
    for bar, (_, row) in zip(bars, kinds.iterrows(), strict=True):
        axes.annotate(
            f"{row['left']:,.0f} of {row['there']:,.0f}", (row["share"], bar.get_y() + bar.get_height() / 2),
            (4, 0), textcoords="offset points", va="center", fontsize=9,
        )  # fmt: skip
    axes.set_title(
        f"{len(found.spans) - found.clean_texts:,} of {len(found.spans):,} texts still hold an identifier "
        "after removal" if found.clean < 1 else "After removal no known identifier is left",
        loc="left",
    )  # fmt: skip
    axes.set_xlim(0, max(0.5, 1.25 * float(kinds["share"].max())))
    axes.xaxis.set_major_formatter(lambda share, _: f"{share:.0%}")
    axes.set_xlabel("share of known identifiers that can still be read")
    axes.spines[["top", "right"]].set_visible(False)
    plt.close(figure)
    return figure


def shift_sentence(before: pd.DataFrame, after: pd.DataFrame, person: str, date: str) -> str:
    """Say what shifting did to dates and to the days between two events of a person."""
    old, new = _gaps(before, person, date), _gaps(after, person, date)
    moved = (pd.to_datetime(before[date]).to_numpy() != pd.to_datetime(after[date]).to_numpy()).mean()
    same = float((old.to_numpy() == new.to_numpy()).mean()) if len(old) else 1.0
    return (
        f"{_share(moved)} of {len(before):,} dates moved; {_share(same)} of {len(old):,} intervals between "
        "two events of a person are what they were."
    )


def plot_shift(before: pd.DataFrame, after: pd.DataFrame, person: str, date: str, most: int = 4) -> Figure:
    """Draw the events of a few people before and after their dates were shifted.

    Args:
        before: one row per event.
        after: the same rows after the shift; people may have got codes.
        person: column that says whose event it is.
        date: column of dates.
        most: people to draw, those with the most events.
    """
    import matplotlib.pyplot as plt
    from matplotlib.dates import AutoDateLocator

    chosen = before[person].value_counts(sort=True).head(most).index
    old, new = pd.to_datetime(before[date]), pd.to_datetime(after[date])
    figure, axes = plt.subplots(figsize=(8, 0.9 + 0.75 * len(chosen)), dpi=80, layout="constrained")
    for place, name in enumerate(chosen):
        own = (before[person] == name).to_numpy()
        axes.plot(old[own], [place + 0.15] * own.sum(), "-o", color=GUIDE, markersize=6, linewidth=1)
        axes.plot(new[own], [place - 0.15] * own.sum(), "--s", color=SCORE, markersize=6, linewidth=1)
    axes.plot([], [], "-o", color=GUIDE, label="true dates")
    axes.plot([], [], "--s", color=SCORE, label="shifted dates")
    axes.set_yticks(range(len(chosen)), [f"person {i + 1}" for i in range(len(chosen))])
    axes.set_ylim(-0.6, len(chosen) - 0.4)
    axes.set_title("Each person's dates move by a number of days of their own; the pattern stays", loc="left")
    axes.set_xlabel("date of the event")
    axes.xaxis.set_major_locator(AutoDateLocator(maxticks=7))
    axes.legend(frameon=False, ncols=2, loc="upper left", bbox_to_anchor=(0, -0.16))
    axes.spines[["top", "right"]].set_visible(False)
    plt.close(figure)
    return figure


def _gaps(table: pd.DataFrame, person: str, date: str) -> pd.Series:
    days = pd.DataFrame(
        {"whose": table[person].to_numpy(), "day": pd.to_datetime(table[date]).dt.normalize().to_numpy()}
    )
    return days.groupby("whose", sort=False)["day"].diff().dropna().dt.days


def _chosen(found: Minimization) -> pd.Series:
    return found.curve[found.curve["within"]].iloc[-1]


def _name(found: Minimization) -> str:
    return METRIC_NAMES[found.metric]


def _share(value: float) -> str:
    # Nothing rounds to "all" or "none".
    if 0 < value < 0.001:
        return "under 0.1%"
    if 0.999 < value < 1:
        return "over 99.9%"
    if 0 < value < 0.01 or 0.99 < value < 1:
        return f"{value:.1%}"
    return f"{value:.0%}"
