"""Pictures of detection: the trade-off of the threshold, the alerts of a month, the reasons of one alert."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import pandas as pd

from secure_ai.core.figures import GUIDE, HATCH, RISK, SCORE, percent
from secure_ai.monitor.detection.evaluation import Evaluation, MonthLike
from secure_ai.monitor.detection.result import Detection

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BUDGET = 5.0
LINES = ("--", ":", "-.")


def tradeoff_sentence(ours: Evaluation, beside: Mapping[str, Evaluation] | None = None) -> str:
    """Say what the curve shows: recall at the chosen threshold, and what others reach at that cost."""
    text = (
        f"At the threshold {ours.threshold:.2f} the watch finds {percent(ours.recall.share)} of the "
        f"incidents at {ours.false_per_day:.1f} false alerts a day for every 1,000 staff"
    )
    allowed = max(BUDGET, ours.false_per_day)
    for name, other in (beside or {}).items():
        within = other.curve[other.curve["false_per_day"] <= allowed]
        best = within["recall"].max() if len(within) else 0.0
        text += f"; {name} finds {percent(float(best))} at up to {allowed:.0f}"
    return text + "."


def plot_tradeoff(ours: Evaluation, beside: Mapping[str, Evaluation] | None = None) -> Figure:
    """Draw recall against false alerts a day as the threshold moves, others dashed, the choice marked.

    Args:
        ours: the evaluation of a replay's candidates.
        beside: name → evaluation of another detector on the same month, such as an IsolationForest.
    """
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(9, 4.5), dpi=80, layout="constrained")
    axes.plot(*_line(ours), "-o", color=SCORE, markersize=3, label="the watch")
    for style, (name, other) in zip(LINES * 9, (beside or {}).items(), strict=False):
        axes.plot(*_line(other), style, color=RISK, label=name)
    axes.axvline(BUDGET, color=GUIDE, linestyle=":", linewidth=1.2)
    axes.annotate(
        f"{BUDGET:.0f} a day", (BUDGET, 0), (4, 6), textcoords="offset points", color=GUIDE, fontsize=9
    )
    here = (ours.false_per_day, ours.recall.share)
    axes.plot(*here, "D", color="black", markersize=8, label=f"chosen threshold, {ours.threshold:.2f}")
    axes.set_xscale("symlog", linthresh=1)
    axes.set_xlim(left=0)
    axes.set_ylim(0, 1.04)
    axes.set_yticks([0, 0.25, 0.5, 0.75, 1], ["0%", "25%", "50%", "75%", "100%"])
    axes.set_xlabel("false alerts a day for every 1,000 staff (to 1 linear, then by powers of ten)")
    axes.set_ylabel("incidents found")
    axes.set_title(
        f"{percent(ours.recall.share)} of the incidents found at {ours.false_per_day:.1f} false alerts a day",
        loc="left",
    )
    axes.legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
    axes.spines[["top", "right"]].set_visible(False)
    plt.close(figure)
    return figure


def _line(evaluation: Evaluation) -> tuple[pd.Series, pd.Series]:
    curve = evaluation.curve.sort_values("threshold")
    return curve["false_per_day"], curve["recall"]


def timeline_sentence(detections: Sequence[Detection], month: MonthLike | None = None) -> str:
    """Say how many alerts of each family there are and, where the truth is known, how many are false."""
    families = pd.Series([item.family for item in detections], dtype=object).value_counts().sort_index()
    counts = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in families.items()) or "none"
    if month is None:
        return f"{len(detections)} alerts: {counts}."
    true = set(month.truth["event_id"].astype(str))
    false = sum(not true.intersection(item.events) for item in detections)
    return f"{len(detections)} alerts: {counts}; {false} of them false."


def plot_timeline(detections: Sequence[Detection], month: MonthLike | None = None) -> Figure:
    """Draw each alert at its time, a row for a family; false ones as crosses where the truth is known."""
    import matplotlib.pyplot as plt
    from matplotlib.dates import ConciseDateFormatter

    families = sorted({item.family for item in detections})
    true = None if month is None else set(month.truth["event_id"].astype(str))
    figure, axes = plt.subplots(figsize=(9, 1.4 + 0.55 * max(len(families), 1)), dpi=80, layout="constrained")
    for label, marker, color, wanted in (
        ("about an incident", "o", SCORE, True),
        ("false", "x", RISK, False),
    ):
        kept = [d for d in detections if true is None or bool(true.intersection(d.events)) is wanted]
        if true is None and not wanted:
            continue
        axes.plot(
            pd.to_datetime([item.time for item in kept], utc=True),
            [families.index(item.family) for item in kept],
            marker, color=color, alpha=0.75, label=label if true is not None else "alert",
        )  # fmt: skip
    axes.set_yticks(range(len(families)), [name.replace("_", " ") for name in families])
    axes.set_ylim(-0.6, max(len(families), 1) - 0.4)
    axes.set_xlabel("day (UTC)")
    axes.set_title(timeline_sentence(detections, month), loc="left", fontsize=11)
    axes.legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
    axes.spines[["top", "right"]].set_visible(False)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(axes.xaxis.get_major_locator()))
    plt.close(figure)
    return figure


def plot_reasons(detection: Detection) -> Figure:
    """Draw why one alert was made: each figure beside what is usual, both as a share of the larger one."""
    import matplotlib.pyplot as plt
    from matplotlib.patches import Patch

    reasons = detection.reasons[::-1]
    figure, axes = plt.subplots(figsize=(9, 1.3 + 0.6 * max(len(reasons), 1)), dpi=80, layout="constrained")
    for place, reason in enumerate(reasons):
        if reason.value is None or reason.usual is None:
            axes.annotate(
                "yes or no: there is no figure", (0.01, place), va="center", color=GUIDE, fontsize=9
            )
            continue
        top = max(abs(reason.value), abs(reason.usual)) or 1.0
        axes.barh(place + 0.18, abs(reason.value) / top, 0.32, color=RISK)
        axes.barh(place - 0.18, abs(reason.usual) / top, 0.32, color=SCORE, hatch=HATCH, edgecolor="white")
        for shift, value in ((0.18, reason.value), (-0.18, reason.usual)):
            axes.annotate(
                f"{value:,.3g}", (abs(value) / top, place + shift), (4, 0),
                textcoords="offset points", va="center", fontsize=9,
            )  # fmt: skip
    legend = [
        Patch(color=RISK, label="seen"),
        Patch(facecolor=SCORE, hatch=HATCH, edgecolor="white", label="usual"),
    ]
    axes.set_yticks(range(len(reasons)), [_wrapped(reason.words) for reason in reasons], fontsize=9)
    axes.set_ylim(-0.6, max(len(reasons), 1) - 0.4)
    axes.set_xlim(0, 1.15)
    axes.set_xticks([])
    axes.set_title(
        f"{detection.kind.replace('_', ' ').capitalize()}, score {detection.score:.2f}: "
        f"{len(reasons)} {'reason' if len(reasons) == 1 else 'reasons'}",
        loc="left",
    )
    axes.legend(handles=legend, frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
    axes.spines[["top", "right", "bottom"]].set_visible(False)
    plt.close(figure)
    return figure


def _wrapped(words: str) -> str:
    import textwrap

    return "\n".join(textwrap.wrap(words, 48))
