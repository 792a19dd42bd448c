"""How much of the table lies in each tier of sensitivity."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pandas as pd

from secure_ai.anonymize.tabular import cluster
from secure_ai.assess.inputs import Inputs
from secure_ai.assess.progress import Progress
from secure_ai.assess.section import Drawing, Section, Table, blocks
from secure_ai.core.sources import Source, quote_identifier
from secure_ai.core.svg import Bar, bar_chart
from secure_ai.discover.classification import Tier
from secure_ai.discover.inventory import Inventory

if TYPE_CHECKING:
    from collections.abc import Mapping

ID, TITLE = "data.exposure", "Exposure by tier"
WARNING = "Restricted: encrypted, named readers, never in a prompt"


def assess(inputs: Inputs, progress: Progress) -> Section:
    """Count the filled cells of every column and sum them by tier."""
    progress(f"counting the filled cells of {inputs.n_rows:,} records", 0.0)
    exposure = exposure_by_tier(inputs.inventory, filled_cells(inputs.source, inputs.engine))
    table = pd.DataFrame(
        {
            "Tier": exposure["tier"],
            "Columns": exposure["columns"],
            "Filled cells": exposure["cells"],
            "Share": exposure["share_of_cells"],
            "Meaning": [Tier[tier.upper()].meaning for tier in exposure["tier"]],
        }
    )
    title = exposure_title(exposure)
    return Section(
        id=ID,
        title=TITLE,
        summary=title,
        assessed=f"How many of the cells of all {inputs.n_rows:,} records lie in which tier",
        blocks=blocks(
            Drawing(title=title, svg=_drawn(exposure, title)),
            Table.of("Exposure by tier", table, ("text", "count", "count", "share", "text")),
        ),
        facts={
            f"share_of_cells_{row.tier.lower()}": float(row.share_of_cells) for row in exposure.itertuples()
        },
    )


def filled_cells(source: Source, engine: str = "duckdb") -> dict[str, int]:
    """Count the cells of each column that hold a value, in one reading.

    Args:
        source: the table.
        engine: ``"duckdb"``, or ``"dask"``: counted where the partitions are read, then summed.
    """
    if engine == "dask":
        delayed = cluster.dask_or_told().delayed
        count = delayed(_filled_of_partition, pure=True)
        parts = [count(part) for part in cluster.partitions(source, source.columns)]
        counts = cluster.computed(cluster.merged(parts, _summed), None)
    else:
        counted = ", ".join(f"count({quote_identifier(name)})" for name in source.columns)
        counts = source.sql(f"SELECT {counted} FROM source").fetchone()
    return dict(zip(source.columns, map(int, counts), strict=True))


def exposure_by_tier(found: Inventory, filled: Mapping[str, int]) -> pd.DataFrame:
    """Sum filled cells by tier of sensitivity.

    Returns:
        One row per tier, worst first: ``tier``, ``columns`` (count), ``cells`` (filled), ``share_of_cells``
        (of all filled cells).
    """
    total = sum(filled.values())
    rows = []
    for tier in sorted(Tier, reverse=True):
        names = [profile.name for profile in found.columns if profile.tier is tier]
        cells = sum(filled[name] for name in names)
        rows.append((tier.name.capitalize(), len(names), cells, cells / total if total else 0.0))
    return pd.DataFrame(rows, columns=["tier", "columns", "cells", "share_of_cells"])


def exposure_title(exposure: pd.DataFrame) -> str:
    """Say in one sentence what the drawing of exposure shows."""
    worst = exposure.loc[exposure["columns"] > 0].iloc[0]
    return (
        f"The most sensitive tier in the table is {worst['tier']}: {_columns(worst['columns'])} "
        f"with {worst['share_of_cells']:.0%} of all filled cells"
    )


def _drawn(exposure: pd.DataFrame, title: str) -> str:
    bars = [
        Bar(
            row.tier,
            row.share_of_cells,
            f"{row.share_of_cells:.0%} ({_columns(row.columns)})",
            row.tier == "Restricted",
        )
        for row in exposure.itertuples()
    ]
    return str(bar_chart("exposure", title, bars, WARNING))


def _columns(number: int) -> str:
    return f"{number} column{'s' if number != 1 else ''}"


def _filled_of_partition(frame: pd.DataFrame) -> list[int]:
    return [int(count) for count in frame.count()]


def _summed(parts: Sequence[Sequence[int]]) -> list[int]:
    return [sum(counts) for counts in zip(*parts, strict=True)]
