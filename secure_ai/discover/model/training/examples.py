"""Training examples: templates filled anew every time, open sentences, and the noise of real text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from secure_ai.core.text import Document
from secure_ai.discover.model.tokens import Tokens, tokenize
from secure_ai.discover.model.training.corpus import ANY, LEARNED, Piece, Template, as_document
from secure_ai.discover.model.training.values import Values

FIXED = {"fictional", "place", "facility", "region", "number", "license", "account", "mrn"}
"""Types that keep their value most of the time: another one would rarely fit the sentence."""


@dataclass(frozen=True)
class Example:
    """Tokens with, for each, the tags it may have; ``entity`` says which tokens stand in a known one."""

    tokens: Tokens
    allowed: list[frozenset[str]]
    entity: list[bool]
    weight: float = 1.0


def fill(template: Template, values: Values, rng: np.random.Generator, swap: float) -> Document:
    """Fill a template; each entity is replaced with probability ``swap``."""
    return as_document(tuple(_swapped(piece, values, rng, swap) for piece in template))


def _swapped(piece: Piece, values: Values, rng: np.random.Generator, swap: float) -> Piece:
    if piece.type and rng.random() < (swap if piece.type not in FIXED else swap / 4):
        return replace(piece, text=values.draw(_shortened(piece.type, rng), rng, piece.text))
    return piece


def _shortened(kind: str, rng: np.random.Generator) -> str:
    # Most mentions in real prose are a last name alone; sentences written one by one rarely have it.
    if kind != "person":
        return kind
    chance = rng.random()
    return "last" if chance < 0.22 else "first" if chance < 0.28 else kind


def label(document: Document) -> Example:
    """Turn a document into tokens with exactly one allowed tag each; types we do not learn count as O."""
    tokens = tokenize(document.text)
    names = ["O"] * len(tokens.words)
    for span in document.spans:
        if span.entity_type not in LEARNED:
            continue
        inside = [
            i
            for i, (start, end) in enumerate(zip(tokens.starts, tokens.ends, strict=True))
            if start >= span.start and end <= span.end
        ]
        for position, i in enumerate(inside):
            names[i] = f"{'I' if position else 'B'}-{span.entity_type}"
    return Example(tokens, [frozenset({name}) for name in names], [name != "O" for name in names])


# ---------------------------------------------------------------- noise


def with_noise(template: Template, rng: np.random.Generator) -> Template:
    """Return the template as careless people and machines write: cases, lost marks, misread letters."""
    chance = rng.random()
    if chance < 0.04:
        return tuple(replace(piece, text=piece.text.upper()) for piece in template)
    if chance < 0.08:
        return tuple(replace(piece, text=piece.text.lower()) for piece in template)
    if chance < 0.12:
        return tuple(_misread(piece, rng) if piece.type is None else piece for piece in template)
    if chance < 0.22:
        last = template[-1]
        return (*template[:-1], replace(last, text=last.text.rstrip(" .!?") or last.text))
    if chance < 0.25:
        return tuple(
            replace(piece, text=piece.text.replace(", ", " ")) if piece.type is None else piece
            for piece in template
        )
    return template


_MISREAD = {"l": "1", "O": "0", "rn": "m", "e": "c", "S": "5", "i": "l", " ": "  ", ".": " ."}


def _misread(piece: Piece, rng: np.random.Generator) -> Piece:
    text = piece.text
    for original, read in _MISREAD.items():
        if original in text and rng.random() < 0.3:
            text = text.replace(original, read, 1)
    return replace(piece, text=text)


def joined(first: Template, second: Template, rng: np.random.Generator) -> Template:
    """Return two templates as one text."""
    between = (" ", "\n", " ", "\n\n", " - ")[int(rng.integers(5))]
    return (*first, Piece(between), *second)


# ---------------------------------------------------------------- open sentences

_NO_SPACE_BEFORE = set(".,;:!?)%]}”") | {"'s", "n't", "'m", "'re", "'ve", "'ll", "'d", "’s", "...", "'S"}
_NO_SPACE_AFTER = set("([{$#@£€“")


def open_example(
    words: Sequence[str],
    tags: Sequence[str],
    *,
    unknown: frozenset[str],
    every: frozenset[str],
    weight: float,
    values: Values,
    rng: np.random.Generator,
    swap: float,
) -> Example:
    """Turn words with tags into an example.

    Args:
        words: of one sentence.
        tags: theirs, as :func:`corpus.read_conll` gives them.
        unknown: tags that the corpus never marks; a word outside its entities may have any of them.
        every: all tags.
        weight: of the example in the loss.
        values: draws names that take an entity's place.
        rng: decides where.
        swap: share of entities replaced.
    """
    text = ""
    marks: list[tuple[int, int, str]] = []
    at = 0
    while at < len(words):
        end = at + 1
        name = tags[at][2:] if tags[at] not in ("O", ANY) else None
        while end < len(words) and name and tags[end] == f"I-{name}":
            end += 1
        shown = _plain(words[at:end])
        if (
            name in ("PERSON", "LOCATION", "ORGANIZATION")
            and rng.random() < swap
            and not shown.startswith(("@", "#"))
        ):
            kind = {
                "PERSON": "person" if end - at > 1 else ("first", "last")[int(rng.integers(2))],
                "LOCATION": ("city", "city", "country", "state")[int(rng.integers(4))],
                "ORGANIZATION": ("company", "org", "team", "media", "agency")[int(rng.integers(5))],
            }[name]
            shown = values.draw(kind, rng, shown)
        if text and words[at] not in _NO_SPACE_BEFORE and text[-1] not in _NO_SPACE_AFTER:
            text += " "
        start = len(text)
        text += shown
        marks.append((start, len(text), tags[at] if name is None else f"B-{name}"))
        at = end
    tokens = tokenize(text)
    outside = unknown | {"O"}
    allowed: list[frozenset[str]] = []
    entity: list[bool] = []
    mark = 0
    begun = False
    for start, end in zip(tokens.starts, tokens.ends, strict=True):
        while mark < len(marks) - 1 and marks[mark][1] <= start:
            mark += 1
            begun = False
        tag = marks[mark][2]
        known = tag not in ("O", ANY)
        if known and text[start:end] in "@#" and not begun:
            allowed.append(outside)
            entity.append(False)
            continue
        entity.append(known)
        if tag == ANY:
            allowed.append(every)
        elif tag == "O":
            allowed.append(outside)
        else:
            allowed.append(frozenset({tag if not begun else f"I-{tag[2:]}"}))
            begun = True
    return Example(tokens, allowed, entity, weight)


def _plain(words: Sequence[str]) -> str:
    text = ""
    for word in words:
        text += word if not text or word in _NO_SPACE_BEFORE or text[-1] in _NO_SPACE_AFTER else f" {word}"
    return text
