"""Pictures of a release: risk before and after, class sizes, what each k costs; titles from the data."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from secure_ai.anonymize.minimize.result import METRIC_NAMES
from secure_ai.core.figures import GUIDE, HATCH, RISK, SCORE, percent
from secure_ai.core.sources import shown

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from secure_ai.anonymize.tabular.frontier import Frontier
    from secure_ai.anonymize.tabular.full_domain import FullDomain
    from secure_ai.anonymize.tabular.partitioning import Partitioning
    from secure_ai.anonymize.tabular.risk import ReidentificationRisk

# Least class sizes of the bars: a record that is alone, one of two, one of three or four ...
SIZES = (1, 2, 3, 5, 10, 20, 50, 100)
RISK_TICKS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)


def risk_bins(before: ReidentificationRisk, after: ReidentificationRisk | None) -> pd.DataFrame:
    """Count records by their risk, before and after.

    Args:
        before: risk of the table as it was.
        after: risk of the released table; None if nothing was released.

    Returns:
        One row per bin, the highest risk first: ``risk`` (text), ``records_before``, ``share_before``,
        ``records_after``, ``share_after`` (shares of the records of that table).
    """
    rows = []
    for low, high in zip(SIZES, [*SIZES[1:], math.inf], strict=True):
        counts = []
        for risk in (before, after):
            sizes = None if risk is None else risk.class_sizes
            inside = 0
            if sizes is not None:
                chosen = (sizes["class_size"] >= low) & (sizes["class_size"] < high)
                inside = int(sizes.loc[chosen, "records"].sum())
            counts += [inside, inside / risk.n if risk is not None else 0.0]
        label = "1 in 1" if low == 1 else f"1 in {low}" if high == low + 1 else f"1 in {low} to {high - 1}"
        rows.append((f"1 in {low} or less" if high == math.inf else label, *counts))
    names = ["risk", "records_before", "share_before", "records_after", "share_after"]
    return pd.DataFrame(rows, columns=names)


def risk_title(before: ReidentificationRisk, after: ReidentificationRisk | None) -> str:
    """Say in a line what the histogram of risks shows."""
    if after is None:
        return f"Unique records: {percent(before.uniques / before.n)} before; nothing was released"
    return (
        f"Records that can be traced for sure: {percent(before.uniques / before.n)} before, "
        f"{percent(after.uniques / after.n)} after; the easiest record: {_one_in(before.k)} before, "
        f"{_one_in(after.k)} after"
    )


def risk_sentence(before: ReidentificationRisk, after: ReidentificationRisk | None) -> str:
    """Say what the histogram of risks shows, with the share above the threshold and the average."""
    first = (
        f"Before, {percent(before.prosecutor.records_at_risk.value)} of {before.n:,} records had a risk "
        f"above {before.threshold:g}, and an attacker who knows the quasi-identifiers would trace "
        f"{percent(before.prosecutor.success_rate.value)} of all records."
    )
    if after is None:
        return f"{first} Nothing was released."
    return (
        f"{first} After, {percent(after.prosecutor.records_at_risk.value)} of {after.n:,} records are above "
        f"it, and {percent(after.prosecutor.success_rate.value)} would be traced."
    )


def plot_risk(before: ReidentificationRisk, after: ReidentificationRisk | None) -> Figure:
    """Draw the share of records by their risk, before and after."""
    import matplotlib.pyplot as plt

    bins = risk_bins(before, after)
    figure, axes = plt.subplots(figsize=(8, 4), dpi=80, layout="constrained")
    places, width = np.arange(len(bins)), 0.4
    for side, color, hatch, shift in (("before", RISK, HATCH, -width / 2), ("after", SCORE, None, width / 2)):
        shares = bins[f"share_{side}"]
        axes.bar(places + shift, shares, width, color=color, hatch=hatch, edgecolor="white", label=side)
        for place, share in zip(places, shares, strict=True):
            if share >= 0.003:  # a smaller bar cannot be seen, and its label would stand in the next one
                axes.annotate(percent(share), (place + shift, share), (0, 3), textcoords="offset points",
                              ha="center", fontsize=8)  # fmt: skip
    safe = next((i for i, size in enumerate(SIZES) if 1 / size <= before.threshold), None)
    if safe:
        axes.axvline(safe - 0.5, color=GUIDE, linestyle=":", linewidth=1.2)
        axes.annotate(
            f"← risk above {before.threshold:g}", (safe - 0.5, 1.0), (-6, -12), ha="right", va="top",
            xycoords=("data", "axes fraction"), textcoords="offset points", fontsize=9, color=GUIDE,
        )  # fmt: skip
    axes.set_xticks(places, [text.replace(" or", "\nor").replace(" to", "\nto") for text in bins["risk"]])
    axes.set_ylim(0, 1.25 * max(bins[["share_before", "share_after"]].to_numpy().max(), 0.01))
    axes.set_yticks([tick for tick in axes.get_yticks() if tick <= 1])
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    axes.set_xlabel("chance that a record is traced by someone who knows its quasi-identifiers")
    axes.set_ylabel("records")
    figure.legend(frameon=False, loc="outside lower right", ncols=2)
    return _finished(figure, risk_title(before, after))


def class_size_bins(partitioning: Partitioning) -> pd.DataFrame:
    """Count classes and records by class size in multiples of k.

    Returns:
        One row per bin: ``size`` (text), ``classes``, ``records``, ``share`` (of the released records).
    """
    k, sizes = partitioning.requirements.k, partitioning.class_sizes
    ends = [1, 1.5, 2, 3, 5, 10, math.inf]
    rows = []
    for low, high in itertools.pairwise(ends):
        first, last = math.ceil(low * k), (high * k if high == math.inf else math.ceil(high * k) - 1)
        if last < first:
            continue
        inside = sizes[(sizes >= first) & (sizes <= last)]
        label = f"{first:,} or more" if last == math.inf else f"{first:,} to {last:,}"
        records = int(inside.sum())
        label = f"{first:,}" if first == last else label
        rows.append((label, len(inside), records, records / sizes.sum() if len(sizes) else 0.0))
    return pd.DataFrame(rows, columns=["size", "classes", "records", "share"])


def class_sizes_title(partitioning: Partitioning) -> str:
    """Say in a line what the picture of class sizes shows."""
    sizes, k = partitioning.class_sizes, partitioning.requirements.k
    if not len(sizes):
        return f"No class reaches k = {k:,}: nothing was released"
    tight = sizes[sizes < 2 * k].sum() / sizes.sum()
    return f"{percent(tight)} of the records are in classes below twice k; the smallest has {sizes.min():,}"


def class_sizes_sentence(partitioning: Partitioning) -> str:
    """Say what the picture of class sizes shows: classes above k hide more than was asked, at a cost."""
    sizes, k = partitioning.class_sizes, partitioning.requirements.k
    if not len(sizes):
        return "Nothing was released, so there are no classes."
    return (
        f"{len(sizes):,} classes hold {sizes.mean():,.1f} records on average, {sizes.mean() / k:,.1f} times "
        f"the {k:,} that was asked; the largest holds {sizes.max():,}, "
        f"{percent(sizes.max() / sizes.sum())} of what is released."
    )


def plot_class_sizes(partitioning: Partitioning) -> Figure:
    """Draw the share of records by the size of their class, in multiples of k."""
    import matplotlib.pyplot as plt

    bins = class_size_bins(partitioning)
    figure, axes = plt.subplots(figsize=(8, 0.9 + 0.42 * len(bins)), dpi=80, layout="constrained")
    places = np.arange(len(bins))[::-1]
    axes.barh(places, bins["share"], color=SCORE)
    for place, row in zip(places, bins.itertuples(), strict=True):
        text = f"{percent(row.share)}: {row.classes:,} {'class' if row.classes == 1 else 'classes'}"
        axes.annotate(text, (row.share, place), (4, 0), textcoords="offset points", va="center", fontsize=9)
    axes.set_yticks(places, bins["size"])
    axes.set_xlim(0, 1.3 * max(bins["share"].max(), 0.01))
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:.0%}" if value <= 1 else "")
    axes.set_ylabel("records in the class")
    axes.set_xlabel("share of the released records")
    return _finished(figure, class_sizes_title(partitioning))


def column_losses_title(by_column: dict[str, float]) -> str:
    """Say in a line which column paid most."""
    most = max(by_column, key=by_column.__getitem__)
    if not by_column[most]:
        return "No column had to be made coarser"
    return f"'{most}' lost most: its cells cover {percent(by_column[most])} of the column on average"


def plot_column_losses(by_column: dict[str, float]) -> Figure:
    """Draw how coarse each quasi-identifier became: NCP by column."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(8, 0.9 + 0.42 * len(by_column)), dpi=80, layout="constrained")
    ordered = sorted(by_column.items(), key=lambda item: item[1])
    axes.barh(range(len(ordered)), [loss for _, loss in ordered], color=RISK, hatch=HATCH, edgecolor="white")
    # A dollar sign in a name would begin a formula.
    axes.set_yticks(range(len(ordered)), [shown(name) for name, _ in ordered], parse_math=False)
    for place, (_, loss) in enumerate(ordered):
        axes.annotate(
            percent(loss), (loss, place), (4, 0), textcoords="offset points", va="center", fontsize=9
        )
    axes.set_xlim(0, 1.15 * max(*by_column.values(), 0.01))
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:.0%}" if value <= 1 else "")
    axes.set_xlabel("how much of its column a cell covers on average (NCP)")
    return _finished(figure, column_losses_title(by_column))


