"""Rows back from gradients: exactly from one record, by search from a few, not through noise or masks."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secure_ai.anonymize.differential_privacy.learning.gradients import initial_layers
from secure_ai.attack.federated import (
    flip_labels,
    gradients_of_change,
    inversion_table,
    mean_gradient,
    measure_inversion,
    not_numbers,
    opposite_change,
    outside_span,
    plot_inversions,
    plot_recovered,
    records_in,
    recover_batch,
    recover_row,
    replacing_change,
    scaled_change,
)
from secure_ai.core.errors import UserError

COLUMNS = 12


def weights_of(*sizes: int, seed: int = 0) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    parts = [part for layer in initial_layers(sizes, rng) for part in layer]
    return [part + rng.normal(0, 0.1, part.shape) for part in parts]


def drawn(records: int, classes: int = 2, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(records, COLUMNS)), rng.integers(0, classes, records)


@pytest.mark.parametrize("sizes", [(COLUMNS, 1), (COLUMNS, 3), (COLUMNS, 8, 1), (COLUMNS, 8, 4, 3)])
@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_one_record_comes_back_exactly_with_its_class(sizes, seed):
    weights = weights_of(*sizes, seed=seed)
    rows, codes = drawn(1, max(sizes[-1], 2), seed)
    found = recover_batch(mean_gradient(weights, rows, codes), weights)
    assert np.allclose(found.rows, rows, atol=1e-9)
    assert found.codes.tolist() == codes.tolist()
    assert found.matched


@pytest.mark.parametrize("records", [2, 3, 4])
def test_a_few_records_come_back_from_the_gradient_of_a_network(records):
    weights = weights_of(COLUMNS, 16, 1)
    rows, codes = drawn(records, seed=records)
    found = recover_batch(mean_gradient(weights, rows, codes), weights)
    assert found.matched
    nearest = np.abs(rows[:, None] - found.rows[None]).max(axis=2).min(axis=1)
    assert nearest.max() < 1e-6
    assert sorted(found.codes) == sorted(codes)


def test_a_search_that_finds_nothing_gives_up_after_the_stated_effort(monkeypatch):
    weights = [4 * part for part in weights_of(COLUMNS, 32, 1)]
    begun = 30 * (8**2 + 1)  # a search that was begun takes its 30 steps
    computed = 0

    def counted(*given):
        nonlocal computed
        computed += 1
        return mean_gradient(*given)

    monkeypatch.setattr("secure_ai.attack.federated.inversion.mean_gradient", counted)
    for effort in (1, begun + 1):
        computed = 0
        found = measure_inversion(weights, *drawn(40), batch=8, batches=1, effort=effort)
        assert (found.recovered.value, found.recovered.n) == (0.0, 8)
        # One batch is inverted, and another as the control.
        assert effort // 2 < computed / 2 <= effort + begun


@pytest.mark.slow
@pytest.mark.parametrize("hidden", [8, 32])
def test_the_usual_effort_ends_a_hopeless_search_of_eight_records_within_seconds(hidden):
    weights = [4 * part for part in weights_of(COLUMNS, hidden, 1)]
    begun = time.process_time()
    found = measure_inversion(weights, *drawn(60), batch=8, batches=5)
    assert found.recovered.value == 0.0
    assert time.process_time() - begun < 6 * 5


def test_the_rank_of_the_gradient_tells_how_many_records_there_were():
    weights = weights_of(COLUMNS, 16, 1)
    for records in (1, 3, 5):
        assert records_in(mean_gradient(weights, *drawn(records))) == records


def test_after_many_steps_the_span_still_tells_who_took_part():
    weights = weights_of(COLUMNS, 16, 1)
    rows, codes = drawn(10)
    current = weights
    for _ in range(5):
        slopes = mean_gradient(current, rows[:4], codes[:4])
        current = [part - 0.1 * slope for part, slope in zip(current, slopes, strict=True)]
    change = [after - before for after, before in zip(current, weights, strict=True)]
    outside = outside_span(gradients_of_change(change, 0.1, 5), rows)
    assert outside[:4].max() < 1e-6
    assert outside[4:].min() > 0.1


def test_one_record_comes_back_after_many_steps_too():
    weights = weights_of(COLUMNS, 8, 1)
    rows, codes = drawn(1)
    current = weights
    for _ in range(7):
        slopes = mean_gradient(current, rows, codes)
        current = [part - 0.3 * slope for part, slope in zip(current, slopes, strict=True)]
    change = [after - before for after, before in zip(current, weights, strict=True)]
    assert np.allclose(recover_row(change), rows[0], atol=1e-9)


def test_what_is_recovered_is_measured_against_guessing_and_other_records():
    weights = weights_of(COLUMNS, 8, 1)
    found = measure_inversion(weights, *drawn(40), batch=1, batches=20)
    assert found.recovered.value == 1.0
    assert found.recovered.control == 0.0
    assert found.error.value < 1e-9
    assert found.error.baseline > 0.3
    assert "100%" in found.sentence()
    assert len(found.to_frame()) == 2


def test_a_logistic_regression_shows_one_record_and_of_four_only_a_mixture():
    weights = weights_of(COLUMNS, 1)
    assert measure_inversion(weights, *drawn(50), batch=1, batches=5).recovered.value == 1.0
    assert measure_inversion(weights, *drawn(50), batch=4, batches=5).recovered.value == 0.0


def test_noise_hides_the_record_and_pictures_say_so():
    weights = weights_of(COLUMNS, 8, 1)
    rng = np.random.default_rng(0)

    def noisy(rows, codes):
        return [part + rng.normal(0, 1, part.shape) for part in mean_gradient(weights, rows, codes)]

    plain = measure_inversion(weights, *drawn(40), batches=10)
    hidden = measure_inversion(weights, *drawn(40), batches=10, sends=noisy)
    assert hidden.recovered.value == 0.0
    cases = {"plain": plain, "noise": hidden}
    assert list(inversion_table(cases)["recovered"]) == [1.0, 0.0]
    assert "100%" in plot_inversions(cases).get_suptitle()
    assert "away from the record" in plot_recovered(plain).get_suptitle()


def test_the_result_does_not_print_records():
    found = measure_inversion(weights_of(COLUMNS, 8, 1), *drawn(40), batches=3)
    assert "array" not in repr(found)


@pytest.mark.parametrize(
    "ask",
    [
        lambda w: recover_row([np.zeros((3, 2)), np.zeros(2)]),
        lambda w: recover_row([np.zeros((3, 2)), np.zeros(3)]),
        lambda w: recover_row([np.full((3, 2), np.nan), np.ones(2)]),
        lambda w: recover_batch(w[:2], w),
        lambda w: recover_batch(mean_gradient(w, *drawn(12)), w, records=12),
        lambda w: recover_batch(mean_gradient(w, *drawn(2)), w, records=3),
        lambda w: outside_span(w, np.zeros((2, 3))),
        lambda w: measure_inversion(w, *drawn(5), batch=2, batches=5),
        lambda w: measure_inversion(w, np.full((40, COLUMNS), np.nan), np.zeros(40)),
        lambda w: plot_inversions({}),
    ],
)
def test_bad_input_is_refused_in_words(ask):
    with pytest.raises(UserError):
        ask(weights_of(COLUMNS, 8, 1))


def test_lies_are_what_they_say():
    change = np.array([1.0, -2.0])
    assert np.array_equal(scaled_change(change, 3), [3, -6])
    assert np.array_equal(opposite_change(change), [-1, 2])
    assert np.isnan(not_numbers(change)).sum() == 1
    assert flip_labels([0, 1, 1]).tolist() == [1, 0, 0]
    assert flip_labels(["a", "a"], classes=["a", "b"]).tolist() == ["b", "b"]
    start, wanted = np.zeros(2), np.array([1.0, 1.0])
    assert np.array_equal(0.25 * replacing_change(start, wanted, 0.25), wanted)
    with pytest.raises(UserError):
        replacing_change(start, wanted, 0)
    with pytest.raises(UserError):
        flip_labels([0, 0])
