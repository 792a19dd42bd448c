"""Names that a record holds in fields of its own go from its texts, whatever a detector says."""

from __future__ import annotations

import json

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secure_ai.anonymize import Deidentifier, Key, deidentify_file
from secure_ai.anonymize.deidentify.own_names import known_names, surely_named
from secure_ai.anonymize.deidentify.plan import name_pairs
from secure_ai.core.text import Span

KEY = Key(bytes(range(64)))
ROWS = [
    ("Xantor Quill", "Quill came back for labs.", "Quill"),
    ("Bo Wi", "Spoke with Bo about diet.", "Bo"),
    ("Jean-Luc Zwyx", "zwyx reports pain.", "zwyx"),
    ("Ana Núñez", "NUNEZ called, and Nu\u0301n\u0303ez came.", "NUNEZ"),
    ("Will Long", "Long will come; will stay long.", "Long "),
    ("O'Brien, Tamsin", "O’Brien's cough is gone.", "Brien"),
    ("王小明", "今天王小明来了", "王小明"),
    ("de la Zrk, Qwo", "Mr. Zrk agreed.", "Zrk"),
]


def worker(policy):
    return Deidentifier(policy, None if policy == "safe_harbor" else KEY, seed=1, as_of=2026)


@pytest.mark.parametrize("policy", ["safe_harbor", "limited_data_set", "pseudonymize"])
def test_the_name_of_a_row_goes_from_the_text_of_the_row(policy):
    frame = pd.DataFrame(
        {
            "patient_id": [f"P{i}" for i in range(len(ROWS))],
            "patient_name": [name for name, *_ in ROWS],
            "note": [note for _, note, _ in ROWS],
        }
    )
    new = worker(policy).table(frame)["note"].tolist()
    for text, (*_, gone) in zip(new, ROWS, strict=True):
        assert gone not in text
    assert "will stay long" in new[4] and "cough is gone" in new[5]


def test_the_name_of_another_row_is_not_looked_for():
    frame = pd.DataFrame({"patient_name": ["Ana Grimmick", "Bo Wi"], "note": ["Take care.", "a grimmick b"]})
    assert worker("safe_harbor").table(frame)["note"][1] == "a grimmick b"


def test_a_row_and_its_text_name_the_same_made_up_person():
    frame = pd.DataFrame(
        {
            "patient_first_name": ["Xantor", "Maria"],
            "patient_last_name": ["Quill", "Garcia"],
            "contact_first_name": ["Qwo", "Jose"],
            "contact_last_name": ["Zrk", "Garcia"],
            "note": ["Quill came with Zrk today.", "Maria came with Jose today."],
        }
    )
    new = worker("pseudonymize").table(frame)
    assert new["note"][0] == f"{new['patient_last_name'][0]} came with {new['contact_last_name'][0]} today."
    assert new["note"][1] == f"{new['patient_first_name'][1]} came with {new['contact_first_name'][1]} today."
    (again,) = worker("pseudonymize").text(["Dear Maria Garcia, hello"])
    assert f"{new['patient_first_name'][1]} {new['patient_last_name'][1]}" in again


def test_a_place_that_is_the_patients_name_does_not_stay():
    frame = pd.DataFrame({"patient_name": ["Paris Houston"], "note": ["Houston lives in Boston, MA."]})
    text = worker("limited_data_set").table(frame)["note"][0]
    assert "Houston" not in text and "Boston, MA" in text


def test_json_records_are_searched_for_their_own_names(tmp_path):
    path, out = tmp_path / "r.jsonl", tmp_path / "o.jsonl"
    record = {
        "patient": {"first_name": "Xantor", "last_name": "Quill"},
        "visits": [{"note": "quill is well"}],
    }
    path.write_text(json.dumps(record) + "\n")
    deidentify_file(path, out, "pseudonymize", key=KEY)
    new = json.loads(out.read_text())
    assert new["visits"][0]["note"] == f"{new['patient']['last_name'].lower()} is well"


PAIRS = [
    ([("first_name", "given"), ("last_name", "family")], (("first_name", "last_name"),)),
    ([("fname", "given"), ("surname", "family")], (("fname", "surname"),)),
    (
        [("p_first", "given"), ("c_first", "given"), ("c_last", "family"), ("p_last", "family")],
        (("p_first", "p_last"), ("c_first", "c_last")),
    ),
    ([("p_first", "given"), ("c_first", "given"), ("c_last", "family")], (("c_first", "c_last"),)),
    ([("first", "given")], ()),
    ([], ()),
]


@pytest.mark.parametrize(("parts", "pairs"), PAIRS, ids=range(len(PAIRS)))
def test_given_and_family_names_are_paired_by_what_else_their_columns_say(parts, pairs):
    assert name_pairs(parts) == pairs


TERMS = [
    ("seen by Maria Garcia", "Maria Garcia", True),
    ("per Dr. Zwyx", "Zwyx", True),
    ("Parkinson's disease", "Parkinson", False),
    ("Hodgkin lymphoma", "Hodgkin lymphoma", False),
    ("Graves", "Graves", False),
]


@pytest.mark.parametrize(("text", "name", "sure"), TERMS)
def test_among_clinical_terms_only_what_is_surely_a_name_counts(text, name, sure):
    start = text.index(name)
    assert surely_named(text, Span(start, start + len(name), "PERSON", 0.9)) is sure


@pytest.mark.parametrize("policy", ["safe_harbor", "limited_data_set"])
def test_a_name_in_a_clinical_column_that_stays_goes(policy):
    frame = pd.DataFrame({"diagnosis": ["Parkinson's disease", "Asthma, seen by Maria Garcia", "Gout"] * 9})
    new = worker(policy).table(frame)["diagnosis"].tolist()[:3]
    assert (new[0], new[2]) == ("Parkinson's disease", "Gout")
    assert new[1].endswith("seen by [PERSON]")


@settings(max_examples=60)
@given(
    st.from_regex(r"[A-Z][a-zéñü]{3,9}", fullmatch=True),
    st.from_regex(r"[A-Z][a-z]{3,9}", fullmatch=True),
    st.text("abc,.-' \u05d0\u0301", max_size=8),
)
def test_a_known_name_is_found_in_any_case_at_its_place(first, last, around):
    known = known_names([(f"{first} {last}", "")])
    for written in (last, last.upper(), f"{last}'s"):
        text = f"{around} {written} {around}"
        found = {text[span.start : span.end] for span in known.find(text)}
        assert written.removesuffix("'s") in found
        assert known.may_stand_in(text.casefold())
