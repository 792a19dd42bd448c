"""Drawings of a report: inline SVG that prints, scales and can be read aloud, titled with its finding."""

from __future__ import annotations

import math

import pandas as pd
from markupsafe import Markup

from secure_ai.anonymize.tabular.risk import ReidentificationRisk
from secure_ai.core.svg import Bar, bar_chart

# Lower bounds of the bins in which class sizes are shown.
BIN_STARTS = (1, 2, 3, 5, 11, 20, 50, 100, 1000)


def class_size_bins(risk: ReidentificationRisk) -> pd.DataFrame:
    """Sum class sizes into bins.

    Returns:
        One row per bin: ``class_size`` (text), ``classes``, ``records``, ``share`` (of records),
        ``highest_risk`` (of a record in the smallest class of the bin), ``above_threshold`` (whether
        every record of the bin is at risk; a bin is split where the threshold falls into it).
    """
    # The threshold is a boundary of its own: the first size that is no longer at risk.
    safe = math.ceil(1 / risk.threshold)
    safe += 1 / safe > risk.threshold
    starts = [start for start in sorted({*BIN_STARTS, safe}) if start <= max(risk.n, safe)]
    rows = []
    sizes = risk.class_sizes
    for start, following in zip(starts, [*starts[1:], None], strict=True):
        inside = sizes["class_size"] >= start
        if following is not None:
            inside &= sizes["class_size"] < following
        label = f"{start} or more" if following is None else str(start)
        if following is not None and following - 1 > start:
            label = f"{start} to {following - 1}"
        records = int(sizes.loc[inside, "records"].sum())
        rows.append(
            (
                label,
                int(sizes.loc[inside, "classes"].sum()),
                records,
                records / risk.n,
                1 / start,
                start < safe,
            )
        )
    names = ["class_size", "classes", "records", "share", "highest_risk", "above_threshold"]
    return pd.DataFrame(rows, columns=names)


def class_size_title(risk: ReidentificationRisk) -> str:
    """Say in one sentence what the drawing of class sizes shows."""
    bins = class_size_bins(risk)
    at_risk = int(bins.loc[bins["above_threshold"], "records"].sum())
    return (
        f"{at_risk / risk.n:.1%} of the records are in classes so small that their risk is above "
        f"{risk.threshold:g}; {risk.uniques / risk.n:.1%} are unique"
    )


def class_size_chart(risk: ReidentificationRisk) -> Markup:
    """Draw the share of records by the size of their equivalence class."""
    bars = [
        Bar(
            f"class of {row.class_size}",
            row.share,
            f"{row.share:.1%} ({row.records:,} records)",
            bool(row.above_threshold),
        )
        for row in class_size_bins(risk).itertuples()
    ]
    return bar_chart("class-sizes", class_size_title(risk), bars, "at risk: above the threshold")


def exposure_title(exposure: pd.DataFrame) -> str:
    """Say in one sentence what the drawing of exposure shows."""
    worst = exposure.loc[exposure["columns"] > 0].iloc[0]
    return (
        f"The most sensitive tier in the table is {worst['tier']}: {worst['columns']} "
        f"column{'s' if worst['columns'] != 1 else ''} with {worst['share_of_cells']:.0%} of all filled cells"
    )


def exposure_chart(exposure: pd.DataFrame) -> Markup:
    """Draw the share of filled cells by tier of sensitivity."""
    bars = [
        Bar(
            row.tier,
            row.share_of_cells,
            f"{row.share_of_cells:.0%} ({row.columns} column{'s' if row.columns != 1 else ''})",
            row.tier == "Restricted",
        )
        for row in exposure.itertuples()
    ]
    return bar_chart(
        "exposure", exposure_title(exposure), bars, "Restricted: encrypted, named readers, never in a prompt"
    )
