"""Other people in what is held about one person: found, and masked before a copy is given out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ahocorasick_rs import AhoCorasick, Implementation, MatchKind

from secure_ai.discover.column_names import entity_of_name, words_of
from secure_ai.discover.detector import detect
from secure_ai.govern.estate.forms import NAME_KINDS, fold, name_orders, squeezed
from secure_ai.govern.estate.subject import Subject

PERSON_MASK, DETAIL_MASK, STAFF_MASK = "[another person]", "[detail of another person]", "[staff member]"
PARTY_WORDS = frozenset({
    "emergency", "contact", "kin", "guardian", "guarantor", "creditor", "debtor", "counterparty",
    "beneficiary", "payee", "spouse", "relative", "proxy", "witness", "partner", "parent", "mother",
    "father", "child", "referee", "recipient", "sender",
})  # fmt: skip
"""Words in the name of a column whose value may be another person's."""
STAFF_WORDS = frozenset({
    "staff", "author", "attending", "prescriber", "npi", "dea", "username", "workstation", "clerk", "agent",
    "officer", "employee", "nurse", "physician", "provider", "surgeon", "reviewer",
})  # fmt: skip
LOG_WORDS = frozenset({"ip", "workstation", "device", "host", "terminal"})
"""Columns of an access log that are about who looked, not about the person."""
CLINICAL_NAMES = (
    "Apgar", "Babinski", "Beck", "Benign", "Berg", "Braden", "Gleason", "Kernig", "Killip", "NYHA II",
    "Paget", "Romberg", "Tinetti",
)  # fmt: skip
"""Scales and signs that bear a name and mean nobody."""
DETAILS = frozenset({
    "EMAIL_ADDRESS", "PHONE_NUMBER", "US_SSN", "CREDIT_CARD", "IBAN_CODE", "US_BANK_NUMBER", "US_PASSPORT",
    "MEDICAL_RECORD_NUMBER", "US_DRIVER_LICENSE", "LICENSE_NUMBER", "US_HEALTH_INSURANCE_MEMBER_ID", "US_MBI",
    "US_ITIN", "UK_NHS", "MEDICAL_LICENSE", "US_NPI", "CRYPTO",
})  # fmt: skip
"""Numbers of a person. Those of devices are left: in a record about somebody they are that person's."""
_OWN_ENTITIES = frozenset({"UNIQUE_IDENTIFIER", "STREET_ADDRESS", "DEVICE_ID", "CREDENTIAL"})
_STAFF_DETAILS = frozenset({"US_NPI", "MEDICAL_LICENSE"})
_NAME_ENTITIES = frozenset({"PERSON", "CARDHOLDER_NAME"})
_UNNAMED = frozenset(
    {"ORGANIZATION", "REFERENCE", "OCCUPATION", "MARITAL_STATUS", "SWIFT_CODE", "ABA_ROUTING_NUMBER"}
)
_TITLE_BEFORE = re.compile(
    r"(?:\bdr\.?|\bdoctor|\bnurse|\bprof\.?|\battending:?|\bagent:?)\s*$", re.IGNORECASE
)
_TITLED = re.compile(
    r"\b(?:(?i:dr|prof)\.?\s+|(?i:doctor|nurse)\s+(?=[^\W\d_a-z]))([^\W\d_][\w'\u2019-]{2,})"
)
_GREETED = re.compile(r"(?:\b(?i:dear|hi|hello)|--|\u2014)\s+([^\W\d_a-z][\w'\u2019-]{2,})")
_GREETED_NOBODY = frozenset(
    {"sir", "madam", "customer", "patient", "team", "all", "doctor", "nurse", "there", "colleagues", "member"}
)
_CAPITALIZED = re.compile(r"\b[^\W\d_a-z][\w'\u2019-]{3,}")
_TITLE_AFTER = re.compile(r"^,?\s*(?:MD|DO|RN|NP|PA-C|PharmD|PhD)\b")
_BIRTH_BEFORE = re.compile(r"(?:\bdob|\bd\.o\.b\.?|\bborn|\bbirth\w*)[^.\n]{0,15}$", re.IGNORECASE)
_NOT_A_NAME = frozenset(["mr", "mrs", "ms", "miss", "dr", "jr", "sr", "md"])
_LONG, _LEAST, _LONGEST_COMMON = 40, 5, 6


