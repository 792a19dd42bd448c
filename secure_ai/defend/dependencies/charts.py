"""Pictures of a comparison with advisories."""

from __future__ import annotations

from typing import TYPE_CHECKING

from secure_ai.core.figures import GUIDE, HATCH, RISK
from secure_ai.defend.dependencies.comparison import AFFECTED, ANSWERED, UNCLEAR, DependencyCheck
from secure_ai.defend.dependencies.severity import Severity

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_LEVELS = (Severity.CRITICAL, Severity.HIGH, Severity.UNKNOWN, Severity.MEDIUM, Severity.LOW)


def severities_finding(check: DependencyCheck) -> str:
    """Say how many advisories must be acted on, and how severe the worst is."""
    if not check.affected:
        return f"No advisory of the file affects the {check.compared:,} components compared"
    worst = max((one.severity for one in check.affected), key=lambda level: -_LEVELS.index(level))
    count = len(check.affected)
    noun = "advisory affects" if count == 1 else "advisories affect"
    return f"{count} {noun} what is installed; the worst is {worst.word}"


def plot_severities(check: DependencyCheck) -> Figure:
    """Draw the advisories about what is installed by severity: to act on, answered, not to be compared."""
    import matplotlib.pyplot as plt
    from matplotlib.ticker import MaxNLocator

    counts = {
        status: [
            sum(one.severity is level and one.status == status for one in check.matches) for level in _LEVELS
        ]
        for status in (AFFECTED, ANSWERED, UNCLEAR)
    }
    styles = {
        AFFECTED: {"color": RISK, "hatch": HATCH, "label": "to act on"},
        ANSWERED: {"color": GUIDE, "hatch": "", "label": "answered by a statement"},
        UNCLEAR: {"color": "white", "hatch": "..", "label": "cannot be compared"},
    }
    figure, axes = plt.subplots(figsize=(7.5, 3), dpi=80, layout="constrained")
    places = range(len(_LEVELS))
    left = [0] * len(_LEVELS)
    for status, values in counts.items():
        if any(values):
            axes.barh(
                places, values, left=left, edgecolor="white" if status != UNCLEAR else GUIDE, **styles[status]
            )
            left = [before + value for before, value in zip(left, values, strict=True)]
    axes.set_yticks(places, [level.word for level in _LEVELS])
    axes.invert_yaxis()
    axes.set_xlim(0, max(1, *left) * 1.05)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel(f"advisories about the components of {check.bill.label}")
    axes.set_ylabel("severity")
    axes.set_title(severities_finding(check), loc="left")
    if any(left):
        axes.legend(frameon=False, loc="lower right")
    axes.spines[["top", "right"]].set_visible(False)
    plt.close(figure)
    return figure
