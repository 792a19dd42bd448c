"""How much of each framework the kit touches, as a picture with its finding in words."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from secure_ai.core.figures import GUIDE, HATCH, SCORE
from secure_ai.govern.crosswalk.links import Crosswalk
from secure_ai.govern.crosswalk.tables import coverage_frame

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def coverage_sentence(*, today: date, crosswalk: Crosswalk | None = None) -> str:
    """Return the finding of :func:`plot_coverage` in one sentence: of what least is touched."""
    frame = _whole(today, crosswalk)
    least = frame.loc[frame["share"].idxmin()]
    return (
        f"Of {least['framework']}, {least['level']}, {least['touched']} of {least['of']} are touched: "
        f"least of the {len(frame)} levels that the kit lists in full."
    )


def plot_coverage(*, today: date, crosswalk: Crosswalk | None = None) -> Figure:
    """Draw the touched and the untouched entries of every framework that the kit lists in full.

    Args:
        today: what is not in force on this day is not counted.
        crosswalk: another than the kit's.
    """
    import matplotlib.pyplot as plt

    frame = _whole(today, crosswalk).iloc[::-1]
    labels = [f"{row.framework}, {row.level}" for row in frame.itertuples()]
    figure, axes = plt.subplots(figsize=(9, 1.4 + 0.36 * len(frame)), layout="constrained")
    axes.barh(labels, frame["share"], color=SCORE, label="touched")
    axes.barh(
        labels, 1 - frame["share"], left=frame["share"], color="white", edgecolor=GUIDE, hatch=HATCH,
        label="nothing touches it",
    )  # fmt: skip
    for place, row in enumerate(frame.itertuples()):
        axes.text(1.01, place, f"{row.touched} of {row.of}", va="center", fontsize=9)
    axes.set_xlim(0, 1)
    axes.set_xlabel("share of the entries in force; touched does not mean fulfilled")
    axes.set_title(coverage_sentence(today=today, crosswalk=crosswalk), fontsize=10, loc="left", wrap=True)
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.12), ncols=2, frameon=False)
    plt.close(figure)
    return figure


def _whole(today: date, crosswalk: Crosswalk | None):
    frame = coverage_frame(today=today, crosswalk=crosswalk)
    frame = frame[frame["complete"]].reset_index(drop=True)
    return frame.assign(share=frame["touched"] / frame["of"])
