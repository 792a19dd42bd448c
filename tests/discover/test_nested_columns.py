"""Claims about nested columns: FHIR, JSON, structs, lists and maps are judged path by path."""

from __future__ import annotations

import json

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secure_ai.core.sources import open_source
from secure_ai.discover import Tier, inventory
from secure_ai.discover.nested import fields_of

PATIENT = {
    "resourceType": "Patient",
    "identifier": [
        {"type": {"coding": [{"code": "MR"}]}, "value": "ZZ483920"},
        {"system": "http://hl7.org/fhir/sid/us-ssn", "value": "912-34-5678"},
    ],
    "name": [{"family": "Keller", "given": ["Anna", "Ruth"], "prefix": ["Dr."]}],
    "telecom": [
        {"system": "phone", "value": "(212) 555-0142"},
        {"system": "email", "value": "a@example.org"},
    ],
    "birthDate": "1950-02-03",
    "address": [{"line": ["12 Maple Street"], "city": "Boston", "state": "MA", "postalCode": "02155"}],
    "extension": [
        {"url": "http://hl7.org/fhir/StructureDefinition/patient-mothersMaidenName", "valueString": "Rossi"}
    ],
    "generalPractitioner": [{"reference": "Practitioner/77", "display": "Dr. Omar Haddad"}],
}
OBSERVATION = {
    "resourceType": "Observation",
    "code": {
        "coding": [{"system": "http://loinc.org", "code": "4548-4", "display": "Hemoglobin A1c in Blood"}]
    },
    "subject": {"reference": "Patient/42"},
    "effectiveDateTime": "2024-05-06T10:00:00Z",
    "valueQuantity": {"value": 7.1, "unit": "%"},
    "note": [{"text": "Call the daughter at (212) 555-0199 before the next visit of the patient."}],
}
FHIR_PATHS = [
    ("Patient", "identifier[].value", {"MEDICAL_RECORD_NUMBER", "US_SSN"}, "H"),
    ("Patient", "name[].family", {"PERSON"}, "A"),
    ("Patient", "name[].given[]", {"PERSON"}, "A"),
    ("Patient", "telecom[].value", {"PHONE_NUMBER", "EMAIL_ADDRESS"}, "D"),
    ("Patient", "telecom[].system", {"REFERENCE"}, None),
    ("Patient", "address[].line[]", {"STREET_ADDRESS"}, "B"),
    ("Patient", "address[].state", {"STATE"}, None),
    ("Patient", "address[].postalCode", {"ZIP_CODE"}, "B"),
    ("Patient", "extension[].valueString", {"PERSON"}, "A"),
    ("Patient", "generalPractitioner[].display", {"PERSON"}, "A"),
    ("Patient", "generalPractitioner[].reference", {"UNIQUE_IDENTIFIER"}, "R"),
    ("Observation", "code.coding[].code", {"HEALTH"}, None),
    ("Observation", "code.coding[].display", {"HEALTH"}, None),
    ("Observation", "subject.reference", {"UNIQUE_IDENTIFIER"}, "R"),
    ("Observation", "valueQuantity.value", {"HEALTH"}, None),
    ("Observation", "note[].text", {"PHONE_NUMBER"}, "D"),
]


@pytest.fixture(scope="module")
def fhir_inventories(tmp_path_factory):
    folder = tmp_path_factory.mktemp("fhir")
    found = {}
    for resource in (PATIENT, OBSERVATION):
        path = folder / f"{resource['resourceType']}.ndjson"
        path.write_text("\n".join([json.dumps(resource)] * 5))
        found[resource["resourceType"]] = inventory(open_source(path))
    entries = [{"fullUrl": "urn:uuid:1", "resource": r} for r in (PATIENT, OBSERVATION, PATIENT, OBSERVATION)]
    (folder / "bundle.json").write_text(json.dumps({"resourceType": "Bundle", "entry": entries}))
    found["Bundle"] = inventory(open_source(folder / "bundle.json"))
    return found


