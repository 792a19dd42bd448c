"""What a retention schedule consists of, read from YAML and checked: duties of laws, rules of classes."""

from __future__ import annotations

from datetime import date
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BeforeValidator, ConfigDict, Field

from secure_ai.core.errors import UserError
from secure_ai.core.sources import shown
from secure_ai.core.yaml_files import Strict, checked, read_yaml
from secure_ai.govern.retention.periods import Period

Sector = Literal["healthcare", "finance"]
Starts = Literal["record", "end_of_relationship"]
SECTORS: tuple[Sector, ...] = ("healthcare", "finance")
STATE = r"US-[A-Z]{2}"
"""Form of a State of the United States among the jurisdictions."""
_MEMBER_STATES = (
    "AT BE BG HR CY CZ DK EE FI FR DE GR HU IE IT LV LT LU MT NL PL PT RO SK SI ES SE"  # as of 2026
)
UNION_LAW = frozenset({"EU", *_MEMBER_STATES.split()})
"""Jurisdictions of Union or Member State law: only their duties are those of GDPR Art. 17(3)(b)."""

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
Words = Annotated[str, Field(min_length=1, max_length=400)]


def _period(value: Any) -> Any:
    if isinstance(value, Period):
        return value
    try:
        return Period.parse(value)
    except UserError as error:
        raise ValueError(str(error)) from None


Length = Annotated[Period, BeforeValidator(_period)]


class _Part(Strict):
    model_config = ConfigDict(arbitrary_types_allowed=True)


class Duty(_Part):
    """How long a law or a contract says that records must be kept.

    Attributes:
        id: its name in reports.
        law: the provision, an identifier of ``secure_ai.core.frameworks``.
        title: what it is about.
        jurisdiction: where it applies (``"US"``, ``"US-NY"``, ``"EU"``, ``"PCI"`` for the card schemes).
        period: for how long, at least.
        until_age: of a minor's records, the age of the person until which they are kept in any case.
        starts: whether each record counts from its own date, or all from the end of the relationship.
        counts_from: the same in the law's words.
        applies_from: the day from which it applies; None where it does already.
        classes: sector → classes of data that it covers.
        source: where the provision is published.
        read_at: where its wording, or what is said of it, was read.
        verified: whether the wording of the provision itself was read.
        note: how it is read here, and what is left out.
    """

    id: Name
    law: Words
    title: Words
    jurisdiction: Annotated[str, Field(pattern=r"^[A-Z][A-Z-]{1,9}$")]
    period: Length
    until_age: Annotated[int, Field(ge=1, le=40)] | None = None
    starts: Starts = "record"
    counts_from: Words
    applies_from: date | None = None
    classes: dict[Sector, tuple[Name, ...]]
    source: Words
    read_at: str = ""
    verified: bool
    note: str = ""

    def covers(self, sector: str, data_class: str) -> bool:
        """Return whether the duty is about this class."""
        return data_class in self.classes.get(sector, ())

    def in_force(self, today: date) -> bool:
        """Return whether it applies on that day."""
        return self.applies_from is None or today >= self.applies_from

    @property
    def of_the_union(self) -> bool:
        """Whether it is Union or Member State law, of which GDPR Art. 17(3)(b) speaks."""
        return self.jurisdiction.split("-")[0] in UNION_LAW


class ClassRule(_Part):
    """How long one class of data may be kept, by the organization's own decision.

    Attributes:
        maximum: after which records go.
        starts: whether each record counts from its own date, all from the end of the relationship, or what
            is made from other records is made anew from those that are left (a store of it that knows dates
            counts from them).
        reason: why that long; a maximum without a reason is no limit (GDPR Art. 5(1)(e)).
        owner: the role that answers for it.
    """

    maximum: Length
    starts: Literal["record", "end_of_relationship", "source"] = "record"
    reason: Words
    owner: str = ""


class ScheduleFile(_Part):
    """A schedule as it stands in its file.

    Attributes:
        sector: whose classes it lists.
        title: what it is called.
        jurisdictions: whose duties apply, apart from the State's.
        home_state: the State where the house is, whose duties apply as well (``"US-CA"``); empty for none.
        limit: the provision that asks for a maximum.
        classes: class of data → its rule.
        duties: further duties of the organization's own, such as of contracts.
    """

    sector: Sector
    title: Words
    jurisdictions: tuple[str, ...] = Field(min_length=1)
    home_state: Annotated[str, Field(pattern=rf"^({STATE})?$")] = ""
    limit: Words = "GDPR Art. 5(1)(e)"
    classes: dict[Name, ClassRule] = Field(min_length=1)
    duties: tuple[Duty, ...] = ()


class _DutyFile(_Part):
    as_of: str
    duties: tuple[Duty, ...]


@cache
def statutory_duties() -> tuple[Duty, ...]:
    """Return the duties that the kit knows, in the order of their file."""
    text = (resources.files(__package__) / "duties.yaml").read_text(encoding="utf-8")
    return _DutyFile.model_validate(yaml.safe_load(text)).duties


@cache
def data_classes(sector: str) -> tuple[str, ...]:
    """Return the classes that a schedule of the sector must have a rule for.

    Raises:
        UserError: if the sector is unknown.
    """
    return tuple(shipped_schedule(sector).classes)


@cache
def shipped_schedule(sector: str) -> ScheduleFile:
    """Return the example schedule of a sector.

    Raises:
        UserError: if the sector is unknown.
    """
    if sector not in SECTORS:
        raise UserError(f"'{shown(str(sector))}' is no sector: choose from {', '.join(SECTORS)}.")
    text = (resources.files(__package__) / "schedules" / f"{sector}.yaml").read_text(encoding="utf-8")
    return ScheduleFile.model_validate(yaml.safe_load(text))


def read_schedule_file(path: str | Path) -> ScheduleFile:
    """Return the schedule in an organization's own YAML file.

    Raises:
        UserError: if it cannot be read, is no YAML, or a field is missing, unknown or of another kind.
    """
    return checked(ScheduleFile, read_yaml(path, "schedule"), f"schedule {shown(Path(path).name)}")
