"""What one section of an assessment found: findings, tables, drawings and sentences, as plain data.

A section can be written to a file and read again without loss: that is how an interrupted run goes on.
"""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from secure_ai.core import Finding

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

Cell = str | bool | int | float | None
Format = Literal["text", "count", "share", "figure"]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Text(_Part):
    """A paragraph."""

    kind: Literal["text"] = "text"
    text: str


class Table(_Part):
    """A table with its title; cells are raw figures, formatted where they are shown.

    Attributes:
        title: what it shows, one sentence.
        columns: headings.
        formats: of each column: ``text``, ``count`` (whole number), ``share`` (percentage), ``figure``.
        rows: cells, one for each column.
    """

    kind: Literal["table"] = "table"
    title: str
    columns: tuple[str, ...]
    formats: tuple[Format, ...]
    rows: tuple[tuple[Cell, ...], ...]

    @classmethod
    def of(cls, title: str, frame: pd.DataFrame, formats: Sequence[Format] | None = None) -> Table:
        """Return a frame as a table; formats follow the types of the columns if not given."""
        if formats is None:
            formats = [{"i": "count", "u": "count", "f": "figure"}.get(t.kind, "text") for t in frame.dtypes]
        return cls(
            title=title,
            columns=tuple(map(str, frame.columns)),
            formats=tuple(formats),
            rows=tuple(tuple(map(_cell, row)) for row in frame.itertuples(index=False)),
        )


class Drawing(_Part):
    """A drawing as inline SVG; its title says in one sentence what it shows."""

    kind: Literal["drawing"] = "drawing"
    title: str
    svg: str

    @classmethod
    def of(cls, title: str, figure: Figure) -> Drawing:
        """Return a matplotlib figure as SVG: words stay words, the same figure gives the same bytes."""
        import matplotlib as mpl

        drawn = io.StringIO()
        with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": title}):
            figure.savefig(drawn, format="svg", metadata={"Date": None, "Creator": None}, bbox_inches="tight")
        svg = drawn.getvalue()
        svg = svg[svg.index("<svg") :]
        # Several drawings stand in one page: their identifiers must differ.
        prefix = "d" + hashlib.sha256(title.encode()).hexdigest()[:8] + "-"
        svg = re.sub(r'\bid="', f'id="{prefix}', svg)
        svg = re.sub(r'(xlink:href="#|url\(#)', rf"\g<1>{prefix}", svg)
        return cls(title=title, svg=svg.strip())


Block = Annotated[Text | Table | Drawing, Field(discriminator="kind")]


class Section(_Part):
    """What one section found.

    Attributes:
        id: as in :mod:`secure_ai.assess.registry`, such as ``"model.membership"``.
        title: heading.
        summary: one sentence for the progress of the run and the top of the section.
        assessed: one line for the first page that says what was assessed; empty if nothing was.
        findings: measured and unassessed ones.
        blocks: the detail for the analyst, in order.
        facts: further figures, for the summary, the plan and the comparison of two reports.
    """

    id: str
    title: str
    summary: str
    assessed: str = ""
    findings: tuple[Finding, ...] = ()
    blocks: tuple[Block, ...] = ()
    facts: dict[str, str | int | float | bool | None] = Field(default_factory=dict)


def blocks(*parts: Block | Iterable[Block] | None) -> tuple[Block, ...]:
    """Return the parts that are there, in order; lists of parts are opened."""
    found: list[Block] = []
    for part in parts:
        if isinstance(part, Text | Table | Drawing):
            found.append(part)
        elif part is not None:
            found.extend(part)
    return tuple(found)


def _cell(value: Any) -> Cell:
    import math

    if value is None or isinstance(value, str | bool):
        return value
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, bool | int | float):
        return value
    return None if str(value) in {"<NA>", "NaT"} else str(value)
