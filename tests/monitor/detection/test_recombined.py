"""Mixed records are noticed however slowly they come; records of people are not, however many come."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from secure_ai.core.errors import UserError
from secure_ai.monitor.detection import RecombinedDetector

MIX = np.random.default_rng(0).normal(size=(6, 6))


def people(seed, rows):
    return np.random.default_rng(seed).normal(size=(rows, 6)) @ MIX


def table(inputs, actor="ward"):
    frame = pd.DataFrame(inputs, columns=[f"x{place}" for place in range(inputs.shape[1])])
    return frame.assign(
        event_id=[f"{actor}-{number}" for number in range(len(frame))],
        time=pd.Timestamp("2026-03-02", tz="UTC"),
        actor=actor,
    )


def first_alert(detector, inputs, actor):
    for number, chance in enumerate(detector.chances(inputs), start=1):
        found = detector.judge({"actor": actor, "time": 60.0 * number, "event_id": str(number)}, chance)
        if any(one.score >= 0.5 for one in found):
            return number, found[0]
    return None, None


@pytest.fixture(scope="module")
def detector():
    made = RecombinedDetector()
    made.learn(table(people(1, 900)))
    return made


def test_a_thief_who_mixes_records_is_noticed_and_people_are_not(detector):
    own = people(2, 200)
    rng = np.random.default_rng(3)
    swap = rng.random((600, 6)) < 0.4
    mixed = np.where(swap, own[rng.integers(200, size=600)], own[rng.integers(200, size=600)])
    number, alert = first_alert(detector, mixed, "thief")
    assert number <= 250 and alert.kind == "extraction"
    assert "mixed" in alert.sentence() and alert.reasons[0].value > 0
    for ward in range(5):
        assert first_alert(detector, people(10 + ward, 1500), f"ward-{ward}")[0] is None


def test_a_query_alone_gives_the_same_judgement_as_in_a_batch(detector):
    own = people(2, 400)
    inputs = np.column_stack([np.roll(column, place) for place, column in enumerate(own.T)])
    inputs = inputs[[int(detector.chances(inputs).argmax())]]
    row = {f"x{place}": value for place, value in enumerate(inputs[0])}
    event = {**row, "actor": "one", "time": 1.0, "event_id": "e"}
    found = [detector.observe(event) for _ in range(8)][-1]
    other = [detector.judge({**event, "actor": "two"}, float(detector.chances(inputs)[0])) for _ in range(8)][
        -1
    ]
    assert found[0].score == other[0].score


def test_inputs_that_do_not_depend_on_each_other_say_that_nothing_can_be_seen():
    free = RecombinedDetector()
    free.learn(table(np.random.default_rng(4).normal(size=(900, 6))))
    assert 0.4 < free.separation < 0.6
    assert first_alert(free, np.random.default_rng(5).normal(size=(1500, 6)), "anybody")[0] is None


def test_what_was_seen_is_taken_up_again_and_a_damaged_state_is_refused(detector):
    detector.judge({"actor": "kept", "time": 1.0, "event_id": "e"}, 0.99)
    state = detector.state()
    assert state["sums"]["kept"][0] > 0
    detector.restore(state)
    assert detector.state() == state
    with pytest.raises(UserError, match="damaged"):
        detector.restore({"sums": {"a": 1}})


def test_queries_without_usable_inputs_and_a_short_past_raise_no_alert(detector):
    for event in (
        {},
        {f"x{place}": "text" for place in range(6)},
        {f"x{place}": np.nan for place in range(6)},
    ):
        assert detector.observe({**event, "actor": "a", "time": 1.0}) == ()
    young = RecombinedDetector()
    young.learn(table(people(6, 50)))
    assert np.isnan(young.chances(people(7, 3))).all()
    assert young.judge({"actor": "a", "time": 1.0}, float("nan")) == ()
    with pytest.raises(UserError):
        RecombinedDetector(margin=0.5)