def levels_title(found: FullDomain) -> str:
    """Say in a line which levels were chosen."""
    frame = found.to_frame()
    gone = frame[frame["released_values"] == 1]["column"].tolist()
    kept = frame[frame["level"] == 0]["column"].tolist()
    parts = []
    if kept:
        parts.append(f"{', '.join(kept)} could stay as {'it is' if len(kept) == 1 else 'they are'}")
    if gone:
        parts.append(f"of {', '.join(gone)} nothing is left")
    return "; ".join(parts) or "Every column had to be made coarser, and something of each is left"


def plot_levels(found: FullDomain) -> Figure:
    """Draw for each column the levels of its hierarchy and the one that was chosen."""
    import matplotlib.pyplot as plt

    frame = found.to_frame().iloc[::-1].reset_index(drop=True)
    figure, axes = plt.subplots(figsize=(8, 1.1 + 0.42 * len(frame)), dpi=80, layout="constrained")
    for place, row in enumerate(frame.itertuples()):
        axes.plot([0, row.levels - 1], [place, place], color=GUIDE, linewidth=1, zorder=1)
        axes.plot(range(row.levels), [place] * row.levels, "|", color=GUIDE, markersize=9, zorder=1)
        axes.plot(row.level, place, "o", color=RISK, markersize=9, zorder=2)
        text = f"{row.values:,} → {row.released_values:,} values"
        axes.annotate(text, (row.levels - 1, place), (10, 0), textcoords="offset points", va="center",
                      fontsize=9)  # fmt: skip
    axes.set_yticks(range(len(frame)), [shown(name) for name in frame["column"]], parse_math=False)
    axes.set_ylim(-0.6, len(frame) - 0.4)
    highest = int(frame["levels"].max()) - 1
    axes.set_xlim(-0.2, highest * 1.3 + 0.4)
    axes.set_xticks(range(highest + 1))
    axes.set_xlabel("level: 0 as it is; the last of each line is *, nothing left")
    return _finished(figure, levels_title(found))


