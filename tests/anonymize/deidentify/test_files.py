"""Files of every format come out whole, of the same shape, and without what the policy removes."""

from __future__ import annotations

import csv
import json
from datetime import date, datetime
from decimal import Decimal

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pydicom
import pytest
from pydicom.data import get_testdata_file

from secure_ai.anonymize import Deidentifier, Key, TokenVault, deidentify_file, generate_key, load_key
from secure_ai.anonymize.deidentify.dicom import ENTITIES, KEPT_TEXT, REMOVED
from secure_ai.anonymize.deidentify.policy import read_policy
from secure_ai.anonymize.deidentify.text import NAMES
from secure_ai.core import UserError
from secure_ai.discover import detect
from secure_ai.discover.checkdigits import luhn_is_valid
from synthetic_data import load
from synthetic_data.healthcare.fhir import ndjson

KEY = Key(bytes(range(64)))
HEADER = "patient_id,first_name,last_name,birth_date,age,zip,city,state,ssn,n_visits,smoker,notes"
ROWS = [
    line.split(",")
    for line in (
        HEADER,
        "P1,Maria,Garcia,1931-03-12,94,02139,Boston,MA,219-09-9999,3,yes,Called Ms. Garcia.",
        "P2,John,Smith,1980-07-01,45,03601,Acworth,NH,219-09-9998,7,no,Dr. Maria Garcia called.",
        "P1,Maria,Garcia,1931-03-22,94,02139,Boston,MA,219-09-9999,1,yes,",
    )
]


def run(path, policy, out=None, **options):
    out = out or path.with_name("out" + path.suffix)
    key = None if policy == "safe_harbor" else KEY
    receipt = deidentify_file(path, out, policy, **{"key": key, "seed": 1, "as_of": 2026, **options})
    return receipt, out


def write_csv(path, rows, **options):
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, **options).writerows(rows)
    return path


def read_csv(path, **options):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file, **options))


@pytest.fixture
def table(tmp_path):
    return write_csv(tmp_path / "patients.csv", ROWS)


def test_safe_harbor_leaves_years_states_and_three_zip_digits(table):
    receipt, out = run(table, "safe_harbor")
    first, second, third = read_csv(out)
    assert first["birth_date"] == "[DATE_OF_BIRTH]" and second["birth_date"] == "1980"
    assert first["age"] == "90+" and second["age"] == "45"
    assert (first["zip"], second["zip"]) == ("021", "000")
    assert (first["city"], first["state"]) == ("[LOCATION]", "MA")
    assert first["first_name"] == "[PERSON]" and first["ssn"] == "[US_SSN]"
    assert first["patient_id"] == third["patient_id"] != second["patient_id"]
    assert "P1" not in first["patient_id"]
    assert "Garcia" not in out.read_text()
    assert receipt.clean and receipt.rows == 3
    # Nothing is known of a count, and Safe Harbor's policy keeps no such column unasked.
    assert "n_visits" not in first and first["smoker"] == "yes"


def test_a_kept_column_of_unknown_kind_is_listed_as_not_examined(table):
    receipt, out = run(table, "expert_determination")
    assert "n_visits" in receipt.unexamined
    assert read_csv(out)[0]["n_visits"] == "3"
    assert "Not examined and kept: n_visits" in receipt.to_markdown()


def test_a_person_has_one_name_in_columns_and_in_text(table):
    _, out = run(table, "pseudonymize")
    first, second, third = read_csv(out)
    assert (first["first_name"], first["last_name"]) == (third["first_name"], third["last_name"])
    assert f"{first['first_name']} {first['last_name']}" in second["notes"]
    (again,) = Deidentifier("pseudonymize", KEY).text(["Patient: Maria Garcia"])
    assert again == f"Patient: {first['first_name']} {first['last_name']}"


def test_dates_of_a_person_keep_their_interval(table):
    _, out = run(table, "expert_determination")
    first, _, third = read_csv(out)
    moved = date.fromisoformat(third["birth_date"]) - date.fromisoformat(first["birth_date"])
    assert moved.days == 10 and first["birth_date"] != "1931-03-12"


