"""The detector's fast path: the recognizers of a Presidio engine over a batch of texts.

It runs the same recognizer objects as ``AnalyzerEngine.analyze`` and gives the same spans and scores,
without building explanations, logging, or a spaCy document for every text: screens say which patterns
cannot match, compiled patterns run directly, context is read for candidates only, and the NER model
sees all texts at once. A recognizer with an ``analyze`` of its own is called as it is; one that
enhances results by itself sends everything down Presidio's own path.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import regex
from presidio_analyzer import AnalyzerEngine, EntityRecognizer, PatternRecognizer
from presidio_analyzer.pattern_recognizer import REGEX_TIMEOUT_SECONDS
from presidio_analyzer.predefined_recognizers import SpacyRecognizer

from secure_ai.discover.engine import context_words, recognizers_of
from secure_ai.discover.screen import Screen, Screens

Candidate = tuple[int, int, str, float]
"""Start, end, entity and score."""

_KEPT_PLANS = 20_000

# What every match of a pattern of Presidio's contains; ours say so themselves.
PRESIDIO_SCREENS: dict[tuple[str, str], Screen] = {
    ("CryptoRecognizer", "Crypto (Medium)"): Screen(solid=26),
    ("MacAddressRecognizer", "MAC_COLON_OR_HYPHEN"): Screen(shape="hexadecimal pairs"),
    ("MacAddressRecognizer", "MAC_CISCO_DOT"): Screen(shape="point inside"),
    ("UsPriorAuthorizationNumberRecognizer", "Prior authorization number (labelled)"): Screen(
        words="prior preauthorization pre authorization", run=6
    ),
    ("UsPriorAuthorizationNumberRecognizer", "Prior authorization number (weak prefixed)"): Screen(
        words="pa", run=6
    ),
    ("UsClaimNumberRecognizer", "Claim number (labelled)"): Screen(words="claim medical healthcare", run=6),
    ("UsClaimNumberRecognizer", "Claim number (weak prefixed)"): Screen(words="clm", run=6),
    ("UsPrescriptionNumberRecognizer", "Prescription number (Rx labelled)"): Screen(words="rx", run=6),
    ("UsPrescriptionNumberRecognizer", "Prescription number (labelled)"): Screen(words="prescription", run=6),
    ("UsPrescriptionNumberRecognizer", "Prescription number (weak prefixed)"): Screen(words="rx", run=6),
    ("UsReferralNumberRecognizer", "Referral number (labelled)"): Screen(words="referral infusion", run=6),
    ("UsReferralNumberRecognizer", "Referral number (weak prefixed)"): Screen(words="ref inf", run=6),
    ("EthereumAddressRecognizer", "40 hexadecimal digits after 0x"): Screen(solid=26),
    ("AnyUuidRecognizer", "8-4-4-4-12 hexadecimal digits"): Screen(marks=("-",), solid=26),
}


@dataclass(frozen=True)
class _Recognizer:
    recognizer: EntityRecognizer
    entity: str
    context: frozenset[str]


@dataclass(frozen=True)
class _Step:
    """One pattern, or one recognizer with an ``analyze`` of its own (``compiled`` is None)."""

    owner: int
    compiled: regex.Pattern | None
    score: float
    validates: bool
    invalidates: bool

    @property
    def highest(self) -> float:
        """The highest score without context; unknown ones can reach 1."""
        return 1.0 if self.validates or self.compiled is None else self.score


class BatchAnalyzer:
    """Runs the recognizers of ``engine`` over batches.

    Args:
        engine: as :func:`secure_ai.discover.engine.analyzer` builds it.
        entities: what to look for; None for everything.
        threshold: least score.
        screened: whether screens are read; without them the result is the same, later.
    """

    def __init__(
        self,
        engine: AnalyzerEngine,
        entities: Sequence[str] | None,
        threshold: float,
        *,
        screened: bool = True,
    ) -> None:
        self.engine, self.threshold = engine, threshold
        self.entities = list(entities) if entities else None
        self._wanted = set(self.entities or engine.get_supported_entities("en"))
        self.owners: list[_Recognizer] = []
        self._names: int | None = None
        self._names_entities: frozenset[str] = frozenset()
        self.exact = True
        """Whether every recognizer can be run here; if not, Presidio's own path is taken."""
        steps, screens = [], []
        for recognizer in recognizers_of(engine, entities):
            for step, screen in self._take(recognizer):
                steps.append(step)
                screens.append(screen if screened else None)
        contexts = [owner.context if screened else None for owner in self.owners]
        self._screens = Screens(screens, contexts)
        self._steps = [
            (step, needs, self._screens.context_bits[step.owner])
            for step, needs in zip(steps, self._screens.needs, strict=True)
        ]
        self._plans: dict[int, list[_Step]] = {}

    def _take(self, recognizer: EntityRecognizer):
        kind = type(recognizer)
        if kind.enhance_using_context is not EntityRecognizer.enhance_using_context:
            self.exact = False
        owner = len(self.owners)
        self.owners.append(
            _Recognizer(recognizer, recognizer.supported_entities[0], context_words(recognizer))
        )
        if isinstance(recognizer, SpacyRecognizer):
            self._names = owner
            self._names_entities = frozenset(recognizer.supported_entities) & self._wanted
            return
        if kind.analyze is not PatternRecognizer.analyze:
            yield _Step(owner, None, 0.0, True, True), None
            return
        for pattern in recognizer.patterns:
            flags = recognizer.global_regex_flags
            own = getattr(recognizer, "screens", {})
            yield (
                _Step(
                    owner,
                    regex.compile(pattern.regex, flags=flags),
                    pattern.score,
                    kind.validate_result is not PatternRecognizer.validate_result,
                    kind.invalidate_result is not PatternRecognizer.invalidate_result,
                ),
                own.get(pattern.name) or PRESIDIO_SCREENS.get((recognizer.name, pattern.name)),
            )

    @property
    def reads_names(self) -> bool:
        """Whether the NER model is asked."""
        finds = getattr(self.engine.nlp_engine, "finds_names", lambda: True)
        return bool(self._names is not None and self._names_entities and finds())

    # ------------------------------------------------------------ texts

    def analyze(self, texts: Sequence[str]) -> list[list[Candidate]]:
        """Return for each text its candidates at or above the threshold, by score.

        They are what ``AnalyzerEngine.analyze`` returns: overlaps of different entities remain.
        """
        if not self.exact:
            return [self._slowly(text) for text in texts]
        names: list[list[Candidate]] = [[] for _ in texts]
        if self.reads_names:
            lettered = [i for i, text in enumerate(texts) if not text.isdigit() and _has_letter(text)]
            found = self.engine.nlp_engine.names([texts[i] for i in lettered])
            for i, entities in zip(lettered, found, strict=True):
                names[i] = [entity for entity in entities if entity[2] in self._names_entities]
        return [self._one(text, found) for text, found in zip(texts, names, strict=True)]

    def _one(self, text: str, names: list[Candidate]) -> list[Candidate]:
        bits = self._screens.read(text)
        plan = self._plans.get(bits)
        if plan is None:
            if len(self._plans) > _KEPT_PLANS:
                self._plans.clear()
            plan = self._plans[bits] = self._plan(bits)
        found: list[tuple[int, Candidate]] = [(self._names, name) for name in names]
        for owner, steps in plan:
            own = self._run(text, owner, steps)
            if own:
                found += [(owner, candidate) for candidate in own]
        return self._finish(text, found, bits) if found else []

    def _plan(self, bits: int) -> list[tuple[int, list[_Step]]]:
        steps = []
        for step, needs, context_bit in self._steps:
            if not all(bits & mask for mask in needs):
                continue
            highest = step.highest
            if highest < self.threshold:
                # Only a context word can lift it; one must be there, and lift it far enough.
                hopeful = self.owners[step.owner].context and (not context_bit or bits & context_bit)
                if not hopeful or self.engine.context_aware_enhancer.raised(highest) < self.threshold:
                    continue
            steps.append(step)
        return [(owner, list(group)) for owner, group in groupby(steps, key=lambda step: step.owner)]

    def _run(self, text: str, owner: int, steps: list[_Step]) -> list[Candidate]:
        info = self.owners[owner]
        recognizer, entity = info.recognizer, info.entity
        found: list[Candidate] = []
        for step in steps:
            if step.compiled is None:
                return self._ask(text, recognizer)
            try:
                for match in step.compiled.finditer(text, timeout=REGEX_TIMEOUT_SECONDS):
                    start, end = match.span()
                    if start == end:
                        continue
                    score = step.score
                    if step.validates:
                        valid = recognizer.validate_result(text[start:end])
                        if valid is not None:
                            score = 1.0 if valid else 0.0
                    if score and step.invalidates and recognizer.invalidate_result(text[start:end]):
                        continue
                    if score > 0:
                        found.append((start, end, entity, score))
            except TimeoutError:
                warnings.warn("A pattern took too long on one text and was skipped there.", stacklevel=2)
        return without_contained(found) if len(found) > 1 else found

    def _ask(self, text: str, recognizer: EntityRecognizer) -> list[Candidate]:
        artifacts = self.engine.nlp_engine.process_text(text, "en")
        results = recognizer.analyze(text=text, entities=list(self._wanted), nlp_artifacts=artifacts) or []
        return [(r.start, r.end, r.entity_type, r.score) for r in results]

    def _finish(self, text: str, found: list[tuple[int, Candidate]], bits: int) -> list[Candidate]:
        enhancer = self.engine.context_aware_enhancer
        words: dict[tuple[int, int], set[str]] = {}
        kept = []
        for owner, candidate in found:
            start, end, entity, score = candidate
            context_bit = self._screens.context_bits[owner]
            if score < 1 and self.owners[owner].context and (not context_bit or bits & context_bit):
                near = words.get((start, end))
                if near is None:
                    near = words[start, end] = enhancer.nearby(text, start, end)
                if not self.owners[owner].context.isdisjoint(near):
                    score = enhancer.raised(score)
            if score >= self.threshold:
                kept.append((start, end, entity, score))
        return without_contained(kept) if len(kept) > 1 else kept

    def _slowly(self, text: str) -> list[Candidate]:
        results = self.engine.analyze(text, "en", entities=self.entities, score_threshold=self.threshold)
        return [(r.start, r.end, r.entity_type, r.score) for r in results]


def without_contained(found: list[Candidate]) -> list[Candidate]:
    """Drop what lies inside another candidate of its entity with at least its score.

    The rule of Presidio's ``EntityRecognizer.remove_duplicates``, and its order: by score.
    """
    ordered = sorted(set(found), key=lambda c: (c[2], c[0], c[0] - c[1], -c[3]))
    kept: list[Candidate] = []
    active: list[Candidate] = []
    entity = None
    for candidate in ordered:
        if candidate[2] != entity:
            entity, active = candidate[2], []
        active = [other for other in active if other[1] >= candidate[0]]
        if not any(candidate[1] <= other[1] and candidate[3] <= other[3] for other in active):
            kept.append(candidate)
            active.append(candidate)
    return sorted(kept, key=lambda c: (-c[3], c[0], c[0] - c[1]))


def _has_letter(text: str) -> bool:
    return any(map(str.isalpha, text))
