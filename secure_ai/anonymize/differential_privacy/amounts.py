"""Prices as decimal numbers that add up exactly: ten times 0.1 is 1, and 1e-300 beside 1 is not lost."""

from __future__ import annotations

import math
from collections.abc import Iterable
from decimal import Context, Decimal

from secure_ai.anonymize.differential_privacy.noise import checked_privacy
from secure_ai.core.errors import UserError

# Wide enough for the sum of any floats.
EXACT = Context(prec=1500)


def total(amounts: Iterable[Decimal]) -> Decimal:
    """Return the exact sum."""
    found = Decimal(0)
    for amount in amounts:
        found = EXACT.add(found, amount)
    return found


def as_text(amount: float) -> str:
    """Return a number as decimal text."""
    return format(Decimal(repr(float(amount))), "f")


def amount_of(text: object) -> Decimal:
    """Read decimal text.

    Raises:
        ValueError, ArithmeticError: if it is no finite number from 0 up.
    """
    amount = Decimal(str(text))
    if not amount.is_finite() or amount < 0:
        raise ValueError("no amount")
    return amount


def check_price(epsilon: float, delta: float, rho: float | None) -> None:
    """Refuse a price that means nothing, or would give budget back.

    Raises:
        UserError: saying which part of it.
    """
    checked_privacy(epsilon, delta)
    number = isinstance(rho, int | float) and not isinstance(rho, bool)
    if rho is not None and not (number and 0 < rho < math.inf):
        raise UserError("rho must be a finite number above 0, as a release states it, or be left out.")
