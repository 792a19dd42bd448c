"""Pictures of the alert desk, each with a title and a sentence computed from its data."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from secure_ai.core.figures import GUIDE, RISK, SCORE
from secure_ai.monitor.alerts.policy import AlertPolicy
from secure_ai.monitor.alerts.workload import Workload
from secure_ai.monitor.detection.result import SEVERITIES

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_LOOKS = {"low": ("#c9d6e4", ""), "medium": (SCORE, ""), "high": ("#c9879a", "//"), "critical": (RISK, "xx")}


def alerts_per_day_sentence(load: Workload) -> str:
    """Say what :func:`plot_alerts_per_day` shows."""
    if not load.days:
        return "No alert was raised."
    totals = load.per_day.sum(axis=1)
    busiest = totals.idxmax()
    urgent = int(load.per_day[["high", "critical"]].to_numpy().sum())
    return (
        f"{load.alerts() / load.days:.1f} alerts a day; the busiest day, {busiest:%d %B}, had "
        f"{totals.max():,}; {urgent:,} of {load.alerts():,} were high or critical."
    )


def plot_alerts_per_day(load: Workload) -> Figure:
    """Draw the alerts of each day as stacked bars, the most severe at the bottom."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(8, 3.6), dpi=80, layout="constrained")
    below = pd.Series(0, index=load.per_day.index)
    for name in reversed(SEVERITIES):
        color, hatch = _LOOKS[name]
        axes.bar(
            load.per_day.index, load.per_day[name], bottom=below, color=color, hatch=hatch, edgecolor="white",
            label=name, width=0.8,
        )  # fmt: skip
        below = below + load.per_day[name]
    mean = load.alerts() / load.days if load.days else 0.0
    axes.axhline(mean, color=GUIDE, linestyle=":", linewidth=1.2)
    busiest = int(below.max()) if load.days else 0
    axes.set_title(f"{mean:.1f} alerts a day, {busiest:,} on the busiest", loc="left")
    axes.set_xlabel("day on which the alert was raised (dotted: mean)")
    axes.set_ylabel("alerts to look at")
    if load.days:
        axes.set_xticks(load.per_day.index[:: max(1, load.days // 8)])
    axes.xaxis.set_major_formatter(_day)
    axes.yaxis.get_major_locator().set_params(integer=True)
    axes.legend(title="severity", frameon=False, ncols=4, loc="upper left", bbox_to_anchor=(0, -0.18))
    axes.spines[["top", "right"]].set_visible(False)
    plt.close(figure)
    return figure


def _day(number: float, _place: int) -> str:
    from matplotlib.dates import num2date

    return f"{num2date(number):%d %b}"


def ages_sentence(alerts: pd.DataFrame, policy: AlertPolicy) -> str:
    """Say what :func:`plot_ages` shows.

    Args:
        alerts: the desk's table (``desk.to_frame()``).
        policy: with the deadlines.
    """
    waiting = _waiting(alerts, policy)
    if waiting.empty:
        return "No alert waits for somebody."
    late = waiting[waiting["late"]]
    oldest = waiting.loc[waiting["age_minutes"].idxmax()]
    return (
        f"{len(late):,} of {len(waiting):,} open alerts are past their first deadline; the oldest, "
        f"{oldest['alert_id']} ({oldest['severity']}), has waited {_hours(oldest['age_minutes'])}."
    )


def plot_ages(alerts: pd.DataFrame, policy: AlertPolicy) -> Figure:
    """Draw the age of each open alert beside the first deadline of its severity.

    Args:
        alerts: the desk's table (``desk.to_frame()``).
        policy: with the deadlines.
    """
    import matplotlib.pyplot as plt

    waiting = _waiting(alerts, policy)
    figure, axes = plt.subplots(figsize=(8, 3.2), dpi=80, layout="constrained")
    for place, name in enumerate(SEVERITIES):
        some = waiting[waiting["severity"] == name]
        for late, mark in ((False, "o"), (True, "X")):
            part = some[some["late"] == late]
            label = ("past its deadline" if late else "in time") if place == 0 else None
            axes.plot(
                part["age_minutes"] / 60, [place] * len(part), mark, color=RISK if late else SCORE, alpha=0.7,
                markersize=8, label=label,
            )  # fmt: skip
        if policy.escalation[name]:
            first = policy.escalation[name][0].after_minutes / 60
            axes.plot([first, first], [place - 0.35, place + 0.35], color="black", linewidth=1.6)
    axes.set_yticks(range(len(SEVERITIES)), SEVERITIES)
    axes.set_xscale("symlog", linthresh=1)
    axes.set_xlim(0, max(72.0, waiting["age_minutes"].max() / 60 * 1.3) if len(waiting) else 72.0)
    axes.xaxis.set_major_formatter(lambda value, _place: f"{value:g}")
    axes.set_xlabel("hours since the alert was raised (bar: first deadline)")
    axes.set_title(
        f"{int(waiting['late'].sum()):,} of {len(waiting):,} open alerts past the deadline", loc="left"
    )
    axes.legend(frameon=False, loc="upper left", bbox_to_anchor=(0, -0.25), ncols=2)
    axes.spines[["top", "right"]].set_visible(False)
    plt.close(figure)
    return figure


def _waiting(alerts: pd.DataFrame, policy: AlertPolicy) -> pd.DataFrame:
    waiting = alerts[(alerts["status"] == "open") & (alerts["storm"] == "")]
    first = {
        name: steps[0].after_minutes if steps else float("inf") for name, steps in policy.escalation.items()
    }
    # Deadlines of an alert whose severity rose count from then.
    since_due = waiting["age_minutes"] - (waiting["due_from"] - waiting["raised_elapsed"]) / 60
    return waiting.assign(late=since_due >= waiting["severity"].map(first).astype("float64"))


def _hours(minutes: float) -> str:
    return f"{minutes:.0f} minutes" if minutes < 120 else f"{minutes / 60:.0f} hours"
