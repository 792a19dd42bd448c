"""What the elements of FHIR resources hold, by their names: people, addresses, codes, numbers of somebody."""

from __future__ import annotations

import re

PEOPLE = frozenset({"Patient", "Practitioner", "PractitionerRole", "RelatedPerson", "Person"})
DATE = re.compile(r"\d{4}-\d{2}(-\d{2}(T\d{2}:\d{2}.*)?)?")
INSTANTS = frozenset({"lastUpdated", "issued", "timestamp", "recorded"})
"""Elements that must be a full instant: where only the year may stay they are left out."""
KEPT = frozenset(
    {
        "resourceType", "system", "code", "unit", "status", "use", "version", "language",
        "gender", "type", "intent", "valueCode", "comparator", "linkId", "mode", "rank", "url",
        "contentType", "profile", "criticality", "category", "class", "severity", "currency",
        "kind", "priority", "verificationStatus", "clinicalStatus",
    }
)  # fmt: skip
REMOVED = frozenset({"photo", "text", "data", "hash", "position", "source", "signature"})
"""Elements that go whole when they are what FHIR has them for."""
SYSTEMS = {
    "us-ssn": "US_SSN", "2.16.840.1.113883.4.1": "US_SSN", "us-npi": "US_NPI", "2.16.840.1.113883.4.6":
    "US_NPI", "us-mbi": "US_MBI", "medicare": "US_MBI",
}  # fmt: skip
ADDRESS = {
    "line": "STREET_ADDRESS", "text": "STREET_ADDRESS", "city": "LOCATION", "district": "LOCATION",
    "postalCode": "ZIP_CODE", "state": "STATE", "country": "STATE",
}  # fmt: skip
NAMED = {
    "birthDate": "DATE_OF_BIRTH", "serialNumber": "DEVICE_ID", "deviceIdentifier": "DEVICE_ID",
    "carrierHRF": "DEVICE_ID", "lotNumber": "DEVICE_ID", "distinctIdentifier": "DEVICE_ID",
    "subscriberId": "US_HEALTH_INSURANCE_MEMBER_ID", "policyHolder": "PERSON", "longitude":
    "COORDINATES", "latitude": "COORDINATES", "altitude": "COORDINATES", "authorString": "PERSON",
    "accessionNumber": "UNIQUE_IDENTIFIER", "policyNumber": "US_HEALTH_INSURANCE_MEMBER_ID",
}  # fmt: skip
CODE = re.compile(r"(?!.*\d{6})(?!.*\d{3}-\d\d-\d{4})[A-Za-z0-9][\w.:|/+%{}\[\]*^-]{0,63}")
"""A code of a small list (active, final, en-US, mg/dL): no blanks, no long number."""
PUBLIC = re.compile(
    r"https?://([\w-]+\.)*(hl7\.org|fhir\.org|loinc\.org|snomed\.info|nih\.gov|cms\.gov|cdc\.gov|nucc\.org|"
    r"ama-assn\.org|ada\.org|unitsofmeasure\.org|who\.int|nema\.org|w3\.org|iso\.org|ietf\.org|va\.gov|"
    r"healthit\.gov|whocc\.no|regenstrief\.org|radlex\.org|ihe\.net|synthea\.mitre\.org|usps\.com)(/|$)|"
    r"urn:(oid|iso|ietf|dicom|hl7|uuid)[:.-]",
    re.IGNORECASE,
)
"""Addresses of code systems and profiles that standards bodies publish; any other may name an institution."""
ADDRESSES = frozenset({"system", "url", "profile"})
_PEOPLE_ELEMENTS = """
    subject patient performer author recorder asserter generalPractitioner requester practitioner actor
    individual member party sender recipient enterer provider attester interpreter informationSource
    beneficiary subscriber collector prescriber authorReference operator agent who participant responsible
"""
PEOPLE_ELEMENTS = frozenset(_PEOPLE_ELEMENTS.split())
"""Elements whose reference is to a person where nothing else says what it is to."""
MOST_DIGITS = 1_000_000
MISPLACED = {"telecom": "PHONE_NUMBER", "address": "STREET_ADDRESS"}
"""Elements that must be objects: a text in their place is taken for what they hold."""
KEPT_EXTENSIONS = (
    "us-core-race", "us-core-ethnicity", "us-core-birthsex", "us-core-sex", "us-core-genderIdentity",
)  # fmt: skip
