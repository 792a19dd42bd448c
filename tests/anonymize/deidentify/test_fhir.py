"""No corner of a FHIR resource lets through what the policy removes."""

from __future__ import annotations

import json

import pytest

from secure_ai.anonymize import Key, deidentify_file

KEY = Key(bytes(range(64)))
PATIENT = {
    "resourceType": "Patient",
    "id": "p1",
    "name": [{"family": "Quill", "given": ["Xantor"]}],
    "maritalStatus": {"text": "Married to Ana Lu"},
    "managingOrganization": {"reference": "https://host.example/fhir/Organization/7766", "display": "Mercy"},
}
CORNERS = [
    {"note": [{"text": "quill slept", "authorString": "Zwyx Bo", "authorReference": {"display": "Qwo Zrk"}}]},
    {"code": {"coding": [{"code": "219-09-9999", "system": "http://quill.example/219-09-9999"}]}},
    {"code": {"coding": [{"display": "Xantor Quill HIV"}], "text": "Quill test"}},
    {"extension": [{"url": "http://x.example/Zrk/219-09-9999", "valueString": "Xantor Quill"}]},
    {"extension": [{"url": "http://x.example/h", "valueHumanName": {"family": "Quill"}}]},
    {"extension": [{"url": "http://x.example/b", "valueBase64Binary": "WGFudG9y"}]},
    {"extension": [{"url": "http://x.example/i", "valueInteger": 219099999}]},
    {"extension": [{"url": "http://x.example/r", "valueReference": {"display": "Xantor Quill"}}]},
    {"extension": [{"url": "us-core-race", "valueString": "Xantor Quill"}]},
    {"performer": [{"identifier": {"value": "12345678"}, "display": "Zwyx Bo", "type": "Practitioner"}]},
    {"performer": [{"display": "Zwyx Bo"}]},
    {"meta": {"tag": [{"display": "Xantor Quill", "code": "Xantor Quill"}]}},
    {"category": "Xantor Quill"},
    {"status": "Quill"},
    {"language": "Xantor Quill"},
    {"valueQuantity": {"value": 1, "unit": "Quill"}},
    {"implicitRules": "http://quill.example"},
    {"method": {"text": "by Quill"}},
    {"device": {"display": "Quill pump"}},
    {"onsetAge": {"value": 94, "unit": "years", "code": "a"}},
    {"onsetString": "at 94 years"},
]
TRUE = (
    "quill",
    "xantor",
    "zwyx",
    "zrk",
    "219-09",
    "219099999",
    "wgf",
    "12345678",
    "94",
    "ana lu",
    "host",
    "7766",
)


def write(path, resources):
    path.write_text("".join(json.dumps(resource) + "\n" for resource in resources))
    return path


@pytest.mark.parametrize("policy", ["safe_harbor", "pseudonymize"])
@pytest.mark.parametrize("patient_first", [True, False])
def test_nothing_of_a_person_is_left_wherever_it_stands(policy, patient_first, tmp_path):
    about = {"resourceType": "Observation", "subject": {"reference": "Patient/p1", "display": "Xantor Quill"}}
    observations = [{**about, "id": f"o{i}", **corner} for i, corner in enumerate(CORNERS)]
    resources = [PATIENT, *observations] if patient_first else [*observations, PATIENT]
    out = tmp_path / "out.ndjson"
    deidentify_file(write(tmp_path / "in.ndjson", resources), out, policy, key=KEY, seed=1, as_of=2026)
    new = [json.loads(line) for line in out.read_text().splitlines()]
    assert len(new) == len(resources)
    observed = new[1:] if patient_first else new[:-1]
    for corner, resource in zip(CORNERS, observed, strict=True):
        text = json.dumps({k: v for k, v in resource.items() if k not in {"id", "subject"}}).lower()
        assert not [value for value in TRUE if value in text], corner


KEPT = [
    {"status": "final", "language": "en-US"},
    {"code": {"coding": [{"system": "http://snomed.info/sct", "code": "12345678901", "display": "Asthma"}]}},
    {"code": {"coding": [{"system": "http://loinc.org", "code": "2160-0"}]}},
    {"valueQuantity": {"value": 5500000, "unit": "10*3/uL", "system": "http://unitsofmeasure.org"}},
    {
        "extension": [
            {"url": "http://hl7.org/fhir/us/core/StructureDefinition/us-core-birthsex", "valueCode": "F"}
        ]
    },
]


@pytest.mark.parametrize("content", KEPT, ids=range(len(KEPT)))
def test_codes_units_and_values_stay(content, tmp_path):
    path = write(tmp_path / "in.ndjson", [{"resourceType": "Observation", "id": "o", **content}])
    deidentify_file(path, tmp_path / "out.ndjson", "safe_harbor", seed=1)
    new = json.loads((tmp_path / "out.ndjson").read_text())
    assert {key: new[key] for key in content} == content


def test_the_notes_of_one_file_lose_the_names_of_the_patients_of_another(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    write(folder / "Patient.ndjson", [PATIENT])
    note = {"resourceType": "Condition", "id": "c", "subject": {"reference": "Patient/p1"}}
    write(folder / "Condition.ndjson", [{**note, "note": [{"text": "quill was here"}]}])
    deidentify_file(folder, tmp_path / "out", "pseudonymize", key=KEY, seed=1)
    condition, patient = (json.loads(path.read_text()) for path in sorted((tmp_path / "out").iterdir()))
    assert condition["note"][0]["text"] == f"{patient['name'][0]['family'].lower()} was here"


def test_a_patient_has_one_name_in_fhir_in_a_table_and_in_text(tmp_path):
    out = tmp_path / "o.ndjson"
    deidentify_file(write(tmp_path / "i.ndjson", [PATIENT]), out, "pseudonymize", key=KEY)
    (tmp_path / "i.csv").write_text("first_name,last_name\nXantor,Quill\n")
    deidentify_file(tmp_path / "i.csv", tmp_path / "o.csv", "pseudonymize", key=KEY)
    (tmp_path / "i.txt").write_text("Dear Mr. Xantor Quill,\n")
    deidentify_file(tmp_path / "i.txt", tmp_path / "o.txt", "pseudonymize", key=KEY)
    name = json.loads(out.read_text())["name"][0]
    first, last = name["given"][0], name["family"]
    assert (tmp_path / "o.csv").read_text().splitlines()[1] == f"{first},{last}"
    assert last in (tmp_path / "o.txt").read_text()
