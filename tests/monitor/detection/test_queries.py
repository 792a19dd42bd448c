"""The watch over model queries: extraction, probing at the boundary and of membership; honest lookalikes."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from secure_ai.core.errors import UserError
from secure_ai.monitor.detection.queries import QueryDetector, QuerySettings, input_columns, query_features
from secure_ai.monitor.detection.queries_features import FEATURES, between, prada
from secure_ai.monitor.detection.stream import rows_of

START = pd.Timestamp("2026-03-02T08:00:00Z")
WEIGHTS = np.array([1.0, -0.7, 0.5, 0.0, 0.3, -0.2])


def table(inputs, *, actor="app-1", gap=60.0, start=START, prefix="q"):
    """Queries of one client, ``gap`` seconds apart."""
    inputs = np.asarray(inputs, dtype=float)
    made = pd.DataFrame(inputs, columns=[f"x{i}" for i in range(inputs.shape[1])])
    made.insert(0, "event_id", [f"{prefix}-{i:05d}" for i in range(len(made))])
    made.insert(1, "time", start + pd.to_timedelta(np.arange(len(made)) * gap, unit="s"))
    made.insert(2, "actor", actor)
    made.insert(3, "model", "risk@1")
    made["score"] = 1 / (1 + np.exp(-inputs @ WEIGHTS))
    return made


def genuine(rng, n):
    """Five measured inputs that hang together, and one that takes four values."""
    measured = rng.normal(size=(n, 1)) * 0.5 + rng.normal(size=(n, 5)) * 0.8
    return np.column_stack([np.round(measured, 3), rng.choice([-1.0, 0.0, 1.0, 2.0], n)])


@pytest.fixture(scope="module")
def history():
    rng = np.random.default_rng(1)
    parts = [table(genuine(rng, 500), actor=f"app-{i}", gap=120.0, prefix=f"h{i}") for i in range(3)]
    return pd.concat(parts).sort_values("time", kind="stable").reset_index(drop=True)


@pytest.fixture(scope="module")
def learned(history):
    detector = QueryDetector()
    detector.learn(history)
    return detector.state()


@pytest.fixture
def detector(learned):
    made = QueryDetector()
    made.restore(json.loads(json.dumps(learned)))
    return made


def alerts(detector, queries):
    return [item for row in rows_of(queries) for item in detector.observe(row) if item.score >= 0.5]


LATER = START + pd.Timedelta(days=3)


def test_inputs_drawn_evenly_over_the_space_are_extraction_within_a_few_queries(detector):
    drawn = np.random.default_rng(2).uniform(-3, 3, (60, 6))
    found = alerts(detector, table(drawn, actor="emp-1", start=LATER))
    assert found[0].kind == "extraction"
    assert found[0].events[-1] <= "q-00005"


def test_halving_the_way_to_the_boundary_is_boundary_probing(detector):
    rng = np.random.default_rng(3)
    rows = []
    for _ in range(4):
        pair = genuine(rng, 200)
        scores = pair @ WEIGHTS
        low, high = pair[scores < 0][0], pair[scores > 0][0]
        rows += [low, high]
        for _ in range(7):
            middle = np.round((low + high) / 2, 3)
            rows.append(middle)
            low, high = (middle, high) if middle @ WEIGHTS < 0 else (low, middle)
    found = alerts(detector, table(rows, actor="emp-2", start=LATER))
    assert "boundary_probing" in {item.kind for item in found}
    assert any(reason.name == "between" for item in found for reason in item.reasons)


def test_records_asked_again_with_small_noise_are_membership_probing(detector):
    rng = np.random.default_rng(4)
    away = [x for x in genuine(rng, 200) if abs(x @ WEIGHTS) > 1.0][:6]
    rows = [record + (rng.normal(0, 0.03, 6) if again else 0) for record in away for again in range(8)]
    found = alerts(detector, table(np.round(rows, 3), actor="emp-3", start=LATER))
    assert found[0].kind == "membership_probing"


def slider(rng):
    rows = []
    for record in genuine(rng, 6):
        rows.append(record)
        for value in np.linspace(-2, 2, 12):
            moved = record.copy()
            moved[1] = value
            rows.append(moved)
    return rows


HONEST = {
    "retries": lambda rng: np.repeat(genuine(rng, 30), 5, axis=0),
    "what-if sliders": slider,
    "a nightly batch": lambda rng: genuine(rng, 400),
    "a burst after an outage": lambda rng: np.repeat(genuine(rng, 60), 2, axis=0),
}


@pytest.mark.parametrize("case", HONEST)
def test_honest_work_that_looks_like_it_is_no_alert(detector, case):
    gap = 5.0 if case == "a burst after an outage" else 30.0
    queries = table(HONEST[case](np.random.default_rng(5)), actor="app-1", gap=gap, start=LATER)
    assert alerts(detector, queries) == []


def test_a_client_that_was_never_seen_is_compared_with_its_peers(detector):
    assert (
        alerts(detector, table(genuine(np.random.default_rng(6), 40), actor="app-new", gap=300, start=LATER))
        == []
    )
    assert alerts(detector, table(np.random.default_rng(6).uniform(-3, 3, (40, 6)), actor="new", start=LATER))


def test_pace_far_above_the_usual_is_told_with_the_usual(detector):
    found = alerts(
        detector, table(genuine(np.random.default_rng(7), 400), actor="app-2", gap=4.0, start=LATER)
    )
    reason = found[0].reasons[0]
    assert (found[0].kind, reason.name) == ("extraction", "pace")
    assert reason.value > reason.usual > 0


def test_a_restored_detector_goes_on_as_the_first_would_have(detector, learned):
    drawn = table(np.random.default_rng(8).uniform(-3, 3, (20, 6)), actor="emp-9", start=LATER)
    rows = list(rows_of(drawn))
    first = [detector.observe(row) for row in rows[:10]]
    copy = QueryDetector()
    copy.restore(json.loads(json.dumps(detector.state())))
    assert [detector.observe(row) for row in rows[10:]] == [copy.observe(row) for row in rows[10:]]
    assert any(first)


@pytest.mark.parametrize(
    "change", [{"x1": float("nan")}, {"x1": "high"}, {"x1": None}, {"time": float("nan")}, {"actor": ""}]
)
def test_a_query_that_cannot_be_judged_is_counted_and_stops_nothing(detector, change):
    rows = list(rows_of(table(genuine(np.random.default_rng(9), 3), start=LATER)))
    rows[1].update(change)
    assert [list(detector.observe(row)) for row in rows] == [[], [], []]
    assert detector.unusable == 1


def test_a_clock_that_goes_back_loses_nothing(detector):
    drawn = table(np.random.default_rng(10).uniform(-3, 3, (20, 6)), actor="emp-1", start=LATER).iloc[::-1]
    assert alerts(detector, drawn)


def test_without_a_history_rows_are_judged_and_nothing_is_raised():
    detector = QueryDetector()
    detector.learn(pd.DataFrame())
    assert alerts(detector, table(genuine(np.random.default_rng(11), 50), start=LATER)) == []


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("queries.csv", "must be a DataFrame"),
        (pd.DataFrame({"event_id": ["a"], "time": [START]}), "no column 'actor'"),
        (pd.DataFrame({"event_id": ["a"], "time": [START], "actor": ["b"]}), "no inputs"),
    ],
)
def test_a_history_that_is_no_table_of_queries_is_refused_in_a_sentence(given, words):
    with pytest.raises(UserError, match=words):
        QueryDetector().learn(given)


@pytest.mark.parametrize("state", [{}, {"version": 0}, {"version": 1}])
def test_a_state_of_another_version_or_damaged_is_refused(state):
    with pytest.raises(UserError, match="learn from the history again"):
        QueryDetector().restore(state)


@pytest.mark.parametrize("wrong", [{"memory": 1}, {"fade": 0.0}, {"evidence": -1.0}])
def test_settings_without_sense_are_refused(wrong):
    with pytest.raises(UserError, match=next(iter(wrong))):
        QuerySettings(**wrong)


def test_features_come_one_row_a_query_for_a_comparison(history):
    made = query_features(history.head(50), history)
    assert list(made.columns) == ["event_id", *FEATURES]
    assert len(made) == 50
    assert np.isfinite(made[list(FEATURES)].to_numpy()).all()


def test_inputs_are_ordered_by_their_number():
    columns = ["event_id", "time", "actor", "x10", "x2", "x0"]
    assert input_columns(pd.DataFrame(columns=columns)) == ("x0", "x2", "x10")


def test_a_point_off_the_line_is_not_between():
    ends = np.array([[0.0, 0.0, 0.0], [2.0, 2.0, 2.0]])
    assert between(np.array([0.5, 0.5, 0.5]), ends, 0.01)
    assert not between(np.array([0.5, 0.5, 0.7]), ends, 0.01)
    assert not between(np.array([3.0, 3.0, 3.0]), ends, 0.01)


def test_distances_of_an_attack_depart_more_from_normal_than_genuine_ones():
    rng = np.random.default_rng(12)
    attack = np.concatenate([np.full(50, 0.1), np.full(50, 0.9)]) + rng.normal(0, 0.01, 100)
    assert prada(attack) > 5 * prada(rng.normal(2, 0.4, 100))
