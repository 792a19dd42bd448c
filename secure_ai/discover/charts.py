"""Pictures of what a detector finds, each with a title computed from its data."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from secure_ai.core.errors import UserError
from secure_ai.core.figures import percent
from secure_ai.discover.scoring import TOTAL

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FOUND, LOST, GUIDE = "#1f5a91", "#8c1d40", "#5a5a5a"
HATCH = "//"
MIN_SPANS = 5
WEAK = 0.8


def recall_sentence(scores: pd.DataFrame, least: int = MIN_SPANS, weak: float = WEAK) -> str:
    """Say which entities a detector loses, from :func:`score_spans`.

    Raises:
        UserError: if no entity occurs ``least`` times.
    """
    recall = _by_recall(scores, least)["recall"]
    lost = recall[recall < weak]
    total = scores.loc[TOTAL, "recall"]
    if lost.empty:
        return f"All {len(recall)} kinds of identifier are found at least {weak:.0%} of the time."
    names = ", ".join(f"{name} {percent(share)}" for name, share in lost.items())
    return f"Recall is {total:.0%} over all, and lost on: {names}."


def plot_recall(scores: pd.DataFrame, least: int = MIN_SPANS, weak: float = WEAK) -> Figure:
    """Draw recall by entity, the entities below ``weak`` hatched.

    Args:
        scores: from :func:`score_spans`.
        least: entities with fewer true spans are left out.
        weak: recall below which an entity counts as lost.
    """
    import matplotlib.pyplot as plt

    recall = _by_recall(scores, least)[["recall", "n"]].iloc[::-1]
    figure, axes = plt.subplots(figsize=(8, 0.6 + 0.32 * len(recall)), dpi=80, layout="constrained")
    bars = axes.barh(
        recall.index, recall["recall"], color=[LOST if r < weak else FOUND for r in recall["recall"]]
    )
    for bar, (share, n) in zip(bars, recall.itertuples(index=False), strict=True):
        if share < weak:
            bar.set_hatch(HATCH)
            bar.set_edgecolor("white")
        axes.annotate(f"{percent(share)} of {n:,.0f}", (share, bar.get_y() + bar.get_height() / 2), (4, 0),
                      textcoords="offset points", va="center", fontsize=9)  # fmt: skip
    lost = [name for name, share in recall["recall"].items() if share < weak]
    worst = recall["recall"].idxmin()
    named = f", most of all {worst}" if len(worst) <= 20 else ""  # a longer name leaves the picture
    axes.set_title(
        f"{len(lost)} of {len(recall)} kinds are often missed{named}" if lost
        else f"All {len(recall)} kinds are found at least {weak:.0%} of the time",
        loc="left",
    )  # fmt: skip
    axes.set_xlim(0, 1.2)
    axes.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0%", "25%", "50%", "75%", "100%"])
    axes.set_xlabel(f"recall: share of true spans found (hatched: below {weak:.0%})")
    axes.spines[["top", "right"]].set_visible(False)
    plt.close(figure)
    return figure


def curve_sentence(curve: pd.DataFrame) -> str:
    """Say what the threshold trades, from :func:`threshold_curve`."""
    loose, strict = curve.iloc[0], curve.iloc[-1]
    best = curve.loc[curve["f2"].idxmax()]
    # Tables round to two places, where several thresholds look alike.
    alike = curve.loc[curve["f2"] > best["f2"] - 0.005, "threshold"]
    also = f", and hardly lower at {len(alike) - 1} other thresholds" if len(alike) > 1 else ""
    return (
        f"From threshold {loose['threshold']:g} to {strict['threshold']:g} precision goes from "
        f"{percent(loose['precision'])} to {percent(strict['precision'])} and recall from "
        f"{percent(loose['recall'])} to {percent(strict['recall'])}; "
        f"F2 is best at {best['threshold']:g} ({best['f2']:.2f}){also}."
    )


def plot_curve(curve: pd.DataFrame, chosen: float | None = None) -> Figure:
    """Draw precision, recall and clean documents over the threshold, ``chosen`` as a dotted line."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(8, 3.6), dpi=80, layout="constrained")
    styles = (
        ("precision", "precision: share of findings that are true", GUIDE, "--", "s"),
        ("recall", "recall: share of identifiers found", FOUND, "-", "o"),
        ("clean", "documents with no identifier left", LOST, "-", "^"),
    )
    for column, label, color, line, marker in styles:
        axes.plot(
            curve["threshold"], curve[column], line, color=color, marker=marker, markersize=4, label=label
        )
    if chosen is not None:
        axes.axvline(chosen, color="black", linestyle=":", linewidth=1)
    ceiling = curve["recall"].max()
    axes.set_title(
        f"No threshold lifts recall above {percent(ceiling)}: what was never found stays", loc="left"
    )
    axes.set_ylim(0, 1.05)
    axes.set_yticks([0, 0.25, 0.5, 0.75, 1], ["0%", "25%", "50%", "75%", "100%"])
    axes.set_xlabel("threshold on the detector's score (0 to 1)")
    axes.set_ylabel("share")
    axes.legend(frameon=False, fontsize=9)
    axes.spines[["top", "right"]].set_visible(False)
    plt.close(figure)
    return figure


