"""What a notebook shows of a section and of the conclusion: plain, escaped HTML from plain data."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

from secure_ai.assess.assessment import Assessment
from secure_ai.assess.outputs.svg import safe_svg
from secure_ai.assess.section import Block, Cell, Drawing, Format, Section, Table, Text
from secure_ai.core import Finding, Measurement
from secure_ai.core.figures import percent

NUMBERS = {"count", "share", "figure"}


class ShownSection(Section):
    """A section that a notebook can show."""

    def _repr_html_(self) -> str:
        return section_html(self)

    def __repr__(self) -> str:
        return f"{self.title}: {self.summary}"

    __str__ = __repr__


@dataclass(frozen=True, repr=False)
class ShownAssessment(Assessment):
    """An assessment that a notebook can show."""

    def _repr_html_(self) -> str:
        follows = "".join(
            f"<h3>{escape(section.title)}</h3>{section_html(section)}" for section in self.treatment
        )
        return f"<p>{escape(self.verdict())}</p>{findings_html(self.findings)}{follows}"

    def __repr__(self) -> str:
        return self.verdict()


def section_html(section: Section) -> str:
    """Return a section as HTML: its summary, its findings, then the detail."""
    detail = "".join(map(block_html, section.blocks))
    return f"<p>{escape(section.summary)}</p>{findings_html(section.findings)}{detail}"


def findings_html(findings: Sequence[Finding]) -> str:
    """Return findings as a table: level, finding, figure, threshold; nothing where there are none."""
    if not findings:
        return ""
    rows = [
        (
            finding.level.value,
            finding.title,
            measured.value if measured else None,
            finding.threshold if measured else None,
        )
        for finding in findings
        for measured in [finding.measurement if isinstance(finding.measurement, Measurement) else None]
    ]
    return block_html(
        Table(
            title="Findings",
            columns=("level", "finding", "figure", "threshold"),
            formats=("text", "text", "figure", "figure"),
            rows=tuple(rows),
        )
    )


def block_html(block: Block) -> str:
    """Return one block as HTML; every word is escaped, of a drawing only what draws is kept."""
    if isinstance(block, Text):
        return f"<p>{escape(block.text)}</p>"
    if isinstance(block, Drawing):
        prefix = "s" + hashlib.sha256(block.model_dump_json().encode()).hexdigest()[:10]
        svg = safe_svg(block.svg, block.title, prefix)
        if svg is None:
            return f"<p>{escape(block.title)}. The drawing is left out: it could not be read.</p>"
        return f"<figure>{svg}<figcaption>{escape(block.title)}</figcaption></figure>"
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in block.columns)
    body = "".join(f"<tr>{_cells(row, block.formats)}</tr>" for row in block.rows)
    return (
        f"<table><caption>{escape(block.title)}</caption><thead><tr>{head}</tr></thead>"
        f"<tbody>{body}</tbody></table>"
    )


def cell_text(value: Cell, form: Format) -> str:
    """Return a cell as it is shown: a whole number, a percentage, three digits, or the words."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str) or form == "text":
        return str(value)
    if form == "share":
        return percent(float(value))
    if form == "count" or (isinstance(value, int) and form == "figure"):
        return f"{value:,.0f}"
    return f"{value:.3g}"


def _cells(row: Iterable[Cell], formats: Iterable[Format]) -> str:
    return "".join(
        f'<td style="text-align:{"right" if form in NUMBERS else "left"}">'
        f"{escape(cell_text(value, form))}</td>"
        for value, form in zip(row, formats, strict=True)
    )
