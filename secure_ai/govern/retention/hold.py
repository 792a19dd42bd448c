"""One legal hold: what it covers, how it is stored, and what is refused when it is placed."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

from secure_ai.core.errors import UserError
from secure_ai.govern.estate.subject import Subject

MATTER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{2,63}", re.ASCII)
ACTOR = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{1,63}", re.ASCII)
_PSEUDONYM = re.compile(r"[A-Za-z0-9._:-]{1,128}", re.ASCII)
_SHORTEST_REASON, _LONGEST_REASON = 10, 500


@dataclass(frozen=True, slots=True)
class Hold:
    """One legal hold.

    Attributes:
        id: its number, such as ``"HOLD-0003"``.
        matter: reference of the matter (a docket or file number); no names.
        reason: why the data are wanted; it stays in the ledger.
        placed_by: account of who placed it.
        placed_at: when, in UTC.
        persons: pseudonyms; empty for everybody.
        data_classes: classes of data; empty for all.
        records_from, records_to: only records of these days; None for no bound.
        review_by: when somebody looks again whether it is still needed; it does not end by itself.
        released_by, released_at, release_reason: how it ended; empty while it stands.
    """

    id: str
    matter: str
    reason: str
    placed_by: str
    placed_at: str
    persons: frozenset[str] = frozenset()
    data_classes: frozenset[str] = frozenset()
    records_from: date | None = None
    records_to: date | None = None
    review_by: date | None = None
    released_by: str = ""
    released_at: str = ""
    release_reason: str = ""

    @property
    def active(self) -> bool:
        """Whether it still stands."""
        return not self.released_at

    def covers(self, pseudonym: str, data_class: str) -> bool:
        """Return whether it is about this person and class."""
        return (not self.persons or pseudonym in self.persons) and (
            not self.data_classes or data_class in self.data_classes
        )

    def overlaps(self, oldest: date | None, newest: date | None) -> bool:
        """Return whether records between these dates fall under it; those without dates do."""
        if oldest is None or newest is None:
            return True
        return (self.records_to is None or oldest <= self.records_to) and (
            self.records_from is None or newest >= self.records_from
        )


def plain_hold(hold: Hold) -> dict[str, Any]:
    fields = {name: getattr(hold, name) for name in Hold.__slots__}
    return {
        name: sorted(value)
        if isinstance(value, frozenset)
        else value.isoformat()
        if isinstance(value, date)
        else value
        for name, value in fields.items()
    }


def read_hold(fields: dict[str, Any]) -> Hold:
    days = {
        name: date.fromisoformat(fields[name]) if fields[name] else None
        for name in ("records_from", "records_to", "review_by")
    }
    sets = {name: frozenset(fields[name]) for name in ("persons", "data_classes")}
    return Hold(**{**fields, **days, **sets})


def matching(value: str, form: re.Pattern[str], what: str) -> str:
    text = value.strip() if isinstance(value, str) else ""
    if form.fullmatch(text) is None:
        raise UserError(f"The hold needs its {what}: letters, digits, dots and hyphens, at most 64.")
    return text


def reason_of(value: str, what: str) -> str:
    text = " ".join(value.split()) if isinstance(value, str) else ""
    if not _SHORTEST_REASON <= len(text) <= _LONGEST_REASON:
        raise UserError(
            f"The {what} needs a reason of {_SHORTEST_REASON} to {_LONGEST_REASON} characters, without names."
        )
    return text


def pseudonym_of(person: Any, people: Any = None) -> str:
    """Return a person's pseudonym: of a subject, or of one that the people know.

    Raises:
        UserError: if it is another thing, such as a raw key, or the people do not know it.
    """
    if not isinstance(person, Subject) and people is None:
        raise UserError(
            "A hold names its persons by subject, never by a key: give the subject of the estate."
        )
    text = person.pseudonym if isinstance(person, Subject) else person
    raw = isinstance(person, Subject) and person.pseudonym == person.key
    if not isinstance(text, str) or raw or _PSEUDONYM.fullmatch(text) is None:
        raise UserError(
            "A person of the hold has no pseudonym of letters, digits and hyphens: give the subject."
        )
    if people is not None and not people.key_of(text):
        raise UserError("A person of the hold is nobody known to the estate: look up the subject first.")
    return text


def listed(values: Iterable[Any], what: str) -> list[Any]:
    if isinstance(values, str | bytes | Subject) or not isinstance(values, Iterable):
        raise UserError(f"'{what}' takes a list: write [{what[:-1]}].")
    return list(values)


def same_account(one: str, other: str) -> bool:
    return unicodedata.normalize("NFKC", one).casefold() == unicodedata.normalize("NFKC", other).casefold()
