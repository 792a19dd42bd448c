"""Counting the time of legal clocks: elapsed hours, calendar days, and business days of the US government."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo

EASTERN = ZoneInfo("America/New_York")
EDGAR_CLOSES = time(17, 30)
"""A filing that is begun by 5:30 p.m. Eastern time has that day's date (17 CFR 232.13)."""


def after_hours(start: datetime, hours: float, zone: ZoneInfo) -> datetime:
    """Return the moment that many elapsed hours after ``start``, shown in ``zone``.

    Elapsed, not by the clock on the wall: over a change to summer time 72 hours end an hour later on that
    clock. Weekends and holidays count. Regulation (EEC, Euratom) No 1182/71, Art. 3(1), does not count the
    hour in which the event falls, which is up to an hour later: the earlier moment is the one to plan by.
    """
    from datetime import UTC

    return (start.astimezone(UTC) + timedelta(hours=hours)).astimezone(zone)


def end_of_day(day: date, zone: ZoneInfo) -> datetime:
    """Return the last second of a day in ``zone``."""
    return datetime.combine(day, time(23, 59, 59), tzinfo=zone)


def after_calendar_days(start: datetime, days: int, zone: ZoneInfo) -> datetime:
    """Return the end of the day that lies ``days`` calendar days after the day of ``start`` in ``zone``."""
    return end_of_day(start.astimezone(zone).date() + timedelta(days=days), zone)


def after_year_end(start: datetime, days: int, zone: ZoneInfo) -> datetime:
    """Return the end of the day ``days`` calendar days after the last day of the year of ``start``.

    Sixty days end on 1 March, and on 29 February of a leap year.
    """
    return end_of_day(date(start.astimezone(zone).year, 12, 31) + timedelta(days=days), zone)


@cache
def federal_holidays(year: int) -> frozenset[date]:
    """Return the US federal holidays that are observed in ``year`` (5 USC 6103).

    One on a Saturday is observed on the Friday, one on a Sunday on the Monday; New Year's Day on a Saturday
    is observed on 31 December of the year before.
    """
    from pandas.tseries.holiday import USFederalHolidayCalendar

    found = USFederalHolidayCalendar().holidays(f"{year - 1}-12-01", f"{year + 1}-01-31")
    return frozenset(day.date() for day in found if day.year == year)


def is_business_day(day: date) -> bool:
    """Return whether ``day`` is no Saturday, Sunday or federal holiday."""
    return day.weekday() < 5 and day not in federal_holidays(day.year)


def form_8k_deadline(determined: datetime, zone: ZoneInfo | None = None) -> datetime:
    """Return when a Form 8-K is due: four business days after the event (General Instruction B.1).

    The day of the event does not count. If it is a Saturday, a Sunday or a holiday, the four days begin on,
    and include, the next business day. Days on which offices close by an executive order are not known here:
    they are counted, so that the result is never late.

    Args:
        determined: the moment of the event.
        zone: of the company; where its day is another than in Washington, the earlier day counts.
    """
    day = determined.astimezone(EASTERN).date()
    if zone is not None:
        day = min(day, determined.astimezone(zone).date())
    left = 4
    while left:
        day += timedelta(days=1)
        left -= is_business_day(day)
    return datetime.combine(day, EDGAR_CLOSES, tzinfo=EASTERN)
