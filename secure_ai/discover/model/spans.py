"""From the network's tags to spans: what the tags say, less what a reader sees at once to be no name."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from secure_ai.core.text import Span
from secure_ai.discover.model.features import letter_case
from secure_ai.discover.model.lexicon import BIT, Lexicon
from secure_ai.discover.model.tokens import Tokens

DOUBTFUL_WORD = 0.9
"""Below this, a single word that is common or listed as no name, and in no list of names, is no name."""
MOST_DIGITS = 9
"""Of a postal code: ZIP+4 has the most."""

_NAMES = BIT["given"] | BIT["surname"]
_PLACES = BIT["city"] | BIT["country"] | BIT["state"] | BIT["region"]
_ORDINARY = BIT["common"] | BIT["dictionary"]
_PARTICLES = frozenset({
    "de", "van", "von", "der", "den", "di", "da", "del", "della", "la", "le", "el", "al", "bin", "ibn", "ben",
    "abu", "ter", "ten", "zu", "y", "e", "do", "dos", "du", "st", "mac", "af", "av",
})  # fmt: skip
_MEASURES = frozenset({
    "scale", "score", "index", "sign", "syndrome", "disease", "position", "class", "classification",
    "criteria", "catheter", "maneuver", "manoeuvre", "technique", "respiration", "respirations", "breathing",
    "spots", "nodes", "protocol", "nodules", "lymphoma", "ulcer", "fracture", "contracture", "reflex",
})  # fmt: skip
_SUPPORT = {
    "PERSON": _NAMES,
    "LOCATION": _PLACES | BIT["street_word"] | BIT["place_word"],
    "ORGANIZATION": BIT["organization"] | BIT["organization_word"],
}


class SpanMaker:
    """Makes spans of tags.

    Args:
        lexicon: says which words are names, places or ordinary words.
        labels: tags by number.
    """

    def __init__(self, lexicon: Lexicon, labels: Sequence[str]) -> None:
        self.lexicon, self.labels = lexicon, list(labels)

    def spans(self, tokens: Tokens, tags: Sequence[int], probability: np.ndarray) -> list[Span]:
        """Return the spans of one text.

        Args:
            tokens: of the text.
            tags: number of each token's label.
            probability: of each token's label.
        """
        spans: list[Span] = []
        if not any(tags):
            return spans
        labels = self.labels
        start, entity = None, ""
        for at, tag in enumerate([*tags, 0]):
            label = labels[tag]
            if start is not None and label != f"I-{entity}":
                for first, end in self._lines(tokens, start, at, entity):
                    span = self._span(tokens, first, end, entity, probability)
                    if span is not None:
                        spans.append(span)
                start = None
            if label != "O" and start is None:
                start, entity = at, label[2:]
        return self._family_first(tokens, spans)

    def _family_first(self, tokens: Tokens, spans: list[Span]) -> list[Span]:
        """Join "Okafor, Amina" where two spans stand for it, but not two people of a list."""
        joined: list[Span] = []
        words = dict(zip(tokens.starts, range(len(tokens.starts)), strict=True))
        for span in spans:
            last = joined[-1] if joined else None
            if (
                last is not None
                and last.entity_type == span.entity_type == "PERSON"
                and 1 <= span.start - last.end <= 2
                and self._is_family_first(tokens, words[last.start], words[span.start], span.end)
            ):
                score = min(last.score, span.score)
                joined[-1] = Span(last.start, span.end, "PERSON", score)
            else:
                joined.append(span)
        return joined

    def _is_family_first(self, tokens: Tokens, first: int, second: int, end: int) -> bool:
        words, bits = tokens.words, self.lexicon.bits
        behind = next((i for i in range(second, len(words)) if tokens.starts[i] >= end), len(words))
        before = words[first - 1] if first and tokens.gaps[first] < 2 else ""
        return (
            words[second - 1] == ","
            and tokens.gaps[second] < 2
            and behind - second <= 3
            and second - first <= 4
            and before not in (",", "and", "&")
            and self._ends_an_entry(tokens, behind)
            and bool(bits(words[second]) & BIT["given"])
            and (bits(words[first]) & _NAMES) != BIT["given"]
        )

    def _ends_an_entry(self, tokens: Tokens, at: int) -> bool:
        # In a form the name is followed by a line's end, a bracket or a number; in prose by words.
        words, gaps = tokens.words, tokens.gaps
        if at < len(words) and words[at] == "," and gaps[at] == 0:
            at += 1
        return at >= len(words) or gaps[at] == 2 or words[at][0] in "(|;" or words[at][0].isdigit()

    def _lines(self, tokens: Tokens, first: int, end: int, entity: str) -> list[tuple[int, int]]:
        # Only an address goes on over a line break; what follows another name there is a label
        # ("Tel", "Diag") unless a list knows it as a name.
        breaks = [at for at in range(first + 1, end) if tokens.gaps[at] == 2]
        if entity not in _SUPPORT or entity == "LOCATION" or not breaks:
            return [(first, end)]
        parts = list(zip([first, *breaks], [*breaks, end], strict=True))
        rest = [part for part in parts[1:] if self._bits(tokens.words[slice(*part)]) & _SUPPORT[entity]]
        return [parts[0], *rest]

    def _span(self, tokens: Tokens, first: int, end: int, entity: str, probability) -> Span | None:
        first, end = self._trimmed(tokens, first, end, entity)
        words = tokens.words[first:end]
        if not any(word[0].isalnum() for word in words):
            return None
        if entity == "ZIP_CODE" and sum(len(word) for word in words if word[0].isdigit()) > MOST_DIGITS:
            return None
        score = float(probability[first:end].mean())
        if len(words) == 1 and score < DOUBTFUL_WORD and self._is_ordinary(words[0], entity):
            return None
        if entity == "PERSON" and len(words) < 4 and self._names_a_measure(tokens, end):
            return None
        return Span(tokens.starts[first], tokens.ends[end - 1], entity, round(score, 4))

    def _trimmed(self, tokens: Tokens, first: int, end: int, entity: str) -> tuple[int, int]:
        words = tokens.words
        while end > first and not words[end - 1][0].isalnum() and words[end - 1] not in ".)":
            end -= 1
        if end > first and words[end - 1] == ")" and "(" not in words[first:end]:
            end -= 1
        while first < end and not words[first][0].isalnum():
            first += 1
        if entity not in _SUPPORT or not any(word.islower() for word in words[first:end]):
            return first, end
        if all(word.islower() for word in words[first:end] if word[0].isalpha()):
            # In a text that knows capitals a "name" without one is nearly always an ordinary word.
            return (first, end) if self._supported(words[first:end], entity, words) else (first, first)
        if not any(word[0].isdigit() for word in words[first:end]):
            # So is the small word beside a name ("Tora Bora area"), unless it belongs to it.
            while words[end - 1].islower() and tokens.gaps[end - 1] and words[end - 1] not in _PARTICLES:
                end -= 1
            while words[first].islower() and words[first] not in _PARTICLES:
                first += 1
        return first, end

    def _supported(self, name: Sequence[str], entity: str, text: Sequence[str]) -> bool:
        letters = [self.lexicon.bits(word) for word in name if word[0].isalpha()]
        known = [bits & _SUPPORT[entity] != 0 for bits in letters]
        if letter_case(text) == 2:
            return any(known)
        if len(letters) > 1:
            return all(known)
        return all(known) and not any(bits & _ORDINARY for bits in letters)

    def _bits(self, words: Sequence[str]) -> int:
        together = 0
        for word in words:
            together |= self.lexicon.bits(word)
        return together

    def _is_ordinary(self, word: str, entity: str) -> bool:
        if entity not in ("PERSON", "ORGANIZATION"):
            return False
        bits = self.lexicon.bits(word)
        return bool(bits & (BIT["common"] | BIT["not_name"])) and not bits & (_SUPPORT[entity] | _PLACES)

    def _names_a_measure(self, tokens: Tokens, end: int) -> bool:
        # "Tinetti score", "Berg 41/56": the person after whom it is called is in no record.
        after = tokens.words[end : end + 2]
        if not after or tokens.gaps[end] != 1:
            return False
        return after[0] in _MEASURES or (after[0].isdigit() and after[1:] == ["/"])
