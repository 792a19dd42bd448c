"""Whatever the table comes in, the same is found; and what is no table ends in a sentence."""

from __future__ import annotations

import gzip
import json
import os
import sqlite3
import zipfile
from pathlib import Path
from urllib.parse import quote

import duckdb
import pandas as pd
import pytest

from secure_ai.assess.inputs import Inputs
from secure_ai.assess.opening.fhir_tables import flattened, open_fhir
from secure_ai.assess.parameters import AssessmentParameters
from secure_ai.assess.progress import Progress
from secure_ai.assess.registry import part_of
from secure_ai.assess.section import Section
from secure_ai.core import UserError
from secure_ai.core.sources import load_extension


def inputs(place: Path | str, **options) -> Inputs:
    return Inputs(AssessmentParameters.read({"data": str(place), "sector": "healthcare", **options}))


def assessed(place: Path | str, **options) -> dict[str, Section]:
    with inputs(place, **options) as opened:
        return {
            name: part_of(name).run(opened, Progress())
            for name in ("data.inventory", "data.exposure", "data.reidentification")
        }


FRAME = pd.DataFrame(
    {
        "zip_code": [f"02{100 + i % 40}" for i in range(200)],
        "age": [20 + i % 50 for i in range(200)],
        "sex": [("f", "m")[i % 2] for i in range(200)],
        "email": [f"user{i}@example.org" for i in range(200)],
    }
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sources")
    FRAME.to_csv(folder / "people.csv", index=False)
    FRAME.to_csv(folder / "people.tsv", index=False, sep="\t")
    FRAME.to_csv(folder / "latin.csv", index=False, encoding="latin-1", sep=";")
    FRAME.to_parquet(folder / "people.parquet")
    FRAME.to_json(folder / "people.json", orient="records")
    FRAME.to_json(folder / "people.jsonl", orient="records", lines=True)
    with duckdb.connect() as connection:
        load_extension(connection, "excel")
        connection.execute(
            f"COPY (FROM '{folder}/people.parquet') TO '{folder}/people.xlsx' (FORMAT xlsx, HEADER true)"
        )
    with sqlite3.connect(folder / "people.db") as connection:
        FRAME.to_sql("people", connection, index=False)
    return folder


@pytest.fixture(scope="module")
def expected(folder: Path) -> dict[str, Section]:
    return assessed(folder / "people.parquet")


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("people.csv", {}),
        ("people.tsv", {"delimiter": "tab"}),
        ("latin.csv", {"encoding": "latin-1", "delimiter": ";"}),
        ("people.json", {}),
        ("people.jsonl", {}),
        ("people.xlsx", {}),
        ("sqlite", {"table": "people"}),
        ("*.parquet", {}),
    ],
)
def test_every_format_gives_the_same_findings(folder: Path, expected, name: str, options) -> None:
    place = f"sqlite://{folder}/people.db" if name == "sqlite" else folder / name
    found = assessed(place, **options)
    for section in ("data.inventory", "data.exposure", "data.reidentification"):
        assert found[section].facts == expected[section].facts
        assert found[section].findings == expected[section].findings


def test_a_table_of_postgresql_gives_the_same_findings(folder: Path, expected) -> None:
    from secure_ai.access.database.server import database

    with database(url="") as server, server.connect() as connection:
        connection.execute("CREATE TABLE people (zip_code text, age bigint, sex text, email text)")
        with connection.cursor().copy("COPY people FROM STDIN (FORMAT csv, HEADER)") as copy:
            copy.write((folder / "people.csv").read_bytes())
        info = connection.info
        place = f"host={quote(info.host, safe='')}&port={info.port}"
        address = f"postgresql://{info.user}:{quote(info.password)}@/{info.dbname}?{place}"
        found = assessed(address, table="people")
        with pytest.raises(UserError) as told:
            assessed(address, table="nobody")
    assert found["data.reidentification"].facts == expected["data.reidentification"].facts
    assert found["data.inventory"].findings == expected["data.inventory"].findings
    assert not [part for part in ("postgresql:", "@", "host=") if part in str(told.value)]


# ---------------------------------------------------------------- FHIR


