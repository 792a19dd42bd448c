"""What the watch knows beside the log: who works here, whom records are about, what a service is for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from secure_ai.core.errors import UserError
from secure_ai.core.sources import shown

STAFF_COLUMNS = {
    "staff_id": None, "role": "", "unit": "", "shift": "", "household": "",
    "hired_on": pd.NaT, "left_on": pd.NaT, "leave_from": pd.NaT, "leave_until": pd.NaT,
}  # fmt: skip
SUBJECT_COLUMNS = {"subject_id": None, "prominent": False, "staff_id": "", "household": "", "unit": ""}
FEED_COLUMNS = {
    "actor": None, "destination": "", "resource": "", "typical_records": float("nan"), "starts_on": pd.NaT,
}  # fmt: skip
SERVICE_COLUMNS = {
    "service": None, "model": "", "purpose": "", "resources": "", "fields": "",
    "typical_records": float("nan"),
}  # fmt: skip
DATES = ("hired_on", "left_on", "leave_from", "leave_until")
DAY = 86_400.0


@dataclass(frozen=True, slots=True)
class Person:
    """A member of staff: role, unit, shift, household (an opaque code); the dates in seconds since 1970."""

    role: str
    unit: str
    shift: str
    household: str
    hired_on: float
    left_on: float
    leave_from: float
    leave_until: float

    def away(self, time: float) -> str:
        """Say why this person should not be at work at ``time``: "" where there is no reason."""
        if time >= self.left_on + DAY:
            return "left"
        if self.leave_from <= time < self.leave_until:
            return "on leave"
        return "not yet hired" if time < self.hired_on else ""


@dataclass(frozen=True, slots=True)
class Subject:
    """Whom records are about: prominent or not, their staff_id where they work here, household and unit."""

    prominent: bool
    staff_id: str
    household: str
    unit: str


@dataclass(frozen=True, slots=True)
class Service:
    """What a service has declared: model, purpose, resources, fields, records per call (NaN: not said)."""

    model: str
    purpose: str
    resources: frozenset[str]
    fields: frozenset[str]
    typical_records: float


@dataclass(frozen=True, slots=True)
class Feed:
    """A scheduled export that was announced: destination, resource, records, and from when (seconds)."""

    destination: str
    resource: str
    typical_records: float
    starts_on: float


@dataclass(frozen=True)
class Context:
    """The registers that detectors look things up in.

    Attributes:
        staff: staff_id, role, unit, shift, household, hired_on, left_on, leave_from, leave_until.
        subjects: subject_id, prominent, staff_id, household, unit.
        services: service, model, purpose, resources, fields (comma-separated) and typical_records; a service
            with two models has two rows.
        feeds: scheduled exports that were announced: actor, destination, resource, typical_records,
            starts_on.

    Any of them may be None or empty; only the first column of each is required. What is then not known is
    listed in ``gaps``. Looked up are ``people`` (by staff_id), ``records_of`` (by subject_id), ``declared``
    (by service and model) and ``announced`` (by actor).

    Raises:
        UserError: if a table is no DataFrame, its first column is missing or empty somewhere, or an
            identifier stands twice.
    """

    staff: pd.DataFrame | None = None
    subjects: pd.DataFrame | None = None
    services: pd.DataFrame | None = None
    feeds: pd.DataFrame | None = None
    people: Mapping[str, Person] = field(init=False, repr=False)
    records_of: Mapping[str, Subject] = field(init=False, repr=False)
    declared: Mapping[tuple[str, str], Service] = field(init=False, repr=False)
    announced: Mapping[str, tuple[Feed, ...]] = field(init=False, repr=False)
    gaps: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        gaps: list[str] = []
        staff = _table(self.staff, "staff", STAFF_COLUMNS, gaps)
        subjects = _table(self.subjects, "subjects", SUBJECT_COLUMNS, gaps)
        services = _table(self.services, "services", SERVICE_COLUMNS, gaps)
        feeds = _table(self.feeds, "feeds", FEED_COLUMNS, [])
        feeds["starts_on"] = _seconds(feeds["starts_on"], "starts_on").fillna(float("-inf"))
        announced: dict[str, tuple[Feed, ...]] = {}
        for actor, destination, resource, typical, starts in _rows(feeds, FEED_COLUMNS):
            feed = Feed(destination, resource, _number(typical), starts)
            announced[actor] = (*announced.get(actor, ()), feed)
        for name in DATES:
            staff[name] = _seconds(staff[name], name)
        staff["hired_on"] = staff["hired_on"].fillna(float("-inf"))
        for name in DATES[1:]:
            staff[name] = staff[name].fillna(float("inf"))
        people = {row[0]: Person(*row[1:]) for row in _rows(staff, STAFF_COLUMNS)}
        records = {row[0]: Subject(bool(row[1]), *row[2:]) for row in _rows(subjects, SUBJECT_COLUMNS)}
        declared = {
            (name, model): Service(model, purpose, parts(resources), parts(fields), _number(typical))
            for name, model, purpose, resources, fields, typical in _rows(services, SERVICE_COLUMNS)
        }
        for name, value in (
            ("staff", staff), ("subjects", subjects), ("services", services), ("feeds", feeds),
            ("people", people), ("records_of", records), ("declared", declared), ("announced", announced),
            ("gaps", tuple(gaps)),
        ):  # fmt: skip
            object.__setattr__(self, name, value)

    @classmethod
    def of(cls, month: Any) -> Context:
        """Return the context of what has ``staff``, ``subjects``, ``services``, ``feeds``: a month."""
        return cls(*(getattr(month, name, None) for name in ("staff", "subjects", "services", "feeds")))


def parts(text: str) -> frozenset[str]:
    """Return the parts of a comma-separated list.

    >>> sorted(parts("age, sex,,age"))
    ['age', 'sex']
    """
    return frozenset(part for part in (piece.strip() for piece in text.split(",")) if part)


def _table(
    given: pd.DataFrame | None, name: str, columns: Mapping[str, Any], gaps: list[str]
) -> pd.DataFrame:
    key = next(iter(columns))
    if given is None:
        gaps.append(f"There is no table '{name}'.")
        return pd.DataFrame({column: pd.Series(dtype=object) for column in columns})
    if not isinstance(given, pd.DataFrame):
        raise UserError(f"The table '{name}' must be a DataFrame, not {type(given).__name__}: pass a table.")
    if key not in given.columns:
        there = ", ".join(shown(str(column)) for column in given.columns[:20]) or "none"
        raise UserError(f"The table '{name}' has no column '{key}' (it has {there}): rename or add it.")
    renamed = {"typical_records": next((c for c in given.columns if str(c).startswith("typical")), "")}
    table = pd.DataFrame(index=range(len(given)))
    for column, default in columns.items():
        source = column if column in given.columns else renamed.get(column, "")
        if source in given.columns:
            values = given[source].reset_index(drop=True)
            table[column] = _plain(values) if default in (None, "") else values
        else:
            gaps.append(f"The table '{name}' has no column '{column}'.")
            table[column] = default
    if (table[key] == "").any():
        raise UserError(f"The table '{name}' has a row without '{key}': complete or drop it.")
    keys = {"services": [key, "model"], "feeds": list(columns)[:3]}.get(name, [key])
    twice = int(table.duplicated(keys).sum())
    if twice:
        raise UserError(
            f"The table '{name}' has {twice:,} rows whose '{key}' stood before: keep one of each."
        )
    if "prominent" in table:
        table["prominent"] = (
            table["prominent"].fillna(False).astype(str).str.lower().isin(["true", "1", "yes"])
        )
    return table


def _plain(values: pd.Series) -> pd.Series:
    return values.astype(object).where(values.notna(), "").map(str)


def _seconds(values: pd.Series, name: str) -> pd.Series:
    try:
        times = pd.to_datetime(values, utc=True)
    except (ValueError, TypeError):
        raise UserError(f"The column '{name}' holds no dates: write them as 2026-03-31.") from None
    seconds = [float("nan") if pd.isna(time) else time.timestamp() for time in times]
    return pd.Series(seconds, index=values.index, dtype=float)


def _rows(table: pd.DataFrame, columns: Mapping[str, Any]) -> zip[tuple[Any, ...]]:
    return zip(*(table[name].tolist() for name in columns), strict=True)


def _number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return float("nan")
