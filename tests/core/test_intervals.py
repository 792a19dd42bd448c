"""Claims about intervals of shares: they are SciPy's, and they cover as often as they say."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, binomtest

from secure_ai.core.intervals import clopper_pearson, wilson


@given(st.data(), st.integers(1, 10_000))
def test_both_intervals_are_scipys(data, n):
    hits = data.draw(st.integers(0, n))
    for ours, theirs in ((wilson, "wilson"), (clopper_pearson, "exact")):
        expected = binomtest(hits, n).proportion_ci(method=theirs)
        assert ours(hits, n) == pytest.approx((expected.low, expected.high), abs=1e-9)


def test_wilson_matches_the_published_example():
    # Newcombe (1998), Two-sided confidence intervals for the single proportion, Table I: 81 of 263.
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)


@pytest.mark.parametrize("interval", [wilson, clopper_pearson])
def test_the_ends_are_exact_and_no_trial_says_nothing(interval):
    assert interval(0, 20)[0] == 0 and interval(20, 20)[1] == 1
    assert interval(0, 0) == (0, 1)


def test_several_shares_at_once_are_what_each_is_alone():
    low, high = wilson(np.array([0, 3, 10]), 10)
    assert list(zip(low, high, strict=True)) == [wilson(hits, 10) for hits in (0, 3, 10)]


@pytest.mark.parametrize("share", [0.01, 0.2, 0.5])
@pytest.mark.parametrize("n", [30, 400])
def test_they_cover_the_true_share_as_often_as_they_say(share, n):
    hits = np.arange(n + 1)
    chance = binom.pmf(hits, n, share)
    low, high = wilson(hits, n)
    exact = np.array([clopper_pearson(int(h), n) for h in hits])
    assert chance[(low <= share) & (share <= high)].sum() > 0.92
    assert chance[(exact[:, 0] <= share) & (share <= exact[:, 1])].sum() >= 0.95


@pytest.mark.parametrize(("hits", "n"), [(-1, 5), (6, 5), (1, float("inf")), (float("nan"), 5)])
def test_what_is_no_share_is_refused(hits, n):
    for interval in (wilson, clopper_pearson):
        with pytest.raises(ValueError, match="from 0 to n"):
            interval(hits, n)
