"""Claims about the stream: a change is found, located and dated; no irregular event stops it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from secure_ai.core import UserError
from secure_ai.monitor.drift import DriftMonitor, replay, stream_alarm_rates

N = 3_000


def predictions(seed=0, change_at=None, label_change_at=None, days=20):
    rng = np.random.default_rng(seed)
    score = rng.beta(2, 6, N)
    if change_at:
        score[change_at:] = rng.beta(4, 5, N - change_at)
    truth = rng.random(N) < score
    if label_change_at:
        truth[label_change_at:] = rng.random(N - label_change_at) < 1 - score[label_change_at:]
    time = pd.date_range("2026-01-01", periods=N, freq="30min", tz="UTC")
    return pd.DataFrame(
        {"event_id": [f"q{i}" for i in range(N)], "time": time, "score": score, "label": truth.astype(float),
         "label_time": time + pd.Timedelta(days=days), "sodium": rng.normal(139, 4, N)}
    )  # fmt: skip


def test_a_quiet_stream_has_no_change():
    assert replay(DriftMonitor(), predictions()).changes == ()


def test_a_change_of_scores_is_located_within_fifty_events_and_dated_before_it_was_noticed():
    found = replay(DriftMonitor(), predictions(change_at=1_800)).changes
    (change,) = [change for change in found if change.stream == "score"]
    assert change.before < change.after
    assert abs(change.index - 1_800) < 50
    assert change.start < change.detected


def test_errors_show_a_change_only_when_the_late_labels_come_and_place_it_where_it_began():
    frame = predictions(label_change_at=1_500, days=20)
    changes = replay(DriftMonitor(), frame).changes
    assert {change.stream for change in changes} == {"error"}, "the scores see nothing"
    first = changes[0]
    began = frame["time"].iloc[1_500]
    assert abs(pd.Timestamp(first.start) - began) < pd.Timedelta(days=3)
    assert pd.Timestamp(first.detected) > began + pd.Timedelta(days=20)


def test_an_input_in_another_unit_and_one_that_stops_arriving_are_both_found():
    reference, frame = predictions(1)[["sodium"]], predictions(2)
    unit, gone = frame.copy(), frame.copy()
    unit.loc[1_500:, "sodium"] *= 10
    gone.loc[1_500:, "sodium"] = np.nan
    assert replay(DriftMonitor(reference), unit, ["sodium"]).changes[0].stream == "sodium"
    assert replay(DriftMonitor(reference), gone, ["sodium"]).changes[0].stream == "missing"


def test_irregular_events_are_counted_and_the_others_still_followed():
    monitor = DriftMonitor()
    monitor.update("a", "2026-01-02", 0.2)
    monitor.update("a", "2026-01-02", 0.2)
    monitor.update("b", "2026-01-01", 0.2)
    monitor.update("c", "2026-01-03", float("nan"))
    monitor.update("d", "2026-01-03", "high")
    monitor.update("e", "2026-01-03", 40)
    monitor.update("f", pd.NaT, 0.2)
    monitor.update("g", "not a time", 0.2)
    monitor.add_label("a", 1, "2026-01-04")
    monitor.add_label("a", 1, "2026-01-04")
    monitor.add_label("nobody", 1, "2026-01-04")
    monitor.add_label("b", 0.5, "2026-01-04")
    assert dict(monitor.irregularities) == {
        "duplicate event": 1, "clock went backwards": 1, "score is not a number": 2,
        "score outside 0 to 1": 1,
        "time cannot be read": 2, "duplicate label": 1, "label without prediction": 1,
        "label is not 0 or 1": 1,
    }  # fmt: skip
    assert len(monitor.history("score")) == 4 and len(monitor.history("error")) == 1
    assert monitor.waiting == 3
    assert "clock went backwards 1" in monitor.sentence()


def test_a_clock_that_goes_backwards_loses_no_event():
    frame = predictions(change_at=1_800)
    monitor = DriftMonitor()
    for row in frame.sample(frac=1, random_state=0).sort_index().itertuples():
        time = row.time - pd.Timedelta(hours=2) if row.Index % 100 == 0 else row.time
        monitor.update(row.event_id, time, row.score)
    assert len(monitor.history("score")) == N
    assert monitor.irregularities["clock went backwards"] == N // 100 - 1
    assert len(monitor.changes) == 1


def test_predictions_whose_labels_never_come_do_not_fill_the_memory():
    monitor = DriftMonitor(most_pending=10)
    for i in range(100):
        monitor.update(str(i), "2026-01-01", 0.5)
    assert monitor.waiting == 10 and monitor.irregularities["label never came"] == 90


def test_adwin_is_quiet_without_a_change_and_finds_a_real_one():
    streams = {
        "quiet": lambda rng: rng.random(1_500),
        "change": lambda rng: (rng.random(2_000) < np.repeat([0.1, 0.3], 1_000)).astype(float),
    }
    rates = stream_alarm_rates(streams, seeds=range(40)).set_index("method")["rate"]
    assert rates["quiet"] <= 0.05 and rates["change"] >= 0.95


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: DriftMonitor(delta=0), "delta"),
        (lambda: DriftMonitor(pd.DataFrame({"x": [1.0] * 5})), "'x' has 5 numbers"),
        (lambda: DriftMonitor(pd.DataFrame({"x": ["a"] * 50})), "'x' has 0 numbers"),
        (lambda: DriftMonitor(pd.DataFrame({"score": np.arange(50.0)})), "cannot be called 'score'"),
        (lambda: replay(DriftMonitor(), pd.DataFrame({"time": []})), "no column 'event_id'"),
        (lambda: replay(DriftMonitor(), predictions().drop(columns="label_time")), "'label_time'"),
        (lambda: stream_alarm_rates({}, seeds=[]), "at least one seed"),
    ],
)
def test_wrong_input_is_a_sentence(call, words):
    with pytest.raises(UserError, match=words):
        call()
