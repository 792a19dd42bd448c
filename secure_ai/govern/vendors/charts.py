"""Pictures of a due diligence: what of each area is shown, and vendors side by side."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

from secure_ai.core.figures import GUIDE, RISK, SCORE
from secure_ai.core.finding import Level
from secure_ai.govern.vendors.assessment import VendorAssessment
from secure_ai.govern.vendors.comparison import check_comparable

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Fill, hatch and words: three ways to tell the parts apart.
PARTS = (
    ("shown", "shown by a document", SCORE, ""),
    ("not_shown", "said, not shown", "#e3c26f", ".."),
    ("gaps", "answer not good enough", RISK, "//"),
    ("unanswered", "not answered", "#ffffff", "xx"),
)
LEVEL_FILLS = {
    Level.LOW: ("#dce9f5", "#1b1b1b"),
    Level.MEDIUM: ("#f4dc9c", "#1b1b1b"),
    Level.HIGH: ("#c65f3a", "#000000"),
    Level.CRITICAL: (RISK, "#ffffff"),
}


def areas_sentence(found: VendorAssessment) -> str:
    """Return the finding of :func:`plot_areas` in one sentence."""
    shown = sum(area.shown for area in found.areas)
    asked = sum(area.asked for area in found.areas)
    critical = sum(area.level is Level.CRITICAL for area in found.areas)
    tail = f"{critical} of {len(found.areas)} areas are critical" if critical else "no area is critical"
    return f"{found.vendor} shows {shown} of {asked} answers by a document; {tail}"


def areas_summary(found: VendorAssessment) -> str:
    """Return everything that :func:`plot_areas` shows, in words."""
    return " ".join(
        f"{area.title}: {area.level.value}; {area.shown} of {area.asked} shown, {area.not_shown} said, "
        f"not shown, {area.gaps} not good enough, {area.unanswered} not answered."
        for area in found.areas
    )


def plot_areas(found: VendorAssessment) -> Figure:
    """Draw for each area how many answers are shown, only said, not good enough or missing."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(9, 1.9 + 0.5 * len(found.areas)), dpi=64, layout="constrained")
    areas = found.areas[::-1]
    left = [0] * len(areas)
    for name, words, color, hatch in PARTS:
        counts = [getattr(area, name) for area in areas]
        axes.barh(
            range(len(areas)), counts, left=left, color=color, hatch=hatch, label=words,
            edgecolor="white" if name in ("gaps", "shown") else GUIDE, height=0.66,
        )  # fmt: skip
        left = [start + count for start, count in zip(left, counts, strict=True)]
    for place, area in enumerate(areas):
        words = f"worst: {area.level.value}"
        axes.annotate(words, (area.asked, place), (5, 0), textcoords="offset points", va="center")
    axes.set_yticks(range(len(areas)), [area.title for area in areas])
    most = max(area.asked for area in areas)
    axes.set_xlim(0, most * 1.3)
    axes.set_xticks(range(0, most + 1))
    axes.set_xlabel("questions")
    axes.set_title("\n".join(textwrap.wrap(areas_sentence(found), 60)), fontsize=12)
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside lower center", ncols=4, frameon=False)
    plt.close(figure)
    return figure


def comparison_sentence(assessments: Sequence[VendorAssessment]) -> str:
    """Return the finding of :func:`plot_comparison` in one sentence."""
    counts = [
        f"{one.vendor} {sum(area.level is Level.CRITICAL for area in one.areas)}" for one in assessments
    ]
    return f"Critical areas of {len(assessments[0].areas)}: {', '.join(counts)}"


def plot_comparison(assessments: Sequence[VendorAssessment]) -> Figure:
    """Draw vendors side by side: each area's worst level in words and color, and how much was shown.

    Raises:
        UserError: if the vendors were asked different things.
    """
    import matplotlib.pyplot as plt

    check_comparable(assessments)
    titles = [area.title for area in assessments[0].areas]
    figure, axes = plt.subplots(
        figsize=(3.2 + 2.3 * len(assessments), 1.6 + 0.62 * len(titles)), dpi=64, layout="constrained"
    )
    for column, one in enumerate(assessments):
        for row, area in enumerate(one.areas):
            fill, ink = LEVEL_FILLS[area.level]
            axes.add_patch(plt.Rectangle((column, row), 0.96, 0.92, facecolor=fill, edgecolor=GUIDE))
            words = f"{area.level.value}\n{area.shown} of {area.asked} shown"
            axes.text(column + 0.48, row + 0.46, words, ha="center", va="center", color=ink, fontsize=10)
    axes.set_xlim(0, len(assessments))
    axes.set_ylim(len(titles), 0)
    names = ["\n".join(textwrap.wrap(one.vendor, 18)) for one in assessments]
    axes.set_xticks([place + 0.48 for place in range(len(assessments))], names)
    axes.set_yticks([place + 0.46 for place in range(len(titles))], titles)
    axes.tick_params(length=0, top=False, labeltop=True, labelbottom=False, bottom=False)
    axes.spines[:].set_visible(False)
    title = "\n".join(textwrap.wrap(comparison_sentence(assessments), 20 + 26 * len(assessments)))
    figure.suptitle(title, fontsize=12)
    plt.close(figure)
    return figure
