"""What a detector's threshold trades: recall against precision, and documents that come out clean."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

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
    texts = [document.text for document in documents]
    rows = []
    for threshold in thresholds:
        kept = at_threshold(found, threshold)
        scores = score_spans(truth, kept, iou=iou)
        if entity not in scores.index:
            raise UserError(f"There is no '{entity}' in these texts: choose from {', '.join(scores.index)}.")
        rows.append(
            {
                "threshold": threshold,
                **scores.loc[entity].to_dict(),
                "clean": clean_share(truth, kept, texts=texts),
            }
        )
    return pd.DataFrame(rows).astype({"n": int, "found": int, "matched": int})


def missed(truth: Sequence[Span], found: Sequence[Span], text: str | None = None) -> list[Span]:
    """Return the true spans of one document of which some character lies in no found span.

    With the ``text``, only letters and digits count: the blank between two names is no identifier.
    """
    covered = {position for span in found for position in range(span.start, span.end)}
    return [span for span in truth if any(_counts(text, at) for at in _range(span) if at not in covered)]


def _range(span: Span) -> range:
    return range(span.start, span.end)


def _counts(text: str | None, position: int) -> bool:
    return text is None or text[position].isalnum()


def clean_share(
    truth: Sequence[Sequence[Span]],
    found: Sequence[Sequence[Span]],
    ignore: Collection[str] = NOT_COUNTED,
    texts: Sequence[str] | None = None,
) -> float:
    """Return the share of documents in which every true span is covered whole, under any name.

    This is what removal needs: a document with one identifier left identifies. It falls much faster
    than recall, because one miss among many hits spoils a document.

    Args:
        truth: per document, the true spans.
        found: per document, the detector's spans.
        ignore: entities that may be left.
        texts: the documents' texts; with them only letters and digits must be covered.
    """
    if not truth:
        return float("nan")
    counted = [[span for span in spans if span.entity_type not in ignore] for spans in truth]
    shown: Sequence[str | None] = [None] * len(truth) if texts is None else texts
    return sum(not missed(t, f, x) for t, f, x in zip(counted, found, shown, strict=True)) / len(truth)


@dataclass(frozen=True, slots=True)
class Mark:
    """A stretch of a text that is shown with a label.

    Attributes:
        start: offset of its first character.
        end: offset one past its last.
        entity_type: what it was found to be, or what was missed.
        kind: ``FOUND``, ``MISSED``, or ``FALSE ALARM`` (found where no true span is).
    """

    start: int
    end: int
    entity_type: str
    kind: str

    @property
    def label(self) -> str:
        """What stands before the text: the entity, and that it was missed or is a false alarm."""
        return self.entity_type if self.kind == FOUND else f"{self.kind} {self.entity_type}"


FOUND, MISSED, FALSE_ALARM = "FOUND", "MISSED", "FALSE ALARM"


def marks(text: str, found: Sequence[Span], truth: Sequence[Span] | None = None) -> list[Mark]:
    """Return what to mark in a text, in order and without overlaps.

    Args:
        text: the text.
        found: the detector's spans, none overlapping another.
        truth: the true spans; without them nothing can be missed or a false alarm. Of a span that was
            found in part, what is left over is marked as missed.
    """
    result = []
    for span in found:
        alarm = truth is not None and not any(t.start < span.end and span.start < t.end for t in truth)
        result.append(Mark(span.start, span.end, span.entity_type, FALSE_ALARM if alarm else FOUND))
    covered = {position for span in found for position in _range(span)}
    for span in sorted(truth or []):
        for start, end in _gaps(text, span, covered):
            result.append(Mark(start, end, span.entity_type, MISSED))
            covered.update(range(start, end))
    return sorted(result, key=lambda mark: (mark.start, mark.end))


def _gaps(text: str, span: Span, covered: set[int]) -> list[tuple[int, int]]:
    """Return the stretches of a span that nothing covers, from letter or digit to letter or digit."""
    bare = [position for position in _range(span) if position not in covered]
    gaps: list[tuple[int, int]] = []
    for position in bare:
        if not text[position].isalnum():
            continue
        if gaps and all(at not in covered for at in range(gaps[-1][1], position)):
            gaps[-1] = (gaps[-1][0], position + 1)
        else:
            gaps.append((position, position + 1))
    return gaps


def mark(text: str, found: Sequence[Span], truth: Sequence[Span] | None = None) -> str:
    """Return ``text`` with what was found in brackets, and what was missed in double ones.

    >>> mark("Dr. Lee saw Ann", [Span(4, 7, "PERSON")], [Span(4, 7, "PERSON"), Span(12, 15, "PERSON")])
    'Dr. [PERSON: Lee] saw [[MISSED PERSON: Ann]]'
    """
    for one in reversed(marks(text, found, truth)):
        opening, closing = ("[[", "]]") if one.kind == MISSED else ("[", "]")
        value = text[one.start : one.end]
        text = f"{text[: one.start]}{opening}{one.label}: {value}{closing}{text[one.end :]}"
    return text
