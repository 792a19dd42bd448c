"""Says what happened to an alert: messages into the outbox, lines for the audit trail, storms in one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from secure_ai.core.audit import Plain
from secure_ai.monitor.alerts.alert import DESK, STORM, Alert, fingerprint
from secure_ai.monitor.alerts.clock import Moment
from secure_ai.monitor.alerts.message import Event, fields_of, fields_of_many
from secure_ai.monitor.alerts.policy import AlertPolicy
from secure_ai.monitor.alerts.rules import next_due
from secure_ai.monitor.alerts.sinks import Audience
from secure_ai.monitor.alerts.store import AlertStore, number_of
from secure_ai.monitor.detection.result import SEVERITIES, Severity

_MOST_IN_ONE = 1000


def details_of(alert: Alert, **more: Plain) -> dict[str, Plain]:
    """Return what the audit trail says of an alert besides its name."""
    return {
        "severity": alert.severity, "kind": alert.kind, "family": alert.family, "count": alert.count,
        "about": alert.actor, "case": alert.case_id, **more,
    }  # fmt: skip


class Announcer:
    """Writes messages and lines of the trail into the store; others carry them on from there.

    Args:
        store: of the alerts.
        policy: of the alerts.
        audiences: name of a sink -> what it wants.
    """

    def __init__(self, store: AlertStore, policy: AlertPolicy, audiences: Mapping[str, Audience]) -> None:
        self._store, self._policy, self._audiences = store, policy, dict(audiences)

    def save(self, alert: Alert) -> Alert:
        """Write an alert with the time at which something is due for it."""
        self._store.save(alert, next_due(alert, self._policy))
        return alert

    def trail(self, action: str, alert: Alert, *, look: bool = False, **more: Plain) -> None:
        """Put a line of the desk's own doing down for the audit trail."""
        event = {
            "actor": DESK, "action": action, "target": alert.alert_id, "outcome": "allowed", "alert": look,
            "details": details_of(alert, **more),
        }  # fmt: skip
        self._store.run("INSERT INTO trail (event) VALUES (?)", json.dumps(event, sort_keys=True))

    def post(self, alert: Alert, event: Event, role: str) -> None:
        """Put a message about an alert into the outbox, for each sink that wants it."""
        self._post(alert.alert_id, alert.severity, role, fields_of(alert, event, role))

    def _post(self, alert_id: str, severity: Severity, role: str, fields: Mapping[str, Any]) -> None:
        for name, audience in self._audiences.items():
            if audience.wants(severity, role):
                self._store.post(name, alert_id, fields)

    def raised(self, alert: Alert, event: Event, moment: Moment) -> Alert:
        """Announce an alert that is new or more severe: by itself, or as one of a storm."""
        storm = self._storm(alert.severity)
        if storm is None and self._recent(alert, moment, "AND storm = ''") < self._policy.flood.alerts:
            self.save(alert)
            for role in dict.fromkeys((self._policy.first, *alert.escalated)):
                self.post(alert, event, role)
            return alert
        begins = storm is None
        # Saved first: the storm takes the next number.
        self.save(alert)
        storm = self._begin(alert, moment) if storm is None else replace(storm, count=storm.count + 1)
        alert = self.save(replace(alert, storm=storm.alert_id))
        self.save(storm)
        if begins:
            self._store.step(storm.alert_id, "raised", moment, DESK)
            self.trail("alert raised", storm, look=True)
            self.post(storm, "raised", self._policy.first)
        elif str(storm.count).strip("0") == "1":
            self.post(storm, "storm grows", self._policy.first)
        self._store.step(alert.alert_id, "in a storm", moment, DESK, storm.alert_id)
        return alert

    def _recent(self, alert: Alert, moment: Moment, more: str = "") -> int:
        """Count the other alerts of this severity that came within the flood's time."""
        return self._store.run(
            "SELECT count(*) FROM alerts WHERE severity = ? AND due_from > ? AND kind != ? "
            f"AND status != 'suppressed' AND number != ? {more}",
            alert.severity, moment.elapsed - self._policy.flood.minutes * 60, STORM,
            number_of(alert.alert_id),
        )[0][0]  # fmt: skip

    def _storm(self, severity: Severity) -> Alert | None:
        name = self._store.get(f"storm {severity}")
        return self._store.alert(name) if name else None

    def _begin(self, alert: Alert, moment: Moment) -> Alert:
        name = self.next_id()
        self._store.set(f"storm {alert.severity}", name)
        return Alert(
            alert_id=name, case_id="", fingerprint=fingerprint(DESK, STORM, alert.severity), family="alerts",
            kind=STORM, actor=DESK, target=alert.severity, target_group=alert.severity,
            severity=alert.severity, base_severity=alert.severity, raised_by=(), score=None,
            why=(), events=(), event_count=0, count=1,
            targets=1, first_seen=moment.at, last_seen=moment.at, raised_at=moment.at,
            raised_elapsed=moment.elapsed, due_from=moment.elapsed,
        )  # fmt: skip

    def end_storms(self, moment: Moment) -> None:
        """Say of each storm that has calmed down that it is over, and how many alerts it was."""
        for severity in SEVERITIES:
            storm = self._storm(severity)
            if storm is None or self._recent(storm, moment) >= self._policy.flood.alerts:
                continue
            self._store.set(f"storm {severity}", "")
            self.save(storm := replace(storm, storm_over=True, last_seen=moment.at))
            self._store.step(storm.alert_id, "storm over", moment, DESK)
            self.post(storm, "storm over", self._policy.first)

    def forget_storm(self, storm: Alert, moment: Moment) -> None:
        """Let the open alerts of a storm that was closed stand for themselves again."""
        if self._store.get(f"storm {storm.severity}") == storm.alert_id:
            self._store.set(f"storm {storm.severity}", "")
        for alert in self._store.alerts("storm = ? AND status IN ('open', 'acknowledged')", storm.alert_id):
            self.save(replace(alert, storm=""))
            self._store.step(alert.alert_id, "out of the storm", moment, DESK)

    def escalated(self, alerts: list[Alert], role: str, moment: Moment) -> None:
        """Announce alerts of one severity that were not answered in time: singly, or many in one."""
        for alert in alerts:
            self._store.step(alert.alert_id, f"escalated to {role}", moment, DESK)
            self.trail("alert escalated", alert, look=True, to=role)
        if len(alerts) <= self._policy.flood.alerts:
            for alert in alerts:
                self.post(alert, "escalated", role)
            return
        for start in range(0, len(alerts), _MOST_IN_ONE):
            some = alerts[start : start + _MOST_IN_ONE]
            self._post(some[0].alert_id, some[0].severity, role, fields_of_many(some, "escalated", role))

    def next_id(self) -> str:
        """Return the name of the next alert."""
        return f"A-{self._store.run('SELECT coalesce(max(number), 0) + 1 FROM alerts')[0][0]:06d}"
