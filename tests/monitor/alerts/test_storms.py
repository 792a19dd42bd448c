"""A flood of alerts becomes one alert that says how many; all are kept, and severe ones are not buried."""

from __future__ import annotations

from .conftest import MemorySink


def flood(detection, count, start=0, **more):
    return [detection(n, actor=f"E-{n:05d}", **more) for n in range(start, start + count)]


def test_a_storm_is_one_alert_that_says_how_many_and_all_are_kept(desk, detection, clock, sink):
    desk.receive(flood(detection, 500))
    clock.advance(minutes=11)
    desk.tick()
    desk.deliver()
    events = [event for event, _ in sink.said()]
    assert events == ["raised"] * 31 + ["storm grows"] * 2 + ["storm over"]
    assert sink.messages[-1].fields["count"] == 470
    assert "stands for 470 alerts" in sink.messages[-1].line()
    assert len(desk.alerts()) == 501
    assert desk.workload().in_storms == 470
    assert "470 alerts came in storms" in desk.sentences()[1]


def test_a_flood_of_small_alerts_does_not_bury_a_critical_one(desk, detection, sink):
    desk.receive(flood(detection, 300, severity="low"))
    desk.receive(detection(400, severity="critical"))
    desk.deliver()
    assert sink.messages[0].fields["severity"] == "critical"  # It overtook them.
    assert sink.messages[0].fields["kind"] == "bulk_night_reading"


def test_a_storm_escalates_as_one_and_when_closed_alone_its_alerts_are_due_again(
    desk, detection, clock, sink
):
    desk.receive(flood(detection, 100, severity="high"))
    (storm,) = [alert for alert in desk.alerts() if alert.kind == "alert_storm"]
    clock.advance(minutes=60)
    escalated = desk.tick()
    assert len(escalated) == 31 and storm.alert_id in {alert.alert_id for alert in escalated}
    desk.close_alert(storm.alert_id, "E-99999", "benign-explained")
    assert len(desk.tick()) == 70


def test_closing_a_storm_with_its_members_closes_all_of_them(desk, detection):
    desk.receive(flood(detection, 100))
    (storm,) = [alert for alert in desk.alerts() if alert.kind == "alert_storm"]
    desk.close_alert(storm.alert_id, "E-99999", "false", members=True)
    assert len(desk.alerts("closed")) == 71
    assert desk.workload().to_frame()["closed"].tolist() == [70]


def test_somebody_in_a_storm_does_not_handle_it(desk, detection):
    import pytest

    from secure_ai.core.errors import UserError

    desk.receive(flood(detection, 40))
    (storm,) = [alert for alert in desk.alerts() if alert.kind == "alert_storm"]
    with pytest.raises(UserError, match="somebody else must"):
        desk.acknowledge(storm.alert_id, "E-00035")


def test_many_alerts_that_are_late_at_once_are_one_message_that_names_them(open_desk, detection, clock, sink):
    desk = open_desk()
    for block in range(4):
        desk.receive(flood(detection, 25, start=100 * block, severity="critical"))
        clock.advance(minutes=2 if block < 3 else 0)
    clock.advance(hours=1)
    sink.messages.clear()
    desk.tick()
    desk.deliver()
    late = [one for one in sink.messages if one.fields["event"] == "escalated" and "alerts" in one.fields]
    assert [len(one.fields["alerts"]) for one in late] == [31, 31]
    assert {one.fields["role"] for one in late} == {"on-call", "privacy-officer"}
    assert "31 alerts at once" in late[0].line()


def test_a_new_storm_begins_after_the_old_one_is_over(desk, detection, clock):
    desk.receive(flood(detection, 40))
    clock.advance(minutes=11)
    desk.receive(flood(detection, 40, start=100))
    storms = [alert for alert in desk.alerts() if alert.kind == "alert_storm"]
    assert [(storm.count, storm.storm_over) for storm in storms] == [(10, True), (10, False)]


def test_a_critical_alert_waits_behind_no_backlog_and_no_message_that_is_never_taken(
    open_desk, detection, waits
):
    sink = MemorySink()
    desk = open_desk(sinks=[sink])
    sink.fails = True
    desk.receive([detection(n, actor=f"E-{n}", severity="low") for n in range(8)])
    desk.deliver()
    choking, taken = sink.messages, []

    def send(message):
        if message.fields["severity"] != "critical":
            raise RuntimeError("chokes on it")
        taken.append(message.fields["severity"])

    sink.send = send
    waits.now += 1_000
    desk.receive(detection(99, actor="E-99", severity="critical"))
    desk.deliver()
    assert (choking, taken) == ([], ["critical"])
