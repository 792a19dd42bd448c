"""The schedule and a sweep in pictures, with their finding in one sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from secure_ai.core.errors import UserError
from secure_ai.core.figures import GUIDE, HATCH, RISK, SCORE
from secure_ai.govern.retention.report import SweepReport
from secure_ai.govern.retention.schedule import RetentionSchedule

if TYPE_CHECKING:
    from matplotlib.figure import Figure

YEAR = 365.2425


def schedule_sentence(schedule: RetentionSchedule) -> str:
    """Return the finding of the picture of the schedule in one sentence."""
    bound = [name for name in schedule.classes if schedule.minimum(name) is not None]
    longest = max(schedule.classes, key=lambda name: schedule.rule(name).maximum.about_days)
    return (
        f"{len(bound)} of {len(schedule.classes)} classes must be kept by law; the longest maximum is "
        f"{schedule.rule(longest).maximum}."
    )


def plot_schedule(schedule: RetentionSchedule) -> Figure:
    """Draw how long each class must be kept (duty) and how long it may be (maximum), in years.

    Returns:
        A closed figure; its finding stands in the title, its figures in ``schedule.to_frame()``.
    """
    import matplotlib.pyplot as plt

    names = list(reversed(schedule.classes))
    duties = [schedule.minimum(name) for name in names]
    longest = [schedule.rule(name).maximum for name in names]
    figure, axes = plt.subplots(figsize=(9, 1.6 + 0.36 * len(names)), dpi=80, layout="constrained")
    places = np.arange(len(names))
    years = [period.about_days / YEAR for period in longest]
    kept = [0.0 if duty is None else duty.about_days / YEAR for duty in duties]
    axes.barh(places, kept, color=SCORE, label="must be kept")
    axes.barh(
        places, np.subtract(years, kept), left=kept, color="white", edgecolor=GUIDE, hatch=HATCH,
        label="may be kept",
    )  # fmt: skip
    axes.plot(years, places, "|", color=RISK, markersize=16, markeredgewidth=2.5, label="goes at the latest")
    for place, name, duty, period, year in zip(places, names, duties, longest, years, strict=True):
        law = f"at least {duty}: {schedule.duties_of(name)[0].law}" if duty else "no duty known"
        axes.annotate(
            f"{period} ({law})", (year, place), (10, 0), textcoords="offset points", va="center", fontsize=8,
        )  # fmt: skip
    axes.set_yticks(places, [name.replace("_", " ") for name in names])
    axes.set_xlim(0, max(years) * 1.75)
    axes.set_xticks(range(0, round(max(years)) + 1, 2))
    axes.set_xlabel("years after the record, or after the end of the relationship")
    axes.set_title(schedule_sentence(schedule), fontsize=11, loc="left")
    axes.legend(frameon=False, loc="lower right")
    axes.spines[["top", "right"]].set_visible(False)
    plt.close(figure)
    return figure


def plot_sweep(report: SweepReport) -> Figure:
    """Draw what was due in each store: what went, what a hold keeps, what a duty keeps.

    Stores that were not assessed or failed are named with the reason in words.

    Returns:
        A closed figure; its figures stand in ``report.to_frame()``.

    Raises:
        UserError: if the report has no stores.
    """
    import matplotlib.pyplot as plt

    if not report.stores:
        raise UserError(
            "The sweep saw no stores, so there is nothing to draw: open the estate with its stores."
        )
    stores = list(reversed(report.stores))
    places = np.arange(len(stores))
    gone = np.array([store.removed for store in stores], dtype=float)
    kept = np.array([store.due - store.removed for store in stores], dtype=float)
    # A record may be kept by a hold and a duty at once: the hold is shown, for it ends by a decision.
    held = np.array(
        [min(sum(store.held.values()), store.due - store.removed) for store in stores], dtype=float
    )
    figure, axes = plt.subplots(figsize=(9, 1.7 + 0.36 * len(stores)), dpi=80, layout="constrained")
    went = "would go" if report.dry_run else "removed"
    axes.barh(places, gone, color=SCORE, label=went)
    axes.barh(places, held, left=gone, color=RISK, hatch=HATCH, edgecolor="white", label="kept by a hold")
    axes.barh(
        places,
        kept - held,
        left=gone + held,
        color="white",
        hatch="..",
        edgecolor=GUIDE,
        label="kept by a duty",
    )
    top = max(1.0, float((gone + kept).max()))
    for place, store in zip(places, stores, strict=True):
        said = {"nothing due": "nothing due", "unassessed": "not assessed", "failed": "FAILED"}.get(
            store.status, f"{store.removed:,} of {store.due:,} {store.unit}"
        )
        if store.status == "swept":
            said += ", proven" if store.proven else ", NOT PROVEN"
        axes.annotate(
            said,
            (gone[place] + kept[place], place),
            (6, 0),
            textcoords="offset points",
            va="center",
            fontsize=9,
        )
    axes.set_yticks(places, [store.store for store in stores])
    axes.set_xlim(0, top * 1.45)
    axes.set_xlabel("records beyond their maximum")
    axes.set_title(report.sentence(), fontsize=11, loc="left", wrap=True)
    axes.legend(frameon=False, loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=3)
    axes.spines[["top", "right"]].set_visible(False)
    plt.close(figure)
    return figure
