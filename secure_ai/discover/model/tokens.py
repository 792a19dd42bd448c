"""Split text into the tokens that the names model reads: letters, digits and marks each apart."""

from __future__ import annotations

from typing import NamedTuple

import regex

# Python counts U+001C to U+001F as blanks, the pattern language does not.
_TOKEN = regex.compile(r"\p{L}[\p{L}\p{M}]*|\p{N}+|([^\s\x1c-\x1f\p{L}\p{N}])\1*")
LONGEST = 40


class Tokens(NamedTuple):
    """The tokens of one text: their words, where they start and end, and what stands before them.

    ``gaps`` holds 0 where a token follows the last one directly, 1 after a blank, 2 after a line break
    or at the start.
    """

    words: list[str]
    starts: list[int]
    ends: list[int]
    gaps: list[int]


def tokenize(text: str) -> Tokens:
    """Split ``text``; words longer than 40 characters are kept by their first 40."""
    words, starts, ends, gaps = [], [], [], []
    last = 0
    for match in _TOKEN.finditer(text):
        start, end = match.span()
        words.append(text[start : min(end, start + LONGEST)])
        starts.append(start)
        ends.append(end)
        if start == last:
            gaps.append(0 if last else 2)
        else:
            gaps.append(2 if "\n" in text[last:start] or not last else 1)
        last = end
    return Tokens(words, starts, ends, gaps)
