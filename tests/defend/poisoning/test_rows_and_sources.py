"""Which rows harm, which labels look wrong, and which source they came from."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from secure_ai.attack.networks import Network
from secure_ai.attack.poisoning import flip_group, flip_labels
from secure_ai.core import Unassessed, UserError
from secure_ai.defend.poisoning import (
    find_label_noise,
    leave_one_source_out,
    plot_influence,
    plot_sources,
    rank_influence,
)
from secure_ai.defend.poisoning.influence import leave_one_out_harm

RNG = np.random.default_rng(4)
ROWS = pd.DataFrame(
    {"a": RNG.normal(size=1_500), "b": RNG.normal(size=1_500), "kind": RNG.choice(list("xyz"), 1_500)}
)
LABELS = (ROWS["a"] + ROWS["b"] + 0.4 * RNG.normal(size=1_500) > 0).astype(int).to_numpy()
SOURCES = RNG.choice([f"clinic {number}" for number in range(8)], 1_500)


def test_the_predicted_harm_is_what_leaving_the_row_out_and_training_again_shows():
    rng = np.random.default_rng(6)
    x, y = rng.normal(size=(200, 3)), rng.random(200) < 0.5
    checked, truth = rng.normal(size=(30, 3)), rng.random(30) < 0.5

    def loss(rows, labels):
        model = LogisticRegression(tol=1e-10, max_iter=5_000).fit(rows, labels)
        return -np.log(model.predict_proba(checked)[np.arange(30), truth.astype(int)]).sum()

    predicted = leave_one_out_harm(x, y, checked, truth)
    with threadpool_limits(1):
        whole = loss(x, y)
        shown = np.array([whole - loss(np.delete(x, row, axis=0), np.delete(y, row)) for row in range(20)])
    assert np.abs(predicted[:20] - shown).max() < 0.1 * np.abs(shown).max()


@pytest.mark.parametrize("network", [False, True])
def test_flipped_rows_stand_first_in_the_ranking(network):
    poison = flip_labels(ROWS[:1_000], LABELS[:1_000], 0.05)
    rows, trusted, model = ROWS[:1_000], ROWS[1_000:], None
    if network:
        rows, trusted = rows[["a", "b"]], trusted[["a", "b"]]
        model = Network((8,), epochs=5).fit(rows, poison.labels)
    found = rank_influence(model, rows, poison.labels, trusted, LABELS[1_000:])
    assert found.found(poison.changed, 0.1) > 0.6
    assert "most harmful 1%" in found.sentence()
    assert len(found.to_frame(5)) == 5
    assert "%" in plot_influence(found, poison.changed).axes[0].get_title("left")
    assert plot_influence(found).axes[0].get_ylabel()


def test_the_group_whose_labels_were_flipped_stands_out_and_no_other():
    flipped = ROWS["kind"] == "x"
    poison = flip_group(ROWS, LABELS, flipped, 1, 0.05)
    found = find_label_noise(None, ROWS[["a", "b"]], poison.labels, groups=ROWS["kind"])
    assert found.alarm
    assert list(found.to_frame().query("alarm")["group"]) == ["x"]
    assert found.suspicious[poison.changed].mean() > 4 * found.suspicious[~poison.changed].mean()
    assert "'x' stands out" in found.sentence()


def test_honest_labels_raise_no_alarm_and_look_wrong_no_more_often_than_chance_lets_them():
    found = find_label_noise(LogisticRegression(), ROWS[["a", "b"]], LABELS, groups=ROWS["kind"])
    assert not found.alarm
    assert abs(found.share.value - found.share.control) < 0.05


@settings(max_examples=5, deadline=None)
@given(st.integers(0, 7))
def test_the_source_that_lies_is_named(liar):
    labels = np.where((f"clinic {liar}" == SOURCES) & (ROWS["b"] > 0), 1 - LABELS, LABELS)
    found = leave_one_source_out(LogisticRegression(), ROWS[["a", "b"]], labels, SOURCES)
    assert list(found.table.loc[found.table["alarm"], "source"]) == [f"clinic {liar}"]
    assert set(SOURCES[found.suspicious]) == {f"clinic {liar}"}
    assert f"clinic {liar}" in found.sentence()


def test_honest_sources_are_not_accused_and_trusted_rows_tell_the_harm():
    trusted = (ROWS[["a", "b"]][:200], LABELS[:200])
    found = leave_one_source_out(LogisticRegression(), ROWS[["a", "b"]], LABELS, SOURCES, trusted=trusted)
    assert not found.alarm and not found.suspicious.any()
    assert found.to_frame()["harm"].abs().max() < 0.05
    assert "0 of 8" in plot_sources(found).axes[0].get_title("left")


def test_honest_sources_that_differ_by_more_than_chance_are_not_accused():
    rates = dict(zip(np.unique(SOURCES), np.linspace(0.05, 0.2, 8), strict=True))
    wrong = RNG.random(1_500) < np.array([rates[name] for name in SOURCES])
    found = leave_one_source_out(LogisticRegression(), ROWS[["a", "b"]], LABELS ^ wrong, SOURCES)
    assert not found.alarm


def test_bad_input_is_unassessed_or_an_error_and_never_a_finding():
    holes = ROWS[["a", "b"]].assign(a=np.nan)
    assert isinstance(rank_influence(None, holes, LABELS, ROWS[["a", "b"]], LABELS), Unassessed)
    assert isinstance(find_label_noise(None, holes, LABELS), Unassessed)
    assert isinstance(leave_one_source_out(LogisticRegression(), holes, LABELS, SOURCES), Unassessed)
    two = np.where(SOURCES == "clinic 1", "one", "other")
    assert isinstance(leave_one_source_out(LogisticRegression(), ROWS[["a"]], LABELS, two), Unassessed)
    assert isinstance(rank_influence(None, ROWS, np.arange(1_500) % 3, ROWS, LABELS), Unassessed)
    for call in (
        lambda: find_label_noise(None, ROWS, LABELS, groups=["x"]),
        lambda: leave_one_source_out(LogisticRegression(), ROWS, LABELS, SOURCES[:3]),
        lambda: rank_influence(None, ROWS, LABELS, ROWS, LABELS[:3]),
        lambda: rank_influence(None, ROWS, LABELS, ROWS, LABELS + 5),
    ):
        with pytest.raises(UserError):
            call()
