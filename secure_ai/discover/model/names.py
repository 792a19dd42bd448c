"""The names model as the detector uses it: spans of a batch of texts, or a spaCy pipeline for Presidio."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from itertools import islice
from typing import TYPE_CHECKING

from secure_ai.core.text import Span
from secure_ai.discover.model.features import letter_case
from secure_ai.discover.model.lexicon import BIT
from secure_ai.discover.model.store import FILE, read
from secure_ai.discover.model.tokens import Tokens, tokenize

if TYPE_CHECKING:
    import spacy

COMPONENT = "secure_ai_names"
BATCH = 64
MOST_DIGITS = 9
"""Of a postal code: ZIP+4 has the most."""

_NAMES = BIT["given"] | BIT["surname"]
_PLACES = BIT["city"] | BIT["country"] | BIT["state"] | BIT["region"]
_ORDINARY = BIT["common"] | BIT["dictionary"]
_PARTICLES = frozenset({
    "de", "van", "von", "der", "den", "di", "da", "del", "della", "la", "le", "el", "al", "bin", "ibn", "ben",
    "abu", "ter", "ten", "zu", "y", "e", "do", "dos", "du", "st", "mac", "af", "av",
})  # fmt: skip
_SUPPORT = {
    "PERSON": _NAMES,
    "LOCATION": _PLACES | BIT["street_word"] | BIT["place_word"],
    "ORGANIZATION": BIT["organization"] | BIT["organization_word"],
}


def batches(items: Iterable, size: int) -> Iterator[list]:
    """Yield lists of ``size`` items, the last one shorter."""
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch


class NamesModel:
    """Finds persons, places, organizations, groups, dates, titles, ages and ZIP codes.

    Args:
        path: the model's file.
    """

    def __init__(self, path=FILE) -> None:
        self.network, self.settings = read(path)
        self.labels: list[str] = self.network.labels

    @property
    def entities(self) -> list[str]:
        """Presidio's names of what the model finds."""
        return sorted({label[2:] for label in self.labels if label != "O"})

    def spans(self, texts: Sequence[str]) -> list[list[Span]]:
        """Return for each text its spans, in order; scores are mean probabilities of their tokens."""
        results: list[list[Span]] = []
        for batch in batches(texts, BATCH):
            tokenized = [tokenize(text) for text in batch]
            tagged = self.network.tag(tokenized)
            results += [
                self._collect(tokens, tags.tolist(), probability)
                for tokens, (tags, probability) in zip(tokenized, tagged, strict=True)
            ]
        return results

    def _collect(self, tokens: Tokens, tags: list[int], probability) -> list[Span]:
        spans: list[Span] = []
        if not any(tags):
            return spans
        labels = self.labels
        start, entity = None, ""
        for at, tag in enumerate([*tags, 0]):
            label = labels[tag]
            if start is not None and label != f"I-{entity}":
                span = self._span(tokens, start, at, entity, probability)
                if span is not None:
                    spans.append(span)
                start = None
            if label != "O" and start is None:
                start, entity = at, label[2:]
        return spans

    def _span(self, tokens: Tokens, first: int, end: int, entity: str, probability) -> Span | None:
        words = tokens.words
        while end > first and not words[end - 1][0].isalnum() and words[end - 1] not in ".)":
            end -= 1
        if end > first and words[end - 1] == ")" and "(" not in words[first:end]:
            end -= 1
        while first < end and not words[first][0].isalnum():
            first += 1
        support = _SUPPORT.get(entity)
        if support and not any(word.islower() for word in words[first:end]):
            support = None
        if support:
            small = all(word.islower() for word in words[first:end])
            # In a text that knows capitals a "name" without one is nearly always an ordinary word,
            # and so is the small word beside a name ("Tora Bora area"), unless it belongs to it.
            if small and not self._supported(words[first:end], support, tokens.words):
                return None
            if not small and not any(word[0].isdigit() for word in words[first:end]):
                while words[end - 1].islower() and tokens.gaps[end - 1] and words[end - 1] not in _PARTICLES:
                    end -= 1
                while words[first].islower() and words[first] not in _PARTICLES:
                    first += 1
        if first >= end or not any(word[0].isalnum() for word in words[first:end]):
            return None
        if entity == "ZIP_CODE" and sum(len(w) for w in words[first:end] if w[0].isdigit()) > MOST_DIGITS:
            return None
        score = float(probability[first:end].mean())
        return Span(tokens.starts[first], tokens.ends[end - 1], entity, round(score, 4))

    def _supported(self, name: Sequence[str], support: int, text: Sequence[str]) -> bool:
        known = any(self.network.lexicon.bits(word) & support for word in name)
        if letter_case(text) == 2:
            return known
        return known and not any(self.network.lexicon.bits(word) & _ORDINARY for word in name)


@cache
def names_model() -> NamesModel:
    """Return the packaged model, read once."""
    return NamesModel()


def load() -> spacy.Language:
    """Return the model as a spaCy pipeline whose ``doc.ents`` carry Presidio's names.

    Its tokenizer is the model's own, so that spans and tokens always agree; ``span._.score`` holds
    the score.

    Raises:
        UserError: if the model's file is missing or damaged.
    """
    import spacy

    from secure_ai.discover.model import spacy_parts

    model = names_model()
    nlp = spacy.blank("en")
    nlp.tokenizer = spacy_parts.ModelTokenizer(nlp.vocab)
    nlp.add_pipe(COMPONENT)
    nlp.meta["name"] = COMPONENT
    nlp.meta["version"] = model.settings["version"]
    return nlp


def stream(texts: Iterable[str]) -> Iterator[list[Span]]:
    """Yield the spans of each text of a stream, a batch at a time."""
    for batch in batches(texts, BATCH):
        yield from names_model().spans(batch)
