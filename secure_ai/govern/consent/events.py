"""What a consent ledger records: events, each chained to the one before by a keyed hash."""

from __future__ import annotations

import hmac
import json
import re
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, date, datetime, time
from hashlib import sha256
from typing import Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from secure_ai.core.errors import UserError

Kind = Literal[
    "given", "withdrawn", "expired", "renewed", "merged", "vocabulary",
    "started", "published", "discarded", "unlearned",
]  # fmt: skip
Capacity = Literal["self", "guardian", "representative"]
CAPACITIES = ("self", "guardian", "representative")
MOST_REFERENCE = 200
_WORD = re.compile(r"[\w.:@/+ -]{1,80}")


@dataclass(frozen=True, slots=True)
class Epoch:
    """Where a ledger stood: how many events it had, and the hash of the last.

    Attributes:
        sequence: number of the last event.
        mac: its keyed hash, which fixes every event before it.
    """

    sequence: int
    mac: str


@dataclass(frozen=True, slots=True)
class ConsentText:
    """The words that a person was shown before deciding (GDPR Art. 7(1): consent must be demonstrable).

    Attributes:
        name, version: which text, such as ``"research leaflet"``, ``"2026-03"``.
        text: all of it, as shown.
        purposes: what it names; consent to it covers nothing else.
        language: BCP 47 tag of the language.
    """

    name: str
    version: str
    text: str = field(repr=False)
    purposes: tuple[str, ...]
    language: str = "en"

    def __post_init__(self) -> None:
        """Refuse a text that is none."""
        named = (self.purposes,) if isinstance(self.purposes, str) else tuple(self.purposes)
        object.__setattr__(self, "purposes", named)
        for what, value in (("name", self.name), ("version", self.version), ("language", self.language)):
            word(value, f"The {what} of the consent text")
        if not isinstance(self.text, str) or not self.text.strip() or not self.purposes:
            raise UserError(
                f"The consent text {self.name} is empty or names no purpose: that is consent to nothing."
            )

    @property
    def digest(self) -> str:
        """SHA-256 of the text."""
        return sha256(self.text.encode("utf-8", "surrogatepass")).hexdigest()


@dataclass(frozen=True, slots=True)
class Event:
    """One event of a ledger; which fields are filled depends on the kind.

    Attributes:
        kind: what happened.
        time: when it was recorded, UTC, ISO 8601 with microseconds.
        actor: who recorded it: an account's identifier.
        person: pseudonym.
        purpose: word of the vocabulary.
        expires: moment from which the consent no longer stands, UTC; empty where it stands until withdrawn.
        capacity: who decided: the person, a guardian, a representative.
        text, version, language, digest: the text that was shown; of a run, ``digest`` is over its people.
        other: the pseudonym that ``person`` is merged into.
        artifact: the model or extract that a run makes.
        run: identifier of a run.
        reference: identifier of the form, case or receipt behind the event.
        words: the vocabulary of purposes: word → lawful basis.
        former: the vocabulary's former names: former word → word.
        people: how many people a run uses.
    """

    kind: Kind
    time: str
    actor: str
    person: str = ""
    purpose: str = ""
    expires: str = ""
    capacity: str = ""
    text: str = ""
    version: str = ""
    language: str = ""
    digest: str = ""
    other: str = ""
    artifact: str = ""
    run: str = ""
    reference: str = ""
    words: dict[str, str] = field(default_factory=dict)
    former: dict[str, str] = field(default_factory=dict)
    people: int = 0

    def to_body(self) -> str:
        """Return the event as one line; empty fields are left out."""
        kept = {name: value for name, value in asdict(self).items() if value}
        return json.dumps(kept, sort_keys=True, ensure_ascii=True, separators=(",", ":"))

    @classmethod
    def from_body(cls, body: str) -> Event:
        """Return the event of a line.

        Raises:
            ValueError: if it is none.
        """
        found = json.loads(body)
        if not isinstance(found, dict) or not {"kind", "time", "actor"} <= set(found) <= _NAMES:
            raise ValueError("no event")
        event = cls(**found)
        moment(event.time)
        if event.expires:
            moment(event.expires)
        return event


_NAMES = {part.name for part in fields(Event)}


def chained(key: bytes, previous: str, sequence: int, body: str) -> str:
    """Return the keyed hash of an event: over the one before, its number and its line."""
    message = f"{previous}\n{sequence}\n{body}".encode("utf-8", "surrogatepass")
    return hmac.digest(key, message, "sha256").hex()


def genesis(key: bytes, ledger: str) -> str:
    """Return what stands for the hash before the first event."""
    return hmac.digest(key, b"genesis " + ledger.encode(), "sha256").hex()


def moment(text: str) -> datetime:
    """Return the moment that a stored time says."""
    found = datetime.fromisoformat(text)
    if found.tzinfo is None:
        raise ValueError("no zone")
    return found


def stored(at: datetime) -> str:
    """Return a moment as it is stored: UTC, microseconds, so that texts sort as moments do."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def aware(at: Any, what: str, zone: str = "UTC") -> datetime:
    """Return a moment in UTC; a date is its first instant in ``zone``.

    Raises:
        UserError: if it is neither, or a time without a zone (which hours it means would be a guess).
    """
    if isinstance(at, datetime):
        if at.tzinfo is None or at.utcoffset() is None:
            raise UserError(f"{what} has no time zone: say which, as in datetime(..., tzinfo=UTC).")
        return at.astimezone(UTC)
    if isinstance(at, date):
        return datetime.combine(at, time(), named_zone(zone)).astimezone(UTC)
    raise UserError(f"{what} is a date, or a datetime with a time zone, not {type(at).__name__}.")


def named_zone(name: str) -> ZoneInfo:
    """Return a time zone by its name.

    Raises:
        UserError: if there is none.
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, TypeError, OSError):
        raise UserError("The zone of the ledger is a name such as 'UTC' or 'America/New_York'.") from None


def word(value: Any, what: str, *, empty: bool = False) -> str:
    """Return an identifier that may stand in a ledger and in messages.

    Raises:
        UserError: if it is no short text of letters, digits and ``. : @ / + - _`` and blanks.
    """
    if empty and value == "":
        return value
    if not isinstance(value, str) or not _WORD.fullmatch(value) or not value.strip():
        raise UserError(f"{what} is an identifier of at most 80 letters, digits, blanks and .:@/+-_.")
    return value
