"""One summary of a portfolio: a page, a table for spreadsheets, and the same as JSON."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from html import escape
from pathlib import Path
from urllib.parse import quote

from secure_ai.assess.outputs.register import guarded
from secure_ai.core.outputs import atomic_file

SUMMARIES = ("summary.html", "summary.csv", "summary.json")
FORMAT = "secure-ai portfolio 1"
LEVELS = ("critical", "high", "medium", "low")
STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;color:#1a1a1a;background:#fff;max-width:70rem;margin:2rem auto;"
    "padding:0 1rem}table{border-collapse:collapse;width:100%}caption{text-align:left;font-weight:600}"
    "th,td{border-bottom:1px solid #767676;padding:.3rem .6rem;text-align:left;vertical-align:top}"
    "td.number{text-align:right}@media print{body{margin:0}}"
)


@dataclass(frozen=True)
class Row:
    """One system of a portfolio.

    Attributes:
        name: in the portfolio.
        subject, sector: as in its parameters.
        worst: worst level of its findings; ``unassessed`` where nothing was measured.
        levels: number of measured findings of each level.
        above: findings above their threshold.
        measured, unassessed: number of findings that rest on a measurement, and of those left open.
        failed: why it could not be assessed; empty if it was.
        digest: of its parameters and the content of its inputs.
        manifest: digest of its manifest.
    """

    name: str
    subject: str = ""
    sector: str = ""
    worst: str = "unassessed"
    levels: dict[str, int] = field(default_factory=dict)
    above: int = 0
    measured: int = 0
    unassessed: int = 0
    failed: str = ""
    digest: str = ""
    manifest: str = ""

    def words(self) -> str:
        """Return what came of it, in a line."""
        if self.failed:
            return f"{self.name}: failed. {self.failed}"
        return (
            f"{self.name}: worst level {self.worst}, {self.above} of {self.measured} above the threshold, "
            f"{self.unassessed} not assessed"
        )


def verdict(rows: Sequence[Row]) -> str:
    """Say in two sentences how many systems were assessed and what was found."""
    assessed = [row for row in rows if not row.failed]
    above = sum(row.above > 0 for row in assessed)
    failed = len(rows) - len(assessed)
    opened = sum(row.unassessed for row in assessed)
    return (
        f"{len(assessed)} of {len(rows)} systems were assessed, {above} with findings above a threshold; "
        f"{failed} failed. {opened} risks were not assessed, which does not mean that they are safe."
    )


def write_summary(folder: Path, rows: Sequence[Row]) -> None:
    """Write page, table and JSON, each whole or not at all."""
    content = {"format": FORMAT, "verdict": verdict(rows), "systems": [asdict(row) for row in rows]}
    texts = (summary_html(rows), summary_csv(rows), json.dumps(content, indent=2, ensure_ascii=False) + "\n")
    for name, text in zip(SUMMARIES, texts, strict=True):
        with atomic_file(folder / name) as draft:
            draft.write_text(text, encoding="utf-8", newline="\n")


def read_rows(folder: Path) -> list[Row]:
    """Return the rows of an earlier summary; none if there is none that can be read."""
    try:
        content = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
        return [Row(**one) for one in content["systems"]] if content["format"] == FORMAT else []
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return []


def summary_csv(rows: Sequence[Row]) -> str:
    """Return one line per system; text that a spreadsheet would run is guarded by an apostrophe."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(
        ["name", "subject", "sector", "worst", "above_threshold", *LEVELS, "measured", "unassessed", "failed"]
    )
    for row in rows:
        counts = [row.levels.get(level, 0) for level in LEVELS]
        writer.writerow(
            [
                *map(guarded, (row.name, row.subject, row.sector, row.worst)),
                row.above, *counts, row.measured, row.unassessed, guarded(row.failed),
            ]
        )  # fmt: skip
    return text.getvalue()


def summary_html(rows: Sequence[Row]) -> str:
    """Return the summary as one page without script or link to the outside, all text escaped."""
    head = "".join(
        f'<th scope="col">{title}</th>'
        for title in (
            "System",
            "Worst level",
            "Above threshold",
            *map(str.capitalize, LEVELS),
            "Not assessed",
        )
    )
    body = "".join(map(_html_row, sorted(rows, key=_worst_first)))
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>Portfolio assessment</title>'
        f"<style>{STYLE}</style></head><body><main><h1>Portfolio assessment</h1>"
        f"<p>{escape(verdict(rows))}</p>"
        f"<table><caption>Systems, worst first; failed ones on top</caption><thead><tr>{head}</tr></thead>"
        f"<tbody>{body}</tbody></table></main></body></html>\n"
    )


def _worst_first(row: Row) -> tuple[bool, int, int, str]:
    place = LEVELS.index(row.worst) if row.worst in LEVELS else len(LEVELS)
    return (not row.failed, place, -row.above, row.name)


def _html_row(row: Row) -> str:
    name = escape(row.name) + (f"<br><small>{escape(row.subject)}</small>" if row.subject else "")
    if row.failed:
        return f'<tr><th scope="row">{name}</th><td colspan="7">Failed: {escape(row.failed)}</td></tr>'
    link = f'<a href="{escape(quote(row.name))}/report.html">{name}</a>'
    counts = (row.above, *(row.levels.get(level, 0) for level in LEVELS), row.unassessed)
    numbers = "".join(f'<td class="number">{count}</td>' for count in counts)
    return f'<tr><th scope="row">{link}</th><td>{escape(row.worst)}</td>{numbers}</tr>'
