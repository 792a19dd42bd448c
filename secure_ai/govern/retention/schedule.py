"""The retention schedule: how long each class of data must be kept, how long it may be, and what wins."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from secure_ai.core.errors import UserError
from secure_ai.core.frameworks import entry
from secure_ai.core.sources import shown
from secure_ai.govern.estate.store import Block, Holding
from secure_ai.govern.estate.subject import Subject
from secure_ai.govern.retention.periods import Period, birthday, checked_day
from secure_ai.govern.retention.rules import (
    SECTORS,
    STATE,
    ClassRule,
    Duty,
    ScheduleFile,
    data_classes,
    read_schedule_file,
    shipped_schedule,
    statutory_duties,
)

if TYPE_CHECKING:
    import pandas as pd

RelationshipEnd = Callable[[Subject], date | None]


@dataclass(frozen=True, slots=True)
class LintProblem:
    """What is wrong with a schedule.

    Attributes:
        data_class: of which class; empty for the schedule itself.
        problem: what, in a sentence that says what to do.
        refused: whether a schedule with it is not loaded at all.
    """

    data_class: str
    problem: str
    refused: bool


@dataclass(frozen=True)
class RetentionSchedule:
    """How long the organization keeps what; a :class:`~secure_ai.govern.estate.store.Blocker`.

    Where several duties meet, the longest governs: keeping a record longer than the shorter duty breaks
    neither. Where a duty meets the principle that data are kept no longer than necessary, the duty governs
    until it ends, then the maximum; a record goes when both have ended. GDPR Art. 17(3)(b) says so of duties
    of Union or Member State law; for others it does not, and :meth:`conflicts` says that a person decides.
    Of the States, the duties of one apply: where the house is.

    Made with :meth:`load`.

    Attributes:
        content: the schedule as read.
        duties: those of its jurisdictions, and the organization's own.
        relationship_end: says when a person's relationship ended, None while it goes on; without it,
            duties that count from there stand without end.
    """

    content: ScheduleFile
    duties: tuple[Duty, ...]
    relationship_end: RelationshipEnd | None = None

    @classmethod
    def load(
        cls,
        sector_or_file: str | Path,
        *,
        jurisdictions: Sequence[str] | None = None,
        home_state: str | None = None,
        relationship_end: RelationshipEnd | None = None,
        check: bool = True,
    ) -> RetentionSchedule:
        """Return the example schedule of a sector, or an organization's own from its YAML file.

        Args:
            sector_or_file: ``"healthcare"``, ``"finance"``, or a path.
            jurisdictions: whose duties apply, instead of all that the schedule names, its State included.
            home_state: the State where the house is, instead of the schedule's; empty for none.
            relationship_end: see the class.
            check: whether to refuse a schedule that :func:`lint_schedule` would.

        Raises:
            UserError: if an argument or the file is wrong; with ``check`` also if a class has no rule, a
                maximum is shorter than a duty, a jurisdiction is unknown, or two States are named at once.
        """
        if not isinstance(sector_or_file, str | Path) or not str(sector_or_file).strip():
            raise UserError(f"A schedule is loaded for a sector or a file: give {' or '.join(SECTORS)}.")
        if relationship_end is not None and not callable(relationship_end):
            raise UserError("'relationship_end' is a function that returns a person's date, or None.")
        content = (
            shipped_schedule(str(sector_or_file))
            if str(sector_or_file) in SECTORS
            else read_schedule_file(sector_or_file)
        )
        content = _placed(content, jurisdictions, home_state)
        places = {*content.jurisdictions, content.home_state}
        duties = (*(duty for duty in statutory_duties() if duty.jurisdiction in places), *content.duties)
        schedule = cls(content, duties, relationship_end)
        refused = [found for found in lint_schedule(schedule) if found.refused] if check else []
        if refused:
            more = f" ({len(refused) - 1} more: see lint_schedule)" if len(refused) > 1 else ""
            raise UserError(refused[0].problem + more)
        return schedule

    @property
    def sector(self) -> str:
        """The sector whose classes it lists."""
        return self.content.sector

    @property
    def home_state(self) -> str:
        """The State where the house is; empty for none."""
        return self.content.home_state

    @property
    def jurisdictions(self) -> tuple[str, ...]:
        """Whose duties apply, the State's included."""
        return (*self.content.jurisdictions, *filter(None, [self.home_state]))

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes that it has a rule for."""
        return tuple(self.content.classes)

    def with_relationship_end(self, ended: RelationshipEnd) -> RetentionSchedule:
        """Return the schedule with knowledge of when relationships ended."""
        return replace(self, relationship_end=ended)

    def rule(self, data_class: str) -> ClassRule:
        """Return the rule of a class.

        Raises:
            UserError: if the schedule has none: nothing of it may be deleted or kept by guess.
        """
        found = self.content.classes.get(data_class)
        if found is None:
            raise UserError(
                f"The schedule for {self.sector} has no rule for the class '{shown(str(data_class))}': "
                f"add one, or choose from {', '.join(self.classes)}."
            )
        return found

    def duties_of(self, data_class: str, today: date | None = None) -> tuple[Duty, ...]:
        """Return the duties to keep this class, the longest first: those in force on a day, or all."""
        self.rule(data_class)
        found = [
            duty
            for duty in self.duties
            if duty.covers(self.sector, data_class) and (today is None or duty.in_force(today))
        ]
        return tuple(sorted(found, key=lambda duty: (-duty.period.about_days, duty.id)))

    def minimum(self, data_class: str) -> Period | None:
        """Return the longest duty's period; None where nothing must be kept."""
        found = self.duties_of(data_class)
        return found[0].period if found else None

    def needs_persons(self, data_class: str) -> bool:
        """Return whether the end depends on the person (a minor, an open account), not on dates alone."""
        return self.rule(data_class).starts == "end_of_relationship" or any(
            duty.until_age is not None or duty.starts == "end_of_relationship"
            for duty in self.duties_of(data_class)
        )

    def blocks(self, subject: Subject, holding: Holding, today: date) -> Sequence[Block]:
        """Return the duties that forbid to erase this holding as a whole, the longest first.

        A holding without dates is kept, for nobody can say that the period is over.

        Raises:
            UserError: if the class has no rule, or ``today`` is no date.
        """
        checked_day(today)
        duties = self.duties_of(holding.data_class, today)
        if not holding.records:
            return ()
        found = []
        for duty in duties:
            until = self._until(duty, subject, holding.newest)
            if until is None or today <= until:
                found.append(Block("duty", duty.law, _reason(duty, until), until, duty.jurisdiction))
        return tuple(sorted(found, key=lambda block: block.until or date.max, reverse=True))

    def person_block(self, data_class: str, person: Subject, today: date) -> Block | None:
        """Return the duty that keeps a person's records of a class whatever their date: those of a minor.

        Without a birth date nobody can say that it is over, and it stands.
        """
        found = []
        for duty in self.duties_of(data_class, today):
            if duty.until_age is None:
                continue
            born = _birth_date(person)
            until = birthday(born, duty.until_age) if born else None
            if until is None or today <= until:
                said = f"{duty.law} asks to keep records of minors until the age of {duty.until_age}."
                found.append(Block("duty", duty.law, said, until, duty.jurisdiction))
        return max(found, key=lambda block: block.until or date.max, default=None)

    def _until(self, duty: Duty, subject: Subject, newest: date | None) -> date | None:
        """Return the last day of a duty for records whose newest has that date; None where nobody knows."""
        start = newest
        if duty.starts == "end_of_relationship":
            start = self.relationship_end(subject) if self.relationship_end else None
        if start is None:
            return None
        until = duty.period.after(start)
        if duty.until_age is not None:
            born = _birth_date(subject)
            # Without a birth date the person is at most as young as the record.
            until = (
                max(until, birthday(born, duty.until_age))
                if born
                else max(until, birthday(start, duty.until_age))
            )
        return until

    def to_frame(self) -> pd.DataFrame:
        """Return one row per class: ``class``, ``must be kept``, ``by``, ``may be kept``, ``counts from``,
        ``why``, ``verified`` (whether the wording of every duty was read)."""
        import pandas as pd

        rows = []
        for name, rule in self.content.classes.items():
            duties = self.duties_of(name)
            rows.append(
                {
                    "class": name,
                    "must be kept": str(duties[0].period) if duties else "no duty known",
                    "by": "; ".join(f"{duty.law} ({_length(duty)})" for duty in duties),
                    "may be kept": str(rule.maximum),
                    "counts from": (duties[0].starts if duties else rule.starts).replace("_", " "),
                    "why": rule.reason,
                    "verified": "" if not duties else "yes" if all(d.verified for d in duties) else "in part"
                    if any(d.verified for d in duties) else "no",
                }
            )  # fmt: skip
        return pd.DataFrame(rows)

    def conflicts(self) -> pd.DataFrame:
        """Return where duties meet, or a duty meets the limit: ``class``, ``conflict``, ``resolution``."""
        import pandas as pd

        rows = []
        for name, rule in self.content.classes.items():
            duties = self.duties_of(name)
            if len({duty.period for duty in duties}) > 1:
                said = ", ".join(f"{duty.law}: {duty.period}" for duty in duties)
                kept = (
                    f"{duties[0].law} governs with {duties[0].period}: the longest breaks none of the others."
                )
                rows.append((name, said, kept))
            if duties:
                first = duties[0]
                said = f"{self.content.limit}: no longer than necessary; {first.law}: at least {first.period}"
                kept = (
                    f"The duty governs to its end (GDPR Art. 17(3)(b)), then the maximum of {rule.maximum}."
                    if first.of_the_union
                    else f"The duty ({first.jurisdiction}) governs to its end, then the maximum of "
                    f"{rule.maximum}. GDPR Art. 17(3)(b) speaks of Union or Member State law only: where the "
                    "GDPR applies, the privacy office decides."
                )
                rows.append((name, said, kept))
        return pd.DataFrame(rows, columns=["class", "conflict", "resolution"])


