"""Pictures of evasion: success against the number of questions, and what success costs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from secure_ai.attack.evasion.measure import EvasionResult
from secure_ai.core import UserError
from secure_ai.core.figures import GUIDE, RISK, SCORE, percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

STYLES = ((RISK, "-"), (SCORE, "--"), (GUIDE, "-."), ("#7a5c00", ":"))


def plot_evasion_curve(result: EvasionResult) -> Figure:
    """Draw the share of rows evaded against questions per row, the search beside random allowed changes."""
    curve = result.curve()
    figure, axes = _axes()
    axes.step(curve["queries"], curve["success"], where="post", color=RISK, label="search")
    axes.step(
        curve["queries"], curve["random"], where="post", color=GUIDE, linestyle="--", label="random changes"
    )
    half = curve.loc[curve["success"] >= 0.5, "queries"]
    reached = percent(float(curve["success"].iloc[-1]))
    when = f", half of them after {int(half.iloc[0])} questions" if len(half) else ""
    axes.set_title(f"{reached} of {result.success.n} rows are evaded within the rules{when}", loc="left")
    return _finished(figure, axes)


def plot_evasion_curves(results: Mapping[str, EvasionResult]) -> Figure:
    """Draw success against questions for several models, such as before and after a defense.

    Args:
        results: name → result; up to four.

    Raises:
        UserError: if there are none, or more than four.
    """
    if not 0 < len(results) <= len(STYLES):
        raise UserError(f"{len(results)} results cannot be told apart in one picture: give one to four.")
    figure, axes = _axes()
    for (name, result), (color, line) in zip(results.items(), STYLES, strict=False):
        curve = result.curve()
        axes.step(curve["queries"], curve["success"], where="post", color=color, linestyle=line, label=name)
    ends = ", ".join(f"{name} {percent(result.success.value)}" for name, result in results.items())
    axes.set_title(f"Rows evaded within the rules: {ends}", loc="left")
    return _finished(figure, axes)


def plot_evasion_cost(result: EvasionResult) -> Figure:
    """Draw which share of rows is evaded for at most a cost, the search beside random allowed changes."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(8, 4), dpi=80, layout="constrained")
    shown = []
    series = (
        (result.evasions.cost, RISK, "-", "search"),
        (result.random_cost, GUIDE, "--", "random changes"),
    )
    for costs, color, line, name in series:
        known = np.sort(costs[np.isfinite(costs)])
        shown.append(known)
        share = np.arange(1, len(known) + 1) / len(costs)
        axes.step(
            np.append(0, known), np.append(0, share), where="post", color=color, linestyle=line, label=name
        )
    unit = result.evasions.cost_unit or "declared costs"
    title = "No row is evaded within the rules"
    if len(shown[0]):
        title = f"Half of the evasions cost {np.median(shown[0]):,.3g} {unit} or less"
        if len(shown[1]):
            title += f", random ones {np.median(shown[1]):,.3g}"
    axes.set_title(title, loc="left")
    axes.set_xlabel(f"cost of the change ({unit})")
    axes.set_ylabel("share of rows evaded")
    return _finished(figure, axes)


def _axes() -> tuple[Figure, Axes]:
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(8, 4), dpi=80, layout="constrained")
    axes.set_xscale("symlog", linthresh=1)
    axes.set_xlabel("questions per row (logarithmic)")
    axes.set_ylabel("share of rows evaded")
    return figure, axes


def _finished(figure: Figure, axes: Axes) -> Figure:
    import matplotlib.pyplot as plt

    axes.set_ylim(0, 1.03)
    axes.legend(frameon=False, loc="lower right")
    axes.spines[["top", "right"]].set_visible(False)
    plt.close(figure)
    return figure
