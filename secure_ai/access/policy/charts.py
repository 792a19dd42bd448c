"""Pictures of grants and reviews, each with a title computed from its data."""

from __future__ import annotations

from typing import TYPE_CHECKING

from secure_ai.access.policy.least_privilege import GrantUse
from secure_ai.access.policy.review import AccessReview
from secure_ai.core.figures import GUIDE, HATCH, RISK, SCORE

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_REASONS = 8
# State of a grant → its name in the legend, fill, hatch and color of its lines; told apart without color.
_STATES = {
    "used": ("used", SCORE, "", "white"),
    "rare": ("rarely used", "#a9c4de", "..", SCORE),
    "unused": ("never used", RISK, HATCH, "white"),
    "too little seen": ("role seen too little to tell", "#f0f0f0", "\\\\\\", GUIDE),
    "not in this log": ("not in this log", "#f0f0f0", "", GUIDE),
    "kept": ("kept for emergencies", "#c9c9c9", "xx", GUIDE),
}


def plot_grant_use(use: GrantUse) -> Figure:
    """Draw for each role how many of its grants are used, how many never were, and what cannot be said."""
    import matplotlib.pyplot as plt

    totals = use.by_role["status"].value_counts()
    order = [status for status in _STATES if status in totals]
    counts = use.by_role.groupby(["role", "status"]).size().unstack(fill_value=0)[order]
    counts = counts.iloc[counts.sum(axis=1).argsort(kind="stable")]
    figure, axes = plt.subplots(figsize=(8, 0.38 * len(counts) + 1.6), dpi=80, layout="constrained")
    rows, left = list(range(len(counts))), counts.iloc[:, 0] * 0
    for status in order:
        name, fill, hatch, lines = _STATES[status]
        axes.barh(
            rows,
            counts[status],
            left=left,
            label=f"{name}: {totals[status]}",
            color=fill,
            hatch=hatch,
            edgecolor=lines,
            linewidth=[0.8 if number else 0 for number in counts[status]],  # no line where there is none
        )
        left = left + counts[status]
    axes.set_yticks(rows, list(counts.index.str.replace("_", " ")))
    unused = int(totals.get("unused", 0))
    axes.set_title(
        f"{unused} of {len(use.by_role)} grants {'was' if unused == 1 else 'were'} never used in "
        f"{use.days:,.0f} days",
        loc="left",
    )
    axes.set_xlabel("grants (action, kind of record and purpose)")
    axes.legend(frameon=False, loc="lower right")
    axes.spines[["top", "right"]].set_visible(False)
    plt.close(figure)
    return figure


def plot_review(review: AccessReview) -> Figure:
    """Draw the most frequent reasons for which a policy would have denied what was done."""
    import matplotlib.pyplot as plt

    table = review.by_reason().drop(columns=["role", "action", "kind"]).groupby("why", as_index=False).sum()
    table = table.sort_values("denied", ascending=False, kind="stable").head(MOST_REASONS).iloc[::-1]
    figure, axes = plt.subplots(figsize=(9, 0.5 * len(table) + 1.6), dpi=80, layout="constrained")
    names = [text if len(text) <= 70 else text[:69] + "…" for text in table["why"]]
    axes.barh(names, table["denied"], color=SCORE, label="denied")
    if "labeled" in table:
        axes.barh(names, table["labeled"], color=RISK, hatch=HATCH, edgecolor="white", label="of them misuse")
        axes.legend(frameon=False, loc="lower right")
    axes.set_title(
        f"The policy would deny {len(review.denied):,} of {review.accesses:,} accesses", loc="left"
    )
    axes.set_xlabel("accesses in the log")
    axes.spines[["top", "right"]].set_visible(False)
    plt.close(figure)
    return figure
