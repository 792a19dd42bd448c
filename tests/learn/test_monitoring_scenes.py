"""Claims about what lesson 09 sets up: a trail that is tampered with, a week, and a model in use."""

from __future__ import annotations

from types import SimpleNamespace

import pandas as pd
import pytest

from secure_ai.core.audit import AuditEvent, AuditLog
from secure_ai.learn import monitoring_scenes as scenes
from secure_ai.monitor.detection import Detection, Reason, evaluate
from secure_ai.monitor.drift import compare_performance, measure_drift
from synthetic_data import load
from synthetic_data.activity import make_month


@pytest.fixture(scope="module")
def week():
    planted = {"bulk_night_reading": 1, "dormant_account": 1}
    return make_month("healthcare", staff=60, days=3, seed=5, incidents=planted)


@pytest.fixture(scope="module")
def detections(week):
    """An alert about the first incident, and a false one, sure and unsure."""
    events = week.truth.loc[week.truth["incident_id"] == "inc-000", "event_id"].tolist()
    false = next(e for e in week.events["event_id"] if e not in set(week.truth["event_id"]))
    time = week.incidents["start"].iloc[0].isoformat()
    common = (time, "access", "bulk_night_reading")
    two = (Reason("a", "much"), Reason("b", ""))
    return [
        Detection(*common, "emp-0001", "pat-1", "high", 0.9, two, tuple(events)),
        Detection(*common, "emp-0002", "pat-2", "low", 0.6, two[:1], (false,)),
    ]


def test_a_key_used_for_another_table_is_in_the_log_as_refused():
    audit = AuditLog()
    scenes.misuse_key(audit)
    assert [event.outcome for event in audit.events].count("error") == 1
    assert audit.events[-1].outcome == "error" and audit.events[-1].actor == "svc-export"


@pytest.mark.parametrize("seed", [0, 7])
def test_only_the_witness_notices_an_older_copy_and_a_stolen_key(seed):
    deeds = scenes.do_deeds(seed)
    assert len(deeds) == len(scenes.DEEDS) + 1
    assert not any(deed.witnessed.intact for deed in deeds)
    assert [deed.alone.intact for deed in deeds] == [False] * (len(deeds) - 2) + [True, True]
    table = scenes.deeds_frame(deeds)
    assert table["trail alone"].tolist()[-2:] == ["NOT noticed"] * 2
    assert all(table["what is said"] != "")


@pytest.mark.parametrize("sector", scenes.FRAUD)
def test_the_kinds_of_the_week_can_be_planted(sector):
    made = make_month(sector, staff=100, days=7, seed=2, incidents=scenes.planted_kinds(sector))
    assert set(made.incidents["kind"]) == set(scenes.planted_kinds(sector))


def test_a_rule_is_counted_by_what_it_points_to(week):
    every = scenes.rule_alone(week, week.events["action"] != "", "all").iloc[0]
    none = scenes.rule_alone(week, week.events["action"] == "nothing", "none").iloc[0]
    assert every["events a day"] == round(len(week.events) / 3) and every["incidents touched"] == "2 of 2"
    assert none["events a day"] == 0 and none["of these misuse"] == "none"


def test_alerts_are_shown_with_reasons_and_the_truth_and_the_surest_ones_are_kept(week, detections):
    table = scenes.alerts_frame(detections, week)
    assert sorted(table["planted"]) == ["no", "yes"] and set(table["why"]) == {"much"}
    assert scenes.alerts_frame(detections, week, most=1)["score"].tolist() == ["0.90"]


def test_less_time_never_buys_more(week, detections):
    found = evaluate(detections, week)
    table = scenes.thresholds_for(found, (0.01, 2_000), 10, staff=1_000)
    assert table["lowest threshold"].tolist() == ["0.62", "0.10"]
    assert scenes.thresholds_for(found, (0.01,), 10, staff=10**9)["lowest threshold"].tolist() == ["0.62"]


def test_a_curve_that_never_fits_is_said():
    found = SimpleNamespace(curve=pd.DataFrame({"threshold": [0.5], "recall": [1.0], "false_per_day": [9.0]}))
    assert scenes.thresholds_for(found, (1,), 10, staff=1_000)["lowest threshold"].tolist() == ["none fits"]


def test_precision_falls_when_incidents_are_rarer(week, detections):
    found = evaluate(detections, week)
    assert "50%" in scenes.rarer(found, 10) and "9%" in scenes.rarer(found, 10)
    assert scenes.rarer(evaluate(detections[:1], week), 10).startswith("All 1 alerts")


def test_missed_kinds_are_named(week, detections):
    found = evaluate(detections, week)
    kinds = week.incidents["kind"].tolist()
    assert kinds[1].replace("_", " ") in scenes.missed(found, week)
    assert kinds[0].replace("_", " ") not in scenes.missed(found, week)


def test_families_and_time_to_alert_are_those_of_the_evaluation(week, detections):
    found = evaluate(detections, week)
    last = scenes.family_frame(found).iloc[-1]
    assert (last["planted"], last["found"], last["false alerts"]) == (2, 1, 1)
    assert "within 0 seconds" in scenes.time_to_alert(found)


def test_lookalikes_hold_honest_work_only(week):
    truth = set(week.truth["event_id"])
    accused = [
        Detection("2026-03-16T00:00:00+00:00", "access", "x", "a", "b", "low", 0.5, (), (event,))
        for event in truth
    ]
    table = scenes.lookalikes(week, accused)
    assert table["in an alert"].sum() == 0 and table["events"].sum() > 100


def test_the_trail_of_the_week_is_in_order_of_time(week):
    handled = [
        AuditEvent("2026-03-17T00:00:00.000+00:00", "analyst-1", "alert closed", "A-000001", "allowed")
    ]
    events = scenes.week_with_alerts(week, handled)
    times = [event.time for event in events]
    assert times == sorted(times) and len(events) == len(week.events) + 1


def test_the_report_lies_in_the_folder_of_its_chapter_and_sector():
    assert scenes.report_folder("finance").parts[-3:] == ("reports", "09_audit_and_monitoring", "finance")


@pytest.mark.parametrize("sector", scenes.MODELS)
def test_a_change_of_meaning_is_seen_in_outcomes_and_nowhere_else(sector):
    tables = load(sector, seed=3, rows=3000 if sector == "healthcare" else 30_000).tables
    model = scenes.model_in_use(sector, tables, seed=3)
    half = len(model.current) // 2
    moved = scenes.change_meaning(model.current, model.label, seed=3)
    assert model.unit_column in model.inputs and model.label not in model.inputs
    assert moved["score"].equals(model.current["score"])
    report = measure_drift(
        model.reference, moved[half:], ignore=["time", "label_time", model.label], score="score"
    )
    assert not report.drifted
    late = compare_performance(model.estimator(), moved["score"][half:], moved[model.label][half:])
    assert late.concept_drift and late.worse
    assert (model.rescored(moved)["score"] - moved["score"]).abs().max() < 1e-12
