"""Measure a released table again, by the values in it, and refuse it if a requirement is not met."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from secure_ai.anonymize.tabular.formulas import ClassHistogram
from secure_ai.anonymize.tabular.requirements import Requirements
from secure_ai.anonymize.tabular.summary import RECORDS, summarize
from secure_ai.core import UserError
from secure_ai.core.sources import NUMERIC, Source, shown


def is_ordered(sql_type: str) -> bool:
    """Whether distances between the values of a DuckDB type have a meaning: numbers, dates and times."""
    return sql_type in NUMERIC or sql_type.startswith(("DECIMAL", "DATE", "TIME", "UINT", "USMALL", "UTINY"))


def histogram_of(
    released: Source,
    quasi_identifiers: Sequence[str],
    attribute: str,
    *,
    engine: str = "duckdb",
    scheduler: str | None = None,
) -> ClassHistogram:
    """Return how often each value of a sensitive attribute occurs in each class of a released table.

    Args:
        released: the table; records are in one class if its quasi-identifiers are written alike.
        quasi_identifiers: its columns that were generalized.
        attribute: the sensitive column; a missing value is a value of its own.
        engine: as in :func:`~secure_ai.anonymize.tabular.summary.summarize`.
        scheduler: the same.
    """
    counted = summarize(released, [*quasi_identifiers, attribute], engine=engine, scheduler=scheduler)
    classes = counted.groupby(list(quasi_identifiers), dropna=False, sort=False).ngroup().to_numpy(np.int64)
    codes, distinct = pd.factorize(counted[attribute].astype(object), use_na_sentinel=False)
    order = sorted(range(len(distinct)), key=lambda place: (pd.isna(distinct[place]), distinct[place])
                   if not pd.isna(distinct[place]) else (True, 0))  # fmt: skip
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    values, records = rank[codes], counted[RECORDS].to_numpy(np.int64)
    places = np.lexsort((values, classes))
    overall = np.bincount(values, records, minlength=len(order)).astype(np.int64)
    return ClassHistogram(classes[places], values[places], records[places], overall)


def check_released(
    released: Source,
    quasi_identifiers: Sequence[str],
    sensitive: Sequence[str],
    requirements: Requirements,
    *,
    types: dict[str, str],
    engine: str = "duckdb",
    scheduler: str | None = None,
) -> None:
    """Check that every class of a released table meets the requirements.

    Args:
        released: the table as it is written, without suppressed records.
        quasi_identifiers: its columns that were generalized.
        sensitive: its sensitive attributes.
        requirements: what each class must satisfy.
        types: DuckDB types of the sensitive attributes in the table as it was: a text file forgets them.
        engine: as in :func:`~secure_ai.anonymize.tabular.summary.summarize`.
        scheduler: the same.

    Raises:
        UserError: if a class does not, which is a fault of this program.
    """
    options = {"engine": engine, "scheduler": scheduler}
    sizes = summarize(released, quasi_identifiers, **options)[RECORDS]
    if int(sizes.min()) < requirements.k:
        raise _fault(f"its smallest class has {int(sizes.min()):,} records, fewer than k={requirements.k:,}")
    for name in sensitive if requirements.needs_sensitive else ():
        found = histogram_of(released, quasi_identifiers, name, **options)
        failed = int(np.count_nonzero(~requirements.satisfied(found, ordered=is_ordered(types[name]))))
        if failed:
            raise _fault(
                f"{failed:,} of its classes do not meet {requirements.describe()} in '{shown(name)}'"
            )


def _fault(what: str) -> UserError:
    return UserError(
        f"The result was measured again and is not released, because {what}: this is a fault of the program; "
        "please report it with the command that you gave."
    )
