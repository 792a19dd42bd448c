"""Characters that deceive the eye: confusables, invisible marks, turned text and mixed scripts (UTS #39)."""

from __future__ import annotations

import functools
import unicodedata

from confusable_homoglyphs import categories
from confusable_homoglyphs.confusables import confusables_data

# Zero width: joiners, spaces, the soft hyphen, the word joiner and the byte order mark.
INVISIBLE = frozenset("\u200b\u200c\u200d\u2060\ufeff\u00ad\u180e\u2061\u2062\u2063\u2064")
# Embeddings, overrides and isolates: text that is shown in another order than it is stored.
BIDI_CONTROLS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f")
# What two or one plain letters look like in most typefaces, lower case; UTS #39 has m for rn among them.
PLAIN_LOOKALIKES = (("rn", "m"), ("vv", "w"), ("0", "o"), ("1", "l"), ("|", "l"), ("i", "l"), ("5", "s"))
# Sets of scripts that one label may mix (UTS #39, 5.2, "highly restrictive").
MIXED_HONESTLY = (
    frozenset({"LATIN", "HAN", "HIRAGANA", "KATAKANA"}),
    frozenset({"LATIN", "HAN", "BOPOMOFO"}),
    frozenset({"LATIN", "HAN", "HANGUL"}),
)


def hidden_characters(text: str) -> list[tuple[int, str]]:
    """Return offset and Unicode name of each invisible or direction-changing character."""
    unseen = INVISIBLE | BIDI_CONTROLS
    return [
        (place, unicodedata.name(mark, "unnamed character"))
        for place, mark in enumerate(text)
        if mark in unseen
    ]


def without_hidden(text: str) -> str:
    """Return ``text`` without invisible and direction-changing characters."""
    return text.translate(_HIDDEN)


def plain_text(text: str) -> str:
    """Return ``text`` as a reader sees it: compatibility forms folded, hidden marks gone, confusables Latin.

    Only characters that look like Latin letters are replaced, and only in words that hold a Latin letter
    or nothing else: an honest Greek or Russian word stays as it is.
    """
    folded = unicodedata.normalize("NFKC", without_hidden(text))
    if folded.isascii():
        return folded
    return "".join(
        _latin_word(word) if not word.isascii() else word for word in _split_keeping_spaces(folded)
    )


def skeleton(label: str) -> str:
    """Return what a label of a domain looks like: two labels of one skeleton are easily confused.

    Lower case, Latin prototypes of confusable characters, no accents, and plain lookalikes (``rn`` and
    ``m``, ``1`` and ``l``, ``0`` and ``o``) folded together.

    Source: Unicode Technical Standard #39, section 4 (the data of confusable-homoglyphs), and for pairs
    within ASCII what typefaces do.
    """
    text = unicodedata.normalize("NFKC", without_hidden(label)).lower()
    text = "".join(letter if letter.isascii() else _latin(letter) for letter in text)
    text = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    for sight, letter in PLAIN_LOOKALIKES:
        text = text.replace(sight, letter)
    return text


def scripts(text: str) -> frozenset[str]:
    """Return the scripts of the letters in ``text``, without what all scripts share (digits, hyphen)."""
    return frozenset(_script(letter) for letter in text) - {"COMMON", "INHERITED", "UNKNOWN"}


def mixes_scripts(label: str) -> bool:
    """Say whether ``label`` mixes scripts beyond what UTS #39 calls highly restrictive."""
    found = scripts(label)
    return len(found) > 1 and not any(found <= allowed for allowed in MIXED_HONESTLY)


def confusable_letters(letter: str) -> list[str]:
    """Return lower-case characters of other scripts that look like ``letter``, in code order."""
    return _inverse().get(letter, [])


_HIDDEN = {ord(mark): None for mark in INVISIBLE | BIDI_CONTROLS}


@functools.lru_cache(maxsize=4096)
def _script(letter: str) -> str:
    return "LATIN" if letter.isascii() and letter.isalpha() else categories.alias(letter).upper()


@functools.lru_cache(maxsize=4096)
def _latin(letter: str) -> str:
    for found in confusables_data.get(letter, ()):
        if found["c"].isascii() and found["c"].isalnum():
            return found["c"].lower()
    return letter


def _latin_word(word: str) -> str:
    latin = "".join(letter if letter.isascii() else _latin(letter) for letter in word)
    mixed = "LATIN" in scripts(word) and len(scripts(word)) > 1
    return latin if mixed or (latin.isascii() and len(word) > 2) else word


def _split_keeping_spaces(text: str) -> list[str]:
    words, start = [], 0
    for place, mark in enumerate(text):
        if mark.isspace():
            words += [text[start:place], mark]
            start = place + 1
    return [*words, text[start:]]


@functools.cache
def _inverse() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for sight, likes in confusables_data.items():
        if len(sight) != 1 or sight.isascii() or sight != sight.lower() or not sight.isalpha():
            continue
        # Mathematical letters and full-width forms are folded away before anyone sees them.
        if unicodedata.normalize("NFKC", sight) != sight:
            continue
        for like in likes:
            if len(like["c"]) == 1 and like["c"].isascii() and like["c"].islower():
                found.setdefault(like["c"], []).append(sight)
    return {letter: sorted(set(sights)) for letter, sights in found.items()}
