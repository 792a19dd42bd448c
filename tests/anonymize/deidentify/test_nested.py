"""Nested columns, JSON in text and names of JSON fields lose what the policy removes and keep their types."""

from __future__ import annotations

import json
from datetime import date, datetime
from decimal import Decimal

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from secure_ai.anonymize import Deidentifier, Key, deidentify_file
from secure_ai.anonymize.deidentify.nested import closed, opened, takes_apart
from secure_ai.anonymize.deidentify.policy import read_policy
from secure_ai.anonymize.deidentify.scan import scan
from secure_ai.core import UserError

KEY = Key(bytes(range(64)))
TRUE = ("Xantor", "Quill", "617-555", "12345678", "maria@example.com", "Garcia", "219-09", "Binary")
NESTED = pa.table(
    {
        "patient_id": ["P1", "P2"],
        "contact": pa.array(
            [
                {"name": "Xantor Quill", "phone": "617-555-0123", "born": date(1931, 3, 12), "n": 3},
                {"name": "Ana Lu", "phone": None, "born": None, "n": 4},
            ]
        ),
        "tags": pa.array([["mail maria@example.com", "ok"], None]),
        "js": ['{"name": "Xantor Quill", "mrn": "12345678"}', '{"name": "Ana Lu", "mrn": "22345678"}'],
        "m": pa.array(
            [[("maria@example.com", "v1")], [("k", "Maria Garcia")]], pa.map_(pa.string(), pa.string())
        ),
        "b": pa.array([b"Binary", b"x"]),
        "sb": pa.array([{"x": b"Binary"}, None]),
        "deep": pa.array([[{"ssn": ["219-09-9999"], "at": datetime(2024, 1, 5)}], []]),
    }
)


def worker(policy, **options):
    key = None if policy == "safe_harbor" else KEY
    return Deidentifier(policy, key, seed=1, as_of=2026, **options)


@pytest.mark.parametrize(
    "policy", ["safe_harbor", "limited_data_set", "expert_determination", "pseudonymize"]
)
def test_nested_columns_are_taken_apart_and_keep_their_types(policy, tmp_path):
    pq.write_table(NESTED, tmp_path / "in.parquet")
    receipt = deidentify_file(tmp_path / "in.parquet", tmp_path / "out.parquet", policy, key=KEY, seed=1)
    new = pq.read_table(tmp_path / "out.parquet")
    text = str(new.to_pydict())
    for value in TRUE:
        assert value not in text
    for name in ("contact", "tags", "m", "deep"):
        assert new.schema.field(name).type == NESTED.schema.field(name).type
    assert "b" not in new.column_names and new["tags"].to_pylist()[1] is None
    rules = {change.column: change.rule for change in receipt.columns}
    assert rules["contact"] == "fields" and rules["contact.name"] not in {"keep", "text"}
    assert not any(value in json.dumps(receipt.to_dict()) for value in TRUE)


def test_a_date_in_a_structure_moves_with_the_dates_of_its_person():
    seen = pa.array([{"seen": date(2024, 2, 3)}, {"seen": date(2024, 2, 10)}])
    table = pa.table({"patient_id": ["P1", "P1"], "visit_date": [date(2024, 2, 3)] * 2, "visit": seen})
    new = worker("expert_determination").table(table)
    first, second = (row["seen"] for row in new["visit"].to_pylist())
    assert (second - first).days == 7 and first == new["visit_date"].to_pylist()[0] != date(2024, 2, 3)


def test_a_field_has_a_rule_by_its_path_and_a_structure_no_rule_for_values():
    kept = read_policy("name: ours\nstandard: expert_determination\ncolumns: {contact.n: drop}")
    assert worker(kept).table(NESTED)["contact"].to_pylist()[0]["n"] is None
    wrong = read_policy("name: ours\nstandard: expert_determination\ncolumns: {contact: hash}")
    with pytest.raises(UserError, match="name its fields"):
        worker(wrong).table(NESTED)


VALUES = [
    ({"a": 1, "b": [Decimal("1.10")]}, pa.struct({"a": pa.int8(), "b": pa.list_(pa.decimal128(5, 2))})),
    ([("k", date(2024, 1, 1))], pa.map_(pa.string(), pa.date32())),
    ([{"t": datetime(2024, 1, 1, 5)}], pa.list_(pa.struct({"t": pa.timestamp("us")}))),
]


@pytest.mark.parametrize(("value", "kind"), VALUES, ids=range(len(VALUES)))
def test_what_is_not_changed_comes_back_exactly(value, kind):
    assert takes_apart(kind)
    assert closed(opened(value, kind), value, kind) == value
    json.dumps(opened(value, kind))


def test_names_of_json_fields_that_are_values_are_replaced_everywhere(tmp_path):
    path, out = tmp_path / "r.jsonl", tmp_path / "o.jsonl"
    keys = ["maria@example.com", "jose@example.com", "219-09-9999", "00123456", "Maria Garcia", "a b"]
    path.write_text(json.dumps({key: {"note": "fine"} for key in keys}) + "\n")
    receipt = deidentify_file(path, out, "safe_harbor", seed=1)
    new = json.loads(out.read_text())
    assert len(new) == len(keys) and "a b" in new
    report = out.read_text() + json.dumps(receipt.to_dict()) + receipt.to_markdown()
    report += json.dumps(scan(path).to_dict())
    for key in keys[:-1]:
        assert key not in report


def test_a_cell_may_hold_the_mark_between_parts_of_a_key():
    frame = pd.DataFrame(
        {
            "first_name": ["Xan\x1ftor", "B"],
            "last_name": ["Qui\x1fll", "C"],
            "note": ["Quill\x1f came", "x\x1fy"],
        }
    )
    for policy in ("pseudonymize", "expert_determination", "safe_harbor"):
        assert worker(policy).table(frame)["note"].tolist()[1] == "x\x1fy"


@pytest.mark.parametrize("name", ["dob", "admit_date"])
def test_dates_stored_as_whole_numbers_are_cut_to_their_year(name):
    frame = pd.DataFrame({name: [19310312, 19800701, 20001231] * 5})
    new = worker("safe_harbor").table(frame)[name]
    assert pd.isna(new[0]) and new[1:3].tolist() == [1980, 2000]