@pytest.mark.parametrize("policy", ["safe_harbor", "limited_data_set", "pseudonymize"])
def test_csv_and_parquet_come_out_alike(table, tmp_path, policy):
    frame = pd.read_csv(table, dtype={"zip": str})
    frame.to_parquet(tmp_path / "patients.parquet")
    run(tmp_path / "patients.parquet", policy)
    _, out = run(table, policy)
    from_csv = pd.read_csv(out, dtype=str, keep_default_na=False)
    from_parquet = pq.read_table(tmp_path / "out.parquet").to_pandas()
    assert list(from_csv) == list(from_parquet)
    for name in ("patient_id", "first_name", "zip", "ssn"):
        assert from_csv[name].tolist() == from_parquet[name].astype(str).tolist()


def test_parquet_keeps_the_types_of_what_stays(tmp_path):
    table = pa.table(
        {
            "patient_id": pa.array([1, 2, None], pa.int64()),
            "birth_date": pa.array([date(1931, 3, 12), date(1980, 7, 1), None], pa.date32()),
            "seen": pa.array(
                pd.to_datetime(["2024-01-05 10:00", "2024-01-09 10:00", None]), pa.timestamp("us")
            ),
            "age": pa.array([94, 45, None], pa.int16()),
            "city": pa.array(["Boston", "Acworth", None], pa.large_string()),
            "glucose": pa.array([1.5, 2.5, None], pa.float32()),
            "kind": pa.array(["a", "b", "a"]).dictionary_encode(),
        }
    )
    pq.write_table(table, tmp_path / "t.parquet")
    receipt, out = run(tmp_path / "t.parquet", "expert_determination")
    new = pq.read_table(out)
    assert new.schema.field("birth_date").type == pa.date32()
    assert new.schema.field("seen").type == pa.timestamp("us")
    assert new.schema.field("age").type == pa.int16() and new["age"].to_pylist() == [90, 45, None]
    assert new.schema.field("glucose").type == pa.float32()
    assert new.schema.field("city").type == pa.large_string()
    assert new["seen"].to_pylist()[0].hour == 10
    assert new["patient_id"].to_pylist()[2] is None
    assert any("patient_id (int64 to string)" in note for note in receipt.notes)


@pytest.mark.parametrize("policy", ["safe_harbor", "limited_data_set", "pseudonymize"])
@pytest.mark.parametrize("sector", ["healthcare", "finance"])
def test_a_detector_finds_in_tables_only_what_was_put_there(policy, sector, tmp_path):
    data = load(sector, rows=120, seed=5)
    name = "patients" if sector == "healthcare" else "customers"
    worker = Deidentifier(policy, None if policy == "safe_harbor" else KEY, seed=1, as_of=2026)
    frame = data.tables[name]
    new = worker.table(frame)
    assert worker.receipt().clean
    for column in ("ssn", "phone", "email", "street"):
        assert not [1 for old, made in zip(frame[column], new[column], strict=True) if old == made]
    names = zip(frame["first_name"] + frame["last_name"], new["first_name"] + new["last_name"], strict=True)
    assert not [1 for old, made in names if old == made]
    if policy == "safe_harbor":
        texts = [str(v) for c in new.select_dtypes("str") for v in new[c].unique()]
        # A state or a race alone in its cell stays by its column's rule, whatever a model takes it for.
        found = [s for t, spans in zip(texts, detect(texts), strict=True) for s in spans if "[" not in t]
        assert not [s for s in found if s.entity_type not in NAMES]


def test_a_policy_names_columns_by_glob(table):
    policy = read_policy(
        "name: ours\nstandard: expert_determination\n"
        "columns: {'n_*': keep, ssn: {action: mask, keep_last: 4}, zip: drop}"
    )
    _, out = run(table, policy)
    first = read_csv(out)[0]
    assert first["n_visits"] == "3" and first["ssn"] == "***-**-9999" and "zip" not in first


def test_a_policy_cannot_keep_a_column_that_its_standard_removes(table):
    policy = read_policy("name: ours\nstandard: safe_harbor\ncolumns: {ssn: keep}")
    with pytest.raises(UserError, match=r"ssn.*US_SSN"):
        run(table, policy)
    assert sorted(p.name for p in table.parent.iterdir()) == ["patients.csv"]


def test_csv_that_stays_is_written_as_it_was(tmp_path):
    text = 'n;amount;comment\r\n1;1.50;"a; b"\r\n2;007;"say ""hi"""\r\n'
    path = tmp_path / "t.csv"
    path.write_bytes(text.encode())
    policy = read_policy("name: ours\nstandard: pseudonymization\ncolumns: {'*': keep}")
    _, out = run(path, policy)
    assert out.read_bytes().decode() == text


