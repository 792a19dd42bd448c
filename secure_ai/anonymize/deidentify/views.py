"""A plainer view of a text for the detector: without tags and invisible characters, with plain hyphens.

``219-09-9999`` with typographic hyphens, ``Mar&iacute;a``, ``<b>Maria</b> <i>Garcia</i>`` and a number
that is broken at the end of a line read, to a detector, like nothing; to a person they read as what they are.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Sequence

from secure_ai.core.text import Span

IGNORED = re.compile("[\u00ad\u200b\u2060\ufeff]")
"""Characters that nobody sees: soft hyphen, zero-width space, word joiner, byte order mark."""

_ODD = re.compile(
    r"(?P<gone>[\u00ad\u200b\u2060\ufeff]|(?<=\d[-\u2010-\u2015])\r?\n(?=\d))"
    r"|(?P<dash>[\u2010-\u2015\u2212\ufe58\ufe63\uff0d])"
    r"|(?P<blank>[\u00a0\u2007\u2009\u202f])"
    r"|(?P<tag></?[A-Za-z][^<>]{0,300}>)"
    r"|(?P<entity>&(?:#\d{1,6}|#x[0-9A-Fa-f]{1,5}|[A-Za-z]{2,8});)"
)
_TAG = re.compile(r"</?[A-Za-z][^<>]{0,300}>")


def view_of(text: str) -> tuple[str, list[int]] | None:
    """Return a plainer text and where each of its characters stands in ``text``; None if it is plain."""
    if not _ODD.search(text):
        return None
    pieces: list[str] = []
    places: list[int] = []
    at = 0
    for match in _ODD.finditer(text):
        pieces.append(text[at : match.start()])
        places.extend(range(at, match.start()))
        at = match.end()
        new = _plain(match)
        pieces.append(new)
        places.extend([match.start()] * len(new))
    pieces.append(text[at:])
    places.extend(range(at, len(text) + 1))
    return "".join(pieces), places


def _plain(match: re.Match[str]) -> str:
    kind = match.lastgroup
    if kind == "entity":
        return html.unescape(match.group())
    return {"gone": "", "dash": "-"}.get(kind, " ")


def find_in_views(texts: Sequence[str], find: Callable[[list[str]], list[list[Span]]]) -> list[list[Span]]:
    """Find in texts and in their plainer views; offsets are those of the texts.

    Args:
        texts: documents.
        find: returns the spans of each of a list of texts.
    """
    found = find(list(texts))
    views = [(i, view) for i, view in enumerate(map(view_of, texts)) if view is not None]
    if not views:
        return found
    seen = find([view for _, (view, _) in views])
    for (i, (_, places)), spans in zip(views, seen, strict=True):
        added = [part for span in spans for part in _mapped(texts[i], places, span)]
        found[i] = _merged(found[i], added)
    return found


def _mapped(text: str, places: list[int], span: Span) -> list[Span]:
    """Return ``span`` of a view as spans of the text, in pieces where tags stand in between."""
    start, end = places[span.start], places[span.end]
    parts, at = [], start
    for tag in _TAG.finditer(text, start, end):
        parts.append((at, tag.start()))
        at = tag.end()
    parts.append((at, end))
    return [Span(a, b, span.entity_type, span.score) for a, b in parts if text[a:b].strip()]


def _merged(first: list[Span], second: list[Span]) -> list[Span]:
    """Return spans that do not overlap: the longer of two that do, the first of two alike."""
    kept: list[Span] = []
    for span in sorted([*first, *second], key=lambda s: (s.start - s.end, s.start, -s.score)):
        if all(span.end <= other.start or other.end <= span.start for other in kept):
            kept.append(span)
    return sorted(kept)
