"""De-identify texts: find, link, replace, and look again until nothing is left that the policy removes."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from secure_ai.anonymize.deidentify.actions import PEOPLE, Actions, placeholder
from secure_ai.anonymize.deidentify.names import fold, parse_name
from secure_ai.anonymize.deidentify.old_age import with_old_age
from secure_ai.anonymize.deidentify.own_names import NOBODY, WORD, KnownNames, surely_named
from secure_ai.anonymize.deidentify.people import People
from secure_ai.anonymize.deidentify.standards import PARTIAL
from secure_ai.anonymize.deidentify.views import IGNORED, find_in_views
from secure_ai.core.errors import UserError
from secure_ai.core.text import Span
from secure_ai.discover.detector import detect

ROUNDS = 3
"""Most times that an output is looked at again."""

NAMES = frozenset({"PERSON", "LOCATION", "ORGANIZATION", "NRP", "TITLE"})
"""Entities found by words rather than by form."""

_NOT_REPEATED = frozenset({"DATE_TIME", "DATE_OF_BIRTH", "AGE", "AGE_OVER_89", "ZIP_CODE", "TITLE"}) | NAMES
_MARKS = "*`_~"
_POSSESSIVE = re.compile(r"['’]s$", re.IGNORECASE)


@dataclass
class Tally:
    """What was done, in counts.

    Attributes:
        done: (entity, action) → values.
        kept: entity → finds that the policy leaves as they are.
        repaired: finds of the second look, which were then removed.
        remaining: entity → finds that are still there after the last look.
    """

    done: Counter[tuple[str, str]] = field(default_factory=Counter)
    kept: Counter[str] = field(default_factory=Counter)
    repaired: int = 0
    remaining: Counter[str] = field(default_factory=Counter)

    def add(self, other: Tally, times: int = 1) -> None:
        """Add the counts of ``other``, ``times`` times."""
        for mine, theirs in (
            (self.done, other.done),
            (self.kept, other.kept),
            (self.remaining, other.remaining),
        ):
            for name, count in theirs.items():
                mine[name] += count * times
        self.repaired += other.repaired * times


@dataclass
class Cleaned:
    """A text after de-identification.

    Attributes:
        text: the new text.
        made: (start, end) of everything in it that was put there, in order.
        tally: what was done.
    """

    text: str
    made: list[tuple[int, int]] = field(default_factory=list)
    tally: Tally = field(default_factory=Tally)


class TextCleaner:
    """De-identifies texts with one policy.

    Args:
        actions: the policy's actions.
        only: entities to look for; all by default.
        finder: finds the spans of a list of texts; :func:`secure_ai.discover.detect` by default.
    """

    def __init__(
        self,
        actions: Actions,
        only: Sequence[str] | None = None,
        finder: Callable[[list[str]], list[list[Span]]] | None = None,
    ) -> None:
        self.actions = actions
        policy = actions.policy
        born = policy.rule("DATE_OF_BIRTH").action in {"year", "redact", "drop"}
        born_before = actions.as_of - 90 if born else None

        def find(texts: list[str]) -> list[list[Span]]:
            found = find_in_views(
                texts, lambda t: detect(t, entities=only, threshold=policy.threshold, allow=policy.allow)
            )
            return [
                with_old_age(text, spans, born_before=born_before)
                for text, spans in zip(texts, found, strict=True)
            ]

        self._find = finder or find

    def clean(
        self,
        texts: Sequence[str],
        persons: Sequence[str | None] | None = None,
        people: People | None = None,
        known: Sequence[KnownNames | None] | None = None,
    ) -> list[Cleaned]:
        """Return every text without what the policy removes.

        Args:
            texts: documents; names are linked within each.
            persons: whose document each is, for shifted dates; if not given, the person whom it
                mentions most often, or else the document itself.
            people: the people met so far, where the texts are parts of one document.
            known: the names that the record of each text holds elsewhere.

        Raises:
            UserError: if ``persons`` differs from ``texts`` in length.
        """
        texts = list(texts)
        if persons is not None and len(persons) != len(texts):
            raise UserError(
                f"There are {len(texts)} texts and {len(persons)} person ids: give one id for each text."
            )
        cleaned = [
            self._replace(
                text,
                spans,
                None if persons is None else persons[i],
                people,
                (None if known is None else known[i]) or NOBODY,
            )
            for i, (text, spans) in enumerate(zip(texts, self._find(texts), strict=True))
        ]
        self._look_again(cleaned)
        return cleaned

    def _replace(
        self, text: str, spans: list[Span], person: str | None, people: People | None, known: KnownNames
    ) -> Cleaned:
        if not spans and people is None and not known:
            return Cleaned(text)
        people = people if people is not None else self.actions.people()
        policy = self.actions.policy
        if known and policy.rule("PERSON").action != "keep":
            people.add(list(known.mentions))
            spans = self._with_known(text, spans, known)
        names = [s for s in spans if s.entity_type in PEOPLE and policy.rule(s.entity_type).action != "keep"]
        mentions = [parse_name(IGNORED.sub("", text[s.start : s.end])) for s in names]
        people.add(mentions)
        spans = with_repeats(text, spans, people.words() if policy.rule("PERSON").action != "keep" else set())
        if person is None:
            keys = Counter(people.find(mention)[0] for mention in mentions)
            person = keys.most_common(1)[0][0] if keys else text
        cleaned = Cleaned(text)
        pieces = []
        for found in spans:
            span = without_markup(text, found)
            value, entity = IGNORED.sub("", text[span.start : span.end]), span.entity_type
            rule = policy.rule(entity)
            if rule.action == "keep":
                cleaned.tally.kept[entity] += 1
                continue
            new = self.actions.apply(entity, value, rule=rule, person=str(person), people=people)
            if new == text[span.start : span.end]:
                cleaned.tally.kept[entity] += 1
            else:
                cleaned.tally.done[entity, rule.action] += 1
                pieces.append((span.start, span.end, new))
        substitute(cleaned, pieces)
        return cleaned

    def _with_known(self, text: str, spans: list[Span], known: KnownNames) -> list[Span]:
        for name in known.find(text):
            over = [s for s in spans if s.start < name.end and name.start < s.end]
            # A place that may stay does not, if it is how the record's own person is called.
            gone = [
                s for s in over
                if (name.start <= s.start and s.end <= name.end and s.entity_type != "PERSON")
                or self._would_show(text, s, known)
            ]  # fmt: skip
            spans = [s for s in spans if s not in gone]
            covered = sorted((s.start, s.end) for s in over if s not in gone)
            rest = outside(name.start, name.end, covered)
            spans += [Span(start, end, "PERSON", 1.0) for start, end in rest if text[start:end].strip("-' ")]
        return sorted(spans)

    def _would_show(self, text: str, span: Span, known: KnownNames) -> bool:
        rule = self.actions.policy.rule(span.entity_type)
        if rule.action not in PARTIAL:
            return False
        return bool(known.find(self.actions.apply(span.entity_type, text[span.start : span.end], rule=rule)))

    def _look_again(self, cleaned: list[Cleaned]) -> None:
        # A text that came out as it went in was looked at already.
        pending = [document for document in cleaned if document.made]
        for turn in range(ROUNDS + 1):
            found = self._find([document.text for document in pending])
            leaking = []
            for document, spans in zip(pending, found, strict=True):
                leaks = self.leaks(document, spans)
                if not leaks:
                    continue
                if turn == ROUNDS:
                    document.tally.remaining.update(entity for *_, entity in leaks)
                    continue
                document.tally.repaired += len(leaks)
                document.tally.done.update((entity, "redact") for *_, entity in leaks)
                substitute(document, [(start, end, placeholder(entity)) for start, end, entity in leaks])
                leaking.append(document)
            if not leaking:
                return
            pending = leaking

    def leaks(self, document: Cleaned, spans: Sequence[Span]) -> list[tuple[int, int, str]]:
        """Return the parts of ``spans`` that were not put there and that the policy does not leave."""
        leaks = []
        for span in spans:
            if self.actions.policy.rule(span.entity_type).action == "keep":
                continue
            whole = True
            for start, end in outside(span.start, span.end, document.made):
                whole = whole and (start, end) == (span.start, span.end)
                value = document.text[start:end]
                if _says_something(value, span.entity_type, whole) and not self.actions.stays(
                    span.entity_type, value
                ):
                    leaks.append((start, end, span.entity_type))
        return leaks


def form_scanner(actions: Actions, *, dates: bool = False) -> TextCleaner:
    """Return a cleaner for values that stay: it looks for identifiers that have a form of their own.

    Of names it takes only those that are some beyond doubt, because in short clinical terms words
    mislead ("Parkinson's disease").

    Args:
        actions: the policy's actions.
        dates: whether dates are looked for, too.
    """
    from secure_ai.discover.detector import known_entities  # slow to load

    left = NAMES | {"AGE", "ZIP_CODE", "US_BANK_NUMBER"} | (set() if dates else {"DATE_TIME"})
    policy = actions.policy
    only = [e for e in known_entities() if e not in left and policy.rule(e).action != "keep"]
    if policy.rule("PERSON").action != "keep":
        only.append("PERSON")

    def find(texts: list[str]) -> list[list[Span]]:
        found = find_in_views(
            texts, lambda t: detect(t, entities=only, threshold=policy.threshold, allow=policy.allow)
        )
        return [
            [span for span in spans if span.entity_type != "PERSON" or surely_named(text, span)]
            for text, spans in zip(texts, found, strict=True)
        ]

    return TextCleaner(actions, finder=find)


def without_markup(text: str, span: Span) -> Span:
    """Return ``span`` without marks of Markdown at its ends: they stay around what comes in its place."""
    start, end = span.start, span.end
    while end - start > 1 and text[start] in _MARKS:
        start += 1
    while end - start > 1 and text[end - 1] in _MARKS:
        end -= 1
    return Span(start, end, span.entity_type, span.score)


def substitute(document: Cleaned, pieces: Sequence[tuple[int, int, str]]) -> None:
    """Put new text in the place of ``pieces`` (start, end, new; in order, apart), and note where it is."""
    if not pieces:
        return
    parts: list[str] = []
    made: list[tuple[int, int]] = []
    at = length = 0
    old = sorted(document.made)
    moves = []  # (old position from which on, how far)
    for start, end, new in pieces:
        parts += [document.text[at:start], new]
        length += start - at
        made.append((length, length + len(new)))
        length += len(new)
        at = end
        moves.append((end, length - end))
    parts.append(document.text[at:])
    positions = [position for position, _ in moves]
    for start, end in old:
        before = bisect_right(positions, start)
        shift = moves[before - 1][1] if before else 0
        made.append((start + shift, end + shift))
    document.text = "".join(parts)
    document.made = sorted(made)


def outside(start: int, end: int, made: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return the parts of start to end that lie in none of ``made``."""
    parts = []
    # What was made is in order and apart: only a few pieces can meet the span.
    for low, high in made[max(0, bisect_left(made, (start, 0)) - 1) :]:
        if high <= start:
            continue
        if low >= end:
            break
        if low > start:
            parts.append((start, low))
        start = max(start, high)
    return [*parts, (start, end)] if start < end else parts


