"""What people do: acknowledge, close with a verdict; every step in the trail; precision from verdicts."""

from __future__ import annotations

import pytest

from secure_ai.core.audit import AuditLog
from secure_ai.core.errors import UserError
from secure_ai.core.intervals import wilson
from secure_ai.monitor.alerts.notes import holds_personal_value


def test_acknowledgement_says_who_when_and_why(desk, detection, clock):
    desk.receive(detection(1))
    clock.advance(minutes=7)
    desk.acknowledge("A-000001", "E-0099", "on the rota, asking the ward")
    last = desk.history("A-000001").iloc[-1]
    assert last.tolist() == [
        "A-000001", "acknowledged", "2026-03-02T08:07:00.000+00:00", "E-0099", "on the rota, asking the ward",
    ]  # fmt: skip


@pytest.mark.parametrize("step", ["acknowledge", "snooze", "close"])
@pytest.mark.parametrize("by", ["E-0012", "e-0012"])
def test_nobody_handles_an_alert_about_themselves_and_the_attempt_is_in_the_trail(
    desk, detection, audit, step, by
):
    desk.receive(detection(1))
    steps = {
        "acknowledge": lambda: desk.acknowledge("A-000001", by),
        "snooze": lambda: desk.snooze("A-000001", by, 5, "a reason"),
        "close": lambda: desk.close_alert("A-000001", by, "false"),
    }
    with pytest.raises(UserError, match="somebody else must"):
        steps[step]()
    assert desk.alert("A-000001").status == "open"
    assert (audit.events[-1].outcome, audit.events[-1].actor) == ("denied", by)


@pytest.mark.parametrize("by", ["Jane Smith", "jane@example.org", "", None, "E-1\nX: y", "Smith"])
def test_who_handles_an_alert_is_an_identifier(desk, detection, by):
    desk.receive(detection(1))
    with pytest.raises(UserError, match="identifier") as caught:
        desk.acknowledge("A-000001", by)
    assert not by or str(by) not in str(caught.value)


@pytest.mark.parametrize("note", ["x" * 201, "two\nlines", "told Smith", 5, "a\x1b[31m"])
def test_a_note_is_one_short_line_without_personal_values(desk, detection, note):
    desk.receive(detection(1))
    with pytest.raises(UserError, match="note") as caught:
        desk.acknowledge("A-000001", "E-0099", note)
    assert str(note) not in str(caught.value)
    assert desk.alert("A-000001").status == "open"


def test_the_kits_detector_reads_notes():
    assert holds_personal_value("Called Maria Fernandez about 912-47-3561")
    assert not holds_personal_value("on the rota of 12 March, confirmed by the ward")


def test_unknown_alerts_verdicts_and_repeated_steps_are_sentences(desk, detection):
    desk.receive(detection(1))
    with pytest.raises(UserError, match="no alert of this name"):
        desk.acknowledge("A-999999", "E-0099")
    with pytest.raises(UserError, match="verdict is one of"):
        desk.close_alert("A-000001", "E-0099", "maybe")
    desk.close_alert("A-000001", "E-0099", "true")
    with pytest.raises(UserError, match="closed already"):
        desk.acknowledge("A-000001", "E-0099")


def test_every_step_is_in_the_audit_trail_with_its_details(desk, detection, clock, audit):
    desk.receive(detection(1, severity="critical"))
    clock.advance(minutes=10)
    desk.tick()
    desk.acknowledge("A-000001", "E-0099", "note that stays here")
    desk.close_alert("A-000001", "E-0099", "true")
    actions = ["alert raised", "alert escalated", "alert acknowledged", "alert closed"]
    assert [event.action for event in audit.events] == actions
    assert {event.target for event in audit.events} == {"A-000001"}
    for event in audit.events:
        assert {"severity", "kind", "family", "count"} <= set(event.details)
        assert "note that stays here" not in event.to_json()
    assert audit.events[-1].details["verdict"] == "true"


class FullTrail:
    """A trail whose disk is full."""

    full = True

    def __init__(self) -> None:
        self.events = []

    def append(self, event):
        if self.full:
            raise UserError("The trail's disk is full.")
        self.events.append(event)


