"""A file of a store that is missing or damaged is told in a sentence before anything is erased."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from secure_ai.core.errors import UserError
from secure_ai.govern.estate import Backup, Estate, PseudonymLog, RecordFile, Subject, TextFolder
from secure_ai.govern.estate.rewriting import wipe
from tests.govern.estate.conftest import DAY, busiest

Build = Callable[..., Estate]
NOBODY = Subject("K-nobody", "p-nobody")


def _damages(path: Path) -> dict[str, bytes | None]:
    content = path.read_bytes()
    return {
        "missing": None,
        "junk": b"junk" * 50,
        "no text": b"\xff\xfe\x00PK\x03\x04" * 20,
        "empty": b"",
        "cut": content[: len(content) * 2 // 3],
    }


STORES = [
    "patients", "claims", "extract of readmissions", "training rows", "model", "full-text index",
    "vector index", "access log", "statistics",
]  # fmt: skip
TELLING = {"access log": {"empty"}}
"""What is no damage: a log that has nothing yet."""


def test_every_store_tells_a_file_that_is_missing_or_damaged_and_nothing_is_erased(build: Build) -> None:
    estate = build(backup=False)
    person = busiest(estate)
    before = estate.export(person)
    silent, wrong = [], []
    for name in STORES:
        store = estate.store(name)
        path = next(path for path in store.files if not path.name.startswith("access-1"))
        content = path.read_bytes()
        for damage, damaged in _damages(path).items():
            if damage in TELLING.get(name, set()):
                continue
            if damaged is None:
                path.unlink()
            else:
                path.write_bytes(damaged)
            try:
                store.holding(person)
                silent.append((name, damage))
            except UserError:
                pass
            except Exception as error:
                wrong.append((name, damage, type(error).__name__))
            path.write_bytes(content)
    assert (silent, wrong) == ([], [])
    log = estate.folder / "logs" / "access.jsonl"
    log.unlink()
    with pytest.raises(UserError, match=r"access\.jsonl of access log is not there"):
        estate.erase(person, today=DAY, reference="R-1")
    log.write_text("", encoding="utf-8")
    assert list(estate.journal.entries()) == []
    assert {**estate.export(person), "access log": []} == {**before, "access log": []}


@pytest.mark.parametrize("sector", ["healthcare", "finance"])
def test_an_erasure_without_its_log_is_refused(build: Build, sector: str) -> None:
    estate = build(sector, backup=False)
    (estate.folder / "logs" / "access.jsonl").unlink()
    person = busiest(estate)
    with pytest.raises(UserError, match="not there"):
        estate.erase(person, today=DAY, reference="R-1")
    assert estate.people.knows(person.key)


BAD_RECORDS = {
    "another table": ("a.csv", b"nr,what\n1,x\n2,y\n"),
    "junk": ("a.csv", b"junk" * 40),
    "empty": ("a.csv", b""),
    "a row that is cut off": ("a.csv", b"id,day\nK1,2024-01-01\nK2"),
    "a row with too much": ("a.csv", b"id,day\nK1,2024-01-01,x,y\n"),
    "no text": ("a.csv", b"id,day\n\xff\xfe\xff,1\n"),
    "lines of another kind": ("a.jsonl", b'{"nr": 1}\n{"nr": 2}\n'),
    "no object": ("a.jsonl", b'{"id": "K1"}\n["K1"]\n'),
    "no JSON": ("a.jsonl", b'{"id": "K1"}\n{"id": "K2\n'),
    "not packed": ("a.jsonl.gz", b'{"id": "K1"}\n'),
    "packed and cut": ("a.csv.gz", gzip.compress(b"id,day\n" + b"K1,2024-01-01\n" * 500)[:40]),
    "no Parquet": ("a.parquet", b"junk" * 40),
    "empty Parquet": ("a.parquet", b""),
}


@pytest.mark.parametrize("bad", BAD_RECORDS)
def test_a_file_of_records_that_cannot_be_judged_is_refused_and_stays(bad: str, tmp_path: Path) -> None:
    name, content = BAD_RECORDS[bad]
    path = tmp_path / name
    path.write_bytes(content)
    store = RecordFile(path, column="id", date_column="day")
    for ask in (
        lambda: store.holding(NOBODY),
        lambda: store.export(NOBODY),
        lambda: list(store.rows(["id", "day"])),
        lambda: store.expire(DAY),
        lambda: store.erase([NOBODY]),
    ):
        with pytest.raises(UserError, match=r"a\.\w+"):
            ask()
    assert path.read_bytes() == content
    assert list(tmp_path.iterdir()) == [path]


def test_a_table_without_the_key_column_in_parquet_is_refused(tmp_path: Path) -> None:
    import pandas as pd

    path = tmp_path / "a.parquet"
    pd.DataFrame({"nr": [1]}).to_parquet(path)
    store = RecordFile(path, column="id")
    for ask in (lambda: store.holding(NOBODY), lambda: store.erase([NOBODY])):
        with pytest.raises(UserError, match="no field id"):
            ask()


def test_lines_of_a_log_that_are_no_entries_are_told_by_number(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text('{"person": "p-1", "time": "2024-01-01"}\njunk\n', encoding="utf-8")
    log = PseudonymLog(lambda: [path])
    for ask in (lambda: log.holding(NOBODY), lambda: log.expire(DAY)):
        with pytest.raises(UserError, match=r"[Ll]ine 2 of log\.jsonl"):
            ask()


def test_a_log_whose_entries_are_over_stays_an_empty_log(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text('{"person": "p-1", "time": "2024-01-01"}\n', encoding="utf-8")
    log = PseudonymLog(lambda: [path])
    assert log.expire(DAY).records == 1
    assert path.read_bytes() == b""
    assert log.holding(Subject("K1", "p-1")).records == 0


def test_a_log_that_names_no_file_at_all_is_told() -> None:
    with pytest.raises(UserError, match="no file"):
        PseudonymLog(lambda: []).holding(NOBODY)


def test_a_folder_of_texts_that_is_gone_is_told(tmp_path: Path) -> None:
    store = TextFolder(tmp_path / "letters")
    for ask in (lambda: store.holding(NOBODY), lambda: store.erase([NOBODY]), lambda: store.expire(DAY)):
        with pytest.raises(UserError, match="letters"):
            ask()


def test_a_backup_whose_period_was_over_does_not_stop_erasures_and_its_copies_forget(build: Build) -> None:
    estate = build()
    person = busiest(estate)
    backup: Backup = estate.store("nightly backup")
    copy = backup.path.with_name("copy.sqlite")
    copy.write_bytes(backup.path.read_bytes())
    wipe(backup.path)
    receipt = estate.erase(person, today=DAY, reference="R-1", search=False)
    told = next(one for one in receipt.removals if one.store == backup.name)
    assert "is not there" in told.note
    assert person.pseudonym not in dict(backup.restore(copy))


@pytest.mark.parametrize("content", [b"", b"junk" * 50, None])
def test_a_backup_that_is_damaged_is_told(build: Build, content: bytes | None) -> None:
    estate = build()
    person, backup = busiest(estate), estate.store("nightly backup")
    raw = backup.path.read_bytes()
    backup.path.write_bytes(raw[: len(raw) // 2] if content is None else content)
    with pytest.raises(UserError, match="no backup, or damaged"):
        estate.erase(person, today=DAY, reference="R-1")
    assert estate.people.knows(person.key)
    assert list(estate.journal.entries()) == []


def test_a_retired_model_holds_nothing_and_stops_nobody(build: Build) -> None:
    estate = build(backup=False)
    model, rows = estate.store("model"), estate.store("training rows")
    rows.path.write_text(rows.path.read_text(encoding="utf-8").splitlines()[0] + "\n", encoding="utf-8")
    wipe(model.path)
    person = busiest(estate)
    assert model.holding(person).records == 0
    assert model.expire(DAY).records == 0
    assert model.files == ()
    assert estate.erase(person, today=DAY, reference="R-1", search=False).complete


@pytest.mark.parametrize("sector", ["healthcare", "finance"])
def test_a_model_goes_with_its_last_training_row(build: Build, sector: str) -> None:
    estate = build(sector, backup=False)
    model, rows = estate.store("model"), estate.store("training rows")
    columns = [rows.column, model.label]
    key, label = next(iter(rows.rows(columns)))
    # Rows of this person, and of one class besides: without the person nothing can be learned any more.
    other = next(one for one in rows.rows(columns) if one[1] != label and one[0] != key)[1]
    lines = rows.path.read_text(encoding="utf-8").splitlines(keepends=True)
    held = list(rows.rows(columns))
    kept = [line for line, one in zip(lines[1:], held, strict=True) if one[0] == key or one[1] == other]
    rows.path.write_text("".join([lines[0], *kept]), encoding="utf-8")
    model.create()
    own = sum(one[0] == key for one in rows.rows(columns))
    person = estate.subject(key)
    receipt = estate.erase(person, today=DAY, reference="R-1", search=False)
    assert receipt.complete
    assert not model.path.exists()
    assert next(one for one in receipt.removals if one.store == "model").records == own
    assert model.holding(person).records == 0


def test_a_model_that_is_missing_while_it_has_training_rows_is_told(build: Build) -> None:
    estate = build(backup=False)
    model = estate.store("model")
    model.path.unlink()
    with pytest.raises(UserError, match="train it again"):
        model.holding(NOBODY)
    assert json.loads(model.create().path.read_text(encoding="utf-8"))["rows"] > 0


def test_a_model_whose_file_grew_as_much_as_the_person_is_does_not_pass_as_unlearned(build):
    estate = build("healthcare", backup=False)
    model, rows = estate.store("model"), estate.store("training rows")
    person = next(one for one in map(estate.subject, estate.people.keys()) if model.holding(one).records == 1)
    path = rows.files[0]
    lines = path.read_text(encoding="utf-8").splitlines()
    other = next(line for line in lines[1:] if person.key not in line)
    path.write_text("\n".join([*lines, other]) + "\n", encoding="utf-8")
    assert model.holding(person).records == 1
    before = path.parent.joinpath("model.json").read_bytes()
    removal = model.erase([person])
    assert removal.records == 1 and "trained again" in removal.method
    assert path.parent.joinpath("model.json").read_bytes() != before
    assert model.holding(person).records == 0
