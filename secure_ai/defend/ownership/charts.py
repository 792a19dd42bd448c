"""Pictures of ownership tests and of a traced leak, each with a title computed from its data."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from secure_ai.core.figures import GUIDE, HATCH, RISK, SCORE
from secure_ai.defend.ownership.measure import OwnershipResult
from secure_ai.defend.ownership.trace import Trace

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_BARS = 25


def plot_claims(found: OwnershipResult) -> Figure:
    """Draw how many secret questions each suspect answers as foretold, watermark beside fingerprint.

    What it shows in words: :meth:`OwnershipResult.sentence`.
    """
    import matplotlib.pyplot as plt

    tests = found.tests.iloc[::-1]
    figure, pair = plt.subplots(
        1, 2, figsize=(9, 0.32 * len(tests) + 1.6), dpi=80, layout="constrained", sharey=True
    )
    places = np.arange(len(tests))
    colors = np.where(tests["stolen"], RISK, SCORE)
    for axes, kind in zip(pair, ("watermark", "fingerprint"), strict=True):
        bars = axes.barh(places, 100 * tests[f"{kind} match"].fillna(0), color=colors, edgecolor="white")
        for bar, stolen, claimed, match in zip(
            bars, tests["stolen"], tests[f"{kind} claimed"], tests[f"{kind} match"], strict=True
        ):
            bar.set_hatch(HATCH if stolen else "")
            words = "not assessed" if np.isnan(match) else "claimed" if claimed else ""
            where = (bar.get_width(), bar.get_y() + bar.get_height() / 2)
            axes.annotate(words, where, (4, 0), textcoords="offset points", va="center", fontsize=8)
        axes.set_xlim(0, 130)
        axes.set_xticks([0, 50, 100])
        axes.set_xlabel("questions answered as foretold (%)")
        axes.set_title(kind, loc="left", fontsize=10)
        axes.spines[["top", "right"]].set_visible(False)
    pair[0].axvline(100 * found.match.baseline, color=GUIDE, linestyle=":")
    pair[0].set_yticks(places, tests["suspect"])
    stolen = found.tests[found.tests["stolen"]]
    counts = [int(stolen[f"{kind} claimed"].eq(True).sum()) for kind in ("watermark", "fingerprint")]
    figure.suptitle(
        f"Of {len(stolen)} stolen copies (hatched) the watermark proves {counts[0]}, "
        f"the fingerprint {counts[1]}",
        x=0.01,
        ha="left",
    )
    plt.close(figure)
    return figure


def plot_trace(found: Trace) -> Figure:
    """Draw how clearly each recipient's mark is in a leaked file; the clearest 25.

    What it shows in words: :meth:`Trace.sentence`.
    """
    import matplotlib.pyplot as plt

    scores = found.scores.head(MOST_BARS).iloc[::-1]
    figure, axes = plt.subplots(figsize=(8, 0.28 * len(scores) + 1.4), dpi=80, layout="constrained")
    bars = axes.barh(
        scores["recipient"],
        scores["score"],
        color=np.where(scores["accused"], RISK, SCORE),
        edgecolor="white",
    )
    for bar, accused in zip(bars, scores["accused"], strict=True):
        bar.set_hatch(HATCH if accused else "")
    axes.axvline(found.threshold, color=GUIDE, linestyle=":")
    axes.annotate(
        "accused from here", (found.threshold, 0.0), (3, 3), xycoords=("data", "axes fraction"),
        textcoords="offset points", va="bottom", fontsize=8,
    )  # fmt: skip
    axes.set_xlabel("mark in the leaked file (standard deviations of an innocent recipient)")
    axes.spines[["top", "right"]].set_visible(False)
    who = " and ".join(found.accused)
    axes.set_title(
        f"The leaked file carries the mark of {who}" if who else "No mark is clear enough to accuse anybody",
        loc="left",
    )
    plt.close(figure)
    return figure
