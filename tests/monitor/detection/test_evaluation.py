"""How a replay is judged, own logs, the comparison and the pictures."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secure_ai.core.audit import AuditLog
from secure_ai.core.errors import UserError
from secure_ai.monitor.detection import (
    Context,
    Detection,
    Reason,
    Watch,
    evaluate,
    events_from,
    isolation_forest,
    plot_reasons,
    plot_timeline,
    plot_tradeoff,
    replay,
    side_by_side,
    timeline_sentence,
    tradeoff_sentence,
)
from secure_ai.monitor.detection.evaluation import words_for_seconds
from secure_ai.monitor.detection.stream import iso
from tests.monitor.detection.conftest import usual_days
from tests.monitor.detection.test_watch import LOOKS, look

NOON = pd.Timestamp("2026-03-13 12:00", tz="UTC").timestamp()


def found(event, after=0.0, score=0.9, family="access", actor="a"):
    return Detection(iso(NOON + after), family, "k", actor, "t", "high", score, (), (event,))


@pytest.fixture
def month():
    """Two days, 500 staff, two incidents: one with two events a minute apart, one with one."""
    times = pd.to_datetime([NOON - 86_400, NOON, NOON + 60, NOON + 3600, NOON + 86_400], unit="s", utc=True)
    return SimpleNamespace(
        staff=pd.DataFrame({"staff_id": range(500)}),
        events=pd.DataFrame({"event_id": ["a", "b", "c", "d", "e"], "time": times}),
        incidents=pd.DataFrame(
            {
                "incident_id": ["i1", "i2"], "family": ["access", "export"], "kind": ["k", "x"],
                "start": [times[1], times[3]],
            }
        ),
        truth=pd.DataFrame({"event_id": ["b", "c", "d"], "incident_id": ["i1", "i1", "i2"]}),
    )  # fmt: skip


def test_an_evaluation_counts_what_it_says(month):
    result = evaluate([found("c", 60), found("a", 10, actor="b")], month)
    assert (result.recall.found, result.recall.planted) == (1, 2)
    assert result.precision == 0.5 and result.false_alerts == 1 and result.missed == ("i2",)
    assert result.false_per_day == 1.0  # one in two days, of 500 staff
    assert result.delays == (60.0,) and result.time_to_alert == 60.0
    assert result.by_kind["access", "k"].share == 1.0 and result.by_family["export"].found == 0
    low, high = result.recall.low, result.recall.high
    assert 0 < low < 0.5 < high < 1
    assert "Found 1 of 2 planted incidents" in result.sentence()
    assert result.to_frame().iloc[-1].tolist()[:4] == ["all", "all", 2, 1]


def test_an_event_that_joins_an_open_alert_is_found_when_it_joins(month):
    result = evaluate([found("a", -600), found("b", 5)], month)
    assert (result.alerts, result.false_alerts) == (1, 0)
    assert result.delays == (5.0,)


def test_below_the_threshold_nothing_counts_but_the_curve_shows_it(month):
    result = evaluate([found("b", score=0.3)], month)
    assert result.recall.found == 0 and result.alerts == 0
    assert result.curve.loc[result.curve["threshold"] == 0.2, "recall"].item() == 0.5


def test_families_can_be_judged_apart(month):
    result = evaluate([found("a", family="export")], month, families=["access"])
    assert result.alerts == 0 and result.recall.planted == 1


def test_a_month_without_incidents_has_no_recall_but_false_alerts(month):
    month.incidents, month.truth = month.incidents.iloc[:0], month.truth.iloc[:0]
    result = evaluate([found("a")], month)
    assert np.isnan(result.recall.share) and "No incident was planted; 1 false" in result.sentence()


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abcde"), st.floats(0, 1)), max_size=12))
def test_recall_and_alerts_never_grow_with_the_threshold(pairs):
    times = pd.to_datetime([NOON + i for i in range(5)], unit="s", utc=True)
    made = SimpleNamespace(
        staff=pd.DataFrame({"staff_id": [1]}),
        events=pd.DataFrame({"event_id": list("abcde"), "time": times}),
        incidents=pd.DataFrame({"incident_id": ["i"], "family": "access", "kind": "k", "start": [times[0]]}),
        truth=pd.DataFrame({"event_id": ["a"], "incident_id": ["i"]}),
    )
    curve = evaluate([found(e, i, score) for i, (e, score) in enumerate(pairs)], made).curve
    assert curve["recall"].is_monotonic_decreasing and curve["alerts"].max() <= len(pairs)


@pytest.mark.parametrize("table", ["incidents", "truth", "events"])
def test_without_its_truth_a_month_cannot_be_judged(month, table):
    setattr(month, table, None)
    with pytest.raises(UserError, match=table):
        evaluate([], month)


def test_spans_of_time_are_told_in_their_unit():
    spans = [words_for_seconds(s) for s in (1, 90, 7200, 200_000, float("nan"))]
    assert spans == ["1 seconds", "1.5 minutes", "2.0 hours", "2.3 days", "no time that is known"]


# Own logs


def test_an_own_log_is_read_under_its_own_names():
    log = events_from(
        pd.DataFrame(
            {"WHEN": ["2026-03-13T11:00:00Z"], "WHO": ["emp-01"], "DID": ["view"], "MRN": ["pat-1"]}
        ),
        columns={"time": "WHEN", "actor": "WHO", "action": "DID", "target": "MRN"},
    )
    assert log.events.loc[0, ["actor", "target", "outcome", "event_id"]].tolist() == [
        "emp-01", "pat-1", "allowed", "row-1",
    ]  # fmt: skip
    assert log.unassessed["access: snooping"].endswith("the log has no column 'relation'.")
    assert any("duplicates are not recognized" in note for note in log.notes)


def test_what_cannot_be_judged_is_said_by_the_watch(ward):
    rows = pd.DataFrame([look()])[["event_id", "time", "actor", "action", "target"]]
    watch = Watch.for_context(ward.context)
    list(watch.observe(rows))
    assert "export: destination" in watch.unassessed and "purpose: fields" in watch.unassessed


def test_the_trail_of_another_room_is_a_log():
    trail = AuditLog()
    trail.record("emp-01", "view", "pat-1", "allowed", records=("r1", "r2"), event_id="t-1")
    log = events_from(trail.events)
    assert log.events["event_id"].tolist() == ["t-1"]
    assert log.events["record_count"].tolist() == [2.0]


GOOD = {"time": ["2026-03-13T11:00:00Z"], "actor": ["a"], "action": ["view"], "target": ["t"]}


@pytest.mark.parametrize(
    ("table", "columns", "words"),
    [
        (
            pd.DataFrame({"time": ["2026-03-13"], "actor": ["a"], "action": ["view"]}),
            None,
            "no column 'target'",
        ),
        (pd.DataFrame(GOOD), {"who": "actor"}, "'who' is no column of an event"),
        (pd.DataFrame(GOOD), {"actor": "USER"}, "no column 'USER'"),
        (pd.DataFrame({**GOOD, "time": ["soon"]}), None, "no time that can be read"),
        (pd.DataFrame({**GOOD, "time": [20260313]}), None, "holds numbers"),
        (7, None, "a table, a file or audit events"),
        ([1, 2], None, "a table, a file or audit events"),
    ],
)
def test_a_log_that_cannot_be_read_is_refused_in_a_sentence(table, columns, words):
    with pytest.raises(UserError, match=words):
        events_from(table, columns=columns)


def test_odd_values_are_counted_and_never_stop_the_watch(ward):
    table = pd.DataFrame([{**look(), "event_id": f"o-{i}"} for i in range(4)])
    table["record_count"] = ["many", -1, float("inf"), 3]
    table["break_glass"] = [None, "yes", "no", True]
    table.loc[3, "action"] = "teleport"
    table.loc[2, "actor"] = None
    log = events_from(table)
    assert log.events["record_count"].tolist() == [1.0, 1.0, 1.0, 3.0]
    assert log.events["break_glass"].tolist() == [False, True, False, True]
    assert any(note.startswith("3 events have no usable record_count") for note in log.notes)
    assert any(note.startswith("1 events have an action") for note in log.notes)
    assert "unknown_account" in {alert.kind for alert in Watch.for_context(ward.context).observe(log)}


@pytest.mark.parametrize(
    ("tables", "words"),
    [
        ({"staff": "people"}, "must be a DataFrame"),
        ({"staff": pd.DataFrame({"name": ["x"]})}, "no column 'staff_id'"),
        ({"subjects": pd.DataFrame({"subject_id": ["p", "p"]})}, "1 rows whose 'subject_id' stood before"),
        ({"subjects": pd.DataFrame({"subject_id": ["p", None]})}, "a row without 'subject_id'"),
        ({"staff": pd.DataFrame({"staff_id": ["a"], "left_on": ["soon"]})}, "'left_on' holds no dates"),
    ],
)
def test_registers_that_cannot_be_used_are_refused_in_a_sentence(tables, words):
    with pytest.raises(UserError, match=words):
        Context(**tables)


def test_a_register_with_its_key_alone_is_used_and_its_gaps_are_named():
    context = Context(staff=pd.DataFrame({"staff_id": ["emp-1"]}))
    assert "The table 'staff' has no column 'role'." in context.gaps
    assert context.people["emp-1"].away(0.0) == ""


# Comparison and pictures


@pytest.fixture(scope="module")
def played(ward):
    usual = usual_days(2, seed=9, start=pd.Timestamp("2026-03-13", tz="UTC"), prefix="m")
    bad = pd.DataFrame([{**row, "event_id": f"bad-{i}"} for i, (row, _) in enumerate(LOOKS.values())])
    bad["time"] = bad["time"] + pd.to_timedelta(np.arange(len(bad)), unit="min")
    kinds = [kind for _, kind in LOOKS.values()]
    made = SimpleNamespace(
        staff=ward.staff, subjects=ward.subjects, services=ward.services, feeds=ward.feeds,
        history=ward.history,
        events=pd.concat([usual, bad]).sort_values("time", kind="stable").reset_index(drop=True),
        incidents=pd.DataFrame(
            {
                "incident_id": kinds, "kind": kinds, "start": bad["time"],
                "family": [kind.split("_")[0] for kind in kinds],
            }
        ),
        truth=pd.DataFrame({"event_id": bad["event_id"], "incident_id": kinds}),
    )  # fmt: skip
    return made, replay(made)


def test_a_replay_finds_what_was_planted_and_beats_an_isolation_forest(played):
    made, result = played
    ours = evaluate(result.candidates, made, window=result.settings.episode_hours * 3600)
    forest = evaluate(isolation_forest(made), made, window=result.settings.episode_hours * 3600)
    table = side_by_side(ours, {"IsolationForest": forest}, budget=50)
    assert ours.recall.share >= 0.9
    assert table["recall"].iloc[0] > table["recall"].iloc[1]
    assert result.to_frame()["kind"].isin([*made.incidents["kind"], "snooping_colleague"]).all()
    assert "no history of queries" in result.sentence()


def test_the_pictures_state_their_finding(played):
    made, result = played
    ours = evaluate(result.candidates, made)
    title = plot_tradeoff(ours, {"other": ours}).axes[0].get_title(loc="left")
    assert f"{ours.false_per_day:.1f} false alerts a day" in title
    assert "other finds" in tradeoff_sentence(ours, {"other": ours})
    timeline = plot_timeline(result.detections, made)
    assert timeline.axes[0].get_title(loc="left") == timeline_sentence(result.detections, made)
    assert plot_timeline(result.detections).axes and plot_timeline([]).axes
    reasons = Detection(
        "", "access", "a_kind", "a", "t", "low", 0.5, (Reason("n", "words", 3.0, 1.0), Reason("m", "more"))
    )
    assert "2 reasons" in plot_reasons(reasons).axes[0].get_title(loc="left")
