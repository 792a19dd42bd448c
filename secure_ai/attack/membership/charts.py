"""Pictures of membership attacks, each with a title computed from its data."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from secure_ai.attack.membership.bounds import most_true_positives
from secure_ai.attack.membership.curve import PrivacyUtilityCurve
from secure_ai.attack.membership.loss_threshold import MembershipAttack
from secure_ai.core import UserError
from secure_ai.core.figures import GUIDE, RISK, SCORE

if TYPE_CHECKING:
    from matplotlib.figure import Figure


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
