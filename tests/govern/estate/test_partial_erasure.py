"""What had to stay is found and erased later, and a hold bites whenever it is placed."""

from __future__ import annotations

import gzip
import shutil
import sqlite3
import warnings
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest

from secure_ai.core.errors import UserError
from secure_ai.encrypt.key_rings import LocalKeyRing, PersonKeys
from secure_ai.govern.estate import Block, Estate, Holding, Removal, Subject, build_estate
from secure_ai.govern.estate.build import BACKUP_DAY
from secure_ai.govern.retention import Holds
from tests.govern.estate.conftest import DAY

WHO = {"healthcare": ("patients", "patient_id"), "finance": ("customers", "customer_id")}
TEXTS = {"healthcare": ("notes", "messages"), "finance": ("chats", "emails")}
OWN = ("ssn", "phone", "email", "mrn", "drivers_license", "health_plan_number")
RECORDS = ("account_id", "iban", "account_number", "pan", "token", "claim_id", "encounter_id", "loan_id")
CLASSES = {
    "healthcare": (
        "medical_record", "message", "cache", "claim", "search_index", "training_data", "model", "statistics",
        "research_extract", "backup", "access_log",
    ),
    "finance": (
        "customer_record", "wire", "account", "transaction", "message", "loan", "cache", "search_index",
        "training_data", "model", "statistics", "research_extract", "backup", "access_log",
    ),
}  # fmt: skip
QUICK = {("healthcare", "message"), ("finance", "wire")}
CASES = [
    pytest.param(sector, name, marks=() if (sector, name) in QUICK else pytest.mark.slow)
    for sector, names in CLASSES.items()
    for name in names
]


class Hold:
    """A legal hold on these classes of data."""

    def __init__(self, *classes: str) -> None:
        self.classes = classes

    def blocks(self, subject: Subject, holding: Holding, today: object) -> list[Block]:
        kept = holding.data_class in self.classes and holding.records
        return [Block("hold", "HOLD-1", "A legal hold forbids to delete these records.")] if kept else []


class House:
    """A built estate that is put back to what it was for each test, and what identifies one person in it."""

    def __init__(self, place: Path, sector: str, tables: dict[str, pd.DataFrame]) -> None:
        main, column = WHO[sector]
        self.sector = sector
        tables = {name: frame.copy() for name, frame in tables.items()}
        people = tables[main].set_index(column)
        names = people["first_name"] + " " + people["last_name"]
        alone = ~names.duplicated(keep=False) & people["email"].notna() & people["phone"].notna()
        texts = [set(tables[name][column]) for name in TEXTS[sector]]
        busy = [*texts, *(set(tables[name][column]) for name in ("loans", "readmissions") if name in tables)]
        if sector == "finance":
            wired = tables["accounts"]["account_id"].isin(set(tables["wires"]["account_id"]))
            busy.append(set(tables["accounts"][column][wired]))
        keys = sorted(people.index[alone])
        self.key = max(keys, key=lambda key: sum(key in one for one in busy))
        self.values = self._identified(tables, column, people.loc[self.key], names[self.key])
        said = f"Please also ask {names[self.key]}, {people.loc[self.key, 'email']}."
        for name in TEXTS[sector]:
            other = tables[name].index[tables[name][column] != self.key][0]
            tables[name].loc[other, "text"] = said
        self.work, self.first = place / "work", place / "first"
        self.estate = build_estate(self.work / "estate", sector, tables, seed=3)
        # Keys that are destroyed do not come back with a copy of their files: each test has new ones.
        self.backup = self.estate.store("nightly backup")
        self.backup.keys.close()
        shutil.copytree(self.work, self.first)

    def _identified(
        self, tables: dict[str, pd.DataFrame], column: str, row: pd.Series, name: str
    ) -> dict[str, str]:
        found = {"key": self.key, "name": name}
        main = tables[WHO[self.sector][0]]
        # What somebody else has, too (the telephone of a household or of staff), points to nobody alone.
        rows = (main[main[column] != self.key], tables["staff"])
        others = {value for frame in rows for value in frame.astype(str).to_numpy().ravel()}
        own_values = {kind: row[kind] for kind in OWN if kind in row and isinstance(row[kind], str)}
        found |= {kind: value for kind, value in own_values.items() if value not in others}
        for table, frame in tables.items():
            own = frame[frame[column] == self.key] if column in frame else frame.iloc[:0]
            for kind in set(RECORDS) & set(own.columns):
                for number, value in enumerate(own[kind].dropna().astype(str).unique()):
                    found[f"{table}.{kind}.{number}"] = value
        return {label: value for label, value in found.items() if len(value) >= 8}

    def reset(self) -> Estate:
        self.close()
        shutil.rmtree(self.work)
        shutil.copytree(self.first, self.work)
        self.estate.people.reread()
        for path in self.backup.files:
            path.unlink()
        ring = LocalKeyRing.in_memory()
        self.backup.keys = PersonKeys.create(self.backup.keys.path, ring, key_name="persons", groups=4)
        self.backup.make(BACKUP_DAY)
        return self.estate

    def close(self) -> None:
        self.backup.keys.close()

    def seen(self) -> list[tuple[str, str]]:
        """Return (file, identifier) of everything that names the person in any file or table."""
        found = []
        for path in sorted(self.work.rglob("*")):
            for text in [
                str(path.relative_to(self.work)).encode(),
                *(_contents(path) if path.is_file() else ()),
            ]:
                low = text.lower()
                found += [
                    (path.name, label)
                    for label, value in self.values.items()
                    if value.lower().encode() in low
                ]
        copies = str(dict(self.estate.store("nightly backup").restore())).lower()
        found += [("restored", label) for label, value in self.values.items() if value.lower() in copies]
        return sorted(set(found))


