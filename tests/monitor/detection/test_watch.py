"""What the watch says of accesses, exports and purposes: a case for each rule, and its honest lookalike."""

from __future__ import annotations

import pandas as pd
import pytest

from secure_ai.monitor.detection import Watch
from tests.monitor.detection.conftest import event

DAY = "2026-03-13"


def kinds(watch, rows):
    return [alert.kind for alert in watch.observe(pd.DataFrame(rows))]


def look(actor="emp-01", target="pat-004", action="view", **more):
    return event(
        "e-1", f"{DAY} 11:00", actor, action, target, **{"unit": "north", "resource": "claims", **more}
    )


LOOKS = {
    "a colleague of another ward": (look(), "snooping_colleague"),
    "somebody prominent": (look(target="pat-200"), "snooping_prominent"),
    "her own household": (look(target="pat-100"), "snooping_household"),
    "an owner who left": (look("emp-22", "pat-050", action="sign_in"), "dormant_account"),
    "an account that nobody knows": (look("emp-99", "pat-050"), "unknown_account"),
    "data to a private mailbox": (
        look(action="export", target="extract", destination="personal-mail", record_count=200),
        "export_destination",
    ),
    "a hundred times the usual export": (
        look("emp-00", "extract", action="export", destination="internal:bi", record_count=9000),
        "export_volume",
    ),
    "an undeclared field": (
        look("svc-triage", "records", action="read", role="service", model="triage@1", resource="vitals",
             fields="age,pulse,ssn"),
        "purpose_fields",
    ),
    "an undeclared resource": (
        look("svc-triage", "records", action="read", role="service", model="triage@1", resource="notes",
             fields="age"),
        "purpose_resource",
    ),
    "a hundred times the usual records": (
        look("svc-triage", "records", action="read", role="service", model="triage@1", resource="vitals",
             fields="age", record_count=1000),
        "purpose_volume",
    ),
}  # fmt: skip

HONEST = {
    "a colleague whose care team she is in": look(relation="care_team"),
    "the prominent person, really admitted": look(target="pat-200", relation="care_team"),
    "a patient of her ward without a known relation": look(target="pat-021", resource="vitals"),
    "her own record": look(target="pat-001", resource="notes"),
    "the usual export": look(
        "emp-00", "extract", action="export", destination="internal:bi", record_count=55, relation="open_case"
    ),
    "an announced feed": look(
        "svc-feed", "extract", action="export", role="service", destination="vendor:lab", record_count=600,
        relation="scheduled",
    ),
    "one copy to the patient": look(
        action="export", destination="subject-mail", record_count=1, relation="appointment"
    ),
    "declared fields": look(
        "svc-triage", "records", action="read", role="service", model="triage@1", resource="results",
        fields="age", record_count=14,
    ),
    "a model query of an application": look("app-1", "triage@1", action="query", role="application"),
}  # fmt: skip


def row_of(made):
    """The action may be given as a keyword beside the fixed one."""
    return {**made, "action": made["action"]}


@pytest.mark.parametrize("name", LOOKS)
def test_one_row_is_enough_for(name, watch):
    row, kind = LOOKS[name]
    assert kind in kinds(watch, [row])


@pytest.mark.parametrize("name", HONEST)
def test_nothing_is_said_of(name, watch):
    assert kinds(watch, [HONEST[name]]) == []


def test_an_alert_says_what_was_seen_and_what_is_usual(watch):
    row, _ = LOOKS["a hundred times the usual export"]
    alert = next(iter(watch.observe(pd.DataFrame([row]))))
    reason = next(item for item in alert.reasons if item.name == "records")
    assert reason.value == 9000 and 20 < reason.usual < 60
    assert "9,000 records where about" in alert.sentence()
    assert alert.events == ("e-1",) and alert.actor == "emp-00"


def night(n, actor="emp-03", relation=""):
    return [
        event(
            f"n-{i}", pd.Timestamp(f"{DAY} 02:00") + pd.Timedelta(minutes=2 * i), actor, "view",
            f"pat-{150 + i:03d}", unit="north", resource="notes", relation=relation,
        )
        for i in range(n)
    ]  # fmt: skip


