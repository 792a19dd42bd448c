"""Intervals of rates and of the risk hold what they promise."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from secure_ai.attack.synthetic_data.intervals import Rate, excess

trials = st.integers(5, 400)


@pytest.mark.parametrize(("share", "n", "n_control"), [(0.02, 60, 60), (0.3, 40, 25), (0.7, 30, 60)])
def test_the_interval_holds_zero_in_about_95_percent_of_all_outcomes_without_a_leak(share, n, n_control):
    coverage = 0.0
    for hits in range(n + 1):
        for hits_control in range(n_control):
            chance = binom.pmf(hits, n, share) * binom.pmf(hits_control, n_control, share)
            if chance > 1e-7:
                _, low, high = excess(Rate.counted(hits, n), Rate.counted(hits_control, n_control))
                coverage += chance * (low <= 0 <= high)
    assert 0.93 < coverage <= 1


@pytest.mark.parametrize(("share", "share_control"), [(0.9, 0.3), (0.5, 0.45), (0.2, 0.02)])
def test_the_interval_holds_a_true_risk_as_often(share, share_control):
    n, truth, coverage = 50, (share - share_control) / (1 - share_control), 0.0
    for hits in range(n + 1):
        for hits_control in range(n):
            chance = binom.pmf(hits, n, share) * binom.pmf(hits_control, n, share_control)
            if chance > 1e-5:
                _, low, high = excess(Rate.counted(hits, n), Rate.counted(hits_control, n))
                coverage += chance * (low <= truth <= high)
    assert 0.92 < coverage <= 1


@given(st.data(), trials, trials)
def test_zero_is_outside_exactly_when_pearsons_test_says_so(data, n, n_control):
    hits, hits_control = data.draw(st.integers(0, n)), data.draw(st.integers(0, n_control - 1))
    value, low, high = excess(Rate.counted(hits, n), Rate.counted(hits_control, n_control))
    assert low <= value <= high <= 1
    pooled = (hits + hits_control) / (n + n_control)
    variance = pooled * (1 - pooled) * (1 / n + 1 / n_control)
    difference = abs(hits / n - hits_control / n_control)
    statistic = difference / math.sqrt(variance) if variance else 0.0
    if abs(statistic - 1.96) > 0.01:
        assert (low > 0 or high < 0) == (statistic > 1.96)


def test_fewer_independent_attacks_widen_the_interval():
    def width(effective):
        _, low, high = excess(Rate(0.4, 500, effective), Rate(0.2, 500, effective))
        return high - low

    assert width(100) > 1.5 * width(500)


def test_a_computed_rate_has_no_interval():
    assert Rate.exact(0.25).interval == (0.25, 0.25)
