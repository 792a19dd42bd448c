"""Detectors side by side on texts with known identifiers: recall by kind, and mistakes by what they are."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import pandas as pd
import regex

from secure_ai.core.errors import UserError
from secure_ai.core.figures import percent
from secure_ai.core.text import Document, Span
from secure_ai.discover.detector import detect
from secure_ai.discover.scoring import TOTAL, mask, score_spans
from secure_ai.discover.thresholds import clean_share

_ANNOUNCED = regex.compile(
    r"(?:\b(?:Dr|Mr|Mrs|Ms|Mx|Miss|Prof|Nurse|Dear|Patient|Attending|Name|Regards|Sincerely|Thanks)\.?|:)\W{0,3}$",
    regex.IGNORECASE,
)
_EXAMPLES = 3


@contextmanager
def names_model(choice: str) -> Iterator[None]:
    """Let :func:`detect` use another names model inside the block: what ``SECURE_AI_NLP`` may say."""
    variable = "SECURE_AI_NLP"
    before = os.environ.get(variable)
    os.environ[variable] = choice
    try:
        yield
    finally:
        if before is None:
            del os.environ[variable]
        else:
            os.environ[variable] = before


def detect_by_patterns(texts: Iterable[str], *, threshold: float | None = None) -> list[list[Span]]:
    """Find personal data by patterns alone, without a names model; see :func:`detect`."""
    options = {} if threshold is None else {"threshold": threshold}
    with names_model("blank"):
        return detect(texts, **options)


def of_known_kinds(truth: Sequence[Sequence[Span]], found: Sequence[Sequence[Span]]) -> list[list[Span]]:
    """Return the findings of those kinds that are marked somewhere in ``truth``.

    What nobody marked cannot be scored: a title that was found is no false alarm where titles are not
    among the known identifiers.
    """
    kinds = {span.entity_type for spans in truth for span in spans}
    return [[span for span in spans if span.entity_type in kinds] for spans in found]


def compare_detectors(
    documents: Sequence[Document], found: Mapping[str, Sequence[Sequence[Span]]], *, iou: float = 0.5
) -> pd.DataFrame:
    """Score several detectors on the same texts.

    Args:
        documents: texts with their true spans.
        found: name of a detector → its spans per document. Findings of kinds that are nowhere
            marked in them are left out.
        iou: as in :func:`score_spans`.

    Returns:
        One row for each kind that is marked, the greatest gain in recall from first to last detector
        first, and the row ``all``. Columns: ``n``, and ``recall``, ``precision`` and ``f2`` under
        each detector's name (two levels: the measure, the detector); ``clean`` in the row ``all``.

    Raises:
        UserError: if there is no detector, or no true span.
    """
    truth = [document.spans for document in documents]
    texts = [document.text for document in documents]
    if not found or not any(truth):
        raise UserError("A comparison needs at least one detector, and texts with known identifiers.")
    parts: dict[tuple[str, str], pd.Series] = {}
    for name, spans in found.items():
        known = of_known_kinds(truth, spans)
        scores = score_spans(truth, known, iou=iou)
        parts[("n", "")] = scores["n"]
        for measure in ("recall", "precision", "f2"):
            parts[(measure, name)] = scores[measure]
        parts[("clean", name)] = pd.Series({TOTAL: clean_share(truth, known, texts=texts)})
    frame = pd.DataFrame(parts)
    first, last = next(iter(found)), list(found)[-1]
    kinds = frame.drop(index=TOTAL)
    gain = kinds[("recall", last)] - kinds[("recall", first)]
    order = sorted(
        kinds.index, key=lambda kind: (-round(gain[kind], 6), kinds.loc[kind, ("recall", last)], kind)
    )
    return frame.loc[[*order, TOTAL]]


def comparison_report(frame: pd.DataFrame) -> pd.DataFrame:
    """Return :func:`compare_detectors` for people.

    Columns: ``identifier``, ``there``, then ``recall, NAME`` and ``F2, NAME`` for each detector.
    """
    names = list(frame["recall"].columns)
    rows = {
        "identifier": ["all together" if kind == TOTAL else kind for kind in frame.index],
        "there": frame[("n", "")].astype(int).to_numpy(),
    }
    for measure, title in (("recall", "recall"), ("f2", "F2")):
        for name in names:
            values = frame[(measure, name)]
            shown = [percent(value) if measure == "recall" else f"{value:.2f}" for value in values]
            rows[f"{title}, {name}"] = shown
    return pd.DataFrame(rows)


def comparison_sentence(frame: pd.DataFrame) -> str:
    """Say what the last detector of :func:`compare_detectors` finds that the first does not."""
    names = list(frame["recall"].columns)
    first, last = names[0], names[-1]
    total = frame.loc[TOTAL]
    kinds = frame.drop(index=TOTAL)
    gain = kinds[("recall", last)] - kinds[("recall", first)]
    before, after = (kinds[("recall", name)].map(percent) for name in (first, last))
    leading = gain[gain > 0.05].sort_values(ascending=False, kind="stable").index[:3]
    most = [f"{kind} {before[kind]} to {after[kind]}" for kind in leading]
    rises = f"; recall changes most for {', '.join(most)}" if most else ""
    return (
        f"With {last} instead of {first} recall goes from {percent(total[('recall', first)])} to "
        f"{percent(total[('recall', last)])} and F2 from {total[('f2', first)]:.2f} to "
        f"{total[('f2', last)]:.2f}{rises}."
    )


def mistakes(documents: Sequence[Document], found: Sequence[Sequence[Span]]) -> pd.DataFrame:
    """Sort the mistakes of a detector by what they are; no text leaves this function unmasked.

    A *miss* is a true span of which a letter or digit lies in no finding; a *false alarm* is a finding that
    touches no true span. A finding under another name than the true one is neither: it would be removed.

    Args:
        documents: texts with their true spans.
        found: per document, the detector's spans. Those of kinds that are nowhere marked are left out.

    Returns:
        One row for each sort: ``mistake`` (``miss`` or ``false alarm``), ``entity``, ``sort`` (what it
        looks like), ``n``, ``examples`` (masked); the most frequent first, misses before false alarms.
    """
    sorts: dict[tuple[str, str, str], list[str]] = {}
    known = of_known_kinds([document.spans for document in documents], found)
    for document, spans in zip(documents, known, strict=True):
        for span in document.spans:
            at = _uncovered(document.text, span, spans)
            if at is not None:
                key = ("miss", span.entity_type, _sort_of_miss(document.text, span, at))
                sorts.setdefault(key, []).append(document.text[span.start : span.end])
        for span in spans:
            if not any(span.start < true.end and true.start < span.end for true in document.spans):
                value = document.text[span.start : span.end]
                sorts.setdefault(("false alarm", span.entity_type, _shape(value)), []).append(value)
    rows = [
        {
            "mistake": mistake,
            "entity": entity,
            "sort": sort,
            "n": len(values),
            "examples": "; ".join(mask(value) for value in list(dict.fromkeys(values))[:_EXAMPLES]),
        }
        for (mistake, entity, sort), values in sorts.items()
    ]
    columns = ["mistake", "entity", "sort", "n", "examples"]
    frame = pd.DataFrame(rows, columns=columns)
    return frame.sort_values(
        ["mistake", "n", "entity", "sort"], ascending=[False, False, True, True]
    ).reset_index(drop=True)


def mistakes_sentence(frame: pd.DataFrame) -> str:
    """Say how many misses and false alarms there are in :func:`mistakes`, and which misses lead."""
    misses, alarms = frame[frame["mistake"] == "miss"], frame[frame["mistake"] == "false alarm"]
    missed, false = misses["n"].sum(), alarms["n"].sum()
    counts = f"{missed:,} {'miss' if missed == 1 else 'misses'} and "
    counts += f"{false:,} {'false alarm' if false == 1 else 'false alarms'}"
    if misses.empty:
        return f"{counts}."
    worst = misses.iloc[0]
    return f"{counts}; the most frequent miss is {worst['entity']}, {worst['sort']} ({worst['n']:,})."


def mistakes_report(frame: pd.DataFrame, most: int = 6) -> pd.DataFrame:
    """Return :func:`mistakes` for people: the most frequent sorts of each, the others counted together.

    Columns: ``mistake``, ``identifier``, ``what it looks like``, ``times``, ``masked examples``.
    """
    rows = []
    for mistake, group in frame.groupby("mistake", sort=False):
        for row in group.head(most).itertuples(index=False):
            rows.append((mistake, row.entity, row.sort, row.n, row.examples))
        rest = group.iloc[most:]
        if len(rest):
            kinds = ", ".join(sorted(set(rest["entity"])))
            rows.append((mistake, f"{len(rest)} other sorts", kinds, rest["n"].sum(), ""))
    columns = ["mistake", "identifier", "what it looks like", "times", "masked examples"]
    return pd.DataFrame(rows, columns=columns)


def _uncovered(text: str, span: Span, found: Sequence[Span]) -> list[bool] | None:
    """Return which letters and digits of ``span`` no finding covers, or None where all are covered."""
    counted = [at for at in range(span.start, span.end) if text[at].isalnum()]
    bare = [not any(f.start <= at < f.end for f in found) for at in counted]
    return bare if any(bare) else None


def _sort_of_miss(text: str, span: Span, bare: list[bool]) -> str:
    if not all(bare):
        return "found in part"
    shape = _shape(text[span.start : span.end])
    if _ANNOUNCED.search(text[max(0, span.start - 24) : span.start]):
        return f"{shape}, after a label or title"
    line = text[text.rfind("\n", 0, span.start) + 1 : span.start]
    return f"{shape}, {'at the start of a line' if not line.strip() else 'within a sentence'}"


def _shape(value: str) -> str:
    letters = [c for c in value if c.isalpha()]
    if not letters:
        return "a number"
    if any(c.isdigit() for c in value):
        return "letters and digits"
    words = len(value.split())
    if all(c.islower() for c in letters):
        return "in small letters"
    if len(letters) > 3 and all(c.isupper() for c in letters):
        return "in capitals"
    return "one word" if words == 1 else "two words" if words == 2 else "three words or more"
