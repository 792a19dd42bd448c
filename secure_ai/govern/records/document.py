"""A document as data: sections of paragraphs, facts, tables, checklists, pictures, and what is open."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, TypeAlias

import pandas as pd

from secure_ai.core import Measurement, Unassessed, UserError

NO_LEGAL_ADVICE = "This document is evidence for experts, not legal advice."
MOST_ROWS = 20_000
WIDE_COLUMNS = 6


@dataclass(frozen=True, slots=True)
class ToBeFilled:
    """What a person has not supplied yet. It stands in the text, is counted, and is never a pass."""

    what: str

    def __bool__(self) -> bool:
        """Be false, so that ``if value:`` cannot take a gap for an answer."""
        return False


@dataclass(frozen=True, slots=True)
class Link:
    """Words that lead to an address; only ``https:``, ``http:``, ``mailto:`` and ``#`` become links."""

    words: str
    address: str


Inline: TypeAlias = str | int | float | bool | date | Measurement | Unassessed | ToBeFilled | Link | None
"""What a cell, a fact or a part of a paragraph may be. None is an empty cell; give a year as text: a whole
number gets separators."""

Text: TypeAlias = Inline | tuple[Inline, ...]
"""One value, or several that stand one after the other."""


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A paragraph, such as ``("Kept for ", ToBeFilled("period"), ".")``. ``note`` sets it apart."""

    text: Text
    note: bool = False


@dataclass(frozen=True, slots=True)
class Bullets:
    """A list; numbered if the order matters."""

    items: tuple[Text, ...]
    ordered: bool = False


@dataclass(frozen=True, slots=True)
class Facts:
    """Names with their values, such as controller and contact."""

    pairs: tuple[tuple[str, Text], ...]


@dataclass(frozen=True, slots=True)
class Table:
    """A table with a caption. The first column names the row.

    Raises:
        UserError: if a row has more or fewer cells than there are columns, or there are too many rows.
    """

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Text, ...], ...]

    def __post_init__(self) -> None:
        if not self.columns:
            raise UserError(f"The table '{self.caption[:80]}' has no columns: name at least one.")
        wrong = next((i for i, row in enumerate(self.rows) if len(row) != len(self.columns)), None)
        if wrong is not None:
            raise UserError(
                f"Row {wrong + 1} of the table '{self.caption[:80]}' has {len(self.rows[wrong])} cells, "
                f"and the table {len(self.columns)} columns."
            )
        if len(self.rows) > MOST_ROWS:
            raise UserError(
                f"The table '{self.caption[:80]}' has {len(self.rows):,} rows: a document takes up to "
                f"{MOST_ROWS:,}; write the rest as CSV or Parquet."
            )

    @classmethod
    def from_frame(cls, caption: str, frame: pd.DataFrame) -> Table:
        """Return a frame as a table: its columns in order, missing values as empty cells, no index."""
        rows = tuple(tuple(_plain(cell) for cell in row) for row in frame.itertuples(index=False, name=None))
        return cls(caption, tuple(str(column) for column in frame.columns), rows)


@dataclass(frozen=True, slots=True)
class ChecklistItem:
    """One point of a checklist.

    Attributes:
        text: what is asked.
        state: ``"found"``, ``"missing"``, ``"for a person to judge"``, ``"done"`` or another word; it is
            written out, because a color alone says nothing to a screen reader or a printer.
        detail: where it was found, or what to do.
        source: what asks for it.
    """

    text: str
    state: str
    detail: Text = ""
    source: str = ""


@dataclass(frozen=True, slots=True)
class Checklist:
    """Points with their states."""

    caption: str
    items: tuple[ChecklistItem, ...]


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture (PNG) with its finding as caption, and in words what it shows for who cannot see it."""

    png: bytes
    caption: str
    in_words: str

    def __post_init__(self) -> None:
        if not self.png.startswith(b"\x89PNG\r\n\x1a\n"):
            raise UserError(
                f"The picture '{self.caption[:80]}' is no PNG: save the figure with format='png'."
            )
        if not self.in_words.strip():
            raise UserError(f"The picture '{self.caption[:80]}' says nothing in words: give in_words.")


