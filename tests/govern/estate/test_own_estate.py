"""An organization describes its own estate in a YAML file; mistakes in it are told in a sentence."""

from __future__ import annotations

import gzip
import json
import sqlite3
from contextlib import closing
from pathlib import Path

import duckdb
import pandas as pd
import pytest

from secure_ai.core.errors import UserError
from secure_ai.govern.estate import load_estate
from tests.govern.estate.conftest import DAY

DESCRIPTION = """
stores:
  - {kind: sqlite, path: clinic.sqlite, table: people, data_class: medical_record, column: id}
  - {kind: duckdb, path: bills.duckdb, table: bills, data_class: claim, column: id}
  - {kind: file, path: extract.parquet, data_class: research_extract, column: id}
  - {kind: file, path: calls.jsonl.gz, name: calls, data_class: message, column: id, mentions: [text]}
  - {kind: file, path: visits.csv, name: visits, data_class: medical_record, column: id, date_column: day}
  - {kind: texts, path: letters, name: letters, data_class: medical_record}
  - {kind: log, path: "logs/*.jsonl", name: log}
identities:
  - {store: people, key_column: id, columns: {name: name, mail: email, born: birth_date}}
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    with closing(sqlite3.connect(tmp_path / "clinic.sqlite")) as connection:
        connection.execute("CREATE TABLE people (id TEXT, name TEXT, mail TEXT, born TEXT)")
        connection.executemany(
            "INSERT INTO people VALUES (?, ?, ?, ?)",
            [
                ("K000001", "Ada Prime", "ada@example.org", "1980-01-02"),
                ("K000002", "Bo Second", "bo@example.org", "1990-03-04"),
            ],
        )
        connection.commit()
    with closing(duckdb.connect(str(tmp_path / "bills.duckdb"))) as connection:
        connection.execute("CREATE TABLE bills (id TEXT, amount INTEGER)")
        connection.execute("INSERT INTO bills VALUES ('K000001', 5), ('K000002', 7)")
    pd.DataFrame({"id": ["K000001", "K000002"], "n": [1, None]}).to_parquet(tmp_path / "extract.parquet")
    lines = [{"id": "K000001", "text": "hello"}, {"id": "K000002", "text": "Prime, ADA called", "x": 1.50}]
    with gzip.open(tmp_path / "calls.jsonl.gz", "wt", encoding="utf-8") as file:
        file.writelines(json.dumps(line) + "\n" for line in lines)
    (tmp_path / "visits.csv").write_text(
        'id,day,why\nK000001,2024-01-01,"a, b"\nK000002,2024-02-02,"line\nbreak"\nK000002,2026-02-02,x\n',
        encoding="utf-8",
    )
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "a.jsonl").write_text("", encoding="utf-8")
    for key in ("K000001", "K000002"):
        (tmp_path / "letters" / key).mkdir(parents=True)
        (tmp_path / "letters" / key / "1.txt").write_text("To ada@example.org\n", encoding="utf-8")
    (tmp_path / "estate.yaml").write_text(DESCRIPTION, encoding="utf-8")
    return tmp_path


def test_a_person_is_erased_from_an_estate_of_ones_own(place: Path) -> None:
    estate = load_estate(place / "estate.yaml")
    (person,) = estate.find(name="ada prime", birth_date="1980-01-02")
    assert {one.store for one in estate.holdings(person)} == {
        "people", "bills", "extract.parquet", "calls", "visits", "letters",
    }  # fmt: skip
    receipt = estate.erase(person, today=DAY, reference="R-1")
    assert receipt.complete, receipt.traces.found
    assert (place / "visits.csv").read_text(encoding="utf-8") == (
        'id,day,why\nK000002,2024-02-02,"line\nbreak"\nK000002,2026-02-02,x\n'
    )
    with gzip.open(place / "calls.jsonl.gz", "rt", encoding="utf-8") as file:
        assert [json.loads(line) for line in file] == [{"id": "K000002", "text": "[ERASED] called", "x": 1.5}]
    assert pd.read_parquet(place / "extract.parquet").to_dict("list")["id"] == ["K000002"]
    assert (place / "letters" / "K000002" / "1.txt").read_text(encoding="utf-8") == "To [ERASED]\n"
    assert not (place / "letters" / "K000001").exists()


def test_rows_of_before_a_day_expire_except_under_a_hold(place: Path) -> None:
    visits = load_estate(place / "estate.yaml").store("visits")
    assert visits.expire(DAY.replace(year=2025), frozenset({"K000002"})).records == 1
    assert visits.expire(DAY.replace(year=2025)).records == 1
    assert list(visits.rows(["day"])) == [("2026-02-02",)]


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("kind: duckdb", "kind: oracle", r"stores\.1"),
        ("path: visits.csv", "path: gone.csv", "not there"),
        ("logs/*.jsonl", "gone/*.jsonl", "store log is not there"),
        ('"logs/*.jsonl"', "logs/gone.jsonl", "store log is not there"),
        ("store: people", "store: nobody", "identities name nobody"),
        ("column: id,", "colum: id,", "extract.parquet|stores"),
        ("name: letters", "name: calls", "name of another"),
        ("stores:", "stores: [", "no valid YAML"),
        ("extract.parquet", "extract.xlsx", "convert it"),
    ],
)
def test_a_mistake_in_the_description_is_told_in_a_sentence(
    place: Path, old: str, new: str, told: str
) -> None:
    (place / "estate.yaml").write_text(DESCRIPTION.replace(old, new), encoding="utf-8")
    with pytest.raises(UserError, match=told):
        load_estate(place / "estate.yaml")