def _says_something(value: str, entity: str, whole: bool) -> bool:
    if whole:
        return True
    if entity in NAMES:
        # Beside a replaced word, what has no capital is no part of a name.
        return any(c.isupper() or c.isdigit() or (c.isalpha() and c.lower() == c.upper()) for c in value)
    return sum(c.isalnum() for c in value) > 2


def with_repeats(text: str, spans: Sequence[Span], names: set[str]) -> list[Span]:
    """Add to ``spans`` the places where a found name or number stands again without being found.

    A detector sees "Maria Garcia" after "Patient:" and misses "Garcia came back": once seen, a name is
    looked for in the whole document, capitalized as names are.

    Args:
        text: the document.
        spans: what was found, in order.
        names: folded single names to look for.
    """
    new: list[Span] = []
    if names:
        for match in WORD.finditer(text):
            word = match.group()
            if word.islower():
                continue
            bare = _POSSESSIVE.sub("", word)
            if fold(bare) in names:
                new.append(Span(match.start(), match.start() + len(bare), "PERSON", 0.5))
    values = {
        text[s.start : s.end]: s.entity_type
        for s in spans
        if s.entity_type not in _NOT_REPEATED and s.end - s.start >= 6
    }
    for value, entity in values.items():
        start = text.find(value)
        while start >= 0:
            end = start + len(value)
            bounded = not (start and text[start - 1].isalnum()) and not (
                end < len(text) and text[end].isalnum()
            )
            if bounded:
                new.append(Span(start, end, entity, 0.5))
            start = text.find(value, end)
    if not new:
        return list(spans)
    kept = list(spans)
    taken = bytearray(len(text))
    for span in spans:
        taken[span.start : span.end] = b"\1" * (span.end - span.start)
    for span in sorted(new):
        if not any(taken[span.start : span.end]):
            taken[span.start : span.end] = b"\1" * (span.end - span.start)
            kept.append(span)
    return sorted(kept)
