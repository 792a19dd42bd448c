"""Pictures of poisoning, each with a title computed from its data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from secure_ai.attack.poisoning.availability import RetrainingResult
from secure_ai.attack.poisoning.backdoor import BackdoorResult
from secure_ai.attack.poisoning.flipping_curve import FlippingResult
from secure_ai.attack.poisoning.triggers import PictureMarker
from secure_ai.attack.targets import open_target
from secure_ai.core import UserError
from secure_ai.core.figures import GUIDE, RISK, SCORE, percent, share_bars

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def plot_backdoor(found: BackdoorResult) -> Figure:
    """Draw who gets the attacker's answer: with the trigger, without it, and from the clean model."""
    import matplotlib.pyplot as plt

    names = ["clean model, with trigger", "this model, without trigger", "this model, with trigger"]
    shares = [found.success.baseline, found.success.control, found.success.value]
    figure, axes = plt.subplots(figsize=(8, 2.6), dpi=80, layout="constrained")
    share_bars(axes, shares)
    axes.set_yticks(range(len(names)), names)
    axes.set_xlabel(f"share of {found.success.n:,} rows of other classes that get the attacker's answer")
    axes.set_title(
        f"With the trigger {percent(found.success.value)} get the attacker's answer, without it "
        f"{percent(found.success.control)}",
        loc="left",
    )
    axes.spines[["top", "right"]].set_visible(False)
    plt.close(figure)
    return figure


def plot_backdoor_pictures(
    model: Any, rows: Any, trigger: PictureMarker, target: Any, *, names: dict[Any, str] | None = None
) -> Figure:
    """Draw pictures without and with the trigger, each with the model's probability of the target below.

    Args:
        model: what is asked.
        rows: a few pictures, (n, pixels) from 0 to 1; the first six are drawn.
        trigger: the marker.
        target: the attacker's answer.
        names: words for the classes.

    Raises:
        UserError: if there is no picture.
    """
    import matplotlib.pyplot as plt

    before, after, shown = _asked(model, rows, trigger, target)
    figure, axes = plt.subplots(
        2, len(shown), figsize=(1.5 * len(shown) + 1.2, 4), dpi=80, layout="constrained", squeeze=False
    )
    word = (names or {}).get(target, str(target))
    for line, (label, pictures, chances) in enumerate(
        (("without", shown, before), ("with trigger", trigger.stamp(shown), after))
    ):
        for place, (picture, chance) in enumerate(zip(pictures, chances, strict=True)):
            cell = axes[line, place]
            cell.imshow(picture.reshape(trigger.shape), cmap="gray", vmin=0, vmax=1)
            cell.set_xlabel(f"{word}: {percent(float(chance))}", color=RISK if chance >= 0.5 else SCORE)
            cell.set_xticks([])
            cell.set_yticks([])
        axes[line, 0].set_ylabel(label)
    figure.suptitle(
        f"'{word}' for {int((before >= 0.5).sum())} of {len(shown)} pictures without the marker, "
        f"for {int((after >= 0.5).sum())} with it",
        x=0.01,
        ha="left",
    )
    plt.close(figure)
    return figure


def backdoor_picture_sentence(model: Any, rows: Any, trigger: PictureMarker, target: Any) -> str:
    """Say what :func:`plot_backdoor_pictures` shows."""
    before, after, shown = _asked(model, rows, trigger, target)
    return (
        f"Of {len(shown)} pictures, {int((before >= 0.5).sum())} get the attacker's answer without the "
        f"marker and {int((after >= 0.5).sum())} with it; its mean probability goes from "
        f"{percent(float(before.mean()))} to {percent(float(after.mean()))}."
    )


def plot_flipping(found: FlippingResult) -> Figure:
    """Draw the figure and its interval over the share of flipped labels, beside the control."""
    import matplotlib.pyplot as plt

    table = found.to_frame()
    figure, axes = plt.subplots(figsize=(8, 4.6), dpi=80, layout="constrained")
    axes.fill_between(table["share"], table["low"], table["high"], color=RISK, alpha=0.18, linewidth=0)
    name = "rows of the group with the attacker's answer" if found.targeted else "accuracy"
    axes.plot(
        table["share"], table["value"], "-o", color=RISK, label=f"{name}, labels flipped (95% interval)"
    )
    if table["control"].notna().all():
        control = "rows outside the group" if found.targeted else "accuracy, the same rows left out"
        axes.plot(table["share"], table["control"], "--s", color=SCORE, label=control)
    if found.targeted:
        axes.plot(table["share"], table["accuracy"], "-.^", color=GUIDE, label="accuracy over all rows")
    of_whom = "rows of the group" if found.targeted else "accuracy"
    axes.axhline(table["baseline"].iloc[0], color=GUIDE, linestyle=":", label=f"{of_whom}, clean training")
    axes.set_xlabel("share of training labels that were flipped")
    axes.set_ylabel("share of held-out rows")
    axes.set_ylim(0, 1.02)
    axes.xaxis.set_major_formatter(lambda share, _: f"{share:.1%}")
    axes.yaxis.set_major_formatter(lambda share, _: f"{share:.0%}")
    last, first = found.points[-1], found.points[-1].baseline
    text = f"{percent(found.shares[-1])} flipped labels: "
    if found.targeted:
        text += f"{percent(last.value)} of the group get the attacker's answer, were {percent(first)}"
    else:
        text += f"accuracy {percent(last.value)}, was {percent(first)}"
    axes.set_title(text, loc="left")
    figure.legend(frameon=False, loc="outside lower center", ncols=2)
    axes.spines[["top", "right"]].set_visible(False)
    plt.close(figure)
    return figure


def plot_retraining(found: RetrainingResult) -> Figure:
    """Draw accuracy from round to round: clean, attacked, and with labels flipped at random."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(8, 4), dpi=80, layout="constrained")
    lines = {
        "clean": ("-o", SCORE, "clean rows"),
        "random": ("--s", GUIDE, "as many labels flipped at random"),
        "attacked": ("-.^", RISK, "the attacker's rows"),
    }
    for column, (style, color, label) in lines.items():
        axes.plot(found.rounds["round"], found.rounds[column], style, color=color, label=label)
    axes.set_xticks(found.rounds["round"])
    axes.set_xlabel("round of retraining")
    axes.set_ylabel("accuracy on rows kept clean")
    axes.set_title(
        f"{percent(found.share)} of each round from an attacker: accuracy {percent(found.final.value)} "
        f"instead of {percent(found.final.baseline)}",
        loc="left",
    )
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    plt.close(figure)
    return figure


def _asked(
    model: Any, rows: Any, trigger: PictureMarker, target: Any
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    shown = np.asarray(rows, dtype=float)[:6]
    if not len(shown):
        raise UserError("There is no picture to draw: give one or more.")
    shown = shown.reshape(len(shown), -1)
    asked = open_target(model)
    return asked.scores(shown, target), asked.scores(trigger.stamp(shown), target), shown
