"""Consent of the young: who decides until when, without a birth date in the ledger."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from secure_ai.core.errors import UserError
from secure_ai.govern.consent.events import CAPACITIES, aware
from secure_ai.govern.consent.purposes import Purpose


def birthday(birth_date: date, age: int) -> date:
    """Return the day on which somebody reaches an age; who was born on 29 February, on 1 March."""
    try:
        return birth_date.replace(year=birth_date.year + age)
    except ValueError:
        return date(birth_date.year + age, 3, 1)


def checked_capacity(capacity: str) -> None:
    """Refuse who is neither the person, a guardian nor a representative."""
    if capacity not in CAPACITIES:
        raise UserError(f"The capacity is one of {', '.join(CAPACITIES)}.")


def checked_expiry(
    purpose: Purpose,
    now: datetime,
    *,
    expires: date | datetime | None,
    capacity: str,
    birth_date: date | None,
    zone: str,
) -> datetime | None:
    """Return the moment from which a consent no longer stands; None where it stands until withdrawn.

    The earliest counts: what the person said, the longest period of the purpose, and for a guardian's consent
    the first day of the month in which the child decides alone (the month, so that no birth date is stored).

    Raises:
        UserError: if it would have expired already, somebody under age gave it alone, a guardian gave it for
            somebody of age, or the birth date is needed and missing.
    """
    ends = [] if expires is None else [aware(expires, "The expiry", zone)]
    if purpose.longest is not None:
        ends.append(now + timedelta(days=purpose.longest))
    if birth_date is not None and (isinstance(birth_date, datetime) or not isinstance(birth_date, date)):
        raise UserError("A birth date is a date, without a time.")
    if capacity == "guardian" and birth_date is None:
        raise UserError("A guardian's consent needs the child's birth date, to know until when it stands.")
    if purpose.minimum_age is not None and birth_date is None and capacity == "self":
        raise UserError(
            f"The purpose {purpose.word} asks for an age of {purpose.minimum_age}: give the birth date (it "
            "is checked, not stored)."
        )
    if birth_date is not None:
        age = purpose.minimum_age if purpose.minimum_age is not None else 18
        of_age = birthday(birth_date, age)
        alone = now >= aware(of_age, "The birthday", zone)
        if capacity == "self" and not alone:
            raise UserError(
                f"For {purpose.word} somebody under {age} does not decide alone: record a guardian's consent."
            )
        if capacity == "guardian":
            if alone:
                raise UserError(
                    f"For {purpose.word} somebody of {age} or older decides alone: ask the person."
                )
            ends.append(aware(of_age.replace(day=1), "The birthday", zone))
    earliest = min(ends, default=None)
    if earliest is not None and earliest <= now:
        raise UserError("This consent would have expired already: give a later day, or ask the person.")
    return earliest
