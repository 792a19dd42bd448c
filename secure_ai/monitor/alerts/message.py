"""What leaves the desk: a message with an allow-list of fields, and its text for a screen or a mail."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from secure_ai.monitor.alerts.alert import STORM, Alert, Why

Event = Literal["raised", "severity raised", "escalated", "storm grows", "storm over", "snooze over"]
FIELDS = (
    "event", "alert", "case", "severity", "kind", "family", "actor", "target", "targets", "count",
    "first_seen", "last_seen", "raised_at", "status", "score", "why", "raised_by", "events",
    "event_count", "role", "alerts",
)  # fmt: skip
"""Every field that a message may have, besides its key; a test holds received messages against it."""
FIELDS_OF_WHY = ("name", "value", "usual")


@dataclass(frozen=True, slots=True)
class Message:
    """One message for one sink.

    Attributes:
        key: the same at every attempt, so that a receiver knows one that came before.
        fields: some of :data:`FIELDS`.
        text: the JSON of key and fields, as it lies in the outbox.
    """

    key: str
    fields: Mapping[str, Any]
    text: str

    @classmethod
    def read(cls, text: str) -> Message:
        """Return the message of a row of the outbox."""
        fields = json.loads(text)
        return cls(fields.pop("key"), fields, text)

    def line(self) -> str:
        """Return the message as one line without an end."""
        fields = self.fields
        severity = str(fields["severity"]).upper()
        role = f" [to {fields['role']}]" if fields.get("role") else ""
        if several := fields.get("alerts"):
            return (
                f"{severity} {fields['event']}{role}: {len(several):,} alerts at once, {several[0]} to "
                f"{several[-1]}"
            )
        head = f"{severity} {fields['event']}{role}: {fields['alert']}"
        if fields["kind"] == STORM:
            return f"{head} stands for {fields['count']:,} alerts; all are kept in the store"
        what = str(fields["kind"]).replace("_", " ")
        more = f" and {fields['targets'] - 1:,} more" if fields["targets"] > 1 else ""
        times = "once" if fields["count"] == 1 else f"{fields['count']:,} times"
        why = "; ".join(Why(**reason).words() for reason in fields["why"])
        return (
            f"{head} {what} by {fields['actor']} on {fields['target']}{more}, {times}"
            f"{f' ({why})' if why else ''}"
        )


def fields_of(alert: Alert, event: Event, role: str) -> dict[str, Any]:
    """Return the fields of a message about an alert, for a role."""
    return {
        "event": event,
        "alert": alert.alert_id,
        "case": alert.case_id,
        "severity": alert.severity,
        "kind": alert.kind,
        "family": alert.family,
        "actor": alert.actor,
        "target": alert.target,
        "targets": alert.targets,
        "count": alert.count,
        "first_seen": alert.first_seen,
        "last_seen": alert.last_seen,
        "raised_at": alert.raised_at,
        "status": alert.status,
        "score": alert.score,
        "why": [{name: getattr(reason, name) for name in FIELDS_OF_WHY} for reason in alert.why],
        "raised_by": list(alert.raised_by),
        "events": list(alert.events),
        "event_count": alert.event_count,
        "role": role,
    }


def fields_of_many(alerts: list[Alert], event: Event, role: str) -> dict[str, Any]:
    """Return the fields of one message about many alerts of a severity."""
    return {
        "event": event,
        "severity": alerts[0].severity,
        "role": role,
        "count": len(alerts),
        "alerts": [alert.alert_id for alert in alerts],
    }
