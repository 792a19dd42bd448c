"""An erasure reaches every place, tells what stays, is finished when interrupted, and touches nobody else."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest

from secure_ai.core.audit import AuditLog
from secure_ai.core.errors import UserError
from secure_ai.encrypt.key_rings import LocalKeyRing
from secure_ai.govern.estate import Block, Estate, Holding, Subject, build_estate
from secure_ai.govern.estate.statistics import without
from tests.govern.estate.conftest import DAY, busiest

Build = Callable[..., Estate]


class Keeps:
    """Says that these data classes must stay."""

    def __init__(self, *classes: str) -> None:
        self.classes = classes

    def blocks(self, subject: Subject, holding: Holding, today: object) -> list[Block]:
        if holding.data_class not in self.classes:
            return []
        return [Block("duty", "31 CFR 1010.430", "The law says that these records are kept for five years.")]


@pytest.mark.parametrize("sector", ["healthcare", "finance"])
def test_an_erasure_leaves_no_trace_and_the_search_saw_the_person_before(build: Build, sector: str) -> None:
    estate = build(sector)
    person = busiest(estate)
    before = estate.search(person)
    assert {
        one.name for one in estate.stores if estate_files(one) & {trace.file for trace in before.found}
    } >= {
        one.store for one in estate.holdings(person) if one.store not in {"access log", "statistics", "model"}
    } - {"nightly backup"}
    receipt = estate.erase(person, today=DAY, reference="R-1")
    assert receipt.complete
    assert receipt.traces.found == ()
    assert receipt.traces.unreadable == ()
    assert receipt.records == sum(receipt_records(receipt).values()) > 0
    assert [one.store for one in estate.holdings(person)] == ["access log"]
    with pytest.raises(UserError, match="Nobody is known"):
        estate.subject(person.key)


def estate_files(store: object) -> set[str]:
    return (
        {"/".join(path.parts[-2:]) for path in store.files}
        | {path.name for path in store.files}
        | {"/".join(path.parts[-3:]) for path in store.files}
        | {"/".join([path.parent.parent.name, "[ERASED]", path.name]) for path in store.files}
    )


def receipt_records(receipt: object) -> dict[str, int]:
    return {one.store: one.records for one in receipt.removals}


def test_statistics_are_those_of_before_less_the_person(build: Build) -> None:
    estate = build()
    person = busiest(estate)
    statistics = estate.store("statistics")
    expected = without(statistics.read(), statistics.part_of(person))
    assert expected != statistics.read()
    estate.erase(person, today=DAY, reference="R-1", search=False)
    assert statistics.read() == expected == statistics.compute()


def test_a_backup_forgets_the_person_alone_in_every_copy(build: Build) -> None:
    estate = build()
    person, backup = busiest(estate), estate.store("nightly backup")
    copy = backup.path.with_name("copy-kept-elsewhere.sqlite")
    shutil.copy(backup.path, copy)
    before = dict(backup.restore())
    content = backup.path.read_bytes()
    assert json.dumps(before[person.pseudonym]).count(person.key) > 1
    estate.erase(person, today=DAY, reference="R-1", search=False)
    del before[person.pseudonym]
    assert dict(backup.restore()) == dict(backup.restore(copy)) == before
    assert backup.path.read_bytes() == content


def test_the_model_is_the_one_that_never_saw_the_person(build: Build) -> None:
    estate = build()
    model = estate.store("model")
    person = estate.subject(next(iter(key for (key,) in model.training.rows([model.training.column]))))
    before = model.path.read_text(encoding="utf-8")
    estate.erase(person, today=DAY, reference="R-1", search=False)
    after = model.path.read_text(encoding="utf-8")
    model.create()
    assert before != after == model.path.read_text(encoding="utf-8")


def _two_of_one_name(tables: dict) -> dict:
    patients = tables["healthcare"]["patients"].copy()
    patients.loc[1, ["first_name", "last_name"]] = patients.loc[0, ["first_name", "last_name"]].to_numpy()
    return {**tables["healthcare"], "patients": patients}


def test_of_two_with_one_name_the_other_is_untouched(tmp_path: Path, tables: dict) -> None:
    changed = _two_of_one_name(tables)
    first, second = changed["patients"]["patient_id"][:2]
    name = " ".join(changed["patients"].loc[0, ["first_name", "last_name"]])
    notes = changed["notes"].copy()
    visits = changed["encounters"].groupby("patient_id")["encounter_id"].first()
    columns = ["patient_id", "encounter_id", "text"]
    notes.loc[0, columns] = [second, visits[second], f"{name} feels better."]
    third = changed["patients"]["patient_id"][2]
    phone = changed["patients"].loc[0, "phone"]
    notes.loc[1, columns] = [third, visits[third], f"Asked about {name} in the waiting room."]
    notes.loc[2, columns] = [
        third,
        visits[third],
        f"Driven home by {name.upper()}, {phone.replace('-', '.')}.",
    ]
    estate = build_estate(tmp_path / "e", "healthcare", {**changed, "notes": notes}, seed=3)
    assert [one.key for one in estate.find(name=name)] == [first, second]
    one, other = estate.subject(first), estate.subject(second)
    assert one.namesakes == {second}
    assert name in one.shared
    before = estate.export(other)
    receipt = estate.erase(one, today=DAY, reference="R-1")
    assert receipt.traces.found == ()
    assert estate.export(estate.subject(second)) == before
    texts = dict(estate.store("notes").rows(["note_id", "text"]))
    assert texts[notes.loc[0, "note_id"]] == f"{name} feels better."
    assert texts[notes.loc[1, "note_id"]] == f"Asked about {name} in the waiting room."
    assert texts[notes.loc[2, "note_id"]] == "Driven home by [ERASED], [ERASED]."
    assert "nothing that says who is meant" in next(r.note for r in receipt.removals if r.store == "notes")


def _note_of_another(estate: Estate, person: Subject, text: str) -> str:
    """Write a text into a note of somebody else, and return the note's number."""
    with closing(sqlite3.connect(estate.store("notes").path)) as connection:
        (note,) = connection.execute(
            "SELECT note_id FROM notes WHERE patient_id <> ? LIMIT 1", [person.key]
        ).fetchone()
        connection.execute("UPDATE notes SET text = ? WHERE note_id = ?", [text, note])
        connection.commit()
    return note


