"""Turn tokens into the numbers that the network reads: features of a word, and of its place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from zlib import crc32

N_GRAM_ROWS = 32_768
N_SHAPES = 512
UNKNOWN, NUMBER = 0, 1
"""Rows of the word table for words that training never saw, and for numbers."""

CASES = 4


def n_grams(word: str) -> list[int]:
    """Return the rows of the word's character n-grams (3 to 5, with ends marked) and of its whole.

    Source:
        Bojanowski et al., *Enriching Word Vectors with Subword Information*, TACL 2017.
    """
    marked = f"<{word.casefold()}>"
    # In ASCII a slice of the bytes is the slice's bytes: one encoding instead of a dozen.
    text = marked.encode() if marked.isascii() else marked
    grams = [text[i : i + n] for n in (3, 4, 5) for i in range(len(text) - n + 1)]
    whole = [f"={marked}", f"^{marked[:3]}", f"^{marked[:4]}", f"{marked[-3:]}$", f"{marked[-4:]}$"]
    if text is marked:
        grams = [gram.encode("utf-8", "replace") for gram in grams]
    grams += [gram.encode("utf-8", "replace") for gram in whole]
    return [crc32(gram) % N_GRAM_ROWS for gram in grams]


def shape(word: str) -> int:
    """Return the row of the word's shape, as in ``Xxxx``, ``dd`` or ``XX``: runs are cut at four."""
    out: list[str] = []
    for character in word:
        if character.isdigit():
            mark = "d"
        elif character.isupper():
            mark = "X"
        elif character.isalpha():
            mark = "x"
        else:
            mark = character
        if out[-4:] != [mark] * 4:
            out.append(mark)
    return crc32("".join(out).encode("utf-8", "replace")) % N_SHAPES


def word_row(word: str, vocabulary: Mapping[str, int]) -> int:
    """Return the word's row in the word table."""
    if word[0].isdigit():
        return NUMBER
    return vocabulary.get(word.casefold(), UNKNOWN)


def letter_case(words: Sequence[str]) -> int:
    """Return how a text is written: 0 mixed, 1 all capitals, 2 no capitals, 3 nearly every word capital."""
    letters = [word for word in words if word[0].isalpha()]
    if not letters:
        return 0
    capital = sum(word[0].isupper() for word in letters)
    if capital == 0:
        return 2
    if sum(word.isupper() for word in letters if len(word) > 1) > 0.7 * len(letters):
        return 1
    return 3 if capital > 0.7 * len(letters) and len(letters) > 4 else 0
