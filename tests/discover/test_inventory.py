"""Claims about the inventory: columns of real files, odd tables, and no raw value in the output."""

from __future__ import annotations

import json
import sys

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secure_ai.core import UserError
from secure_ai.core.sources import open_source
from secure_ai.discover import HIPAA_NAMES, Tier, inventory
from secure_ai.discover.classification import ENTITY_CLASSES, FREE_TEXT, LINKED, classify, rules
from secure_ai.discover.column_names import _phrases, entity_of_name, words_of


def take(columns: dict, **options):
    return inventory(open_source(pd.DataFrame(columns)), **options)


# ---------------------------------------------------------------- files that nobody here made

SYNTHEA = {
    # column: entity, HIPAA letter, tier
    "Id": ("UNIQUE_IDENTIFIER", "R", "CONFIDENTIAL"),
    "BIRTHDATE": ("DATE_OF_BIRTH", "C", "CONFIDENTIAL"),
    "DEATHDATE": ("DATE_TIME", "C", "CONFIDENTIAL"),
    "SSN": ("US_SSN", "G", "RESTRICTED"),
    "DRIVERS": ("US_DRIVER_LICENSE", "K", "RESTRICTED"),
    "PASSPORT": ("US_PASSPORT", "R", "RESTRICTED"),
    "PREFIX": (None, None, "INTERNAL"),
    "FIRST": ("PERSON", "A", "CONFIDENTIAL"),
    "LAST": ("PERSON", "A", "CONFIDENTIAL"),
    "SUFFIX": (None, None, "INTERNAL"),
    "MAIDEN": ("PERSON", "A", "CONFIDENTIAL"),
    "MARITAL": ("MARITAL_STATUS", None, "INTERNAL"),
    "RACE": ("RACE_ETHNICITY", None, "RESTRICTED"),
    "ETHNICITY": ("RACE_ETHNICITY", None, "RESTRICTED"),
    "GENDER": ("SEX", None, "INTERNAL"),
    "BIRTHPLACE": ("LOCATION", "B", "CONFIDENTIAL"),
    "ADDRESS": ("STREET_ADDRESS", "B", "CONFIDENTIAL"),
    "CITY": ("LOCATION", "B", "CONFIDENTIAL"),
    "STATE": ("STATE", None, "INTERNAL"),
    "COUNTY": ("LOCATION", "B", "CONFIDENTIAL"),
    "ZIP": ("ZIP_CODE", "B", "CONFIDENTIAL"),
    "LAT": ("COORDINATES", "B", "CONFIDENTIAL"),
    "LON": ("COORDINATES", "B", "CONFIDENTIAL"),
    "HEALTHCARE_EXPENSES": ("FINANCIAL", None, "CONFIDENTIAL"),
    "HEALTHCARE_COVERAGE": ("FINANCIAL", None, "CONFIDENTIAL"),
}


@pytest.mark.shared_data
def test_every_column_of_synthea_patients_is_classified_right(shared_data):
    result = inventory(open_source(shared_data / "synthea_patients.csv"))
    seen = {c.name: ((c.entities or (None,))[0], c.hipaa, c.tier.name) for c in result.columns}
    assert seen == SYNTHEA
    assert result.tier is Tier.RESTRICTED


@pytest.mark.shared_data
@pytest.mark.parametrize("name", ["heart.csv", "adult.csv", "german_credit.csv"])
def test_tables_without_direct_identifiers_get_none(shared_data, name):
    result = inventory(open_source(shared_data / name))
    assert [column.name for column in result.columns if column.direct] == []
    assert result.tier is Tier.CONFIDENTIAL


@pytest.mark.shared_data
def test_columns_of_heart_adult_and_german_credit(shared_data):
    heart = inventory(open_source(shared_data / "heart.csv"))
    assert heart["chol"].gdpr_special and heart["chol"].entities == ("HEALTH",)
    assert heart["age"].entities == ("AGE",) and heart["age"].hipaa is None
    adult = inventory(open_source(shared_data / "adult.csv"))
    assert adult["race"].gdpr_special and adult["race"].tier is Tier.CONFIDENTIAL
    assert adult["age"].hipaa == "C" and "over 89" in adult["age"].evidence
    assert adult["salary-class"].glba
    german = inventory(open_source(shared_data / "german_credit.csv"))
    assert german["Telephone"].entities == ()
    assert "do not have the form" in german["Telephone"].evidence
    assert german["Credit_history"].glba


