"""The watch: every detector over one stream, in order, each row once, one alert for a burst, resumable."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import pandas as pd

from secure_ai.core.errors import UserError, system_reason
from secure_ai.core.outputs import atomic_file
from secure_ai.monitor.detection.accesses import AccessDetector
from secure_ai.monitor.detection.context import Context
from secure_ai.monitor.detection.exports import ExportDetector
from secure_ai.monitor.detection.logs import OPTIONAL, REQUIRED, EventLog, events_from
from secure_ai.monitor.detection.purposes import PurposeDetector
from secure_ai.monitor.detection.result import Detection, Reason
from secure_ai.monitor.detection.settings import Settings
from secure_ai.monitor.detection.stream import TABLES, Detector, Episodes, Open, merged

CHECKPOINT_VERSION = 1
# A candidate, and the alert that it opens.
Judged = tuple[Detection, Detection | None]


@dataclass
class Counts:
    """What passed, and what was wrong with it.

    Attributes:
        rows: rows judged, of all tables.
        late: rows that came after later ones: judged, but not learned from.
        duplicates: rows whose identifier was seen before: ignored.
        without_time: rows whose time cannot be read: judged at the time of the row before, not learned from.
        candidates: detections before the threshold and the grouping.
        alerts: episodes told.
    """

    rows: int = 0
    late: int = 0
    duplicates: int = 0
    without_time: int = 0
    candidates: int = 0
    alerts: int = 0

    def sentence(self) -> str:
        """Return the counts in words."""
        return (
            f"{self.rows:,} rows judged, {self.alerts:,} alerts; {self.late:,} came late, "
            f"{self.duplicates:,} stood twice and were ignored, {self.without_time:,} had no time."
        )


class Watch:
    """Runs detectors over a stream of rows, one at a time; see :meth:`for_context` for the usual set.

    Rows of all tables go in by :meth:`push` (a service that follows a log) or :meth:`observe` (tables). Each
    is given to the detectors of its table in turn; their candidates with at least ``settings.threshold``
    become alerts, one for each actor and kind until ``settings.episode_hours`` pass without a further one.

    Args:
        detectors: any that follow :class:`secure_ai.monitor.detection.stream.Detector`.
        settings: thresholds.
        notes: sentences about what the watch had to do without.

    Attributes:
        counts: what passed so far.
        notes: sentences about what was missing or odd, for a report.
        unassessed: what could not be judged → why: silence about it is no good sign.
    """

    def __init__(
        self, detectors: Sequence[Detector], settings: Settings | None = None, notes: Sequence[str] = ()
    ) -> None:
        self.settings = settings or Settings()
        self.detectors = tuple(detectors)
        self.counts = Counts()
        self.notes = list(notes)
        self.unassessed: dict[str, str] = {}
        self._by_table = {name: [d for d in self.detectors if d.table == name] for name in TABLES}
        self._episodes = Episodes(self.settings.episode_hours * 3600, self.settings.threshold)
        self._clock = -math.inf
        self._seen: dict[str, dict[str, None]] = {name: {} for name in TABLES}

    @classmethod
    def for_context(
        cls,
        context: Context,
        history: Any = None,
        history_queries: pd.DataFrame | None = None,
        history_transactions: pd.DataFrame | None = None,
        *,
        settings: Settings | None = None,
    ) -> Watch:
        """Return a watch with every detector of the kit, its baselines taken from a quiet past.

        Args:
            context: staff, subjects and services.
            history: events before the first one to watch (a table or an :class:`EventLog`), for baselines;
                without one the watch starts from what is usual for anybody, and says so.
            history_queries: model queries of that past.
            history_transactions: transactions of that past.
            settings: thresholds.
        """
        settings = settings or Settings()
        detectors = _all_detectors(context, settings)
        watch = cls(detectors, settings, context.gaps)
        tables = {
            "events": None if history is None else _log(history).events,
            "queries": history_queries,
            "transactions": history_transactions,
        }
        for name, table in tables.items():
            if table is None or not len(table):
                watch.notes.append(
                    f"There is no history of {name}: baselines start from what is usual for anybody, and the "
                    "first days may be noisy."
                )
                continue
            ordered = table.dropna(subset=["time"]).sort_values("time", kind="stable")
            for detector in detectors:
                if detector.table == name:
                    detector.learn(ordered)
        return watch

    def observe(
        self,
        events: Any = None,
        queries: pd.DataFrame | None = None,
        transactions: pd.DataFrame | None = None,
    ) -> Iterator[Detection]:
        """Yield alerts while the rows of tables pass, merged in order of time.

        Args:
            events: a table, an :class:`EventLog`, or a month that has ``events``, ``queries`` and
                ``transactions``.
            queries: model queries with their inputs.
            transactions: transactions.
        """
        for _, alert in self._run(events, queries, transactions):
            if alert is not None:
                yield alert

    def candidates(
        self,
        events: Any = None,
        queries: pd.DataFrame | None = None,
        transactions: pd.DataFrame | None = None,
    ) -> Iterator[Detection]:
        """Yield all that detectors said, before the threshold and the grouping; else as :meth:`observe`."""
        for candidate, _ in self._run(events, queries, transactions):
            yield candidate

    def push(self, row: Mapping[str, Any], table: str = "events") -> list[Detection]:
        """Judge one row and return the alerts that it opens.

        Args:
            row: its columns; ``time`` as a datetime, an ISO 8601 text or seconds since 1970. Columns that are
                missing are taken as empty.
            table: ``"events"``, ``"queries"`` or ``"transactions"``.

        Raises:
            UserError: if a required column is missing, or the table is not known.
        """
        if table not in TABLES:
            raise UserError(f"A row is of {', '.join(TABLES)}: '{table}' is none of them.")
        needed = REQUIRED if table == "events" else ("time", "event_id")
        for name in needed:
            if name not in row:
                raise UserError(f"The row has no '{name}': add it.")
        filled = {**OPTIONAL, "event_id": "", **row} if table == "events" else dict(row)
        filled["time"] = _moment(row["time"])
        return [alert for _, alert in self._judge(table, filled) if alert is not None]

    def _run(
        self, events: Any, queries: Any, transactions: Any
    ) -> Iterator[tuple[Detection, Detection | None]]:
        if (
            events is not None
            and not isinstance(events, pd.DataFrame | EventLog)
            and hasattr(events, "events")
        ):
            queries = getattr(events, "queries", None) if queries is None else queries
            transactions = getattr(events, "transactions", None) if transactions is None else transactions
            events = events.events
        log = None if events is None else _log(events)
        if log is not None:
            self.unassessed.update(log.unassessed)
            self.notes += [note for note in log.notes if note not in self.notes]
        tables = {"queries": queries, "transactions": transactions}
        for name, table in tables.items():
            _check_table(name, table)
        for name, row in merged(events=log.events if log is not None else None, **tables):
            yield from self._judge(name, row)

    def _judge(self, table: str, row: dict[str, Any]) -> Iterator[Judged]:
        event_id = row["event_id"]
        seen = self._seen[table]
        if event_id in seen:
            self.counts.duplicates += 1
            return
        if event_id != "":
            seen[event_id] = None
            if len(seen) > self.settings.remembered_ids:
                del seen[next(iter(seen))]
        time = row["time"]
        self.counts.rows += 1
        if math.isfinite(time):
            row["late"] = time < self._clock
            self.counts.late += row["late"]
            self._clock = max(self._clock, time)
        else:
            self.counts.without_time += 1
            row["time"], row["late"] = (self._clock if math.isfinite(self._clock) else 0.0), True
        for detector in self._by_table[table]:
            for candidate in detector.observe(row):
                self.counts.candidates += 1
                alert = self._episodes.add(candidate)
                self.counts.alerts += alert is not None
                yield candidate, alert
        self._episodes.closed.clear()

    def save(self, path: str | Path) -> None:
        """Write a checkpoint (JSON, no pickle), from which :meth:`resume` goes on without a gap.

        Raises:
            UserError: if it cannot be written; a checkpoint that stood there before is left.
        """
        state = {
            "version": CHECKPOINT_VERSION,
            "settings": asdict(self.settings),
            "clock": self._clock if math.isfinite(self._clock) else None,
            "counts": asdict(self.counts),
            "notes": self.notes,
            "unassessed": self.unassessed,
            "seen": {name: list(ids) for name, ids in self._seen.items()},
            "episodes": [
                {"seen": item.seen, "detection": asdict(item.detection)} for item in self._episodes.opened()
            ],
            "detectors": {f"{d.family}/{type(d).__name__}": d.state() for d in self.detectors},
        }
        with atomic_file(Path(path)) as draft:
            try:
                draft.write_text(json.dumps(state, allow_nan=False), encoding="ascii")
                draft.chmod(0o600)
            except OSError as error:
                raise UserError(
                    f"The checkpoint {Path(path).name} cannot be written ({system_reason(error)}): the one "
                    "before is kept."
                ) from None

    @classmethod
    def resume(cls, path: str | Path, context: Context) -> Watch:
        """Return the watch that :meth:`save` wrote, to go on where it stopped.

        Raises:
            UserError: if the file cannot be read, or is no checkpoint of this version.
        """
        name = Path(path).name
        try:
            state = json.loads(Path(path).read_text(encoding="utf-8"))
        except OSError as error:
            raise UserError(
                f"The checkpoint {name} cannot be read ({system_reason(error)}): check it."
            ) from None
        except ValueError:
            raise UserError(f"{name} is no checkpoint of a watch: name the file that it saved.") from None
        if not isinstance(state, dict) or state.get("version") != CHECKPOINT_VERSION:
            raise UserError(
                f"The checkpoint {name} is of another version of the kit: start a new watch from history."
            )
        try:
            known = {item.name for item in fields(Settings)}
            settings = Settings(
                **{
                    name: tuple(value) if isinstance(value, list) else value
                    for name, value in state["settings"].items()
                    if name in known
                }
            )
            watch = cls(_all_detectors(context, settings), settings, state["notes"])
            watch.unassessed = dict(state["unassessed"])
            watch.counts = Counts(**state["counts"])
            watch._clock = -math.inf if state["clock"] is None else float(state["clock"])
            watch._seen = {table: dict.fromkeys(state["seen"][table]) for table in TABLES}
            for item in state["episodes"]:
                watch._episodes.put(Open(_detection(item["detection"]), float(item["seen"])))
            for detector in watch.detectors:
                detector.restore(state["detectors"][f"{detector.family}/{type(detector).__name__}"])
        except (KeyError, TypeError, ValueError, AttributeError):
            raise UserError(f"The checkpoint {name} is not whole: start a new watch from history.") from None
        return watch


@dataclass(frozen=True)
class Replay:
    """What a watch said of a month.

    Attributes:
        detections: the alerts, one for an episode, each with all of its events, by the time of the first.
        candidates: what detectors said before threshold and grouping, for the curve.
        counts: rows, late, duplicates and so on.
        unassessed: what could not be judged → why.
        notes: what the watch had to do without.
        settings: its thresholds.
    """

    detections: tuple[Detection, ...]
    candidates: tuple[Detection, ...] = field(repr=False)
    counts: Counts
    unassessed: Mapping[str, str]
    notes: tuple[str, ...]
    settings: Settings = field(repr=False)

    def sentence(self) -> str:
        """Return what happened in words, and what could not be judged."""
        rest = " ".join([*self.unassessed.values(), *self.notes])
        return f"{self.counts.sentence()} {rest}".strip()

    def to_frame(self) -> pd.DataFrame:
        """Return the alerts, one row each: what they say, the number of their events, and the reasons."""
        return pd.DataFrame(
            [
                (
                    d.time, d.family, d.kind, d.actor, d.target, d.severity, round(d.score, 3), len(d.events),
                    "; ".join(reason.words for reason in d.reasons),
                )
                for d in self.detections
            ],
            columns=["time", "family", "kind", "actor", "target", "severity", "score", "events", "reasons"],
        )  # fmt: skip


def replay(month: Any, watch: Watch | None = None, *, settings: Settings | None = None) -> Replay:
    """Let a month of logs pass through a watch, as fast as the machine can.

    Args:
        month: has ``events`` and, where there are any, ``queries``, ``transactions``, ``staff``,
            ``subjects``, ``services``, ``feeds``, ``history``, ``history_queries`` and
            ``history_transactions``.
        watch: the watch to use; by default a new one with the context and the history of the month.
        settings: thresholds of a new watch.
    """
    if watch is None:
        histories = (getattr(month, n, None) for n in ("history", "history_queries", "history_transactions"))
        watch = Watch.for_context(Context.of(month), *histories, settings=settings)
    grouped = Episodes(watch.settings.episode_hours * 3600, watch.settings.threshold)
    candidates = []
    for candidate in watch.candidates(month):
        candidates.append(candidate)
        grouped.add(candidate)
    return Replay(
        tuple(grouped.all()),
        tuple(candidates),
        watch.counts,
        dict(watch.unassessed),
        tuple(watch.notes),
        watch.settings,
    )


def _all_detectors(context: Context, settings: Settings) -> list[Detector]:
    from secure_ai.monitor.detection.queries import QueryDetector
    from secure_ai.monitor.detection.transactions import TransactionDetector

    return [
        AccessDetector(context, settings),
        ExportDetector(context, settings),
        PurposeDetector(context, settings),
        QueryDetector(context),
        TransactionDetector(context),
    ]


def _log(events: Any) -> EventLog:
    return events if isinstance(events, EventLog) else events_from(events)


def _check_table(name: str, table: Any) -> None:
    if table is None:
        return
    if not isinstance(table, pd.DataFrame):
        raise UserError(f"The {name} must be a DataFrame, not {type(table).__name__}: pass a table.")
    for column in ("event_id", "time"):
        if column not in table.columns:
            raise UserError(f"The table '{name}' has no column '{column}': add it.")
    if not pd.api.types.is_datetime64_any_dtype(table["time"]):
        raise UserError(
            f"The column 'time' of the {name} holds no times: convert it with pandas.to_datetime."
        )


def _moment(value: Any) -> float:
    if isinstance(value, bool) or value is None:
        return math.nan
    if isinstance(value, int | float):
        return float(value)
    moment = pd.to_datetime(value, utc=True, errors="coerce")
    return math.nan if pd.isna(moment) else moment.timestamp()


def _detection(saved: dict[str, Any]) -> Detection:
    reasons = tuple(Reason(**reason) for reason in saved.pop("reasons"))
    return Detection(**{**saved, "reasons": reasons, "events": tuple(saved["events"])})