def _contents(path: Path) -> Iterator[bytes]:
    raw = path.read_bytes()
    yield raw
    if raw[:2] == b"\x1f\x8b":
        yield gzip.decompress(raw)
    elif raw[:6] == b"SQLite":
        with closing(sqlite3.connect(path)) as connection:
            yield "\n".join(connection.iterdump()).encode()
    elif raw[8:12] == b"DUCK":
        with closing(duckdb.connect(str(path), read_only=True)) as connection:
            for (table,) in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall():
                yield connection.execute(f'SELECT * FROM "{table}"').df().to_csv().encode()
    elif raw[:4] == b"PAR1":
        yield pd.read_parquet(path).to_csv().encode()
    elif path.suffix == ".npz":
        with np.load(path, allow_pickle=False) as arrays:
            for name in arrays.files:
                yield " ".join(map(str, arrays[name].ravel())).encode()


@pytest.fixture(scope="module")
def houses(tmp_path_factory: pytest.TempPathFactory, tables: dict) -> Iterator[Callable[[str], House]]:
    made: dict[str, House] = {}

    def house(sector: str) -> House:
        if sector not in made:
            made[sector] = House(tmp_path_factory.mktemp(sector), sector, tables[sector])
        made[sector].reset()
        return made[sector]

    yield house
    for one in made.values():
        one.close()


Houses = Callable[[str], House]


@pytest.mark.slow
@pytest.mark.parametrize("sector", sorted(CLASSES))
def test_every_class_of_the_estate_is_among_the_cases(houses: Houses, sector: str) -> None:
    assert {store.data_class for store in houses(sector).estate.stores} == set(CLASSES[sector])


@pytest.mark.parametrize(("sector", "held"), CASES)
def test_what_a_hold_kept_is_found_and_erased_later(houses: Houses, sector: str, held: str) -> None:
    house = houses(sector)
    estate, person = house.estate, house.estate.subject(house.key)
    assert {"key", "name", "email"} <= {label for _, label in house.seen()}
    first = estate.erase(person, [Hold(held)], today=DAY, reference="R-1", search=False)
    kept = [store for store in estate.stores if store.name in first.blocked]
    assert kept
    assert {store.data_class for store in kept} == {held}
    sealed = b"".join(path.read_bytes() for path in estate.journal.folder.iterdir())
    assert not [label for label, value in house.values.items() if value.encode() in sealed]
    again = estate.subject_by_pseudonym(person.pseudonym)
    assert all(set(values) <= set(again.identifiers[kind]) for kind, values in person.identifiers.items())
    second = estate.erase(again, today=DAY, reference="R-2")
    assert second.complete, second.traces.found
    assert house.seen() == []
    assert list(estate.journal.folder.iterdir()) == []
    assert estate.people.key_of(person.pseudonym) == ""


