"""What elements of FHIR resources hold, by their datatype, whatever resource they stand in (HL7 FHIR R4).

An element says what it is by its name and its parent's (``name.family``, ``address.postalCode``), or by
a code beside it: ``identifier.value`` is a record number or a driver license by ``identifier.type``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

IDENTIFIER_TYPES = {
    "MR": "MEDICAL_RECORD_NUMBER", "SS": "US_SSN", "SB": "US_SSN", "DL": "US_DRIVER_LICENSE",
    "PPN": "US_PASSPORT", "NPI": "US_NPI", "MB": "US_HEALTH_INSURANCE_MEMBER_ID", "MC": "US_MBI",
    "DEA": "MEDICAL_LICENSE", "AN": "US_BANK_NUMBER", "BC": "CREDIT_CARD", "UDI": "DEVICE_ID",
    "SNO": "DEVICE_ID", "EI": "UNIQUE_IDENTIFIER",
}  # fmt: skip
"""Codes of ``identifier.type`` (HL7 table 0203) → entity."""

IDENTIFIER_SYSTEMS = {
    "us-ssn": "US_SSN", "2.16.840.1.113883.4.1": "US_SSN", "us-npi": "US_NPI",
    "2.16.840.1.113883.4.6": "US_NPI",
    "us-mbi": "US_MBI", "medicare": "US_MBI", "/mrn": "MEDICAL_RECORD_NUMBER",
}  # fmt: skip
"""Parts of the address in ``identifier.system`` → entity."""

CONTACT_SYSTEMS = {
    "phone": "PHONE_NUMBER", "sms": "PHONE_NUMBER", "pager": "PHONE_NUMBER", "fax": "FAX_NUMBER",
    "email": "EMAIL_ADDRESS", "url": "URL",
}  # fmt: skip
"""``telecom.system`` → entity."""

EXTENSIONS = {
    "us-core-race": "RACE_ETHNICITY", "us-core-ethnicity": "RACE_ETHNICITY", "us-core-birthsex": "SEX",
    "us-core-sex": "SEX", "mothersMaidenName": "PERSON", "birthPlace": "LOCATION",
    "geolocation": "COORDINATES", "us-core-tribal-affiliation": "RACE_ETHNICITY",
    "patient-religion": "RELIGION", "patient-nationality": "NATIONALITY",
}  # fmt: skip
"""Ends of ``extension.url`` → what the extension holds."""

RESOURCES = frozenset(
    [
        "Account",
        "AllergyIntolerance",
        "Appointment",
        "Bundle",
        "CarePlan",
        "CareTeam",
        "Claim",
        "ClaimResponse",
        "Communication",
        "Composition",
        "Condition",
        "Consent",
        "Coverage",
        "Device",
        "DiagnosticReport",
        "DocumentReference",
        "Encounter",
        "EpisodeOfCare",
        "ExplanationOfBenefit",
        "FamilyMemberHistory",
        "Goal",
        "Group",
        "HealthcareService",
        "ImagingStudy",
        "Immunization",
        "Location",
        "Media",
        "Medication",
        "MedicationAdministration",
        "MedicationDispense",
        "MedicationRequest",
        "MedicationStatement",
        "Observation",
        "Organization",
        "Patient",
        "Person",
        "Practitioner",
        "PractitionerRole",
        "Procedure",
        "Provenance",
        "Questionnaire",
        "QuestionnaireResponse",
        "RelatedPerson",
        "Schedule",
        "ServiceRequest",
        "Slot",
        "Specimen",
        "SupplyDelivery",
        "Task",
    ]
)
"""Types that a path may name; any other value of ``resourceType`` could be data."""

_PEOPLE = frozenset(
    [
        "subject",
        "patient",
        "individual",
        "actor",
        "performer",
        "requester",
        "author",
        "practitioner",
        "generalPractitioner",
        "recorder",
        "asserter",
        "participant",
        "provider",
        "beneficiary",
        "subscriber",
        "policyHolder",
        "member",
        "recipient",
        "sender",
        "collector",
        "enterer",
        "party",
        "agent",
        "who",
        "attester",
        "source",
        "careManager",
    ]
)
_CLINICAL = frozenset(
    [
        "code",
        "reasonCode",
        "valueCodeableConcept",
        "valueQuantity",
        "medicationCodeableConcept",
        "diagnosisCodeableConcept",
        "procedureCodeableConcept",
        "productOrService",
        "bodySite",
        "interpretation",
        "vaccineCode",
        "reaction",
        "manifestation",
        "conclusionCode",
        "dosageInstruction",
        "referenceRange",
        "component",
        "clinicalImpression",
        "stage",
        "evidence",
    ]
)
_PARTS = {
    "name": {"family": "PERSON", "given": "PERSON", "text": "PERSON", "prefix": "TITLE"},
    "address": {
        "line": "STREET_ADDRESS", "text": "STREET_ADDRESS", "city": "LOCATION", "district": "LOCATION",
        "postalCode": "ZIP_CODE", "state": "STATE", "country": "STATE",
    },
    "identifier": {"value": "UNIQUE_IDENTIFIER"},
    "valueAddress": {"city": "LOCATION", "district": "LOCATION", "state": "STATE", "country": "STATE"},
    "photo": {"data": "PHOTO", "url": "PHOTO"},
    "maritalStatus": {"text": "MARITAL_STATUS"},
    "period": {"start": "DATE_TIME", "end": "DATE_TIME"},
}  # fmt: skip
_ALONE = {
    "fullUrl": "UNIQUE_IDENTIFIER", "reference": "UNIQUE_IDENTIFIER", "profile": "REFERENCE",
    "system": "REFERENCE", "resourceType": "REFERENCE", "lastUpdated": "DATE_TIME", "authoredOn":
    "DATE_TIME", "subscriberId": "US_HEALTH_INSURANCE_MEMBER_ID", "serialNumber": "DEVICE_ID",
    "carrierHRF": "DEVICE_ID",
}  # fmt: skip
_CODING = frozenset({"coding", "code", "display", "text", "value", "low", "high", "unit"})


def entity_of_element(names: Sequence[str]) -> str | None:
    """Return what the element at a path of FHIR holds, or None where its name says nothing special.

    >>> entity_of_element(["contact", "name", "family"]), entity_of_element(["code", "coding", "display"])
    ('PERSON', 'HEALTH')
    """
    if len(names) < 2:
        return None
    leaf, parent = names[-1], names[-2]
    found = _PARTS.get(parent, {}).get(leaf) or _ALONE.get(leaf)
    if found is not None:
        return found
    if leaf == "display" and parent in _PEOPLE:
        return "PERSON"
    if leaf == "display" and parent in {"serviceProvider", "managingOrganization", "insurer", "payor"}:
        return "ORGANIZATION"
    above = [name for name in names[:-1] if name not in _CODING]
    if leaf in _CODING and leaf != "unit":
        holder = names[-3] if parent == "coding" and len(names) > 2 else parent
        if holder in _CLINICAL or (above and above[-1] in _CLINICAL):
            return "HEALTH"
        if holder == "maritalStatus":
            return "MARITAL_STATUS"
        if holder == "language":
            return "LANGUAGE"
    return None


def is_resource(value: Mapping[str, Any]) -> bool:
    """Return whether an object is a FHIR resource."""
    return value.get("resourceType") in RESOURCES if isinstance(value.get("resourceType"), str) else False


def entity_beside(value: Mapping[str, Any]) -> str | None:
    """Return what the codes in an Identifier, ContactPoint or Extension say of its value."""
    url = value.get("url")
    if isinstance(url, str):
        end = url.rstrip("/").rsplit("/", 1)[-1]
        return next((entity for mark, entity in EXTENSIONS.items() if end.endswith(mark)), None)
    if "value" not in value:
        return None
    kind, system = value.get("type"), value.get("system")
    codings = kind.get("coding") if isinstance(kind, Mapping) else None
    for coding in codings if isinstance(codings, list) else []:
        code = coding.get("code") if isinstance(coding, Mapping) else None
        if isinstance(code, str) and code in IDENTIFIER_TYPES:
            return IDENTIFIER_TYPES[code]
    if not isinstance(system, str):
        return None
    if system in CONTACT_SYSTEMS:
        return CONTACT_SYSTEMS[system]
    address = system.lower().rstrip("/")
    return next(
        (e for mark, e in IDENTIFIER_SYSTEMS.items() if address.endswith(mark) or mark + "/" in address), None
    )
