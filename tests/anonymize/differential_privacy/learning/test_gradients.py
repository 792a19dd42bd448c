"""Clipped gradients equal those of a loop over records, and a record moves their sum by the norm at most."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secure_ai.anonymize.differential_privacy.learning.gradients import (
    activations,
    clipped_sum,
    errors,
    gradient_norms,
    initial_layers,
    losses,
)

SHAPES = [((5, 1), 2), ((5, 3), 3), ((5, 4, 1), 2), ((5, 4, 3, 3), 3)]


def example(sizes, classes, records=7, seed=0):
    rng = np.random.default_rng(seed)
    layers = [(rng.normal(size=w.shape), rng.normal(size=b.shape)) for w, b in initial_layers(sizes, rng)]
    return layers, rng.normal(size=(records, sizes[0])), rng.integers(0, classes, records)


def flat(layers):
    return np.concatenate([part.ravel() for layer in layers for part in layer])


def unflat(vector, layers):
    parts, start = [], 0
    for layer in layers:
        row = []
        for part in layer:
            row.append(vector[start : start + part.size].reshape(part.shape))
            start += part.size
        parts.append(tuple(row))
    return parts


def finite_differences(layers, x, y, step=1e-6):
    point = flat(layers)
    slopes = []
    for direction in np.eye(len(point)) * step:
        up, down = (
            losses(activations(unflat(point + sign * direction, layers), x)[-1], y).sum() for sign in (1, -1)
        )
        slopes.append((up - down) / (2 * step))
    return np.array(slopes)


@pytest.mark.parametrize(("sizes", "classes"), SHAPES)
def test_the_gradient_of_each_record_equals_finite_differences(sizes, classes):
    layers, x, y = example(sizes, classes)
    for row in range(len(x)):
        one = flat(clipped_sum(layers, x[row : row + 1], y[row : row + 1], np.inf))
        np.testing.assert_allclose(
            one, finite_differences(layers, x[row : row + 1], y[row : row + 1]), atol=1e-6
        )


@pytest.mark.parametrize(("sizes", "classes"), SHAPES)
@pytest.mark.parametrize("norm", [0.1, 1.0, 100.0])
def test_norms_and_clipped_sums_equal_those_of_a_loop_over_records(sizes, classes, norm):
    layers, x, y = example(sizes, classes, records=30)
    each = [flat(clipped_sum(layers, x[i : i + 1], y[i : i + 1], np.inf)) for i in range(len(x))]
    values = activations(layers, x)
    found = gradient_norms(values, errors(layers, values, y))
    np.testing.assert_allclose(found, [np.linalg.norm(one) for one in each])
    loop = sum(one * min(1, norm / np.linalg.norm(one)) for one in each)
    np.testing.assert_allclose(flat(clipped_sum(layers, x, y, norm)), loop, atol=1e-10)


@settings(max_examples=150, deadline=None)
@given(
    shape=st.sampled_from(SHAPES),
    seed=st.integers(0, 2**32),
    norm=st.floats(1e-3, 1e3),
    spread=st.floats(1e-6, 1e6),
    records=st.integers(1, 12),
)
def test_one_record_less_moves_the_sum_by_at_most_the_norm(shape, seed, norm, spread, records):
    layers, x, y = example(*shape, records=records, seed=seed)
    x = x * spread
    everyone = flat(clipped_sum(layers, x, y, norm))
    without = flat(clipped_sum(layers, x[1:], y[1:], norm))
    assert np.linalg.norm(everyone - without) <= norm * (1 + 1e-9)


def test_a_batch_that_drew_nobody_adds_nothing():
    layers, x, y = example((5, 4, 1), 2)
    assert not flat(clipped_sum(layers, x[:0], y[:0], 1.0)).any()
