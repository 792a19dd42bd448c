"""The Presidio engine behind the detector: our NLP engine, our registry, context words that work.

Presidio's own way of asking it stays open, and finds the same spans as :func:`secure_ai.discover.detect`
before addresses are joined and overlaps resolved::

    from secure_ai.discover.engine import analyzer
    analyzer().analyze("MRN 00482913, seen 3/14", language="en")

A house adds recognizers of its own in Presidio's YAML format. The environment variable
``SECURE_AI_RECOGNIZERS`` names the file; an entry with the name of a built-in one replaces it, and
``enabled: false`` switches it off::

    recognizers:
      - name: EmployeeNumber
        type: custom
        supported_entity: EMPLOYEE_NUMBER
        patterns: [{name: E and six digits, regex: '\\bE\\d{6}\\b', score: 0.5}]
        context: [employee, badge]
      - {name: SwiftCodeRecognizer, type: predefined, enabled: false}

``SECURE_AI_NLP`` chooses what finds names: unset, the names model of the kit; ``blank``, nothing
(patterns only); the name of an installed spaCy package such as ``en_core_web_lg``; or
``transformers:DIRECTORY``, a token-classification model on this machine. Nothing is downloaded.

Importing this module imports Presidio and spaCy (about a second), so only the detector does, and
only when it is first asked.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from itertools import pairwise
from pathlib import Path

import regex
import spacy
from presidio_analyzer import AnalyzerEngine
from presidio_analyzer.context_aware_enhancers import ContextAwareEnhancer
from presidio_analyzer.nlp_engine import (
    NerModelConfiguration,
    NlpEngineProvider,
    SpacyNlpEngine,
    TransformersNlpEngine,
)
from presidio_analyzer.recognizer_registry import RecognizerRegistryProvider

from secure_ai.core.errors import UserError
from secure_ai.discover.dates import is_date
from secure_ai.discover.registry import chosen_recognizers, registry_configuration, sentence_of

NLP_VARIABLE = "SECURE_AI_NLP"
BLANK = "blank"
NAMES_MODEL = "secure_ai_names"
TRANSFORMERS = "transformers:"

NAME_SCORE = 0.85
"""Score of a name where the model gives none, and the highest that a name can have: below a pattern
that knows its form, so that a structured identifier beats a name that overlaps it."""
LEAST_NAME_SCORE = 0.4
"""Score of a name of which the model is least sure: the default threshold, for it did choose it."""

CONTEXT_SCORE = 0.95
"""The highest score that context can give: 1 is for numbers whose check digit was read."""

NER_LABELS = {
    "PERSON": "PERSON",
    "PER": "PERSON",
    "GPE": "LOCATION",
    "LOC": "LOCATION",
    "LOCATION": "LOCATION",
    "FAC": "LOCATION",
    "ORG": "ORGANIZATION",
    "ORGANIZATION": "ORGANIZATION",
    "NORP": "NRP",
    "NRP": "NRP",
    "DATE": "DATE_TIME",
    "DATE_TIME": "DATE_TIME",
    "TITLE": "TITLE",
    "AGE": "AGE",
    "ZIP_CODE": "ZIP_CODE",
}
IGNORED_LABELS = [
    "CARDINAL", "EVENT", "LANGUAGE", "LAW", "MONEY", "ORDINAL", "PERCENT", "PRODUCT", "QUANTITY", "TIME",
    "WORK_OF_ART", "MISC",
]  # fmt: skip
_TITLE = regex.compile(r"(?:Mr|Mrs|Ms|Miss|Mx|Dr|Prof)\b\.?\s+")
_NUMBER = regex.compile(r"\d+")

Name = tuple[int, int, str, float]
"""What a model found: start, end, Presidio's name of the entity, score."""


class _FillsArtifacts:
    """What every NLP engine of ours does after its pipeline: conventions, scores, lemmas."""

    def _doc_to_nlp_artifact(self, doc, language):
        # A pipeline without a lemmatizer leaves every lemma empty; context words would then match
        # nothing, without a word of warning.
        for token in doc:
            if not token.lemma_:
                token.lemma_ = token.lower_
        artifacts = super()._doc_to_nlp_artifact(doc, language)
        found = list(_conventional(_plain(zip(artifacts.entities, artifacts.scores, strict=True))))
        artifacts.entities = [_Entity(*name[:3]) for name in found]
        artifacts.scores = [name[3] for name in found]
        return artifacts

    def names(self, texts: Sequence[str]) -> Iterator[list[Name]]:
        """Yield for each text what the pipeline finds in it, by the detector's conventions."""
        for doc in self.nlp["en"].pipe(texts, batch_size=64):
            entities = list(self._get_entities(doc))
            scores = self._get_scores_for_entities(doc)
            found = zip(*self._get_updated_entities(entities, scores), strict=True) if entities else ()
            yield list(_conventional(_plain(found)))


def name_score(probability: float) -> float:
    """Return the score of a name from a model's probability, from 0.4 to 0.85."""
    share = min(max(float(probability), 0.0), 1.0)
    return LEAST_NAME_SCORE + (NAME_SCORE - LEAST_NAME_SCORE) * share


