"""Statutory clocks: cases per law, worked out by hand from the wording."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secure_ai.core.errors import UserError
from secure_ai.govern.rights.clock import acknowledge_by, add_months, due_date, next_working_day
from secure_ai.govern.rights.laws import read_laws

D = date.fromisoformat


def clock(law: str, right: str = "access"):
    return read_laws()[law].rights[right].clock


@pytest.mark.parametrize(
    ("received", "extended", "due"),
    [
        ("2026-03-02", False, "2026-04-02"),  # the day of the month
        ("2026-01-31", False, "2026-03-02"),  # 28 February 2026 is a Saturday: Monday after
        ("2023-12-31", False, "2024-01-31"),  # over the year's end
        ("2024-01-31", False, "2024-02-29"),  # leap year, a Thursday
        ("2025-01-31", False, "2025-02-28"),  # no leap year, a Friday
        ("2025-08-31", False, "2025-09-30"),  # thirty days have September (EDPB 01/2022)
        ("2024-02-29", False, "2024-03-29"),  # from the leap day
        ("2026-04-11", False, "2026-05-11"),  # a Monday
        ("2026-04-10", False, "2026-05-11"),  # 10 May 2026 is a Sunday
        ("2026-04-09", False, "2026-05-11"),  # 9 May 2026 is a Saturday
        ("2026-03-02", True, "2026-06-02"),  # three months from receipt
        ("2025-11-30", True, "2026-03-02"),  # 28 February 2026 is a Saturday
        ("2023-11-30", True, "2024-02-29"),
    ],
)
def test_one_month_and_two_more_end_by_the_rules_of_regulation_1182_71(received, extended, due):
    assert due_date(clock("GDPR"), D(received), extended=extended) == D(due)


def test_a_public_holiday_moves_the_end_in_europe_alone():
    assert due_date(clock("GDPR"), D("2026-04-01"), holidays=[D("2026-05-01")]) == D("2026-05-04")
    assert due_date(clock("HIPAA"), D("2026-04-01"), holidays=[D("2026-05-01")]) == D("2026-05-01")


@pytest.mark.parametrize(
    ("law", "right", "received", "extended", "due"),
    [
        ("HIPAA", "access", "2026-03-02", False, "2026-04-01"),
        ("HIPAA", "access", "2026-01-30", False, "2026-03-01"),  # a Sunday: nothing moves it
        ("HIPAA", "access", "2024-01-30", False, "2024-02-29"),
        ("HIPAA", "access", "2026-03-02", True, "2026-05-01"),
        ("HIPAA", "correction", "2026-03-02", False, "2026-05-01"),
        ("HIPAA", "correction", "2026-03-02", True, "2026-05-31"),
        ("CCPA", "access", "2026-01-01", False, "2026-02-15"),
        ("CCPA", "erasure", "2024-01-31", False, "2024-03-16"),
        ("CCPA", "erasure", "2026-01-01", True, "2026-04-01"),
        ("US credit law", "automated_decision", "2026-03-02", False, "2026-04-01"),
        ("US credit law", "correction", "2026-03-02", False, "2026-04-01"),
        ("US credit law", "correction", "2026-03-02", True, "2026-04-16"),
    ],
)
def test_american_clocks_count_calendar_days(law, right, received, extended, due):
    assert due_date(clock(law, right), D(received), extended=extended) == D(due)


@pytest.mark.parametrize(
    ("received", "last"),
    [
        ("2026-03-02", "2026-03-16"),  # a Monday: two weeks
        ("2026-03-06", "2026-03-20"),
        ("2026-03-07", "2026-03-20"),  # a Saturday
        ("2026-05-18", "2026-06-02"),  # Memorial Day, 25 May
        ("2026-12-18", "2027-01-05"),  # Christmas and New Year's Day
        ("2026-06-26", "2026-07-13"),  # Independence Day is a Saturday, observed on the Friday
    ],
)
def test_receipt_is_confirmed_within_ten_business_days_in_california(received, last):
    assert acknowledge_by(clock("CCPA"), D(received)) == D(last)


def test_only_some_laws_ask_for_a_confirmation_or_stand_still_for_identity():
    assert acknowledge_by(clock("HIPAA"), D("2026-03-02")) is None
    assert due_date(clock("GDPR"), D("2026-03-02"), suspended_days=5) == D("2026-04-07")
    for law in ("HIPAA", "CCPA"):
        assert due_date(clock(law), D("2026-03-02"), suspended_days=5) == due_date(
            clock(law), D("2026-03-02")
        )


def test_an_extension_that_no_law_gives_is_refused():
    with pytest.raises(UserError, match="no extension"):
        due_date(clock("US credit law", "automated_decision"), D("2026-03-02"), extended=True)
    with pytest.raises(UserError, match="zero days or more"):
        due_date(clock("GDPR"), D("2026-03-02"), suspended_days=-1)


@given(st.dates(date(2000, 1, 1), date(2100, 1, 1)), st.integers(0, 40))
def test_a_month_later_is_never_in_the_month_after_next(day, months):
    later = add_months(day, months)
    assert (later.year - day.year) * 12 + later.month - day.month == months
    assert later.day == day.day or (later.day < day.day and (later + timedelta(days=1)).day == 1)


@given(
    st.dates(date(2000, 1, 1), date(2100, 1, 1)),
    st.sets(st.dates(date(2000, 1, 1), date(2100, 2, 1)), max_size=5),
)
def test_a_working_day_is_reached_by_free_days_alone(day, holidays):
    found = next_working_day(day, holidays)
    assert found.weekday() < 5 and found not in holidays
    between = [day + timedelta(days=n) for n in range((found - day).days)]
    assert all(one.weekday() >= 5 or one in holidays for one in between)


@given(st.dates(date(2000, 1, 1), date(2100, 1, 1)))
def test_an_extension_never_shortens_a_clock(day):
    for law in read_laws().values():
        for right in law.rights.values():
            if right.clock and right.clock.extendable:
                assert due_date(right.clock, day, extended=True) > due_date(right.clock, day) > day
