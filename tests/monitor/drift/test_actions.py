"""Claims about what is done: a table of situations, each with exactly the actions that it leads to."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from secure_ai.core import Measurement, Unassessed, UserError
from secure_ai.core.frameworks import entry
from secure_ai.monitor.drift import (
    DECISION_TABLE,
    Calibration,
    Comparison,
    DriftMonitor,
    Signs,
    actions_to_frame,
    fit_estimator,
    measure_drift,
    performance_over_time,
    plot_drift,
    plot_performance,
    plot_stream,
    replay,
    simulate_drift,
    what_to_do,
)

SITUATIONS = {
    "quiet": (Signs(judged=5), {"carry_on"}),
    "a unit changed": (Signs(judged=5, broken=("x",), feed=("x",)), {"fall_back_feed", "check_feed"}),
    "some values missing": (Signs(judged=5, feed=("x",)), {"check_feed"}),
    "a new code": (Signs(judged=5, unseen=("x",)), {"map_codes"}),
    "other people, no labels": (Signs(judged=5, inputs=("x",)), {"ask_for_labels"}),
    "other people, labels fine": (Signs(judged=5, inputs=("x",), realized=True), {"record_population"}),
    "other people, estimate falls": (
        Signs(judged=5, inputs=("x",), estimated_worse=True), {"confirm_with_labels"},
    ),
    "concept drift": (
        Signs(judged=5, realized=True, realized_worse=True, concept_drift=True),
        {"fall_back_performance", "retrain", "find_the_change"},
    ),
    "worse on a broken feed": (
        Signs(judged=5, broken=("x",), feed=("x",), realized=True, realized_worse=True),
        {"fall_back_feed", "check_feed", "fall_back_performance"},
    ),
    "more outcomes": (Signs(judged=5, label=True, realized=True), {"recalibrate"}),
    "poor calibration": (Signs(judged=5, poor_calibration=True), {"recalibrate"}),
    "nothing judged": (Signs(unassessed=("x", "y")), {"collect_more"}),
}  # fmt: skip


@pytest.mark.parametrize("situation", SITUATIONS)
def test_each_situation_leads_to_its_own_actions(situation):
    signs, expected = SITUATIONS[situation]
    assert {rule.name for rule in DECISION_TABLE if rule.when(signs)} == expected


def test_every_row_of_the_table_is_reached_by_a_situation_and_cites_what_exists():
    reached = set().union(*(expected for _, expected in SITUATIONS.values()))
    assert reached == {rule.name for rule in DECISION_TABLE}
    assert all(
        entry(name) and rule.owner and rule.within for rule in DECISION_TABLE for name in rule.references
    )


def figure(value, half=0.01):
    return Measurement("auc", value, "share", 500, 0.8, (value - half, value + half), "test", "test")


def test_on_the_hospitals_model_each_drift_leads_to_its_action(model):
    table = model.reference.drop(columns="readmitted_30d")
    clean = model.current.drop(columns="readmitted_30d")
    names = {}
    for kind, column in {
        "unit_change": "creatinine", "missing_feed": "sodium", "new_category": "payer",
        "covariate_shift": "age",
    }.items():  # fmt: skip
        strength = {"unit_change": 1.0, "covariate_shift": 0.6}.get(kind, 0.3)
        drifted = simulate_drift(clean, kind=kind, column=column, strength=strength).frame
        actions = what_to_do(measure_drift(table, drifted))
        names[kind] = actions[0].name
        assert column in actions[0].columns and column in actions[0].sentence()
    assert names == {
        "unit_change": "fall_back_feed", "missing_feed": "check_feed", "new_category": "map_codes",
        "covariate_shift": "ask_for_labels",
    }  # fmt: skip
    quiet = measure_drift(table, clean)
    assert [action.name for action in what_to_do(quiet)] == ["carry_on"]
    worse = Comparison("auc", 0.8, figure(0.8), figure(0.6))
    assert "find_the_change" in set(actions_to_frame(what_to_do(quiet, worse))["name"])
    unknown = Comparison("auc", 0.8, figure(0.8), Unassessed("no label"))
    assert [action.name for action in what_to_do(quiet, unknown)] == ["carry_on"]
    poor = what_to_do(quiet, calibration=Calibration(0.2, 0.03, 500))
    assert [action.name for action in poor] == ["recalibrate"]


def test_what_to_do_refuses_anything_but_a_report():
    with pytest.raises(UserError, match="measure_drift"):
        what_to_do(pd.DataFrame())


def test_titles_of_pictures_state_what_the_data_show():
    rng = np.random.default_rng(0)
    old = pd.DataFrame({"age": rng.normal(50, 9, 800), "sodium": rng.normal(139, 4, 800)})
    new = old.assign(age=old["age"] + 10)
    text = " ".join(plot_drift(measure_drift(old, new)).axes[0].get_title(loc="left").split())
    assert text.startswith("1 of 2 columns pass both") and "(age)" in text

    p = rng.beta(2, 5, 3_000)
    y = (rng.random(3_000) < p).astype(float)
    time = pd.date_range("2026-01-01", periods=3_000, freq="h", tz="UTC")
    frame = pd.DataFrame(
        {"event_id": np.arange(3_000).astype(str), "time": time, "score": p, "label": y, "label_time": time}
    )
    chunks = performance_over_time(fit_estimator(p, y), frame, chunks=3)
    assert "agree in all 3 periods" in plot_performance(chunks).axes[0].get_title(loc="left")
    monitor = replay(DriftMonitor(), frame)
    assert plot_stream(monitor).axes[0].get_title(loc="left") == "No change in 3,000 values of the score"


def test_there_is_nothing_to_draw_of_nothing():
    with pytest.raises(UserError, match="no score to draw"):
        plot_stream(DriftMonitor())
    empty = measure_drift(pd.DataFrame({"x": [1.0] * 40}), pd.DataFrame({"x": [1.0] * 40}))
    with pytest.raises(UserError, match="no PSI"):
        plot_drift(empty)
