"""Find personal data in text: Presidio's recognizers and a names model, in batches.

:func:`detect` and :func:`detect_stream` give the spans that Presidio's ``AnalyzerEngine`` gives with the
same registry (:func:`secure_ai.discover.engine.analyzer`), resolved into spans that do not overlap,
with the lines of an address as one. What finds names in prose is the model that ``SECURE_AI_NLP``
chooses; with ``SECURE_AI_NLP=blank`` there is none, and a person, place or organization in plain prose
("Garcia came back today") is missed unless a title, a label, a salutation or a signature announces it.
:func:`secure_ai.discover.score_spans` measures how much is missed on texts whose spans are known.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import lru_cache

from secure_ai.core.errors import UserError
from secure_ai.core.text import Span
from secure_ai.discover import workers
from secure_ai.discover.terms import DenyList, checked_allow, with_denied

DEFAULT_THRESHOLD = 0.4
"""Presidio's own score for a weak pattern that a context word supports."""

PIECE = 20_000
OVERLAP = 300
_CHUNK_TEXTS, _CHUNK_CHARACTERS = 2_048, 4_000_000
_TASK_PIECES, _TASK_CHARACTERS = 256, 200_000
_KEPT_TEXTS, _KEPT_CHARACTERS = 200_000, 30_000_000
_SURROGATES = dict.fromkeys(range(0xD800, 0xE000), 0xFFFD)


def detect(
    texts: Iterable[object],
    *,
    entities: Sequence[str] | None = None,
    threshold: float = DEFAULT_THRESHOLD,
    allow: Iterable[str] | None = None,
    deny: Mapping[str, Iterable[str]] | None = None,
    processes: int = 1,
) -> list[list[Span]]:
    """Find personal data in each of ``texts``.

    Args:
        texts: texts; None and NaN count as empty, other values as what ``str`` makes of them.
            Equal texts are analyzed once.
        entities: Presidio names to look for; all by default (see :func:`known_entities`).
        threshold: least score, from 0 to 1. Checked numbers score 1, weak patterns need a context
            word to pass 0.4.
        allow: strings that are no finding (the hospital's own address), compared without case.
        deny: entity -> terms that are always a finding, thousands if need be, as whole words in any
            case. A denied term wins over an allowed one.
        processes: worker processes; small inputs stay in this one. The results are the same.

    Returns:
        For each text its spans, in order, without overlaps: of two that overlap the higher score
        stays, then the longer one. Offsets count Python characters of the text as given.

    Raises:
        UserError: if ``texts`` is one string, an entity is unknown, the threshold is not in [0, 1],
            ``allow``, ``deny`` or ``processes`` is not of its form, or a worker process dies.
    """
    return list(
        detect_stream(
            texts, entities=entities, threshold=threshold, allow=allow, deny=deny, processes=processes
        )
    )


def detect_stream(
    texts: Iterable[object],
    *,
    entities: Sequence[str] | None = None,
    threshold: float = DEFAULT_THRESHOLD,
    allow: Iterable[str] | None = None,
    deny: Mapping[str, Iterable[str]] | None = None,
    processes: int = 1,
) -> Iterator[list[Span]]:
    """Yield the spans of one text after another, as :func:`detect` does, for any number of texts.

    ``texts`` is read some thousands ahead and not held; so may a generator of millions be given.
    Arguments are checked at once, not when the first result is taken.
    """
    if isinstance(texts, str | bytes | Mapping) or not isinstance(texts, Iterable):
        raise UserError("detect() takes a list of texts, not one string or table: write detect([text]).")
    job = _job(entities, threshold, allow, deny)
    if isinstance(processes, bool) or not isinstance(processes, int) or processes < 1:
        raise UserError(f"processes={processes!r}: choose a whole number from 1.")
    return _stream(texts, job, processes)


def known_entities() -> list[str]:
    """Return the names that :func:`detect` can look for, sorted.

    Raises:
        UserError: if ``SECURE_AI_NLP`` or ``SECURE_AI_RECOGNIZERS`` names something that cannot be used.
    """
    return list(_known(*_environment()))


