"""Pictures of what a curious server recovers from gradients, each with a title computed from its data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from secure_ai.attack.federated.measure import TOLERANCE, GradientInversion, inversion_table
from secure_ai.core.errors import UserError
from secure_ai.core.figures import GUIDE, RISK, SCORE, percent, share_bars

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def plot_inversions(cases: Mapping[str, GradientInversion]) -> Figure:
    """Draw the share of records that the server recovered, one bar for each case.

    What it shows in a table: :func:`inversion_table`.

    Args:
        cases: name (``"one record, no protection"``) → what was measured.

    Raises:
        UserError: if there is no case.
    """
    import matplotlib.pyplot as plt

    if not cases:
        raise UserError("There is no case to draw: measure an inversion first.")
    table = inversion_table(cases)
    figure, axes = plt.subplots(figsize=(7.5, 1.2 + 0.45 * len(table)), dpi=80, layout="constrained")
    share_bars(axes, list(table["recovered"]))
    axes.set_yticks(range(len(table)), list(table["case"]))
    axes.invert_yaxis()
    axes.set_xlabel("records recovered in every value (share)")
    axes.spines[["top", "right"]].set_visible(False)
    most, least = table["recovered"].idxmax(), table["recovered"].idxmin()
    figure.suptitle(
        f'Recovered: {percent(table["recovered"][most])} with "{table["case"][most]}",\n'
        f'{percent(table["recovered"][least])} with "{table["case"][least]}"',
        x=0.01,
        ha="left",
    )
    plt.close(figure)
    return figure


def plot_recovered(
    found: GradientInversion, names: Sequence[str] | None = None, *, record: int = 0, most: int = 20
) -> Figure:
    """Draw the values of one record beside those that the server recovered. For invented records only.

    Args:
        found: what was measured.
        names: of the columns; None numbers them.
        record: which of the first batch.
        most: columns drawn, those in which the record is furthest from 0 first.

    Raises:
        UserError: if there is no such record.
    """
    import matplotlib.pyplot as plt

    if not 0 <= record < len(found.truth):
        raise UserError(f"record={record}: the first batch has {len(found.truth)} records, from 0.")
    truth, got = found.truth[record], found.rows[record]
    shown = np.sort(np.argsort(-np.abs(truth), kind="stable")[:most])
    labels = [str(number) for number in range(len(truth))] if names is None else [str(name) for name in names]
    figure, axes = plt.subplots(figsize=(7.5, 1.2 + 0.24 * len(shown)), dpi=80, layout="constrained")
    places = np.arange(len(shown))
    axes.hlines(places, 0, truth[shown], color=GUIDE, linewidth=1)
    axes.plot(
        truth[shown], places, "o", color=SCORE, markersize=9, markerfacecolor="none", label="the record"
    )
    axes.plot(got[shown], places, "x", color=RISK, markersize=7, label="recovered by the server")
    axes.axvline(0, color="black", linewidth=0.8)
    axes.set_yticks(places, [labels[place] for place in shown])
    axes.invert_yaxis()
    axes.set_xlabel("value (deviations from the mean; 0 or 1 for a category)")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
    apart = float(np.sqrt(np.mean((truth - got) ** 2)))
    far = "under 0.01" if apart < TOLERANCE else f"{apart:.2f}"
    told = (
        "From one update the server recovers nothing"
        if np.isnan(apart)
        else f"What the server recovers from one update is {far} deviations away from the record"
    )
    figure.suptitle(told, x=0.01, ha="left")
    plt.close(figure)
    return figure
