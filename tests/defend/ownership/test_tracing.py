"""A leaked model file names its recipient, whatever was done to it, and never an innocent one."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.ensemble import (
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from secure_ai.attack.networks import Network
from secure_ai.core import UserError
from secure_ai.defend.ownership import mark_model, mark_weights, measure_tracing, plot_trace, trace_leak
from secure_ai.defend.ownership.weights import read_weights, with_values

KEY = b"a key of the owner, 32 bytes lon"
RNG = np.random.default_rng(0)
ROWS = RNG.normal(size=(500, 8))
LABELS = (ROWS[:, 0] * ROWS[:, 1] + ROWS[:, 2] + RNG.normal(0, 0.4, 500) > 0).astype(int)
NAMES = [f"vendor {letter}" for letter in "ABCDEFGH"]
MODELS = {
    "network": lambda: Network((24,), epochs=6),
    "multi-layer perceptron": lambda: MLPClassifier((24,), max_iter=60, random_state=0),
    "histogram boosting": lambda: HistGradientBoostingClassifier(max_iter=30, random_state=0),
    "gradient boosting": lambda: GradientBoostingClassifier(n_estimators=40, random_state=0),
    "forest": lambda: RandomForestClassifier(15, random_state=0),
    "pipeline": lambda: make_pipeline(StandardScaler(), MLPClassifier((24,), max_iter=60, random_state=0)),
}


@pytest.fixture(scope="module", params=MODELS)
def fitted(request):
    with warnings.catch_warnings(), threadpool_limits(1):
        warnings.simplefilter("ignore")
        return MODELS[request.param]().fit(ROWS, LABELS)


def test_no_answer_changes_and_the_leaker_is_named(fitted):
    copy = mark_model(fitted, NAMES[2], KEY, ROWS)
    assert np.array_equal(copy.model.predict(ROWS), fitted.predict(ROWS))
    assert copy.labels_changed == 0 and copy.largest_change <= 0.01
    found = trace_leak(copy.model, fitted, KEY, NAMES, copy.strength)
    assert found.accused == (NAMES[2],)
    assert trace_leak(fitted, fitted, KEY, NAMES, copy.strength).accused == ()
    assert NAMES[2] in found.sentence()


@pytest.fixture(scope="module")
def network():
    return Network((32,), epochs=6).fit(ROWS, LABELS)


@pytest.fixture(scope="module")
def copies(network):
    return {name: mark_weights(network, name, KEY, 0.005) for name in NAMES}


def test_two_who_mix_their_copies_are_both_named(network, copies):
    pair = [read_weights(copies[name]).values for name in NAMES[:2]]
    pick = np.random.default_rng(1).random(len(pair[0])) < 0.5
    for mixed in (np.mean(pair, axis=0), np.where(pick, *pair), np.minimum(*pair)):
        leaked = with_values(network, mixed)
        assert set(trace_leak(leaked, network, KEY, NAMES, 0.005).accused) <= set(NAMES[:2])
    averaged = with_values(network, np.mean(pair, axis=0))
    assert set(trace_leak(averaged, network, KEY, NAMES, 0.005).accused) == set(NAMES[:2])


@settings(max_examples=40, deadline=None)
@given(st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 7)), st.floats(0, 1), st.floats(1e-5, 10))
def test_nobody_innocent_is_ever_accused_whatever_was_done_to_the_file(network, copies, leak, share, size):
    seed, who = leak
    rng = np.random.default_rng(seed)
    values = read_weights(copies[NAMES[who]]).values
    changed = np.where(rng.random(len(values)) < share, values + rng.normal(0, size, len(values)), values)
    found = trace_leak(with_values(network, changed), network, KEY, NAMES, 0.005)
    assert set(found.accused) <= {NAMES[who]}


def test_the_bound_on_false_accusations_holds_where_it_can_be_counted(network):
    rng = np.random.default_rng(3)
    strangers = [f"stranger {number}" for number in range(400)]
    values = read_weights(network).values
    accused = 0
    for _ in range(10):
        leaked = with_values(network, values + rng.normal(0, 0.01, len(values)))
        found = trace_leak(leaked, network, KEY, strangers, 0.005, false_accusation=0.5)
        accused += bool(found.accused)
        assert (found.scores["score"].abs() < 6).all()
    assert accused <= 8


def test_plain_arrays_are_marked_and_traced_in_their_own_precision():
    arrays = {"w": RNG.normal(size=(40, 10)).astype(np.float32), "b": np.zeros(3, dtype=np.int64)}
    leaked = mark_weights(arrays, "insider", KEY, 0.01)
    assert leaked["w"].dtype == np.float32 and np.array_equal(leaked["b"], arrays["b"])
    assert trace_leak(leaked, arrays, KEY, ["insider", "other"], 0.01).accused == ("insider",)


def test_another_key_sees_no_mark(network, copies):
    assert trace_leak(copies[NAMES[0]], network, b"k" * 32, NAMES, 0.005).accused == ()


@pytest.mark.parametrize(
    "wrong",
    [
        lambda model: mark_weights(LogisticRegression().fit(ROWS, LABELS), "a", KEY, 0.01),
        lambda model: mark_weights(GaussianNB().fit(ROWS, LABELS), "a", KEY, 0.01),
        lambda model: mark_weights(model, "", KEY, 0.01),
        lambda model: mark_weights(model, "a", b"short", 0.01),
        lambda model: mark_weights(model, "a", KEY, 0),
        lambda model: mark_weights({"w": np.full(100, np.nan)}, "a", KEY, 0.01),
        lambda model: trace_leak(Network((5,), epochs=1).fit(ROWS, LABELS), model, KEY, ["a"], 0.01),
        lambda model: trace_leak(model, model, KEY, [], 0.01),
        lambda model: trace_leak(model, model, KEY, ["a", "a"], 0.01),
        lambda model: trace_leak(model, model, KEY, ["a"], 0.01, false_accusation=0),
        lambda model: measure_tracing(model, ROWS, KEY, recipients=1),
    ],
    ids=range(11),
)
def test_what_cannot_be_marked_or_traced_is_refused_in_a_sentence(network, wrong):
    with pytest.raises(UserError):
        wrong(network)


def test_tracing_is_measured_over_the_ways_a_file_is_changed(network):
    def tuned(model):
        return model.fine_tune(ROWS[:200], LABELS[:200], epochs=1, learning_rate=1e-4)

    found = measure_tracing(network, ROWS, KEY, recipients=5, leaks=2, tuned={"fine-tuned a little": tuned})
    table = found.to_frame().set_index("change")
    assert table.loc["as it was", "all traced"] == 2
    assert table.loc["two copies, averaged", "traced"] == 2
    assert table["innocent accused"].sum() == 0
    assert found.false_accusations.value == 0 and found.traced.control == 0
    assert found.traced.baseline == 0.2 and "traced" in found.sentence()
    assert "fine-tuned a little" in table.index


def test_the_picture_of_a_trace_names_the_leaker_in_its_title(network, copies):
    found = trace_leak(copies[NAMES[1]], network, KEY, NAMES, 0.005)
    assert NAMES[1] in plot_trace(found).axes[0].get_title(loc="left")
