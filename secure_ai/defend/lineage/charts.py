"""Lineage as a picture: data sets from left to right, those that were reached in color and hatch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from secure_ai.core.figures import GUIDE, HATCH, RISK, SCORE

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from secure_ai.defend.lineage.tracing import Trace

_WIDTH, _HEIGHT = 0.84, 0.62
# More boxes than these cannot be read: then one box stands for all versions of a data set.
_MOST_BOXES = 28


def trace_finding(trace: Trace) -> str:
    """Say what a trace found, from its figures alone."""
    more = "" if trace.exact else " Some steps link no rows, so more is named than may have been touched."
    return (_forward(trace) if trace.direction == "forward" else _back(trace)) + more


def plot_trace(trace: Trace) -> Figure:
    """Draw the data sets, models and predictions from sources on the left; what was reached is hatched."""
    import matplotlib.pyplot as plt
    from matplotlib.patches import FancyArrowPatch, Rectangle

    groups, edges = _boxes(trace)
    places = _places(list(groups), edges)
    columns = max((x for x, _ in places.values()), default=0) + 1
    rows = max((y for _, y in places.values()), default=0) + 1
    figure, axes = plt.subplots(
        figsize=(1.2 + 2.1 * columns, 1.4 + 0.85 * rows), dpi=80, layout="constrained"
    )
    color = RISK if trace.direction == "forward" else SCORE
    hit = {name for name, members in groups.items() if any(one in trace.reached for one in members)}
    for start, end in edges:
        both = start in hit and end in hit
        axes.add_patch(
            FancyArrowPatch(
                (places[start][0] + _WIDTH / 2, -places[start][1]),
                (places[end][0] - _WIDTH / 2, -places[end][1]),
                arrowstyle="-|>", mutation_scale=10, linewidth=1.6 if both else 0.9,
                color=color if both else GUIDE, linestyle="-" if both else ":",
            )
        )  # fmt: skip
    for name, members in groups.items():
        x, y = places[name]
        reached = name in hit
        edge, face = (color, "white") if reached else (GUIDE, "#f2f2f2")
        corner = (x - _WIDTH / 2, -y - _HEIGHT / 2)
        axes.add_patch(Rectangle(corner, _WIDTH, _HEIGHT, facecolor=face, edgecolor=edge, linewidth=1.8))
        if reached:
            band = Rectangle(
                corner, 0.06, _HEIGHT, facecolor=color, edgecolor="white", hatch=HATCH, linewidth=0
            )
            axes.add_patch(band)
        axes.text(x + 0.03, -y, _label(trace, members), ha="center", va="center", fontsize=8)
    axes.set_xlim(-0.6, columns - 0.4)
    axes.set_ylim(-rows + 0.4, 0.6)
    axes.axis("off")
    axes.set_title(_title(trace), loc="left", fontsize=10)
    plt.close(figure)
    return figure


def _boxes(trace: Trace) -> tuple[dict[str, list[str]], list[tuple[str, str]]]:
    """Return box → its versions, and the arrows between boxes."""
    graph = trace.graph
    each = len(graph.datasets) <= _MOST_BOXES
    box = {one.id: one.id if each else one.name for one in graph.datasets.values()}
    groups: dict[str, list[str]] = {}
    for dataset, name in box.items():
        groups.setdefault(name, []).append(dataset)
    pairs = ((box[start], box[step.output]) for step in graph.steps for start in step.inputs)
    return groups, [pair for pair in dict.fromkeys(pairs) if pair[0] != pair[1]]


def _places(names: list[str], edges: list[tuple[str, str]]) -> dict[str, tuple[int, int]]:
    """Return column and row of each box: a column is the longest way from a source."""
    depth = dict.fromkeys(names, 0)
    # As many rounds as boxes are enough without a circle, and end with one.
    for _ in names:
        moved = False
        for start, end in edges:
            if depth[end] < depth[start] + 1 <= len(names):
                depth[end], moved = depth[start] + 1, True
        if not moved:
            break
    # A source stands beside what it feeds, not at the far left.
    for name in names:
        feeds = [depth[end] for start, end in edges if start == name]
        if feeds and depth[name] == 0:
            depth[name] = max(0, min(feeds) - 1)
    columns = {value: place for place, value in enumerate(sorted(set(depth.values())))}
    filled: dict[int, int] = {}
    places = {}
    for name in names:
        column = columns[depth[name]]
        places[name] = (column, filled.setdefault(column, 0))
        filled[column] += 1
    return places


def _label(trace: Trace, members: list[str]) -> str:
    one = trace.graph.dataset(members[0])
    name = one.name if len(one.name) <= 20 else one.name[:19] + "…"
    reached = [member for member in members if member in trace.reached]
    if len(members) > 1:
        return f"{name}\n{len(reached)} of {len(members)} versions"
    second = one.version[:12]
    if one.kind == "model":
        return f"{name}\nmodel {second}"
    rows = trace.reached.get(one.id)
    count = "rows not known" if one.count is None else f"{one.count:,} rows"
    if rows is not None and one.count is not None:
        count = f"{len(rows):,} of {one.count:,} rows"
    return f"{name}\n{second}\n{count}"


def _title(trace: Trace) -> str:
    models, predictions = trace.counts("model"), trace.counts("predictions")
    if trace.direction == "forward":
        versions = _plural(int(models["of_versions"].sum()), "model version")
        return (
            f"{_start_words(trace)} reached {models['versions'].sum()} of {versions}\n"
            f"and {predictions['rows'].sum():,} of {predictions['of_rows'].sum():,} predictions"
        )
    sources = trace.counts("source")
    return (
        f"{_start_words(trace)} rests on {_plural(int(models['versions'].sum()), 'model version')}\n"
        f"and {_plural(int(sources['rows'].sum()), 'row')} of the sources"
    )


def _forward(trace: Trace) -> str:
    if not trace.models and not trace.counts("predictions")["rows"].sum():
        return f"{_start_words(trace)} went into no model and no prediction."
    models = [
        f"{row.versions} of {_plural(row.of_versions, 'version')} of the model {row.name}"
        for row in trace.counts("model").itertuples()
        if row.versions
    ]
    predictions = trace.counts("predictions")
    said = f"{_start_words(trace)} went into {_joined(models) or 'no model'}"
    return (
        f"{said} and touched {predictions['rows'].sum():,} of "
        f"{_plural(int(predictions['of_rows'].sum()), 'prediction')}."
    )


def _back(trace: Trace) -> str:
    tables = [
        f"{_plural(row.rows, 'row')} of {row.name}"
        for kind in ("table", "source")
        for row in trace.counts(kind).itertuples()
        if row.rows
    ]
    whole = [one for one, rows in trace.reached.items() if rows is None]
    tables += [f"all of {trace.graph.dataset(one).name} (rows not known)" for one in whole]
    models = [one for one in trace.models if one not in trace.start]
    through = f" through {_joined(models)}" if models else ""
    return f"{_start_words(trace)} rests{through} on {_joined(tables) or 'nothing that is recorded'}."


def _start_words(trace: Trace) -> str:
    names = list(dict.fromkeys(trace.graph.dataset(one.partition("#")[0]).name for one in trace.start))
    wholes = [one for one in trace.start if "#" not in one]
    if wholes:
        return f"All of {_joined(names)}"
    models = [one for one in trace.start if trace.graph.dataset(one.partition("#")[0]).kind == "model"]
    if len(models) == len(trace.start):
        return f"The model {_joined([one.partition('#')[0] for one in models])}"
    versions = len({one.partition("#")[0] for one in trace.start})
    spread = f" (in {versions} versions)" if versions > len(names) else ""
    return f"{_plural(len(trace.start), 'row')} of {_joined(names)}{spread}"


def _plural(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def _joined(words: list[str]) -> str:
    return words[0] if len(words) == 1 else " and ".join([", ".join(words[:-1]), words[-1]]) if words else ""
