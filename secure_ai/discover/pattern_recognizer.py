"""What our pattern recognizers share: patterns with screens in the class, and values behind a label."""

from __future__ import annotations

from collections.abc import Iterable

import regex
from presidio_analyzer import Pattern, PatternRecognizer

from secure_ai.discover.screen import Screen

# Written for the `regex` module that Presidio uses: \K drops the cue from the span, (?-i:...) turns
# case on again under Presidio's global IGNORECASE, (?>...) never gives back what it took.
GAP = r"(?>(?:[\s#:=*_|'\".]|&nbsp;|</?[a-z]\w{0,9}[^<>]{0,60}>){0,16})"
"""What may stand between a label and its value: blanks, marks, HTML tags, table rules."""

NUMBER_WORD = r"(?:[\s_]*(?:id|identifier|identification|number|numbers|nr|num|no|code)(?!\p{L}))"
NOT_A_DATE = r"(?!(?:19|20)\d\d-[01]\d-[0-3]\d\b|[0-3]?\d[/.-][0-3]?\d[/.-](?:19|20)\d\d\b)"

DIGITS = r"(?=\d(?:[ -]?\d){4})(?:\d{5,17}(?:-\d{1,6}){0,3}|\d{1,4}(?>(?:[ -]\d{2,8}){1,4}))"
"""Five or more digits: in one run, with hyphens, or in groups of which the first is short."""
END = r"(?![\p{L}\p{N}])"

LABELED = 0.9
"""Score of a value behind its label: above a name's (at most 0.85), below a checked number's (1)."""


def any_of(words: Iterable[str]) -> str:
    """Return a pattern for one of many words, the longest first, that tests each letter once.

    >>> any_of(["Ave", "Avenue", "Alley"])
    'A(?:lley|ve(?:nue)?)'
    """
    branches: dict[str, list[str]] = {}
    for word in sorted(set(words)):
        branches.setdefault(word[:1], []).append(word[1:])
    optional = "" in branches
    parts = [regex.escape(first) + any_of(rests) for first, rests in branches.items() if first]
    if not parts:
        return ""
    single = len(parts) == 1 and not optional
    return parts[0] if single else f"(?:{'|'.join(parts)}){'?' if optional else ''}"


def labeled(labels: str, value: str, tail: str = rf"{NUMBER_WORD}?") -> str:
    """Return a pattern for ``value`` behind one of ``labels`` (an alternation), whatever stands between."""
    return (
        rf"(?<![\p{{L}}\p{{N}}])(?:{labels})(?!\p{{L}}){tail}{GAP}(?:(?:is|was)(?!\p{{L}}){GAP})?\K"
        rf"{NOT_A_DATE}{value}"
    )


class OwnRecognizer(PatternRecognizer):
    """A pattern recognizer that carries entity, patterns, screens and context words in its class.

    ``PATTERNS`` holds (name, regular expression, score, screen); the screen may be None.
    """

    ENTITY = ""
    PATTERNS: tuple[tuple[str, str, float, Screen | None], ...] = ()
    CONTEXT: tuple[str, ...] = ()

    def __init__(
        self,
        context: list[str] | None = None,
        supported_language: str = "en",
        supported_entity: str | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(
            supported_entity=supported_entity or self.ENTITY,
            patterns=[Pattern(*pattern[:3]) for pattern in self.PATTERNS],
            context=context or list(self.CONTEXT),
            supported_language=supported_language,
            name=name or type(self).__name__,
        )
        self.screens = {pattern[0]: pattern[3] for pattern in self.PATTERNS}