def test_a_trail_that_cannot_be_written_stops_no_alert_and_gets_its_lines_later(open_desk, detection, sink):
    trail = FullTrail()
    desk = open_desk(audit=AuditLog(store=trail))
    desk.receive(detection(1))
    desk.deliver()
    assert sink.said() == [("raised", "A-000001")]
    assert "The audit trail cannot be written: 1 lines wait in the store." in desk.sentences()
    with pytest.raises(UserError, match="nothing is done"):
        desk.acknowledge("A-000001", "E-0099")
    assert desk.alert("A-000001").status == "open"
    trail.full = False
    desk.acknowledge("A-000001", "E-0099")
    assert [event.action for event in trail.events] == ["alert raised", "alert acknowledged"]


def test_precision_by_kind_comes_from_verdicts_with_wilsons_interval(desk, detection):
    verdicts = ["true", "true", "false", "benign-explained"]
    for number, verdict in enumerate(verdicts):
        (alert,) = desk.receive(detection(number, actor=f"E-10{number}")).alerts
        desk.close_alert(alert.alert_id, "E-0099", verdict)
    (row,) = desk.workload().to_frame().to_dict("records")
    assert (row["true"], row["false"], row["benign-explained"], row["precision"]) == (2, 1, 1, 0.5)
    assert (row["low"], row["high"]) == wilson(2, 4)
    assert "2 of 4 closed alerts were true: precision 50%" in " ".join(desk.workload().sentences())


def test_workload_counts_days_and_minutes_and_leaves_out_what_was_suppressed(desk, detection):
    desk.suppress("E-0099", "a reason", 100, actor="E-5")
    desk.replay(
        [
            detection(1, severity="high"),
            detection(2, actor="E-5"),
            detection(3, actor="E-6", severity="low", time="2026-03-03T08:00:00"),
        ]
    )
    load = desk.workload()
    assert (load.days, load.alerts(), load.minutes, load.suppressed) == (2, 2, 23.0, 1)
    assert load.per_day["high"].tolist() == [1, 0]
    assert "1.0 a day, 12 minutes" in load.sentence()


def test_a_desk_without_alerts_has_a_workload_a_sentence_and_pictures(desk):
    from secure_ai.monitor.alerts import (
        ages_sentence,
        alerts_per_day_sentence,
        plot_ages,
        plot_alerts_per_day,
    )

    load = desk.workload()
    assert load.sentences() == [alerts_per_day_sentence(load)] == ["No alert was raised."]
    assert plot_alerts_per_day(load).axes[0].get_title(loc="left") == "0.0 alerts a day, 0 on the busiest"
    assert ages_sentence(desk.to_frame(), desk.policy) == "No alert waits for somebody."
    assert plot_ages(desk.to_frame(), desk.policy).axes


def test_pictures_state_what_is_in_the_data(desk, detection, clock):
    from secure_ai.monitor.alerts import ages_sentence, plot_ages, plot_alerts_per_day

    desk.receive([detection(n, actor=f"E-{n}", severity="high") for n in range(3)])
    clock.advance(minutes=61)
    desk.receive(detection(9, actor="E-9", severity="high", time="2026-03-02T09:01:00"))
    assert ages_sentence(desk.to_frame(), desk.policy).startswith("3 of 4 open alerts are past")
    assert plot_ages(desk.to_frame(), desk.policy).axes[0].get_title(loc="left").startswith("3 of 4")
    assert plot_alerts_per_day(desk.workload()).axes[0].get_title(loc="left").startswith("4.0 alerts a day")


def test_a_line_that_the_durable_trail_took_before_a_kill_is_there_once(open_desk, detection, tmp_path):
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from secure_ai.monitor.trail import open_trail

    key = Ed25519PrivateKey.generate()
    with open_trail(tmp_path / "trail.db", signing_key=key) as trail:
        desk = open_desk(tmp_path / "alerts.db", audit=AuditLog(store=trail))
        desk.receive(detection(1))
        row = (
            '{"action": "alert raised", "actor": "alert-desk", "alert": true, "details": {},'
            ' "outcome": "allowed", "target": "A-000001"}'
        )
        desk._store.run("INSERT INTO trail (seq, event) VALUES (1, ?)", row)
        desk.acknowledge("A-000001", "E-0099")
        assert trail.to_frame()["action"].tolist() == ["alert raised", "alert acknowledged"]
