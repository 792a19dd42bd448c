"""Pictures of grants and reviews, each with a title computed from its data."""

from __future__ import annotations

from typing import TYPE_CHECKING

from secure_ai.access.policy.least_privilege import STATUSES, GrantUse
from secure_ai.access.policy.review import AccessReview
from secure_ai.core.figures import HATCH, RISK, SCORE

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_REASONS = 8
_LIGHT = "#c9c9c9"


def plot_grant_use(use: GrantUse) -> Figure:
    """Draw for each role how many of its grants are used, and how many never were."""
    import matplotlib.pyplot as plt

    order = [status for status in reversed(STATUSES) if status in set(use.by_role["status"])]
    counts = use.by_role.groupby(["role", "status"]).size().unstack(fill_value=0)[order]
    counts = counts.iloc[counts.sum(axis=1).argsort(kind="stable")]
    colors = {"used": SCORE, "unused": RISK}
    figure, axes = plt.subplots(figsize=(8, 0.38 * len(counts) + 1.6), dpi=80, layout="constrained")
    left = counts.iloc[:, 0] * 0
    for status in order:
        axes.barh(
            counts.index.str.replace("_", " "),
            counts[status],
            left=left,
            label=status,
            color=colors.get(status, _LIGHT),
            hatch=HATCH if status == "unused" else "",
            edgecolor="white",
        )
        left = left + counts[status]
    unused = int((use.by_role["status"] == "unused").sum())
    axes.set_title(
        f"{unused} of {len(use.by_role)} grants were never used in {use.days:,.0f} days", loc="left"
    )
    axes.set_xlabel("grants (action, kind of record and purpose)")
    axes.legend(frameon=False, loc="lower right")
    axes.spines[["top", "right"]].set_visible(False)
    plt.close(figure)
    return figure


def plot_review(review: AccessReview) -> Figure:
    """Draw the most frequent reasons for which a policy would have denied what was done."""
    import matplotlib.pyplot as plt

    table = review.by_reason().head(MOST_REASONS).iloc[::-1]
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
