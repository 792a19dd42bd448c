"""The hospital as FHIR R4: one NDJSON line per resource, each validated by its `fhir.resources.R4B` model.

Layout: HL7 FHIR Bulk Data Access 2.0 (NDJSON, one resource type to a file). Code systems carry the addresses
that HL7 Terminology gives them; the hospital's own numbers carry addresses at example.org.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any

import pandas as pd

RESOURCES = (
    "Practitioner",
    "Patient",
    "Coverage",
    "Encounter",
    "Condition",
    "MedicationRequest",
    "Observation",
    "Claim",
)
ICD10_CM = "http://hl7.org/fhir/sid/icd-10-cm"
ICD10_PCS = "http://www.cms.gov/Medicare/Coding/ICD10"
LOINC = "http://loinc.org"
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
UCUM = "http://unitsofmeasure.org"
NPI = "http://hl7.org/fhir/sid/us-npi"
SSN = "http://hl7.org/fhir/sid/us-ssn"
MBI = "http://hl7.org/fhir/sid/us-mbi"
_HERE = "https://hospital.example.org/fhir"
_TERMINOLOGY = "http://terminology.hl7.org/CodeSystem"
_CLASS = {
    "ambulatory": ("AMB", "ambulatory"),
    "emergency": ("EMER", "emergency"),
    "inpatient": ("IMP", "inpatient encounter"),
}
_DISCHARGE = {
    "home": ("home", "Home"),
    "home_health": ("home", "Home"),
    "skilled_nursing": ("snf", "Skilled nursing facility"),
    "rehabilitation": ("rehab", "Rehabilitation"),
    "against_advice": ("aadvice", "Left against advice"),
    "hospice": ("hosp", "Hospice"),
    "expired": ("exp", "Expired"),
}
_FLAGS = {"N": ("N", "Normal"), "L": ("L", "Low"), "H": ("H", "High")}
_MARITAL = {
    "Never married": ("S", "Never Married"),
    "Married": ("M", "Married"),
    "Divorced": ("D", "Divorced"),
    "Widowed": ("W", "Widowed"),
}


def ndjson(tables: dict[str, pd.DataFrame]) -> dict[str, bytes]:
    """Every resource of a block.

    Args:
        tables: what `synthetic_data.healthcare.block` returns, or `Dataset.tables`. Without a table
            "staff" no Practitioner is made.

    Returns:
        Resource type -> NDJSON bytes in UTF-8.
    """
    lines: dict[str, list[str]] = {}
    for kind, line in ndjson_lines(tables):
        lines.setdefault(kind, []).append(line)
    return {kind: ("\n".join(found) + "\n").encode("utf-8") for kind, found in lines.items()}


def ndjson_lines(tables: dict[str, pd.DataFrame]) -> Iterator[tuple[str, str]]:
    """(resource type, one line of JSON without its line end) for every resource, type by type.

    Raises:
        pydantic.ValidationError: a resource does not fit its model: an error of this module.
    """
    for kind in RESOURCES:
        validate = model(kind).model_validate
        for resource in resources(kind, tables):
            validate(resource)
            yield kind, json.dumps(resource, ensure_ascii=False, separators=(",", ":"))


def model(kind: str) -> Any:
    """The class of `fhir.resources.R4B` for a resource type."""
    return getattr(import_module(f"fhir.resources.R4B.{kind.lower()}"), kind)


def resources(kind: str, tables: dict[str, pd.DataFrame]) -> Iterator[dict[str, Any]]:
    """The resources of one type as plain dictionaries, not yet validated."""
    table, build = _SOURCES[kind]
    if table in tables:
        frame = _plain(tables[table])
        for row in zip(*(frame[name] for name in frame), strict=True):
            resource = build(dict(zip(frame, row, strict=True)))
            if resource is not None:
                yield resource


def _plain(frame: pd.DataFrame) -> dict[str, list[Any]]:
    """Columns as lists: times as FHIR instants (UTC), days as dates, None for what is missing."""
    columns: dict[str, list[Any]] = {}
    for name in frame.columns:
        values = frame[name]
        if values.dtype.kind == "M":
            text = values.dt.strftime("%Y-%m-%d" if name.endswith("_date") else "%Y-%m-%dT%H:%M:%SZ")
            values = text.astype(object)
        elif values.dtype.kind not in "bif":
            values = values.astype(object)
        columns[name] = (
            values.where(values.notna(), None).tolist() if values.dtype == object else values.tolist()
        )
    return columns


def _coding(system: str, code: str, display: str) -> dict[str, Any]:
    return {"coding": [{"system": system, "code": code, "display": display}], "text": display}


def _reference(kind: str, identifier: str) -> dict[str, str]:
    return {"reference": f"{kind}/{identifier}"}


def _number(system: str, value: str | None) -> list[dict[str, str]]:
    return [{"system": system, "value": value}] if value else []


def _person(row: dict[str, Any], kind: str, identifier: str) -> dict[str, Any]:
    return {
        "resourceType": kind,
        "id": identifier,
        "name": [{"use": "official", "family": row["last_name"], "given": [row["first_name"]]}],
        "gender": row["sex"],
        "birthDate": row["birth_date"],
        "telecom": [
            {"system": "phone", "value": row["phone"]},
            {"system": "email", "value": row["email"]},
        ],
        "address": [
            {
                "line": [row["street"]],
                "city": row["city"],
                "state": row["state"],
                "postalCode": row["zip"],
                "country": "US",
            }
        ],
    }


def _practitioner(row: dict[str, Any]) -> dict[str, Any]:
    resource = _person(row, "Practitioner", row["staff_id"])
    numbers = _number(NPI, row["npi"]) + _number(f"{_HERE}/dea", row["dea"])
    resource["identifier"] = [*numbers, {"system": f"{_HERE}/username", "value": row["username"]}]
    return resource


def _patient(row: dict[str, Any]) -> dict[str, Any]:
    resource = _person(row, "Patient", row["patient_id"])
    resource["identifier"] = [
        {"system": f"{_HERE}/mrn", "value": row["mrn"]},
        *_number(SSN, row["ssn"]),
        *_number(f"{_HERE}/drivers-license", row["drivers_license"]),
    ]
    resource["maritalStatus"] = _coding(f"{_TERMINOLOGY}/v3-MaritalStatus", *_MARITAL[row["marital_status"]])
    resource["communication"] = [{"language": {"text": row["language"]}}]
    resource["generalPractitioner"] = [_reference("Practitioner", row["primary_care_staff_id"])]
    resource["contact"] = [
        {
            "relationship": [{"text": row["emergency_contact_relation"]}],
            "name": {"text": row["emergency_contact_name"]},
            "telecom": [{"system": "phone", "value": row["emergency_contact_phone"]}],
        }
    ]
    return resource


def _coverage(row: dict[str, Any]) -> dict[str, Any] | None:
    if not row["health_plan_number"]:
        return None
    system = MBI if row["payer"] == "Medicare" else f"{_HERE}/member"
    return {
        "resourceType": "Coverage",
        "id": f"V{row['patient_id']}",
        "status": "active",
        "identifier": [{"system": system, "value": row["health_plan_number"]}],
        "subscriberId": row["health_plan_number"],
        "beneficiary": _reference("Patient", row["patient_id"]),
        "payor": [{"display": row["payer"]}],
    }


def _encounter(row: dict[str, Any]) -> dict[str, Any]:
    code, display = _CLASS[row["class"]]
    resource = {
        "resourceType": "Encounter",
        "id": row["encounter_id"],
        "status": "finished",
        "class": {"system": f"{_TERMINOLOGY}/v3-ActCode", "code": code, "display": display},
        "serviceType": {"text": row["department"]},
        "subject": _reference("Patient", row["patient_id"]),
        "participant": [{"individual": _reference("Practitioner", row["attending_staff_id"])}],
        "period": {"start": row["start"], "end": row["end"]},
        "reasonCode": [_coding(ICD10_CM, row["reason_code"], row["reason"])],
    }
    if row["discharge_to"]:
        where = _DISCHARGE[row["discharge_to"]]
        resource["hospitalization"] = {
            "dischargeDisposition": _coding(f"{_TERMINOLOGY}/discharge-disposition", *where)
        }
    return resource


def _condition(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "resourceType": "Condition",
        "id": row["diagnosis_id"],
        "clinicalStatus": {"coding": [{"system": f"{_TERMINOLOGY}/condition-clinical", "code": "active"}]},
        "category": [
            _coding(f"{_TERMINOLOGY}/condition-category", "encounter-diagnosis", "Encounter Diagnosis")
        ],
        "code": _coding(ICD10_CM, row["icd10_code"], row["description"]),
        "subject": _reference("Patient", row["patient_id"]),
        "encounter": _reference("Encounter", row["encounter_id"]),
        "recordedDate": row["recorded_date"],
    }


def _medication(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "resourceType": "MedicationRequest",
        "id": row["medication_id"],
        "status": "completed" if row["end_date"] else "active",
        "intent": "order",
        "medicationCodeableConcept": _coding(RXNORM, row["rxnorm_code"], row["drug"]),
        "subject": _reference("Patient", row["patient_id"]),
        "encounter": _reference("Encounter", row["encounter_id"]),
        "authoredOn": row["start_date"],
        "requester": _reference("Practitioner", row["prescriber_staff_id"]),
        "dosageInstruction": [
            {"text": f"{row['dose']} {row['frequency']}", "route": {"text": row["route"]}},
        ],
    }


def _observation(row: dict[str, Any]) -> dict[str, Any]:
    unit = {"unit": row["unit"], "system": UCUM, "code": row["unit"]}
    return {
        "resourceType": "Observation",
        "id": row["lab_id"],
        "status": "final",
        "category": [_coding(f"{_TERMINOLOGY}/observation-category", "laboratory", "Laboratory")],
        "code": _coding(LOINC, row["loinc_code"], row["test"]),
        "subject": _reference("Patient", row["patient_id"]),
        "encounter": _reference("Encounter", row["encounter_id"]),
        "effectiveDateTime": row["collected_at"],
        "valueQuantity": {"value": row["value"], **unit},
        "interpretation": [
            _coding(f"{_TERMINOLOGY}/v3-ObservationInterpretation", *_FLAGS[row["flag"]]),
        ],
        "referenceRange": [
            {"low": {"value": row["reference_low"], **unit}, "high": {"value": row["reference_high"], **unit}}
        ],
    }


def _claim(row: dict[str, Any]) -> dict[str, Any]:
    institutional = row["revenue_code"] != "0510"
    kind = ("institutional", "Institutional") if institutional else ("professional", "Professional")
    insurer = (
        {"coverage": _reference("Coverage", f"V{row['patient_id']}")}
        if row["health_plan_number"]
        else {"coverage": {"display": row["payer"]}}
    )
    resource = {
        "resourceType": "Claim",
        "id": row["claim_id"],
        "status": "active",
        "type": _coding(f"{_TERMINOLOGY}/claim-type", *kind),
        "use": "claim",
        "patient": _reference("Patient", row["patient_id"]),
        "created": row["submitted_date"],
        "provider": {"identifier": {"system": NPI, "value": row["billing_npi"]}},
        "priority": {"coding": [{"system": f"{_TERMINOLOGY}/processpriority", "code": "normal"}]},
        "insurance": [{"sequence": 1, "focal": True, **insurer}],
        "diagnosis": [
            {"sequence": 1, "diagnosisCodeableConcept": {"coding": [_icd(row["icd10_code"])]}},
        ],
        "item": [
            {
                "sequence": 1,
                "revenue": {"text": row["revenue_code"]},
                "productOrService": {"text": f"revenue code {row['revenue_code']}"},
                "encounter": [_reference("Encounter", row["encounter_id"])],
            }
        ],
        "total": {"value": row["billed"], "currency": "USD"},
    }
    if row["icd10_pcs_code"]:
        concept = _coding(ICD10_PCS, row["icd10_pcs_code"], row["procedure"])
        resource["procedure"] = [{"sequence": 1, "procedureCodeableConcept": concept}]
    return resource


def _icd(code: str) -> dict[str, str]:
    return {"system": ICD10_CM, "code": code}


_SOURCES: dict[str, tuple[str, Callable[[dict[str, Any]], dict[str, Any] | None]]] = {
    "Practitioner": ("staff", _practitioner),
    "Patient": ("patients", _patient),
    "Coverage": ("patients", _coverage),
    "Encounter": ("encounters", _encounter),
    "Condition": ("diagnoses", _condition),
    "MedicationRequest": ("medications", _medication),
    "Observation": ("labs", _observation),
    "Claim": ("claims", _claim),
}
