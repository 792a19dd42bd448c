"""A person's records of a hospital as a FHIR R4B bundle, each resource checked by its model."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from importlib import import_module
from typing import Any

from secure_ai.core.errors import UserError
from secure_ai.govern.rights.others import is_empty

Row = Mapping[str, Any]
ICD10, LOINC = "http://hl7.org/fhir/sid/icd-10-cm", "http://loinc.org"
RXNORM, UCUM = "http://www.nlm.nih.gov/research/umls/rxnorm", "http://unitsofmeasure.org"
CLASSES = {"emergency": "EMER", "inpatient": "IMP", "outpatient": "AMB", "ambulatory": "AMB", "virtual": "VR"}


def fhir_bundle(records: Mapping[str, Sequence[Row]], subject_key: str, day: date) -> dict[str, Any]:
    """Return a collection bundle of Patient, Encounter, Condition, MedicationStatement and Observation.

    Only stores of the kit's hospital are mapped (``patients``, ``encounters``, ``diagnoses``,
    ``medications``, ``labs``); what has no resource here stays in the CSV files. Masked cells are left out.

    Args:
        records: store → records, other people masked.
        subject_key: key of the person.
        day: of the bundle.

    Raises:
        UserError: if a record does not fit its resource; the store is named.
    """
    entries = []
    for store, make in MAKERS.items():
        for number, row in enumerate(records.get(store, ()), start=1):
            kept = {k: v for k, v in row.items() if not is_empty(v) and not str(v).startswith("[")}
            try:
                made = _checked(make(kept, f"Patient/{_id(subject_key)}"))
            except (KeyError, ValueError, TypeError):
                raise UserError(
                    f"Record {number} of {store} does not fit its FHIR resource: look at its dates and codes."
                ) from None
            entries.append({"resource": made})
    bundle = {
        "resourceType": "Bundle",
        "type": "collection",
        "timestamp": f"{day}T00:00:00Z",
        "entry": entries,
    }
    return _checked(bundle)


def _checked(resource: dict[str, Any]) -> dict[str, Any]:
    kind = resource["resourceType"]
    model = getattr(import_module(f"fhir.resources.R4B.{kind.lower()}"), kind)
    return json.loads(model.model_validate(resource).model_dump_json(exclude_none=True))


def _patient(row: Row, subject: str) -> dict[str, Any]:
    systems = (("phone", "phone"), ("email", "email"))
    telecom = [{"system": system, "value": str(row[name])} for name, system in systems if name in row]
    parts = (("city", "city"), ("state", "state"), ("zip", "postalCode"))
    address = {"line": [row["street"]]} if "street" in row else {}
    address |= {fhir: str(row[name]) for name, fhir in parts if name in row}
    name = _without_gaps({
        "family": row.get("last_name"), "given": [row["first_name"]] if "first_name" in row else None,
    })  # fmt: skip
    return _without_gaps({
        "resourceType": "Patient",
        "id": subject.removeprefix("Patient/"),
        "identifier": [{"type": {"text": "MRN"}, "value": str(row["mrn"])}] if "mrn" in row else None,
        "name": [name] if name else None,
        "gender": row.get("sex") if row.get("sex") in {"male", "female", "other"} else "unknown",
        "birthDate": _day(row.get("birth_date")),
        "telecom": telecom or None,
        "address": [address] if address else None,
    })  # fmt: skip


def _encounter(row: Row, subject: str) -> dict[str, Any]:
    return _without_gaps({
        "resourceType": "Encounter",
        "id": _id(row["encounter_id"]),
        "status": "finished",
        "class": {
            "system": "http://terminology.hl7.org/CodeSystem/v3-ActCode",
            "code": CLASSES.get(str(row.get("class", "")), "AMB"),
        },
        "subject": {"reference": subject},
        "period": _without_gaps({"start": _moment(row.get("start")), "end": _moment(row.get("end"))}),
        "reasonCode": [_coded(ICD10, row.get("reason_code"), row.get("reason"))],
    })  # fmt: skip


def _condition(row: Row, subject: str) -> dict[str, Any]:
    return _without_gaps({
        "resourceType": "Condition",
        "id": _id(row["diagnosis_id"]),
        "subject": {"reference": subject},
        "encounter": _encounter_reference(row),
        "code": _coded(ICD10, row.get("icd10_code"), row.get("description")),
        "recordedDate": _day(row.get("recorded_date")),
    })  # fmt: skip


def _medication(row: Row, subject: str) -> dict[str, Any]:
    dosage = " ".join(str(row[name]) for name in ("dose", "route", "frequency") if name in row)
    return _without_gaps({
        "resourceType": "MedicationStatement",
        "id": _id(row["medication_id"]),
        "status": "completed" if "end_date" in row else "active",
        "medicationCodeableConcept": _coded(RXNORM, row.get("rxnorm_code"), row.get("drug")),
        "subject": {"reference": subject},
        "context": _encounter_reference(row),
        "effectivePeriod": _without_gaps(
            {"start": _day(row.get("start_date")), "end": _day(row.get("end_date"))}
        ),
        "dosage": [{"text": dosage}] if dosage else None,
    })  # fmt: skip


def _observation(row: Row, subject: str) -> dict[str, Any]:
    unit = str(row["unit"]) if "unit" in row else None
    quantity = _without_gaps({"value": float(row["value"]), "unit": unit}) if "value" in row else None
    return _without_gaps({
        "resourceType": "Observation",
        "id": _id(row["lab_id"]),
        "status": "final",
        "code": _coded(LOINC, row.get("loinc_code"), row.get("test")),
        "subject": {"reference": subject},
        "encounter": _encounter_reference(row),
        "effectiveDateTime": _moment(row.get("collected_at")),
        "valueQuantity": quantity,
    })  # fmt: skip


MAKERS: Mapping[str, Callable[[Row, str], dict[str, Any]]] = {
    "patients": _patient,
    "encounters": _encounter,
    "diagnoses": _condition,
    "medications": _medication,
    "labs": _observation,
}


def _coded(system: str, code: Any, text: Any) -> dict[str, Any]:
    return _without_gaps({
        "coding": [_without_gaps({"system": system, "code": str(code), "display": text})] if code else None,
        "text": text or str(code),
    })  # fmt: skip


def _encounter_reference(row: Row) -> dict[str, str] | None:
    return {"reference": f"Encounter/{_id(row['encounter_id'])}"} if "encounter_id" in row else None


def _id(value: Any) -> str:
    return "".join(letter if letter.isalnum() and letter.isascii() else "-" for letter in str(value))[:64]


def _day(value: Any) -> str | None:
    return str(value)[:10] if value else None


def _moment(value: Any) -> str | None:
    # The hospital writes no time zone, and FHIR wants one with a time: the day alone is certain.
    return _day(value)


def _without_gaps(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value not in (None, {}, "")}


def resource_counts(bundle: Mapping[str, Any]) -> dict[str, int]:
    """Return resource type → how many the bundle holds."""
    counts: dict[str, int] = {}
    for kind in _kinds(bundle):
        counts[kind] = counts.get(kind, 0) + 1
    return counts


def _kinds(bundle: Mapping[str, Any]) -> Iterator[str]:
    for entry in bundle.get("entry", ()):
        yield entry["resource"]["resourceType"]
