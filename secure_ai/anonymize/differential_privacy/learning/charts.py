"""Pictures of what training costs, each with a title and a sentence computed from its data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from secure_ai.anonymize.differential_privacy.learning.accountant import epsilon_spent, renyi_epsilon
from secure_ai.core.errors import UserError
from secure_ai.core.figures import GUIDE, SCORE

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure


def cost_over_steps(
    *, noise_multiplier: float, sampling_rate: float, steps: Sequence[int], delta: float
) -> pd.DataFrame:
    """Return what training costs by its length: columns ``steps``, ``epsilon``, ``renyi_epsilon``.

    Raises:
        UserError: if there are fewer than two numbers of steps, or an argument is out of range.
    """
    import pandas as pd

    if len(steps) < 2:
        raise UserError("Give at least two numbers of steps to draw a curve.")
    plan = {"noise_multiplier": noise_multiplier, "sampling_rate": sampling_rate, "delta": delta}
    rows = [(n, epsilon_spent(steps=n, **plan), renyi_epsilon(steps=n, **plan)) for n in sorted(steps)]
    return pd.DataFrame(rows, columns=["steps", "epsilon", "renyi_epsilon"])


def cost_sentence(cost: pd.DataFrame) -> str:
    """Say how the cost grows, from :func:`cost_over_steps`."""
    first, last = cost.iloc[0], cost.iloc[-1]
    return (
        f"{int(first['steps']):,} steps cost epsilon {first['epsilon']:.3g}, {int(last['steps']):,} cost "
        f"{last['epsilon']:.3g}; the simpler Rényi bound would charge {last['renyi_epsilon']:.3g}."
    )


def plot_cost(cost: pd.DataFrame) -> Figure:
    """Draw epsilon over the number of steps, by our accountant and by Rényi differential privacy."""
    import matplotlib.pyplot as plt

    first, last = cost.iloc[0], cost.iloc[-1]
    figure, axes = plt.subplots(figsize=(8, 4), dpi=80, layout="constrained")
    axes.plot(cost["steps"], cost["renyi_epsilon"], "--", color=GUIDE, label="Rényi bound")
    axes.plot(cost["steps"], cost["epsilon"], "-o", color=SCORE, markersize=4, label="our accountant")
    axes.set_title(
        f"{last['steps'] / first['steps']:.3g} times the steps cost "
        f"{last['epsilon'] / max(first['epsilon'], 1e-9):.3g} times the epsilon",
        loc="left",
    )
    axes.set_xlabel("steps of training")
    axes.set_ylabel("epsilon spent")
    axes.set_ylim(bottom=0)
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    plt.close(figure)
    return figure
