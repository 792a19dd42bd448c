"""The graph that events make: versions of data sets, and the steps that led from one to the other."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import pandas as pd

from secure_ai.core.errors import UserError
from secure_ai.defend.lineage.events import Event, RowsFacet


@dataclass(frozen=True)
class Dataset:
    """One version of a data set, model or batch of predictions.

    Attributes:
        id: ``name@version``.
        namespace: where it belongs.
        rows: what is known of its rows; None for a producer that knows no rows.
        made_by: the jobs that wrote it; none for a source.
    """

    id: str
    namespace: str
    rows: RowsFacet | None
    made_by: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Its name without the version."""
        return self.id.rpartition("@")[0]

    @property
    def version(self) -> str:
        """Its version."""
        return self.id.rpartition("@")[2]

    @property
    def kind(self) -> str:
        """source, table, model or predictions."""
        if self.made_by and (self.rows is None or self.rows.kind == "source"):
            return "table"
        return self.rows.kind if self.rows else "source"

    @property
    def count(self) -> int | None:
        """How many rows, if known."""
        return self.rows.count if self.rows else None


@dataclass(frozen=True)
class Step:
    """One output of one completed run, the inputs of that run, and the file that links rows (if any)."""

    job: str
    run_id: str
    time: str
    output: str
    inputs: tuple[str, ...]
    links: str | None


@dataclass(frozen=True)
class LineageGraph:
    """All versions of data sets, in the order of their first event, and all steps between them."""

    datasets: dict[str, Dataset]
    steps: tuple[Step, ...]

    @classmethod
    def from_events(cls, events: Iterable[Event], namespace: str) -> LineageGraph:
        """Join the events of each run; only what a completed run wrote counts.

        Args:
            events: in the order of the file.
            namespace: whose data sets are called by their name alone; others have theirs in front.
        """
        runs: dict[str, list[Event]] = {}
        for event in events:
            runs.setdefault(event.run.id, []).append(event)
        datasets: dict[str, Dataset] = {}
        steps: dict[tuple[str, str], Step] = {}
        for run_id, parts in runs.items():
            done = any(part.type == "COMPLETE" for part in parts)
            inputs = tuple(dict.fromkeys(one.id_in(namespace) for part in parts for one in part.inputs))
            for part in parts:
                for one in (*part.inputs, *(part.outputs if done else ())):
                    name = one.id_in(namespace)
                    known = datasets.get(name)
                    if known is None or (known.rows is None and one.facets.rows):
                        made = known.made_by if known else ()
                        datasets[name] = Dataset(name, one.namespace, one.facets.rows, made)
                for one in part.outputs if done else ():
                    name = one.id_in(namespace)
                    known = datasets[name]
                    made_by = tuple(dict.fromkeys((*known.made_by, part.job.name)))
                    datasets[name] = replace(known, made_by=made_by)
                    links = one.facets.rows.links if one.facets.rows else None
                    steps[run_id, name] = Step(part.job.name, run_id, part.time, name, inputs, links)
        return cls(datasets, tuple(steps.values()))

    def dataset(self, dataset_id: str) -> Dataset:
        """Return one version of a data set.

        Raises:
            UserError: if there is none of this name and version.
        """
        if dataset_id in self.datasets:
            return self.datasets[dataset_id]
        name = dataset_id.rpartition("@")[0] or dataset_id
        versions = [one.version for one in self.datasets.values() if one.name == name]
        if versions:
            raise UserError(f"'{name}' has no such version: choose from {', '.join(versions[-10:])}.")
        names = ", ".join(dict.fromkeys(one.name for one in self.datasets.values()))
        choice = f"choose from {names}" if names else "record a job that reads one first"
        raise UserError(f"No such data set is recorded: {choice}.")

    def to_frame(self) -> pd.DataFrame:
        """Return the versions: dataset, version, kind, rows, made_by; in the order of their first event."""
        columns = ["dataset", "version", "kind", "rows", "made_by"]
        rows = [
            (one.name, one.version, one.kind, one.count, ", ".join(one.made_by))
            for one in self.datasets.values()
        ]
        return pd.DataFrame(rows, columns=columns).astype({"rows": "Int64"})