@lru_cache(maxsize=16)
def _known(model: str, own: str | None) -> tuple[str, ...]:
    from secure_ai.discover.engine import analyzer

    return tuple(sorted(analyzer(model, own).get_supported_entities("en")))


def _environment() -> tuple[str, str | None]:
    from secure_ai.discover.engine import chosen_model
    from secure_ai.discover.registry import chosen_recognizers

    return chosen_model(), chosen_recognizers()


# ---------------------------------------------------------------- the request


@dataclass(frozen=True)
class _Job:
    settings: tuple
    nothing: bool
    allowed: frozenset[str]
    denied: DenyList | None


def _job(entities: object, threshold: object, allow: object, deny: object) -> _Job:
    if isinstance(threshold, bool) or not isinstance(threshold, int | float) or not 0 <= threshold <= 1:
        raise UserError(f"The threshold is {threshold!r}: choose a number from 0 to 1.")
    if isinstance(entities, str) or (entities is not None and not isinstance(entities, Iterable)):
        raise UserError("entities takes a list of names, such as ['US_SSN'].")
    wanted = None if entities is None else tuple(dict.fromkeys(entities))
    allowed = checked_allow(allow)
    environment = _environment()
    if wanted or deny is not None:
        known = _known(*environment)
        unknown = next((name for name in wanted or () if name not in known), None)
        if unknown is not None:
            raise UserError(f"The entity '{unknown}' is not known: choose from {', '.join(known)}.")
    denied = DenyList(deny, known) if deny is not None else None
    if denied and wanted is not None:
        denied = DenyList({name: terms for name, terms in deny.items() if name in wanted}, known)
    settings = (tuple(sorted(wanted)) if wanted else None, float(threshold), *environment)
    return _Job(settings, wanted == (), allowed, denied or None)


# ---------------------------------------------------------------- the stream


def _stream(texts: Iterable[object], job: _Job, processes: int) -> Iterator[list[Span]]:
    found: dict[str, list[Span]] = {}
    size = total = 0
    with ExitStack() as stack:
        executor = None
        for chunk in _chunks(texts, processes):
            new = [text for text in dict.fromkeys(chunk) if text not in found]
            characters = sum(map(len, new))
            total += characters
            if executor is None and processes > 1 and total >= workers.SMALL:
                executor = stack.enter_context(workers.pool(processes))
            found.update(zip(new, _spans_of(new, job, executor), strict=True))
            for text in chunk:
                yield found[text].copy()
            size += characters
            if len(found) > _KEPT_TEXTS or size > _KEPT_CHARACTERS:
                found.clear()
                size = 0


def _chunks(texts: Iterable[object], processes: int) -> Iterator[list[str]]:
    # Between two chunks the workers wait, so theirs are larger.
    most = _CHUNK_TEXTS if processes == 1 else 8 * _CHUNK_TEXTS * processes
    chunk: list[str] = []
    size = 0
    for text in map(_as_text, texts):
        chunk.append(text)
        size += len(text)
        if len(chunk) >= most or size >= _CHUNK_CHARACTERS:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


def _as_text(value: object) -> str:
    if isinstance(value, str):
        return value
    if value is None or (isinstance(value, float) and math.isnan(value)) or str(value) in {"<NA>", "NaT"}:
        return ""
    return str(value)


def _spans_of(texts: list[str], job: _Job, executor) -> Iterator[list[Span]]:
    if job.nothing:
        yield from ([] for _ in texts)
        return
    clean = [_encodable(text) for text in texts]
    pieces = ((i, offset, piece) for i, text in enumerate(clean) for offset, piece in _pieces(text))
    candidates: list[Span] = []
    current = 0
    for (i, offset, piece), results in _analyzed(pieces, job.settings, executor):
        for done in range(current, i):
            yield _finished(clean[done], candidates, job)
            candidates = []
        current = i
        for start, end, entity, score in results:
            first, last = _trimmed(piece, start, end)
            if first < last and (not job.allowed or piece[first:last].casefold() not in job.allowed):
                candidates.append(Span(offset + first, offset + last, entity, round(float(score), 4)))
    for done in range(current, len(clean)):
        yield _finished(clean[done], candidates, job)
        candidates = []


