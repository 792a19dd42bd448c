"""Pictures of drift, each with a title and a sentence computed from its data."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from secure_ai.core import UserError
from secure_ai.core.figures import GUIDE, HATCH, RISK, SCORE
from secure_ai.monitor.drift.population import MAJOR, MODERATE
from secure_ai.monitor.drift.report import DriftReport
from secure_ai.monitor.drift.stream import DriftMonitor

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_BARS = 20
LEAST_SHOWN = 1e-3


def drift_finding(report: DriftReport) -> str:
    """Say what the drawing of a report shows."""
    drawn = report.to_frame().dropna(subset=["psi"])
    if drawn.empty:
        return f"No column could be judged by PSI ({len(report.columns)} compared)."
    top = drawn.loc[drawn["psi"].idxmax()]
    above = int(((drawn["psi"] >= MODERATE) & (drawn["psi"] > drawn["psi_noise_bound"])).sum())
    return (
        f"{above} of {len(drawn)} columns pass both 0.1 and what chance gives; the highest PSI is "
        f"{top['psi']:.2f} ({top['column']}), where chance gives up to {top['psi_noise_bound']:.2f}"
    )


def plot_drift(report: DriftReport) -> Figure:
    """Draw the PSI of each column with its interval, the noise bound and the conventional levels."""
    import matplotlib.pyplot as plt

    frame = report.to_frame().dropna(subset=["psi"]).sort_values("psi", ascending=False).head(MOST_BARS)
    if frame.empty:
        raise UserError("There is no PSI to draw: no column could be judged by it.")
    frame = frame.iloc[::-1]
    places = np.arange(len(frame))
    figure, axes = plt.subplots(figsize=(9, 1.8 + 0.3 * len(frame)), dpi=80, layout="constrained")
    passed = ((frame["psi"] >= MODERATE) & (frame["psi"] > frame["psi_noise_bound"])).to_numpy()
    for chosen, color, hatch, name in (
        (passed, RISK, HATCH, "drifted"),
        (~passed, SCORE, "", "not beyond chance, or below 0.1"),
    ):
        if chosen.any():
            width = frame["psi"].clip(lower=LEAST_SHOWN)[chosen]
            axes.barh(places[chosen], width, color=color, hatch=hatch, edgecolor="white", label=name)
    axes.plot(
        frame["psi_noise_bound"].clip(lower=LEAST_SHOWN), places, "|", color="black", markersize=13,
        markeredgewidth=2, label="what chance alone passes at most",
    )  # fmt: skip
    for level, style in ((MODERATE, ":"), (MAJOR, "--")):
        axes.axvline(level, color=GUIDE, linestyle=style, linewidth=1.2, label=f"convention: {level:g}")
    axes.set_xscale("log")
    axes.set_xlim(left=LEAST_SHOWN)
    axes.set_yticks(places, frame["column"])
    axes.set_xlabel("population stability index (logarithmic)")
    _title(axes, drift_finding(report))
    axes.legend(frameon=False, fontsize=9, loc="upper center", bbox_to_anchor=(0.4, -0.16), ncols=3)
    axes.spines[["top", "right"]].set_visible(False)
    plt.close(figure)
    return figure


def stream_finding(monitor: DriftMonitor, stream: str = "score") -> str:
    """Say what the drawing of a stream shows."""
    changes = [change for change in monitor.changes if change.stream == stream]
    n = len(monitor.history(stream))
    if not changes:
        return f"No change in {n:,} values of the {stream}"
    first = changes[0]
    return (
        f"The mean {stream} went from {first.before:.3f} to {first.after:.3f} at {_shown(first.start)}; "
        f"ADWIN was sure at {_shown(first.detected)}"
        + (f" ({len(changes)} changes)" if len(changes) > 1 else "")
    )


def plot_stream(monitor: DriftMonitor, stream: str = "score", parts: int = 60) -> Figure:
    """Draw the mean of a stream (``"score"`` or ``"error"``) over time, with located and noticed changes."""
    import matplotlib.pyplot as plt

    history = monitor.history(stream)
    if history.empty:
        raise UserError(f"There is no {stream} to draw yet.")
    groups = np.array_split(np.arange(len(history)), min(parts, len(history)))
    means = [history["value"].iloc[group].mean() for group in groups]
    times = [history["time"].iloc[group[len(group) // 2]] for group in groups]
    figure, axes = plt.subplots(figsize=(9, 3.8), dpi=80, layout="constrained")
    axes.plot(times, means, "-o", color=SCORE, markersize=3, label=f"mean {stream} ({len(groups)} parts)")
    for number, change in enumerate(c for c in monitor.changes if c.stream == stream):
        for text, style, name in (
            (change.start, "-", "change, as located"),
            (change.detected, ":", "noticed"),
        ):
            label = name if number == 0 else None
            axes.axvline(pd.Timestamp(text), color=RISK, linestyle=style, linewidth=1.6, label=label)
    axes.set_xlabel("time of the prediction (UTC)")
    axes.set_ylabel(f"mean {stream}")
    axes.tick_params(axis="x", rotation=20)
    _title(axes, stream_finding(monitor, stream))
    axes.legend(frameon=False, fontsize=9)
    axes.spines[["top", "right"]].set_visible(False)
    plt.close(figure)
    return figure


def performance_finding(chunks: pd.DataFrame, metric: str = "AUC") -> str:
    """Say what the drawing of estimated and realized performance shows."""
    parted = chunks[chunks["concept_drift"].astype(bool)]
    known = chunks.dropna(subset=["realized"])
    if known.empty:
        return f"No label has come yet: the {metric} is an estimate throughout"
    if parted.empty:
        gap = (known["estimated"] - known["realized"]).abs().max()
        return f"Estimate and truth agree in all {len(known)} periods with labels (at most {gap:.3f} apart)"
    first = parted.iloc[0]
    return (
        f"From {first['start']:%Y-%m-%d} the truth leaves the estimate: {metric} {first['realized']:.2f} "
        f"realized, {first['estimated']:.2f} estimated"
    )


def plot_performance(chunks: pd.DataFrame, metric: str = "AUC") -> Figure:
    """Draw :func:`performance_over_time`: what was estimated, what came true, and the reference."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(9, 4), dpi=80, layout="constrained")
    places = chunks["chunk"]
    axes.fill_between(
        places, chunks["estimated_low"], chunks["estimated_high"], color=SCORE, alpha=0.18, linewidth=0
    )
    axes.plot(places, chunks["estimated"], "-o", color=SCORE, label="estimated without labels (95% band)")
    known = chunks.dropna(subset=["realized"])
    if len(known):
        spread = [known["realized"] - known["realized_low"], known["realized_high"] - known["realized"]]
        axes.errorbar(
            known["chunk"], known["realized"], yerr=spread, fmt="s--", color=RISK, capsize=3,
            label="realized, once labels came (95%)",
        )  # fmt: skip
    axes.axhline(chunks["reference"].iloc[0], color=GUIDE, linestyle=":", label="reference")
    axes.set_xticks(places, [f"{start:%m-%d}" for start in chunks["start"]])
    axes.set_xlabel("period, by its first day")
    axes.set_ylabel(metric)
    _title(axes, performance_finding(chunks, metric))
    axes.legend(frameon=False, fontsize=9)
    axes.spines[["top", "right"]].set_visible(False)
    plt.close(figure)
    return figure


def _shown(time: str) -> str:
    return time[:16].replace("T", " ")


def _title(axes, text: str) -> None:
    """Set a title at the left that breaks into lines instead of leaving the picture."""
    import textwrap

    axes.set_title("\n".join(textwrap.wrap(text, 88)), loc="left", fontsize=11)
