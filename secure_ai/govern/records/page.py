"""A document as one self-contained HTML page: printable, readable by a screen reader, every value escaped."""

from __future__ import annotations

import base64
from functools import cache
from importlib import resources

import jinja2
from markupsafe import Markup

from secure_ai.core import Measurement, Unassessed
from secure_ai.govern.records.document import (
    Inline,
    Link,
    Record,
    Table,
    Text,
    ToBeFilled,
    is_wide,
    parts,
)
from secure_ai.govern.records.markdown import state_of
from secure_ai.govern.records.words import safe_address, word

FOR_PANDOC = "plain.html.j2"
FOR_READERS = "record.html.j2"


def to_html(record: Record) -> str:
    """Return the document as one HTML page with its style inside; no script, nothing from the network."""
    return _render(record, FOR_READERS)


def to_plain_html(record: Record) -> str:
    """Return the document as HTML without style, for a converter."""
    return _render(record, FOR_PANDOC)


def inline(text: Text) -> Markup:
    """Return a text as HTML, escaped."""
    return Markup("").join(_part(part) for part in parts(text))


def _render(record: Record, template: str) -> str:
    return _templates().get_template(template).render(record=record, state=state_of(record))


@cache
def _templates() -> jinja2.Environment:
    folder = resources.files(__package__) / "templates"
    sources = {file.name: file.read_text("utf-8") for file in folder.iterdir() if file.name.endswith(".j2")}
    environment = jinja2.Environment(
        loader=jinja2.DictLoader(sources),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "inline": inline,
        "word": word,
        "base64": _base64,
        "kind": _kind,
        "right": _right,
        "numeric": _numeric,
        "wide": is_wide,
    }
    environment.globals["css"] = Markup(resources.files("secure_ai.core").joinpath("report.css").read_text())
    return environment


def _part(part: Inline) -> Markup:
    text = word(part)
    if isinstance(part, ToBeFilled):
        return Markup('<strong class="gap">{}</strong>').format(text)
    if isinstance(part, Unassessed):
        return Markup('<strong class="unknown">{}</strong>').format(text)
    if isinstance(part, Link) and (address := safe_address(part.address)):
        return Markup('<a href="{}">{}</a>').format(address, text)
    return Markup("{}").format(text)


def _kind(block: object) -> str:
    return type(block).__name__


def _right(text: Text) -> bool:
    return isinstance(text, (int, float)) and not isinstance(text, (bool, Measurement))


def _numeric(table: Table, column: int) -> bool:
    return all(_right(row[column]) for row in table.rows if row[column] is not None)


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode()
