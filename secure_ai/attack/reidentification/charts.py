"""Pictures of attacks on released tables, each with a title computed from its data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from secure_ai.attack.reidentification.background import COLUMN, RULED_OUT, BackgroundKnowledge
from secure_ai.attack.reidentification.counts import CountDifference
from secure_ai.attack.reidentification.homogeneity import Homogeneity
from secure_ai.attack.reidentification.intersection import Intersection
from secure_ai.attack.reidentification.linkage import Linkage
from secure_ai.attack.reidentification.singling_out import SinglingOut
from secure_ai.core import Measurement, UserError
from secure_ai.core.figures import GUIDE, HATCH, RISK, SCORE, percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_VALUES = 8


def plot_linkage(found: Linkage | Sequence[Linkage]) -> Figure:
    """Draw the share of records that are named, rightly and wrongly, for one or several sets of columns."""
    links = [found] if isinstance(found, Linkage) else list(found)
    if not links:
        raise UserError("There is no linkage to draw: give at least one.")
    figure, axes = _figure(8, 1.4 + 0.6 * len(links))
    places = np.arange(len(links))[::-1]
    scored = all(isinstance(link.identified, Measurement) for link in links)
    named = np.array([link.named.value for link in links])
    right = np.array([link.identified.value if scored else 0.0 for link in links])  # type: ignore[union-attr]
    if scored:
        axes.barh(places, right, color=RISK, hatch=HATCH, edgecolor="white", label="named rightly")
        axes.barh(places, named - right, left=right, color=GUIDE, label="named wrongly")
        controls = [link.named.control for link in links]
        if all(control is not None for control in controls):
            axes.scatter(
                controls,
                places,
                marker="|",
                s=220,
                color="black",
                zorder=3,
                label="control: named by a register without these people",
            )
    else:
        axes.barh(places, named, color=SCORE, label="fit exactly one person")
    for place, share, good in zip(places, named, right, strict=True):
        label = f"{percent(good)} rightly, {percent(share - good)} wrongly" if scored else percent(share)
        axes.annotate(label, (share, place), (6, 0), textcoords="offset points", va="center", fontsize=9)
    axes.set_yticks(places, [" + ".join(link.columns) for link in links])
    _share_axis(axes, "share of the records of the release")
    axes.set_xlim(0, 1.35)
    best = int(np.argmax(right if scored else named))
    verb = "rightly name" if scored else "fit exactly one person for"
    share = (right if scored else named)[best]
    _title(
        figure,
        f"{_listed(links[best].columns)} {verb} {percent(share)} of {links[best].records:,} records",
    )
    axes.legend(
        frameon=False, loc="upper center", bbox_to_anchor=(0.45, -0.32 / (0.5 + 0.35 * len(links))), ncols=3
    )
    return _closed(figure)


def plot_homogeneity(found: Homogeneity) -> Figure:
    """Draw how many people are in classes where so much of the class has one value."""
    figure, axes = _figure(8, 3.6)
    edges = np.linspace(0, 1, 11)
    bins = np.minimum((found.classes["top_share"].to_numpy() * 10 + 1e-9).astype(int), 9)
    all_alike = found.classes["top_share"].to_numpy() >= 1 - 1e-9
    sizes = found.classes["class_size"].to_numpy()
    people = np.append(np.bincount(bins[~all_alike], sizes[~all_alike], minlength=10), sizes[all_alike].sum())
    labels = [*(f"{low:.0%}\nand more" for low in edges[:-1]), "all"]
    reached = np.append(edges[:-1] >= found.threshold - 1e-9, True)
    for chosen, color, hatch in ((~reached, SCORE, ""), (reached, RISK, HATCH)):
        bars = axes.bar(np.flatnonzero(chosen), people[chosen], color=color, hatch=hatch, edgecolor="white")
        axes.bar_label(bars, [f"{value:,.0f}" for value in people[chosen]], fontsize=9, padding=2)
    axes.set_xticks(range(11), labels, fontsize=8)
    axes.set_xlabel(f"share of a class that has its most frequent '{found.sensitive}', up to the next bar")
    axes.set_ylabel("people")
    axes.margins(y=0.15)
    _title(
        figure,
        f"With k = {found.k:,}, the '{found.sensitive}' of {found.learned_records:,} of {found.learned.n:,} "
        f"people ({percent(found.learned.value)}) is learned",
    )
    return _closed(figure)


def plot_background_knowledge(found: BackgroundKnowledge) -> Figure:
    """Draw the share of people whose secret is learned over the number of facts that are known."""
    curve = found.curve
    start = curve.iloc[[0]]
    kinds = [kind for kind in (RULED_OUT, COLUMN) if ((curve["kind"] == kind) & (curve["facts"] > 0)).any()]
    figure, panels = _figure(8, 3.6, columns=max(len(kinds), 1))
    words = {RULED_OUT: "other values ruled out", COLUMN: "further columns known"}
    import pandas as pd

    for axes, kind in zip(np.atleast_1d(panels), kinds or [RULED_OUT], strict=True):
        rows = curve[(curve["kind"] == kind) & (curve["facts"] > 0)]
        rows = pd.concat([start, rows])
        axes.plot(rows["facts"], rows["learned"], "-o", color=RISK, label="with the release")
        axes.plot(rows["facts"], rows["control"], "--s", color=GUIDE, label="values exchanged (control)")
        axes.plot(rows["facts"], rows["baseline"], ":^", color=SCORE, label="without the release")
        axes.set_xticks(rows["facts"])
        axes.set_xlabel(words[kind])
        _share_axis(axes, "", vertical=True)
    first = np.atleast_1d(panels)[0]
    first.set_ylabel(f"people whose '{found.sensitive}'\nis {percent(found.threshold)} certain")
    first.legend(frameon=False, fontsize=9)
    most = curve.loc[curve["learned"].idxmax()]
    fact = "values ruled out" if most["kind"] == RULED_OUT else "more columns"
    _title(
        figure,
        f"'{found.sensitive}' is certain for {percent(start['learned'].iloc[0])} of people by their class "
        f"alone, for {percent(most['learned'])} with {most['facts']} {fact}",
    )
    return _closed(figure)


def plot_intersection(found: Intersection) -> Figure:
    """Draw how many sensitive values are possible for people by either release and by both."""
    figure, axes = _figure(8, 3.6)
    shown = (
        ("first", "first release alone", SCORE, ""),
        ("second", "second release alone", GUIDE, "."),
        ("both", "both together", RISK, HATCH),
    )
    for i, (column, label, color, hatch) in enumerate(shown):
        values = found.possible[column].to_numpy()
        counts = np.bincount(np.minimum(values[values > 0], MOST_VALUES), minlength=MOST_VALUES + 1)[1:]
        axes.bar(
            np.arange(1, MOST_VALUES + 1) + (i - 1) * 0.28, counts / found.people, 0.26,
            color=color, hatch=hatch, edgecolor="white", label=label,
        )  # fmt: skip
    axes.set_xticks(range(1, MOST_VALUES + 1), [*map(str, range(1, MOST_VALUES)), f"{MOST_VALUES} or more"])
    axes.set_xlabel(f"values of '{found.sensitive}' that are possible for a person")
    axes.yaxis.set_major_formatter(lambda share, _: f"{share:.0%}")
    axes.set_ylabel("people")
    axes.legend(frameon=False)
    _title(
        figure,
        f"One release gives away {percent(max(found.learned_first.value, found.learned_second.value))} of "
        f"{found.people:,} people, both together {percent(found.learned.value)}",
    )
    return _closed(figure)


def plot_count_difference(found: CountDifference) -> Figure:
    """Draw how many of the people who came or left are given away, beside baseline and control."""
    if not isinstance(found.exposed, Measurement):
        raise UserError(found.exposed.reason)
    figure, axes = _figure(8, 2.6)
    bars = [
        ("difference of the two tables", found.exposed.value, RISK, HATCH),
        ("one table alone (baseline)", found.exposed.baseline, SCORE, ""),
        ("tables about different people (control)", found.exposed.control or 0.0, GUIDE, ""),
    ]
    _bars(axes, bars, [found.exposed.interval, None, None])
    _share_axis(axes, f"share of the {found.exposed.n:,} people who came or left")
    _title(
        figure,
        f"No count is below {found.smallest_count:,}, and the difference tells the '{found.sensitive}' of "
        f"{percent(found.exposed.value)}",
    )
    return _closed(figure)


def plot_singling_out(found: SinglingOut) -> Figure:
    """Draw how often descriptions made from the release isolate one person, beside chance and control."""
    words = {"value": "class and a unique value", "hash": "class and one in its size"}
    figure, axes = _figure(8, 3.4)
    bars: list[Any] = []
    intervals: list[Any] = []
    for name, figure_ in (("value", found.by_value), ("hash", found.by_hash)):
        if isinstance(figure_, Measurement):
            bars += [
                (f"{words[name]}", figure_.value, RISK, HATCH),
                ("   chance (baseline)", figure_.baseline, SCORE, ""),
                ("   other people (control)", figure_.control or 0.0, GUIDE, ""),
            ]
            intervals += [figure_.interval, None, None]
    _bars(axes, bars, intervals)
    _share_axis(axes, f"share of the descriptions that fit exactly one of {found.people:,} people")
    best = max(found.measurements(), key=lambda m: m.value)
    _title(
        figure,
        f"With k = {found.k:,}, {percent(best.value)} of the descriptions single somebody out, by chance "
        f"{percent(best.baseline)}",
    )
    return _closed(figure)


def _bars(axes: Axes, bars: list[Any], intervals: list[Any]) -> None:
    places = np.arange(len(bars))[::-1]
    for place, (_, value, color, hatch), interval in zip(places, bars, intervals, strict=True):
        axes.barh(place, value, color=color, hatch=hatch, edgecolor="white")
        if interval is not None:
            low, high = interval
            axes.errorbar(
                value, place, xerr=[[max(value - low, 0)], [max(high - value, 0)]], color="black", capsize=3
            )
        end = max(value, interval[1]) if interval is not None else value
        axes.annotate(percent(value), (end, place), (6, 0), textcoords="offset points", va="center")
    axes.set_yticks(places, [label for label, *_ in bars])


def _share_axis(axes: Axes, label: str, *, vertical: bool = False) -> None:
    ticks = [0, 0.25, 0.5, 0.75, 1]
    names = [f"{tick:.0%}" for tick in ticks]
    if vertical:
        axes.set_yticks(ticks, names)
        axes.set_ylim(-0.03, 1.05)
    else:
        axes.set_xticks(ticks, names)
        axes.set_xlim(0, 1.15)
        axes.set_xlabel(label)


def _title(figure: Figure, text: str) -> None:
    figure.suptitle(text, x=0.01, ha="left", fontsize=12)


def _listed(names: Sequence[str]) -> str:
    text = " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else names[0]
    return text[:1].upper() + text[1:]


def _figure(width: float, height: float, *, columns: int = 1) -> tuple[Figure, Any]:
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(
        1, columns, figsize=(width, height), dpi=80, layout="constrained", sharey=True
    )
    for one in np.atleast_1d(axes):
        one.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _closed(figure: Figure) -> Figure:
    import matplotlib.pyplot as plt

    plt.close(figure)
    return figure
