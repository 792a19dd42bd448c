"""What a detector's threshold trades: recall against precision, and documents that come out clean."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import pandas as pd

from secure_ai.core import Document, Span
from secure_ai.core.errors import UserError
from secure_ai.discover.scoring import TOTAL, score_spans

NOT_COUNTED = frozenset({"AGE", "ORGANIZATION"})
"""What a clean text may still hold: ages up to 89 and most names of organizations are no identifiers."""

THRESHOLDS = tuple(round(0.05 * step, 2) for step in range(21))


def at_threshold(found: Sequence[Sequence[Span]], threshold: float) -> list[list[Span]]:
    """Return the spans that score at least ``threshold``.

    Spans of :func:`detect` at a lower threshold, cut here, are those that it finds at the higher
    one: overlaps go to the higher score, so that a weak span never displaces a strong one.
    """
    return [[span for span in spans if span.score >= threshold] for spans in found]


def threshold_curve(
    documents: Sequence[Document],
    found: Sequence[Sequence[Span]],
    thresholds: Sequence[float] = THRESHOLDS,
    *,
    entity: str = TOTAL,
    iou: float = 0.5,
) -> pd.DataFrame:
    """Score the detector at several thresholds.

    Args:
        documents: texts with their true spans.
        found: what :func:`detect` found in them at the lowest threshold of interest.
        thresholds: thresholds from 0 to 1.
        entity: one entity, or all.
        iou: as in :func:`score_spans`.

    Returns:
        One row per threshold: ``threshold``, ``n``, ``found``, ``matched``, ``precision``, ``recall``,
        ``f2``, and ``clean`` (see :func:`clean_share`).
    """
    truth = [document.spans for document in documents]
    rows = []
    for threshold in thresholds:
        kept = at_threshold(found, threshold)
        scores = score_spans(truth, kept, iou=iou)
        if entity not in scores.index:
            raise UserError(f"There is no '{entity}' in these texts: choose from {', '.join(scores.index)}.")
        rows.append(
            {"threshold": threshold, **scores.loc[entity].to_dict(), "clean": clean_share(truth, kept)}
        )
    return pd.DataFrame(rows).astype({"n": int, "found": int, "matched": int})


def missed(truth: Sequence[Span], found: Sequence[Span]) -> list[Span]:
    """Return the true spans of one document of which some character lies in no found span."""
    covered = {position for span in found for position in range(span.start, span.end)}
    return [span for span in truth if not covered.issuperset(range(span.start, span.end))]


def clean_share(
    truth: Sequence[Sequence[Span]],
    found: Sequence[Sequence[Span]],
    ignore: Collection[str] = NOT_COUNTED,
) -> float:
    """Return the share of documents in which every true span is covered whole, under any name.

    This is what removal needs: a document with one identifier left identifies. It falls much faster
    than recall, because one miss among many hits spoils a document.

    Args:
        truth: per document, the true spans.
        found: per document, the detector's spans.
        ignore: entities that may be left.
    """
    if not truth:
        return float("nan")
    counted = [[span for span in spans if span.entity_type not in ignore] for spans in truth]
    return sum(not missed(t, f) for t, f in zip(counted, found, strict=True)) / len(truth)


def mark(text: str, found: Sequence[Span], truth: Sequence[Span] | None = None) -> str:
    """Return ``text`` with what was found in brackets, and what was missed in double ones.

    >>> mark("Dr. Lee saw Ann", [Span(4, 7, "PERSON")], [Span(4, 7, "PERSON"), Span(12, 15, "PERSON")])
    'Dr. [PERSON: Lee] saw [[MISSED PERSON: Ann]]'
    """
    pieces = [(span.start, span.end, f"[{span.entity_type}: ", "]") for span in found]
    covered = {position for span in found for position in range(span.start, span.end)}
    for span in missed(truth or [], found):
        if covered.isdisjoint(range(span.start, span.end)):
            pieces.append((span.start, span.end, f"[[MISSED {span.entity_type}: ", "]]"))
    for start, end, opening, closing in sorted(pieces, reverse=True):
        text = f"{text[:start]}{opening}{text[start:end]}{closing}{text[end:]}"
    return text