@pytest.mark.shared_data
def test_words_run_together_and_record_keys_are_read_in_other_synthea_tables(shared_data):
    claims = inventory(open_source(shared_data / "synthea_claims.csv"))
    assert claims["DIAGNOSIS1"].gdpr_special
    assert claims["PATIENTID"].hipaa == "R"
    assert claims["SERVICEDATE"].hipaa == "C"
    conditions = inventory(open_source(shared_data / "synthea_conditions.csv"))
    assert conditions["PATIENT"].hipaa == "R"
    assert conditions["DESCRIPTION"].gdpr_special, "clinical terms under a name that says nothing"


@pytest.mark.shared_data
def test_no_value_of_synthea_patients_appears_in_the_inventory(shared_data):
    source = open_source(shared_data / "synthea_patients.csv")
    text = str(inventory(source)) + inventory(source).to_frame().to_json(force_ascii=False)
    frame = source.to_pandas()
    for column in (
        "Id",
        "SSN",
        "DRIVERS",
        "PASSPORT",
        "FIRST",
        "LAST",
        "MAIDEN",
        "ADDRESS",
        "BIRTHPLACE",
        "CITY",
        "ZIP",
    ):
        for value in frame[column].dropna().astype(str):
            assert value not in text, column


@pytest.mark.shared_data
def test_hipaa_names_are_those_of_the_pinned_list(shared_taxonomy):
    lines = (shared_taxonomy / "hipaa_safe_harbor.tsv").read_text().splitlines()
    pinned = dict(line.split("\t")[:2] for line in lines if line and not line.startswith("#"))
    assert set(pinned) == set(HIPAA_NAMES)
    for letter, name in HIPAA_NAMES.items():
        assert pinned[letter].startswith(name), letter


@pytest.mark.parametrize(
    ("sector", "expected"),
    [
        (
            "healthcare",
            {
                "patients.first_name": ("A", "CONFIDENTIAL"),
                "patients.ssn": ("G", "RESTRICTED"),
                "patients.birth_date": ("C", "CONFIDENTIAL"),
                "patients.zip": ("B", "CONFIDENTIAL"),
                "patients.phone": ("D", "CONFIDENTIAL"),
                "patients.email": ("F", "CONFIDENTIAL"),
                "notes.text": ("*", "RESTRICTED"),
            },
        ),
        (
            "finance",
            {
                "customers.last_name": ("A", "CONFIDENTIAL"),
                "customers.ssn": ("G", "RESTRICTED"),
                "accounts.iban": ("J", "RESTRICTED"),
                "accounts.currency": (None, "PUBLIC"),
                "accounts.holder_name": ("A", "CONFIDENTIAL"),
                "cards.pan": ("J", "RESTRICTED"),
                "cards.cardholder": ("A", "CONFIDENTIAL"),
                "transactions.ip": ("O", "CONFIDENTIAL"),
                "transactions.amount": (None, "CONFIDENTIAL"),
                "chats.text": ("*", "RESTRICTED"),
            },
        ),
    ],
)
def test_columns_of_the_synthetic_sectors(sector, expected):
    from synthetic_data import load

    data = load(sector, seed=3, rows=1000 if sector == "finance" else 200)
    profiles = {}
    for table in {name.split(".")[0] for name in expected}:
        for column in inventory(open_source(data[table])).columns:
            profiles[f"{table}.{column.name}"] = column
    for name, (letter, tier) in expected.items():
        assert profiles[name].tier.name == tier, name
        assert letter == "*" or profiles[name].hipaa == letter, name
    free = [profile for name, profile in profiles.items() if name.endswith(".text")]
    assert all(profile.free_text and profile.identifier_share > 0.5 for profile in free)
    if sector == "finance":
        assert profiles["cards.pan"].pci and profiles["cards.cardholder"].pci
        assert not profiles["customers.ssn"].pci


