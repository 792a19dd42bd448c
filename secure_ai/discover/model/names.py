"""The names model as the detector uses it: spans of a batch of texts, or a spaCy pipeline for Presidio."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from itertools import islice
from typing import TYPE_CHECKING

from secure_ai.core.text import Span
from secure_ai.discover.model.spans import SpanMaker
from secure_ai.discover.model.store import FILE, read
from secure_ai.discover.model.tokens import tokenize

if TYPE_CHECKING:
    import spacy

COMPONENT = "secure_ai_names"
BATCH = 64


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
        self._maker = SpanMaker(self.network.lexicon, self.labels)

    def spans(self, texts: Sequence[str]) -> list[list[Span]]:
        """Return for each text its spans, in order; scores are mean probabilities of their tokens."""
        results: list[list[Span]] = []
        for batch in batches(texts, BATCH):
            tokenized = [tokenize(text) for text in batch]
            tagged = self.network.tag(tokenized)
            results += [
                self._maker.spans(tokens, tags.tolist(), probability)
                for tokens, (tags, probability) in zip(tokenized, tagged, strict=True)
            ]
        return results


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