@dataclass
class Masked:
    """How much was left out of a copy, per store, and why."""

    persons: dict[str, int] = field(default_factory=dict)
    staff: dict[str, int] = field(default_factory=dict)

    def count(self, store: str, *, staff: bool) -> None:
        """Count one place in a store."""
        counts = self.staff if staff else self.persons
        counts[store] = counts.get(store, 0) + 1


class Redactor:
    """Masks other people in the records of one person.

    What it goes by, in this order: columns that hold other parties or staff; values by which the organization
    knows its other people; names and numbers of parties that stand in columns; what a detector finds in text.
    What is the person's own stays. A detector misses names: whoever sends the copy reads it first.

    Args:
        subject: whose records they are.
        known: (kind, value) of every identifier of everybody, the person's own included.
        staff: full names of members of staff.
        keep_staff: whether they stay in records; they never stay in an access log.
    """

    def __init__(
        self,
        subject: Subject,
        known: Iterable[tuple[str, str]] = (),
        *,
        staff: Iterable[str] = (),
        keep_staff: bool = False,
    ) -> None:
        self._own = {squeezed(fold(v)) for values in subject.identifiers.values() for v in values}
        self._own |= {squeezed(fold(subject.key)), squeezed(subject.birth_date)}
        names = (v for kind in NAME_KINDS for v in subject.identifiers.get(kind, ()))
        self._names = {word for name in names for word in _words(name)}
        staff = tuple(staff)
        self._staff = {frozenset(_words(name)) for name in staff}
        self._surnames = {name.split()[-1] for name in staff if name.split()} - {""}
        self._keep_staff = keep_staff
        self._known = _Finder(_forms(known, self._own))
        self._party_values = _Finder(())
        self._birth = subject.birth_date

    def redact(
        self, records: Mapping[str, Sequence[Mapping[str, Any]]], logs: frozenset[str] = frozenset()
    ) -> tuple[dict[str, list[dict[str, Any]]], Masked]:
        """Return the records without other people, and how much was masked.

        Args:
            records: store → records.
            logs: stores that are access logs.
        """
        masked = Masked()
        self._learn(records)
        values = set(self._parties(records))
        parties = _Finder(values)
        # First names alone are masked in text, and no sign of a leak: places and months bear them, too.
        self._party_values = _Finder(v for v in values if not v.isalpha())
        cells = [
            (store, number, column, value)
            for store, rows in records.items()
            for number, row in enumerate(rows)
            for column, value in row.items()
        ]
        made: dict[str, list[dict[str, Any]]] = {
            s: [dict(row) for row in rows] for s, rows in records.items()
        }
        texts = []
        for store, number, column, value in cells:
            found = self._cell(column, value, store in logs)
            if found is not None:
                made[store][number][column] = found
                masked.count(store, staff=found == STAFF_MASK)
            elif isinstance(value, str) and value.strip():
                texts.append((store, number, column, value))
        wanted = [value if _is_text(column, value) else "" for _, _, column, value in texts]
        # What the person's own columns call a diagnosis or drug is no name, whatever a detector thinks.
        terms = {value for _, _, column, value in texts if len(value) <= _LONG * 3 and column != "text"}
        found = detect(wanted, allow=[*terms, *CLINICAL_NAMES])
        for (store, number, column, value), spans in zip(texts, found, strict=True):
            places = self._places(value, spans, parties)
            for _, _, mask in places:
                masked.count(store, staff=mask == STAFF_MASK)
            made[store][number][column] = _replaced(value, places)
        return made, masked

    def leaks(self, text: str) -> int:
        """Return how many identifiers of other people, as far as they are known, stand in a text."""
        return sum(1 for finder in (self._known, self._party_values) for _ in finder.find(text))

    def _learn(self, records: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
        # Numbers in the person's own rows are theirs, if the column says what they are and not whose else's.
        for rows in records.values():
            for row in rows:
                for column, value in row.items():
                    words, announced = set(words_of(column)), entity_of_name(column)
                    if not announced or words & (PARTY_WORDS | STAFF_WORDS):
                        continue
                    # A city or a zip code is shared with thousands: what holds one may still be another's.
                    if announced[0] in DETAILS | _OWN_ENTITIES and len(str(value)) >= _LEAST:
                        self._own.add(squeezed(fold(str(value))))

    def _parties(self, records: Mapping[str, Sequence[Mapping[str, Any]]]) -> Iterator[str]:
        for rows in records.values():
            for row in rows:
                for column, value in row.items():
                    if not isinstance(value, str) or not set(words_of(column)) & PARTY_WORDS:
                        continue
                    announced = entity_of_name(column)
                    if announced and announced[0] in _NAME_ENTITIES and not self._is_name(value):
                        yield from map(fold, name_orders(value))
                        # A note says "Virginia called": a first name alone, if it is not the person's own.
                        yield from (w for w in _words(value) if len(w) > 2 and w not in self._names)
                    elif announced and announced[0] not in _UNNAMED and not self._is_own(value):
                        yield fold(value)

    def _cell(self, column: str, value: Any, log: bool) -> str | None:
        """Return the mask of a whole cell; None where it is left or is text."""
        if is_empty(value) or isinstance(value, bool):
            return None
        words, announced = set(words_of(column)), entity_of_name(column)
        if words & STAFF_WORDS or (log and words & LOG_WORDS):
            return STAFF_MASK if log or not self._keep_staff else None
        text = str(value)
        if announced and announced[0] in _NAME_ENTITIES:
            return None if self._is_name(text) else PERSON_MASK
        if words & PARTY_WORDS and announced and announced[0] not in _UNNAMED:
            return None if self._is_own(text) else DETAIL_MASK
        if not _is_text(column, text) and not self._is_own(text) and self._known.is_one(text):
            return DETAIL_MASK
        return None

    def _places(self, text: str, spans: Iterable[Any], parties: _Finder) -> list[tuple[int, int, str]]:
        found = [(start, end, PERSON_MASK) for start, end in (*self._known.find(text), *parties.find(text))]
        for greeted in _GREETED.finditer(text):
            if (
                not self._is_name(greeted[1])
                and _words(greeted[1])
                and fold(greeted[1]) not in _GREETED_NOBODY
            ):
                found.append((*greeted.span(1), PERSON_MASK))
        if not self._keep_staff:
            found += self._staff_places(text)
        for span in spans:
            value = text[span.start : span.end]
            mask = self._mask_of(span.entity_type, value, text[: span.start], text[span.end :])
            if mask:
                found.append((span.start, span.end, mask))
        return found

    def _staff_places(self, text: str) -> Iterator[tuple[int, int, str]]:
        # A detector passes over "Dr lopez" and the surname under a note.
        for found in _TITLED.finditer(text):
            if not self._is_name(found[1]):
                yield (*found.span(1), STAFF_MASK)
        for found in _CAPITALIZED.finditer(text):
            if text[found.end() : found.end() + 1] == ":":
                continue  # a heading, such as "Date:"
            if found[0] in self._surnames and found[0] not in CLINICAL_NAMES and not self._is_name(found[0]):
                yield (*found.span(), STAFF_MASK)

    def _mask_of(self, entity: str, value: str, before: str, after: str) -> str:
        if entity == "PERSON":
            if self._is_name(value) or re.fullmatch(r"[A-Z]{2,5}", value):
                return ""
            staff = frozenset(_words(value)) in self._staff
            if staff or _TITLE_BEFORE.search(before) or _TITLE_AFTER.match(after):
                return "" if self._keep_staff else STAFF_MASK
            return PERSON_MASK
        if entity == "DATE_TIME":
            birth = _BIRTH_BEFORE.search(before) and not _same_day(value, self._birth)
            return DETAIL_MASK if birth else ""
        if entity == "LOCATION":
            street = value[:1].isdigit() and not self._is_own(value)
            return DETAIL_MASK if street else ""
        if entity not in DETAILS or self._is_own(value):
            return ""
        if entity in _STAFF_DETAILS:
            return "" if self._keep_staff else STAFF_MASK
        return DETAIL_MASK

    def _is_own(self, value: str) -> bool:
        plain = squeezed(fold(str(value)))
        if plain in self._own:
            return True
        digits = re.sub(r"\D", "", plain)
        return any(
            own == digits[-10:] or (len(own) > _LONGEST_COMMON and own in plain)
            for own in self._own
            if any(letter.isdigit() for letter in own)
        )

    def _is_name(self, value: str) -> bool:
        words = set(_words(value))
        initials = {name[0] for name in self._names}
        # "M. Foster" is the person, "M. F." may be anybody.
        return bool(words & self._names) and words - self._names <= initials


class _Finder:
    """Finds values in text as whole words, in any case and with or without accents."""

    def __init__(self, values: Iterable[str]) -> None:
        self._values = sorted({value for value in values if len(value.strip()) > 2})
        self._set = frozenset(self._values)
        self._automaton = (
            AhoCorasick(
                self._values, matchkind=MatchKind.LeftmostLongest, implementation=Implementation.ContiguousNFA
            )
            if self._values
            else None
        )

    def is_one(self, value: str) -> bool:
        return fold(value) in self._set

    def find(self, text: str) -> Iterator[tuple[int, int]]:
        if self._automaton is None:
            return
        plain, places = _folded(text)
        for _, start, end in self._automaton.find_matches_as_indexes(plain):
            if _bounded(plain, start, end):
                yield places[start], places[end - 1] + 1


def known_values(people: Any) -> Iterator[tuple[str, str]]:
    """Yield (kind, value) of every identifier by which the organization knows its people."""
    for source in getattr(people, "sources", ()):
        columns = list(source.columns)
        kinds = [source.columns[column] for column in columns]
        for row in source.store.rows(columns):
            parts: dict[str, list[str]] = {}
            for kind, value in zip(kinds, row, strict=True):
                if not is_empty(value):
                    parts.setdefault(kind, []).append(str(value))
            for kind, values in parts.items():
                yield from [(kind, " ".join(values))] if kind in NAME_KINDS else ((kind, v) for v in values)


def _forms(known: Iterable[tuple[str, str]], own: set[str]) -> Iterator[str]:
    for kind, value in known:
        if kind == "birth_date" or len(value) < _LEAST:
            continue
        plain = fold(value)
        if squeezed(plain) in own:
            continue
        if kind not in NAME_KINDS:
            yield plain
        elif " " in plain.strip():
            # One word alone is no name of a person.
            yield from name_orders(plain)


def _folded(text: str) -> tuple[str, list[int]]:
    """Return the text as ``fold`` makes it, and for each of its characters the place in the original."""
    plain, places = [], []
    for place, letter in enumerate(text):
        made = fold(letter) if not letter.isascii() else letter.lower()
        plain.append(made)
        places.extend([place] * len(made))
    return "".join(plain), places


def _bounded(text: str, start: int, end: int) -> bool:
    before, after = text[start - 1 : start], text[end : end + 1]
    return not (before.isalnum() and text[start].isalnum()) and not (
        after.isalnum() and text[end - 1].isalnum()
    )


def _replaced(text: str, places: Sequence[tuple[int, int, str]]) -> str:
    made, last = [], 0
    for start, end, mask in sorted(places, key=lambda place: (place[0], -place[1])):
        if start >= last:
            made += [text[last:start], mask]
        last = max(last, end)
    return "".join((*made, text[last:]))


def is_empty(value: Any) -> bool:
    """Return whether a cell holds nothing: None, an empty text, NaN or NaT."""
    import pandas as pd

    return value is None or value == "" or (pd.api.types.is_scalar(value) and bool(pd.isna(value)))


def _is_text(column: str, value: Any) -> bool:
    if not isinstance(value, str) or (" " not in value.strip() and "@" not in value):
        return False
    announced = entity_of_name(column)
    return announced is None or announced[0] in _UNNAMED or len(value) > _LONG


def _words(name: str) -> list[str]:
    return [word for word in re.findall(r"[^\W\d_]+", fold(name)) if word not in _NOT_A_NAME]


def _same_day(value: str, birth: str) -> bool:
    for form in ("%Y-%m-%d", "%m/%d/%Y", "%d/%m/%Y", "%d %b %Y", "%d %B %Y", "%b %d, %Y", "%B %d, %Y"):
        try:
            if datetime.strptime(value.strip(), form).date().isoformat() == birth[:10]:
                return True
        except ValueError:
            continue
    return False