# ---------------------------------------------------------------- names and values

NAMES = [
    ("dob", "DATE_OF_BIRTH"),
    ("PatientDOB", "DATE_OF_BIRTH"),
    ("pt_mrn", "MEDICAL_RECORD_NUMBER"),
    ("addr_line1", "STREET_ADDRESS"),
    ("fname", "PERSON"),
    ("customer.last_name", "PERSON"),
    ("merchant_name", "ORGANIZATION"),
    ("drug_name", "HEALTH"),
    ("faxNumber", "FAX_NUMBER"),
    ("card_no", "CREDIT_CARD"),
    ("ServiceDate", "DATE_TIME"),
    ("SERVICEDATE", "DATE_TIME"),
    ("patientid", "UNIQUE_IDENTIFIER"),
    ("cvv", "CARD_SECURITY_CODE"),
    ("last_login_ip", "IP_ADDRESS"),
    ("hash", None),
    ("update_count", None),
    ("x1", None),
    ("", None),
    ("名前", None),
]


@pytest.mark.parametrize(("name", "entity"), NAMES)
def test_a_column_name_announces_its_entity(name, entity):
    announced = entity_of_name(name)
    assert (announced and announced[0]) == entity


@given(st.text(max_size=30))
def test_any_column_name_can_be_split(name):
    assert all(part and part == part.lower() for part in words_of(name))
    entity_of_name(name)


def test_the_dictionary_of_names_uses_only_known_entities():
    anywhere, whole = _phrases()
    assert set(anywhere.values()) | set(whole.values()) <= set(ENTITY_CLASSES)
    assert max(map(len, anywhere)) <= 4, "longer phrases are never looked up"


VALUES = [
    ([f"user{i}@example.org" for i in range(30)], "EMAIL_ADDRESS"),
    ([f"912-34-{5000 + i}" for i in range(30)], "US_SSN"),
    ([f"(212) 555-01{i:02}" for i in range(30)], "PHONE_NUMBER"),
    ([f"192.0.2.{i}" for i in range(30)], "IP_ADDRESS"),
    ([f"2024-01-{i:02} 10:00" for i in range(1, 29)], "DATE_TIME"),
    ([f"3edac2e3-d223-6fae-d515-daf96ef6bc{i:02}" for i in range(30)], "UUID"),
    ([f"E11.{i % 10}" if i % 2 else f"I2{i % 10}.1" for i in range(30)], "HEALTH"),
    (["4111111111111111", "5500005555555559", "378282246310005"] * 10, "CREDIT_CARD"),
    ([f"Chronic gastritis, type {i}" for i in range(30)], "HEALTH"),
    ([f"KX-{i:05}" for i in range(30)], "UNIQUE_IDENTIFIER"),
    (list(range(1000, 1040)), "UNIQUE_IDENTIFIER"),
    ([f"{i} Maple Street" for i in range(30)], "LOCATION"),
    (["yes", "no", "unknown"] * 10, None),
    ([3, 1, 4, 1, 5, 9, 2, 6] * 5, None),
    ([0.5, 1.25, 9.75] * 10, None),
    ([True, False] * 10, None),
]


@pytest.mark.parametrize(("values", "entity"), VALUES)
def test_values_speak_where_the_name_says_nothing(values, entity):
    assert take({"x": values})["x"].entities[:1] == ((entity,) if entity else ())


CONTRADICTED = [
    ("telephone", ["A191", "A192"] * 20),
    ("ssn", ["yes", "no"] * 20),
    ("email", [True, False] * 20),
    ("zip", ["north", "south"] * 20),
    ("first_name", [1, 2, 3, 4] * 10),
    ("date", ["Q1", "Q2"] * 20),
]


@pytest.mark.parametrize(("name", "values"), CONTRADICTED)
def test_a_name_that_the_values_contradict_is_not_believed(name, values):
    column = take({name: values})[name]
    assert column.entities == ()
    assert column.tier is Tier.INTERNAL


def test_ages_are_an_identifier_only_where_some_are_over_89():
    assert take({"age": [20, 89]})["age"].hipaa is None
    older = take({"age": [20, 90]})["age"]
    assert (older.hipaa, older.entities) == ("C", ("AGE_OVER_89",))