def test_dates_in_the_text_of_a_row_move_with_the_dates_of_its_person():
    rows = 60
    frame = pd.DataFrame(
        {
            "patient_id": [f"P{i % 7}" for i in range(rows)],
            "seen_date": ["02/03/2024"] * rows,
            "note": ["Patient was seen in the clinic on 02/03/2024 and sent home."] * (rows - 1) + [None],
        }
    )
    new = Deidentifier("expert_determination", KEY).table(frame)
    assert len(set(new["seen_date"])) > 1 and "02/03/2024" not in set(new["seen_date"])
    for seen, note in zip(new["seen_date"][:-1], new["note"][:-1], strict=True):
        assert note == f"Patient was seen in the clinic on {seen} and sent home."
    assert new["note"].isna().tolist() == [False] * (rows - 1) + [True]


@pytest.mark.parametrize("odd", ["2024-02-30", "13/45/2024", "", "soon", None])
def test_one_odd_date_does_not_stop_the_others(odd):
    frame = pd.DataFrame({"patient_id": [1, 1, 2], "visit_date": ["2024-02-03", "2024-02-10", odd]})
    first, second, third = Deidentifier("expert_determination", KEY).table(frame)["visit_date"].tolist()
    assert (date.fromisoformat(second) - date.fromisoformat(first)).days == 7
    assert third in {"[DATE_TIME]", "", None} or pd.isna(third)


@pytest.mark.parametrize(
    "policy", ["safe_harbor", "limited_data_set", "expert_determination", "pseudonymize"]
)
def test_odd_types_are_handled_or_dropped_and_never_stop_the_run(policy):
    table = pa.table(
        {
            "patient_id": [1, 2],
            "age": pa.array([Decimal(94), None]),
            "birth_date": pa.array([datetime(1930, 1, 1), None], pa.timestamp("ns", "UTC")),
            "visit_date": pa.array([date(1, 1, 1), date(9999, 12, 31)]),
            "l": pa.array([["Maria Garcia"], None]),
            "s": pa.array([{"name": "Maria Garcia"}, None]),
            "n": pa.nulls(2),
            "zip": pa.array([2139, None]),
            "phone": pa.array([6175550123.0, None]),
            "email": pa.array(["maria@example.com", None]).dictionary_encode(),
            "year_of_birth": pa.array([1930, None]),
        }
    )
    worker = Deidentifier(policy, None if policy == "safe_harbor" else KEY, seed=1, as_of=2026)
    new = worker.table(table).to_pydict()
    assert "Garcia" not in str(new) and "maria@" not in str(new) and "6175550123" not in str(new)
    assert list(new["s"][0]) == ["name"] and new["s"][1] is None and len(new["l"][0]) == 1
    if policy == "safe_harbor":
        assert new["birth_date"][0] is None and new["age"][0] == 90 and new["zip"][0] == "021"


def test_names_in_a_column_that_only_seems_clinical_are_read(tmp_path):
    path = tmp_path / "r.json"
    path.write_text('["Patient: Maria Garcia", "hypertension", "asthma", 5, null]')
    _, out = run(path, "safe_harbor")
    assert json.loads(out.read_text()) == ["Patient: [PERSON]", "hypertension", "asthma", 5, None]


def test_json_lines_keep_their_shape(tmp_path):
    path = tmp_path / "r.jsonl"
    record = {
        "patient": {"id": 7, "name": "Maria Garcia", "phones": ["617-555-0123", None], "vip": False},
        "visits": [{"date": "2024-02-03", "glucose": 5.4}, {"date": "2024-02-10", "glucose": 6.1}],
        "note": "Called Ms. Garcia at 617-555-0123.",
        "maria@example.com": {"x": 1},
    }
    path.write_text("".join(json.dumps({**record, "n": i}) + "\n" for i in range(30)))
    receipt, out = run(path, "pseudonymize")
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    assert len(lines) == 30 and receipt.rows == 30 and receipt.clean
    new = lines[0]
    assert (
        set(new) - {"maria@example.com"} >= {"patient", "visits", "note", "n"}
        and "maria@example.com" not in new
    )
    assert new["patient"]["vip"] is False and new["patient"]["phones"][1] is None
    days = [date.fromisoformat(visit["date"]) for visit in new["visits"]]
    assert (days[1] - days[0]).days == 7 and days[0] != date(2024, 2, 3)
    assert (
        "Maria" not in out.read_text() and "Garcia" not in out.read_text() and "0123" not in out.read_text()
    )
    assert new["visits"][0]["glucose"] == 5.4