def frontier_title(found: Frontier) -> str:
    """Say in a line what more privacy costs."""
    points = found.points
    if not len(points):
        return "No k could be reached"
    first, last = (points.iloc[place].to_dict() for place in (0, -1))
    first["k"], last["k"] = int(first["k"]), int(last["k"])
    if found.before is None:
        return (
            f"From k = {first['k']:,} to {last['k']:,} the highest risk falls from "
            f"{percent(first['highest_risk'])} to {percent(last['highest_risk'])}, and NCP grows "
            f"from {first['ncp']:.3f} to {last['ncp']:.3f}"
        )
    name = METRIC_NAMES[found.before.name]
    return (
        f"{name} {found.before.value:.3f} before, {first['score']:.3f} at k = {first['k']:,}, "
        f"{last['score']:.3f} at k = {last['k']:,} (risk {percent(last['highest_risk'])})"
    )


def frontier_sentence(found: Frontier) -> str:
    """Say what the frontier shows: the largest k that these rows cannot tell from the table as it was."""
    points = found.points
    if not len(points):
        return "No k could be reached with these requirements."
    steps = "; ".join(
        f"k = {row.k:,}: highest risk {percent(row.highest_risk)}, NCP {row.ncp:.3f}"
        + (f", {METRIC_NAMES[found.before.name]} {row.score:.3f}" if found.before is not None else "")
        for row in points.itertuples()
    )
    missing = f" Not reached: {', '.join(f'k = {k:,}' for k in found.unreached)}." if found.unreached else ""
    if found.before is None:
        return f"{steps}.{missing}"
    # As far as every smaller k is free as well.
    free = points[(points["high"] >= 0).cummin()]
    verdict = (
        f" Up to k = {free['k'].max():,} these {found.before.n:,} rows show no loss of score beyond chance."
        if len(free)
        else " Even the smallest k costs more score than chance explains."
    )
    return f"{steps}.{verdict}{missing}"