def test_checks_that_pass_by_chance_do_not_make_a_card():
    values = np.random.default_rng(0).integers(4 * 10**15, 5 * 10**15, 500)
    assert "CREDIT_CARD" not in take({"x": values})["x"].entities


# ---------------------------------------------------------------- tiers


def test_a_special_category_is_restricted_beside_an_identifier_and_confidential_without():
    alone = take({"diagnosis": ["E11.9", "I10"] * 5})["diagnosis"]
    beside = take({"diagnosis": ["E11.9", "I10"] * 5, "ssn": [f"912-34-{5000 + i}" for i in range(10)]})[
        "diagnosis"
    ]
    assert (alone.tier, beside.tier) == (Tier.CONFIDENTIAL, Tier.RESTRICTED)
    assert beside.reason == LINKED


def test_free_text_with_identifiers_is_restricted_and_its_share_is_counted():
    clean = "The visit went well and no changes were made to the plan."
    column = take(
        {"comment": [f"Call (212) 555-01{i:02} about the visit tomorrow." for i in range(10)] + [clean] * 30}
    )["comment"]
    assert column.free_text
    assert column.identifier_share == pytest.approx(0.25)
    assert (column.tier, column.reason) == (Tier.RESTRICTED, FREE_TEXT)
    assert take({"comment": [clean + str(i) for i in range(10)]})["comment"].tier is Tier.INTERNAL


def test_the_worst_column_decides_the_table():
    assert take({"currency": ["USD", "EUR"]}).tier is Tier.PUBLIC
    assert take({"currency": ["USD"], "city": ["Boston"]}).tier is Tier.CONFIDENTIAL


def test_every_tier_and_letter_is_used_and_every_rule_has_a_reason():
    assert {c.tier for c in ENTITY_CLASSES.values()} == set(Tier)
    assert {c.hipaa for c in ENTITY_CLASSES.values()} - {None} == set(HIPAA_NAMES)
    assert all(rule["reason"] for rule in rules())
    assert all(tier.meaning for tier in Tier)


def test_classes_combine_by_the_worst_tier():
    both = classify(["SEX", "US_SSN", "HEALTH"])
    assert (both.tier, both.hipaa, both.gdpr_special) == (Tier.RESTRICTED, "G", True)
    assert classify([]).tier is classify(["NEVER_HEARD_OF"]).tier is Tier.INTERNAL


# ---------------------------------------------------------------- odd tables


def test_nested_odd_and_empty_columns_are_described():
    table = pa.table(
        {
            "person": pa.array([{"ssn": "912-34-5678", "notes": {"mrn": "12345678"}}] * 3),
            "tags": pa.array([["a", "b"], [], None]),
            "nothing": pa.array([None, None, None], pa.string()),
            "no_ssn": pa.nulls(3),
            "picture": pa.array([b"\x00\xff\x10", b"\x01\x02", b"\xff"]),
            "amount": pa.array([1, 2, 3], pa.decimal128(10, 2)),
            "spaces": pa.array(["", " ", "  "]),
            "when": pa.array([1, 2, 3], pa.timestamp("us", tz="UTC")),
            "flag": pa.array([True, None, False]),
        }
    )
    result = inventory(open_source(table))
    assert "US_SSN" in result["person"].entities and result["person"].tier is Tier.RESTRICTED
    assert result["nothing"].null_share == 1 and result["nothing"].distinct == 0
    assert result["no_ssn"].confidence < 0.5
    assert "binary" in result["picture"].evidence
    assert result["when"].entities == ("DATE_TIME",)
    assert len(result.columns) == table.num_columns
    assert json.loads(result.to_frame().to_json())["column"]


def test_columns_with_quotes_markup_and_repeats_keep_their_names():
    frame = pd.DataFrame([["a", 1, 2, 3]], columns=['a"b', "<b>ssn</b>", "c'd", "e,f"])
    assert [c.name for c in inventory(open_source(frame)).columns] == list(frame.columns)


