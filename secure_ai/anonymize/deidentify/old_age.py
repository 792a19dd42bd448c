"""What tells that somebody is over 89 without saying it in figures: words for ages, and years of birth."""

from __future__ import annotations

import re
from collections.abc import Sequence

from secure_ai.core.text import Span

_ONES = "one|two|three|four|five|six|seven|eight|nine"
_NINETY = rf"ninety(?:[\s-](?:{_ONES}))?"
_HUNDRED = rf"(?:a|one)[\s-]hundred(?:[\s-](?:and[\s-])?(?:{_ONES}|ten))?|hundred"
_UNITS = r"\s*(?:%|percent|per|mg|m?l|min|mm|bpm|days?|weeks?|months?|\d)"
_WORDS = re.compile(
    rf"""(?ix)\b(?:
        (?:aged?|turn(?:ed|ing|s)|is|was|of)\s+(?P<age>{_NINETY})\b(?!{_UNITS})
        | (?P<old>(?:{_NINETY}|{_HUNDRED})[\s-]*(?:years?|yrs?)[\s-]*(?:old|of[\s-]age))
        | (?P<class>(?:nonagen|(?:super)?centen)arian)s?\b
        | in\s+(?:his|her|their)\s+(?:(?:early|mid|late)[\s-]+)?(?P<decade>nineties|90'?s)\b
    )"""
)
_BORN = re.compile(
    r"(?i)(?:\b(?:born(?:\s+(?:in|on|circa|c\.|around|about))?|b\.|d\.?o\.?b\.?|birth\s*year|year\s+of\s+birth|"
    r"date\s+of\s+birth|birth\s*date)[\s:(]*)(?P<year>1[89]\d\d)\b(?![-/.]\d)"
)
_FIGURE = re.compile(r"\d+")
_MONTHS = re.compile(r"(?i)month|week|day|\bmo\b|\bwk")


def with_old_age(text: str, spans: Sequence[Span], *, born_before: int | None) -> list[Span]:
    """Return ``spans`` with ages over 89 named as such, and with those that are written in words.

    Args:
        text: the document.
        spans: what a detector found in it.
        born_before: years of birth up to this one count as ages over 89, too; None if years may stay.
    """
    kept = [_named(text, span) for span in spans]
    found = [(match.span(match.lastgroup), "AGE_OVER_89") for match in _WORDS.finditer(text)]
    if born_before is not None:
        found += [
            (match.span("year"), "DATE_OF_BIRTH")
            for match in _BORN.finditer(text)
            if int(match["year"]) <= born_before
        ]
    for (start, end), entity in found:
        over = [span for span in kept if span.start < end and start < span.end]
        if all(start <= span.start and span.end <= end for span in over):
            kept = [span for span in kept if span not in over]
            kept.append(Span(start, end, entity, 0.9))
    return sorted(kept)


def _named(text: str, span: Span) -> Span:
    if span.entity_type != "AGE":
        return span
    value = text[span.start : span.end]
    figures = [int(figure) for figure in _FIGURE.findall(value)]
    old = bool(figures) and max(figures) > 89 and not _MONTHS.search(value)
    return Span(span.start, span.end, "AGE_OVER_89", span.score) if old else span
