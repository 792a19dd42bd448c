"""The spaCy side of the names model: its tokenizer and its component, for Presidio's engine."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from spacy.language import Language
from spacy.tokens import Doc, Span
from spacy.vocab import Vocab

from secure_ai.discover.model.names import BATCH, COMPONENT, batches, names_model
from secure_ai.discover.model.tokens import tokenize

if not Span.has_extension("score"):
    Span.set_extension("score", default=None)


class ModelTokenizer:
    """Splits as the names model does; blanks other than one space become tokens of their own."""

    def __init__(self, vocab: Vocab) -> None:
        self.vocab = vocab

    def __call__(self, text: str) -> Doc:
        """Return ``text`` as a document whose tokens make it up exactly."""
        words: list[str] = []
        spaces: list[bool] = []
        at = 0
        tokens = tokenize(text)
        for start, end in zip(tokens.starts, tokens.ends, strict=True):
            _add_gap(text[at:start], words, spaces)
            words.append(text[start:end])
            spaces.append(False)
            at = end
        _add_gap(text[at:], words, spaces)
        return Doc(self.vocab, words=words, spaces=spaces)

    def pipe(self, texts: Iterable[str], batch_size: int | None = None) -> Iterator[Doc]:
        """Yield a document for each text."""
        return map(self, texts)


def _add_gap(gap: str, words: list[str], spaces: list[bool]) -> None:
    if gap.startswith(" ") and words:
        spaces[-1] = True
        gap = gap[1:]
    if gap:
        words.append(gap)
        spaces.append(False)


@Language.factory(COMPONENT)
def names_component(nlp: Language, name: str) -> NamesComponent:
    """Make the component that sets a document's entities."""
    return NamesComponent()


class NamesComponent:
    """Sets ``doc.ents`` from the names model."""

    def __call__(self, doc: Doc) -> Doc:
        """Set the entities of one document."""
        return next(self.pipe([doc]))

    def pipe(self, docs: Iterable[Doc], batch_size: int = BATCH) -> Iterator[Doc]:
        """Set the entities of documents, a batch at a time."""
        for batch in batches(docs, batch_size):
            for doc, spans in zip(batch, names_model().spans([doc.text for doc in batch]), strict=True):
                entities = []
                for span in spans:
                    entity = doc.char_span(span.start, span.end, label=span.entity_type)
                    if entity is not None:
                        entity._.score = span.score
                        entities.append(entity)
                doc.ents = entities
                yield doc
