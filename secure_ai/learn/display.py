"""How feedback looks: plain text and accessible HTML of the same words, no scripts, no assets."""

from __future__ import annotations

import html
import os
import re
import textwrap
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

WIDGETS_VARIABLE = "SECURE_AI_WIDGETS"

# JupyterLab's own variables follow its light or dark theme; the value after the comma is for every
# other viewer. Text and background are always set together, so that the contrast is known.
TEXT = "#1b1b1b"
BACKGROUND = "#ffffff"
THEMED_TEXT = f"var(--jp-ui-font-color0, {TEXT})"
THEMED_BACKGROUND = f"var(--jp-layout-color1, {BACKGROUND})"
LINE = "#767676"
THEMED_LINK = "var(--jp-content-link-color, #0b57d0)"
# The edge only repeats what the words say; 3 : 1 at least on white and on JupyterLab's dark gray.
EDGES = {"correct": "#2e8540", "incorrect": "#b8650b", "error": "#d8433b", "not_attempted": "#757575"}


def inline(text: str) -> str:
    """Return ``text`` escaped for HTML, with `` `code` `` shown as code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(text, quote=True))


def box(body: str, *, kind: str = "not_attempted", role: str = "note") -> str:
    """Return HTML ``body`` in a frame whose left edge has the color of ``kind``."""
    style = (
        f"color:{THEMED_TEXT};background:{THEMED_BACKGROUND};border-left:6px solid {EDGES[kind]};"
        "padding:0.4em 0.8em;margin:0.2em 0;max-width:60em"
    )
    return f'<div role="{role}" style="{style}">{body}</div>'


def compact(body: str) -> str:
    """Return HTML ``body`` for a widget, with lines as close as in a paragraph; widgets space them widely."""
    return f'<div style="line-height:1.4">{body}</div>'


class Shown(ABC):
    """Something that a cell shows as text and as HTML; both say the same."""

    @abstractmethod
    def text(self) -> str:
        """Return the plain text."""

    @abstractmethod
    def html(self) -> str:
        """Return the HTML, a self-contained fragment."""

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"text/plain": self.text(), "text/html": self.html()}

    def __repr__(self) -> str:
        return self.text()


def show_with_text(widget: Callable[[], Any], text: Shown, *, folded: str = "") -> None:
    """Show what ``widget`` makes, under it the same as text; with SECURE_AI_WIDGETS=off the text alone.

    Args:
        widget: makes the widget.
        text: its text equivalent.
        folded: a summary under which the text is folded where the widget is shown, too; open by default.
    """
    from IPython.display import display

    if os.environ.get(WIDGETS_VARIABLE, "").strip().lower() == "off":
        display(text)
        return
    display(widget())
    display(Folded(folded, text) if folded else text)


@dataclass(frozen=True, repr=False)
class Folded(Shown):
    """Something that a page shows once its summary is opened; as plain text it is open.

    Attributes:
        summary: what is in it.
        content: what is folded.
    """

    summary: str
    content: Shown

    def text(self) -> str:
        return self.content.text()

    def html(self) -> str:
        summary, style = inline(self.summary), f"color:{THEMED_TEXT};background:{THEMED_BACKGROUND}"
        return f'<details style="{style}"><summary>{summary}</summary>{self.content.html()}</details>'


@dataclass(frozen=True, repr=False)
class Note(Shown):
    """A headed paragraph, with code under it where there is any.

    Attributes:
        title: the words in front ("Hint 1 of 3").
        body: one or more sentences.
        code: source text, shown as it is.
        before: what the same cell produced earlier and would otherwise not show.
    """

    title: str
    body: str = ""
    code: str = ""
    before: tuple[Shown, ...] = ()

    def text(self) -> str:
        head = f"{self.title}: {self.body}" if self.body else f"{self.title}:"
        parts = [*(item.text() for item in self.before), head]
        if self.code:
            parts.append(textwrap.indent(self.code.rstrip(), "    "))
        return "\n".join(parts)

    def html(self) -> str:
        body = f"<strong>{inline(self.title)}:</strong> {inline(self.body)}"
        if self.code:
            body += (
                f'<pre tabindex="0" style="color:{THEMED_TEXT};background:{THEMED_BACKGROUND};'
                f'overflow-x:auto;margin:0.4em 0">{html.escape(self.code.rstrip())}</pre>'
            )
        return "".join(item.html() for item in self.before) + box(body)


@dataclass(frozen=True, repr=False)
class Table(Shown):
    """A small table: the first column names the row.

    Attributes:
        caption: what the table shows.
        columns: headings.
        rows: cells; a cell is text, or a pair (text, address) that becomes a link.
        after: a sentence under the table.
    """

    caption: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str | tuple[str, str]]]
    after: str = ""

    def text(self) -> str:
        cells = [[cell if isinstance(cell, str) else cell[0] for cell in row] for row in self.rows]
        widths = [
            max(len(row[index]) for row in [list(self.columns), *cells]) for index in range(len(self.columns))
        ]
        lines = [self.caption]
        for row in [list(self.columns), ["-" * width for width in widths], *cells]:
            lines.append(
                "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            )
        if self.after:
            lines.append(self.after)
        return "\n".join(lines)

    def html(self) -> str:
        cell_style = f"padding:0.2em 0.8em;text-align:left;border-bottom:1px solid {LINE}"
        head = "".join(f'<th scope="col" style="{cell_style}">{inline(name)}</th>' for name in self.columns)
        body = ""
        for row in self.rows:
            first, *others = (_cell(cell) for cell in row)
            body += f'<tr><th scope="row" style="{cell_style};font-weight:normal">{first}</th>'
            body += "".join(f'<td style="{cell_style}">{cell}</td>' for cell in others) + "</tr>"
        after = f"<p>{inline(self.after)}</p>" if self.after else ""
        caption = f'<caption style="text-align:left;font-weight:bold">{inline(self.caption)}</caption>'
        style = f"color:{THEMED_TEXT};background:{THEMED_BACKGROUND};border-collapse:collapse"
        return (
            f'<div style="color:{THEMED_TEXT};background:{THEMED_BACKGROUND}">'
            f'<table style="{style}">{caption}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'
            f"{after}</div>"
        )


@dataclass(frozen=True, repr=False)
class Listing(Table):
    """A table whose cells are sentences: as text each row is a line of its own, wrapped."""

    width: int = 96

    def text(self) -> str:
        lines = textwrap.wrap(f"{self.caption} ({', '.join(self.columns).lower()})", self.width)
        for row in self.rows:
            cells = [cell if isinstance(cell, str) else cell[0] for cell in row]
            line = " | ".join(cell for cell in cells if cell)
            lines += textwrap.wrap(
                line,
                self.width,
                initial_indent="- ",
                subsequent_indent="    ",
                break_on_hyphens=False,
                break_long_words=False,
            )
        return "\n".join([*lines, *textwrap.wrap(self.after, self.width)])


def _cell(cell: str | tuple[str, str]) -> str:
    if isinstance(cell, str):
        # A figure and its unit stay on one line.
        return inline(cell) if len(cell) > 14 else f'<span style="white-space:nowrap">{inline(cell)}</span>'
    label, address = cell
    return f'<a href="{html.escape(address, quote=True)}" style="color:{THEMED_LINK}">{inline(label)}</a>'
