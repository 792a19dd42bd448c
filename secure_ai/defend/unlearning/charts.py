"""Pictures of erasures, titles computed from their data."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from secure_ai.attack.membership.loss_threshold import MembershipAttack
from secure_ai.core import UserError
from secure_ai.core.figures import GUIDE, HATCH, RISK, SCORE, percent
from secure_ai.defend.unlearning.measure import BEFORE, BOTH, ERASED, ErasureMeasure, ShardingCurve

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def plot_erasure(found: ErasureMeasure) -> Figure:
    """Draw the membership attack on the erased records for each version of the model, and what each cost.

    What it shows in words: :meth:`ErasureMeasure.sentence`.

    Raises:
        UserError: if too few records were erased to attack them.
    """
    import matplotlib.pyplot as plt

    table = found.table
    if table["auc"].isna().any():
        raise UserError("Too few records were erased to draw an attack on them: erase at least 20.")
    lines = [tuple(line) for line in table[["version", "auc", "low", "high"]].itertuples(index=False)]
    if isinstance(found.both, MembershipAttack):
        lines.append((BOTH, found.both.auc.value, *found.both.auc.interval))
    places = np.arange(len(lines))[::-1]
    figure, (left, right) = plt.subplots(
        1, 2, figsize=(10, 1.4 + 0.5 * len(lines)), dpi=80, layout="constrained", sharey=True,
        width_ratios=(3, 2),
    )  # fmt: skip
    values = np.array([line[1] for line in lines])
    spread = np.maximum([values - [line[2] for line in lines], [line[3] for line in lines] - values], 0)
    left.barh(
        places, values - 0.5, left=0.5, height=0.6, xerr=spread, color=RISK, hatch=HATCH, edgecolor="white",
        capsize=3,
    )  # fmt: skip
    left.axvline(0.5, color=GUIDE, linewidth=1)
    left.set_yticks(places, [line[0] for line in lines])
    left.set_xlim(min(0.35, float(np.min([line[2] for line in lines])) - 0.02), 1.02)
    left.set_xlabel("AUC of the attack on the erased records\n(0.5: guessing; 95% interval)")
    right.barh(places[: len(table)], table["work"], height=0.6, color=SCORE)
    for place, share in zip(places, table["work"], strict=False):
        right.annotate(percent(float(share)), (share, place), (4, 0), textcoords="offset points", va="center")
    right.set_xlim(0, max(1.2, 1.2 * table["work"].max()))
    right.set_xlabel("work (share of training\nfrom the beginning)")
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
    aucs = table.set_index("version")["auc"]
    figure.suptitle(
        f"Erasing takes the attack from AUC {aucs[BEFORE]:.2f} to {aucs[ERASED]:.2f}, for "
        f"{percent(found.erasure.receipt.share_of_work)} of the work of training anew",
        x=0.01, ha="left",
    )  # fmt: skip
    plt.close(figure)
    return figure


def plot_sharding(curve: ShardingCurve) -> Figure:
    """Draw accuracy against the work that an erasure costs, for each number of shards.

    What it shows in words: :meth:`ShardingCurve.sentence`.
    """
    import matplotlib.pyplot as plt

    frame = curve.frame
    figure, axes = plt.subplots(figsize=(7, 3.8), dpi=80, layout="constrained")
    spread = np.maximum([frame["accuracy"] - frame["low"], frame["high"] - frame["accuracy"]], 0)
    axes.errorbar(
        100 * frame["work"], frame["accuracy"], yerr=spread, fmt="-o", color=SCORE, capsize=3, markersize=5
    )
    for line in frame.itertuples():
        axes.annotate(f"{line.shards}", (100 * line.work, line.accuracy), (5, 5), textcoords="offset points")
    axes.set_xscale("log")
    axes.set_xticks(100 * frame["work"], [percent(share) for share in frame["work"]])
    axes.minorticks_off()
    people = f"{curve.request:,} {'person' if curve.request == 1 else 'people'}"
    axes.set_xlabel(f"work of erasing {people} (share of training from the beginning); beside: shards")
    axes.set_ylabel("accuracy on other records\n(95% interval)")
    first, last = frame.iloc[0], frame.iloc[-1]
    axes.set_title(
        f"{last['shards']:.0f} shards: {percent(last['work'])} of the work, "
        f"{100 * (last['accuracy'] - first['accuracy']):+.1f} points of accuracy",
        loc="left", fontsize=10,
    )  # fmt: skip
    axes.spines[["top", "right"]].set_visible(False)
    plt.close(figure)
    return figure
