"""OpenLineage events: written with the file transport of openlineage-python, read back with care.

Events of other producers (Airflow, dbt, Spark) in the same file are read as well: data sets without rows.

Source: OpenLineage 2-0-2 (https://openlineage.io/spec/2-0-2/OpenLineage.json).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from secure_ai import __version__
from secure_ai.core.errors import UserError, system_reason

PRODUCER = f"https://example.org/secure-ai/{__version__}"
ROWS_FACET = "secureAi_rows"
KINDS = ("source", "table", "model", "predictions")
_MOST_BYTES = 1 << 30


class RowsFacet(BaseModel):
    """What our own facet says of a data set: how many rows, and the files that name and link them.

    Attributes:
        kind: source, table, model or predictions.
        count: how many rows; 1 for a model.
        links: file of which row came from which, by the SHA-256 of its content.
        digests: file of the keyed digests of its rows.
        identifier: the column whose digests are kept beside.
        artifact: SHA-256 of the file of a model.
    """

    model_config = ConfigDict(extra="ignore")
    kind: Literal["source", "table", "model", "predictions"]
    count: int = Field(ge=0)
    links: str | None = Field(default=None, pattern=r"^[0-9a-f]{64}\.parquet$")
    digests: str | None = Field(default=None, pattern=r"^[0-9a-f]{64}\.parquet$")
    identifier: str | None = None
    artifact: str | None = Field(default=None, pattern=r"^[0-9a-f]{64}$")


class _Version(BaseModel):
    model_config = ConfigDict(extra="ignore")
    version: str = Field(alias="datasetVersion")


class _Facets(BaseModel):
    model_config = ConfigDict(extra="ignore")
    version: _Version | None = None
    rows: RowsFacet | None = Field(default=None, alias=ROWS_FACET)


class EventDataset(BaseModel):
    """A data set as an event names it."""

    model_config = ConfigDict(extra="ignore")
    namespace: str
    name: str
    facets: _Facets = Field(default_factory=_Facets)

    def id_in(self, namespace: str) -> str:
        """Return ``name@version`` (or ``@unversioned``), with its namespace in front if it is another."""
        name = self.name if self.namespace == namespace else f"{self.namespace}/{self.name}"
        # The two signs that separate the parts of a row's name cannot be in a part.
        name = name.replace("@", "_").replace("#", "_")
        version = self.facets.version.version if self.facets.version else "unversioned"
        return f"{name}@{version.replace('@', '_').replace('#', '_')}"


class _Run(BaseModel):
    model_config = ConfigDict(extra="ignore")
    id: str = Field(alias="runId")


class _Job(BaseModel):
    model_config = ConfigDict(extra="ignore")
    namespace: str
    name: str


class Event(BaseModel):
    """One run event: what a job read and wrote, and how it ended."""

    model_config = ConfigDict(extra="ignore")
    type: Literal["START", "RUNNING", "COMPLETE", "ABORT", "FAIL", "OTHER"] | None = Field(
        default=None, alias="eventType"
    )
    time: str = Field(alias="eventTime")
    run: _Run
    job: _Job
    inputs: tuple[EventDataset, ...] = ()
    outputs: tuple[EventDataset, ...] = ()


@dataclass(frozen=True)
class Described:
    """A data set of our own, to be put into an event: its name, version, columns (name to type) and rows."""

    name: str
    version: str
    columns: Mapping[str, str]
    rows: RowsFacet

    @property
    def id(self) -> str:
        """``name@version``."""
        return f"{self.name}@{self.version}"


def read_events(path: Path) -> list[Event]:
    """Read the run events of a file of JSON lines; events about jobs and data sets alone are passed over.

    Raises:
        UserError: if the file cannot be read, or a line of it is no OpenLineage event.
    """
    try:
        if not path.exists():
            return []
        if path.stat().st_size > _MOST_BYTES:
            raise UserError(
                f"{path.name} is larger than 1 GB: archive older events into a file of their own."
            )
        lines = path.read_bytes().splitlines()
    except (OSError, ValueError) as error:
        raise UserError(f"The events in {path.name} cannot be read: {system_reason(error)}.") from None
    events = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            fields = json.loads(line)
            if isinstance(fields, dict) and "run" not in fields and ("job" in fields or "dataset" in fields):
                continue
            events.append(Event.model_validate(fields))
        except (ValidationError, ValueError, RecursionError):
            raise UserError(
                f"Line {number} of {path.name} is no OpenLineage event: restore the file from its copy, or "
                "remove the line if it was cut off by a crash."
            ) from None
    return events


def write_event(  # noqa: PLR0917
    path: Path,
    state: str,
    time: str,
    run_id: str,
    namespace: str,
    job: str,
    inputs: Sequence[Described] = (),
    outputs: Sequence[Described] = (),
    error: str | None = None,
) -> None:
    """Append one event to ``path`` through OpenLineage's file transport.

    Args:
        path: the file of events.
        state: START, COMPLETE or FAIL.
        time: ISO 8601 with its offset.
        run_id: a UUID.
        namespace: of job and data sets.
        job: its name.
        inputs: what it read.
        outputs: what it wrote.
        error: class of the exception that ended it; never its text, which may hold values.

    Raises:
        UserError: if the file cannot be written.
    """
    from openlineage.client.event_v2 import Job, Run, RunEvent, RunState
    from openlineage.client.facet_v2 import error_message_run, job_type_job
    from openlineage.client.transport.file import FileConfig, FileTransport

    failed = {} if error is None else {
        "errorMessage": error_message_run.ErrorMessageRunFacet(error, "python", producer=PRODUCER)
    }  # fmt: skip
    kind = job_type_job.JobTypeJobFacet("BATCH", "SECURE_AI", "JOB", producer=PRODUCER)
    event = RunEvent(
        eventTime=time,
        producer=PRODUCER,
        run=Run(run_id, facets=failed),
        job=Job(namespace, job, facets={"jobType": kind}),
        eventType=RunState(state),
        inputs=[_dataset(one, namespace, written=False) for one in inputs],
        outputs=[_dataset(one, namespace, written=True) for one in outputs],
    )
    try:
        FileTransport(FileConfig(log_file_path=str(path), append=True)).emit(event)
    except RuntimeError:
        raise UserError(
            f"The event cannot be written to {path.name}: choose a folder that you may write to."
        ) from None


def _dataset(described: Described, namespace: str, *, written: bool) -> Any:
    from openlineage.client.event_v2 import InputDataset, OutputDataset
    from openlineage.client.facet_v2 import (
        dataset_version_dataset,
        output_statistics_output_dataset,
        schema_dataset,
    )

    fields = [
        schema_dataset.SchemaDatasetFacetFields(name, type=kind) for name, kind in described.columns.items()
    ]
    facets = {
        "version": dataset_version_dataset.DatasetVersionDatasetFacet(described.version, producer=PRODUCER),
        ROWS_FACET: _rows_facet(described.rows),
    }
    if fields:
        facets["schema"] = schema_dataset.SchemaDatasetFacet(fields=fields, producer=PRODUCER)
    if not written:
        return InputDataset(namespace, described.name, facets=facets)
    count = output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet(
        rowCount=described.rows.count, producer=PRODUCER
    )
    return OutputDataset(namespace, described.name, facets=facets, outputFacets={"outputStatistics": count})


def _rows_facet(rows: RowsFacet) -> Any:
    from openlineage.client.facet_v2 import DatasetFacet

    # A facet of one's own carries a prefix, and the schema of facets allows further fields.
    return DatasetFacet(producer=PRODUCER).with_additional_properties(**rows.model_dump(exclude_none=True))
