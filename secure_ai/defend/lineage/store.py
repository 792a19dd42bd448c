"""The lineage of an organization in one folder: OpenLineage events, and which row came from which."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from secure_ai.core.audit import utc_now
from secure_ai.core.errors import UserError, system_reason
from secure_ai.defend.lineage.events import Described, read_events, write_event
from secure_ai.defend.lineage.graph import LineageGraph
from secure_ai.defend.lineage.jobs import Job
from secure_ai.defend.lineage.row_files import RowFiles, file_digest
from secure_ai.defend.lineage.rows import check_name, identifier_digest
from secure_ai.encrypt.private_files import write_new_private

if TYPE_CHECKING:
    from secure_ai.defend.lineage.tracing import Trace

EVENTS, ROWS, KEY = "events.jsonl", "rows", "row.key"
KEY_BYTES = 32


class Lineage:
    """Keeps and answers where rows, models and predictions came from and where they went.

    A frame that was read carries a column ``row_of:<name>`` that names the row behind each row; whatever
    pandas does with the frame (filter, merge, concatenate, sort) keeps it, and writing the result records
    the links. :func:`plain` takes these columns off before a model is fitted.

    Args:
        folder: where events and links are kept; made on first use.
        key: 16 to 64 bytes for the digests of rows; by default the folder makes one (``row.key``, readable
            by its owner only). Who has it can try values against the digests: keep it away from the events.
        namespace: of jobs and data sets in the events.
        clock: gives the time of an event; a fixed one makes lessons and tests repeatable.

    Raises:
        UserError: if the folder cannot be made or read, or the key has another length.
    """

    def __init__(
        self,
        folder: str | Path,
        *,
        key: bytes | None = None,
        namespace: str = "secure-ai",
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._folder = Path(folder)
        self._namespace = check_name(namespace)
        self._clock = clock
        self._cache: tuple[Any, LineageGraph] | None = None
        try:
            (self._folder / ROWS).mkdir(parents=True, exist_ok=True)
            key = self._own_key() if key is None else key
        except (OSError, ValueError) as error:
            raise UserError(
                f"The lineage folder {self._folder.name} cannot be used ({system_reason(error)}): "
                "choose another."
            ) from None
        if not isinstance(key, bytes) or not 16 <= len(key) <= 64:
            raise UserError("A lineage's key has 16 to 64 bytes: leave it out, and the folder makes one.")
        self.files = RowFiles(self._folder / ROWS, key)

    @property
    def events_file(self) -> Path:
        """The file of OpenLineage events, one JSON object a line."""
        return self._folder / EVENTS

    @contextmanager
    def job(self, name: str) -> Iterator[Job]:
        """Record one run of a job: START on entering, COMPLETE with inputs and outputs on leaving.

        If the block raises, the run is recorded as FAIL with the class of the exception, and nothing that
        it wrote counts.

        Raises:
            UserError: if the name cannot be used or the events cannot be written.
        """
        from openlineage.client.uuid import generate_static_uuid

        started = self._clock()
        with self._locked():
            size = self.events_file.stat().st_size if self.events_file.exists() else 0
            run_id = str(generate_static_uuid(started, f"{size}/{check_name(name)}".encode()))
            self._emit("START", started, run_id, name)
        job = Job(self, name)
        try:
            yield job
        except BaseException as error:
            with self._locked():
                self._emit("FAIL", self._clock(), run_id, name, job.inputs.values(), (), type(error).__name__)
            raise
        with self._locked():
            job.check_versions()
            self._emit("COMPLETE", self._clock(), run_id, name, job.inputs.values(), job.outputs.values())

    def graph(self) -> LineageGraph:
        """Return the graph of all completed runs.

        Raises:
            UserError: if a line of the events is damaged.
        """
        stamp = None
        if self.events_file.exists():
            status = self.events_file.stat()
            stamp = (status.st_size, status.st_mtime_ns)
        if self._cache is None or self._cache[0] != stamp:
            self._cache = (stamp, LineageGraph.from_events(read_events(self.events_file), self._namespace))
        return self._cache[1]

    def datasets(self) -> pd.DataFrame:
        """Return what is recorded: dataset, version, kind, rows, made_by."""
        return self.graph().to_frame()

    def find(self, identifier: str, value: object) -> list[str]:
        """Return the names of all rows whose ``identifier`` (the column named on reading) is ``value``.

        Raises:
            UserError: if no data set was read with this identifier; the value itself is never shown.
        """
        wanted = identifier_digest(identifier, value, self.files.key)
        found, known = [], set()
        for one in self.graph().datasets.values():
            if one.rows is None or one.rows.identifier is None or one.rows.digests is None:
                continue
            known.add(one.rows.identifier)
            if one.rows.identifier == identifier:
                digests = self.files.read(one.rows.digests, ["identifier"])["identifier"]
                found += [f"{one.id}#{row}" for row in digests.index[digests == wanted]]
        if identifier not in known:
            names = ", ".join(sorted(known)) or "none was named when reading"
            raise UserError(f"No data set is recorded with this identifier: choose from {names}.")
        return found

    def version_of(self, artifact: str | Path) -> str:
        """Return which version of which model a file is (``triage@v3``), by its content, whatever its name.

        Raises:
            UserError: if it cannot be read, or no recorded version has this content.
        """
        digest = file_digest(Path(artifact))
        for one in self.graph().datasets.values():
            if one.rows is not None and one.rows.artifact == digest:
                return one.id
        raise UserError(
            f"The file {Path(artifact).name} is no recorded version of a model: do not use it before "
            "you know where it comes from."
        )

    def back(self, rows: str | Iterable[str]) -> Trace:
        """Trace rows (predictions, for instance) back to the model, its training rows and their sources.

        Args:
            rows: names of rows (``scores@3f2a91c0b7d1#17``), or of a whole data set or model (``triage@v3``).

        Raises:
            UserError: if a name is unknown, or a file of links is missing or changed.
        """
        from secure_ai.defend.lineage.tracing import trace

        return trace(self, rows, "back")

    def forward(self, rows: str | Iterable[str], *, same_record: bool = True) -> Trace:
        """Trace rows forward to every table, model version and prediction that they touched.

        Args:
            rows: as for :meth:`back`.
            same_record: also start from the same record in every other version of its data set, by its
                identifier or, where none was named, by its content.

        Raises:
            UserError: as for :meth:`back`.
        """
        from secure_ai.defend.lineage.tracing import trace

        return trace(self, rows, "forward", same_record=same_record)

    def verify(self) -> pd.DataFrame:
        """Compare the files of rows with the digests in the events: file, problem; empty if all agree.

        Raises:
            UserError: if a line of the events is damaged.
        """
        graph = self.graph()
        names = [step.links for step in graph.steps if step.links]
        names += [one.rows.digests for one in graph.datasets.values() if one.rows and one.rows.digests]
        problems = []
        for name in dict.fromkeys(names):
            try:
                self.files.check(name)
            except UserError as error:
                problems.append((name, str(error)))
        return pd.DataFrame(problems, columns=["file", "problem"])

    def _own_key(self) -> bytes:
        path = self._folder / KEY
        with suppress(FileExistsError):
            write_new_private(path, secrets.token_bytes(KEY_BYTES))
        return path.read_bytes()

    @contextmanager
    def _locked(self) -> Iterator[None]:
        from filelock import FileLock, Timeout

        try:
            with FileLock(self._folder / ".lock", timeout=30):
                yield
        except Timeout:
            raise UserError(
                "Another program holds the lineage for 30 seconds: end it, then run this again."
            ) from None

    def _emit(  # noqa: PLR0917
        self,
        state: str,
        time: datetime,
        run_id: str,
        name: str,
        inputs: Iterable[Described] = (),
        outputs: Iterable[Described] = (),
        error: str | None = None,
    ) -> None:
        stamp = time.isoformat(timespec="milliseconds")
        write_event(
            self.events_file, state, stamp, run_id, self._namespace, name, list(inputs), list(outputs), error
        )
