"""The picture of a chain: whole up to the break, what happened there, and where the checkpoints are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from secure_ai.core.figures import GUIDE, HATCH, RISK
from secure_ai.monitor.trail.verification import Problem, Verification

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WHOLE, UNSURE = "#1b7837", "#d9d9d9"  # green, and gray for what comes after a break
SHOWN_PROBLEMS = 8


def plot_verification(found: Verification) -> Figure:
    """Draw the trail from its first to its last entry.

    Green is as it was written; gray comes after the first problem, dark red and hatched is the problem,
    with its words; the marks below are signed checkpoints, and the line is how far the witness has seen.
    """
    import matplotlib.pyplot as plt

    end = max(found.end, found.entries, 1)
    problems = [problem for problem in found.problems if problem.part == "entry"]
    shown = problems[:SHOWN_PROBLEMS]
    figure, axes = plt.subplots(figsize=(9, 2.2 + 0.28 * len(shown)), dpi=80, layout="constrained")
    until = found.intact_until if problems else end
    axes.barh(0, until, left=0.5, height=0.5, color=WHOLE, label="as it was written")
    if until < end:
        label = "after the first problem"
        axes.barh(0, end - until, left=until + 0.5, height=0.5, color=UNSURE, label=label)
    for place, problem in enumerate(shown):
        _draw(axes, problem, place, end)
    if found.checked_at:
        axes.scatter(
            found.checked_at, [-0.42] * len(found.checked_at), marker="^", color=GUIDE, s=22,
            label="signed checkpoint",
        )  # fmt: skip
    if found.witnessed:
        axes.axvline(
            found.witnessed + 0.5, color="black", linestyle=":", linewidth=1.4,
            label=f"the witness has seen {found.witnessed:,}",
        )  # fmt: skip
    axes.set_title(_title(found, problems), loc="left")
    axes.set_xlim(0.5, end + 0.5)
    axes.set_ylim(-0.7, 0.5 + 0.35 * (len(shown) + 1))
    axes.set_yticks([])
    axes.set_xlabel("entry, in order of arrival")
    axes.spines[["top", "right", "left"]].set_visible(False)
    figure.legend(loc="outside lower center", ncols=4, frameon=False)
    plt.close(figure)
    return figure


def _draw(axes: Axes, problem: Problem, place: int, end: int) -> None:
    numbers = [(problem.number, problem.last)]
    if problem.kind == "reordered":
        numbers = [(problem.number, problem.number), (problem.last, problem.last)]
    for first, last in numbers:
        # At least wide enough to be seen, also among a million.
        width = max(last - first + 1, end / 250)
        axes.barh(0, width, left=first - 0.5, height=0.5, color=RISK, hatch=HATCH, edgecolor="white")
    right = problem.number > 0.55 * end
    axes.annotate(
        problem.words if len(problem.words) < 90 else problem.words[:87] + "...",
        (problem.number, 0.27),
        (problem.number, 0.5 + 0.35 * place),
        ha="right" if right else "left",
        fontsize=9,
        arrowprops={"arrowstyle": "-", "color": RISK, "linewidth": 0.8},
    )


def _title(found: Verification, problems: list[Problem]) -> str:
    if found.intact:
        return f"All {found.entries:,} entries are as they were written"
    if not problems:
        return f"The entries hold; changed: {', '.join(sorted({p.part for p in found.problems}))}"
    first = problems[0]
    numbers = f"{first.number:,}" if first.number == first.last else f"{first.number:,} to {first.last:,}"
    noun = "entry" if first.number == first.last else "entries"
    if first.kind == "reordered":
        noun, numbers = "entries", f"{first.number:,} and {first.last:,}"
    return f"The chain breaks at {noun} {numbers}: {first.kind}"