def test_fhir_references_still_meet_their_targets(tmp_path):
    data = load("healthcare", rows=100, seed=5)
    folder = tmp_path / "in"
    folder.mkdir()
    for kind, lines in ndjson(data.tables).items():
        (folder / f"{kind}.ndjson").write_bytes(lines)
    receipt, out = run(folder, "safe_harbor", tmp_path / "out")
    resources = [json.loads(line) for path in out.iterdir() for line in path.read_text().splitlines()]
    ids = {f"{r['resourceType']}/{r['id']}" for r in resources}
    references = {r[k]["reference"] for r in resources for k in ("subject", "patient") if k in r}
    assert references and references <= ids
    text = json.dumps(resources)
    patients = data.tables["patients"]
    for column in ("last_name", "street", "ssn", "mrn", "phone", "city", "email", "emergency_contact_name"):
        assert not [value for value in patients[column].dropna() if f'"{value}"' in text]
    assert receipt.clean


PATIENT = {
    "resourceType": "Patient",
    "id": "p1",
    "meta": {"lastUpdated": "2024-02-03T10:00:00Z", "source": "https://mary.example.com"},
    "text": {"status": "generated", "div": "<div>Maria Garcia</div>"},
    "name": [{"family": "Garcia", "given": ["Maria", "Luz"]}, {"text": "Maria Garcia"}],
    "identifier": [
        {"system": "urn:mrn", "value": "00123456", "type": {"coding": [{"code": "MR"}]}},
        {"system": "http://hl7.org/fhir/sid/us-ssn", "value": "219-09-9999"},
    ],
    "telecom": [{"system": "phone", "value": "617-555-0123"}],
    "address": [{"line": ["12 Oak St"], "city": "Boston", "state": "MA", "postalCode": "02139"}],
    "birthDate": "1980-07-01",
    "_birthDate": {"extension": [{"url": "x", "valueDateTime": "1980-07-01T05:00:00Z"}]},
    "photo": [{"contentType": "image/png", "data": "aGVsbG8="}],
    "contact": [
        {"name": {"text": "Jose Garcia"}, "telecom": [{"system": "email", "value": "jose@example.com"}]},
    ],
    "generalPractitioner": [{"reference": "Practitioner/9", "display": "Dr. John Smith"}],
    "extension": [
        {"url": "http://hl7.org/fhir/StructureDefinition/patient-mothersMaidenName", "valueString": "Lopez"},
        {"url": "http://hl7.org/fhir/StructureDefinition/birthPlace", "valueAddress": {"city": "Boston"}},
        {"url": "geolocation", "extension": [{"url": "latitude", "valueDecimal": 42.1}]},
        {"url": "http://hl7.org/fhir/us/core/StructureDefinition/us-core-birthsex", "valueCode": "F"},
    ],
}  # fmt: skip


@pytest.mark.parametrize("policy", ["safe_harbor", "limited_data_set", "pseudonymize"])
def test_every_corner_of_a_patient_resource_is_handled(policy, tmp_path):
    path = tmp_path / "p.ndjson"
    path.write_text(json.dumps(PATIENT) + "\n")
    _, out = run(path, policy)
    text = out.read_text()
    for value in (
        "Maria",
        "Garcia",
        "Luz",
        "00123456",
        "219-09",
        "0123",
        "Oak",
        "aGVsbG8",
        "jose",
        "Smith",
        "Lopez",
        "42.1",
        "mary",
    ):
        assert value not in text, value
    new = json.loads(text)
    assert new["extension"][-1]["valueCode"] == "F"
    if policy == "safe_harbor":
        assert new["birthDate"] == "1980" and "Boston" not in text and "-07-01" not in text
        assert new["address"][0]["postalCode"] == "021"


