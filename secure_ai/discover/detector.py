"""Find personal data in text: Presidio with recognizers for hospitals and banks.

What it does not find, said plainly: with the built-in blank pipeline there is no model that knows
names, so a person, place or organisation in plain prose ("Garcia came back today") is missed unless
a title, a label, a salutation or a signature announces it. :func:`secure_ai.discover.score_spans`
measures how much that is on texts whose spans are known.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from secure_ai.core.errors import UserError
from secure_ai.core.text import Span

DEFAULT_THRESHOLD = 0.4
"""Presidio's own score for a weak pattern that a context word supports."""

PIECE = 20_000
OVERLAP = 300
_SURROGATES = dict.fromkeys(range(0xD800, 0xE000), 0xFFFD)


def detect(
    texts: Iterable[object],
    *,
    entities: Sequence[str] | None = None,
    threshold: float = DEFAULT_THRESHOLD,
    allow: Iterable[str] | None = None,
) -> list[list[Span]]:
    """Find personal data in each of ``texts``.

    Args:
        texts: texts; None and NaN count as empty, other values as what ``str`` makes of them.
            Equal texts are analyzed once.
        entities: Presidio names to look for; all by default (see :func:`known_entities`).
        threshold: least score, from 0 to 1. Checked numbers score 1, weak patterns need a context
            word to pass 0.4.
        allow: strings that are no finding (the hospital's own address), compared without case.

    Returns:
        For each text its spans, in order, without overlaps: of two that overlap the higher score
        stays, then the longer one. Offsets count Python characters of the text as given.

    Raises:
        UserError: if ``texts`` is one string, an entity is unknown or the threshold is not in [0, 1].
    """
    if isinstance(texts, str):
        raise UserError("detect() takes a list of texts, not one string: write detect([text]).")
    if not isinstance(threshold, int | float) or not 0 <= threshold <= 1:
        raise UserError(f"The threshold is {threshold!r}: choose a number from 0 to 1.")
    if entities is not None:
        known = known_entities()
        unknown = next((name for name in entities if name not in known), None)
        if unknown is not None:
            raise UserError(f"The entity '{unknown}' is not known: choose from {', '.join(known)}.")
        if not entities:
            return [[] for _ in texts]
    allowed = {term.strip().lower() for term in allow or ()}
    found: dict[str, list[Span]] = {}
    results = []
    for text in map(_as_text, texts):
        if text not in found:
            found[text] = _analyze(text, entities, threshold, allowed)
        results.append(list(found[text]))
    return results


def known_entities() -> list[str]:
    """Return the names that :func:`detect` can look for, sorted."""
    from secure_ai.discover.engine import analyzer

    return sorted(analyzer().get_supported_entities("en"))


def _as_text(value: object) -> str:
    if isinstance(value, str):
        return value
    if value is None or (isinstance(value, float) and math.isnan(value)) or str(value) in {"<NA>", "NaT"}:
        return ""
    return str(value)


def _analyze(text: str, entities: Sequence[str] | None, threshold: float, allowed: set[str]) -> list[Span]:
    if len(text) < 2 or text.isspace():
        return []
    from secure_ai.discover.engine import analyzer

    engine = analyzer()
    # Lone surrogates cannot be encoded for spaCy; one character stands for one, so offsets hold.
    clean = text.translate(_SURROGATES) if _has_surrogates(text) else text
    candidates = []
    for offset, piece in _pieces(clean):
        for result in engine.analyze(
            piece, "en", entities=list(entities) if entities else None, score_threshold=threshold
        ):
            start, end = _trimmed(clean, offset + result.start, offset + result.end)
            if start < end and clean[start:end].lower() not in allowed:
                candidates.append(Span(start, end, result.entity_type, round(float(result.score), 4)))
    return resolve(candidates)


def resolve(spans: Iterable[Span]) -> list[Span]:
    """Return ``spans`` without overlaps, in order: the higher score wins, then the longer, then the first."""
    kept: list[Span] = []
    for span in sorted(spans, key=lambda s: (-s.score, s.start - s.end, s.start, s.entity_type)):
        if all(span.end <= other.start or other.end <= span.start for other in kept):
            kept.append(span)
    return sorted(kept)


def _has_surrogates(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return True
    return False


def _pieces(text: str) -> list[tuple[int, str]]:
    # Pattern time grows faster than length on pathological input; pieces keep it linear. They
    # overlap so that an identifier at a cut is whole in one of them.
    if len(text) <= PIECE:
        return [(0, text)]
    starts = range(0, len(text) - OVERLAP, PIECE - OVERLAP)
    return [(start, text[start : start + PIECE]) for start in starts]


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return start, end