def _analyzed(pieces: Iterator[tuple], settings: tuple, executor) -> Iterator[tuple]:
    """Yield each piece with its candidates, in order."""
    tasks = _tasks(pieces)
    if executor is None:
        for task in tasks:
            yield from zip(task, workers.analyze(settings, [piece[2] for piece in task]), strict=True)
        return
    # A window of tasks: enough to keep the workers busy, not the whole of the texts.
    waiting: list[tuple[list, object]] = []
    for task in tasks:
        waiting.append((task, executor.submit(workers.analyze, settings, [piece[2] for piece in task])))
        if len(waiting) >= 64:
            first, future = waiting.pop(0)
            yield from zip(first, future.result(), strict=True)
    for first, future in waiting:
        yield from zip(first, future.result(), strict=True)


def _tasks(pieces: Iterator[tuple]) -> Iterator[list[tuple]]:
    task: list[tuple] = []
    size = 0
    for piece in pieces:
        task.append(piece)
        size += len(piece[2])
        if len(task) >= _TASK_PIECES or size >= _TASK_CHARACTERS:
            yield task
            task, size = [], 0
    if task:
        yield task


def _finished(text: str, candidates: list[Span], job: _Job) -> list[Span]:
    if not candidates and job.denied is None:
        return []
    spans = combine(text, candidates)
    if job.denied is not None and (terms := job.denied.find(text)):
        spans = with_denied(text, spans, terms)
    return spans


def combine(text: str, candidates: Iterable[Span]) -> list[Span]:
    """Return what is left of ``candidates``: addresses as one span, of other overlaps the surer one."""
    from secure_ai.discover.addresses import join_addresses, unite_addresses

    return join_addresses(text, resolve(_whole_names(text, unite_addresses(candidates))))


def _whole_names(text: str, candidates: list[Span]) -> list[Span]:
    """Return ``candidates`` without the parts of a name that another one has whole as "Family, Given"."""
    people = [span for span in candidates if span.entity_type == "PERSON"]
    whole = [
        span
        for span in people
        if (comma := text.find(",", span.start, span.end)) >= 0
        # "Foster, MD" has no name behind the comma.
        and any(comma < other.start and other.end <= span.end for other in people)
    ]
    if not whole:
        return candidates
    return [
        span
        for span in candidates
        if span.entity_type != "PERSON"
        or not any(w.start <= span.start and span.end <= w.end and span != w for w in whole)
    ]


def resolve(spans: Iterable[Span]) -> list[Span]:
    """Return ``spans`` without overlaps, in order: the higher score wins, then the longer, then the first."""
    candidates = list(spans)
    if len(candidates) < 2:
        return candidates
    kept: list[Span] = []
    group: list[Span] = []
    reach = 0
    for span in sorted(set(candidates)):
        if span.start >= reach and group:
            kept += _resolve_group(group)
            group = []
        group.append(span)
        reach = max(reach, span.end)
    return kept + _resolve_group(group)


def _resolve_group(group: list[Span]) -> list[Span]:
    if len(group) == 1:
        return group
    kept: list[Span] = []
    for span in sorted(group, key=lambda s: (-s.score, s.start - s.end, s.start, s.entity_type)):
        at = bisect_left(kept, span)
        if (at == 0 or kept[at - 1].end <= span.start) and (at == len(kept) or span.end <= kept[at].start):
            kept.insert(at, span)
    return kept


# ---------------------------------------------------------------- texts


def _encodable(text: str) -> str:
    # Lone surrogates cannot be encoded for spaCy; one character stands for one, so offsets hold.
    if not text.isascii():
        try:
            text.encode("utf-8")
        except UnicodeEncodeError:
            return text.translate(_SURROGATES)
    return text


def _pieces(text: str) -> Iterator[tuple[int, str]]:
    # Pattern time grows faster than length on pathological input; pieces keep it linear. They
    # overlap so that an identifier at a cut is whole in one of them.
    if len(text) <= PIECE:
        if len(text) > 1 and not text.isspace():
            yield 0, text
        return
    for start in range(0, len(text) - OVERLAP, PIECE - OVERLAP):
        yield start, text[start : start + PIECE]


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return start, end
