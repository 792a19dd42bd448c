"""The picture of a feature hidden from explanations, its title computed from the figures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from secure_ai.attack.explanations.hidden import HiddenFeature
from secure_ai.core.figures import GUIDE, HATCH, RISK, SCORE, percent

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LOOKS = (("biased", RISK, None), ("scaffold", RISK, HATCH), ("innocent", GUIDE, "."))


def plot_hiding(found: Sequence[HiddenFeature]) -> Figure:
    """Draw, for each explainer, in how many explanations the feature shows: biased, scaffold, innocent model.

    Args:
        found: results for one feature, one for each explainer.
    """
    import matplotlib.pyplot as plt

    places, width = np.arange(len(found))[::-1], 0.26
    figure, axes = plt.subplots(figsize=(8, 1.5 + 0.8 * len(found)), dpi=80, layout="constrained")
    for step, (part, color, hatch) in enumerate(LOOKS):
        shares = [float((one.ranks[part] <= one.top).mean()) for one in found]
        drawn = axes.barh(
            places + (1 - step) * width, shares, width, color=color if part != "biased" else SCORE,
            hatch=hatch, edgecolor="white", label=f"{part} model" if part != "scaffold" else "scaffold",
        )  # fmt: skip
        axes.bar_label(drawn, [percent(share) for share in shares], padding=3, fontsize=9)
    axes.set_yticks(places, [one.explainer for one in found])
    axes.set_xlim(0, 1.15)
    axes.set_xticks([0, 0.5, 1], ["0%", "50%", "100%"])
    first = found[0]
    reasons = "strongest reason" if first.top == 1 else f"{first.top} strongest reasons"
    axes.set_xlabel(f"people in whose {reasons} '{first.feature}' is")
    least, most = (choose(found, key=_shown) for choose in (min, max))
    axes.set_title(
        f"The scaffold's '{first.feature}' shows in {percent(_shown(least))} with {least.explainer}"
        + (f", {percent(_shown(most))} with {most.explainer}" if most is not least else ""),
        loc="left",
    )
    axes.legend(frameon=False, loc="lower right", bbox_to_anchor=(1, 1.08), ncols=3)
    axes.spines[["top", "right"]].set_visible(False)
    plt.close(figure)
    return figure


def _shown(one: HiddenFeature) -> float:
    return float((one.ranks["scaffold"] <= one.top).mean())