def lint_schedule(schedule: RetentionSchedule) -> list[LintProblem]:
    """Return what is wrong with a schedule: no rule, too short a maximum, an unknown law."""
    content, found = schedule.content, []
    known = {duty.jurisdiction for duty in (*statutory_duties(), *content.duties)}
    for place in schedule.jurisdictions:
        if place not in known:
            said = (
                f"The jurisdiction '{shown(place)}' has no duties: choose from {', '.join(sorted(known))}; "
                "for another home_state write its duties into a schedule of your own."
            )
            found.append(LintProblem("", said, True))
    states = sorted({place for place in schedule.jurisdictions if re.fullmatch(STATE, place)})
    if len(states) > 1:
        said = (
            f"The schedule names the States '{states[0]}' and '{states[1]}' at once: name the one where the "
            "house is as home_state."
        )
        found.append(LintProblem("", said, True))
    for name in data_classes(content.sector):
        if name not in content.classes:
            found.append(
                LintProblem(
                    name, f"The class '{name}' has no rule in the schedule: say how long it is kept.", True
                )
            )
    for name, rule in content.classes.items():
        for duty in schedule.duties_of(name):
            if rule.maximum.about_days < duty.period.about_days:
                said = (
                    f"The class '{name}' may be kept for {rule.maximum} only, but {duty.law} says at least "
                    f"{duty.period}: raise the maximum."
                )
                found.append(LintProblem(name, said, True))
            if duty.starts == "end_of_relationship" and rule.starts == "record":
                said = (
                    f"The class '{name}' counts from each record's date, but {duty.law} from the end of the "
                    "relationship: set 'starts: end_of_relationship'."
                )
                found.append(LintProblem(name, said, True))
    for duty in schedule.duties:
        try:
            entry(duty.law)
        except UserError:
            said = f"The duty {duty.id} cites '{shown(duty.law)}', which core/frameworks does not have."
            found.append(LintProblem("", said, False))
        if not duty.verified:
            found.append(
                LintProblem("", f"The wording of {duty.law} was not read at its source: ask counsel.", False)
            )
    return found


