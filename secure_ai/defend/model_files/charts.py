"""What scanners catch and miss, in one picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from secure_ai.core.figures import GUIDE, RISK, SCORE
from secure_ai.defend.model_files.scanners import FLAGGED, PASSED, SCANNERS, ScannerComparison

if TYPE_CHECKING:
    from matplotlib.figure import Figure

HEADINGS = {"fickling": "fickling", "modelscan": "modelscan", "names": "names asked for\n(this kit)"}


def plot_scanners(comparison: ScannerComparison) -> Figure:
    """Draw files against scanners: each cell says in words what the scanner says; wrong ones are dark red."""
    import matplotlib.pyplot as plt
    from matplotlib.patches import Rectangle

    table = comparison.table
    figure, axes = plt.subplots(figsize=(8, 1.4 + 0.32 * len(table)), layout="constrained")
    for row, (acts, *verdicts) in enumerate(table[["acts", *SCANNERS]].itertuples(index=False)):
        for column, verdict in enumerate(verdicts):
            wrong = verdict != FLAGGED if acts else verdict == FLAGGED
            color = RISK if wrong else SCORE if verdict in (FLAGGED, PASSED) else GUIDE
            axes.add_patch(Rectangle((column - 0.48, row - 0.45), 0.96, 0.9, color=color))
            axes.text(column, row, verdict, ha="center", va="center", color="white")
    axes.axhline(table["acts"].sum() - 0.5, color="black", linewidth=1.5)
    axes.set_xlim(-0.5, len(SCANNERS) - 0.5)
    axes.set_ylim(len(table) - 0.5, -0.5)
    axes.set_xticks(range(len(SCANNERS)), [HEADINGS[name] for name in SCANNERS])
    axes.xaxis.tick_top()
    names = [
        f"{file} ({'acts' if acts else 'honest'})"
        for file, acts in zip(table["file"], table["acts"], strict=True)
    ]
    axes.set_yticks(np.arange(len(table)), names)
    axes.set_ylabel("file")
    missed = [f"{name} misses {len(comparison.missed(name))}" for name in ("fickling", "modelscan")]
    axes.set_title(f"Of {int(table['acts'].sum())} files that act, {' and '.join(missed)}", pad=14)
    plt.close(figure)
    return figure
