"""Follow rows through the graph, backward or forward, until nothing new is reached."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd

from secure_ai.core.errors import UserError
from secure_ai.defend.lineage.graph import Dataset, LineageGraph, Step
from secure_ai.defend.lineage.jobs import LINK_COLUMNS
from secure_ai.defend.lineage.rows import EVERY_ROW, parse_row_ids

if TYPE_CHECKING:
    from secure_ai.defend.lineage.store import Lineage

Direction = Literal["back", "forward"]


@dataclass(frozen=True)
class Trace:
    """What rows came from, or what they touched.

    Attributes:
        start: the names of the rows (or data sets) that it started from, with those of the same record.
        direction: back or forward.
        table: one row per version of a data set that was reached, the start included: dataset, version, kind,
            rows (reached), of (all its rows), exact (False where a step links no rows, so that all count).
        graph: the whole graph, for the picture.
        reached: ``name@version`` → the rows that were reached; None where rows are not known.
    """

    start: tuple[str, ...]
    direction: Direction
    table: pd.DataFrame
    graph: LineageGraph
    reached: dict[str, np.ndarray | None]

    @property
    def models(self) -> list[str]:
        """The versions of models that were reached, in the order of their recording."""
        return [one for one in self.reached if self.graph.dataset(one).kind == "model"]

    @property
    def exact(self) -> bool:
        """Whether every step on the way links its rows; if not, more is named than was touched."""
        return bool(self.table["exact"].all())

    def rows_of(self, name: str) -> list[str]:
        """Return the names of the rows of the data set ``name`` (all versions) that were reached.

        Raises:
            UserError: if it was not reached.
        """
        versions = [one for one in self.reached if name in (one, self.graph.dataset(one).name)]
        if not versions:
            names = ", ".join(dict.fromkeys(self.graph.dataset(one).name for one in self.reached))
            raise UserError(f"That data set was not reached: choose from {names}.")
        found = []
        for one in versions:
            rows = self.reached[one]
            found += [f"{one}#{row}" for row in rows] if rows is not None else [one]
        return found

    def counts(self, kind: str) -> pd.DataFrame:
        """Return, per name of this kind, reached or not: versions, of_versions, rows, of_rows."""
        all_of = [one for one in self.graph.datasets.values() if one.kind == kind]
        there = self.table.set_index(["dataset", "version"])["rows"]
        rows = []
        for name in dict.fromkeys(one.name for one in all_of):
            versions = [one for one in all_of if one.name == name]
            hit = [one for one in versions if one.id in self.reached]
            touched = sum(int(there.get((one.name, one.version), 0)) for one in hit)
            total = sum(one.count or 0 for one in versions)
            rows.append((name, len(hit), len(versions), touched, total))
        return pd.DataFrame(rows, columns=["name", "versions", "of_versions", "rows", "of_rows"])

    def to_frame(self) -> pd.DataFrame:
        """Return :attr:`table`."""
        return self.table

    def sentence(self) -> str:
        """Say in plain words what was found."""
        from secure_ai.defend.lineage.charts import trace_finding

        return trace_finding(self)


def trace(
    lineage: Lineage, rows: str | Iterable[str], direction: Direction, *, same_record: bool = False
) -> Trace:
    """Follow ``rows`` through the graph of ``lineage``; see its methods ``back`` and ``forward``."""
    graph = lineage.graph()
    names = [rows] if isinstance(rows, str) else list(rows)
    if not names:
        raise UserError("There is no row to trace: name at least one, as in claims@3f2a91c0b7d1#17.")
    reached = _start(graph, names)
    if same_record:
        _add_same_records(lineage, graph, reached)
    start = tuple(_row_names(reached))
    inexact: set[str] = set()
    links = lru_cache(maxsize=64)(partial(lineage.files.read, columns=LINK_COLUMNS))
    steps = _steps_by_end(graph, direction)
    queue = deque(reached)
    while queue:
        here = queue.popleft()
        for step, there in steps.get(here, ()):
            exact = step.links is not None and here not in inexact
            pairs = links(step.links) if step.links is not None else None
            found = _through(graph.dataset(there), pairs, (here, reached[here]), direction)
            if found is not None and not found.any():
                continue
            new = there not in reached or (not exact and there not in inexact)
            before = reached.get(there)
            if found is not None and before is not None:
                new = new or bool((found & ~before).any())
                found = found | before
            reached[there] = found
            if not exact:
                inexact.add(there)
            if new and there not in queue:
                queue.append(there)
    places = {one: _places(reached[one]) for one in graph.datasets if one in reached}
    return Trace(start, direction, _table(graph, places, inexact), graph, places)


def _start(graph: LineageGraph, names: list[str]) -> dict[str, np.ndarray | None]:
    reached: dict[str, np.ndarray | None] = {}
    whole = [name for name in names if isinstance(name, str) and "#" not in name]
    for name in whole:
        one = graph.dataset(name)
        reached[name] = None if one.count is None else np.ones(one.count, bool)
    single = [name for name in names if not (isinstance(name, str) and "#" not in name)]
    for dataset, group in parse_row_ids(single, "The list").groupby("dataset", sort=False):
        one = graph.dataset(str(dataset))
        if one.count is None:
            raise UserError(f"Of '{one.name}' no rows are recorded: name it as a whole, without #.")
        if group["row"].max() >= one.count:
            raise UserError(
                f"'{one.name}' has no such row in this version: it has {one.count:,}, counted from 0."
            )
        mask = reached.setdefault(one.id, np.zeros(one.count, bool))
        mask[group["row"].to_numpy()] = True
    return reached


def _add_same_records(lineage: Lineage, graph: LineageGraph, reached: dict[str, np.ndarray | None]) -> None:
    for start in [graph.dataset(one) for one in list(reached)]:
        mask = reached[start.id]
        if mask is None or start.rows is None or start.rows.digests is None:
            continue
        for other in graph.datasets.values():
            if (
                other.name != start.name
                or other.id == start.id
                or other.rows is None
                or not other.rows.digests
            ):
                continue
            agree = start.rows.identifier is not None and start.rows.identifier == other.rows.identifier
            column = "identifier" if agree else "digest"
            wanted = lineage.files.read(start.rows.digests, [column])[column].to_numpy()[mask]
            values = lineage.files.read(other.rows.digests, [column])[column]
            same = values.isin([value for value in wanted if value]).to_numpy()
            if same.any():
                before = reached.get(other.id)
                reached[other.id] = same if before is None else before | same


def _steps_by_end(graph: LineageGraph, direction: Direction) -> dict[str, list[tuple[Step, str]]]:
    steps: dict[str, list[tuple[Step, str]]] = {}
    for step in graph.steps:
        for one in step.inputs:
            here, there = (step.output, one) if direction == "back" else (one, step.output)
            steps.setdefault(here, []).append((step, there))
    return steps


def _through(
    target: Dataset, pairs: pd.DataFrame | None, here: tuple[str, np.ndarray | None], direction: Direction
) -> np.ndarray | None:
    """Return which rows of ``target`` the rows ``here`` lead to; None where its rows are not known."""
    name, from_rows = here
    if target.count is None:
        return None
    if pairs is None:
        return np.ones(target.count, bool)
    back = direction == "back"
    pairs = pairs[(pairs["input"] == (target.id if back else name)).to_numpy()]
    outer, inner = pairs["row" if back else "input_row"], pairs["input_row" if back else "row"]
    if from_rows is not None:
        _check_places(outer, len(from_rows), name)
        kept = from_rows[outer.to_numpy()] | ((outer == EVERY_ROW).to_numpy() & from_rows.any())
        inner = inner[kept]
    _check_places(inner, target.count, target.id)
    found = np.zeros(target.count, bool)
    found[inner.to_numpy()] = True
    if (inner == EVERY_ROW).any():
        found[:] = True
    return found


def _check_places(places: pd.Series, count: int, name: str) -> None:
    if len(places) and not (places.min() >= EVERY_ROW and places.max() < max(count, 1)):
        raise UserError(
            f"The links of '{name}' name rows that it does not have: restore the events from their copy."
        )


def _places(mask: np.ndarray | None) -> np.ndarray | None:
    return None if mask is None else np.flatnonzero(mask)


def _row_names(reached: dict[str, np.ndarray | None]) -> Iterator[str]:
    for one, mask in reached.items():
        if mask is None:
            yield one
        else:
            yield from (f"{one}#{row}" for row in np.flatnonzero(mask))


def _table(graph: LineageGraph, places: dict[str, np.ndarray | None], inexact: set[str]) -> pd.DataFrame:
    rows = []
    for name, found in places.items():
        one = graph.dataset(name)
        count = None if found is None else len(found)
        rows.append((one.name, one.version, one.kind, count, one.count, name not in inexact))
    table = pd.DataFrame(rows, columns=["dataset", "version", "kind", "rows", "of", "exact"])
    return table.astype({"rows": "Int64", "of": "Int64", "exact": bool})
