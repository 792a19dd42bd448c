"""Takes detections and makes alerts of them: cleaned, deduplicated, combined, correlated, suppressed."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from secure_ai.core.errors import UserError
from secure_ai.monitor.alerts.alert import DESK, STORM, Alert, Why, fingerprint
from secure_ai.monitor.alerts.announce import Announcer
from secure_ai.monitor.alerts.clock import Moment, iso, parse_time
from secure_ai.monitor.alerts.identifiers import Identifiers, rounded, rule_name
from secure_ai.monitor.alerts.policy import AlertPolicy
from secure_ai.monitor.alerts.rules import combined_severity, target_group, worst
from secure_ai.monitor.alerts.store import AlertStore, number_of
from secure_ai.monitor.detection.result import SEVERITIES, Detection, Severity

KEPT_EVENTS = 20
KEPT_REASONS = 5
_LATEST = 100  # alerts of one actor that are looked through for families and a case

Taken = Literal["new", "merged", "duplicate"]


@dataclass(frozen=True, slots=True)
class Sighting:
    """A detection of which only identifiers, names of rules, numbers and a time are left."""

    digest: str
    time: datetime
    family: str
    kind: str
    actor: str
    target: str
    group: str
    severity: Severity
    score: float | None
    why: tuple[Why, ...]
    events: tuple[str, ...]
    event_count: int
    prominent: bool


class Intake:
    """Turns detections into alerts, inside a transaction of the store.

    Args:
        store: of the alerts.
        policy: how they are combined.
        announcer: says what happened.
        prominent: targets that are prominent, by their identifiers.
        groups: target -> its group, such as a ward, in the place of what the policy says.
    """

    def __init__(
        self,
        store: AlertStore,
        policy: AlertPolicy,
        announcer: Announcer,
        prominent: Collection[str],
        groups: Mapping[str, str],
    ) -> None:
        self._store, self._policy, self._announcer = store, policy, announcer
        self._prominent, self._groups = frozenset(prominent), dict(groups)
        self._key = bytes.fromhex(store.get("key"))
        self.identifiers = Identifiers(self._key)

    def read(self, detection: Detection, moment: Moment) -> Sighting:
        """Return what of a detection may go on; a time that is none becomes now.

        Raises:
            UserError: if it is no detection.
        """
        if not isinstance(detection, Detection):
            raise UserError("The alert desk takes detections (secure_ai.monitor.detection), nothing else.")
        time = parse_time(moment.at)
        with suppress(UserError):
            time = parse_time(detection.time)
        clean = self.identifiers.clean
        events = _listed(detection.events)
        target = clean(detection.target)
        raw_target = detection.target if isinstance(detection.target, str) else ""
        group = self._groups.get(raw_target)
        score = rounded(detection.score)
        return Sighting(
            digest=self._digest(detection, events),
            time=time,
            family=rule_name(detection.family, "unnamed_family"),
            kind=rule_name(detection.kind, "unnamed_kind"),
            actor=clean(detection.actor),
            target=target,
            group=clean(group) if group else target_group(target, self._policy.deduplicate.group_targets_by),
            # A severity that nobody knows is looked at rather than lost.
            severity=detection.severity if detection.severity in SEVERITIES else "high",
            score=None if score is None else min(max(score, 0.0), 1.0),
            why=tuple(
                Why(rule_name(reason.name, "unnamed_reason"), rounded(reason.value), rounded(reason.usual))
                for reason in _listed(detection.reasons)[:KEPT_REASONS]
                if hasattr(reason, "usual")
            ),
            events=tuple(clean(event) for event in events[:KEPT_EVENTS]),
            event_count=len(events),
            prominent=raw_target in self._prominent,
        )

    def _digest(self, detection: Detection, events: tuple[object, ...]) -> str:
        # Keyed: the hash of a number that people have could be found by trying all numbers.
        parts = [detection.time, detection.family, detection.kind, detection.actor, detection.target, *events]
        text = json.dumps(parts, default=str).encode()
        return hmac.new(self._key, text, hashlib.sha256).hexdigest()[:32]

    def take(self, seen: Sighting, moment: Moment) -> tuple[Taken, Alert | None]:
        """Make an alert of a sighting, or add it to the one that it belongs to."""
        if self._store.run("SELECT 1 FROM detections WHERE digest = ?", seen.digest):
            return "duplicate", None
        present = self._present(seen, moment)
        alert = self._new(seen, moment) if present is None else self._merged(present, seen, moment)
        return ("new" if present is None else "merged"), alert

    def _keep(self, seen: Sighting, alert_id: str) -> int:
        """Keep the sighting and return how many different targets its alert has."""
        number = number_of(alert_id)
        self._store.run(
            "INSERT INTO detections VALUES (?, ?, ?, ?, ?, ?)",
            seen.digest, number, iso(seen.time), seen.target, seen.severity, seen.score,
        )  # fmt: skip
        return self._store.run("SELECT count(DISTINCT target) FROM detections WHERE alert = ?", number)[0][0]

    def _present(self, seen: Sighting, moment: Moment) -> Alert | None:
        window = timedelta(minutes=self._policy.deduplicate.window_minutes)
        name = fingerprint(seen.actor, seen.kind, seen.group)
        for alert in reversed(self._store.alerts("fingerprint = ? AND status != 'closed'", name)):
            near = _near(alert, seen.time, window)
            if near and (
                alert.status != "suppressed"
                or alert.suppression == self._suppression(seen, alert.severity, moment)
            ):
                return alert
        return None

    def _suppression(self, seen: Sighting, severity: Severity, moment: Moment) -> str:
        """Return the suppression that holds this back, empty if none does."""
        if severity in self._policy.suppression.never:
            return ""
        rows = self._store.run(
            "SELECT number, who FROM suppressions WHERE until > ? AND kind IN ('', ?) AND actor IN ('', ?) "
            "AND target_group IN ('', ?) ORDER BY number",
            moment.elapsed, seen.kind, seen.actor, seen.group,
        )  # fmt: skip
        # Nobody holds back what is said of themselves.
        numbers = [number for number, who in rows if who.casefold() != seen.actor.casefold()]
        return f"S-{numbers[0]:04d}" if numbers else ""

    def _severity(self, seen: Sighting, present: Alert | None, others: list[Alert]) -> tuple[Severity, tuple]:
        within = timedelta(hours=self._policy.severity.families_within_hours)
        families = {
            alert.family
            for alert in others
            if alert.verdict not in ("false", "benign-explained") and _near(alert, seen.time, within)
        }
        before = present.raised_by if present else ()
        return combined_severity(
            worst((seen.severity, present.base_severity)) if present else seen.severity,
            self._policy.severity,
            count=present.count + 1 if present else 1,
            prominent=seen.prominent or "prominent target" in before,
            families=len(families | {seen.family}),
            kind=seen.kind,
        )

    def _others(self, actor: str) -> list[Alert]:
        latest = "SELECT number FROM alerts WHERE actor = ? AND kind != ? ORDER BY number DESC LIMIT ?"
        return self._store.alerts(f"number IN ({latest})", actor, STORM, _LATEST)

    def _case(self, seen: Sighting, others: list[Alert]) -> str:
        within = timedelta(hours=self._policy.case_hours)
        for alert in reversed(others):
            if alert.case_id and _near(alert, seen.time, within):
                return alert.case_id
        return f"C-{self._store.add_to('cases'):06d}"

    def _new(self, seen: Sighting, moment: Moment) -> Alert:
        others = self._others(seen.actor)
        severity, raised_by = self._severity(seen, None, others)
        suppression = self._suppression(seen, severity, moment)
        name = self._announcer.next_id()
        alert = Alert(
            alert_id=name, case_id=self._case(seen, others),
            fingerprint=fingerprint(seen.actor, seen.kind, seen.group), family=seen.family, kind=seen.kind,
            actor=seen.actor, target=seen.target, target_group=seen.group, severity=severity,
            base_severity=seen.severity, raised_by=raised_by, score=seen.score, why=seen.why,
            events=seen.events, event_count=seen.event_count, count=1, targets=self._keep(seen, name),
            first_seen=iso(seen.time),
            last_seen=iso(seen.time), raised_at=moment.at, raised_elapsed=moment.elapsed,
            due_from=moment.elapsed, status="suppressed" if suppression else "open", suppression=suppression,
        )  # fmt: skip
        self._store.step(name, "raised", moment, DESK)
        self._announcer.trail("alert raised", alert, look=not suppression)
        if not suppression:
            return self._announcer.raised(alert, "raised", moment)
        self._held_back(alert, moment)
        return self._announcer.save(alert)

    def _held_back(self, alert: Alert, moment: Moment) -> None:
        number = int(alert.suppression.removeprefix("S-"))
        self._store.run("UPDATE suppressions SET held = held + 1 WHERE number = ?", number)
        self._store.step(alert.alert_id, "suppressed", moment, DESK, alert.suppression)
        self._announcer.trail("alert suppressed", alert, suppression=alert.suppression)

    def _merged(self, alert: Alert, seen: Sighting, moment: Moment) -> Alert:
        severity, raised_by = self._severity(seen, alert, self._others(seen.actor))
        higher = SEVERITIES.index(severity) > SEVERITIES.index(alert.severity)
        better = (seen.score or 0.0) > (alert.score or 0.0)
        merged = replace(
            alert,
            base_severity=worst((alert.base_severity, seen.severity)),
            severity=severity if higher else alert.severity,
            raised_by=raised_by if higher or severity == alert.severity else alert.raised_by,
            score=seen.score if better else alert.score,
            why=seen.why if better and seen.why else alert.why,
            events=(alert.events + seen.events)[:KEPT_EVENTS],
            event_count=alert.event_count + seen.event_count,
            count=alert.count + 1,
            targets=self._keep(seen, alert.alert_id),
            first_seen=min(alert.first_seen, iso(seen.time)),
            last_seen=max(alert.last_seen, iso(seen.time)),
        )
        if alert.status == "suppressed":
            freed = merged.severity in self._policy.suppression.never
            if not freed:
                number = int(alert.suppression.removeprefix("S-"))
                self._store.run("UPDATE suppressions SET held = held + 1 WHERE number = ?", number)
                return self._announcer.save(merged)
        elif not higher:
            return self._announcer.save(merged)
        merged = replace(
            merged, status="open", suppression="", storm="", snoozed_until=None, acknowledged_by="",
            acknowledged_elapsed=None, due_from=moment.elapsed,
        )  # fmt: skip
        self._store.step(alert.alert_id, f"severity raised to {merged.severity}", moment, DESK)
        self._announcer.trail("alert raised", merged, look=True)
        return self._announcer.raised(merged, "severity raised", moment)


def _near(alert: Alert, time: datetime, window: timedelta) -> bool:
    """Say whether a time lies within an alert's, or no further from it than the window."""
    first, last = datetime.fromisoformat(alert.first_seen), datetime.fromisoformat(alert.last_seen)
    return first - time <= window and time - last <= window


def _listed(value: object) -> tuple:
    return tuple(value) if isinstance(value, tuple | list) else ()
