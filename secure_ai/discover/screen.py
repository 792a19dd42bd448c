"""A cheap look at a text that says which patterns cannot match it, so that they are not tried.

A :class:`Screen` states what every match of a pattern contains: one of some words, one of some
characters, a number of digits. It is read once per text by :class:`Screens`, and a pattern whose
screen fails is skipped; one without a screen always runs. A screen may let too much through, never
too little: a test compares the results with and without.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import regex

_LETTERS = re.compile(r"[A-Za-z]+")
_DIGITS = re.compile(r"[0-9]+")
_NUMBERS = re.compile(r"[0-9](?:[ ().\-/+]{0,3}[0-9])+")
_SEPARATORS = str.maketrans("", "", " ().-/+")
# What IGNORECASE and \d take for an ASCII letter or digit although it is none.
_TWINS = regex.compile(r"[\u017f\u212a\u0130\u0131[\p{Nd}--[0-9]]]", regex.VERSION1)
_TWIN_LETTERS = {"\u017f": "s", "\u212a": "k", "\u0130": "i", "\u0131": "i"}

MARKS = "@.:/-+(#\n,;!?–&'\"_*|="
"""Characters that a screen may ask for."""
MOST_DIGITS = 19
LONG_WORD = 26
_KEPT = 100_000


@dataclass(frozen=True)
class Screen:
    """What a text must contain for a pattern to be tried; empty parts ask for nothing.

    Attributes:
        words: at least one of these words (ASCII letters, blanks between), whole, in any case; the pattern must
            not let another ASCII letter stand directly before or behind them.
        exact: at least one of these words, in this case; asked for besides ``words``.
        marks: at least one of these characters, out of :data:`MARKS`.
        run: at least this many digits in a row.
        number: at least this many digits with no more than blanks and ``().-/+`` between them.
        long_word: whether a stretch of at least 26 characters without a blank is needed.
    """

    words: str = ""
    exact: str = ""
    marks: str = ""
    run: int = 0
    number: int = 0
    long_word: bool = False

    def __post_init__(self) -> None:
        if not set(self.marks) <= set(MARKS):
            raise ValueError(f"Screens look for {MARKS!r} only, not for {self.marks!r}.")
        if not all(_LETTERS.fullmatch(word) for word in (*self.words.split(), *self.exact.split())):
            raise ValueError("The words of a screen are made of ASCII letters.")


class Screens:
    """Reads texts for a fixed list of screens.

    Args:
        screens: one per pattern; None for a pattern that always runs.
        contexts: one collection of words per recognizer, of which at least one must occur for the
            recognizer's context to count; None where context is not screened.
    """

    def __init__(self, screens: Sequence[Screen | None], contexts: Sequence[Iterable[str] | None]) -> None:
        self._next = 1
        self._lower: dict[str, int] = {}
        self._exact: dict[str, int] = {}
        self._runs = [self._bit() for _ in range(MOST_DIGITS)]
        self._totals = [self._bit() for _ in range(MOST_DIGITS)]
        self._marks = {mark: self._bit() for mark in MARKS}
        self._long = self._bit()
        self.needs = [self._compile(screen) for screen in screens]
        """Per screen, masks of which each must share a bit with the text's."""
        self.context_bits = [self._context(words) for words in contexts]
        """Per recognizer, the bit of its context; 0 where it is not screened."""
        self._words = _Memo(self)

    def read(self, text: str) -> int:
        """Return the features of ``text`` as a bit mask."""
        if not text.isascii() and _TWINS.search(text):
            text = _TWINS.sub(_twin, text)
        bits = 0
        words = self._words
        for word in _LETTERS.findall(text):
            bits |= words[word]
        for mark, bit in self._marks.items():
            if mark in text:
                bits |= bit
        runs = _DIGITS.findall(text)
        if runs:
            total = sum(map(len, runs))
            bits |= self._runs[min(max(map(len, runs)), MOST_DIGITS) - 1]
            if len(runs) > 1 and total > 3:
                total = max(
                    (len(number.translate(_SEPARATORS)) for number in _NUMBERS.findall(text)), default=1
                )
            bits |= self._totals[min(total, MOST_DIGITS) - 1]
        if len(text) >= LONG_WORD and max(map(len, text.split()), default=0) >= LONG_WORD:
            bits |= self._long
        if len(words) > _KEPT:
            words.clear()
        return bits

    def _bit(self) -> int:
        bit = self._next
        self._next <<= 1
        return bit

    def _compile(self, screen: Screen | None) -> tuple[int, ...]:
        if screen is None:
            return ()
        masks = []
        for words, table in (
            (screen.words.lower().split(), self._lower),
            (screen.exact.split(), self._exact),
        ):
            if words:
                bit = self._bit()
                masks.append(bit)
                for word in words:
                    table[word] = table.get(word, 0) | bit
        if screen.marks:
            masks.append(sum(self._marks[mark] for mark in set(screen.marks)))
        if screen.run:
            masks.append(sum(self._runs[screen.run - 1 :]))
        if screen.number:
            masks.append(sum(self._totals[screen.number - 1 :]))
        if screen.long_word:
            masks.append(self._long)
        return tuple(masks)

    def _context(self, words: Iterable[str] | None) -> int:
        if words is None:
            return 0
        # Of a phrase, or of a word with a mark in it, the longest part must at least be there.
        parts = [max(_LETTERS.findall(word), key=len, default="") for word in words]
        if not all(parts):
            return 0
        bit = self._bit()
        for part in parts:
            self._lower[part.lower()] = self._lower.get(part.lower(), 0) | bit
        return bit

    def bits_of(self, word: str) -> int:
        """Return what one word of ASCII letters contributes."""
        lower = word.lower()
        bits = self._lower.get(lower, 0) | self._exact.get(word, 0)
        if lower.endswith("s"):  # context words also match with a plural s
            bits |= self._lower.get(lower[:-1], 0)
        return bits


class _Memo(dict):
    def __init__(self, screens: Screens) -> None:
        super().__init__()
        self._screens = screens

    def __missing__(self, word: str) -> int:
        bits = self[word] = self._screens.bits_of(word)
        return bits


def _twin(match) -> str:
    return _TWIN_LETTERS.get(match[0], "0")
