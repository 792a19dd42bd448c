"""Text with the true places of every identifier in it, known because they were put there."""

from __future__ import annotations

import string
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

_FORMATTER = string.Formatter()


class Label(NamedTuple):
    """One identifier in a text: characters start to end (end excluded), Presidio entity name."""

    start: int
    end: int
    entity_type: str


@dataclass(frozen=True)
class SyntheticText:
    """A text, its true spans in order, and what it was made from.

    Attributes:
        text: the text.
        spans: labels in order of place; they never overlap.
        meta: where it belongs (ids, kind, template).
    """

    text: str
    spans: tuple[Label, ...] = ()
    meta: Mapping[str, Any] = field(default_factory=dict)

    def values(self) -> list[tuple[str, str]]:
        """(entity_type, text of the span) for every span."""
        return [(span.entity_type, self.text[span.start : span.end]) for span in self.spans]


def fill(
    template: str,
    values: Mapping[str, tuple[str, str | None]],
    meta: Mapping[str, Any] | None = None,
) -> SyntheticText:
    """Fill a template and note where each identifier came to stand.

    Args:
        template: text with "{name}" fields; "{{" and "}}" stand for braces.
        values: name -> (text, Presidio entity name, or None for a value that identifies nobody).
        meta: kept on the result.

    Returns:
        The text with spans. An empty value leaves no span.

    Raises:
        ValueError: a field of the template has no value, or the template is malformed.
    """
    return render(parse(template), values, meta)


def parse(template: str) -> tuple[tuple[str, str | None], ...]:
    """Split a template once into (literal, field name or None), so that it can be filled many times."""
    try:
        pieces = [(literal, name) for literal, name, _, _ in _FORMATTER.parse(template)]
    except ValueError as error:
        raise ValueError(f"The template is malformed ({error}); write {{{{ and }}}} for braces.") from None
    return tuple(pieces)


def render(
    pieces: tuple[tuple[str, str | None], ...],
    values: Mapping[str, tuple[str, str | None]],
    meta: Mapping[str, Any] | None = None,
) -> SyntheticText:
    """`fill` for a template that `parse` has split already."""
    parts: list[str] = []
    spans: list[Label] = []
    at = 0
    for literal, name in pieces:
        parts.append(literal)
        at += len(literal)
        if name is None:
            continue
        if name not in values:
            raise ValueError(f"The template asks for {{{name}}}, which has no value; give it one.")
        value, entity_type = values[name]
        if entity_type is not None and value:
            spans.append(Label(at, at + len(value), entity_type))
        parts.append(value)
        at += len(value)
    return SyntheticText("".join(parts), tuple(spans), dict(meta or {}))