def test_who_came_since_under_the_same_name_is_left_alone(houses: Houses) -> None:
    house = houses("finance")
    estate, person = house.estate, house.estate.subject(house.key)
    estate.erase(person, [Hold("message")], today=DAY, reference="R-1", search=False)
    other = estate.people.keys()[0]
    first, _, last = person.identifiers["name"][0].partition(" ")
    for field, value in (("first_name", first), ("last_name", last)):
        estate.correct(estate.subject(other), "customers", field, value)
    again = estate.subject_by_pseudonym(person.pseudonym)
    assert person.identifiers["name"][0] in again.shared
    assert other in again.namesakes


class PowerCut(Exception):
    """The process ends here."""


def _cut(house: House, store: str, patch: pytest.MonkeyPatch, blockers: list) -> Subject:
    estate, person = house.estate, house.estate.subject(house.key)
    place = estate.store(store)
    with patch.context() as at_work:
        for verb in ("erase", "remove", "remove_except"):
            if hasattr(place, verb):
                at_work.setattr(place, verb, _power_cut)
        with pytest.raises(PowerCut):
            estate.erase(person, blockers, today=DAY, reference="R-1", search=False)
    return person


def _power_cut(*_: object) -> Removal:
    raise PowerCut


def _reopened(house: House, **options: object) -> Estate:
    old = house.estate
    return Estate(old.stores, old.people, folder=old.folder, suppression=old.suppression, **options)


@pytest.mark.parametrize("given", ["on opening", "by resume"])
def test_a_hold_placed_before_an_interrupted_erasure_is_finished_bites(
    houses: Houses, given: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    house, holds = houses("healthcare"), Holds()
    person = _cut(house, "claims", monkeypatch, [holds])
    before = house.estate.store("claims").holding(person).records
    assert before
    holds.place(matter="M-1", reason="A court asked for these.", by="legal", data_classes=["claim"])
    if given == "on opening":
        (receipt,) = _reopened(house, blockers=[holds]).finished
    else:
        with pytest.warns(UserWarning, match="begun with legal holds"):
            estate = _reopened(house)
        assert estate.finished == ()
        assert estate.waiting == ("R-1",)
        with pytest.raises(UserError, match="begun with legal holds"):
            list(estate.resume())
        (receipt,) = estate.resume([holds])
        assert estate.waiting == ()
    assert set(receipt.blocked) == {"claims"}
    assert house.estate.store("claims").holding(person).records == before
    assert house.estate.people.pseudonym_of(person.key) == person.pseudonym


def test_the_backup_keeps_what_a_late_hold_found_erased(
    houses: Houses, monkeypatch: pytest.MonkeyPatch
) -> None:
    house, holds = houses("healthcare"), Holds()
    person = _cut(house, "nightly backup", monkeypatch, [holds])
    holds.place(matter="M-1", reason="A court asked for these.", by="legal", persons=[person],
                data_classes=["medical_record"])  # fmt: skip
    estate = _reopened(house, blockers=[holds])
    (receipt,) = estate.finished
    assert "nightly backup" in receipt.blocked
    copies = [name for name in dict(estate.store("nightly backup").restore()) if person.pseudonym in name]
    assert len(copies) == 1
    estate.blockers = None
    assert estate.erase(estate.subject_by_pseudonym(person.pseudonym), today=DAY, reference="R-2").complete
    assert house.seen() == []


def test_an_erasure_that_nobody_could_block_is_finished_on_opening(
    houses: Houses, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = houses("healthcare")
    _cut(house, "claims", monkeypatch, [])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        (receipt,) = _reopened(house).finished
    assert receipt.complete


@pytest.mark.parametrize("held", ["message", "cache"])
def test_a_hold_on_a_class_leaves_the_texts_of_others_as_they_are(houses: Houses, held: str) -> None:
    house, holds = houses("healthcare"), Holds()
    estate, person = house.estate, house.estate.subject(house.key)
    (store,) = [one for one in estate.stores if one.data_class == held]
    others = {path: path.read_bytes() for path in store.files if path.parent.name != person.key}
    if held == "cache":
        assert not store.holding(person).records
    assert any(house.values["name"].encode() in content for content in others.values())
    holds.place(matter="M-1", reason="A court asked for these.", by="legal", data_classes=[held])
    receipt = estate.erase(person, [holds], today=DAY, reference="R-1", search=False)
    assert set(receipt.blocked) == {store.name}
    assert not receipt.complete
    assert {path: path.read_bytes() for path in others} == others
