"""The timeline of an incident: what was read, what was decided, and how long the clocks ran."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from secure_ai.core.figures import GUIDE, HATCH, RISK, SCORE
from secure_ai.govern.incidents.clocks import ClockState
from secure_ai.govern.incidents.tabletop.actions import CLOCK_ACTIONS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from secure_ai.govern.incidents.tabletop.engine import Tabletop

LONGEST = 7
"""Days up to which a clock's bar is drawn; a longer one ends in words."""
LETTER = 0.0072
"""Width of a letter of a label, as a share of the width of the picture."""


def timeline_sentence(tabletop: Tabletop) -> str:
    """Return the finding of the picture in one sentence."""
    world, read = tabletop.world, len(tabletop.world.records)
    last = max(world.records.values(), default=0)
    if not tabletop.decisions:
        return f"Nobody acted, and {read} records were read, the last at minute {last}."
    if not world.contained():
        return f"After {tabletop.minute} minutes it still goes on, and {read} records were read."
    return f"{read} records were read before it ended, the last at minute {last}."


def plot_timeline(tabletop: Tabletop) -> Figure:
    """Draw the records read over time with the team's decisions, and below it the legal clocks."""
    import matplotlib.pyplot as plt

    clocks = [clock for clock in tabletop.clocks() if clock.status != "not_applicable"]
    figure, (above, below) = plt.subplots(
        2, 1, figsize=(9, 4.6 + 0.34 * len(clocks)), layout="constrained",
        height_ratios=[3.2, max(1.0, 0.36 * len(clocks))],
    )  # fmt: skip
    figure.suptitle(timeline_sentence(tabletop), fontsize=12)
    _records(above, tabletop)
    _clocks(below, tabletop, clocks)
    plt.close(figure)
    return figure


def _records(axes: Axes, tabletop: Tabletop) -> None:
    made = sorted(tabletop.world.records.values())
    done = sorted((one for one in tabletop.decisions if one.done), key=lambda one: (one.finished, one.number))
    shown = [one for one in done if one.finished <= 600]
    end = min(max([60, *made, *(one.finished for one in shown)]) + 15, 620)
    axes.step(
        [-30, *made, end], [*range(len(made) + 1), len(made)], where="post", color=RISK, label="records read"
    )
    axes.axvline(0, color=GUIDE, linestyle=":", label="alarm")
    top = max(len(made), 1)
    texts = [("harm: " if one.harm else "") + one.action.replace("_", " ") for one in shown]
    lanes = _lanes([one.finished for one in shown], texts, -32, end)
    for one, text, (lane, leftward) in zip(shown, texts, lanes, strict=True):
        height = top * (1.04 + 0.075 * lane)
        axes.plot(
            [one.finished],
            [height],
            marker="X" if one.harm else "o",
            color=RISK if one.harm else SCORE,
            markersize=5,
        )
        axes.annotate(
            text, (one.finished, height), (-4 if leftward else 4, -2), textcoords="offset points",
            fontsize=6.5, ha="right" if leftward else "left",
        )  # fmt: skip
    axes.set_ylim(0, top * (1.12 + 0.075 * max([4, *(lane for lane, _ in lanes)])))
    axes.set_xlim(-32, end)
    axes.set_xlabel("minutes after the alarm (what was done later is in the table)")
    axes.set_ylabel("records read")
    axes.legend(loc="lower right", fontsize=8, frameon=False)


def _lanes(minutes: Sequence[int], texts: Sequence[str], first: float, last: float) -> list[tuple[int, bool]]:
    """Return for each label its lane, so that none covers another, and whether it stands left of its mark."""
    letter = (last - first) * LETTER
    taken: list[list[tuple[float, float]]] = []
    found = []
    for minute, text in zip(minutes, texts, strict=True):
        width = (len(text) + 3) * letter
        leftward = minute + width > last
        begin, end = (minute - width, minute + letter) if leftward else (minute - letter, minute + width)
        free = (
            place
            for place, lane in enumerate(taken)
            if all(end <= other_begin or begin >= other_end for other_begin, other_end in lane)
        )
        lane = next(free, len(taken))
        if lane == len(taken):
            taken.append([])
        taken[lane].append((begin, end))
        found.append((lane, leftward))
    return found


def _clocks(axes: Axes, tabletop: Tabletop, clocks: list[ClockState]) -> None:
    start = tabletop.world.start
    for place, clock in enumerate(reversed(clocks)):
        begun = start if clock.started is None else clock.started
        left = max(0.0, (begun - start).total_seconds() / 86_400)
        days = LONGEST if clock.deadline is None else (clock.deadline - start).total_seconds() / 86_400
        applies = clock.status == "applies"
        axes.barh(
            place, min(days, LONGEST) - min(left, LONGEST), left=left, height=0.55,
            color=SCORE if applies else "white", edgecolor=SCORE, hatch="" if applies else HATCH,
        )  # fmt: skip
        told = [tabletop.finished(name) for name in CLOCK_ACTIONS.get(clock.id, ())]
        done = [minute for minute in told if minute is not None]
        if done:
            axes.plot([min(done) / 1_440], [place], marker="D", color=RISK, markersize=6)
        end = "no fixed time" if clock.deadline is None else f"{clock.deadline:%d %b %Y}"
        axes.annotate(end, (LONGEST, place), (4, -3), textcoords="offset points", fontsize=8)
    axes.set_yticks(range(len(clocks)), [f"{c.reference}" for c in reversed(clocks)], fontsize=8)
    axes.set_xlim(0, LONGEST * 1.18)
    axes.set_ylim(-0.7, max(len(clocks), 1) - 0.3)
    axes.set_xlabel("days after the alarm (filled: runs; hatched: undecided; diamond: notice given)")
