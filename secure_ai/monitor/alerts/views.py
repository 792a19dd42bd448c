"""What there is to see at the alert desk: tables and sentences of alerts, cases, deliveries and workload."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from secure_ai.monitor.alerts.alert import Alert
from secure_ai.monitor.alerts.clock import SteadyTime
from secure_ai.monitor.alerts.courier import Courier, Delivery, counts_of
from secure_ai.monitor.alerts.policy import AlertPolicy
from secure_ai.monitor.alerts.rules import next_due
from secure_ai.monitor.alerts.store import AlertStore
from secure_ai.monitor.alerts.workload import Workload, workload_of
from secure_ai.monitor.detection.result import Detection

if TYPE_CHECKING:
    import pandas as pd


class DeskViews:
    """The part of the desk that only reads."""

    policy: AlertPolicy
    _store: AlertStore
    _time: SteadyTime
    _couriers: Mapping[str, Courier]
    _held: list[Detection]
    _trail_problem: str

    def alert(self, alert_id: str) -> Alert:
        """Return one alert as it stands.

        Raises:
            UserError: if there is none of this name.
        """
        return self._store.alert(alert_id)

    def alerts(self, *statuses: str) -> list[Alert]:
        """Return the alerts in the order in which they were raised; of some statuses if any are named."""
        marks = ", ".join("?" * len(statuses))
        return self._store.alerts(f"status IN ({marks})" if statuses else "1", *statuses)

    def to_frame(self) -> pd.DataFrame:
        """Return all alerts, one row each: the fields of :class:`Alert`, age_minutes and due_minutes.

        ``age_minutes`` is since the alert was raised (until it was closed), ``due_minutes`` from now to the
        next deadline (negative never: what is due is escalated at the next tick), NaN where none is left.
        """
        from secure_ai.monitor.alerts.tables import alerts_frame

        with self._store.lock:
            now = self._time.elapsed
            alerts = self.alerts()
            return alerts_frame(alerts, now, [next_due(alert, self.policy) for alert in alerts])

    def cases(self) -> pd.DataFrame:
        """Return the cases: actor, alerts, families, kinds, severity (the worst), detections, open, first and
        last seen."""
        from secure_ai.monitor.alerts.tables import cases_frame

        return cases_frame(self.alerts())

    def history(self, alert_id: str = "") -> pd.DataFrame:
        """Return the steps of one alert (or of all): alert, step, at, who, note."""
        from secure_ai.monitor.alerts.tables import frame

        rows = self._store.run(
            "SELECT alert, step, at, who, note FROM steps WHERE ? IN ('', alert) ORDER BY seq", alert_id
        )
        return frame(rows, "alert step at who note")

    def suppressions(self) -> pd.DataFrame:
        """Return the suppressions: name, kind, actor, target_group, by, reason, until, in_force, held
        (how many detections)."""
        from secure_ai.monitor.alerts.tables import frame

        rows = self._store.run(
            "SELECT printf('S-%04d', number), kind, actor, target_group, who, reason, until_time, "
            "until > ?, held FROM suppressions ORDER BY number",
            self._time.elapsed,
        )
        found = frame(rows, "suppression kind actor target_group by reason until in_force held")
        return found.astype({"in_force": bool})

    def deliveries(self) -> list[Delivery]:
        """Return how the delivery to each sink stands; former sinks with something waiting, too."""
        present = [courier.delivery() for courier in self._couriers.values()]
        rows = self._store.run("SELECT DISTINCT sink FROM outbox WHERE state = 'waiting' ORDER BY sink")
        gone = [name for (name,) in rows if name not in self._couriers]
        return present + [Delivery(name, *counts_of(self._store, name), configured=False) for name in gone]

    def workload(self) -> Workload:
        """Return what the alerts cost: alerts a day, minutes of analysts, precision by kind from verdicts."""
        return workload_of(self.alerts(), self.policy)

    def sentences(self) -> list[str]:
        """Return what somebody should know of the desk now, in plain sentences."""
        counts = dict(self._store.run("SELECT status, count(*) FROM alerts GROUP BY status"))
        said = [
            f"Alerts: {counts.get('open', 0):,} open, {counts.get('acknowledged', 0):,} acknowledged, "
            f"{counts.get('suppressed', 0):,} suppressed, {counts.get('closed', 0):,} closed."
        ]
        in_storms = self._store.run("SELECT count(*) FROM alerts WHERE storm != ''")[0][0]
        if in_storms:
            said.append(
                f"{in_storms:,} alerts came in storms: one alert speaks for each storm, all are kept."
            )
        said += [delivery.sentence() for delivery in self.deliveries()]
        words = {
            "duplicates": "Detections that came more than once and count once",
            "refused": "Things that were refused because they are no detections",
            "withheld": "Values that look like no identifiers and were replaced by codes",
            "clock_back": "Times that the clock went back, while deadlines went on",
        }
        said += [f"{text}: {count:,}." for name, text in words.items() if (count := self._counted(name))]
        if self._held:
            said.append(f"The store cannot be written: {len(self._held):,} detections are held in memory.")
        if self._trail_problem:
            waiting = self._store.run("SELECT count(*) FROM trail")[0][0]
            said.append(f"The audit trail cannot be written: {waiting:,} lines wait in the store.")
        return said

    def _counted(self, name: str) -> int:
        return int(self._store.get(f"count {name}", "0"))