def patient(i: int) -> dict:
    return {
        "resourceType": "Patient",
        "id": f"p{i}",
        "text": {"div": f"<div>Smith {i}</div>"},
        "identifier": [
            {"system": "http://hospital.example.org/mrn", "value": f"48{i:06}"},
            {"system": "http://hl7.org/fhir/sid/us-ssn", "value": f"9{i:02}-10-{1000 + i}"},
        ],
        "name": [{"use": "official", "family": f"Smith{i}", "given": ["Anna", "B."]}],
        "telecom": [{"system": "phone", "value": f"212-555-01{i % 90 + 10}"}],
        "gender": ("female", "male")[i % 2],
        "birthDate": f"19{40 + i % 60}-03-{1 + i % 28:02}",
        "address": [{"line": ["1 Maple Street"], "city": "Boston", "postalCode": f"02{100 + i % 30}"}],
    }


def observation(i: int) -> dict:
    return {
        "resourceType": "Observation",
        "id": f"o{i}",
        "subject": {"reference": f"Patient/p{i}"},
        "code": {"coding": [{"code": "4548-4", "display": "Hemoglobin A1c"}]},
        "valueQuantity": {"value": 5 + i % 4, "unit": "%"},
    }


@pytest.fixture(scope="module")
def fhir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fhir")
    resources = [patient(i) for i in range(60)] + [observation(i) for i in range(40)]
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": r} for r in resources]}
    (folder / "bundle.json").write_text(json.dumps(bundle, indent=1), encoding="utf-8")
    lines = "\n".join(json.dumps(patient(i)) for i in range(60))
    (folder / "patients.ndjson").write_text(lines + "\n\n", encoding="utf-8")
    return folder


def test_a_resource_becomes_one_record() -> None:
    record = flattened(patient(3))
    assert record["name.family"] == "Smith3" and record["name.given"] == "Anna B."
    assert record["telecom.phone.value"] == "212-555-0113"
    assert record["identifier.us-ssn.value"] == "903-10-1003"
    assert record["address.postalCode"] == "02103" and record["address.line"] == "1 Maple Street"
    assert "text.div" not in record and "resourceType" not in record


@pytest.mark.parametrize("name", ["bundle.json", "patients.ndjson"])
def test_fhir_is_assessed_by_its_patients(fhir: Path, name: str) -> None:
    found = assessed(fhir / name)
    assert found["data.inventory"].facts["records"] == 60
    finding = found["data.inventory"].findings[0]
    assert finding.id == "data.safe_harbor_identifiers" and "a person directly" in finding.title
    rows = next(
        b for b in found["data.reidentification"].blocks if b.kind == "table" and "Why" in b.title
    ).rows
    chosen = {row[0] for row in rows if row[1] == "quasi-identifier"}
    assert chosen & {"birthDate", "address.postalCode", "gender"}
    for section in found.values():
        assert "smith" not in section.model_dump_json().lower()


def test_another_resource_is_named_as_a_table(fhir: Path) -> None:
    found = assessed(fhir / "bundle.json", table="Observation")
    assert found["data.inventory"].facts["records"] == 40
    with pytest.raises(UserError, match=r"no resource 'Claim'.*Patient \(60\), Observation \(40\)"):
        assessed(fhir / "bundle.json", table="Claim")


def test_json_that_is_no_fhir_is_left_to_the_other_reader(tmp_path: Path) -> None:
    path = tmp_path / "things.json"
    path.write_text('[{"resourceType": "lamp", "watts": 5}, {"resourceType": "bulb", "watts": 7}]')
    assert open_fhir(str(path)) is None
    assert open_fhir(str(tmp_path / "people.csv")) is None
    assert open_fhir("postgresql://host/db.json") is None


@pytest.mark.parametrize(
    "content",
    [
        '{"resourceType": "Bundle", "entry": []}',
        '{"resourceType": "Bundle", "entry": 5}',
        '{"resourceType": "Patient", "name": ',
        '{"resourceType": "Patient"}\n{"resourceType": 5}',
        '{"resourceType": "Patient"}\n[1, 2]',
        '{"resourceType": "Patient"}',
        '{"resourceType": "Bundle", "entry": [{"resource": ' * 2000 + "{}" + "}]}" * 2000,
        '{"resourceType": "Patient", "name": ' + "[" * 100_000 + "]" * 100_000 + "}",
        '{"resourceType": "Patient", ' + ", ".join(f'"k{i}": {i}' for i in range(600)) + "}",
    ],
)
def test_broken_fhir_ends_in_a_sentence(tmp_path: Path, content: str) -> None:
    path = tmp_path / "broken.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(UserError) as told, inputs(path) as opened:
        opened.source  # noqa: B018
    assert len(str(told.value)) < 300 and str(told.value).endswith((".", ")"))


