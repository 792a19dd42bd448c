"""An estate in memory: four people, two of the same name, with places of several data classes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime

import pytest

from secure_ai.core.audit import AuditLog
from secure_ai.core.errors import UserError
from secure_ai.govern.estate.receipt import ErasureReceipt
from secure_ai.govern.estate.store import Block, Holding, Removal
from secure_ai.govern.estate.subject import Subject
from secure_ai.govern.rights import RightsDesk

PEOPLE = {
    "P1": {"name": "Ada Sample", "birth_date": "1980-02-29", "mrn": "ZZ11111111", "phone": "(617) 555-0101"},
    "P2": {"name": "Ada Sample", "birth_date": "1991-07-01", "mrn": "ZZ22222222", "phone": "(617) 555-0102"},
    "P3": {"name": "Ben Young", "birth_date": "2015-05-05", "mrn": "ZZ33333333", "phone": "(617) 555-0103"},
    "P4": {"name": "Eve Other", "birth_date": "1975-01-09", "mrn": "ZZ44444444", "phone": "(617) 555-0104"},
}
STORES = {
    "healthcare": {
        "patients": "medical_record",
        "notes": "medical_record",
        "claims": "claim",
        "log": "access_log",
    },
    "finance": {
        "customers": "customer_record",
        "loans": "loan",
        "consents": "consent_record",
        "log": "access_log",
    },
}


class MemoryPeople:
    def __init__(self) -> None:
        self.searches = 0
        self.gone: set[str] = set()

    def find(self, **known: str) -> list[Subject]:
        self.searches += 1
        if unknown := set(known) - {"name", "birth_date", "mrn", "phone"}:
            raise UserError(f"Identifiers of the kind {min(unknown)} are not known here.")
        return [
            self.subject(key)
            for key, person in PEOPLE.items()
            if key not in self.gone and all(person[kind] == value for kind, value in known.items())
        ]

    def key_of(self, pseudonym: str) -> str:
        key = pseudonym.removeprefix("p-")
        return "" if key in self.gone else key

    def subject(self, key: str) -> Subject:
        person = PEOPLE[key]
        identifiers = {kind: (value,) for kind, value in person.items() if kind != "birth_date"}
        return Subject(key, f"p-{key}", identifiers, person["birth_date"])


class MemoryEstate:
    def __init__(self, sector: str) -> None:
        self.classes, self.people = STORES[sector], MemoryPeople()

        self.rows = {name: {key: _rows(name, key) for key in PEOPLE} for name in self.classes}

    def holdings(self, subject: Subject) -> list[Holding]:
        return [
            Holding(name, data_class, len(self.rows[name].get(subject.key, ())))
            for name, data_class in self.classes.items()
        ]

    def export(self, subject: Subject) -> dict[str, list[dict]]:
        return {name: [dict(row) for row in held[subject.key]] for name, held in self.rows.items()}

    def correct(
        self, subject: Subject, store: str, field: str, value: str, *, record: str | None = None
    ) -> int:
        rows = [row for row in self.rows[store][subject.key] if record in {None, row["record_id"]}]
        for row in rows:
            row[field] = value
        return len(rows)

    def erase(self, subject, blockers, *, today, reference, search=True) -> ErasureReceipt:
        removals, blocked = [], {}
        for held in self.holdings(subject):
            found = tuple(block for one in blockers for block in one.blocks(subject, held, today))
            if found:
                blocked[held.store] = found
            else:
                removals.append(Removal(held.store, "deleted", len(self.rows[held.store].pop(subject.key))))
        if not blocked:
            self.people.gone.add(subject.key)
        return ErasureReceipt(reference, subject.pseudonym, today, tuple(removals), blocked)


def _rows(store: str, key: str) -> list[dict]:
    me = PEOPLE[key]
    common = {"key": key, "name": me["name"]}
    texts = {
        "notes": f"{me['name']} seen. Son Ben Young (617) 555-0103, MRN ZZ33333333. Dr. Ann Field.",
        "log": "record opened",
    }
    return [
        common
        | {
            "record_id": f"{store}-{key}-{n}",
            "text": texts.get(store, "nothing special here"),
            "phone": me["phone"],
        }
        | ({"staff_id": "S77", "ip": "192.0.2.9"} if store == "log" else {})
        | (
            {"creditor_name": "Eve Other", "creditor_iban": "ES2600005529971118578042"}
            if store == "loans"
            else {}
        )
        for n in range(2)
    ]


class FixedBlocker:
    def __init__(self, *blocks: Block, data_class: str = "") -> None:
        self._blocks, self._class = blocks, data_class

    def blocks(self, subject: Subject, holding: Holding, today: date) -> Sequence[Block]:
        return self._blocks if self._class in ("", holding.data_class) else ()


class Desk:
    """A desk with a clock that tests set."""

    def __init__(self, sector: str, **options) -> None:
        self.now = datetime(2026, 3, 2, 9, tzinfo=UTC)
        self.audit = AuditLog(clock=lambda: self.now)
        self.estate = MemoryEstate(sector)
        self.desk = RightsDesk(self.estate, sector, audit=self.audit, clock=lambda: self.now, **options)

    def on(self, day: str) -> Desk:
        self.now = datetime.fromisoformat(f"{day}T09:00:00+00:00")
        return self

    def form(self, right: str = "access", residence: str = "us", who: str = "P1", **more) -> dict:
        stated = {kind: PEOPLE[who][kind] for kind in ("name", "birth_date", "mrn")}
        return {"right": right, "residence": residence, "received": self.now.date(), "stated": stated} | more


@pytest.fixture
def hospital() -> Desk:
    return Desk("healthcare")


@pytest.fixture
def bank() -> Desk:
    return Desk("finance")


@pytest.fixture
def make_desk():
    return Desk


@pytest.fixture
def blocker():
    return FixedBlocker
