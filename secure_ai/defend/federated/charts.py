"""Pictures of learning together, each with a title computed from its data."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from secure_ai.core.errors import UserError
from secure_ai.core.figures import GUIDE, RISK, SCORE
from secure_ai.defend.federated.comparison import EVERYBODY, FederationComparison
from secure_ai.defend.federated.lying import NOBODY, WITHOUT, LieTest
from secure_ai.defend.federated.training import FederatedRun

if TYPE_CHECKING:
    from matplotlib.figure import Figure

STYLES = ("-", "--", "-.", ":")
MARKS = ("o", "s", "^", "D", "v", "P")
COLORS = (SCORE, RISK, GUIDE)


def plot_rounds(run: FederatedRun) -> Figure:
    """Draw the loss on each participant's held-out rows over the rounds.

    What it shows in words: :meth:`FederatedRun.sentence`.

    Raises:
        UserError: if the run was not measured on held-out rows.
    """
    import matplotlib.pyplot as plt

    if not len(run.history):
        raise UserError("This run was not measured on held-out rows: give train_federated some.")
    figure, axes = plt.subplots(figsize=(7.5, 3.8), dpi=80, layout="constrained")
    for place, (name, part) in enumerate(run.history.groupby("participant", sort=False)):
        axes.plot(
            part["round"],
            part["loss"],
            STYLES[place % len(STYLES)],
            color=COLORS[place % len(COLORS)],
            marker=MARKS[place % len(MARKS)],
            markersize=4,
            label=name,
        )
    axes.set_xlabel("round")
    axes.set_ylabel("loss on held-out cases (nats)")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, title="held-out cases of")
    mean = run.history.groupby("round")["loss"].mean()
    axes.set_title(
        f"Mean loss {mean.iloc[0]:.3f} after round 1, {mean.iloc[-1]:.3f} after round {mean.index[-1]}",
        loc="left",
    )
    plt.close(figure)
    return figure


def plot_comparison(found: FederationComparison) -> Figure:
    """Draw the AUC on everybody's held-out rows of each model trained alone, together, and on pooled rows.

    What it shows in words: :meth:`FederationComparison.sentence`.
    """
    import matplotlib.pyplot as plt

    table = found.table[found.table["tested_on"] == EVERYBODY]
    names, values = list(table["trained"]), list(table["auc"])
    figure, axes = plt.subplots(figsize=(7.5, 0.6 + 0.5 * len(names)), dpi=80, layout="constrained")
    for place, (name, value) in enumerate(zip(names, values, strict=True)):
        alone = name.startswith("alone: ")
        axes.plot(
            [value], [place], marker="o" if alone else "s", color=GUIDE if alone else SCORE, markersize=9
        )
        axes.annotate(f"{value:.3f}", (value, place), (10, 0), textcoords="offset points", va="center")
    axes.axvline(found.auc.value, color=SCORE, linestyle=":", linewidth=1)
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.5, -0.5)
    room = max(max(values) - min(values), 0.02)
    axes.set_xlim(min(values) - 0.1 * room, max(values) + 0.25 * room)
    axes.set_xlabel("AUC on everybody's held-out cases (0.5: guessing)")
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_title(
        f"Together {found.auc.value:.3f}, alone {found.auc.baseline:.3f} in the mean, pooled "
        f"{found.auc.value + found.gap.value:.3f}",
        loc="left",
    )
    plt.close(figure)
    return figure


def plot_lies(found: LieTest) -> Figure:
    """Draw the AUC under each lie, one mark for each rule of aggregation.

    What it shows in words: :meth:`LieTest.sentence`.
    """
    import matplotlib.pyplot as plt

    table = found.table[found.table["lie"] != WITHOUT]
    lies = list(dict.fromkeys(table["lie"]))
    rules = list(dict.fromkeys(table["rule"]))
    figure, axes = plt.subplots(figsize=(8, 1.2 + 0.6 * len(lies)), dpi=80, layout="constrained")
    for place, rule in enumerate(rules):
        own = table[table["rule"] == rule].set_index("lie")["auc"]
        heights = np.arange(len(lies)) + 0.12 * (place - (len(rules) - 1) / 2)
        axes.plot(
            own[lies],
            heights,
            MARKS[place % len(MARKS)],
            color=COLORS[place % len(COLORS)],
            markersize=8,
            label=rule,
        )
    without = found.worst[rules[0]].baseline
    axes.axvline(without, color=GUIDE, linestyle=":", label=WITHOUT)
    axes.axvline(0.5, color="black", linestyle="--", linewidth=1, label="guessing")
    axes.set_yticks(range(len(lies)), lies)
    axes.set_ylim(len(lies) - 0.5, -0.5)
    axes.set_xlabel("AUC on held-out cases of the honest participants")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
    best = max(found.worst, key=lambda rule: found.worst[rule].value)
    figure.suptitle(
        f"One liar brings the {rules[0]} down to {found.worst[rules[0]].value:.2f}, the {best} to\n"
        f"{found.worst[best].value:.2f} ({NOBODY}: {found.worst[rules[0]].control:.2f})",
        x=0.01,
        ha="left",
    )
    plt.close(figure)
    return figure


def plot_privacy(table: pd.DataFrame) -> Figure:
    """Draw the AUC over epsilon, for each level of privacy, beside training without noise.

    Args:
        table: of :func:`secure_ai.defend.federated.compare_budgets`.

    Raises:
        UserError: if the table has no row with noise.
    """
    import matplotlib.pyplot as plt

    noisy = table[np.isfinite(table["epsilon"])]
    if not len(noisy):
        raise UserError("The table has no row with a finite epsilon.")
    plain = float(table.loc[~np.isfinite(table["epsilon"]), "auc"].iloc[0])
    figure, axes = plt.subplots(figsize=(8.5, 3.8), dpi=80, layout="constrained")
    told = []
    for place, (level, part) in enumerate(noisy.sort_values("epsilon").groupby("level", sort=False)):
        color = COLORS[place % len(COLORS)]
        axes.plot(
            part["epsilon"],
            part["auc"],
            STYLES[place % len(STYLES)],
            color=color,
            marker=MARKS[place % len(MARKS)],
            label=f"for each {level}",
        )
        axes.fill_between(
            part["epsilon"], part["auc_low"], part["auc_high"], color=color, alpha=0.15, linewidth=0
        )
        last = part.iloc[-1]
        told.append(f"{last['auc']:.2f} for each {level} (epsilon {last['epsilon']:g})")
    axes.axhline(plain, color=GUIDE, linestyle=":", label="no noise")
    axes.axhline(0.5, color="black", linestyle="--", linewidth=1, label="guessing")
    axes.set_xscale("log")
    budgets = sorted(noisy["epsilon"].unique())
    axes.set_xticks(budgets, [f"{budget:g}" for budget in budgets])
    axes.minorticks_off()
    axes.set_xlabel("epsilon (less is more private; band: least and greatest over seeds)")
    axes.set_ylabel("AUC on everybody's held-out cases")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
    axes.set_title(f"AUC {plain:.2f} without noise, {', '.join(told)}", loc="left", fontsize=10)
    plt.close(figure)
    return figure
