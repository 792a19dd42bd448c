"""Pictures of what a model learned by heart, each with a title computed from its data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from secure_ai.attack.memorization.measure import Memorization, MemorizationComparison
from secure_ai.core.figures import GUIDE, RISK, SCORE

if TYPE_CHECKING:
    from matplotlib.figure import Figure

STYLES = (("-", "o"), ("--", "s"), (":", "^"), ("-.", "D"))


def plot_exposure(found: Memorization) -> Figure:
    """Draw the exposure of each canary by how often it was planted, and the greatest that there is.

    What it shows in words: :meth:`Memorization.sentence`.
    """
    import matplotlib.pyplot as plt

    table = found.by_times()
    figure, axes = plt.subplots(figsize=(8, 4.2), dpi=80, layout="constrained")
    rng = np.random.default_rng(0)
    for place, times in enumerate(table["planted"]):
        own = found.canaries.loc[found.canaries["planted"] == times, "exposure"].to_numpy()
        beside = place + rng.uniform(-0.15, 0.15, len(own))
        axes.plot(beside, own, "o", color=SCORE if times == 0 else RISK, alpha=0.35, markersize=5)
    axes.hlines(
        table["exposure"],
        np.arange(len(table)) - 0.28,
        np.arange(len(table)) + 0.28,
        color="black",
        label="median",
    )
    axes.axhline(found.most_bits, color=GUIDE, linestyle="--", label="greatest: no secret is likelier")
    axes.axhline(1, color=GUIDE, linestyle=":", label="a secret that the model knows nothing of (median)")
    axes.set_xticks(
        range(len(table)), ["never" if times == 0 else f"{times:,}" for times in table["planted"]]
    )
    axes.set_xlabel("times that a canary stands in the notes")
    axes.set_ylabel("exposure (bits)")
    axes.set_ylim(-0.5, found.most_bits + 1)
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(frameon=False, loc="outside lower center", ncols=3)
    seen = table[table["planted"] > 0]
    first, never = seen.iloc[0], table[table["planted"] == 0]["exposure"]
    once = "once" if first["planted"] == 1 else f"{int(first['planted'])} times"
    axes.set_title(
        f"Planted {once}: {first['exposure']:.1f} of {found.most_bits:.1f} bits"
        + (f"; never planted: {never.iloc[0]:.1f}" if len(never) else ""),
        loc="left",
        fontsize=11,
    )
    plt.close(figure)
    return figure


def plot_preparations(found: MemorizationComparison) -> Figure:
    """Draw median exposure by how often canaries were planted, a line for each preparation of the notes.

    What it shows in words: :meth:`MemorizationComparison.sentence`.
    """
    return _lines(found.results, "preparation")


def _lines(results: Mapping[str, Memorization], what: str) -> Figure:
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(8, 4.2), dpi=80, layout="constrained")
    most = max(one.most_bits for one in results.values())
    colors = plt.get_cmap("viridis")(np.linspace(0, 0.75, len(results)))
    last = {}
    for place, (name, one) in enumerate(results.items()):
        table = one.by_times()
        style, marker = STYLES[place % len(STYLES)]
        at = np.arange(len(table))
        axes.fill_between(at, table["low"], table["high"], color=colors[place], alpha=0.15, linewidth=0)
        axes.plot(at, table["exposure"], style, marker=marker, color=colors[place], label=name)
        axes.set_xticks(at, ["never" if times == 0 else f"{times:,}" for times in table["planted"]])
        last[name] = float(table["exposure"].iloc[-1])
    axes.axhline(most, color=GUIDE, linestyle="--")
    axes.annotate("greatest", (0, most), (0, 3), textcoords="offset points", color=GUIDE)
    axes.set_ylim(-0.5, most + 1.2)
    axes.set_xlabel("times that a canary stands in the notes")
    axes.set_ylabel("median exposure (bits; band: 95 %)")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, loc="best", title=what)
    least, greatest = min(last, key=last.__getitem__), max(last, key=last.__getitem__)
    axes.set_title(
        f"Most is repeated of '{greatest}' ({last[greatest]:.1f} bits), least of '{least}' "
        f"({last[least]:.1f} bits)",
        loc="left",
        fontsize=11,
    )
    plt.close(figure)
    return figure
