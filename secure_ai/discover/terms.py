"""Allow and deny lists: strings that are no finding, and terms that always are one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from secure_ai.core.errors import UserError
from secure_ai.core.text import Span

_TOKENS = re.compile(r"\w+|[^\w\s]")


def checked_allow(allow: object) -> frozenset[str]:
    """Return the strings of an allow list, trimmed and in one case.

    Raises:
        UserError: if it is not a collection of strings.
    """
    if allow is None:
        return frozenset()
    if isinstance(allow, str | bytes) or not isinstance(allow, Iterable):
        raise UserError("allow takes a list of strings that are no findings, such as ['Mercy Hospital'].")
    terms = list(allow)
    wrong = next((position for position, term in enumerate(terms, 1) if not isinstance(term, str)), None)
    if wrong is not None:
        raise UserError(f"Entry {wrong} of allow is a {type(terms[wrong - 1]).__name__}: give strings only.")
    return frozenset(term.strip().casefold() for term in terms)


class DenyList:
    """Terms that are always a finding, as whole words in any case.

    The cost of a text does not grow with the number of terms: they are indexed by their first token,
    and a text's tokens are looked up one by one.

    Args:
        deny: entity -> terms; blanks and line breaks between the words of a term do not matter.
        known: the entities that may be named.

    Raises:
        UserError: if ``deny`` is no such mapping, or a term has no letter or digit.
    """

    def __init__(self, deny: Mapping[str, Iterable[str]], known: Sequence[str]) -> None:
        if not isinstance(deny, Mapping):
            raise UserError("deny takes a dictionary of entity and terms, such as {'PERSON': ['Jane Roe']}.")
        self._index: dict[str, list[tuple[tuple[str, ...], str]]] = {}
        for entity, terms in deny.items():
            if entity not in known:
                raise UserError(
                    f"deny names the entity '{entity}', which is not known: choose from {', '.join(known)}."
                )
            if isinstance(terms, str | bytes) or not isinstance(terms, Iterable):
                raise UserError(f"deny needs a list of terms for {entity}, not one value.")
            for position, term in enumerate(terms, 1):
                self._add(entity, position, term)
        for entries in self._index.values():
            entries.sort(key=lambda entry: -len(entry[0]))

    def _add(self, entity: str, position: int, term: object) -> None:
        tokens = _TOKENS.findall(term.casefold()) if isinstance(term, str) else []
        if not any(token[0].isalnum() for token in tokens):
            raise UserError(
                f"Term {position} of deny for {entity} is no text with a letter or digit: remove it."
            )
        self._index.setdefault(tokens[0], []).append((tuple(tokens[1:]), entity))

    def __bool__(self) -> bool:
        return bool(self._index)

    def find(self, text: str) -> list[Span]:
        """Return the terms in ``text``, in order; where terms overlap the first and longest is taken."""
        tokens = list(_TOKENS.finditer(text))
        words = [token[0].casefold() for token in tokens]
        found: list[Span] = []
        at = 0
        while at < len(words):
            step = 1
            for rest, entity in self._index.get(words[at], ()):
                if tuple(words[at + 1 : at + 1 + len(rest)]) == rest:
                    step = 1 + len(rest)
                    found.append(Span(tokens[at].start(), tokens[at + step - 1].end(), entity, 1.0))
                    break
            at += step
        return found


def with_denied(text: str, spans: Sequence[Span], denied: Sequence[Span]) -> list[Span]:
    """Return ``spans`` with ``denied`` terms among them, in order and without overlaps.

    A term inside another finding is found already. One that overlaps a finding takes its own
    characters; what is left of the other stays a finding, so that nothing that was covered is not.
    """
    kept = list(spans)
    for term in denied:
        near = [span for span in kept if span.start < term.end and term.start < span.end]
        if any(span.start <= term.start and term.end <= span.end for span in near):
            continue
        for span in near:
            kept.remove(span)
            kept += _left_of(text, span, span.start, term.start)
            kept += _left_of(text, span, term.end, span.end)
        kept.append(term)
    return sorted(kept)


def _left_of(text: str, span: Span, start: int, end: int) -> list[Span]:
    left = text[start:end] if start < end else ""
    if not left.strip():
        return []
    first = start + len(left) - len(left.lstrip())
    return [Span(first, start + len(left.rstrip()), span.entity_type, span.score)]
