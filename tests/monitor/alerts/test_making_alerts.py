"""Detections become alerts: one a fingerprint, combined in severity, correlated into cases."""

from __future__ import annotations

import pytest

from secure_ai.core.errors import UserError
from secure_ai.monitor.alerts import load_policy
from secure_ai.monitor.alerts.rules import combined_severity, target_group

RULES = load_policy().severity


def test_detections_of_one_actor_kind_and_group_are_one_alert_with_count_and_times(desk, detection):
    desk.receive([detection(3), detection(1), detection(2)])
    (alert,) = desk.alerts()
    assert (alert.count, alert.targets, alert.event_count) == (3, 3, 3)
    assert alert.first_seen == "2026-03-02T08:00:01.000+00:00"
    assert alert.last_seen == "2026-03-02T08:00:03.000+00:00"


@pytest.mark.parametrize(
    "other",
    [{"actor": "E-0013"}, {"kind": "dormant_account"}, {"target": "usb"}, {"time": "2026-03-02T13:00:00"}],
)
def test_another_actor_kind_group_or_a_later_time_is_another_alert(desk, detection, other):
    desk.receive([detection(1), detection(2, **other)])
    assert len(desk.alerts()) == 2


def test_the_window_slides_with_the_last_detection(desk, detection):
    times = [f"2026-03-02T{hour:02d}:00:00+00:00" for hour in (8, 11, 14, 17)]
    desk.receive([detection(n, time=time) for n, time in enumerate(times)])
    assert len(desk.alerts()) == 1


def test_a_closed_alert_takes_no_more_detections(desk, detection):
    desk.receive(detection(1))
    desk.close_alert("A-000001", "E-0099", "benign-explained")
    desk.receive(detection(2))
    assert [alert.status for alert in desk.alerts()] == ["closed", "open"]


def test_the_same_detection_given_again_counts_once_and_is_said(desk, detection):
    desk.receive([detection(1), detection(1)])
    found = desk.receive(detection(1))
    assert (found.new, found.merged, found.duplicates) == (0, 0, 1)
    assert desk.alert("A-000001").count == 1
    assert "Detections that came more than once and count once: 2." in desk.sentences()


@pytest.mark.parametrize(
    ("base", "count", "prominent", "families", "kind", "expected"),
    [
        ("low", 1, False, 1, "x", "low"),
        ("low", 5, False, 1, "x", "medium"),
        ("low", 1, True, 1, "x", "medium"),
        ("low", 1, False, 2, "x", "medium"),
        ("low", 5, True, 1, "x", "high"),
        ("low", 5, True, 2, "x", "high"),  # two steps at most
        ("high", 5, True, 2, "x", "critical"),
        ("critical", 9, True, 3, "x", "critical"),
        ("medium", 1, True, 1, "snooping_prominent", "medium"),  # the kind says it already
    ],
)
def test_severity_rises_by_repetition_prominence_and_families(  # noqa: PLR0917
    base, count, prominent, families, kind, expected
):
    severity, raised_by = combined_severity(
        base, RULES, count=count, prominent=prominent, families=families, kind=kind
    )
    assert severity == expected
    assert bool(raised_by) == (severity != base)


def test_a_second_family_of_an_actor_raises_the_severity_unless_the_first_was_a_false_alarm(desk, detection):
    desk.receive(detection(1))
    export = {"family": "export", "kind": "export_volume", "target": "usb"}
    desk.receive(detection(2, **export))
    assert desk.alert("A-000002").severity == "high"
    for name in ("A-000001", "A-000002"):
        desk.close_alert(name, "E-0099", "false")
    desk.receive(detection(3, **export))
    assert desk.alert("A-000003").severity == "medium"


def test_severity_that_rises_after_acknowledgement_opens_the_alert_again(desk, detection, sink):
    desk.receive(detection(1))
    desk.acknowledge("A-000001", "E-0099")
    desk.receive([detection(n) for n in range(2, 7)])
    alert = desk.alert("A-000001")
    assert (alert.status, alert.severity, alert.raised_by) == ("open", "high", ("repeated",))
    desk.deliver()
    assert sink.said() == [("raised", "A-000001"), ("severity raised", "A-000001")]


def test_alerts_of_one_actor_within_the_time_are_one_case(desk, detection):
    export = {"family": "export", "kind": "export_volume", "target": "usb"}
    desk.receive(
        [
            detection(1),
            detection(2, **export, time="2026-03-04T08:00:00"),
            detection(3, **export, time="2026-03-20T08:00:00"),
            detection(4, actor="E-0013"),
        ]
    )
    cases = desk.cases()
    assert cases["case_id"].tolist() == ["C-000001", "C-000002", "C-000003"]
    assert cases["families"].tolist() == ["access, export", "export", "access"]
    assert cases["detections"].tolist() == [2, 1, 1]


@pytest.mark.parametrize("time", ["", "NaT", "yesterday", None, 5, float("nan")])
def test_a_time_that_is_none_becomes_now_and_the_detection_is_kept(desk, detection, time):
    assert desk.receive(detection(1, time=time)).new == 1
    assert desk.alert("A-000001").first_seen == "2026-03-02T08:00:00.000+00:00"


@pytest.mark.parametrize(
    "odd",
    [
        {"score": float("nan")}, {"score": None}, {"severity": "urgent"}, {"severity": None},
        {"reasons": None},
        {"reasons": ("words",)}, {"events": None}, {"events": "ev-1"}, {"actor": None}, {"target": 17},
        {"kind": ""}, {"family": "Some Words"}, {"actor": "\ud800"}, {"target": "x" * 10_000},
    ],
)  # fmt: skip
def test_a_detection_with_an_odd_field_is_an_alert_all_the_same(desk, detection, odd):
    assert desk.receive(detection(1, **odd)).new == 1
    assert desk.deliver()[0].delivered == 1


def test_an_unknown_severity_is_looked_at_soon(desk, detection):
    assert desk.receive(detection(1, severity="urgent")).alerts[0].severity == "high"


def test_what_is_no_detection_is_refused_and_counted_and_the_others_go_on(desk, detection):
    found = desk.receive([None, detection(1), "words", {"kind": "x"}])
    assert (found.new, found.refused) == (1, 3)


@pytest.mark.parametrize("given", [None, "words", 3, {"a": 1}])
def test_what_is_no_list_is_a_sentence(desk, given):
    with pytest.raises(UserError, match="a list of detections"):
        desk.receive(given)


def test_no_detections_are_no_alerts(desk):
    assert desk.receive([]).sentence() == "0 new alerts, 0 detections added to alerts."
    assert desk.to_frame().empty and desk.cases().empty and desk.suppressions().empty and desk.history().empty


def test_groups_of_targets_can_be_given(open_desk, detection):
    desk = open_desk(groups={"P-00001": "ward-3", "P-00002": "ward-4"})
    desk.receive([detection(1), detection(2)])
    assert [alert.target_group for alert in desk.alerts()] == ["ward-3", "ward-4"]
    assert target_group("P-00031", "exact") == "P-00031"
