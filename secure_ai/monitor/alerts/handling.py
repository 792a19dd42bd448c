"""What people do with alerts: acknowledge, put off, suppress, close with a verdict; each step is trailed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Literal, NoReturn

from secure_ai.core.audit import AuditLog
from secure_ai.core.errors import UserError
from secure_ai.monitor.alerts.alert import STORM, VERDICTS, Alert, Verdict
from secure_ai.monitor.alerts.announce import Announcer, details_of
from secure_ai.monitor.alerts.clock import Moment, iso, parse_time
from secure_ai.monitor.alerts.identifiers import looks_like_identifier, rule_name
from secure_ai.monitor.alerts.notes import NoteCheck, checked_note
from secure_ai.monitor.alerts.policy import AlertPolicy
from secure_ai.monitor.alerts.store import AlertStore

Action = Literal["alert acknowledged", "alert suppressed", "alert closed"]


class Handling:
    """The steps of people, inside a transaction of the store.

    The audit trail is written before the store confirms: a step that cannot be trailed does not happen.

    Args:
        store: of the alerts.
        policy: its limits.
        announcer: writes alerts.
        audit: gives the trail.
        check_note: says whether a note holds a personal value.
    """

    def __init__(
        self,
        store: AlertStore,
        policy: AlertPolicy,
        announcer: Announcer,
        audit: Callable[[], AuditLog],
        check_note: NoteCheck,
    ) -> None:
        self._store, self._policy, self._announcer = store, policy, announcer
        self._audit, self._check_note = audit, check_note

    def acknowledge(self, alert_id: str, by: str, note: str, moment: Moment) -> Alert:
        """Take an alert on."""
        alert = self._taken_up(alert_id, by, "alert acknowledged", ("open",))
        note = checked_note(note, "note", self._check_note)
        alert = replace(
            alert, status="acknowledged", acknowledged_by=by, acknowledged_elapsed=moment.elapsed,
            snoozed_until=None,
        )  # fmt: skip
        return self._done(alert, by, "alert acknowledged", "acknowledged", moment, note=note)

    def snooze(self, alert_id: str, by: str, minutes: float, reason: str, moment: Moment) -> Alert:
        """Put the deadlines of an alert off."""
        alert = self._taken_up(alert_id, by, "alert suppressed", ("open", "acknowledged"))
        minutes = _within(minutes, self._policy.snooze.longest_minutes, "A snooze", "minutes")
        reason = checked_note(reason, "reason", self._check_note, needed=True)
        alert = replace(alert, snoozed_until=moment.elapsed + minutes * 60)
        return self._done(
            alert,
            by,
            "alert suppressed",
            f"snoozed for {minutes:g} minutes",
            moment,
            note=reason,
            minutes=minutes,
        )

    def close(
        self, alert_id: str, by: str, verdict: Verdict, note: str, moment: Moment, *, members: bool = False
    ) -> Alert:
        """End an alert with a verdict; of a storm, its open alerts too where ``members`` says so."""
        if verdict not in VERDICTS:
            raise UserError(f"A verdict is one of {', '.join(VERDICTS)}.")
        alert = self._taken_up(alert_id, by, "alert closed", ("open", "acknowledged", "suppressed"))
        note = checked_note(note, "note", self._check_note)
        if members:
            held = self._store.alerts("storm = ? AND status IN ('open', 'acknowledged')", alert.alert_id)
            for one in held:
                self._close(one, by, verdict, note, moment)
        alert = self._close(alert, by, verdict, note, moment)
        if alert.kind == STORM:
            self._announcer.forget_storm(alert, moment)
        return alert

    def _close(self, alert: Alert, by: str, verdict: Verdict, note: str, moment: Moment) -> Alert:
        alert = replace(
            alert, status="closed", closed_by=by, closed_elapsed=moment.elapsed, verdict=verdict,
            snoozed_until=None,
        )  # fmt: skip
        return self._done(alert, by, "alert closed", f"closed: {verdict}", moment, note=note, verdict=verdict)

    def suppress(
        self,
        by: str,
        reason: str,
        hours: float,
        moment: Moment,
        *,
        kind: str = "",
        actor: str = "",
        target_group: str = "",
    ) -> str:
        """Hold back alerts to come and return the suppression's name."""
        _identifier(by, "The person who suppresses")
        if not (kind or actor or target_group):
            raise UserError("A suppression names a kind, an actor or a group of targets: not everything.")
        if kind and rule_name(kind, "") != kind:
            raise UserError("The kind of a suppression is the name of one, such as bulk_night_reading.")
        for value, what in ((actor, "The actor of a suppression"), (target_group, "The group of targets")):
            if value:
                _identifier(value, what)
        hours = _within(hours, self._policy.suppression.longest_hours, "A suppression", "hours")
        reason = checked_note(reason, "reason", self._check_note, needed=True)
        if actor and actor.casefold() == by.casefold():
            self._audit().record(by, "alert suppressed", actor, "denied", reason="own alerts", alert=True)
            raise UserError("Nobody suppresses alerts about themselves: ask a colleague.")
        until = moment.elapsed + hours * 3600
        shown = iso(parse_time(moment.at) + timedelta(hours=hours))
        self._store.run(
            "INSERT INTO suppressions (kind, actor, target_group, who, reason, until, until_time, held) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, 0)",
            kind, actor, target_group, by, reason, until, shown,
        )  # fmt: skip
        name = f"S-{self._store.run('SELECT max(number) FROM suppressions')[0][0]:04d}"
        details = {"kind": kind, "about": actor, "target_group": target_group, "hours": hours}
        self._audit().record(by, "alert suppressed", name, "allowed", **details)
        return name

    def lift(self, suppression: str, by: str, moment: Moment) -> None:
        """End a suppression before its time."""
        _identifier(by, "The person who lifts a suppression")
        digits = str(suppression).removeprefix("S-")
        number = int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 18 else -1
        if not self._store.run(
            "SELECT 1 FROM suppressions WHERE number = ? AND until > ?", number, moment.elapsed
        ):
            raise UserError("There is no such suppression in force: desk.suppressions() lists them.")
        self._store.run("UPDATE suppressions SET until = ? WHERE number = ?", moment.elapsed, number)
        self._audit().record(by, "suppression lifted", f"S-{number:04d}", "allowed")

    def _taken_up(self, alert_id: str, by: str, action: Action, statuses: tuple[str, ...]) -> Alert:
        _identifier(by, "The person who handles an alert")
        alert = self._store.alert(alert_id)
        if by.casefold() in self._actors(alert):
            self._denied(alert, by, action)
        if alert.status not in statuses:
            raise UserError(f"{alert.alert_id} is {alert.status} already: desk.history() says by whom.")
        return alert

    def _actors(self, alert: Alert) -> set[str]:
        rows = self._store.run("SELECT DISTINCT actor FROM alerts WHERE storm = ?", alert.alert_id)
        return {alert.actor.casefold(), *(actor.casefold() for (actor,) in rows)}

    def _denied(self, alert: Alert, by: str, action: Action) -> NoReturn:
        self._audit().record(
            by, action, alert.alert_id, "denied", reason="own alert", alert=True, **details_of(alert)
        )
        raise UserError(f"{alert.alert_id} is about the person who handles it: somebody else must.")

    def _done(
        self,
        alert: Alert,
        by: str,
        action: Action,
        step: str,
        moment: Moment,
        *,
        note: str,
        **more: str | float,
    ) -> Alert:
        self._announcer.save(alert)
        self._store.step(alert.alert_id, step, moment, by, note)
        self._audit().record(by, action, alert.alert_id, "allowed", **details_of(alert, **more))
        return alert


def _identifier(value: object, what: str) -> str:
    if not looks_like_identifier(value):
        raise UserError(f"{what} is given by an identifier such as E-0012, not by a name or an address.")
    return str(value)


def _within(value: float, longest: float, what: str, unit: str) -> float:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not 0 < value <= longest:
        raise UserError(f"{what} lasts more than 0 and at most {longest:g} {unit} (set in the policy).")
    return float(value)