def _placed(
    content: ScheduleFile, jurisdictions: Sequence[str] | None, home_state: str | None
) -> ScheduleFile:
    """Return a schedule for other places; a State that is named alone is where the house is."""
    places, home = content.jurisdictions, content.home_state
    if jurisdictions is not None:
        listed = isinstance(jurisdictions, Sequence) and not isinstance(jurisdictions, str | bytes)
        if not listed or not jurisdictions or not all(isinstance(one, str) for one in jurisdictions):
            raise UserError("'jurisdictions' takes a list of at least one: write ['US', 'EU'].")
        places, home = tuple(jurisdictions), ""
    if home_state is not None:
        if not isinstance(home_state, str) or (home_state and not re.fullmatch(STATE, home_state)):
            raise UserError("'home_state' is the State where the house is, such as US-CA, or empty.")
        home = home_state
        places = tuple(place for place in places if not re.fullmatch(STATE, place))
    states = {place for place in places if re.fullmatch(STATE, place)} | {home} - {""}
    if len(states) == 1:
        [home] = states
        places = tuple(place for place in places if place != home)
    return content.model_copy(update={"jurisdictions": places, "home_state": home})


def _length(duty: Duty) -> str:
    return f"{duty.period} from {duty.applies_from}" if duty.applies_from else str(duty.period)


def _reason(duty: Duty, until: date | None) -> str:
    if until is None and duty.starts == "end_of_relationship":
        return (
            f"{duty.law} asks to keep these records for {duty.period} after the relationship ends, "
            "and no end is known."
        )
    if until is None:
        return f"{duty.law} asks to keep these records for {duty.period}, and the store knows no dates."
    return f"{duty.law} asks to keep these records until {until.isoformat()}."


def _birth_date(subject: Subject) -> date | None:
    try:
        return date.fromisoformat(subject.birth_date[:10]) if subject.birth_date else None
    except ValueError:
        return None