def _plain(found) -> Iterator[tuple[str, int, int, str, float]]:
    for entity, score in found:
        yield entity.text, entity.start_char, entity.end_char, entity.label_, score


def _conventional(found: Iterable[tuple[str, int, int, str, float]]) -> Iterator[Name]:
    for text, first, last, label, score in found:
        start, end = first, last
        if label == "DATE_TIME" and not is_date(text):
            continue
        if label == "PERSON" and (title := _TITLE.match(text)) and title.end() < len(text):
            start += title.end()
        if label == "AGE" and (number := _NUMBER.search(text)):
            start, end = start + number.start(), start + number.end()
        yield start, end, label, score


class _Entity:
    """An entity by characters, in the form of a spaCy span: what Presidio's recognizer reads."""

    def __init__(self, start: int, end: int, label: str) -> None:
        self.start_char, self.end_char, self.label_ = start, end, label


class SecureAiNlpEngine(_FillsArtifacts, SpacyNlpEngine):
    """A spaCy engine that never downloads: the names model, a blank pipeline, or an installed one."""

    engine_name = "secure_ai"

    def load(self) -> None:
        """Load the pipeline that the configuration names.

        Raises:
            UserError: if the model is not installed; nothing is fetched.
        """
        self.nlp = {model["lang_code"]: _pipeline(model["model_name"]) for model in self.models}

    def finds_names(self) -> bool:
        """Return whether the pipeline has any component, and so can find anything."""
        return bool(self.nlp["en"].pipe_names)

    def names(self, texts: Sequence[str]) -> Iterator[list[Name]]:
        """Yield for each text what the pipeline finds in it, by the detector's conventions."""
        if self.models[0]["model_name"] != NAMES_MODEL:
            yield from super().names(texts)
            return
        # The model's own spans, without a spaCy document around them.
        from secure_ai.discover.model import names_model

        for text, spans in zip(texts, names_model().spans(texts), strict=True):
            yield list(
                _conventional(
                    (text[s.start : s.end], s.start, s.end, s.entity_type, name_score(s.score)) for s in spans
                )
            )

    def _get_scores_for_entities(self, doc):
        own = [
            getattr(entity._, "score", None) if entity.has_extension("score") else None for entity in doc.ents
        ]
        return [NAME_SCORE if score is None else name_score(score) for score in own]


class SecureAiTransformersEngine(_FillsArtifacts, TransformersNlpEngine):
    """Presidio's transformers engine on a model of this machine, over a blank English pipeline."""

    engine_name = "secure_ai_transformers"

    def load(self) -> None:
        """Load the model from its directory.

        Raises:
            UserError: if the transformers package or the directory is missing.
        """
        from presidio_analyzer.nlp_engine.huggingface_token_pipe import FACTORY_NAME

        folder = self.models[0]["model_name"]["transformers"]
        nlp = spacy.blank("en")
        config = self.ner_model_configuration
        nlp.add_pipe(
            FACTORY_NAME,
            config={
                "model": folder,
                "stride": config.stride,
                "alignment_mode": config.alignment_mode,
                "aggregation_strategy": config.aggregation_strategy,
                "spans_key": self.entity_key,
            },
        )
        nlp.max_length = 10**9
        self.nlp = {"en": nlp}

    def finds_names(self) -> bool:
        """Return True: the model is there to find them."""
        return True

    def _get_scores_for_entities(self, doc):
        return [name_score(score) for score in super()._get_scores_for_entities(doc)]


class NearbyWordsEnhancer(ContextAwareEnhancer):
    """Raise a score where a context word of the recognizer stands near, as a whole word or phrase.

    Presidio's own enhancer compares lemmas by substring: it needs a lemmatizer, and takes the ``us``
    in "status" for the context of a US passport. This one reads the words themselves, at most
    ``before`` of them before the span and ``after`` behind it, and copes with a plural s.
    """

    _WORDS = regex.compile(r"[\p{L}\p{N}]+(?:['’][\p{L}]+)?")
    _REACH = 80

    def __init__(self, before: int = 6, after: int = 3, boost: float = 0.35, least: float = 0.4) -> None:
        super().__init__(
            context_similarity_factor=boost,
            min_score_with_context_similarity=least,
            context_prefix_count=before,
            context_suffix_count=after,
        )

    def enhance_using_context(self, text, raw_results, nlp_artifacts, recognizers, context=None):
        """Return ``raw_results`` with the scores raised where context supports them."""
        words_of = {recognizer.id: context_words(recognizer) for recognizer in recognizers}
        given = {word.lower() for word in context or ()}
        for result in raw_results:
            known = words_of.get(result.recognition_metadata[result.RECOGNIZER_IDENTIFIER_KEY])
            if known and result.score < self.MAX_SCORE:
                nearby = self.nearby(text, result.start, result.end) | given
                result.score = self.raised(result.score) if not known.isdisjoint(nearby) else result.score
        return raw_results

    def raised(self, score: float) -> float:
        """Return what a score becomes where a context word stands near."""
        raised = max(score + self.context_similarity_factor, self.min_score_with_context_similarity)
        return max(score, min(raised, CONTEXT_SCORE))

    def nearby(self, text: str, start: int, end: int) -> set[str]:
        """Return the words around a span in lower case, pairs of them too, plural ones also without s."""
        first, last = max(0, start - self._REACH), end + self._REACH
        before = self._WORDS.findall(text[first:start].lower())
        after = self._WORDS.findall(text[end:last].lower())
        # A word that the reach cuts is not the word that is left of it.
        if before and first and text[first - 1].isalnum() and text[first].isalnum():
            del before[0]
        if after and last < len(text) and text[last].isalnum() and text[last - 1].isalnum():
            del after[-1]
        # A cue that reaches into the span ("account# 12"), and a plural s, must not hide a word.
        before, after = before[-self.context_prefix_count :], after[: self.context_suffix_count]
        words = {*before, *after}
        words.update([word[:-1] for word in words if word.endswith("s")])
        for side in (before, after):
            words.update(map(" ".join, pairwise(side)))
        return words