def test_data_in_place_of_a_header_is_refused_without_quoting_it(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("Zorblatt,912-34-5678\nBob,912-34-5679\n")
    with pytest.raises(UserError, match="column 2 is named like an identifier") as caught:
        inventory(open_source(path))
    assert "912" not in str(caught.value)


def test_a_missing_column_and_an_empty_sample_are_errors():
    result = take({"a": [1]})
    with pytest.raises(UserError, match="no column 'b': choose from a"):
        result["b"]
    with pytest.raises(UserError, match="sample=0"):
        take({"a": [1]}, sample=0)


def test_the_same_seed_gives_the_same_inventory_and_counts_cover_the_whole_table():
    n = 30_000
    frame = pd.DataFrame(
        {"k": np.arange(n) % 7777, "note": [f"call (212) 555-01{i % 100:02} now please" for i in range(n)]}
    )
    first, again, other = (inventory(open_source(frame), sample=50, seed=s) for s in (1, 1, 2))
    assert first == again
    assert first["k"].distinct == other["k"].distinct == 7777
    assert (first.n_rows, first.sampled) == (n, 500)


def test_above_the_exact_limit_distinct_values_are_estimated_and_never_more_than_the_rows(monkeypatch):
    for name in ("inventory", "by_values"):  # by name, because the package's `inventory` is the function
        monkeypatch.setattr(sys.modules[f"secure_ai.discover.{name}"], "EXACT_ROWS", 1000)
    n = 20_000
    result = take(
        {
            "x": [f"KX-{i:06}" for i in range(n)],
            "k": np.arange(n) % 50,
            "y": np.random.default_rng(0).random(n),
        }
    )
    assert result["x"].entities == ("UNIQUE_IDENTIFIER",) and "nearly every" in result["x"].evidence
    assert all(column.distinct <= n for column in result.columns)
    assert result["k"].distinct == pytest.approx(50, abs=5)


SECRETS = st.text(st.characters(codec="utf-8", exclude_categories=("Cc",)), min_size=6, max_size=30).filter(
    lambda text: (text.strip() == text and not text.isascii()) or len(set(text)) > 4
)


@settings(max_examples=25, deadline=None)
@given(
    st.lists(SECRETS, min_size=1, max_size=8), st.sampled_from(["name", "ssn", "comment", "x", "diagnosis"])
)
def test_no_value_of_any_table_reaches_the_output(values, name):
    result = inventory(open_source(pd.DataFrame({name: [f"§{value}§" for value in values]})))
    text = repr(result) + result.to_frame().to_csv()
    assert not any(f"§{value}§" in text for value in values)


def test_code_and_value_beside_clinical_terms_are_health_data():
    terms = {"description": ["Hypertension", "Diabetes", "Asthma"] * 4, "code": [5, 6, 7] * 4}
    assert take(terms)["code"].gdpr_special
    assert not take({"colour": ["red", "blue", "green"] * 4, "code": [5, 6, 7] * 4})["code"].gdpr_special


def test_the_evidence_of_free_text_says_what_read_it(monkeypatch):
    frame = {"note": [f"Call the patient's daughter at (212) 555-01{i:02} about it." for i in range(10)]}
    monkeypatch.setenv("SECURE_AI_NLP", "blank")
    assert "patterns alone, which miss names" in take(frame)["note"].evidence
    monkeypatch.delenv("SECURE_AI_NLP")
    assert "names model" in take(frame)["note"].evidence


def test_the_share_of_rows_with_identifiers_is_right_where_one_text_repeats_and_others_do_not():
    n = 20_000
    texts = [
        f"Call me at (212) 555-0{100 + i % 100} about visit {i}"
        if i % 4 == 0
        else "No change to the plan of today"
        for i in range(n)
    ]
    column = take({"note": texts}, sample=500)["note"]
    assert column.identifier_share == pytest.approx(0.25, abs=0.02)


def test_columns_of_mixed_contacts_list_every_kind():
    values = [f"user{i}@example.org" if i % 2 else f"(212) 555-01{i:02}" for i in range(40)]
    assert set(take({"x": values})["x"].entities) == {"EMAIL_ADDRESS", "PHONE_NUMBER"}
