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

SHAPES: dict[str, tuple[str, str]] = {
    "letter beside digit": ("", r"[A-Za-z][0-9]|[0-9][A-Za-z]"),
    "letters and two digits": ("", r"(?<![A-Za-z])[A-Z]{2}[0-9]{2}"),
    "point inside": (".", r"[A-Za-z0-9]\.[A-Za-z0-9]"),
    "long fraction": (".", r"[0-9]\.[0-9]{3}"),
    "two colons": (":", r"(?<![0-9A-Za-z:])[0-9A-Fa-f]{0,4}:[0-9A-Fa-f]{0,4}:"),
    "hexadecimal pairs": ("", r"[0-9A-Fa-f]{2}[:-][0-9A-Fa-f]{2}[:-]"),
    "parts of a date": ("", r"[0-9]{1,2}[/.-][0-9]{1,2}[/.-][0-9]{2}"),
    "year and part": ("", r"[0-9]{4}[/.-][0-9]"),
    "three, two, four": ("", r"[0-9]{3}[ .-][0-9]{2}[ .-][0-9]{4}"),
    "slash between digits": ("/", r"[0-9]/[0-9]"),
}
"""Name of a shape -> a character that it contains (or none), and an expression that finds it."""
_COMPILED = {name: (mark, re.compile(pattern)) for name, (mark, pattern) in SHAPES.items()}
_NEED_DIGITS = frozenset(SHAPES) - {"point inside", "two colons", "hexadecimal pairs"}

MOST_DIGITS = 19
SOLID = (12, 17, 26)
_KEPT = 100_000


@dataclass(frozen=True)
class Screen:
    """What a text must contain for a pattern to be tried; empty parts ask for nothing.

    Attributes:
        words: at least one of these words (ASCII letters, blanks between), whole, in any case; the
            pattern must not let another ASCII letter stand directly before or behind them.
        exact: at least one of these words, in this case; asked for besides ``words``.
        endings: at least one word with one of these endings, in any case.
        marks: at least one of these strings.
        shape: one of :data:`SHAPES`.
        run: at least this many digits in a row.
        number: at least this many digits with no more than three of `` ().-/+`` between them.
        solid: a stretch of this many characters without a blank; one of :data:`SOLID`.
        capital_end: the last word starts with a capital.
    """

    words: str = ""
    exact: str = ""
    endings: str = ""
    marks: tuple[str, ...] = ()
    shape: str = ""
    run: int = 0
    number: int = 0
    solid: int = 0
    capital_end: bool = False

    def __post_init__(self) -> None:
        words = (*self.words.split(), *self.exact.split(), *self.endings.split())
        if not all(_LETTERS.fullmatch(word) for word in words):
            raise ValueError("The words of a screen are made of ASCII letters.")
        if (self.shape and self.shape not in SHAPES) or (self.solid and self.solid not in SOLID):
            raise ValueError(f"There is no shape '{self.shape}' or stretch of {self.solid}.")


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
        self._endings: list[tuple[tuple[str, ...], int]] = []
        self._runs = [self._bit() for _ in range(MOST_DIGITS)]
        self._totals = [self._bit() for _ in range(MOST_DIGITS)]
        self._solid = {length: self._bit() for length in SOLID}
        self._capital_end = self._bit()
        used = [screen for screen in screens if screen is not None]
        self._marks = {mark: self._bit() for mark in dict.fromkeys(m for s in used for m in s.marks)}
        self._shapes = {name: self._bit() for name in dict.fromkeys(s.shape for s in used if s.shape)}
        self.needs = [self._compile(screen) for screen in screens]
        """Per screen, masks of which each must share a bit with the text's."""
        self.context_bits = [self._context(words) for words in contexts]
        """Per recognizer, the bit of its context; 0 where it is not screened."""
        self._words = _Memo(self)
        tests = [(*_COMPILED[name], bit) for name, bit in self._shapes.items()]
        self._digit_tests = [
            (mark, test.search, bit)
            for (mark, test, bit), name in zip(tests, self._shapes, strict=True)
            if name in _NEED_DIGITS
        ]
        self._other_tests = [
            (mark, test.search, bit)
            for (mark, test, bit), name in zip(tests, self._shapes, strict=True)
            if name not in _NEED_DIGITS
        ]

    def read(self, text: str) -> int:
        """Return the features of ``text`` as a bit mask."""
        if not text.isascii() and _TWINS.search(text):
            text = _TWINS.sub(_twin, text)
        bits = 0
        words = self._words
        for word in set(_LETTERS.findall(text)):
            bits |= words[word]
        for mark, bit in self._marks.items():
            if mark in text:
                bits |= bit
        for mark, search, bit in self._other_tests:
            if mark in text and search(text):
                bits |= bit
        runs = _DIGITS.findall(text)
        if runs:
            lengths = [*map(len, runs)]
            total = sum(lengths)
            bits |= self._runs[min(max(lengths), MOST_DIGITS) - 1]
            if len(runs) > 1 and total > 5:
                numbers = _NUMBERS.findall(text)
                total = max([len(number.translate(_SEPARATORS)) for number in numbers], default=1)
            bits |= self._totals[min(total, MOST_DIGITS) - 1]
            for mark, search, bit in self._digit_tests:
                if mark in text and search(text):
                    bits |= bit
        stretches = text.split()
        if stretches:
            longest = max(map(len, stretches))
            for length, bit in self._solid.items():
                if longest >= length:
                    bits |= bit
            if stretches[-1].lstrip("-–")[:1].isupper():
                bits |= self._capital_end
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
        if screen.endings:
            masks.append(self._bit())
            self._endings.append((tuple(screen.endings.lower().split()), masks[-1]))
        if screen.marks:
            masks.append(sum(self._marks[mark] for mark in set(screen.marks)))
        if screen.shape:
            masks.append(self._shapes[screen.shape])
        if screen.solid:
            masks.append(self._solid[screen.solid])
        if screen.capital_end:
            masks.append(self._capital_end)
        if screen.run:
            masks.append(sum(self._runs[screen.run - 1 :]))
        if screen.number:
            masks.append(sum(self._totals[screen.number - 1 :]))
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
        for endings, bit in self._endings:
            if lower.endswith(endings):
                bits |= bit
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
