"""Dates keep their form and their intervals; a shift is never zero."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secure_ai.anonymize.deidentify.dates import read_date, shift_days, shift_text, year_of
from secure_ai.encrypt.secret_keys import Key

MAC = Key(bytes(range(64))).mac("shift")

FORMS = [
    ("2020-02-28", "2020-03-04"),
    ("2020-02-28T08:15:00Z", "2020-03-04T08:15:00Z"),
    ("2020/02/28", "2020/03/04"),
    ("20200228", "20200304"),
    ("20200228081500", "20200304081500"),
    ("02/28/2020", "03/04/2020"),
    ("2/28/2020", "3/4/2020"),
    ("02/28/20", "03/04/20"),
    ("28.02.2020", "04.03.2020"),
    ("28/02/2020 08:15", "04/03/2020 08:15"),
    ("February 28, 2020", "March 4, 2020"),
    ("Feb 28, 2020", "Mar 4, 2020"),
    ("Feb. 28, 2020", "Mar. 4, 2020"),
    ("28 February 2020", "4 March 2020"),
    ("28-Feb-2020", "4-Mar-2020"),
    ("28-FEB-20", "4-MAR-20"),
    ("28th of February 2020", "4th of March 2020"),
    ("Feb 28", "Mar 4"),
    (" 2020-02-28 ", " 2020-03-04 "),
]


@pytest.mark.parametrize(("written", "moved"), FORMS)
def test_a_moved_date_keeps_its_form(written, moved):
    assert shift_text(written, 5) == moved


@pytest.mark.parametrize("text", ["", "yesterday", "2020-13-45", "99/99/9999", "12", "Maria", "2020"])
def test_what_is_no_day_is_not_moved(text):
    assert shift_text(text, 5) is None


@given(
    st.dates(date(1931, 1, 1), date(2028, 12, 31)),
    st.integers(-364, 364),
    st.sampled_from(["%Y-%m-%d", "%m/%d/%Y", "%d %B %Y", "%b %d, %Y", "%Y%m%d"]),
)
def test_every_form_moves_by_exactly_the_days_asked_for(day, days, form):
    moved = shift_text(day.strftime(form), days)
    assert read_date(moved).day == day + timedelta(days=days)


@given(st.text(max_size=30), st.integers(1, 1000))
def test_a_persons_shift_is_constant_within_bounds_and_never_zero(person, within):
    days = shift_days(MAC, person, within)
    assert days == shift_days(MAC, person, within)
    assert 1 <= abs(days) <= within


YEARS = [
    ("2020-02-28", 2020),
    ("03/12/98", 1998),
    ("March 1987", 1987),
    ("20200228", 2020),
    ("Feb 28", None),
    ("1/5", None),
    ("Tuesday", None),
    ("in 1999", 1999),
]


@pytest.mark.parametrize(("written", "year"), YEARS)
def test_the_year_is_what_stays_of_a_date(written, year):
    assert year_of(written) == year
