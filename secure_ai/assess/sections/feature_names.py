"""What features may be called on a report: the columns of one category are one feature, without its value."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from secure_ai.assess.names import Names


def categories_of(rows: pd.DataFrame) -> dict[str, list[Any]]:
    """Return the columns that are one category, as one-hot coding makes them: name of the category → columns.

    Columns named ``job=nurse`` belong together by what stands before the sign; those named ``job_nurse``
    where two or more hold 0 and 1 alone and never two of them 1. Such a name holds a value, which may be
    that of one person.
    """
    binary = [name for name in rows.columns if set(pd.unique(rows[name])) <= {0, 1}]
    found: dict[str, list[Any]] = {}
    for name in rows.columns:
        before, sign, _ = str(name).partition("=")
        if sign and before.strip():
            found.setdefault(before.strip(), []).append(name)
    taken = {name for members in found.values() for name in members}
    by_prefix: dict[str, list[Any]] = {}
    for name in binary:
        before, sign, _ = str(name).rpartition("_")
        if sign and before and name not in taken:
            by_prefix.setdefault(before, []).append(name)
    for before, members in by_prefix.items():
        if len(members) > 1 and rows[members].astype(int).sum(axis=1).max() <= 1:
            found.setdefault(before, []).extend(members)
    others = {str(name) for name in rows.columns} - {str(n) for members in found.values() for n in members}
    return {f"{name} (category)" if name in others else name: members for name, members in found.items()}


class FeatureNames:
    """What features may be called.

    Args:
        names: of the report.
        categories: of :func:`categories_of`.
    """

    def __init__(self, names: Names, categories: Mapping[str, Sequence[Any]]) -> None:
        self._names = names
        self._of = {str(member): name for name, members in categories.items() for member in members}

    def column(self, name: Any) -> str:
        """Return what a feature is called; the column of one value, as its category."""
        return self._names.column(self._of.get(str(name), name))

    def columns(self, names: Iterable[Any]) -> list[str]:
        """Return what features are called."""
        return [self.column(name) for name in names]
