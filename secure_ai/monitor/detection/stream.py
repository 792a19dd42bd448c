"""The stream: detectors of every family over one ordered flow of events, model queries and transactions.

A detector sees the rows of one table, one at a time and in order of time, and returns *candidates*:
detections with a score, of which 0.5 and above is worth a look. It never looks ahead and keeps what it needs
itself. The stream (:class:`secure_ai.monitor.detection.watch.Watch`) does the rest, the same for all of them:
order, late rows, duplicates, the threshold, one alert for a burst (:class:`Episodes`), and the checkpoint.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from heapq import merge
from typing import TYPE_CHECKING, Any, Protocol

from secure_ai.monitor.detection.result import SEVERITIES, Detection

if TYPE_CHECKING:
    import pandas as pd

TABLES = ("events", "queries", "transactions")
Row = Mapping[str, Any]


class Detector(Protocol):
    """Watches for one family of incidents in the rows of one table.

    A row has the columns of the table, with ``time`` as seconds since 1970 in UTC (a finite float), and
    ``late``: true where it came after later ones, so that it is judged but teaches the baselines nothing.

    ``Watch.for_context`` makes them: ``AccessDetector(context, settings)`` and its siblings of accesses.py,
    exports.py and purposes.py, ``QueryDetector(context)`` of queries.py, ``TransactionDetector(context)`` of
    transactions.py; ``context`` is a :class:`secure_ai.monitor.detection.context.Context` with the frames
    ``staff``, ``subjects`` and ``services``, any of which may be empty.

    Attributes:
        family: ``"access"``, ``"export"``, ``"purpose"``, ``"model_query"`` or ``"transaction"``.
        table: which rows it sees: ``"events"``, ``"queries"`` or ``"transactions"``.
    """

    family: str
    table: str

    def learn(self, history: pd.DataFrame) -> None:
        """Take the baselines from a table of the past (its columns as they are, ordered by time)."""

    def observe(self, event: Row) -> Sequence[Detection]:
        """Judge one row, then learn from it; return candidates with any score worth drawing on a curve."""

    def state(self) -> dict[str, Any]:
        """Return all that was learned as plain JSON values."""

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up what :meth:`state` returned."""


def iso(seconds: float) -> str:
    """Return a time of the stream as ISO 8601 in UTC.

    >>> iso(0.25)
    '1970-01-01T00:00:00.250+00:00'
    """
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")


def seconds_of(time: str) -> float:
    """Return the time of a detection as seconds since 1970 in UTC."""
    return datetime.fromisoformat(time).timestamp()


def rows_of(table: pd.DataFrame) -> Iterator[dict[str, Any]]:
    """Yield the rows of a table as a detector sees them; a time that is missing is NaN.

    The table must have ``time`` as a datetime column in UTC.
    """
    names = list(table.columns)
    columns = [table[name].tolist() if name != "time" else _seconds(table[name]) for name in names]
    for values in zip(*columns, strict=True):
        yield dict(zip(names, values, strict=True))


def _seconds(times: pd.Series) -> list[float]:
    utc = times.dt.tz_convert("UTC") if times.dt.tz is not None else times
    plain = utc.astype("datetime64[ns, UTC]" if times.dt.tz is not None else "datetime64[ns]")
    return (plain.astype("int64") / 1e9).where(times.notna()).tolist()


def merged(**tables: pd.DataFrame | None) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield ``(table, row)`` of several tables in order of time.

    Rows of one time come in a fixed order (table, then event_id), so that the order in which a log happens to
    hold them changes nothing. Rows without a time come where they stand, after the row before them.
    """

    def keyed(place: int, name: str, table: pd.DataFrame) -> list[tuple[float, int, str, int]]:
        keys, last = [], -math.inf
        for number, (time, event_id) in enumerate(
            zip(_seconds(table["time"]), table["event_id"].tolist(), strict=True)
        ):
            last = last if math.isnan(time) else time
            keys.append((last, place, str(event_id), number))
        return sorted(keys)

    def rows(place: int, name: str, table: pd.DataFrame):
        made = list(rows_of(table))
        for time, at, event_id, number in keyed(place, name, table):
            yield (time, at, event_id, number), name, made[number]

    flows = [
        rows(TABLES.index(name), name, table)
        for name, table in tables.items()
        if table is not None and len(table)
    ]
    for _, name, row in merge(*flows, key=lambda item: item[0]):
        yield name, row


@dataclass
class Open:
    """An episode that may still grow: what was told of it, and when its last candidate came."""

    detection: Detection
    seen: float


class Episodes:
    """One alert for a burst: candidates of one actor and kind less than ``window`` seconds apart are one.

    Args:
        window: seconds without a further candidate after which an episode is over.
        threshold: the score from which a candidate counts.
    """

    def __init__(self, window: float, threshold: float) -> None:
        self.window, self.threshold = window, threshold
        self._open: dict[tuple[str, str, str], Open] = {}
        self.closed: list[Detection] = []

    def add(self, candidate: Detection) -> Detection | None:
        """Take a candidate in; return it if it opens an episode, None if it joins one or is too weak."""
        if candidate.score < self.threshold:
            return None
        key = (candidate.family, candidate.kind, candidate.actor)
        now = seconds_of(candidate.time)
        current = self._open.get(key)
        if current is None or now - current.seen > self.window:
            if current is not None:
                self.closed.append(current.detection)
            self._open[key] = Open(candidate, now)
            return candidate
        events = dict.fromkeys((*current.detection.events, *candidate.events))
        current.detection = replace(
            current.detection,
            events=tuple(events),
            score=max(candidate.score, current.detection.score),
            severity=max(candidate.severity, current.detection.severity, key=SEVERITIES.index),
        )
        current.seen = max(now, current.seen)
        return None

    def opened(self) -> list[Open]:
        """Return the episodes that may still grow."""
        return list(self._open.values())

    def put(self, item: Open) -> None:
        """Take up an episode that :meth:`opened` returned."""
        self._open[item.detection.family, item.detection.kind, item.detection.actor] = item

    def all(self) -> list[Detection]:
        """Return every episode, closed or open, ordered by its first alert."""
        found = [*self.closed, *(item.detection for item in self._open.values())]
        return sorted(found, key=lambda item: (item.time, item.family, item.kind, item.actor))


def episodes(candidates: Iterable[Detection], *, window: float, threshold: float) -> list[Detection]:
    """Group candidates (in order of time) into episodes; see :class:`Episodes`."""
    grouped = Episodes(window, threshold)
    for candidate in candidates:
        grouped.add(candidate)
    return grouped.all()