def plot_frontier(found: Frontier) -> Figure:
    """Draw the risk-utility frontier: score and information loss against the highest risk that is left."""
    import matplotlib.pyplot as plt

    points, scored = found.points, found.before is not None
    figure, panels = plt.subplots(
        1, 1 + scored, figsize=(9 if scored else 6.5, 4), dpi=80, layout="constrained", squeeze=False
    )
    loss = panels[0, -1]
    loss.plot(points["highest_risk"], points["ncp"], "-s", color=RISK, markersize=6)
    loss.set_ylabel("information loss (NCP)")
    loss.set_ylim(0, 1.15 * max(points["ncp"].max(), 0.01) if len(points) else 1)
    if scored:
        score = panels[0, 0]
        middle = points["score"]
        score.errorbar(points["highest_risk"], middle, yerr=[middle - points["score_low"],
                       points["score_high"] - middle], fmt="-o", color=SCORE, capsize=3)  # fmt: skip
        name = METRIC_NAMES[found.before.name]
        score.axhline(found.before.value, color=GUIDE, linestyle="--", linewidth=1.2,
                      label=f"the table as it was: {found.before.value:.3f}")  # fmt: skip
        figure.legend(frameon=False, loc="outside lower left", fontsize=9)
        score.set_ylabel(f"{name} on held-out rows (95% interval)")
    for axes, column in zip(panels[0], ["score", "ncp"][1 - scored :], strict=True):
        # Several k may lead to the same release: they share a point, and its label.
        heights = ["score_low", "score_high"] if column == "score" else []
        labels = points.groupby(["highest_risk", column, *heights], sort=False)["k"].agg(list)
        for number, ((risk, height, *ends), ks) in enumerate(labels.items()):
            text = f"k = {', '.join(f'{k:,}' for k in ks)}"
            if ends:
                # At the ends of the interval nothing crosses them; neighbors stand at different ends.
                above = number % 2 == 0
                place, shift = (risk, ends[above]), (0, 3 if above else -3)
                side = {"ha": "center", "va": "bottom" if above else "top"}
            else:
                place, shift, side = (risk, height), (6, 3), {}
            axes.annotate(text, place, shift, textcoords="offset points", fontsize=9, **side)
        axes.set_xscale("log")
        axes.margins(x=0.14, y=0.12)
        low, high = axes.get_xlim()
        axes.set_xticks([tick for tick in RISK_TICKS if low <= tick <= high])
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:.0%}" if value >= 0.01 else f"{value:.1%}")
        axes.minorticks_off()
        axes.set_xlabel("highest risk of a record that is left")
    return _finished(figure, frontier_title(found))


def _one_in(size: int) -> str:
    return "certain" if size == 1 else f"1 in {size:,}"


def _finished(figure: Figure, title: str) -> Figure:
    import textwrap

    import matplotlib.pyplot as plt

    width = int(figure.get_figwidth() * 10.5)
    # A dollar sign would begin a formula.
    lines = "\n".join(textwrap.wrap(title.replace("$", r"\$"), width))
    figure.suptitle(lines, x=0.01, ha="left", fontsize=11.5)
    for axes in figure.axes:
        axes.spines[["top", "right"]].set_visible(False)
    plt.close(figure)
    return figure
