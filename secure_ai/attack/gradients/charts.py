"""Pictures of gradient attacks, each with a title computed from its data."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from secure_ai.attack.gradients.flip import GREY_LEVELS, Flip
from secure_ai.attack.gradients.measure import MANY, NOISE, ONE, GradientAttack
from secure_ai.core import UserError
from secure_ai.core.figures import GUIDE, RISK, SCORE, percent

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

STYLES = {MANY: (RISK, "-", "o"), ONE: (SCORE, "--", "s"), NOISE: (GUIDE, ":", "^")}
MODEL_STYLES = ((RISK, "-", "o"), (SCORE, "--", "s"), (GUIDE, "-.", "D"), ("#3d6b1f", ":", "^"))


def plot_curve(found: GradientAttack) -> Figure:
    """Draw success against size: many steps, one step, and noise of the same size."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(8, 4.2), dpi=80, layout="constrained")
    for attack, style in STYLES.items():
        _line(axes, found, attack, attack, style)
    last = found.measurements()[-1]
    sizes = found.curve["size"]
    how = ", made on a substitute," if found.transferred else ""
    _finish(
        axes,
        found,
        f"Changes of at most {found.size_words(sizes.max())}{how} flip {percent(last.value)} of the "
        f"answers;\nthe best of {found.draws} random changes of that size {percent(last.baseline)}",
    )
    plt.close(figure)
    return figure


def plot_curves(found: Mapping[str, GradientAttack], title: str) -> Figure:
    """Draw the projected gradient's success on several models, by name, in one picture.

    Args:
        found: name → what was measured, with one norm and unit.
        title: what the picture shows.

    Raises:
        UserError: if there is none, or they are not measured alike.
    """
    import matplotlib.pyplot as plt

    if not found or len({(each.norm, each.unit_name) for each in found.values()}) > 1:
        raise UserError("Give one attack or more, all measured with one norm and unit.")
    figure, axes = plt.subplots(figsize=(8, 4.2), dpi=80, layout="constrained")
    for place, (name, attack) in enumerate(found.items()):
        _line(axes, attack, MANY, name, MODEL_STYLES[place % len(MODEL_STYLES)])
    _finish(axes, next(iter(found.values())), title)
    plt.close(figure)
    return figure


def plot_flip(found: Flip) -> Figure:
    """Draw the picture before, the change magnified, the picture after, and noise of the same size."""
    import matplotlib.pyplot as plt

    change = found.after - found.before
    greatest = max(found.levels, 1)
    figure, panels = plt.subplots(1, 4, figsize=(11, 3.4), dpi=80, layout="constrained")
    shown = (
        (found.before, "before", found.said_before, found.chance_before),
        (None, "", None, 0.0),
        (found.after, "after", found.said_after, found.chance_after),
        (found.noisy, "worst of 20 random changes", found.said_noisy, found.chance_noisy),
    )
    for axes, (pixels, words, said, chance) in zip(panels, shown, strict=True):
        axes.set_xticks([])
        axes.set_yticks([])
        if pixels is None:
            drawn = axes.imshow(change, cmap="RdBu_r", vmin=-greatest, vmax=greatest)
            axes.set_title(f"the change alone,\n{GREY_LEVELS / greatest:.0f} times as strong", fontsize=10)
            figure.colorbar(drawn, ax=axes, shrink=0.7, label="grey levels", ticks=[-greatest, 0, greatest])
        else:
            axes.imshow(pixels, cmap="gray", vmin=0, vmax=GREY_LEVELS)
            axes.set_title(f"{words}:\n{found.words(said)} ({percent(chance)})", fontsize=10)
    verb = "turns" if found.flipped else "does not turn"
    other = f"'{found.words(found.said_after)}'" if found.flipped else "anything else"
    figure.suptitle(
        f"At most {found.levels} of {GREY_LEVELS} grey levels per pixel: that {verb} "
        f"'{found.words(found.said_before)}' into {other}",
        x=0.01,
        ha="left",
    )
    plt.close(figure)
    return figure


def _line(axes: Axes, found: GradientAttack, attack: str, label: str, style: tuple[str, str, str]) -> None:
    color, line, marker = style
    part = found.curve[found.curve["attack"] == attack]
    sizes = part["size"] * _per_size(found)
    axes.fill_between(sizes, part["low"], part["high"], color=color, alpha=0.15, linewidth=0)
    axes.plot(sizes, part["success"], line, color=color, marker=marker, markersize=5, label=label)


def _finish(axes: Axes, found: GradientAttack, title: str) -> None:
    axes.set_title(title, loc="left", fontsize=11)
    measured = "greatest change of one value" if found.norm == "linf" else "length of the whole change"
    shown = found.unit_name if _per_size(found) == 1 else f"grey levels of {found.levels}"
    axes.set_xlabel(f"{measured}, {shown}")
    axes.set_ylabel("rows that get another answer")
    axes.set_ylim(-0.03, 1.03)
    axes.set_xlim(left=0)
    shares = np.linspace(0, 1, 5)
    axes.set_yticks(shares, [percent(float(share)) for share in shares])
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, loc="best")


def _per_size(found: GradientAttack) -> int:
    """Return what sizes are multiplied with: grey levels are told apart better than shares of the range."""
    return found.levels if found.levels and found.norm == "linf" else 1
