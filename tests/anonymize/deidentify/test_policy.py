"""Policies are complete, and what their standard does not permit is refused by name."""

from __future__ import annotations

import pytest

from secure_ai.anonymize import load_policy, policy_names
from secure_ai.anonymize.deidentify.policy import read_policy
from secure_ai.anonymize.deidentify.rules import KEYED, RULES
from secure_ai.anonymize.deidentify.standards import LIMITED_REMOVES, PARTIAL, SIXTEEN, STANDARDS
from secure_ai.core import UserError, frameworks
from secure_ai.discover import ENTITY_CLASSES, HIPAA_NAMES, known_entities

EIGHTEEN = [
    ("A", ["PERSON", "CARDHOLDER_NAME"]),
    ("B", ["LOCATION", "STREET_ADDRESS", "ZIP_CODE", "COORDINATES"]),
    ("C", ["DATE_TIME", "DATE_OF_BIRTH", "AGE_OVER_89"]),
    ("D", ["PHONE_NUMBER"]),
    ("E", ["FAX_NUMBER"]),
    ("F", ["EMAIL_ADDRESS"]),
    ("G", ["US_SSN"]),
    ("H", ["MEDICAL_RECORD_NUMBER", "UK_NHS"]),
    ("I", ["US_HEALTH_INSURANCE_MEMBER_ID", "US_MBI", "US_CLAIM_NUMBER", "US_PRIOR_AUTHORIZATION_NUMBER"]),
    ("J", ["US_BANK_NUMBER", "IBAN_CODE", "CREDIT_CARD", "CRYPTO"]),
    ("K", ["US_DRIVER_LICENSE", "MEDICAL_LICENSE", "LICENSE_NUMBER", "US_NPI"]),
    ("L", ["VEHICLE_ID"]),
    ("M", ["DEVICE_ID", "MAC_ADDRESS"]),
    ("N", ["URL"]),
    ("O", ["IP_ADDRESS"]),
    ("P", ["BIOMETRIC"]),
    ("Q", ["PHOTO"]),
    (
        "R",
        [
            "UUID",
            "UNIQUE_IDENTIFIER",
            "US_ITIN",
            "US_PASSPORT",
            "USERNAME",
            "CREDENTIAL",
            "GENETIC",
            "US_PRESCRIPTION_NUMBER",
            "US_REFERRAL_NUMBER",
        ],
    ),
]


@pytest.mark.parametrize(("letter", "entities"), EIGHTEEN, ids=[letter for letter, _ in EIGHTEEN])
def test_safe_harbor_removes_every_identifier_by_a_rule_of_its_own(letter, entities):
    policy = load_policy("safe_harbor")
    assert letter in HIPAA_NAMES
    for entity in entities:
        assert ENTITY_CLASSES[entity].hipaa == letter
        assert entity in policy.entities
        assert policy.rule(entity).action in {"redact", "drop", "random_code", "state", "zip3", "year", "age"}


def test_the_table_of_letters_is_whole():
    assert [letter for letter, _ in EIGHTEEN] == list(HIPAA_NAMES)


def test_safe_harbor_uses_nothing_derived_and_needs_no_key():
    policy = load_policy("safe_harbor")
    assert not policy.needs_key
    assert {rule.action for rule in policy.rules}.isdisjoint(KEYED | {"city"})


@pytest.mark.parametrize("paragraph", SIXTEEN)
def test_a_limited_data_set_removes_all_sixteen(paragraph):
    policy = load_policy("limited_data_set")
    _, entities = SIXTEEN[paragraph]
    for entity in entities:
        assert entity in LIMITED_REMOVES
        # City, state and ZIP code of an address may stay: that is the second paragraph's own exception.
        assert policy.rule(entity).action not in PARTIAL - {"city"}


def test_a_limited_data_set_keeps_dates_cities_states_and_zip_codes():
    policy = load_policy("limited_data_set")
    for entity in ("DATE_TIME", "DATE_OF_BIRTH", "ZIP_CODE", "STATE", "AGE", "AGE_OVER_89"):
        assert policy.rule(entity).action == "keep"
    assert policy.rule("LOCATION").action == "city"


@pytest.mark.parametrize("name", policy_names())
def test_every_policy_names_all_that_the_detectors_know(name):
    policy = load_policy(name)
    known = {*ENTITY_CLASSES, *known_entities()}
    assert sorted(known - set(policy.entities)) == []
    for entity in known:
        rule = policy.rule(entity)
        assert rule.action in RULES
        assert not policy.limits.objection(entity, rule)


@pytest.mark.parametrize("name", policy_names())
def test_a_title_stays_because_nobody_is_known_by_it(name):
    assert load_policy(name).rule("TITLE").action == "keep"


