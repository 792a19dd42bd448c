"""The alert desk: detections in, alerts out, and what people do with them; it survives what goes wrong."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from secure_ai.core.audit import AuditLog, utc_now
from secure_ai.core.errors import UserError
from secure_ai.monitor.alerts.alert import DESK, Alert, Verdict
from secure_ai.monitor.alerts.announce import Announcer
from secure_ai.monitor.alerts.clock import Clock, ManualClock, Moment, SteadyTime, iso, parse_time
from secure_ai.monitor.alerts.courier import Courier, Delivery, Retry, Worker
from secure_ai.monitor.alerts.handling import Handling
from secure_ai.monitor.alerts.intake import Intake
from secure_ai.monitor.alerts.notes import NoteCheck, holds_personal_value
from secure_ai.monitor.alerts.policy import AlertPolicy, load_policy
from secure_ai.monitor.alerts.results import Closing, Received
from secure_ai.monitor.alerts.rules import steps_left
from secure_ai.monitor.alerts.sinks import Audience, Sink
from secure_ai.monitor.alerts.store import AlertStore, StoreError
from secure_ai.monitor.alerts.views import DeskViews
from secure_ai.monitor.detection.result import Detection
from secure_ai.monitor.trail.entries import DuplicateEvent

logger = logging.getLogger(__name__)
MOST_HELD = 10_000
_TRAILED_AT_ONCE = 200
Result = TypeVar("Result")


class AlertDesk(DeskViews):
    """Makes alerts of detections, tells people, waits for their answer, and keeps the record.

    Args:
        store: the SQLite file, or a store that is open; None for memory.
        policy: how alerts are combined, escalated and limited; the kit's own if None.
        sinks: where messages go; each is served in order, at least once, with the same key at each attempt.
        audit: the audit trail that each step goes to; one in memory if None.
        prominent: targets that raise a severity, by their identifiers.
        groups: target -> its group (a ward), where the policy's grouping does not fit.
        clock: gives the time; a :class:`~secure_ai.monitor.alerts.clock.ManualClock` for replays.
        background: deliver in threads, one a sink. If not, :meth:`deliver` delivers, in the caller's thread.
        tick_seconds: how often deadlines are looked at in the background; None if :meth:`tick` is called.
        retry: how failed deliveries are tried again: for all sinks, or by name.
        check_note: says whether a note holds a personal value; the kit's detector if None.
        monotonic: seconds for the waits of deliveries.

    Raises:
        UserError: if the store cannot be used, or two sinks have one name.
    """

    def __init__(
        self,
        store: AlertStore | str | Path | None = None,
        *,
        policy: AlertPolicy | None = None,
        sinks: Iterable[Sink] = (),
        audit: AuditLog | None = None,
        prominent: Collection[str] = (),
        groups: Mapping[str, str] | None = None,
        clock: Clock = utc_now,
        background: bool = True,
        tick_seconds: float | None = 30.0,
        retry: Retry | Mapping[str, Retry] | None = None,
        check_note: NoteCheck | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.policy = policy or load_policy()
        self.audit = audit or AuditLog(clock=clock)
        sinks = list(sinks)
        names = [sink.name for sink in sinks]
        if len(set(names)) < len(names):
            raise UserError(
                "Two sinks have one name: what waits for a sink is kept under it, so name them apart."
            )
        self._store = store if isinstance(store, AlertStore) else AlertStore(store)
        self._clock, self._monotonic = clock, monotonic
        last = self._store.get("last")
        self._time = SteadyTime(
            clock, float(self._store.get("elapsed", "0")), parse_time(last) if last else None
        )
        self._announcer = Announcer(self._store, self.policy, {sink.name: Audience(sink) for sink in sinks})
        self._intake = Intake(self._store, self.policy, self._announcer, prominent, groups or {})
        self._handling = Handling(
            self._store, self.policy, self._announcer, lambda: self.audit, check_note or holds_personal_value
        )
        self._held: list[Detection] = []
        self._trail_problem = ""
        self._closed = False
        with self._store.transaction():
            for alert in self._store.alerts("status IN ('open', 'acknowledged')"):
                self._announcer.save(alert)  # The policy may have changed since.
        retries = retry if isinstance(retry, Mapping) else {name: retry or Retry() for name in names}
        self._couriers = {
            sink.name: Courier(
                self._store, sink, retries.get(sink.name) or Retry(), monotonic=self._monotonic
            )
            for sink in sinks
        }
        self._workers: dict[str, Worker] = {}
        self._ticker: threading.Thread | None = None
        self._end = threading.Event()
        if background:
            self._start(tick_seconds)

    def __repr__(self) -> str:
        return f"AlertDesk(sinks={list(self._couriers)})"

    def __enter__(self) -> AlertDesk:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _start(self, tick_seconds: float | None) -> None:
        self._workers = {name: Worker(courier) for name, courier in self._couriers.items()}
        for worker in self._workers.values():
            worker.start()
        if tick_seconds is not None:
            self._ticker = threading.Thread(
                target=self._tick_on, args=(tick_seconds,), name="alert deadlines", daemon=True
            )
            self._ticker.start()

    def _tick_on(self, seconds: float) -> None:
        while not self._end.wait(seconds):
            try:
                self.tick()
            except Exception as error:
                # Whatever it was, the next look must come; foreign words of an error are not shown.
                why = str(error) if isinstance(error, UserError) else type(error).__name__
                logger.warning("Deadlines of alerts could not be looked at: %s", why)

    # Detections in

    def receive(self, detections: Detection | Iterable[Detection]) -> Received:
        """Take detections. Nothing is lost: what the store cannot take is held in memory and said.

        Raises:
            UserError: if the desk is closed, these are no detections, or more than 10,000 are held already.
        """
        self._open()
        given = _as_list(detections)
        counts = dict.fromkeys(("new", "merged", "duplicate", "refused"), 0)
        touched: dict[str, Alert] = {}
        with self._store.lock:
            if len(self._held) + len(given) > MOST_HELD and self._held:
                raise UserError(
                    f"The alert store cannot be written and {len(self._held):,} detections are held in "
                    "memory: free space on the disk, then give these again."
                )
            waiting = self._held + given
            try:
                with self._store.transaction():
                    moment = self._moment()
                    self._announcer.end_storms(moment)
                    before = self._intake.identifiers.withheld
                    for detection in waiting:
                        try:
                            seen = self._intake.read(detection, moment)
                        except UserError:
                            counts["refused"] += 1
                            continue
                        taken, alert = self._intake.take(seen, moment)
                        counts[taken] += 1
                        if alert is not None:
                            touched[alert.alert_id] = alert
                    self._count("withheld", self._intake.identifiers.withheld - before)
                    self._count("duplicates", counts["duplicate"])
                    self._count("refused", counts["refused"])
                self._held = []
            except StoreError as error:
                self._held = waiting
                logger.warning("%s %d detections are held in memory.", error, len(waiting))
                return Received((), 0, 0, 0, 0, len(waiting))
            if counts["refused"]:
                logger.warning("%d things that are no detections were refused.", counts["refused"])
            self._flush_trail()
        self._wake()
        return Received(
            tuple(touched.values()),
            counts["new"],
            counts["merged"],
            counts["duplicate"],
            counts["refused"],
            0,
        )

    def replay(self, detections: Iterable[Detection], until: datetime | str | None = None) -> Received:
        """Play detections in the order of their time, the clock going along; deadlines fall in between.

        Args:
            detections: with readable times.
            until: how far the clock goes on afterwards; the last detection if None.

        Raises:
            UserError: if the desk's clock cannot be set, or a time is not readable.
        """
        clock = self._clock
        if not isinstance(clock, ManualClock):
            raise UserError("A replay needs a clock that can be set: AlertDesk(clock=ManualClock(start)).")
        timed = sorted(
            ((parse_time(one.time), one) for one in _as_list(detections)), key=lambda pair: pair[0]
        )
        parts = []
        for when, detection in timed:
            self._go_to(clock, when)
            parts.append(self.receive(detection))
        if until is not None:
            self._go_to(clock, parse_time(until))
        alerts = {alert.alert_id: alert for part in parts for alert in part.alerts}
        names = ("new", "merged", "duplicates", "refused")
        sums = {name: sum(getattr(part, name) for part in parts) for name in names}
        return Received(tuple(alerts.values()), **sums, held=len(self._held))

    def _go_to(self, clock: ManualClock, when: datetime) -> None:
        while (due := self._next_due()) is not None:
            wait = due - self._time.elapsed
            if wait > (when - clock.now).total_seconds():
                break
            clock.advance(seconds=max(wait, 0.0) + 0.001)
            self.tick()
        if when > clock.now:
            clock.set(when)
            self.tick()

    def _next_due(self) -> float | None:
        return self._store.run("SELECT min(next_due) FROM alerts")[0][0]

    def tick(self) -> list[Alert]:
        """Look at the deadlines and return the alerts that were escalated.

        Raises:
            UserError: if the desk is closed or the store cannot be written.
        """
        self._open()
        if self._held:
            self.receive([])
        with self._store.lock:
            with self._store.transaction():
                moment = self._moment()
                self._announcer.end_storms(moment)
                escalated = self._escalate(moment)
            self._flush_trail()
        self._wake()
        return escalated

    def _escalate(self, moment: Moment) -> list[Alert]:
        groups: dict[tuple[str, str], list[str]] = {}
        changed: dict[str, Alert] = {}
        for alert in self._store.alerts("next_due <= ?", moment.elapsed):
            current = alert
            if current.snoozed_until is not None:
                current = replace(current, snoozed_until=None)
                self._store.step(current.alert_id, "snooze over", moment, DESK)
                self._announcer.post(current, "snooze over", self.policy.first)
            for step in steps_left(current, self.policy):
                if current.due_from + step.after_minutes * 60 <= moment.elapsed:
                    current = replace(current, escalated=(*current.escalated, step.to))
                    groups.setdefault((current.severity, step.to), []).append(current.alert_id)
            changed[current.alert_id] = self._announcer.save(current)
        for (_, role), names in groups.items():
            self._announcer.escalated([changed[name] for name in names], role, moment)
        return [changed[name] for name in dict.fromkeys(name for names in groups.values() for name in names)]

    # What people do

    def acknowledge(self, alert_id: str, by: str, note: str = "") -> Alert:
        """Take an alert on; its deadlines until acknowledgement end.

        Args:
            alert_id: of an open alert.
            by: who, by an identifier; not the actor of the alert.
            note: one line without personal values; kept in the store only.

        Raises:
            UserError: if it is not open, it is one's own, the note is not fit, or the trail is not
                writable.
        """
        return self._by_person(lambda now: self._handling.acknowledge(alert_id, by, note, now))

    def snooze(self, alert_id: str, by: str, minutes: float, reason: str) -> Alert:
        """Put the deadlines of one alert off; when it is over they count as if it had not been.

        Raises:
            UserError: as :meth:`acknowledge`, or if it would last too long or no reason is given.
        """
        return self._by_person(lambda now: self._handling.snooze(alert_id, by, minutes, reason, now))

    def close_alert(
        self, alert_id: str, by: str, verdict: Verdict, note: str = "", *, members: bool = False
    ) -> Alert:
        """End an alert: ``"true"``, ``"false"`` or ``"benign-explained"``; precision is counted from these.

        Args:
            alert_id: of an alert that is not closed.
            by: who, by an identifier; not the actor of the alert.
            verdict: what it was.
            note: one line without personal values; kept in the store only.
            members: of a storm: close its open alerts with the same verdict.

        Raises:
            UserError: as :meth:`acknowledge`.
        """
        return self._by_person(
            lambda now: self._handling.close(alert_id, by, verdict, note, now, members=members)
        )

    def suppress(
        self, by: str, reason: str, hours: float, *, kind: str = "", actor: str = "", target_group: str = ""
    ) -> str:
        """Hold back alerts to come for a time; they are kept, counted and listed, and only not sent.

        Args:
            by: who, by an identifier; alerts about this person are not held back.
            reason: why; kept in the store only.
            hours: for how long; the policy has a limit.
            kind: of the alerts; all if empty.
            actor: of the alerts; all if empty.
            target_group: of the alerts; all if empty.

        Returns:
            The suppression's name.

        Raises:
            UserError: if it names nothing, would last too long, or no reason is given.
        """
        return self._by_person(
            lambda now: self._handling.suppress(
                by, reason, hours, now, kind=kind, actor=actor, target_group=target_group
            )
        )

    def lift(self, suppression: str, by: str) -> None:
        """End a suppression before its time.

        Raises:
            UserError: if it is not in force.
        """
        self._by_person(lambda now: self._handling.lift(suppression, by, now))

    def _by_person(self, step: Callable[[Moment], Result]) -> Result:
        self._open()
        with self._store.lock:
            self._flush_trail()
            if self._trail_problem:
                raise UserError(
                    f"The audit trail cannot be written ({self._trail_problem}): nothing is done."
                )
            with self._store.transaction():
                result = step(self._moment())
            self._flush_trail()
        self._wake()
        return result

    # Delivery and the end

    def deliver(self) -> list[Delivery]:
        """Deliver what can be delivered now, in this thread, and say how it stands; without background only.

        Raises:
            UserError: if the desk delivers in the background, or is closed.
        """
        self._open()
        if self._workers:
            raise UserError("This desk delivers in the background: use wait_for_delivery().")
        for courier in self._couriers.values():
            while courier.step() == 0:
                pass
        return self.deliveries()

    def wait_for_delivery(self, limit_seconds: float = 5.0) -> list[Delivery]:
        """Wait until nothing waits for a sink, at most for a time, and say how it stands."""
        end = time.monotonic() + limit_seconds
        while time.monotonic() < end and any(one.waiting and one.configured for one in self.deliveries()):
            self._end.wait(0.01)
        return self.deliveries()

    def close(self, limit_seconds: float = 5.0) -> Closing:
        """End the desk within a time, whatever the sinks do, and say what waits."""
        end = time.monotonic() + limit_seconds
        if self._closed:
            return Closing({}, (), 0, 0, limit_seconds)
        self._closed = True
        self._end.set()
        for worker in self._workers.values():
            worker.leave()
        for worker in self._workers.values():
            worker.join(max(0.0, end - time.monotonic()))
        stuck = tuple(name for name, worker in self._workers.items() if worker.is_alive())
        for worker in self._workers.values():
            worker.stop()
        try:
            self._flush_trail()
            waiting = {one.sink: one.waiting for one in self.deliveries()}
            untrailed = self._store.run("SELECT count(*) FROM trail")[0][0]
        except UserError:
            waiting, untrailed = {}, 0
        self._store.close()
        closing = Closing(waiting, stuck, untrailed, len(self._held), limit_seconds)
        if any(waiting.values()) or stuck or untrailed or closing.held:
            logger.warning("%s", closing.sentence())
        return closing

    # Inside

    def _open(self) -> None:
        if self._closed:
            raise UserError("The alert desk is closed: open a new one on the same store.")

    def _moment(self) -> Moment:
        before = self._time.went_back
        elapsed = self._time.read()
        if self._time.went_back > before:
            self._count("clock_back", 1)
            logger.warning("The clock went back; deadlines of alerts go on.")
        self._store.set("elapsed", repr(elapsed))
        self._store.set("last", self._time.last.isoformat())
        return Moment(elapsed, iso(self._time.last))

    def _count(self, name: str, more: int) -> None:
        if more:
            self._store.add_to(f"count {name}", more)

    def _wake(self) -> None:
        for worker in self._workers.values():
            worker.wake()

    def _flush_trail(self) -> None:
        """Bring the desk's own lines to the audit trail; what it cannot take stays in the store, in order."""
        instance = self._store.get("instance")
        while rows := self._store.run("SELECT seq, event FROM trail ORDER BY seq LIMIT ?", _TRAILED_AT_ONCE):
            done = 0
            try:
                for seq, text in rows:
                    event: dict[str, Any] = json.loads(text)
                    details = event.pop("details")
                    # A trail that has the line took it just before a program was killed.
                    with suppress(DuplicateEvent):
                        self.audit.record(**event, event_id=f"alerts-{instance}-{seq}", **details)
                    done = seq
                self._trail_problem = ""
            except Exception as error:
                # A trail that fails must not stop alerts; foreign words of an error are not shown.
                if not self._trail_problem:
                    logger.warning("The audit trail does not take lines; they wait in the alert store.")
                self._trail_problem = str(error) if isinstance(error, UserError) else type(error).__name__
            self._store.run("DELETE FROM trail WHERE seq <= ?", done)
            if self._trail_problem:
                return


def _as_list(detections: Detection | Iterable[Detection]) -> list[Detection]:
    if isinstance(detections, Detection):
        return [detections]
    if isinstance(detections, str | bytes | Mapping) or not isinstance(detections, Iterable):
        raise UserError("The alert desk takes a detection or a list of detections.")
    return list(detections)
