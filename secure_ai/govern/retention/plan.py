"""The plan of a sweep: what should go from a store, and what a hold or a law keeps there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Literal

from secure_ai.govern.estate.store import Holding, Store
from secure_ai.govern.estate.subject import Subject
from secure_ai.govern.retention.due import Due, counts_of, due_in, owners_of
from secure_ai.govern.retention.holds import Hold
from secure_ai.govern.retention.report import StoreSweep
from secure_ai.govern.retention.schedule import RetentionSchedule

FOLLOWING = ("vector_index", "aggregate", "model")
"""Kinds of stores without dates that are made anew from what their sources keep."""
UNKNOWN_PERSON = "person not known"


@dataclass(frozen=True)
class Plan:
    """What is to happen in one store.

    Attributes:
        result: the report as far as it is known, ``removed`` being what should go.
        total: records in the store.
        keep: values by which the store may know persons whose records stay.
        go: persons of whom something goes.
        way: ``"date"``: records by date; ``"person"``: everything of the persons (the end of their
            relationship decides); ``"whole"``: the whole file; ``"follow"``: made anew from its sources.
    """

    result: StoreSweep
    total: int = 0
    keep: frozenset[str] = frozenset()
    go: tuple[Subject, ...] = ()
    way: Literal["date", "person", "whole", "follow"] = "date"


@dataclass(frozen=True)
class Planner:
    """What a plan rests on: the schedule, the holds that stand, the day and the people."""

    schedule: RetentionSchedule
    holds: Sequence[Hold]
    today: date
    roster: Mapping[str, Subject]

    def plan(self, store: Store) -> Plan:
        """Work out what is due in a store, and what keeps it."""
        if store.data_class not in self.schedule.classes:
            return Plan(self.blank(store, "unassessed", f"the schedule has no class {store.data_class}"))
        rule = self.schedule.rule(store.data_class)
        if rule.starts == "end_of_relationship":
            return self._by_relationship(store)
        cutoff = rule.maximum.cutoff(self.today)
        if store.kind in FOLLOWING and not hasattr(store, "date_column"):
            said = "made anew from the records that are left"
            return Plan(replace(self.blank(store, "planned", said), cutoff=cutoff), way="follow")
        if store.kind == "backup" and not hasattr(store, "date_column"):
            return self._whole_backup(store, cutoff)
        due = due_in(store, cutoff, self.today, self.roster)
        blank = replace(
            self.blank(store, "nothing due"), cutoff=cutoff, undated=due.undated, future=due.future,
            unit="records" if due.counted else "persons",
        )  # fmt: skip
        if due.total and due.undated == due.total:
            # Such as a table of the people themselves: it goes with the end of the relationship.
            return self._by_relationship(store)
        return self._by_date(store, blank, due) if due.records else Plan(blank, due.total)

    def blank(self, store: Store, status: Any, reason: str = "") -> StoreSweep:
        """Return a result with nothing in it yet."""
        known = store.data_class in self.schedule.classes
        maximum = str(self.schedule.rule(store.data_class).maximum) if known else ""
        return StoreSweep(store.name, store.kind, store.data_class, maximum, None, status, reason=reason)

    def _by_date(self, store: Store, blank: StoreSweep, due: Due) -> Plan:
        names = owners_of(store, self.roster)
        held, duty, keep, go = Counter(), Counter(), set(), []
        removed, judged_by_person = 0, self.schedule.needs_persons(store.data_class)
        for owner, one in due.by_owner.items():
            person = names.get(owner)
            holds = [hold.id for hold in self._holds(store, person) if hold.overlaps(one.oldest, one.newest)]
            law = UNKNOWN_PERSON if judged_by_person else ""
            if person is not None:
                block = self.schedule.person_block(store.data_class, person, self.today)
                law = block.reference if block else ""
            held.update(dict.fromkeys(holds, one.records))
            if law:
                duty[law] += one.records
            if holds or law:
                keep |= {owner} if person is None else {owner, person.key, person.pseudonym}
            else:
                removed += one.records
                go += [] if person is None else [person]
        if "" in keep:
            # Stores delete records of nobody, for they are in nobody's name; here a hold may be about one.
            said = "records without a person may be under a hold or a duty: say whose they are"
            return Plan(replace(blank, status="unassessed", reason=said, due=due.records), due.total)
        status = "planned" if removed else "kept"
        result = replace(
            blank, status=status, due=due.records, removed=removed, held=dict(held), duty=dict(duty)
        )
        return Plan(result, due.total, frozenset(keep), _once(go))

    def _whole_backup(self, store: Store, cutoff: date) -> Plan:
        """Plan for a backup that goes as a whole, unless a hold covers somebody in it."""
        blank = replace(self.blank(store, "nothing due"), cutoff=cutoff, unit="files")
        held, found = Counter(), None
        for person in self.roster.values():
            holding = store.holding(person) if found is None or self._holds(store, person) else None
            if holding is None or not holding.records:
                continue
            found = holding
            if holding.newest is None:
                return Plan(replace(blank, status="unassessed", reason="the backup has no date"), 1)
            if holding.newest >= cutoff:
                return Plan(blank, 1)
            # What a backup holds of a person has many dates: a hold on some days covers all of it.
            held |= Counter({hold.id: 1 for hold in self._holds(store, person)})
        if found is None:
            return Plan(blank)
        status = "kept" if held else "planned"
        result = replace(blank, status=status, due=1, removed=0 if held else 1, held=dict(held))
        return Plan(result, 1, way="whole")

    def _by_relationship(self, store: Store) -> Plan:
        ended, blank = self.schedule.relationship_end, self.blank(store, "nothing due")
        if ended is None:
            said = "the store knows no dates, and no end of relationships is known: give relationship_end"
            return Plan(replace(blank, status="unassessed", reason=said))
        maximum = self.schedule.rule(store.data_class).maximum
        held, duty, go = Counter(), Counter(), []
        total = due = removed = undated = 0
        counts = counts_of(store)
        for person in self.roster.values():
            records = store.holding(person).records if counts is None else counts[person.key]
            total, end = total + records, ended(person)
            undated += records if end is None else 0
            if not records or end is None or maximum.after(end) >= self.today:
                continue
            if counts is not None and not getattr(store, "date_column", ""):
                holding = Holding(store.name, store.data_class, records, end, end)
            else:
                holding = store.holding(person)
            if holding.newest is None:
                holding = replace(holding, oldest=end, newest=end)
            due += holding.records
            holds = [
                hold.id
                for hold in self._holds(store, person)
                if hold.overlaps(holding.oldest, holding.newest)
            ]
            laws = [block.reference for block in self.schedule.blocks(person, holding, self.today)]
            held.update(dict.fromkeys(holds, holding.records))
            duty.update(dict.fromkeys(laws[:1], holding.records))
            if not holds and not laws:
                go.append(person)
                removed += holding.records
        status = "nothing due" if not due else "planned" if removed else "kept"
        result = replace(
            blank, status=status, due=due, removed=removed, held=dict(held), duty=dict(duty), undated=undated
        )
        return Plan(result, total, go=tuple(go), way="person")

    def _holds(self, store: Store, person: Subject | None) -> list[Hold]:
        # A record of somebody whom nobody knows may be the one that a hold is about; a cache holds copies,
        # and the hold keeps what they are copies of.
        unknown = store.kind != "cache"
        return [
            hold
            for hold in self.holds
            if (not hold.data_classes or store.data_class in hold.data_classes)
            and (not hold.persons or (unknown if person is None else person.pseudonym in hold.persons))
        ]


def _once(people: Sequence[Subject]) -> tuple[Subject, ...]:
    return tuple({person.key: person for person in people}.values())
