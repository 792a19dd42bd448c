"""How well a detector finds known spans: precision, recall and F2 by entity, and masks for samples."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import pandas as pd

from secure_ai.core.errors import UserError
from secure_ai.core.text import Document, Span

TOTAL = "all"


def score_spans(
    truth: Sequence[Sequence[Span]],
    found: Sequence[Sequence[Span]],
    *,
    iou: float = 0.5,
    beta: float = 2,
    typed: bool = True,
) -> pd.DataFrame:
    """Compare found spans with the true ones.

    A found span counts if its intersection over union with a true span of the same document is at
    least ``iou``; each span is used once, the closest pairs first. ``beta=2`` weighs recall four
    times as much as precision, because a missed identifier leaks and a false one costs a word.

    Args:
        truth: per document, the true spans.
        found: per document, the detector's spans, in the same order.
        iou: least intersection over union of characters, above 0 and at most 1.
        beta: weight of recall in the F measure.
        typed: whether the entity must agree too. If not, an entity's recall counts its true spans
            that were found under any name, its precision the spans of its name that hit any truth.

    Returns:
        A frame indexed by entity, with a last row ``all`` over all spans. Columns: n (true spans),
        found, matched (true spans that were found), precision (NaN where nothing was found),
        recall (NaN where nothing was there), f2.

    Raises:
        UserError: if the two lists differ in length, or ``iou`` or ``beta`` is out of range.

    Source:
        F measure: van Rijsbergen, *Information Retrieval*, 2nd ed. 1979, ch. 7. Matching of spans
        by intersection over union: Presidio research, ``SpanEvaluator``.
    """
    if len(truth) != len(found):
        raise UserError(
            f"There are {len(truth)} documents with true spans and {len(found)} with found ones: "
            "give one list of spans for each document, empty where nothing was found."
        )
    if not 0 < iou <= 1 or beta <= 0:
        raise UserError(f"iou={iou} and beta={beta}: choose 0 < iou <= 1 and beta > 0.")
    n, total_found, hit_truth, hit_found = Counter(), Counter(), Counter(), Counter()
    for true_spans, found_spans in zip(truth, found, strict=True):
        n.update(span.entity_type for span in true_spans)
        total_found.update(span.entity_type for span in found_spans)
        for true_span, found_span in _pairs(true_spans, found_spans, iou, typed):
            hit_truth[true_span.entity_type] += 1
            hit_found[found_span.entity_type] += 1
    rows = {
        name: _row(n[name], total_found[name], hit_truth[name], hit_found[name], beta)
        for name in sorted({*n, *total_found})
    }
    rows[TOTAL] = _row(n.total(), total_found.total(), hit_truth.total(), hit_found.total(), beta)
    columns = ["n", "found", "matched", "precision", "recall", "f2"]
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns).rename_axis("entity")


ALIASES = {
    "NPI": "US_NPI",
    "ACCOUNT_NUMBER": "US_BANK_NUMBER",
    "HEALTH_PLAN_NUMBER": "US_HEALTH_INSURANCE_MEMBER_ID",
    "STREET_ADDRESS": "LOCATION",
    "GPE": "LOCATION",
}
"""Other corpora's names for what Presidio's detectors call otherwise."""

_ZIP = re.compile(r"\d{5}(-\d{4})?")
_NUMBER = re.compile(r"\d+")


def as_documents(texts: Iterable[Any]) -> list[Document]:
    """Turn texts with labels, such as ``synthetic_data``'s, into documents with spans.

    Labels are brought to the detector's conventions, so that a score measures detection and not
    naming: entities by Presidio's names, a bare ZIP code as ``ZIP_CODE``, an age as its number
    ("79" of "79-year-old").

    Args:
        texts: objects with ``text`` and ``spans``, the latter of (start, end, entity type).
    """
    return [
        Document(item.text, [_conventional(item.text, *tuple(label)[:3]) for label in item.spans])
        for item in texts
    ]


def _conventional(text: str, start: int, end: int, entity: str) -> Span:
    entity = ALIASES.get(entity, entity)
    value = text[start:end]
    if entity == "LOCATION" and _ZIP.fullmatch(value):
        entity = "ZIP_CODE"
    number = _NUMBER.search(value) if entity == "AGE" else None
    if number is not None:
        start, end = start + number.start(), start + number.end()
    return Span(start, end, entity)


def mask(value: object) -> str:
    """Show no more of ``value`` than its first and last character and its length.

    >>> mask("123-45-6785")
    '1…5 (11 characters)'
    """
    text = str(value)
    count = f"({len(text)} character{'' if len(text) == 1 else 's'})"
    if len(text) < 5:
        return f"… {count}"
    # Only letters and digits are shown: a control or direction mark would disturb the report.
    ends = [c if c.isalnum() else "·" for c in (text[0], text[-1])]
    return f"{ends[0]}…{ends[1]} {count}"


def _pairs(
    true_spans: Sequence[Span], found_spans: Sequence[Span], iou: float, typed: bool
) -> list[tuple[Span, Span]]:
    candidates = [
        (_overlap(t, f), i, j)
        for i, t in enumerate(true_spans)
        for j, f in enumerate(found_spans)
        if (not typed or t.entity_type == f.entity_type) and t.start < f.end and f.start < t.end
    ]
    pairs, used_true, used_found = [], set(), set()
    for overlap, i, j in sorted(candidates, key=lambda c: (-c[0], c[1], c[2])):
        if overlap >= iou and i not in used_true and j not in used_found:
            used_true.add(i)
            used_found.add(j)
            pairs.append((true_spans[i], found_spans[j]))
    return pairs


def _overlap(a: Span, b: Span) -> float:
    shared = min(a.end, b.end) - max(a.start, b.start)
    return max(shared, 0) / (max(a.end, b.end) - min(a.start, b.start))


def _row(n: int, found: int, hit_truth: int, hit_found: int, beta: float) -> tuple:
    precision = hit_found / found if found else float("nan")
    recall = hit_truth / n if n else float("nan")
    # F from counts is defined wherever there was a true or a found span, also where nothing was hit.
    if hit_truth and hit_found:
        f = (1 + beta**2) * precision * recall / (beta**2 * precision + recall)
    else:
        f = 0.0 if n or found else float("nan")
    return n, found, hit_truth, precision, recall, f
