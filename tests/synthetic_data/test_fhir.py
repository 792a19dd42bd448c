"""FHIR: every row becomes a resource that its model accepts, reads back, and refers to what exists."""

from __future__ import annotations

import json
from collections import Counter

import pytest
from pydantic import ValidationError

from synthetic_data import Dataset, load
from synthetic_data.healthcare import fhir

REFERENCES = {"Patient", "Practitioner", "Encounter", "Coverage"}


@pytest.fixture(scope="module")
def data() -> Dataset:
    return load("healthcare", seed=7, rows=40)


@pytest.fixture(scope="module")
def written(data) -> dict[str, bytes]:
    return fhir.ndjson(dict(data.tables))


def test_there_are_as_many_resources_as_rows(data, written):
    counts = {kind: content.count(b"\n") for kind, content in written.items()}
    assert counts == {
        "Practitioner": len(data["staff"]),
        "Patient": len(data["patients"]),
        "Coverage": int(data["patients"]["health_plan_number"].notna().sum()),
        "Encounter": len(data["encounters"]),
        "Condition": len(data["diagnoses"]),
        "MedicationRequest": len(data["medications"]),
        "Observation": len(data["labs"]),
        "Claim": len(data["claims"]),
    }


@pytest.mark.parametrize("kind", fhir.RESOURCES)
def test_every_line_reads_back_as_its_resource_unchanged(written, kind):
    model = fhir.model(kind)
    for line in written[kind].decode("utf-8").splitlines():
        resource = json.loads(line)
        again = json.loads(model.model_validate_json(line).model_dump_json())
        assert resource["resourceType"] == kind
        assert again == resource


def test_ids_are_unique_and_references_point_to_resources(written):
    everything = [json.loads(line) for content in written.values() for line in content.splitlines()]
    ids = Counter(f"{resource['resourceType']}/{resource['id']}" for resource in everything)
    assert max(ids.values()) == 1
    found = set(_references(everything))
    assert {reference.split("/")[0] for reference in found} == REFERENCES
    assert found <= set(ids)


def _references(value):
    if isinstance(value, dict):
        if "reference" in value:
            yield value["reference"]
        for inner in value.values():
            yield from _references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _references(inner)


def test_values_are_those_of_the_tables(data, written):
    row = data["labs"].iloc[5]
    resource = json.loads(written["Observation"].splitlines()[5])
    assert resource["id"] == row["lab_id"]
    assert resource["valueQuantity"]["value"] == row["value"]
    assert resource["code"]["coding"][0] == {
        "system": "http://loinc.org",
        "code": row["loinc_code"],
        "display": row["test"],
    }


def test_blocks_without_staff_write_no_practitioner(data):
    tables = {name: frame for name, frame in data.tables.items() if name != "staff"}
    assert "Practitioner" not in {kind for kind, _ in fhir.ndjson_lines(tables)}


def test_a_row_that_is_no_resource_is_refused(data):
    labs = data["labs"].head(1).assign(lab_id="not an id!")
    with pytest.raises(ValidationError):
        fhir.ndjson({"labs": labs})


def test_same_tables_same_bytes(data, written):
    assert fhir.ndjson(dict(data.tables)) == written
