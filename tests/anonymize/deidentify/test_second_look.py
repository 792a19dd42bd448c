"""Identifiers of every kind, planted in any text, are gone afterwards, and a new scan does not find them."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from secure_ai.anonymize import Deidentifier, Key
from secure_ai.anonymize.deidentify.text import outside
from secure_ai.discover import detect

KEY = Key(bytes(range(64)))
PLANTS = {
    "US_SSN": ["SSN 219-09-9999", "social security number: 219 09 9998"],
    "EMAIL_ADDRESS": ["maria@example.com", "M.Garcia@Mail.Example.org"],
    "PHONE_NUMBER": ["(617) 555-0123", "617-555-0123", "+1 617 555 0123"],
    "CREDIT_CARD": ["4111 1111 1111 1111", "5500-0055-5555-5559"],
    "IBAN_CODE": ["DE89 3704 0044 0532 0130 00", "GB29NWBK60161331926819"],
    "IP_ADDRESS": ["192.168.10.77", "2001:db8::8a2e:370:7334"],
    "URL": ["https://example.com/maria/chart"],
    "MEDICAL_RECORD_NUMBER": ["MRN: 00123456", "medical record number 7654321"],
    "US_MBI": ["MBI 1EG4-TE5-MK73"],
    "US_NPI": ["NPI 1234567893"],
    "MEDICAL_LICENSE": ["DEA BB1388568"],
    "VEHICLE_ID": ["VIN 1HGCM82633A004352"],
    "MAC_ADDRESS": ["00:1A:2B:3C:4D:5E"],
    "UUID": ["550e8400-e29b-41d4-a716-446655440000"],
    "PERSON": ["Dr. Maria Garcia", "Patient: John Smith"],
}
AROUND = st.text("abcdefgh .,;:()\n\"'<>*_-\u0301\u05d0\u200b", max_size=30)


def middle(planted):
    """The part of a plant that identifies: what stands behind its last blank, or all of it."""
    return planted.split(": ")[-1] if ": " in planted else planted.split(" ", 1)[-1]


@pytest.mark.parametrize("policy", ["safe_harbor", "limited_data_set", "pseudonymize"])
def test_every_kind_of_identifier_goes_from_plain_prose(policy):
    worker = Deidentifier(policy, None if policy == "safe_harbor" else KEY, seed=1, as_of=2026)
    plants = [plant for plants in PLANTS.values() for plant in plants]
    new = worker.text([f"We noted that {plant}, as was said before." for plant in plants])
    assert [plant for plant, text in zip(plants, new, strict=True) if middle(plant) in text] == []


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(
        st.tuples(AROUND, st.sampled_from([plant for plants in PLANTS.values() for plant in plants])),
        min_size=1,
        max_size=4,
    ),
    AROUND,
)
def test_a_new_scan_of_any_text_finds_nothing_that_the_policy_removed(parts, last):
    text = "".join(f"{around} {plant} " for around, plant in parts) + last
    for policy in ("safe_harbor", "pseudonymize"):
        worker = Deidentifier(policy, None if policy == "safe_harbor" else KEY, seed=1, as_of=2026)
        (document,) = worker._cleaner.clean([text])
        (again,) = detect([document.text], threshold=worker.policy.threshold)
        left = [
            document.text[start:end]
            for span in again
            if worker.policy.rule(span.entity_type).action != "keep"
            for start, end in outside(span.start, span.end, document.made)
        ]
        for _, plant in parts:
            # What a scan finds of the output was put there, or is none of the identifiers.
            assert not [value for value in left if middle(plant) in value]
        assert not document.tally.remaining