def test_deep_resources_are_cut_and_not_followed(tmp_path: Path) -> None:
    inner: dict = {"value": 1}
    for _ in range(200):
        inner = {"extension": [inner]}
    path = tmp_path / "deep.json"
    path.write_text(json.dumps({"resourceType": "Patient", "gender": "male", **inner}), encoding="utf-8")
    assert open_fhir(str(path)).columns == ["gender"]


# ---------------------------------------------------------------- what is no table


def archive_in_archive(path: Path) -> None:
    with zipfile.ZipFile(path.with_suffix(".inner"), "w") as inner:
        inner.writestr("people.csv", "age,sex\n1,f\n")
    with zipfile.ZipFile(path, "w") as outer:
        outer.write(path.with_suffix(".inner"), "people.zip")


def packed(path: Path) -> None:
    with gzip.open(path, "wb") as file:
        file.write(gzip.compress(b"age,sex\n1,f\n"))


MALFORMED = {
    "nested.zip": archive_in_archive,
    "nested.csv": archive_in_archive,
    "nested.xlsx": archive_in_archive,
    "nested.parquet": archive_in_archive,
    "nested.json": archive_in_archive,
    "packed.csv.gz": packed,
    "packed.parquet": packed,
    "huge_field.csv": lambda path: path.write_text("age,note\n1," + "x" * 5_000_000 + "\n", encoding="utf-8"),
    "open_quote.csv": lambda path: path.write_text('age,note\n1,"' + "x\n" * 1_500_000, encoding="utf-8"),
    "ragged.csv": lambda path: path.write_text("age,sex\n1,f\n2\n3,m,x,y\n", encoding="utf-8"),
    "data_as_header.csv": lambda path: path.write_text(
        "anna@example.org,31\nb@example.org,32\n", encoding="utf-8"
    ),
    "zeros.csv": lambda path: path.write_bytes(bytes(range(256)) * 40),
    "empty.csv": lambda path: path.write_text("", encoding="utf-8"),
    "header_only.csv": lambda path: path.write_text("age,sex\n", encoding="utf-8"),
    "scalar.json": lambda path: path.write_text("5", encoding="utf-8"),
    "deep.json": lambda path: path.write_text("[" * 50_000 + "]" * 50_000, encoding="utf-8"),
    "cut.parquet": lambda path: path.write_bytes(b"PAR1" + bytes(100)),
    "no_database.sqlite": lambda path: path.write_text("hello", encoding="utf-8"),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_what_is_no_table_ends_in_a_sentence_or_is_assessed(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    MALFORMED[name](path)
    try:
        found = assessed(path)
    except UserError as told:
        assert 20 < len(str(told)) < 400 and "\n" not in str(told)
        assert str(tmp_path) not in str(told) and "Traceback" not in str(told)
    else:
        assert found["data.inventory"].facts["records"] > 0


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes")
def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    for name in ("pipe.csv", "pipe.json"):
        os.mkfifo(tmp_path / name)
        with pytest.raises(UserError, match="device or a pipe"):
            assessed(tmp_path / name)


def test_infinite_and_missing_values_are_no_reason_to_stop(tmp_path: Path) -> None:
    path = tmp_path / "odd.parquet"
    with duckdb.connect() as connection:
        connection.execute(
            f"COPY (SELECT CASE WHEN i % 5 = 0 THEN 'inf'::DOUBLE WHEN i % 7 = 0 THEN 'nan'::DOUBLE "
            f"ELSE i % 30 END AS age, NULL::INTEGER AS empty, CASE WHEN i % 3 = 0 THEN 'f' END AS sex "
            f"FROM range(300) t(i)) TO '{path}' (FORMAT parquet)"
        )
    with inputs(path, quasi_identifiers="age, sex") as opened:
        found = {
            n: part_of(n).run(opened, Progress()) for n in ("data.reidentification", "data.anonymization")
        }
    assert found["data.reidentification"].facts["k"] >= 1
    assert found["data.anonymization"].summary


def test_another_row_that_cannot_be_read_is_told_without_its_content(tmp_path: Path) -> None:
    path = tmp_path / "late.csv"
    rows = "".join(f"{i},f\n" for i in range(120_000))
    path.write_text(f"age,sex\n{rows}CANARYVALUE,f,too,many\n", encoding="utf-8")
    with pytest.raises(UserError) as told:
        assessed(path)
    assert "CANARYVALUE" not in str(told.value)
