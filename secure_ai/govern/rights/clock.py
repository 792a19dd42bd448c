"""Statutory clocks of requests: days and months by the calendar, extension, suspension, working days."""

from __future__ import annotations

import calendar
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

from secure_ai.core.errors import UserError
from secure_ai.govern.incidents.clocks.deadlines import is_business_day

Counting = Literal["plain", "regulation_1182_71"]


@dataclass(frozen=True, slots=True)
class Clock:
    """How long a law gives for an answer.

    Attributes:
        citation: where the law says so.
        days, months: the period; one of them is zero.
        extra_days, extra_months: by how much it may be extended once, with notice; zero where it may not.
        counting: ``"plain"`` (calendar days, no day moves) or ``"regulation_1182_71"`` (EU: a period that
            ends on a Saturday, Sunday or public holiday ends with the next working day).
        suspended_for_identity: whether it stands still while the requester is asked who they are.
        acknowledge_business_days: by when receipt must be confirmed; zero where no law asks for it.
        acknowledge_citation: where the law says that.
        extension_needs: on what the extension depends besides notice; empty where on nothing.
    """

    citation: str
    days: int = 0
    months: int = 0
    extra_days: int = 0
    extra_months: int = 0
    counting: Counting = "plain"
    suspended_for_identity: bool = False
    acknowledge_business_days: int = 0
    acknowledge_citation: str = ""
    extension_needs: str = ""

    @property
    def extendable(self) -> bool:
        """Whether the law allows an extension."""
        return bool(self.extra_days or self.extra_months)


def add_months(day: date, months: int) -> date:
    """Return the same day of the month that many months later, or the month's last day where it is shorter.

    Source: Regulation (EEC, Euratom) No 1182/71, Art. 3(2)(c).
    """
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    try:
        return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))
    except ValueError:
        raise UserError(f"{day} plus {months} months is no date: check the year.") from None


def next_working_day(day: date, holidays: Collection[date] = ()) -> date:
    """Return ``day``, or the first day after it that is no Saturday, Sunday or one of ``holidays``.

    Source: Regulation (EEC, Euratom) No 1182/71, Art. 3(4); its public holidays are those of the state where
    the action is taken, so the organization gives them.
    """
    while day.weekday() >= 5 or day in holidays:
        day += timedelta(days=1)
    return day


def due_date(
    clock: Clock,
    received: date,
    *,
    extended: bool = False,
    suspended_days: int = 0,
    holidays: Collection[date] = (),
) -> date:
    """Return the last day on which an answer is in time.

    The day of receipt does not count. An extension lengthens the first period (one month and two are three
    months from receipt), it does not begin where that one ended.

    Args:
        clock: of the law.
        received: day of receipt.
        extended: whether the law's extension was taken, with notice.
        suspended_days: days for which it stood still; counted only where the law allows that.
        holidays: public holidays, for :data:`"regulation_1182_71"`.

    Raises:
        UserError: if an extension is asked for that the law does not give, or a suspension is negative.
    """
    if extended and not clock.extendable:
        raise UserError(f"{clock.citation} allows no extension: answer within the first period.")
    if suspended_days < 0:
        raise UserError(
            "A clock stands still for zero days or more: check the dates of asking and answering."
        )
    days = clock.days + (clock.extra_days if extended else 0)
    months = clock.months + (clock.extra_months if extended else 0)
    still = suspended_days if clock.suspended_for_identity else 0
    last = add_months(received, months) + timedelta(days=days + still)
    return next_working_day(last, holidays) if clock.counting == "regulation_1182_71" else last


def acknowledge_by(clock: Clock, received: date) -> date | None:
    """Return the last day on which receipt is confirmed in time; None where no law asks for it.

    Business days are those of the US government: Monday to Friday without federal holidays.
    """
    days = clock.acknowledge_business_days
    return business_days_after(received, days) if days else None


def business_days_after(day: date, days: int) -> date:
    """Return the day that many business days of the US government later."""
    while days:
        day += timedelta(days=1)
        days -= is_business_day(day)
    return day