def test_a_mention_in_a_note_of_another_is_masked_in_every_way_of_writing(build: Build) -> None:
    estate = build()
    person = busiest(estate)
    first, last = person.identifiers["name"][0].split(" ", 1)
    ssn, phone = person.identifiers["ssn"][0], person.identifiers["phone"][0]
    text = (
        f"Wife: {last.upper()}, {first.lower()}; SSN {ssn.replace('-', ' ')}; call +1 "
        f"{phone.strip('(').replace(') ', '.')}; see {person.identifiers['mrn'][0].lower()} ({person.key})."
    )
    note = _note_of_another(estate, person, text)
    receipt = estate.erase(person, today=DAY, reference="R-1")
    assert receipt.traces.found == ()
    assert dict(estate.store("notes").rows(["note_id", "text"]))[note] == (
        "Wife: [ERASED]; SSN [ERASED]; call [ERASED]; see [ERASED] ([ERASED])."
    )
    assert receipt.mentions >= 5


PLANTED: dict[str, Callable[[Estate, Subject], None]] = {}


def planted(plant: Callable[[Estate, Subject], None]) -> Callable[[Estate, Subject], None]:
    PLANTED[plant.__name__.strip("_").replace("_", " ")] = plant
    return plant


@planted
def _free_pages_of_an_older_deletion(estate: Estate, person: Subject) -> None:
    with closing(sqlite3.connect(estate.store("patients").path)) as connection:
        connection.execute("PRAGMA secure_delete = OFF")
        connection.execute("CREATE TABLE old (a TEXT)")
        connection.executemany("INSERT INTO old VALUES (?)", [(person.identifiers["ssn"][0] * 20,)] * 300)
        connection.commit()
        connection.execute("DROP TABLE old")
        connection.commit()


@planted
def _write_ahead_log(estate: Estate, person: Subject) -> None:
    connection = sqlite3.connect(estate.store("patients").path)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA wal_autocheckpoint = 0")
    connection.execute("UPDATE patients SET street = street || ' ' WHERE patient_id = ?", [person.key])
    connection.commit()
    log = estate.store("patients").path.with_name("hospital.sqlite-wal")
    content = log.read_bytes()
    connection.close()
    log.write_bytes(content)


@planted
def _an_unfinished_draft(estate: Estate, person: Subject) -> None:
    folder = estate.folder / ".report.html.abc123.partial"
    folder.mkdir()
    (folder / "report.html").write_text(person.identifiers["email"][0], encoding="utf-8")


@planted
def _a_cached_answer_about_another(estate: Estate, person: Subject) -> None:
    (estate.folder / "cache" / "x.txt").write_text(
        f"Q: {person.identifiers['email'][0].upper()}?", encoding="utf-8"
    )


@planted
def _a_message_of_another(estate: Estate, person: Subject) -> None:
    other = next(path for path in estate.store("messages").files if path.parent.name != person.key)
    other.write_text(f"My aunt {person.identifiers['name'][0]} says hello.\r\n", encoding="utf-8", newline="")


