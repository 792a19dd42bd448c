"""Drawings of a report: inline SVG that prints, scales and can be read aloud, titled with its finding."""

from __future__ import annotations

import math
from dataclasses import dataclass

import pandas as pd
from markupsafe import Markup, escape

from secure_ai.anonymize.tabular.risk import ReidentificationRisk

# Lower bounds of the bins in which class sizes are shown.
BIN_STARTS = (1, 2, 3, 5, 11, 20, 50, 100, 1000)
WIDTH, LABEL, BAR, ROW, TOP = 720, 168, 400, 30, 12


@dataclass(frozen=True)
class Bar:
    """One bar: its label, its share of the whole (0 to 1), the text at its end, whether it is a warning."""

    label: str
    share: float
    text: str
    warning: bool


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


def bar_chart(name: str, title: str, bars: list[Bar], warning: str) -> Markup:
    """Draw horizontal bars; a warning is hatched and named in words, so that color is not needed."""
    height = TOP + ROW * len(bars) + 40
    parts = [
        f'<svg class="chart" role="img" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" '
        'font-family="Segoe UI, Liberation Sans, Arial, sans-serif" font-size="13" fill="#1b2430" '
        f'aria-labelledby="{name}-title {name}-desc">',
        Markup('<title id="{}-title">{}</title>').format(name, title),
        Markup('<desc id="{}-desc">{}</desc>').format(
            name, "; ".join(f"{bar.label}: {bar.text}" for bar in bars)
        ),
        f'<defs><pattern id="{name}-hatch" width="6" height="6" patternUnits="userSpaceOnUse" '
        'patternTransform="rotate(45)"><rect width="6" height="6" fill="#a4262c"/>'
        '<line x1="0" y1="0" x2="0" y2="6" stroke="#d98a8d" stroke-width="2"/></pattern></defs>',
    ]
    for i, bar in enumerate(bars):
        y = TOP + ROW * i
        width = max(bar.share * BAR, 1.5 if bar.share > 0 else 0)
        fill = f"url(#{name}-hatch)" if bar.warning else "#2c5f7c"
        parts.append(
            f'<rect x="{LABEL}" y="{y}" width="{BAR}" height="18" fill="#eef1f4"/>'
            f'<rect x="{LABEL}" y="{y}" width="{width:.1f}" height="18" fill="{fill}"/>'
            f'<text x="{LABEL - 10}" y="{y + 14}" text-anchor="end">{escape(bar.label)}</text>'
            f'<text x="{LABEL + BAR + 8}" y="{y + 14}">{escape(bar.text)}</text>'
        )
    y = TOP + ROW * len(bars) + 8
    parts.append(
        f'<rect x="{LABEL}" y="{y}" width="18" height="14" fill="url(#{name}-hatch)"/>'
        f'<text x="{LABEL + 26}" y="{y + 12}" class="key">{escape(warning)}</text></svg>'
    )
    return Markup("").join(Markup(part) for part in parts)