def context_words(recognizer) -> frozenset[str]:
    """Return the context words of a recognizer in lower case."""
    return frozenset(word.lower() for word in recognizer.context or ())


def _pipeline(name: str) -> spacy.Language:
    if name == BLANK:
        nlp = spacy.blank("en")
    elif name == NAMES_MODEL:
        from secure_ai.discover.model import load

        nlp = load()
    elif not spacy.util.is_package(name):
        raise UserError(
            f"{NLP_VARIABLE} names the spaCy model '{name}', which is not installed: "
            "install it, or unset the variable to use the built-in pipeline."
        )
    else:
        nlp = spacy.load(name)
    nlp.max_length = 10**9  # the detector cuts long texts itself
    return nlp


def chosen_model() -> str:
    """Return the name of the pipeline that ``SECURE_AI_NLP`` asks for, the names model by default."""
    return os.environ.get(NLP_VARIABLE) or NAMES_MODEL


def analyzer(model: str | None = None, own: str | None = None) -> AnalyzerEngine:
    """Return the engine, which is built once per process, model and file of own recognizers.

    Args:
        model: what ``SECURE_AI_NLP`` may say; that variable, or the names model, if not given.
        own: a file of own recognizers; the one that ``SECURE_AI_RECOGNIZERS`` names if not given.

    Raises:
        UserError: if the model is not installed, or the file of recognizers cannot be used.
    """
    return _build(model or chosen_model(), own or chosen_recognizers())


@cache
def _build(model: str, own: str | None) -> AnalyzerEngine:
    import secure_ai.discover.recognizers  # noqa: F401  the registry finds them by name

    nlp_engine = _nlp_engine(model)
    configuration = registry_configuration(own)
    if model.startswith(TRANSFORMERS):
        for entry in configuration["recognizers"]:
            if entry.get("name") == "SpacyRecognizer":
                entry["name"] = "TransformersRecognizer"
    try:
        registry = RecognizerRegistryProvider(
            registry_configuration=configuration, nlp_engine=nlp_engine
        ).create_recognizer_registry()
    except Exception as error:
        if own is None:
            raise
        raise UserError(
            f"The recognizers of {Path(own).name} cannot be used: {sentence_of(error)}."
        ) from None
    return AnalyzerEngine(
        registry=registry, nlp_engine=nlp_engine, context_aware_enhancer=NearbyWordsEnhancer()
    )


def _nlp_engine(model: str):
    ner = NerModelConfiguration(
        model_to_presidio_entity_mapping=NER_LABELS,
        labels_to_ignore=IGNORED_LABELS,
        low_score_entity_names=[],
    )
    kind, name = SecureAiNlpEngine, model
    if model.startswith(TRANSFORMERS):
        kind = SecureAiTransformersEngine
        folder = model.removeprefix(TRANSFORMERS)
        if not kind.is_available:
            raise UserError(
                f"{NLP_VARIABLE} asks for a transformers model, but the package 'transformers' is not "
                "installed: install it, or unset the variable to use the built-in pipeline."
            )
        if not Path(folder).is_dir():
            raise UserError(
                f"{NLP_VARIABLE} names the model directory '{folder}', which does not exist: "
                "models are never downloaded, so name one on this machine."
            )
        name = {"spacy": BLANK, "transformers": folder}
    provider = NlpEngineProvider(
        nlp_engines=(kind,),
        nlp_configuration={
            "nlp_engine_name": kind.engine_name,
            "models": [{"lang_code": "en", "model_name": name}],
            "ner_model_configuration": ner.to_dict(),
        },
    )
    return provider.create_engine()


def recognizers_of(engine: AnalyzerEngine, entities: Sequence[str] | None) -> list:
    """Return the recognizers that ``engine`` would ask for ``entities`` (all for None), in its order."""
    return engine.registry.get_recognizers(
        language="en", entities=list(entities) if entities else None, all_fields=not entities
    )