def plot_comparison(frame: pd.DataFrame, least: int = MIN_SPANS) -> Figure:
    """Draw recall by entity of two detectors, the first hollow and the second filled.

    Args:
        frame: from :func:`secure_ai.discover.compare.compare_detectors`; its first and last detector.
        least: entities with fewer true spans are left out, as are those that both find alike.
    """
    import matplotlib.pyplot as plt

    recall = frame["recall"]
    first, last = recall.columns[0], recall.columns[-1]
    kept = frame[(frame[("n", "")] >= least) & (frame.index != TOTAL)].index
    differ = [name for name in kept if abs(recall.loc[name, first] - recall.loc[name, last]) > 0.005]
    alike = len(kept) - len(differ)
    rows = [*differ, TOTAL][::-1]
    figure, axes = plt.subplots(figsize=(8, 1.3 + 0.42 * len(rows)), dpi=80, layout="constrained")
    for height, name in enumerate(rows):
        before, after = recall.loc[name, first], recall.loc[name, last]
        axes.plot([before, after], [height, height], color=GUIDE, linewidth=1.5, zorder=1)
        for share, color, face, side in ((before, LOST, "white", -1), (after, FOUND, FOUND, 1)):
            axes.scatter([share], [height], s=60, edgecolor=color, facecolor=face, linewidth=1.8, zorder=2)
            outward = side if after >= before else -side
            axes.annotate(percent(share), (share, height), (9 * outward, 0), textcoords="offset points",
                          va="center", ha="left" if outward > 0 else "right", fontsize=9)  # fmt: skip
    axes.scatter([], [], s=60, edgecolor=LOST, facecolor="white", linewidth=1.8, label=first)
    axes.scatter([], [], s=60, edgecolor=FOUND, facecolor=FOUND, linewidth=1.8, label=last)
    axes.set_yticks(range(len(rows)), ["all together" if name == TOTAL else name for name in rows])
    axes.set_ylim(-0.6, len(rows) - 0.4)
    axes.set_xlim(-0.12, 1.12)
    axes.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0%", "25%", "50%", "75%", "100%"])
    axes.set_xlabel(f"recall: share of true spans found ({alike} kinds found alike are not drawn)")
    axes.set_title(
        f"Over all kinds recall goes from {percent(recall.loc[TOTAL, first])} to "
        f"{percent(recall.loc[TOTAL, last])}",
        loc="left",
    )
    axes.legend(
        frameon=False, fontsize=9, ncols=2, loc="lower left", bbox_to_anchor=(0, -0.05 - 1.1 / len(rows))
    )
    axes.spines[["top", "right"]].set_visible(False)
    plt.close(figure)
    return figure


def plot_flows(frame: pd.DataFrame) -> Figure:
    """Draw a data-flow map, from :func:`secure_ai.discover.flow.flow_map`; what leaves is solid."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(9, 0.8 + 0.42 * len(frame)), dpi=80, layout="constrained")
    systems = list(dict.fromkeys(frame["from"]))
    rows = {flow: len(frame) - 1 - i for i, flow in enumerate(frame.index)}
    # Each system stands about as high as the middle of its recipients, so that arrows seldom cross.
    height = {
        system: sum(rows[i] for i in numbers) / len(numbers)
        for system in systems
        for numbers in [list(frame.index[frame["from"] == system])]
    }
    order = sorted(systems, key=height.get)
    gap = (len(frame) - 1) / max(len(order) - 1, 1)
    place = {system: i * gap for i, system in enumerate(order)}
    for i, row in frame.iterrows():
        outside = row["outside"] == "yes"
        axes.annotate(
            "", (2.0, rows[i]), (0.95, place[row["from"]]),
            arrowprops={
                "arrowstyle": "->",
                "color": LOST if outside else FOUND,
                "linewidth": 2.2 if row["tier"] == "RESTRICTED" else 1.1,
                "linestyle": "-" if outside else ":",
            },
        )  # fmt: skip
        axes.text(
            2.05, rows[i], f"{row['to']}   ({row['data']}, {row['tier'].lower()})", va="center", fontsize=9
        )
    for system, y in place.items():
        axes.text(0.9, y, system, va="center", ha="right", fontsize=10, fontweight="bold")
    leaving = frame[frame["outside"] == "yes"]
    restricted = (leaving["tier"] == "RESTRICTED").sum()
    axes.set_title(
        f"{restricted} of {len(leaving)} flows that leave the house carry restricted data", loc="left"
    )
    axes.set_xlim(0, 4.2)
    axes.set_ylim(-1.2, len(frame) - 0.4)
    axes.text(
        0,
        -1.05,
        "solid: to another organization · dotted: inside · thick: restricted",
        fontsize=9,
        color=GUIDE,
    )
    axes.axis("off")
    plt.close(figure)
    return figure


def _by_recall(scores: pd.DataFrame, least: int) -> pd.DataFrame:
    kept = scores[(scores["n"] >= least) & (scores.index != TOTAL)]
    if kept.empty:
        raise UserError(f"No kind of identifier occurs {least} times in these texts: use more texts.")
    return kept.sort_values(["recall", "n"])