@pytest.mark.parametrize("name", policy_names())
def test_every_policy_cites_its_basis_and_takes_a_stand_on_derived_values(name):
    policy = load_policy(name)
    assert policy.basis
    for identifier in policy.basis:
        assert frameworks.entry(identifier)
    assert policy.statements.keyed_hashes and policy.statements.reversible_tokens
    assert policy.statements.shifted_dates and policy.limits.residual


def test_the_kit_has_a_policy_for_every_standard():
    assert {load_policy(name).standard for name in policy_names()} == set(STANDARDS)


HEAD = "name: ours\nstandard: {}\n"
REFUSED = [
    ("safe_harbor", "entities: {PERSON: hash}", ["PERSON", "hash", "redact or random_code"]),
    ("safe_harbor", "entities: {PERSON: pseudonym}", ["PERSON", "pseudonym"]),
    ("safe_harbor", "entities: {US_SSN: token}", ["US_SSN", "token"]),
    ("safe_harbor", "entities: {DATE_TIME: shift_date}", ["DATE_TIME", "shift_date"]),
    ("safe_harbor", "entities: {DATE_OF_BIRTH: keep}", ["DATE_OF_BIRTH", "keep"]),
    ("safe_harbor", "entities: {US_SSN: {action: mask, keep_last: 4}}", ["US_SSN", "keep_last: 0"]),
    ("safe_harbor", "entities: {CREDIT_CARD: {action: vault, keep_last: 4}}", ["CREDIT_CARD"]),
    ("safe_harbor", "entities: {LOCATION: city}", ["LOCATION", "use state"]),
    ("safe_harbor", "entities: {AGE: keep}", ["AGE"]),
    ("safe_harbor", "entities: {AGE_OVER_89: {action: generalize, width: 5}}", ["AGE_OVER_89"]),
    ("safe_harbor", "default: keep", ["keep"]),
    ("safe_harbor", "columns: {mrn: hash}", ["columns: mrn", "hash"]),
    ("limited_data_set", "entities: {US_SSN: keep}", ["US_SSN", "keep"]),
    ("limited_data_set", "default: keep", ["keep"]),
    ("expert_determination", "entities: {PERSN: redact}", ["PERSN", "PERSON"]),
    ("expert_determination", "entities: {PERSON: redakt}", ["redakt", "redact"]),
    ("expert_determination", "entities: {PERSON: {action: mask, kep_last: 2}}", ["kep_last", "keep_last"]),
    ("expert_determination", "entities: {PERSON: {action: mask, keep_last: 9}}", ["keep_last"]),
    ("expert_determination", "entities: {PERSON: zip3}", ["PERSON", "zip3", "ZIP_CODE"]),
    ("expert_determination", "entities: {CREDIT_CARD: pseudonym}", ["CREDIT_CARD"]),
    ("expert_determination", "entities: [PERSON]", ["entities"]),
    ("expert_determination", "entities: {PERSON: }", ["PERSON", "name an action"]),
    ("expert_determination", "entitis: {PERSON: redact}", ["entitis", "entities"]),
    ("expert_determination", "unlisted_columns: maybe", ["unlisted_columns"]),
    ("expert_determination", "basis: ['164.999(z)']", ["164.999(z)"]),
    ("expert_determination", "name: twice", ["twice"]),
    ("safe_harbour", "", ["standard"]),
    ("expert_determination", "entities: {PERSON: 'redact", ["not valid YAML"]),
]


@pytest.mark.parametrize(("standard", "content", "said"), REFUSED, ids=range(len(REFUSED)))
def test_a_bad_policy_is_refused_in_one_sentence_that_names_the_entry(standard, content, said):
    with pytest.raises(UserError) as refused:
        read_policy(HEAD.format(standard) + content, "ours.yaml")
    message = str(refused.value)
    assert "\n" not in message and message.startswith("ours.yaml")
    for words in said:
        assert words in message


@pytest.mark.parametrize("content", ["", "- 1", "just text", "[" * 5000, "&a [*a]", "{1: 2}", "name: [1"])
def test_what_is_no_policy_at_all_is_refused(content):
    with pytest.raises(UserError):
        read_policy(content)


def test_a_policy_that_does_not_exist_is_answered_with_those_that_do(tmp_path):
    with pytest.raises(UserError, match="safe_harbor"):
        load_policy("safe_harbur")
    with pytest.raises(UserError, match="policy"):
        load_policy(tmp_path)
    binary = tmp_path / "p.yaml"
    binary.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UserError, match="UTF-8"):
        load_policy(binary)
    with pytest.raises(UserError):
        load_policy("")


def test_an_entity_that_a_policy_does_not_name_follows_its_nearest_or_the_default():
    policy = read_policy(HEAD.format("expert_determination") + "entities: {PERSON: pseudonym}\ndefault: hash")
    assert policy.rule("CARDHOLDER_NAME").action == "pseudonym"
    assert policy.rule("US_SSN").action == "hash"
