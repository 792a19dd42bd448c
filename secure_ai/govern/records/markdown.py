"""A document as Markdown (CommonMark with the tables of GitHub), with every value escaped."""

from __future__ import annotations

import re

from secure_ai.core import Unassessed
from secure_ai.govern.records.document import (
    Block,
    Bullets,
    Checklist,
    Facts,
    Inline,
    Link,
    Paragraph,
    Picture,
    Record,
    Section,
    Text,
    ToBeFilled,
    parts,
)
from secure_ai.govern.records.words import safe_address, word

SPECIAL = re.compile(r"([\\`*_\[\]<>|~#$&!{}])")
LINE_START = re.compile(r"^(\s*)([-+=:]|\d+(?=[.)](?:\s|$)))")
ADDRESS_SPECIAL = re.compile(r"[()<>\s|]")


def to_markdown(record: Record) -> str:
    """Return the document as Markdown.

    Pictures appear by caption and words: a Markdown file is one file, and text.
    """
    lines = [f"# {escape(word(record.title))}"]
    if record.kind:
        lines.insert(0, f"*{escape(word(record.kind))}*")
    head = [(name, value) for name, value in record.facts.items()]
    if record.dated:
        head.append(("Date", record.dated))
    if head:
        lines.append(_facts(head))
    if record.summary:
        lines.append(inline(record.summary))
    lines.append(f"**{escape(state_of(record))}**")
    for section in record.sections:
        lines += _block(section, 2)
    if record.note:
        lines += ["---", f"*{escape(word(record.note))}*"]
    return "\n\n".join(line for line in lines if line) + "\n"


def state_of(record: Record) -> str:
    """Return in a sentence what is still open in a document."""
    gaps, unknown = len(record.open_points()), len(record.unassessed())
    said = [f"{gaps} {'entry is' if gaps == 1 else 'entries are'} still to be filled"] if gaps else []
    if unknown:
        said.append(f"{unknown} {'point was' if unknown == 1 else 'points were'} not assessed")
    return f"Not complete: {' and '.join(said)}." if said else "No entry of this document is left open."


def escape(text: str) -> str:
    """Return a text as Markdown that shows exactly this text: no markup, link, math or HTML in it."""
    return LINE_START.sub(_escape_start, SPECIAL.sub(r"\\\1", text))


def inline(text: Text) -> str:
    """Return a text as one line of Markdown."""
    joined = "".join(_part(part) for part in parts(text)).strip()
    return LINE_START.sub(_escape_start, joined)


def _escape_start(found: re.Match[str]) -> str:
    space, mark = found.groups()
    # A number that begins a line would make a list: the point after it is what is escaped.
    return f"{space}{mark}\\" if mark.isdigit() else f"{space}\\{mark}"


def _part(part: Inline) -> str:
    text = SPECIAL.sub(r"\\\1", word(part))
    if isinstance(part, (ToBeFilled, Unassessed)):
        return f"**{text}**"
    if isinstance(part, Link) and (address := safe_address(part.address)):
        return f"[{text}]({ADDRESS_SPECIAL.sub(lambda found: f'%{ord(found[0]):02X}', address)})"
    return text


def _block(block: Block, level: int) -> list[str]:
    if isinstance(block, Section):
        inner = [line for part in block.blocks for line in _block(part, min(level + 1, 6))]
        return [f"{'#' * level} {escape(word(block.title))}", *inner]
    if isinstance(block, Paragraph):
        return [f"> {inline(block.text)}" if block.note else inline(block.text)]
    if isinstance(block, Bullets):
        marks = [f"{i}." if block.ordered else "-" for i in range(1, len(block.items) + 1)]
        return ["\n".join(f"{mark} {inline(item)}" for mark, item in zip(marks, block.items, strict=True))]
    if isinstance(block, Facts):
        return [_facts(block.pairs)]
    if isinstance(block, Picture):
        return [f"*{escape(word(block.caption))}*", escape(word(block.in_words))]
    if isinstance(block, Checklist):
        rows = [(item.text, item.state, item.detail, item.source) for item in block.items]
        return _table(block.caption, ("Point", "State", "Where, or what to do", "Source"), rows)
    return _table(block.caption, block.columns, block.rows)


def _facts(pairs: object) -> str:
    return "\n".join(f"- **{escape(word(name))}**: {inline(value)}" for name, value in pairs)


def _table(caption: str, columns: tuple[str, ...], rows: object) -> list[str]:
    head = f"| {' | '.join(escape(word(column)) or ' ' for column in columns)} |\n|{'---|' * len(columns)}"
    body = [f"| {' | '.join(inline(cell) for cell in row)} |" for row in rows]
    named = escape(word(caption).strip())
    return [f"*{named}*" if named else "", "\n".join([head, *body]) if body else "None."]