@pytest.mark.parametrize("policy", ["safe_harbor", "limited_data_set", "pseudonymize"])
def test_dicom_headers_lose_names_ids_private_attributes_and_instance_uids(policy, tmp_path):
    source = get_testdata_file("CT_small.dcm")
    first, second = tmp_path / "a.dcm", tmp_path / "b.dcm"
    receipt = deidentify_file(source, first, policy, key=KEY, seed=1)
    deidentify_file(source, second, policy, key=KEY, seed=1)
    old, new, again = pydicom.dcmread(source), pydicom.dcmread(first), pydicom.dcmread(second)
    assert str(new.PatientName) != str(old.PatientName) and new.PatientID != old.PatientID
    assert not [e for e in new.iterall() if e.tag.is_private]
    assert new.SOPInstanceUID == again.SOPInstanceUID != old.SOPInstanceUID
    assert new.file_meta.MediaStorageSOPInstanceUID == new.SOPInstanceUID
    assert new.SOPClassUID == old.SOPClassUID and new.PixelData == old.PixelData
    assert new.PatientIdentityRemoved == "YES"
    assert (new.StudyDate == old.StudyDate) is (policy == "limited_data_set")
    assert any("burned into pixels" in note for note in receipt.notes)


def test_the_list_of_dicom_attributes_names_real_ones():
    from pydicom.datadict import tag_for_keyword

    assert all(tag_for_keyword(keyword) for keyword in {*ENTITIES, *REMOVED, *KEPT_TEXT})


def test_a_folder_gets_one_name_for_one_person_and_numbers_for_file_names(tmp_path):
    folder = tmp_path / "garcia"
    (folder / "sub").mkdir(parents=True)
    (folder / "maria.txt").write_text("Patient: Maria Garcia\n")
    (folder / "sub" / "notes.txt").write_text("Dr. Maria Garcia\n")
    receipt, out = run(folder, "pseudonymize", tmp_path / "out")
    texts = [path.read_text() for path in sorted(out.iterdir())]
    assert [path.name for path in sorted(out.iterdir())] == ["0001.txt", "0002.txt"]
    assert texts[0].removeprefix("Patient: ") == texts[1].removeprefix("Dr. ")
    assert receipt.files == 2


def test_text_is_linked_over_the_parts_of_a_long_file(tmp_path):
    path = tmp_path / "long.txt"
    path.write_text("Patient: Maria Garcia\n\n" + "nothing to see here\n" * 12_000 + "\nGarcia came back.\n")
    _, out = run(path, "safe_harbor")
    text = out.read_text()
    assert text.endswith("[PERSON] came back.\n") and text.count("nothing to see here\n") == 12_000


BAD_FILES = [
    ("a.txt", b"caf\xe9", "UTF-8"),
    ("a.txt", b"a\0b", "null bytes"),
    ("a.txt", b"", "empty"),
    ("a.txt", b"x" * 5_000_000, "line of more than"),
    ("a.csv", b"name,age\ncaf\xe9,1\n", "UTF-8"),
    ("a.csv", b"name,age\na\0b,1\n", "binary|null"),
    ("a.csv", b"name,name\nMaria,Garcia\n", "twice"),
    ("a.csv", b"name,age\nMaria,1,2\n", "a.csv"),
    ("a.csv", b'name,age\n"Maria,1\n', "a.csv"),
    ("a.csv", b"name,age\n", "no rows"),
    ("a.parquet", b"PAR1 this is no parquet file PAR1", "a.parquet"),
    ("a.jsonl", b'{"a": 1}\n{"a": \n', "a.jsonl:2"),
    ("a.jsonl", b'{"a": NaN}\n', "a.jsonl:1"),
    ("a.jsonl", b"\n\n", "no records"),
    ("a.jsonl", b"[" * 200_000, "nested"),
    ("a.jsonl", b'{"a": 1, "a": 2}\n', "twice"),
    ("a.ndjson", b'{"resourceType": "Patient"}\n{"x": 1}\n', "resourceType"),
    ("a.dcm", b"no dicom at all" * 20, "DICOM"),
    ("a.docx", b"PK", "ending"),
]


@pytest.mark.parametrize(("name", "content", "said"), BAD_FILES, ids=range(len(BAD_FILES)))
def test_a_bad_file_is_refused_in_one_sentence_and_the_old_output_stays(name, content, said, tmp_path):
    path, out = tmp_path / name, tmp_path / f"out.{name.split('.')[1]}"
    path.write_bytes(content)
    out.write_text("old")
    with pytest.raises(UserError, match=said) as refused:
        run(path, "safe_harbor", out)
    assert "\n" not in str(refused.value) and "Maria" not in str(refused.value)
    assert out.read_text() == "old"
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted([name, out.name])


