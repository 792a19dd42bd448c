"""Picture of what the server sees of one participant, with and without masks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from secure_ai.core.errors import UserError
from secure_ai.core.figures import GUIDE, HATCH, RISK, SCORE
from secure_ai.defend.federated.secure_aggregation.measure import MaskingCost, ServerView

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_POINTS = 2_000


def plot_what_the_server_sees(view: ServerView, participant: str | None = None) -> Figure:
    """Draw what arrives over what one participant computed: a line without masks, a cloud with them.

    What it shows in words: :meth:`ServerView.sentence`.

    Args:
        view: from :func:`what_the_server_sees`.
        participant: its name; the first if None.

    Raises:
        UserError: if nobody of that name is in the sum.
    """
    import matplotlib.pyplot as plt

    if participant is not None and participant not in view.names:
        raise UserError(f"Nobody of this name is in the sum: choose one of {', '.join(view.names)}.")
    place = 0 if participant is None else view.names.index(participant)
    # Evenly chosen: a cloud of more points is a blot.
    chosen = np.unique(np.linspace(0, view.updates.shape[1] - 1, MOST_POINTS).astype(int))
    update = view.updates[place][chosen]
    row = view.to_frame().iloc[place]
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 4.0), dpi=80, layout="constrained")
    left.scatter(update, view.plain[place][chosen], s=9, color=RISK, marker="x", linewidth=1)
    right.scatter(update, view.masked[place][chosen], s=7, color=SCORE, alpha=0.6, linewidth=0)
    left.set_title(f"without masks: correlation {row['correlation_plain']:.2f}", loc="left", fontsize=10)
    right.set_title(f"with masks: correlation {row['correlation_masked']:.2f}", loc="left", fontsize=10)
    for axes in (left, right):
        axes.set_xlabel("number that the participant computed")
        axes.axhline(0, color=GUIDE, linestyle=":", linewidth=1)
        axes.spines[["top", "right"]].set_visible(False)
    left.set_ylabel("number that the server reads")
    hidden = "nothing of it" if view.hides() else "still something of it"
    figure.suptitle(
        f"Without masks the server reads the update of {view.names[place]}, with masks {hidden}",
        x=0.01,
        ha="left",
    )
    plt.close(figure)
    return figure


def plot_masking_cost(costs: Sequence[MaskingCost]) -> Figure:
    """Draw what a participant sends and receives in a round, for rounds of several sizes.

    What it shows in words: :meth:`MaskingCost.sentence` of each.

    Args:
        costs: from :func:`masking_cost`, the smallest round first, all with updates of the same length.

    Raises:
        UserError: if there is none, or their updates differ in length.
    """
    import matplotlib.pyplot as plt

    if not costs or len({cost.length for cost in costs}) > 1:
        raise UserError("Give at least one cost, all of updates of the same length.")
    frames = [cost.to_frame() for cost in costs]
    places, width = np.arange(len(costs)), 0.27
    figure, axes = plt.subplots(figsize=(8, 4.2), dpi=80, layout="constrained")
    bars = (
        ("sent without masks", [frame["bytes_sent"][0] for frame in frames], GUIDE, ""),
        ("sent with masks", [frame["bytes_sent"][1] for frame in frames], SCORE, HATCH),
        ("received for the masks", [frame["bytes_received"][1] for frame in frames], RISK, ".."),
    )
    for number, (label, values, color, hatch) in enumerate(bars):
        axes.bar(
            places + (number - 1) * width,
            np.asarray(values) / 1000,
            width,
            label=label,
            color=color,
            hatch=hatch,
            edgecolor="white",
        )
    axes.set_xticks(places, [str(cost.clients) for cost in costs])
    axes.set_xlabel("participants of the round")
    axes.set_ylabel("kilobytes of each participant")
    axes.legend(frameon=False, loc="upper left")
    axes.spines[["top", "right"]].set_visible(False)
    last = frames[-1]
    axes.set_title(
        f"With {costs[-1].clients} participants masks make an update of {costs[-1].length:,} numbers "
        f"{last['times_plain'][1]:.2f} times as long",
        loc="left",
        fontsize=11,
    )
    plt.close(figure)
    return figure
