"""What ``secure-ai release`` does: one noisy answer about a table, paid from a ledger."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from secure_ai.anonymize.differential_privacy.bounds import PrivacyUnit
from secure_ai.anonymize.differential_privacy.ledger import BudgetLedger
from secure_ai.anonymize.differential_privacy.queries import Count, Histogram, Mean, Quantile, Query, Sum
from secure_ai.anonymize.differential_privacy.releases import Release, release
from secure_ai.core.errors import UserError
from secure_ai.core.sources import open_source

OF_COLUMNS = {"sum_": Sum, "mean": Mean, "median": Quantile}


def query_from_options(
    *,
    count: bool = False,
    sum_: str | None = None,
    mean: str | None = None,
    median: str | None = None,
    histogram: str | None = None,
    bounds: str | None = None,
    categories: str | None = None,
) -> Query:
    """Return the one query that the options of the command name.

    Raises:
        UserError: if they name none or several, or bounds or categories are missing or no good.
    """
    columns = {"sum_": sum_, "mean": mean, "median": median}
    asked = [name for name, column in columns.items() if column]
    if count + len(asked) + bool(histogram) != 1:
        raise UserError(
            "Ask for one answer: --count, --sum COLUMN, --mean COLUMN, --median COLUMN or --histogram COLUMN."
        )
    if asked:
        name = asked[0]
        return OF_COLUMNS[name](str(columns[name]), _pair(bounds))
    if bounds is not None:
        raise UserError("--bounds belong to a sum, mean or median: leave them out here.")
    if histogram:
        listed = None if categories is None else [part.strip() for part in categories.split(",")]
        return Histogram(histogram, listed)
    return Count()


def run_release(
    source: str | Path,
    query: Query,
    *,
    epsilon: float,
    ledger: Path,
    delta: float = 0.0,
    budget: float | None = None,
    budget_delta: float = 0.0,
    person: str | None = None,
    max_rows: int = 1,
    who: str = "",
    **reading: Any,
) -> tuple[Release, BudgetLedger]:
    """Release one answer and return it with the ledger.

    Args:
        source: file, pattern or database address.
        query: see :func:`query_from_options`.
        epsilon, delta: price of this answer.
        ledger: file of the budget; made where there is none and ``budget`` is given.
        budget, budget_delta: all that may ever be spent, for a new ledger only.
        person, max_rows: who is protected.
        who: who asks.
        reading: ``table``, ``delimiter`` and ``encoding`` of :func:`open_source`.

    Raises:
        UserError: on bad input or an overdrawn budget; nothing is spent, and no ledger made.
    """
    opened = open_source(source, **reading)
    unit = PrivacyUnit(person, max_rows)
    if ledger.exists() and budget is not None:
        raise UserError(f"The ledger {ledger.name} has its budget already: leave --budget out.")
    if not ledger.exists() and budget is None:
        raise UserError(
            f"There is no ledger {ledger.name}: make it with --budget, all that may ever be spent."
        )
    made = budget is not None
    if made:
        open_ledger = BudgetLedger.create(ledger, opened, epsilon=budget, delta=budget_delta, person=person)
    else:
        open_ledger = BudgetLedger(ledger)
    try:
        answer = release(opened, query, epsilon=epsilon, delta=delta, unit=unit, ledger=open_ledger, who=who)
    except UserError:
        # Another process may have found the new ledger meanwhile and paid from it: then it stays.
        if made and open_ledger.spends().empty:
            ledger.unlink(missing_ok=True)
        raise
    return answer, open_ledger


def _pair(bounds: str | None) -> list[float] | None:
    if bounds is None:
        return None
    try:
        return [float(part) for part in bounds.split(",")]
    except ValueError:
        raise UserError("--bounds must be two numbers with a comma between them, such as 0,120.") from None