@pytest.mark.parametrize("trace", PLANTED)
def test_a_trace_in_a_store_is_found_before_and_gone_after(trace: str, build: Build) -> None:
    estate = build(backup=False)
    person = busiest(estate)
    known = {(one.file, one.count) for one in estate.search(person).found}
    PLANTED[trace](estate, person)
    assert {(one.file, one.count) for one in estate.search(person).found} - known, "the search must see it"
    receipt = estate.erase(person, today=DAY, reference="R-1")
    assert receipt.traces.found == ()
    assert receipt.complete


def test_free_blocks_of_duckdb_are_told_and_gone_after(build: Build) -> None:
    estate = build(backup=False)
    person = busiest(estate)
    with closing(duckdb.connect(str(estate.store("claims").path))) as connection:
        connection.execute("CREATE TABLE old AS SELECT md5(i::VARCHAR) AS a FROM range(200000) r(i)")
        connection.execute("CHECKPOINT")
        connection.execute("DROP TABLE old")
        connection.execute("CHECKPOINT")
    assert any("free blocks" in one.reason for one in estate.search(person).unreadable)
    receipt = estate.erase(person, today=DAY, reference="R-1")
    assert receipt.complete
    assert receipt.traces.unreadable == ()


def test_a_file_that_no_store_owns_is_told_and_the_erasure_is_not_called_complete(build: Build) -> None:
    estate = build(backup=False)
    person = busiest(estate)
    (estate.folder / "export of last year.csv").write_text(person.identifiers["mrn"][0], encoding="utf-8")
    receipt = estate.erase(person, today=DAY, reference="R-1")
    assert not receipt.complete
    assert {one.file for one in receipt.traces.found} == {"export of last year.csv"}


def test_the_vector_index_forgets_vector_and_neighbors_and_takes_over_masked_texts(build: Build) -> None:
    estate = build(backup=False)
    index = estate.store("vector index")
    person = busiest(estate)
    note = _note_of_another(estate, person, f"{person.identifiers['name'][0]} visited.")
    index.refresh()
    held = dict(np.load(index.path))
    own = held["owners"] == person.key
    assert own.any()
    vectors, other = [one.tobytes() for one in held["vectors"][own]], held["vectors"][held["ids"] == note]
    estate.erase(person, today=DAY, reference="R-1", search=False)
    raw = index.path.read_bytes()
    assert not any(one in raw for one in vectors)
    assert other[0].tobytes() not in raw
    now = np.load(index.path)
    assert now["neighbors"].max() < len(now["ids"]) == len(held["ids"]) - own.sum()


def test_what_a_law_keeps_is_told_and_kept_whole_and_the_rest_goes(build: Build) -> None:
    audit = AuditLog()
    estate = build("finance", audit=audit)
    person = busiest(estate)
    before = estate.export(person)
    receipt = estate.erase(person, [Keeps("transaction", "account")], today=DAY, reference="R-1")
    assert not receipt.complete
    assert set(receipt.blocked) == {"accounts", "cards", "transactions"} - ({"cards"} - set(before))
    after = estate.export(estate.subject_by_pseudonym(person.pseudonym))
    assert after == {
        store: records
        for store, records in before.items()
        if store in receipt.blocked or store == "access log"
    }
    assert estate.people.pseudonym_of(person.key) == person.pseudonym
    restored = dict(estate.store("nightly backup").restore())
    assert person.pseudonym not in restored
    assert set(restored[f"{person.pseudonym}.2"]) == set(receipt.blocked)
    assert [event.outcome for event in audit.events if event.action == "erase"].count("denied") == len(
        receipt.blocked
    )
    again = estate.erase(estate.subject_by_pseudonym(person.pseudonym), today=DAY, reference="R-2")
    assert again.complete, again.traces.found
    assert f"{person.pseudonym}.2" not in dict(estate.store("nightly backup").restore())


class PowerCut(Exception):
    """The process ends here."""


