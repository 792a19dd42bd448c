"""Pictures of the answers to poisoning, each with a title computed from its data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from secure_ai.attack.poisoning import BackdoorResult
from secure_ai.attack.targets import open_target
from secure_ai.core import Measurement, UserError
from secure_ai.core.figures import GUIDE, RISK, SCORE, percent, share_bars
from secure_ai.defend.poisoning.activations import DIMENSIONS, activations_of, leading_coordinates
from secure_ai.defend.poisoning.influence import InfluenceRanking
from secure_ai.defend.poisoning.sources import SourceTest

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def plot_activations(network: Any, rows: Any, labels: Any, suspicious: Any, label: Any) -> Figure:
    """Draw the training rows of one class by two directions of the last hidden layer.

    Of the leading directions those two are drawn in which the suspicious rows stand out most; the two first
    ones if none is suspicious.

    Rows whose label the network itself does not believe (label noise) are left out, as in the search.

    Args:
        network: the trained network.
        rows: its training rows.
        labels: (rows,) their labels.
        suspicious: (rows,) booleans, such as ``find_marker(...).suspicious``.
        label: the class.

    Raises:
        UserError: if no row has that label.
    """
    import matplotlib.pyplot as plt

    inside = np.flatnonzero(np.asarray(labels).ravel() == label)
    if len(inside):
        inside = inside[open_target(network).labels(np.asarray(rows)[inside]) == label]
    if len(inside) < 3:
        raise UserError("The network gives fewer than three rows that label as theirs: choose another class.")
    marks = np.asarray(suspicious, dtype=bool)[inside]
    places = leading_coordinates(activations_of(network, np.asarray(rows)[inside]), DIMENSIONS)
    if places.shape[1] < 2:
        places = np.column_stack([places[:, 0], np.zeros(len(places))])
    drawn = np.array([0, 1])
    if marks.any() and not marks.all():
        apart = np.abs(places[marks].mean(axis=0) - places[~marks].mean(axis=0))
        drawn = np.sort(np.argsort(-apart / np.maximum(places[~marks].std(axis=0), 1e-9), kind="stable")[:2])
    places = places[:, drawn]
    figure, axes = plt.subplots(figsize=(7, 4.5), dpi=80, layout="constrained")
    axes.scatter(*places[~marks].T, s=12, color=SCORE, alpha=0.5, label=f"other rows ({(~marks).sum():,})")
    axes.scatter(*places[marks].T, s=28, color=RISK, marker="x", label=f"suspicious rows ({marks.sum():,})")
    axes.set_xlabel(f"direction {drawn[0] + 1} of the last hidden layer (activation)")
    axes.set_ylabel(f"direction {drawn[1] + 1} (activation)")
    axes.set_title(
        f"{marks.sum():,} of {len(marks):,} training rows of this class carry the same mark"
        if marks.any()
        else f"None of {len(marks):,} training rows of this class is suspicious",
        loc="left",
    )
    figure.legend(frameon=False, loc="outside lower center", ncols=2)
    axes.spines[["top", "right"]].set_visible(False)
    plt.close(figure)
    return figure


def plot_influence(found: InfluenceRanking, changed: Any | None = None) -> Figure:
    """Draw the harm of each training row, the worst first; with ``changed`` how many of these are found."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(8, 4), dpi=80, layout="constrained")
    looked = np.arange(1, len(found.order) + 1) / len(found.order)
    if changed is None:
        axes.plot(looked, found.harm[found.order], color=RISK)
        axes.axhline(0, color=GUIDE, linestyle=":")
        axes.set_ylabel("harm to trusted rows (cross-entropy, nats)")
        harmful = float((found.harm > 0).mean())
        axes.set_title(f"{percent(harmful)} of training rows harm the trusted ones", loc="left")
    else:
        marks = np.asarray(changed, dtype=bool)[found.order]
        axes.plot(looked, marks.cumsum() / max(marks.sum(), 1), color=RISK, label="ranked by influence")
        axes.plot([0, 1], [0, 1], "--", color=GUIDE, label="in any order")
        axes.set_ylabel("share of changed rows among them")
        axes.set_title(
            f"In the first 10% of the ranking stand {percent(found.found(changed))} of the changed rows",
            loc="left",
        )
        axes.legend(frameon=False)
    axes.set_xlabel("share of training rows that were looked at")
    axes.spines[["top", "right"]].set_visible(False)
    plt.close(figure)
    return figure


def plot_sources(found: SourceTest) -> Figure:
    """Draw for each source how many of its labels a model of all other sources contradicts."""
    import matplotlib.pyplot as plt

    table = found.table.iloc[::-1]
    figure, axes = plt.subplots(figsize=(8, 0.35 * len(table) + 1.6), dpi=80, layout="constrained")
    share_bars(axes, list(table["errors"]))
    axes.set_yticks(
        range(len(table)),
        [
            f"{name} (differs)" if alarm else str(name)
            for name, alarm in zip(table["source"], table["alarm"], strict=True)
        ],
    )
    axes.set_xlabel("share of the source's labels that a model of all others contradicts")
    alarms = int(found.table["alarm"].sum())
    axes.set_title(f"{alarms} of {len(table)} sources differ from the others", loc="left")
    axes.spines[["top", "right"]].set_visible(False)
    plt.close(figure)
    return figure


def plot_sanitizing(before: BackdoorResult, after: BackdoorResult) -> Figure:
    """Draw the success of the trigger and clean accuracy before and after cleaning."""
    import matplotlib.pyplot as plt

    pairs = [("trigger obeyed", before.success, after.success)]
    if isinstance(before.accuracy, Measurement) and isinstance(after.accuracy, Measurement):
        pairs.append(("accuracy on clean rows", before.accuracy, after.accuracy))
    names = [f"{name}, {when}" for name, *_ in pairs for when in ("before", "after")][::-1]
    shares = [one.value for _, *both in pairs for one in both][::-1]
    figure, axes = plt.subplots(figsize=(8, 0.45 * len(names) + 1.4), dpi=80, layout="constrained")
    share_bars(axes, shares)
    axes.set_yticks(range(len(names)), names)
    axes.set_xlabel("share of held-out rows")
    axes.set_title(
        f"Cleaned and trained again, {percent(after.success.value)} of rows obey the trigger instead of "
        f"{percent(before.success.value)}",
        loc="left",
    )
    axes.spines[["top", "right"]].set_visible(False)
    plt.close(figure)
    return figure