def test_reading_in_bulk_at_night_is_one_alert_within_ten_records(watch):
    alerts = list(watch.observe(pd.DataFrame(night(40))))
    bulk = [alert for alert in alerts if alert.kind == "bulk_night_reading"]
    assert len(bulk) == 1 and len(bulk[0].events) <= 10


def test_a_busy_night_with_known_relations_is_quiet(watch):
    assert kinds(watch, night(40, relation="care_team")) == []


def test_evidence_of_two_weak_looks_at_one_record_adds_up(watch):
    weak = look(target="pat-005", resource="vitals")  # a colleague of her own ward
    again = [
        {**weak, "event_id": f"w-{i}", "time": weak["time"] + pd.Timedelta(minutes=i), "resource": part}
        for i, part in enumerate(["vitals", "claims", "insurance", "claims", "insurance"])
    ]
    scores = [candidate.score for candidate in watch.candidates(pd.DataFrame(again))]
    assert scores and scores == sorted(scores)


def test_return_from_leave_is_not_dormant_but_work_during_leave_without_relations_is(watch):
    back = [
        {**look("emp-23", f"pat-{60 + 2 * i:03d}"), "event_id": f"b-{i}",
         "time": pd.Timestamp("2026-06-02 09:00", tz="UTC") + pd.Timedelta(minutes=i),
         "relation": "care_team", "resource": "vitals"}
        for i in range(5)
    ]  # fmt: skip
    away = [
        {**row, "event_id": f"a-{i}", "time": pd.Timestamp(f"{DAY} 09:00", tz="UTC"), "relation": ""}
        for i, row in enumerate(back)
    ]
    assert "dormant_account" in kinds(watch, away)
    assert "dormant_account" not in kinds(watch, back)


def test_a_backlog_after_an_outage_is_honest(ward, learned):
    read = LOOKS["a hundred times the usual records"][0]
    after = {**read, "time": pd.Timestamp("2026-03-13 23:30", tz="UTC"), "record_count": 230}
    silent = Watch.resume(learned, ward.context)  # the last read of the history was a day before
    assert kinds(silent, [after]) == []
    hourly = [
        {**read, "event_id": f"r-{h}", "time": pd.Timestamp("2026-03-13", tz="UTC") + pd.Timedelta(hours=h),
         "record_count": 10 if h < 23 else 230}
        for h in range(24)
    ]  # fmt: skip
    assert kinds(Watch.resume(learned, ward.context), hourly) == ["purpose_volume"]


def glass(**more):
    return look(target="pat-250", break_glass=True, **more)


def later(hours, actor="emp-02", target="pat-250", **more):
    row = look(actor, target, relation="care_team", resource="vitals", unit="south", **more)
    return {**row, "event_id": f"later-{hours}", "time": row["time"] + pd.Timedelta(hours=hours)}


def test_break_glass_is_told_when_nobody_takes_over(watch):
    alerts = list(watch.observe(pd.DataFrame([glass(), later(3, target="pat-012")])))
    assert [(alert.kind, alert.actor, alert.target) for alert in alerts] == [
        ("break_glass_abuse", "emp-01", "pat-250")
    ]
    assert any(reason.name == "unfollowed" for reason in alerts[0].reasons)
    assert alerts[0].events == ("e-1",)


def test_break_glass_that_a_care_team_follows_is_honest(watch):
    assert kinds(watch, [glass(), later(0.5), later(3, target="pat-012")]) == []


def test_break_glass_that_waits_survives_a_restart(watch, ward, tmp_path):
    assert kinds(watch, [glass()]) == []
    watch.save(tmp_path / "state.json")
    again = Watch.resume(tmp_path / "state.json", ward.context)
    assert kinds(again, [later(3, target="pat-012")]) == ["break_glass_abuse"]


def test_an_alert_holds_identifiers_only(watch):
    rows = [{**row, "event_id": f"x-{i}", "purpose": "Jane Doe"} for i, (row, _) in enumerate(LOOKS.values())]
    for alert in watch.observe(pd.DataFrame(rows)):
        assert "Jane Doe" not in repr(alert)
