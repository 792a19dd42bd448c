"""Escalation: who hears when, whatever the clock does; putting off and holding back end by themselves."""

from __future__ import annotations

import pytest

from secure_ai.core.errors import UserError
from secure_ai.monitor.alerts import ManualClock


def test_an_alert_that_nobody_takes_climbs_the_policy_step_by_step(desk, detection, clock, sink):
    desk.receive(detection(1, severity="critical"))
    for minutes, roles in [
        (9, ()),
        (1, ("on-call",)),
        (19, ("on-call",)),
        (1, ("on-call", "privacy-officer")),
    ]:
        clock.advance(minutes=minutes)
        desk.tick()
        assert desk.alert("A-000001").escalated == roles
    desk.deliver()
    assert [one.fields["role"] for one in sink.messages] == ["analyst", "on-call", "privacy-officer"]


def test_acknowledgement_ends_the_deadlines_but_not_those_until_it_is_closed(desk, detection, clock):
    desk.receive(detection(1, severity="critical"))
    desk.acknowledge("A-000001", "E-0099")
    clock.advance(hours=5)
    desk.tick()
    assert desk.alert("A-000001").escalated == ("security-lead",)
    desk.close_alert("A-000001", "E-0099", "true")
    clock.advance(hours=500)
    assert desk.tick() == []


def test_a_clock_that_goes_back_undoes_nothing_and_no_age_is_negative(desk, detection, clock):
    desk.receive(detection(1, severity="critical"))
    clock.advance(minutes=11)
    desk.tick()
    clock.advance(hours=-48)
    desk.tick()
    assert desk.alert("A-000001").escalated == ("on-call",)
    assert desk.to_frame()["age_minutes"].tolist() == [11.0]
    clock.advance(minutes=20)
    desk.tick()
    assert desk.alert("A-000001").escalated == ("on-call", "privacy-officer")
    assert any("clock went back" in sentence for sentence in desk.sentences())


def test_deadlines_go_on_while_the_desk_is_closed(open_desk, detection, clock, tmp_path):
    desk = open_desk(tmp_path / "alerts.db")
    desk.receive(detection(1, severity="critical"))
    desk.close()
    clock.advance(minutes=31)
    desk = open_desk(tmp_path / "alerts.db")
    desk.tick()
    assert desk.alert("A-000001").escalated == ("on-call", "privacy-officer")


def test_each_role_hears_once_however_often_the_deadlines_are_looked_at(desk, detection, clock, sink):
    desk.receive(detection(1, severity="critical"))
    for _ in range(20):
        clock.advance(hours=1)
        desk.tick()
    desk.deliver()
    assert len(sink.messages) == 4


def test_a_snoozed_alert_comes_back_and_its_deadlines_with_it(desk, detection, clock, sink):
    desk.receive(detection(1, severity="high"))
    desk.snooze("A-000001", "E-0099", 120, "waiting for the rota")
    clock.advance(minutes=119)
    assert desk.tick() == []
    clock.advance(minutes=1)
    desk.tick()
    desk.deliver()
    assert [event for event, _ in sink.said()] == ["raised", "snooze over", "escalated"]


def test_a_suppressed_alert_is_kept_counted_listed_and_not_sent(desk, detection, clock, sink, audit):
    name = desk.suppress("E-0099", "announced quality review", 24, kind="bulk_night_reading")
    desk.receive([detection(1), detection(2)])
    clock.advance(hours=23)
    desk.tick()
    desk.deliver()
    assert sink.messages == []
    assert desk.alerts("suppressed")[0].count == 2
    table = desk.suppressions()
    assert table[["suppression", "held", "in_force"]].to_numpy().tolist() == [[name, 2, True]]
    assert "alert suppressed" in audit.to_frame()["action"].tolist()
    assert "1 suppressed" in desk.sentences()[0]


def test_a_suppression_ends_by_itself_and_does_not_swallow_what_comes_after(desk, detection, clock):
    desk.suppress("E-0099", "announced quality review", 1, kind="bulk_night_reading")
    desk.receive(detection(1))
    clock.advance(minutes=61)
    desk.receive(detection(2))
    assert [alert.status for alert in desk.alerts()] == ["suppressed", "open"]


def test_a_suppression_can_be_lifted_once(desk, detection):
    name = desk.suppress("E-0099", "announced quality review", 1, kind="bulk_night_reading")
    desk.lift(name, "E-0098")
    desk.receive(detection(1))
    assert desk.alert("A-000001").status == "open"
    with pytest.raises(UserError, match="no such suppression"):
        desk.lift(name, "E-0098")


def test_nobody_holds_back_alerts_about_themselves(desk, detection):
    with pytest.raises(UserError, match="about themselves"):
        desk.suppress("e-0012", "all is well", 1, actor="E-0012")
    desk.suppress("E-0012", "all is well", 1, kind="bulk_night_reading")
    desk.receive([detection(1), detection(2, actor="E-0013")])
    assert [alert.status for alert in desk.alerts()] == ["open", "suppressed"]


def test_critical_alerts_are_never_held_back_even_if_they_become_critical_later(open_desk, detection, sink):
    desk = open_desk(prominent={"P-00009"})
    desk.suppress("E-0099", "announced quality review", 24, kind="bulk_night_reading")
    desk.receive(detection(1, severity="critical", actor="E-0050"))
    desk.receive([detection(n, severity="high") for n in range(1, 5)])
    assert [alert.status for alert in desk.alerts()] == ["open", "suppressed"]
    desk.receive(detection(9, severity="high"))
    desk.deliver()
    assert sink.said() == [("raised", "A-000001"), ("severity raised", "A-000002")]


@pytest.mark.parametrize(
    ("hours", "reason", "what", "sentence"),
    [
        (0, "a reason", {"kind": "x"}, "more than 0"),
        (169, "a reason", {"kind": "x"}, "at most 168"),
        (float("nan"), "a reason", {"kind": "x"}, "more than 0"),
        (1, "", {"kind": "x"}, "reason is needed"),
        (1, "a reason", {}, "not everything"),
        (1, "a reason", {"actor": "Jane Smith"}, "identifier"),
        (1, "a reason", {"kind": "Two Words"}, "name of one"),
    ],
)
def test_a_suppression_needs_an_end_a_reason_and_something_that_it_is_about(
    desk, hours, reason, what, sentence
):
    with pytest.raises(UserError, match=sentence):
        desk.suppress("E-0099", reason, hours, **what)


def test_a_replay_moves_the_clock_so_that_deadlines_fall_when_they_would_have(desk, detection):
    desk.replay(
        [
            detection(2, severity="critical", time="2026-03-02T12:00:00"),
            detection(1, actor="E-7", severity="high"),
        ],
        until="2026-03-03T00:00:00",
    )
    history = desk.history()
    steps = history[history["step"].str.startswith("escalated")]
    assert steps["at"].str[11:16].tolist() == ["09:00", "12:00", "12:10", "12:30", "16:00"]


def test_a_replay_needs_a_clock_that_can_be_set(open_desk, detection):
    from secure_ai.core.audit import utc_now

    with pytest.raises(UserError, match="ManualClock"):
        open_desk(clock=utc_now).replay([detection(1)])


@pytest.mark.parametrize("time", ["", "NaT", None, "noon"])
def test_a_clock_is_not_set_to_what_is_no_time(time):
    with pytest.raises(UserError, match="ISO 8601"):
        ManualClock(time)
