"""A limit holds in any minute and any day, however the questions are spread."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secure_ai.access.scoring import LimitReached, RateLimit, RateLimiter
from secure_ai.core.errors import UserError

from .conftest import Seconds

STEPS = st.lists(st.tuples(st.floats(0, 50), st.integers(1, 12)), max_size=60)


@settings(max_examples=60, deadline=None)
@given(STEPS)
def test_no_window_ever_holds_more_rows_than_the_limit(steps):
    clock, taken = Seconds(), []
    limiter = RateLimiter({"a": RateLimit(20, 100)}, clock=clock)
    for wait, rows in steps:
        clock.now += wait
        try:
            limiter.take("a", rows)
        except LimitReached as error:
            assert error.retry_after > 0
        else:
            taken.append((clock.now, rows))
    for start, _ in taken:
        for window, most in ((60.0, 20), (86_400.0, 100)):
            assert sum(rows for when, rows in taken if start <= when < start + window) <= most


@settings(max_examples=60, deadline=None)
@given(STEPS, st.integers(1, 20))
def test_what_was_refused_fits_after_the_time_that_was_named(steps, rows):
    clock = Seconds()
    limiter = RateLimiter({"a": RateLimit(20, 10_000)}, clock=clock)
    for wait, count in steps:
        clock.now += wait
        with suppress(LimitReached):
            limiter.take("a", count)
    try:
        limiter.take("a", rows)
    except LimitReached as error:
        clock.now += error.retry_after + 1e-6
        limiter.take("a", rows)


def test_one_account_does_not_use_up_anothers_limit():
    limiter = RateLimiter({"a": RateLimit(5, 5), "b": RateLimit(5, 5)}, clock=Seconds())
    limiter.take("a", 5)
    limiter.take("b", 5)
    assert limiter.used("a") == (5, 5)
    with pytest.raises(LimitReached):
        limiter.take("c", 1)


def test_an_alarm_lowers_a_limit_and_never_raises_it():
    limiter = RateLimiter({"a": RateLimit(5, 50)}, clock=Seconds())
    assert limiter.lower("a", rows_per_minute=10) == RateLimit(5, 50)
    assert limiter.lower("a", rows_per_minute=2) == RateLimit(2, 50)


@pytest.mark.parametrize("rows", [-1, 1.5, True, "10"])
def test_a_limit_is_a_whole_number_of_rows(rows):
    with pytest.raises(UserError, match="rows_per_day"):
        RateLimit(10, rows)
