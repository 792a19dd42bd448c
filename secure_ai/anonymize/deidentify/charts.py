"""Pictures of de-identification, each with a title and a sentence computed from its data."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from secure_ai.anonymize.deidentify.leftover import TOTAL, Leftover
from secure_ai.core.figures import GUIDE, HATCH, RISK, SCORE, percent

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LEAST_THERE = 5


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
        f"{percent(moved)} of {len(before):,} dates moved; {percent(same)} of {len(old):,} intervals between "
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
