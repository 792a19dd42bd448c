"""Show a DataFrame in a lesson: whole sentences, a caption, and headings that a screen reader knows."""

from __future__ import annotations

import pandas as pd

from secure_ai.learn.display import Table


def as_table(frame: pd.DataFrame, caption: str, after: str = "", *, index: bool = False) -> Table:
    """Return ``frame`` as a table for people: nothing cut off, whole numbers with thousands separators.

    Args:
        frame: a small table; its first column (or its index) names the rows.
        caption: what the table shows.
        after: a sentence under the table.
        index: whether the index names the rows and is shown.
    """
    shown = frame.reset_index() if index else frame
    columns = [
        "" if index and number == 0 and name == "index" else str(name) for number, name in enumerate(shown)
    ]
    return Table(
        caption, columns, [[_cell(value) for value in row] for row in shown.itertuples(index=False)], after
    )


def _cell(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return "" if value is None else str(value)
    if pd.isna(value):
        return "not known"
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.2f}"
