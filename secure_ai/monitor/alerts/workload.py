"""What alerts cost and how often they are right: per day, in minutes of analysts, and by verdicts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

import pandas as pd

from secure_ai.core.figures import percent
from secure_ai.core.intervals import wilson
from secure_ai.monitor.alerts.alert import STORM, Alert, counted
from secure_ai.monitor.alerts.policy import AlertPolicy
from secure_ai.monitor.detection.result import SEVERITIES

_PRECISION = ["kind", "closed", "true", "false", "benign-explained", "precision", "low", "high"]


@dataclass(frozen=True, slots=True)
class Workload:
    """The work that alerts make.

    Attributes:
        days: from the day of the first alert to that of the last, both counted, by when they were raised.
        per_day: day (index), one column of counts for each severity; alerts that a person has to look at, so
            without suppressed ones, and with one for each storm in the place of those in it.
        minutes: of analysts, by the policy's minutes per alert.
        detections: that the alerts were made of.
        suppressed: alerts that were held back.
        in_storms: alerts for which a storm's one spoke.
        precision: by kind from verdicts: closed, true, false, benign-explained, precision (true of closed)
            with Wilson's 95% interval, low to high.
        acknowledged_minutes: median from raised to acknowledged; NaN if none was.
    """

    days: int
    per_day: pd.DataFrame
    minutes: float
    detections: int
    suppressed: int
    in_storms: int
    precision: pd.DataFrame
    acknowledged_minutes: float

    def alerts(self) -> int:
        """Return how many alerts people have to look at."""
        return int(self.per_day.to_numpy().sum())

    def to_frame(self) -> pd.DataFrame:
        """Return precision by kind, the worst first."""
        return self.precision.copy()

    def sentence(self) -> str:
        """Return the load in one sentence."""
        if not self.days:
            return "No alert was raised."
        return (
            f"{counted(self.alerts(), 'alert')} from {counted(self.detections, 'detection')} in "
            f"{counted(self.days, 'day')}: {self.alerts() / self.days:.1f} a day, "
            f"{self.minutes / self.days:.0f} minutes of analysts a day."
        )

    def sentences(self) -> list[str]:
        """Return the load, and what verdicts say, in sentences."""
        said = [self.sentence()]
        if self.suppressed or self.in_storms:
            said.append(
                f"Besides these, suppressed: {self.suppressed:,}, in storms: {self.in_storms:,}; "
                "all are kept."
            )
        if self.acknowledged_minutes == self.acknowledged_minutes:
            minutes = self.acknowledged_minutes
            within = "a minute" if minutes <= 1 else f"{minutes:.0f} minutes"
            said.append(f"Half of those acknowledged were so within {within}.")
        closed = int(self.precision["closed"].sum())
        if closed:
            true = int(self.precision["true"].sum())
            low, high = wilson(true, closed)
            said.append(
                f"{true:,} of {closed:,} closed alerts were true: precision {percent(true / closed)} "
                f"(95% interval {percent(low)} to {percent(high)})."
            )
            worst = self.precision.iloc[0]
            if len(self.precision) > 1:
                said.append(
                    f"Lowest for {str(worst['kind']).replace('_', ' ')}: {worst['true']} of "
                    f"{worst['closed']}."
                )
        elif self.days:
            said.append("No alert was closed with a verdict yet: how often they are right is not known.")
        return said


def workload_of(alerts: Sequence[Alert], policy: AlertPolicy) -> Workload:
    """Return the workload of alerts under a policy."""
    single = [alert for alert in alerts if alert.kind != STORM]
    # One that a person closed as part of a storm was looked at with it.
    seen = [alert for alert in alerts if not alert.suppression and not alert.storm]
    days = [datetime.fromisoformat(alert.raised_at).date() for alert in seen]
    waits = [
        (alert.acknowledged_elapsed - alert.raised_elapsed) / 60
        for alert in alerts
        if alert.acknowledged_elapsed is not None
    ]
    return Workload(
        days=(max(days) - min(days)).days + 1 if days else 0,
        per_day=_per_day(seen, days),
        minutes=sum(policy.minutes_per_alert[alert.severity] for alert in seen),
        detections=sum(alert.count for alert in single),
        suppressed=sum(bool(alert.suppression) for alert in single),
        in_storms=sum(bool(alert.storm) for alert in single),
        precision=_precision(single),
        acknowledged_minutes=float(pd.Series(waits, dtype="float64").median()),
    )


def _per_day(alerts: Sequence[Alert], days: Sequence[date]) -> pd.DataFrame:
    counts = Counter((day, alert.severity) for day, alert in zip(days, alerts, strict=True))
    every = pd.date_range(min(days), max(days)) if days else pd.DatetimeIndex([])
    return pd.DataFrame(
        {name: [counts[day.date(), name] for day in every] for name in SEVERITIES},
        index=every.rename("day"),
        dtype="int64",
    )


def _precision(alerts: Sequence[Alert]) -> pd.DataFrame:
    verdicts: dict[str, Counter[str]] = {}
    for alert in alerts:
        if alert.verdict:
            verdicts.setdefault(alert.kind, Counter())[alert.verdict] += 1
    rows = []
    for kind, counts in verdicts.items():
        closed = counts.total()
        shares = (counts["true"] / closed, *wilson(counts["true"], closed))
        rows.append((kind, closed, counts["true"], counts["false"], counts["benign-explained"], *shares))
    return pd.DataFrame(rows, columns=_PRECISION).sort_values(["precision", "kind"], ignore_index=True)
