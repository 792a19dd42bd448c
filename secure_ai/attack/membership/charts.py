"""Pictures of membership attacks, each with a title computed from its data."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from secure_ai.attack.membership.at_risk import RecordsAtRisk
from secure_ai.attack.membership.bounds import most_true_positives
from secure_ai.attack.membership.curve import PrivacyUtilityCurve
from secure_ai.attack.membership.loss_threshold import MembershipAttack
from secure_ai.core import UserError
from secure_ai.core.figures import GUIDE, HATCH, RISK, SCORE, percent

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FEW = 0.01


def plot_membership(found: MembershipAttack) -> Figure:
    """Draw members found against false alarms, plain and for few alarms, and what epsilon allows at most.

    What it shows in words: :meth:`MembershipAttack.sentence`.
    """
    import matplotlib.pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 4.2), dpi=80, layout="constrained")
    least = 10 ** math.floor(math.log10(1 / found.auc.n))
    grid = np.concatenate([[0.0], np.geomspace(least, 1, 300)])
    limited = found.epsilon is not None and math.isfinite(found.epsilon)
    for axes in (left, right):
        axes.step(
            found.roc["fpr"], found.roc["tpr"], where="post", color=RISK, label=f"{found.attack} attack"
        )
        axes.plot(grid, grid, color=GUIDE, linestyle=":", label="guessing")
        if limited:
            most = most_true_positives(grid, found.epsilon, found.delta)
            axes.plot(
                grid, most, color=SCORE, linestyle="--", label=f"most that epsilon {found.epsilon:.3g} allows"
            )
        axes.set_xlabel("false alarms (share of others called members)")
        axes.spines[["top", "right"]].set_visible(False)
    left.set_ylabel("members found (share)")
    left.legend(frameon=False, loc="lower right")
    right.set_xscale("log")
    right.set_yscale("log")
    right.set_xlim(least, 1)
    right.set_ylim(least, 1.1)
    right.axvline(0.01, color="black", linestyle=":", linewidth=1)
    right.annotate("1%", (0.01, least), (3, 4), textcoords="offset points")
    right.set_title("the same, for few false alarms", loc="left", fontsize=10)
    verb = "tells" if found.leaks() else "does not tell"
    figure.suptitle(
        f"The {found.attack} attack {verb} members from others (AUC {found.auc.value:.2f})", x=0.01, ha="left"
    )
    plt.close(figure)
    return figure


def plot_privacy_utility(curve: PrivacyUtilityCurve) -> Figure:
    """Draw accuracy and the attacker's advantage over epsilon; training without noise stands at the right.

    What it shows in words: :meth:`PrivacyUtilityCurve.sentence`.

    Raises:
        UserError: if the curve has a single epsilon.
    """
    import matplotlib.pyplot as plt

    frame = curve.frame
    if len(frame) < 2:
        raise UserError("A curve needs at least two epsilons.")
    places = range(len(frame))
    figure, (upper, lower) = plt.subplots(2, 1, figsize=(8, 5.4), dpi=80, layout="constrained", sharex=True)
    for axes, name, color in ((upper, "accuracy", SCORE), (lower, "advantage", RISK)):
        axes.fill_between(
            places, frame[f"{name}_low"], frame[f"{name}_high"], color=color, alpha=0.18, linewidth=0
        )
        axes.plot(places, frame[name], "-o", color=color, label=f"mean of {curve.seeds} (band: all)")
        axes.spines[["top", "right"]].set_visible(False)
    upper.axhline(curve.majority, color=GUIDE, linestyle=":", label="always the most frequent class")
    upper.set_ylabel("accuracy on\nother records")
    lower.plot(places, frame["most_advantage"], "--", color="black", label="no attack can exceed")
    lower.axhline(0, color=GUIDE, linestyle=":")
    lower.set_ylabel("advantage of the\nmembership attack")
    lower.set_xticks(
        list(places), ["no noise" if math.isinf(value) else f"{value:g}" for value in frame["epsilon"]]
    )
    lower.set_xlabel("epsilon (less is more private)")
    for axes in (upper, lower):
        axes.legend(frameon=False, loc="best")
    first, last = frame.iloc[0], frame.iloc[-1]
    figure.suptitle(
        f"Advantage {last['advantage']:.2f} to {first['advantage']:.2f}, accuracy {last['accuracy']:.2f} to "
        f"{first['accuracy']:.2f}, from right to left",
        x=0.01,
        ha="left",
    )
    plt.close(figure)
    return figure


def plot_membership_attacks(attacks: Mapping[str, MembershipAttack]) -> Figure:
    """Draw the curves of several attacks on one model, on log axes: what counts is the left end.

    What it shows in words: :meth:`MembershipAttack.sentence` of each.

    Args:
        attacks: name for the legend → attack.

    Raises:
        UserError: if there is none.
    """
    import matplotlib.pyplot as plt

    if not attacks:
        raise UserError("Give at least one attack to draw.")
    least = 1 / max(int((~found.scores["member"]).sum()) for found in attacks.values())
    least = min(least, FEW / 10)
    figure, axes = plt.subplots(figsize=(7.2, 5.4), dpi=80, layout="constrained")
    styles = itertools.product(("-", "--", "-.", ":"), (RISK, SCORE, GUIDE))
    for (name, found), (line, color) in zip(attacks.items(), styles, strict=False):
        axes.step(
            found.roc["fpr"].clip(lower=least / 2),
            found.roc["tpr"].clip(lower=least / 2),
            where="post",
            color=color,
            linestyle=line,
            label=f"{name} (AUC {found.auc.value:.2f})",
        )
    axes.plot([least, 1], [least, 1], color="black", linewidth=0.8, linestyle=":", label="guessing")
    axes.axvline(FEW, color="black", linestyle=":", linewidth=1)
    axes.annotate("1%", (FEW, least), (3, 4), textcoords="offset points")
    axes.set(xscale="log", yscale="log", xlim=(least, 1), ylim=(least, 1.1))
    axes.set_xlabel("false alarms (share of others called members)")
    axes.set_ylabel("members found (share)")
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(frameon=False, loc="outside lower center", ncols=2)
    few = FEW * (1 + 1e-9)  # 6 of 600 are a little more than 0.01 in floating point
    at_few = {name: float(found.roc["tpr"][found.roc["fpr"] <= few].max()) for name, found in attacks.items()}
    best = max(at_few, key=lambda name: at_few[name])
    figure.suptitle(
        f"At 1% false alarms most is found by {best}: {percent(at_few[best])} of members",
        x=0.01,
        ha="left",
    )
    plt.close(figure)
    return figure


def plot_records_at_risk(found: RecordsAtRisk, *, most: int = 8) -> Figure:
    """Draw what the members most at risk have in common, beside how frequent it is among all members.

    What it shows in words: :meth:`RecordsAtRisk.sentence`.
    """
    import matplotlib.pyplot as plt

    shown = found.shared.head(most)[::-1]
    figure, axes = plt.subplots(figsize=(7.5, 1.4 + 0.55 * max(len(shown), 1)), dpi=80, layout="constrained")
    places = np.arange(len(shown))
    axes.barh(places + 0.2, shown["share_at_risk"], 0.38, color=RISK, hatch=HATCH, edgecolor="white")
    axes.barh(places - 0.2, shown["share_of_all"], 0.38, color=GUIDE)
    for shift, name in ((0.2, "share_at_risk"), (-0.2, "share_of_all")):
        group = "most at risk" if name == "share_at_risk" else "all members"
        for place, share in zip(places, shown[name], strict=True):
            axes.annotate(
                f"{percent(share)} of {group}", (share, place + shift), (4, 0), textcoords="offset points",
                va="center", fontsize=8,
            )  # fmt: skip
    axes.set_yticks(places, [f"{row.column}: {row.value}" for row in shown.itertuples()])
    axes.set_xlim(0, 1.35)
    axes.set_xticks([0, 0.5, 1], ["0%", "50%", "100%"])
    axes.set_xlabel("share of the group")
    axes.spines[["top", "right"]].set_visible(False)
    title = f"Nothing is more frequent among the {len(found.frame)} members found first"
    if len(shown):
        first = shown.iloc[-1]
        title = f"Found first: {first['column']} {first['value']}, {first['times']:.1f} times as often"
    figure.suptitle(title, x=0.01, ha="left")
    plt.close(figure)
    return figure
