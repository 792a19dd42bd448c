"""Periods of retention by the calendar, counted so that a doubtful day never deletes too early."""

from __future__ import annotations

import calendar
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from secure_ai.core.errors import UserError
from secure_ai.core.sources import shown

_FORM = re.compile(r"([1-9]\d{0,4})\s+(day|month|year)s?", re.ASCII)
_LONGEST_DAYS = 200 * 366


@dataclass(frozen=True, slots=True)
class Period:
    """A length of time as laws state it.

    Attributes:
        months: whole months by the calendar (a year is twelve).
        days: days besides; one of the two is zero.
    """

    months: int = 0
    days: int = 0

    @classmethod
    def parse(cls, text: str) -> Period:
        """Return the period that ``"6 years"``, ``"25 months"`` or ``"30 days"`` names.

        Raises:
            UserError: if it is of another form, zero, or longer than 200 years.
        """
        found = _FORM.fullmatch(str(text).strip())
        number = int(found[1]) if found else 0
        period = {
            "day": cls(days=number),
            "month": cls(months=number),
            "year": cls(months=12 * number),
        }.get(found[2] if found else "")
        if period is None or period.about_days > _LONGEST_DAYS:
            raise UserError(f"'{shown(str(text))}' is no period: write '6 years', '25 months' or '30 days'.")
        return period

    @property
    def about_days(self) -> float:
        """The length in days, for comparisons and pictures."""
        return self.days + self.months * 365.2425 / 12

    def after(self, day: date) -> date:
        """Return the last day of the period that begins on ``day``.

        Where the month has no such day (29 February, the 31st) the first of the next month ends it: laws
        disagree, and a day more breaks none of them that sets a minimum.
        """
        if self.days:
            return _moved(day, self.days)
        index = day.year * 12 + day.month - 1 + self.months
        year, month = divmod(index, 12)
        if year > 9999:
            return date.max
        if day.day <= calendar.monthrange(year, month + 1)[1]:
            return date(year, month + 1, day.day)
        year, month = divmod(index + 1, 12)
        return date.max if year > 9999 else date(year, month + 1, 1)

    def cutoff(self, today: date) -> date:
        """Return the first date whose period has not ended before ``today``; earlier ones are over."""
        if self.days:
            return _moved(today, -self.days)
        year, month = divmod(today.year * 12 + today.month - 1 - self.months, 12)
        if year < 1:
            return date.min
        day = date(year, month + 1, min(today.day, calendar.monthrange(year, month + 1)[1]))
        while self.after(day) < today:
            day += timedelta(days=1)
        while day > date.min and self.after(day - timedelta(days=1)) >= today:
            day -= timedelta(days=1)
        return day

    def __str__(self) -> str:
        """Show it as laws do."""
        if self.days:
            number, unit = self.days, "day"
        elif self.months % 12 == 0:
            number, unit = self.months // 12, "year"
        else:
            number, unit = self.months, "month"
        return f"{number} {unit}{'' if number == 1 else 's'}"


def birthday(born: date, age: int) -> date:
    """Return the day on which somebody turns ``age``; born on 29 February, 1 March of a common year."""
    return Period(months=12 * age).after(born)


def checked_day(day: date, what: str = "today") -> date:
    """Return ``day`` if it is a date without a time of day.

    Raises:
        UserError: if it is a datetime, whose day depends on a zone, or no date at all.
    """
    if isinstance(day, datetime) or not isinstance(day, date):
        raise UserError(
            f"'{what}' must be a datetime.date in the organization's time zone: use today_in(clock, zone)."
        )
    return day


def today_in(clock: Callable[[], datetime], zone: str = "UTC") -> date:
    """Return the date that a clock shows in the organization's time zone.

    Raises:
        UserError: if the clock gives a time without zone, or the zone is unknown.
    """
    now = clock()
    if not isinstance(now, datetime) or now.tzinfo is None:
        raise UserError("The clock gives a time without zone: let it return datetime.now(UTC).")
    try:
        return now.astimezone(ZoneInfo(zone)).date()
    except (KeyError, ValueError, OSError):
        raise UserError(f"'{shown(zone)}' is no time zone: write one such as 'America/New_York'.") from None


def _moved(day: date, days: int) -> date:
    try:
        return day + timedelta(days=days)
    except OverflowError:
        return date.max if days > 0 else date.min
