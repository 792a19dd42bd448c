"""Over any sequence of arrivals, failures, steps of people, clock jumps and restarts no alert is lost."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from secure_ai.core.audit import AuditLog
from secure_ai.core.errors import UserError
from secure_ai.monitor.alerts import AlertDesk, ManualClock, Retry

from .conftest import START, MemorySink, Waits, _detection

POLICY_STATUSES = ("open", "acknowledged", "suppressed", "closed")


class NothingLost(RuleBasedStateMachine):
    """A desk with two sinks that fail as told."""

    @initialize()
    def begin(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.clock, self.waits = ManualClock(START), Waits()
        self.sinks = [MemorySink("first"), MemorySink("second", at_least="medium")]
        self.audit = AuditLog(clock=self.clock)
        self.given: set[int] = set()
        self.escalated: dict[str, tuple[str, ...]] = {}
        self.open()

    def open(self) -> None:
        self.desk = AlertDesk(
            Path(self.folder.name) / "alerts.db", sinks=self.sinks, audit=self.audit, clock=self.clock,
            background=False, monotonic=self.waits, retry=Retry(), check_note=lambda _note: False,
        )  # fmt: skip
        self.desk._store.run("PRAGMA synchronous = OFF")  # The disk's word is another test's matter.

    @rule(
        numbers=st.lists(st.integers(0, 60), max_size=8),
        actor=st.sampled_from(["E-1", "E-2", "E-3"]),
        severity=st.sampled_from(["low", "medium", "critical"]),
    )
    def arrive(self, numbers: list[int], actor: str, severity: str) -> None:
        numbers = [number * 3 + int(actor[-1]) - 1 for number in numbers]
        self.desk.receive(
            [
                _detection(n, time=START, actor=actor, severity=severity, target=f"T{'abc'[n % 3]}-{n}")
                for n in numbers
            ]
        )
        self.given |= set(numbers)

    @rule(first=st.integers(1000, 9000))
    def flood(self, first: int) -> None:
        numbers = range(first, first + 40)
        self.desk.receive([_detection(n, time=START, actor=f"X-{n}", severity="low") for n in numbers])
        self.given |= set(numbers)

    @rule(which=st.integers(0, 1), how=st.sampled_from(["works", "fails", "loses_answer"]))
    def sink_changes(self, which: int, how: str) -> None:
        sink = self.sinks[which]
        sink.fails, sink.loses_answer = how == "fails", how == "loses_answer"

    @rule(seconds=st.sampled_from([0, 1, 100, 1000]))
    def deliver(self, seconds: float) -> None:
        self.waits.now += seconds
        self.desk.deliver()

    @rule(minutes=st.sampled_from([-10_000, -5, 1, 15, 300]))
    def time_jumps(self, minutes: float) -> None:
        self.clock.advance(minutes=minutes)
        self.desk.tick()

    @rule(number=st.integers(1, 12), step=st.sampled_from(["acknowledge", "true", "snooze"]))
    def person(self, number: int, step: str) -> None:
        name = f"A-{number:06d}"
        try:
            if step == "acknowledge":
                self.desk.acknowledge(name, "E-9")
            elif step == "snooze":
                self.desk.snooze(name, "E-9", 10, "a reason")
            else:
                self.desk.close_alert(name, "E-9", "true")
        except UserError:
            pass  # There is none, or it is not open: nothing may have changed.

    @rule()
    def suppress(self) -> None:
        self.desk.suppress("E-9", "a reason", 1, actor="E-2")

    @rule()
    def restart(self) -> None:
        self.desk.close()
        self.open()

    @invariant()
    def every_detection_is_counted_in_one_alert(self) -> None:
        if not hasattr(self, "desk"):
            return
        alerts = [alert for alert in self.desk.alerts() if alert.kind != "alert_storm"]
        assert sum(alert.count for alert in alerts) == len(self.given)
        assert all(alert.status in POLICY_STATUSES for alert in alerts)

    @invariant()
    def nothing_is_un_escalated_and_no_age_is_negative(self) -> None:
        if not hasattr(self, "desk"):
            return
        for alert in self.desk.alerts():
            assert self.desk._time.elapsed >= alert.due_from >= alert.raised_elapsed
            before = self.escalated.get(alert.alert_id, ())
            assert alert.escalated[: len(before)] == before
            self.escalated[alert.alert_id] = alert.escalated

    def teardown(self) -> None:
        """In the end every sink works: each message has come, in order, and every alert was spoken for."""
        if not hasattr(self, "desk"):
            return
        for sink in self.sinks:
            sink.fails = sink.loses_answer = False
        self.waits.now += 10_000
        assert all(one.waiting == 0 for one in self.desk.deliver())
        for sink in self.sinks:
            numbers = {int(one.key.rpartition("-")[2]): one.fields["severity"] for one in sink.messages}
            first_times = list(numbers)
            for critical in (True, False):  # Critical ones may overtake, nothing else does.
                mine = [
                    number for number, severity in numbers.items() if (severity == "critical") == critical
                ]
                assert mine == sorted(mine)
            expected = self.desk._store.run("SELECT count(*) FROM outbox WHERE sink = ?", sink.name)[0][0]
            assert len(first_times) == expected
        spoken = {name for _, name in self.sinks[0].said()}
        raised = {event.target for event in self.audit.events if event.action == "alert raised"}
        for alert in self.desk.alerts():
            assert alert.alert_id in raised
            steps = self.desk.history(alert.alert_id)["step"].tolist()
            assert alert.alert_id in spoken or alert.suppression or "in a storm" in steps
        self.desk.close()
        self.folder.cleanup()


TestNothingLost = NothingLost.TestCase
TestNothingLost.settings = settings(max_examples=6, stateful_step_count=12, deadline=None)