@pytest.mark.parametrize("case", FHIR_PATHS, ids=lambda case: f"{case[0]}.{case[1]}")
@pytest.mark.parametrize("bundled", [False, True])
def test_every_path_of_a_fhir_resource_has_its_own_verdict(fhir_inventories, bundled, case):
    resource, path, entities, letter = case
    name = f"entry[].resource({resource}).{path}" if bundled else path
    profile = fhir_inventories["Bundle" if bundled else resource][name]
    assert set(profile.entities) >= entities and profile.evidence and profile.confidence >= 0.5
    if len(entities) == 1 and not profile.free_text:
        assert set(profile.entities) == entities and profile.hipaa == letter
    assert letter is None or letter in profile.hipaa_letters


def test_a_nested_column_is_as_sensitive_as_its_fields_and_says_which_they_are(fhir_inventories):
    column = fhir_inventories["Patient"]["identifier"]
    assert column.tier is Tier.RESTRICTED and "identifier[].value: MEDICAL_RECORD_NUMBER" in column.evidence
    frame = fhir_inventories["Patient"].to_frame(fields=True)
    assert "identifier[].value" in set(frame["column"])
    assert len(fhir_inventories["Patient"].to_frame()) == len(fhir_inventories["Patient"].columns)
    text = frame.to_csv() + repr(fhir_inventories["Bundle"])
    assert not any(value in text for value in ("Keller", "Rossi", "912-34", "555-0142", "Maple", "Haddad"))


def test_json_in_a_text_column_and_structs_lists_and_maps_are_read_field_by_field(tmp_path):
    order = {"customer": {"name": "Anna Keller"}, "mail": "x", "items": [{"sku": "K1"}]}
    documents = [{**order, "mail": f"a{i}@example.org"} for i in range(30)]
    path = tmp_path / "orders.csv"
    pd.DataFrame({"payload": [json.dumps(d) for d in documents]}).to_csv(path, index=False)
    column = inventory(open_source(path))["payload"]
    assert {f.name: f.entities for f in column.fields if f.entities} == {
        "payload.customer.name": ("PERSON",),
        "payload.mail": ("EMAIL_ADDRESS",),
    }
    table = pa.table(
        {
            "person": pa.array([{"ssn": f"912-34-{5000 + i}", "age": 60 + i} for i in range(40)]),
            "tags": pa.array([["vip", f"u{i}@example.org"] for i in range(40)]),
            "seen": pa.array(
                [[(f"p{i}@example.org", i)] for i in range(40)], pa.map_(pa.string(), pa.int64())
            ),
        }
    )
    result = inventory(open_source(table))
    assert result["person.ssn"].entities == ("US_SSN",) and result["person.age"].entities == ("AGE_OVER_89",)
    assert result["tags[]"].entities == ("EMAIL_ADDRESS",)
    assert result["seen{key}"].entities == ("EMAIL_ADDRESS",)
    assert "example.org" not in repr(result)


def test_keys_that_are_data_do_not_become_names_of_paths():
    rows = [
        {"seen": {f"jane{i}.roe@example.org": 1, "4111111111111111": 2}, "n": {f"k{i}": 1, f"k{i + 1}": 1}}
        for i in range(60)
    ]
    result = inventory(open_source(pd.DataFrame({"x": [json.dumps(row) for row in rows]})))
    assert "EMAIL_ADDRESS" in result["x.seen{key}"].entities
    assert result["x.n{key}"].distinct == 61
    assert "jane" not in repr(result) and "4111" not in repr(result)


@settings(max_examples=25, deadline=None)
@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers(-(10**9), 10**9)
        | st.floats(allow_nan=False)
        | st.text(max_size=20),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
        max_leaves=12,
    )
)
def test_any_json_document_is_taken_apart_without_an_error_and_every_scalar_is_counted(value):
    def scalars(v):
        if isinstance(v, dict):
            return sum(map(scalars, v.values()))
        if isinstance(v, list):
            return sum(map(scalars, v))
        return int(v is not None and str(v).strip() != "")

    found = fields_of("c", [({"a": value}, 2)])
    assert sum(field.n_values for field in found if not field.path.endswith("{key}")) == 2 * scalars(value)
    assert all(0 < field.share <= 1 for field in found)