def test_a_truncated_parquet_file_leaves_the_old_output(tmp_path, table):
    whole = tmp_path / "w.parquet"
    pd.DataFrame({"name": [f"n{i}" for i in range(50_000)]}).to_parquet(whole)
    cut = tmp_path / "c.parquet"
    cut.write_bytes(whole.read_bytes()[:-2000])
    with pytest.raises(UserError, match=r"c\.parquet"):
        run(cut, "safe_harbor")
    assert not (tmp_path / "out.parquet").exists()


def test_places_that_cannot_be_written_are_refused(tmp_path, table):
    folder = tmp_path / "folder"
    folder.mkdir()
    cases = [(table, table, "same"), (table, folder, "folder"),
             (tmp_path / "no.csv", tmp_path / "o.csv", "not exist"),
             (folder, folder / "inner", "one in the other"), (folder, table, "is a file"),
             (table, tmp_path / "o.parquet", "ending")]  # fmt: skip
    for source, out, said in cases:
        with pytest.raises(UserError, match=said):
            run(source, "safe_harbor", out)
    with pytest.raises(UserError, match="holds no files"):
        run(folder, "safe_harbor", tmp_path / "o")


def test_a_folder_of_other_files_is_not_replaced_and_an_earlier_output_is(tmp_path):
    folder, out = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    (folder / "a.txt").write_text("Maria Garcia\n")
    out.mkdir()
    (out / "thesis.txt").write_text("mine")
    with pytest.raises(UserError, match="would be lost"):
        run(folder, "safe_harbor", out)
    assert (out / "thesis.txt").read_text() == "mine"
    for _ in range(2):
        run(folder, "safe_harbor", tmp_path / "new")
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["0001.txt"]


def test_a_full_disk_is_said_and_leaves_nothing(tmp_path, table, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("secure_ai.anonymize.deidentify.delimited.plan_table", full)
    with pytest.raises(UserError, match="no room"):
        run(table, "safe_harbor")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["patients.csv"]


def test_a_key_file_is_made_once_and_for_its_owner_only(tmp_path):
    path = generate_key(tmp_path / "k")
    assert path.stat().st_mode & 0o777 == 0o600
    assert len(load_key(path).secret) == 64
    assert str(load_key(path).secret) not in repr(load_key(path))
    with pytest.raises(UserError, match="exists"):
        generate_key(path)
    path.chmod(0o644)
    with pytest.warns(UserWarning, match="chmod 600"):
        load_key(path)


@pytest.mark.parametrize("content", ["", "c2hvcnQ=", "no base64!", "\udcff"])
def test_what_is_no_key_is_refused(content, tmp_path):
    path = tmp_path / "k"
    path.write_bytes(content.encode("utf-8", "surrogateescape"))
    with pytest.raises(UserError, match="secure-ai key"):
        load_key(path)
    with pytest.raises(UserError, match="does not exist"):
        load_key(tmp_path / "none")


def test_vault_tokens_keep_the_form_and_are_never_cards(tmp_path):
    vault = TokenVault(tmp_path / "v", KEY)
    cards = [f"4111-1111-{i:04d}-1111" for i in range(300)]
    tokens = [vault.number(card, "CREDIT_CARD", keep_last=4) for card in cards]
    assert len(set(tokens)) == len(cards)
    for card, token in zip(cards, tokens, strict=True):
        assert len(token) == len(card) and token[4] == "-" and token.endswith("1111") and token != card
        assert not luhn_is_valid(token)
    vault.save()
    again = TokenVault(tmp_path / "v", KEY)
    assert again.number(cards[0], "CREDIT_CARD", keep_last=4) == tokens[0]
    assert again.value_of(tokens[0]) == cards[0].replace("-", "")
    assert b"4111" not in (tmp_path / "v").read_bytes()
    assert (tmp_path / "v").stat().st_mode & 0o777 == 0o600
    with pytest.raises(UserError, match="another key"):
        TokenVault(tmp_path / "v", Key(bytes(64)))
    with pytest.raises(UserError, match="key-file"):
        TokenVault(tmp_path / "v")
    (tmp_path / "w").write_text("no vault")
    with pytest.raises(UserError, match="not a vault"):
        TokenVault(tmp_path / "w", KEY)


def test_a_vault_that_runs_out_says_so():
    vault = TokenVault(seed=1)
    with pytest.raises(UserError, match="no more tokens"):
        for i in range(10):
            vault.number(str(i), "X")