@dataclass(frozen=True, slots=True)
class Section:
    """A heading with what stands under it; a section inside a section becomes a subheading."""

    title: str
    blocks: tuple[Block, ...] = ()

    def __post_init__(self) -> None:
        kinds = (Paragraph, Bullets, Facts, Table, Checklist, Picture, Section)
        wrong = next((block for block in self.blocks if not isinstance(block, kinds)), None)
        if wrong is not None:
            raise UserError(
                f"The section '{self.title[:80]}' holds a {type(wrong).__name__}: give paragraphs, lists, "
                "facts, tables, checklists, pictures or sections."
            )


Block: TypeAlias = Paragraph | Bullets | Facts | Table | Checklist | Picture | Section


@dataclass(frozen=True, slots=True)
class Record:
    """A document that a regulator, a committee or a colleague reads.

    Attributes:
        title: of the document.
        sections: in order.
        file_name: without ending, such as ``"dpia"``.
        kind: the line above the title ("Data protection impact assessment").
        facts: name → value, under the title (organization, version, date).
        summary: what the reader should know first; empty for none.
        note: at the foot; says once that this is no legal advice.
        dated: the date of the document; given, never read from the clock.
        language: of the text, as HTML names it.
    """

    title: str
    sections: tuple[Section, ...]
    file_name: str = "record"
    kind: str = ""
    facts: Mapping[str, Text] = field(default_factory=dict)
    summary: Text = ""
    note: str = NO_LEGAL_ADVICE
    dated: date | None = None
    language: str = "en"

    def open_points(self) -> tuple[str, ...]:
        """Return what is still to be filled, each once, in the order of the document."""
        found = [self.summary, *self.facts.values(), *self._texts()]
        return tuple(dict.fromkeys(part.what for text in found for part in parts(text) if _is_gap(part)))

    def unassessed(self) -> tuple[str, ...]:
        """Return the reasons why something was not assessed, each once."""
        found = [self.summary, *self.facts.values(), *self._texts()]
        return tuple(
            dict.fromkeys(
                part.reason for text in found for part in parts(text) if isinstance(part, Unassessed)
            )
        )

    def blocks(self) -> Iterator[Block]:
        """Yield every block of every section, sections themselves included."""
        for section in self.sections:
            yield from _walk(section)

    def _texts(self) -> Iterator[Text]:
        for block in self.blocks():
            yield from _texts(block)


def is_wide(record: Record) -> bool:
    """Say whether a table of the document needs the page on its side."""
    return any(len(block.columns) > WIDE_COLUMNS for block in record.blocks() if isinstance(block, Table))


def parts(text: Text) -> tuple[Inline, ...]:
    """Return the parts of a text."""
    return text if isinstance(text, tuple) else (text,)


def facts(**named: Text) -> Facts:
    """Return facts with underscores in the names as spaces: ``facts(legal_basis="contract")``."""
    return Facts(tuple((name.replace("_", " ").capitalize(), value) for name, value in named.items()))


def bullets(items: Iterable[Text], *, ordered: bool = False) -> Bullets:
    """Return a list of any iterable of texts."""
    return Bullets(tuple(items), ordered)


def _is_gap(part: Inline) -> bool:
    return isinstance(part, ToBeFilled)


def _walk(block: Block) -> Iterator[Block]:
    yield block
    if isinstance(block, Section):
        for inner in block.blocks:
            yield from _walk(inner)


def _texts(block: Block) -> Iterator[Text]:
    if isinstance(block, Paragraph):
        yield block.text
    elif isinstance(block, Bullets):
        yield from block.items
    elif isinstance(block, Facts):
        yield from (value for _, value in block.pairs)
    elif isinstance(block, Table):
        yield from (cell for row in block.rows for cell in row)
    elif isinstance(block, Checklist):
        yield from (item.detail for item in block.items)


def _plain(cell: Any) -> Text:
    if isinstance(cell, (str, bool, tuple, Measurement, Unassessed, ToBeFilled, Link)) or cell is None:
        return cell
    if pd.api.types.is_scalar(cell) and pd.isna(cell):
        return None
    if isinstance(cell, pd.Timestamp):
        return cell.date() if cell == cell.normalize() else cell.isoformat()
    return (
        cell.item() if hasattr(cell, "item") else cell if isinstance(cell, (int, float, date)) else str(cell)
    )
