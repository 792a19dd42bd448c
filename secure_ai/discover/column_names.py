"""What the name of a column or field says it holds: its words, looked up in column_names.yaml."""

from __future__ import annotations

from functools import cache
from importlib import resources

import regex
import yaml

_WORDS = regex.compile(r"\p{Lu}+(?=\p{Lu}\p{Ll})|\p{Lu}?[\p{Ll}\p{M}]+\d*|\p{Lu}+\d*|\d+|\p{L}+")


def words_of(name: str) -> list[str]:
    """Split a column name into lower-case words: at signs, at camelCase, and at words run together.

    >>> words_of("PatientId"), words_of("SERVICEDATE"), words_of("diagnosis_2")
    (['patient', 'id'], ['service', 'date'], ['diagnosis', '2'])
    """
    return [part for word in _WORDS.findall(name) for part in _run_together(word.lower())]


def _run_together(word: str) -> list[str]:
    vocabulary = _vocabulary()
    if word in vocabulary:
        return [word]
    bare = word.rstrip("0123456789")
    # best[i]: the fewest known words that make up the first i letters
    best: list[list[str] | None] = [[]] + [None] * len(bare)
    for end in range(1, len(bare) + 1):
        for start in range(max(0, end - 20), end):
            head, part = best[start], bare[start:end]
            if (
                head is not None
                and part in vocabulary
                and (best[end] is None or len(head) + 1 < len(best[end]))
            ):
                best[end] = [*head, part]
    parts = best[len(bare)]
    return [*parts, *([word[len(bare) :]] if bare != word else [])] if parts else [word]


@cache
def _vocabulary() -> frozenset[str]:
    anywhere, whole = _phrases()
    words = {word for phrase in [*anywhere, *whole] for word in phrase}
    # Shorter words would turn up inside others by chance.
    return frozenset(word for word in words if len(word) > 3) | {
        "id",
        "zip",
        "dob",
        "ssn",
        "mrn",
        "date",
        "no",
    }


@cache
def known_words() -> frozenset[str]:
    """Return every word that names of columns are recognized by, in lower case."""
    return frozenset(word for phrases in _phrases() for phrase in phrases for word in phrase)


@cache
def _phrases() -> tuple[dict[tuple[str, ...], str], dict[tuple[str, ...], str]]:
    text = resources.files("secure_ai.discover").joinpath("column_names.yaml").read_text("utf-8")
    anywhere, whole = {}, {}
    for entity, entries in yaml.safe_load(text).items():
        for phrase in (part.strip() for entry in entries for part in str(entry).split(",")):
            target = whole if phrase.startswith("=") else anywhere
            words = tuple(phrase.lstrip("=").split())
            if target.setdefault(words, entity) != entity:
                raise ValueError(f"column_names.yaml gives '{phrase}' to {target[words]} and to {entity}.")
    return anywhere, whole


def entity_of_name(name: str) -> tuple[str, str] | None:
    """Return the entity that a column name announces and the phrase that says so, or None."""
    anywhere, whole = _phrases()
    words = words_of(name)
    if tuple(words) in whole:
        return whole[tuple(words)], " ".join(words)
    for length in range(min(len(words), 4), 0, -1):
        for start in range(len(words) - length, -1, -1):
            phrase = tuple(words[start : start + length])
            if phrase in anywhere:
                return anywhere[phrase], " ".join(phrase)
    return None
