"""Claims about PSI: its definition, and what it is by chance alone."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from secure_ai.monitor.drift import population_stability_index, psi_noise_bound
from secure_ai.monitor.drift.population import (
    Binned,
    bin_categories,
    bin_numbers,
    psi_interval,
    psi_noise,
    psi_of_counts,
)


def test_psi_is_the_sum_of_differences_times_log_ratios():
    # Shares 0.5, 0.5 and 0.7, 0.3: 0.2 ln 1.4 + 0.2 ln (5/3) = 0.1695
    assert psi_of_counts(np.array([50_000, 50_000]), np.array([70_000, 30_000])) == pytest.approx(
        0.2 * np.log(1.4) + 0.2 * np.log(5 / 3), abs=1e-4
    )


def test_a_shift_by_half_a_standard_deviation_has_about_the_psi_of_theory():
    # Jeffreys' divergence of two normal laws a distance d apart is d²; bins lose a little.
    rng = np.random.default_rng(0)
    old, new = pd.Series(rng.normal(0, 1, 50_000)), pd.Series(rng.normal(0.5, 1, 50_000))
    assert 0.21 < population_stability_index(old, new) < 0.25


counts = st.lists(st.integers(0, 500), min_size=2, max_size=12)


@given(st.lists(st.tuples(st.integers(0, 500), st.integers(0, 500)), min_size=2, max_size=12))
def test_psi_is_never_negative_finite_and_the_same_both_ways(pairs):
    a, b = np.array(pairs).T
    value = psi_of_counts(a, b)
    assert 0 <= value < np.inf
    assert value == pytest.approx(psi_of_counts(b, a))


@given(counts)
def test_psi_of_equal_counts_is_zero(found):
    assert psi_of_counts(np.array(found), np.array(found)) == 0


@pytest.mark.parametrize(("n", "m"), [(60, 60), (300, 80), (2_000, 2_000)])
def test_the_noise_bound_is_passed_in_about_one_of_twenty_samples_without_drift(n, m):
    rng = np.random.default_rng(1)
    passed = 0
    for _ in range(120):
        found = bin_numbers(rng.normal(size=n), rng.normal(size=m))
        _, bound, _ = psi_noise(found, 0.05, rng)
        passed += psi_of_counts(found.reference, found.current) > bound
    assert 0.005 < passed / 120 < 0.11


def test_permutations_and_chi_square_agree_where_both_are_valid():
    rng = np.random.default_rng(2)
    found = bin_numbers(rng.normal(size=600), rng.normal(size=600))
    exact = psi_of_counts(
        (pooled := found.reference + found.current)
        - (drawn := rng.multivariate_hypergeometric(pooled, 600, size=20_000)),
        drawn,
    )
    mean, bound, how = psi_noise(found, 0.01, rng)
    assert how == "chi-square approximation"
    assert mean == pytest.approx(exact.mean(), rel=0.05)
    assert bound == pytest.approx(np.quantile(exact, 0.99), rel=0.08)


def test_small_samples_pass_the_conventional_level_by_chance_alone():
    assert psi_noise_bound(100, 100) > 0.25
    assert psi_noise_bound(10_000, 10_000) < 0.01


def test_the_interval_covers_the_psi_of_the_populations():
    p, q = np.full(10, 0.1), np.array([0.16, 0.14, 0.12, 0.1, 0.1, 0.1, 0.08, 0.08, 0.06, 0.06])
    truth = float(((q - p) * np.log(q / p)).sum())
    rng = np.random.default_rng(3)
    covered = 0
    for _ in range(120):
        found = Binned(rng.multinomial(800, p), rng.multinomial(800, q))
        low, high = psi_interval(found, rng)
        covered += low <= truth <= high
    assert covered >= 109


def test_categories_that_are_rare_or_unknown_share_one_bin():
    old = pd.Series(["a"] * 50 + ["b"] * 40 + ["rare"] * 2)
    new = pd.Series(["a"] * 30 + ["unknown"] * 20)
    found = bin_categories(old, new)
    assert found.reference.tolist() == [50, 40, 2]
    assert found.current.tolist() == [30, 0, 20]


def test_a_column_of_zeros_and_ones_has_two_bins():
    found = bin_numbers(np.array([0.0] * 90 + [1.0] * 10), np.array([0.0] * 50 + [1.0] * 50))
    assert (found.reference.tolist(), found.current.tolist()) == ([90, 10], [50, 50])
