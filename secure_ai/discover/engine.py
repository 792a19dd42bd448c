"""The Presidio engine behind the detector: our NLP engine, our registry, context words that work.

Importing this module imports Presidio and spaCy (about a second), so only the detector does, and
only when it is first asked.
"""

from __future__ import annotations

import os
from functools import cache
from importlib import resources

import regex
import spacy
import yaml
from presidio_analyzer import AnalyzerEngine
from presidio_analyzer.context_aware_enhancers import ContextAwareEnhancer
from presidio_analyzer.nlp_engine import NerModelConfiguration, NlpEngineProvider, SpacyNlpEngine
from presidio_analyzer.recognizer_registry import RecognizerRegistryProvider

import secure_ai.discover.recognizers as _classes  # noqa: F401  the registry finds them by name
from secure_ai.core.errors import UserError

NLP_VARIABLE = "SECURE_AI_NLP"
BLANK = "blank"

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
}
IGNORED_LABELS = [
    "CARDINAL", "EVENT", "LANGUAGE", "LAW", "MONEY", "ORDINAL", "PERCENT", "PRODUCT", "QUANTITY", "TIME",
    "WORK_OF_ART", "MISC",
]  # fmt: skip


class SecureAiNlpEngine(SpacyNlpEngine):
    """A spaCy engine that never downloads: a blank English pipeline, or an installed model by name."""

    engine_name = "secure_ai"

    def load(self) -> None:
        """Load the pipeline that the configuration names.

        Raises:
            UserError: if the model is not installed; nothing is fetched.
        """
        self.nlp = {model["lang_code"]: _pipeline(model["model_name"]) for model in self.models}

    def _doc_to_nlp_artifact(self, doc, language):
        # A pipeline without a lemmatizer leaves every lemma empty; context words would then match
        # nothing, without a word of warning.
        for token in doc:
            if not token.lemma_:
                token.lemma_ = token.lower_
        return super()._doc_to_nlp_artifact(doc, language)


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
        words_of = {
            recognizer.id: {word.lower() for word in recognizer.context}
            for recognizer in recognizers
            if recognizer.context
        }
        given = {word.lower() for word in context or ()}
        for result in raw_results:
            known = words_of.get(result.recognition_metadata[result.RECOGNIZER_IDENTIFIER_KEY])
            if not known or result.score >= self.MAX_SCORE:
                continue
            if known & (given | self._nearby(text, result.start, result.end)):
                raised = max(
                    result.score + self.context_similarity_factor, self.min_score_with_context_similarity
                )
                result.score = min(raised, self.MAX_SCORE)
        return raw_results

    def _nearby(self, text: str, start: int, end: int) -> set[str]:
        before = self._WORDS.findall(text[max(0, start - self._REACH) : start].lower())
        after = self._WORDS.findall(text[end : end + self._REACH].lower())
        # A cue that reaches into the span ("account# 12"), and a plural s, must not hide a word.
        words = [*before[-self.context_prefix_count :], *after[: self.context_suffix_count]]
        return {*words, *(word[:-1] for word in words if word.endswith("s"))}


def _pipeline(name: str) -> spacy.Language:
    if name == BLANK:
        nlp = spacy.blank("en")
    elif not spacy.util.is_package(name):
        raise UserError(
            f"{NLP_VARIABLE} names the spaCy model '{name}', which is not installed: "
            "install it, or unset the variable to use the built-in pipeline."
        )
    else:
        nlp = spacy.load(name)
    nlp.max_length = 10**9  # the detector cuts long texts itself
    return nlp


def registry_configuration() -> dict:
    """Return the recognizer registry, parsed from ``recognizers.yaml``."""
    text = resources.files("secure_ai.discover").joinpath("recognizers.yaml").read_text("utf-8")
    return yaml.safe_load(text)


def analyzer(model: str | None = None) -> AnalyzerEngine:
    """Return the engine, which is built once per process and model.

    Args:
        model: name of an installed spaCy model; the environment variable ``SECURE_AI_NLP`` or the
            blank pipeline if not given.

    Raises:
        UserError: if the model is not installed.
    """
    return _build(model or os.environ.get(NLP_VARIABLE) or BLANK)


@cache
def _build(model: str) -> AnalyzerEngine:
    ner = NerModelConfiguration(
        model_to_presidio_entity_mapping=NER_LABELS,
        labels_to_ignore=IGNORED_LABELS,
        low_score_entity_names=[],
    )
    provider = NlpEngineProvider(
        nlp_engines=(SecureAiNlpEngine,),
        nlp_configuration={
            "nlp_engine_name": SecureAiNlpEngine.engine_name,
            "models": [{"lang_code": "en", "model_name": model}],
            "ner_model_configuration": ner.to_dict(),
        },
    )
    nlp_engine = provider.create_engine()
    registry = RecognizerRegistryProvider(
        registry_configuration=registry_configuration(), nlp_engine=nlp_engine
    ).create_recognizer_registry()
    return AnalyzerEngine(
        registry=registry, nlp_engine=nlp_engine, context_aware_enhancer=NearbyWordsEnhancer()
    )
