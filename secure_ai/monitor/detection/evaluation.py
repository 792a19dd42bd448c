"""How good the watch is where the truth is known: precision, recall, time to alert, false alerts a day."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import numpy as np
import pandas as pd

from secure_ai.core.errors import UserError
from secure_ai.core.figures import percent
from secure_ai.core.intervals import wilson
from secure_ai.monitor.detection.result import Detection
from secure_ai.monitor.detection.settings import Settings
from secure_ai.monitor.detection.stream import Episodes, seconds_of

if TYPE_CHECKING:
    from collections.abc import Mapping

THRESHOLD = Settings().threshold
WINDOW = Settings().episode_hours * 3600
DAY = 86_400.0
CURVE_POINTS = np.round(np.arange(0.1, 1.0, 0.02), 2)


class MonthLike(Protocol):
    """A month with known truth, such as ``synthetic_data.activity.make_month`` gives.

    Attributes:
        staff: one row a person; only their number counts here.
        events: all events, with ``time``.
        incidents: incident_id, family, kind, actor, start, end.
        truth: event_id, incident_id: which events belong to an incident.
    """

    staff: pd.DataFrame
    events: pd.DataFrame
    incidents: pd.DataFrame
    truth: pd.DataFrame


@dataclass(frozen=True)
class Recall:
    """How many incidents of one sort were found.

    Attributes:
        found: incidents with at least one of their events in an alert.
        planted: incidents in the truth.
        low: lower end of Wilson's 95% interval of the share.
        high: its upper end.
    """

    found: int
    planted: int
    low: float
    high: float

    @property
    def share(self) -> float:
        """Found of planted; not a number where none was planted."""
        return self.found / self.planted if self.planted else float("nan")


@dataclass(frozen=True)
class Evaluation:
    """What the alerts of a replay were worth.

    Attributes:
        threshold: score from which a candidate became an alert.
        alerts: how many there were, one for an episode.
        false_alerts: alerts none of whose events belongs to an incident.
        recall: over all incidents.
        by_family: recall for each family.
        by_kind: recall for each kind, by ``(family, kind)``.
        precision: true alerts of all alerts, with Wilson's interval in ``precision_interval``.
        precision_interval: the interval.
        false_by_family: false alerts by the family of the alert.
        days: days of the log.
        staff: members of staff.
        delays: seconds of log time from the first event of each incident that was found to its first alert.
        missed: identifiers of the incidents that were not found.
        curve: threshold, recall, alerts, false_alerts, false_per_day (a day and 1,000 staff).
    """

    threshold: float
    alerts: int
    false_alerts: int
    recall: Recall
    by_family: Mapping[str, Recall]
    by_kind: Mapping[tuple[str, str], Recall]
    precision: float
    precision_interval: tuple[float, float]
    false_by_family: Mapping[str, int]
    days: float
    staff: int
    delays: tuple[float, ...] = field(repr=False)
    missed: tuple[str, ...] = field(repr=False)
    curve: pd.DataFrame = field(repr=False)

    @property
    def false_per_day(self) -> float:
        """False alerts a day for every 1,000 members of staff."""
        return per_day(self.false_alerts, self.days, self.staff)

    @property
    def time_to_alert(self) -> float:
        """Median seconds of log time from the first event of an incident to its first alert."""
        return self.time_to_alert_percentile(50)

    def time_to_alert_percentile(self, percentile: float) -> float:
        """Return a percentile (0 to 100) of the seconds to the first alert, of incidents that were found."""
        return float(np.percentile(self.delays, percentile)) if self.delays else float("nan")

    def sentence(self) -> str:
        """Return the evaluation in two sentences."""
        if not self.recall.planted:
            return (
                f"No incident was planted; {self.false_alerts} false alerts, {self.false_per_day:.1f} a day "
                "for every 1,000 staff."
            )
        found, low, high = self.recall, percent(self.recall.low), percent(self.recall.high)
        return (
            f"Found {found.found} of {found.planted} planted incidents ({percent(found.share)}, interval "
            f"{low} to {high}) at {self.false_per_day:.1f} false alerts a day for every 1,000 staff; "
            f"{percent(self.precision)} of the alerts were about an incident. Half of those found were told "
            f"within {words_for_seconds(self.time_to_alert)} of log time, nine in ten within "
            f"{words_for_seconds(self.time_to_alert_percentile(90))}."
        )

    def to_frame(self) -> pd.DataFrame:
        """Return recall by family and by kind, the last row over all.

        Columns: family, kind ("all" for a whole family), planted, found, recall, low, high.
        """
        rows = [(family, kind, part) for (family, kind), part in self.by_kind.items()]
        rows += [(family, "all", part) for family, part in self.by_family.items()]
        rows = [*sorted(rows, key=lambda row: (row[0], row[1] == "all", row[1])), ("all", "all", self.recall)]
        return pd.DataFrame(
            [
                (family, kind, part.planted, part.found, part.share, part.low, part.high)
                for family, kind, part in rows
            ],
            columns=["family", "kind", "planted", "found", "recall", "low", "high"],
        )


def words_for_seconds(seconds: float) -> str:
    """Show a span of time in its largest fitting unit.

    >>> words_for_seconds(0.0), words_for_seconds(90), words_for_seconds(7200)
    ('0 seconds', '1.5 minutes', '2.0 hours')
    """
    if np.isnan(seconds):
        return "no time that is known"
    if seconds < 60:
        return f"{seconds:.0f} seconds"
    if seconds < 3600:
        return f"{seconds / 60:.1f} minutes"
    return f"{seconds / 3600:.1f} hours" if seconds < DAY else f"{seconds / DAY:.1f} days"


def per_day(alerts: float, days: float, staff: int) -> float:
    """Return alerts a day for every 1,000 members of staff."""
    return alerts / days / staff * 1000 if days and staff else float("nan")


def evaluate(
    detections: Iterable[Detection],
    month: MonthLike,
    *,
    threshold: float = THRESHOLD,
    window: float = WINDOW,
    families: Sequence[str] | None = None,
    curve_at: Sequence[float] | np.ndarray = CURVE_POINTS,
) -> Evaluation:
    """Compare detections with the truth of a month.

    An alert is false when none of its events belongs to an incident. An incident is found when one of its
    events is in an alert, at the time of the candidate that brought the event in: also where that candidate
    joined an episode that was open already, since whoever works on the alert sees it grow.

    Args:
        detections: the candidates of a replay (``Replay.candidates``; then the curve reaches below the
            threshold), or its alerts.
        month: the truth.
        threshold: score from which a candidate counts.
        window: seconds that end an episode; by default those of a watch.
        families: judge these alone, both alerts and incidents; all by default.
        curve_at: thresholds of the curve; each takes as long as the evaluation itself, and none gives an
            empty curve.

    Raises:
        UserError: if the month lacks its truth.
    """
    _check(month)
    kept = [item for item in detections if families is None or item.family in families]
    kept.sort(key=lambda item: item.time)
    incidents = month.incidents
    if families is not None:
        incidents = incidents[incidents["family"].isin(list(families))]
    of_event: dict[str, list[str]] = {}
    for event_id, incident_id in zip(month.truth["event_id"], month.truth["incident_id"], strict=True):
        of_event.setdefault(str(event_id), []).append(str(incident_id))
    days = days_of(month.events)
    staff = len(month.staff)
    points = [_at(kept, of_event, set(map(str, incidents["incident_id"])), t, window) for t in curve_at]
    curve = pd.DataFrame(
        {
            "threshold": curve_at,
            "recall": [len(p.found) / len(incidents) if len(incidents) else np.nan for p in points],
            "alerts": [p.alerts for p in points],
            "false_alerts": [len(p.false) for p in points],
            "false_per_day": [per_day(len(p.false), days, staff) for p in points],
        }
    )
    here = _at(kept, of_event, set(map(str, incidents["incident_id"])), threshold, window)
    ids = incidents["incident_id"].astype(str)
    found = ids.isin(list(here.found))
    starts = {
        i: start.timestamp()
        for i, start in zip(ids, pd.to_datetime(incidents["start"], utc=True), strict=True)
    }
    true = here.alerts - len(here.false)
    false_by_family: dict[str, int] = {}
    for item in here.false:
        false_by_family[item.family] = false_by_family.get(item.family, 0) + 1
    return Evaluation(
        threshold,
        here.alerts,
        len(here.false),
        _recall(found),
        {family: _recall(found[part.index]) for family, part in incidents.groupby("family", sort=True)},
        {
            (str(family), str(kind)): _recall(found[part.index])
            for (family, kind), part in incidents.groupby(["family", "kind"], sort=True)
        },
        true / here.alerts if here.alerts else float("nan"),
        wilson(true, here.alerts),
        dict(sorted(false_by_family.items())),
        days,
        staff,
        tuple(max(here.found[i] - starts[i], 0.0) for i in ids[found]),
        tuple(ids[~found]),
        curve,
    )


def days_of(events: pd.DataFrame) -> float:
    """Return how many days of 24 hours a log spans, at least one."""
    times = events["time"].dropna()
    if times.empty:
        return 1.0
    return max((times.max() - times.min()).total_seconds() / DAY, 1.0)


@dataclass(frozen=True)
class _Outcome:
    alerts: int
    false: list[Detection]
    found: dict[str, float]


def _at(
    kept: Sequence[Detection],
    of_event: Mapping[str, list[str]],
    known: set[str],
    threshold: float,
    window: float,
) -> _Outcome:
    grouped = Episodes(window, threshold)
    found: dict[str, float] = {}
    for candidate in kept:
        if candidate.score < threshold:
            continue
        grouped.add(candidate)
        for event in candidate.events:
            for incident in of_event.get(event, ()):
                if incident in known and incident not in found:
                    found[incident] = seconds_of(candidate.time)
    every = grouped.all()
    false = [item for item in every if not any(event in of_event for event in item.events)]
    return _Outcome(len(every), false, found)


def _recall(found: pd.Series) -> Recall:
    hits, n = int(found.sum()), len(found)
    return Recall(hits, n, *wilson(hits, n))


def _check(month: MonthLike) -> None:
    needed = {
        "incidents": ["incident_id", "family", "kind", "start"],
        "truth": ["event_id", "incident_id"],
        "events": ["time"],
    }
    for table, columns in needed.items():
        frame = getattr(month, table, None)
        if not isinstance(frame, pd.DataFrame):
            raise UserError(f"An evaluation needs the table '{table}': without the truth there is no recall.")
        for name in columns:
            if name not in frame.columns:
                raise UserError(f"The table '{table}' has no column '{name}': add it.")