@pytest.mark.parametrize(
    "store", ["model", "encounters", "claims", "vector index", "statistics", "nightly backup"]
)
@pytest.mark.parametrize("moment", ["before", "after"])
def test_an_interrupted_erasure_is_finished_on_reopening(
    build: Build, store: str, moment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    estate = build()
    person = busiest(estate)
    statistics = estate.store("statistics")
    expected = without(statistics.read(), statistics.part_of(person))
    place = estate.store(store)
    verb = "remove" if hasattr(place, "remove") else "erase"
    work = getattr(place, verb)

    def cut(subjects: list[Subject]) -> None:
        if moment == "after":
            work(subjects)
        raise PowerCut

    with monkeypatch.context() as patch:
        patch.setattr(place, verb, cut)
        with pytest.raises(PowerCut):
            estate.erase(person, today=DAY, reference="R-1")
    sealed = list((estate.folder / "erasures").glob("*.journal"))
    assert len(sealed) == 1
    assert person.key.encode() not in sealed[0].read_bytes()
    again = Estate(estate.stores, estate.people, folder=estate.folder, suppression=estate.suppression)
    assert [one.reference for one in again.finished] == ["R-1"]
    assert not again.search(person)
    assert statistics.read() == expected
    assert list((estate.folder / "erasures").iterdir()) == []


def test_who_was_erased_does_not_come_back_with_an_import(build: Build, tables: dict) -> None:
    estate = build(backup=False)
    person = busiest(estate)
    estate.erase(person, today=DAY, reference="R-1", search=False)
    patients = tables["healthcare"]["patients"]
    kept, left_out = estate.suppression.without(
        patients,
        {"first_name": "name", "last_name": "name", "ssn": "ssn", "mrn": "mrn"},
        birth_date="birth_date",
    )
    assert left_out == 1
    assert person.key not in set(kept["patient_id"])
    assert len(kept) == len(patients) - 1


def test_people_are_found_by_what_is_stated_however_it_is_written(build: Build) -> None:
    estate = build(backup=False)
    person = estate.subject(estate.people.keys()[4])
    name, phone = person.identifiers["name"][0], person.identifiers["phone"][0]
    bare = "".join(filter(str.isdigit, phone))
    assert person.key in [one.key for one in estate.find(name=f"  {name.upper()} ")]
    assert [one.key for one in estate.find(name=name, birth_date=person.birth_date, phone=f"+1 {bare}")] == [
        person.key
    ]
    assert estate.find(name=name, phone="000") == []
    with pytest.raises(UserError, match="at least one"):
        estate.find(name=" ")
    with pytest.raises(UserError, match="shoe_size"):
        estate.find(shoe_size="44")


def test_a_correction_overwrites_the_old_value(build: Build) -> None:
    estate = build(backup=False)
    person = busiest(estate)
    old, new = "an.old.address@example.org", "new@example.org"
    assert estate.correct(person, "patients", "email", old) == 1
    assert old.encode() in estate.store("patients").path.read_bytes()
    assert estate.correct(person, "patients", "email", new) == 1
    assert estate.subject(person.key).identifiers["email"] == (new,)
    assert old.encode() not in estate.store("patients").path.read_bytes()
    with pytest.raises(UserError, match="no column"):
        estate.correct(person, "patients", "patient_id", "P1")
    with pytest.raises(UserError, match="no store"):
        estate.correct(person, "nowhere", "email", "x")


def test_the_trail_and_the_receipt_name_nobody(build: Build) -> None:
    audit = AuditLog()
    estate = build(audit=audit, backup=False)
    person = busiest(estate)
    receipt = estate.erase(person, today=DAY, reference="R-1")
    told = (
        json.dumps(receipt.to_dict())
        + receipt.sentence()
        + "".join(event.to_json() for event in audit.events)
    )
    values = [person.key, *(one for kind, found in person.identifiers.items() for one in found)]
    assert not [value for value in values if value in told]
    assert {event.details.get("reference") for event in audit.events if event.action == "erasure"} == {"R-1"}


def test_the_same_seed_builds_the_same_estate(tmp_path: Path, tables: dict) -> None:
    made = [
        build_estate(tmp_path / str(n), "healthcare", tables["healthcare"], seed=5, backup=False)
        for n in (1, 2)
    ]
    files = [
        {
            path.relative_to(one.folder): path.read_bytes()
            for path in one.files()
            if path.suffix in {".json", ".csv", ".gz", ".jsonl", ".txt"}
        }
        for one in made
    ]
    assert files[0] == files[1]
    assert made[0].people.pseudonyms() == made[1].people.pseudonyms()


def test_an_estate_is_not_built_over_something_else(tmp_path: Path, tables: dict) -> None:
    (tmp_path / "kept.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(UserError, match="not empty"):
        build_estate(tmp_path, "healthcare", tables["healthcare"])
    with pytest.raises(UserError, match="not known"):
        build_estate(tmp_path / "x", "retail", {})
    with pytest.raises(UserError, match="missing"):
        build_estate(tmp_path / "x", "finance", {"customers": pd.DataFrame()})


def test_the_backup_opens_again_with_its_ring(tmp_path: Path, tables: dict) -> None:
    ring = LocalKeyRing.in_memory()
    estate = build_estate(tmp_path / "e", "healthcare", tables["healthcare"], ring=ring)
    assert len(dict(estate.store("nightly backup").restore())) == len(tables["healthcare"]["patients"])
