"""The hospital holds together: keys, times, blocks, identifiers, spans, and what the card says."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from synthetic_data import Dataset, healthcare, load
from synthetic_data.healthcare import codes, model
from synthetic_data.healthcare.message_templates import MESSAGE_TEMPLATES
from synthetic_data.healthcare.note_templates import NOTE_TEMPLATES
from synthetic_data.healthcare.records import Frame, attending
from synthetic_data.healthcare.visits import readmission_log_odds
from synthetic_data.identifiers import can_belong_to_nobody
from synthetic_data.people import age_on

KEYS = {
    "patients": "patient_id",
    "encounters": "encounter_id",
    "diagnoses": "diagnosis_id",
    "medications": "medication_id",
    "labs": "lab_id",
    "claims": "claim_id",
    "staff": "staff_id",
    "access_log": "event_id",
    "notes": "note_id",
    "messages": "message_id",
    "readmissions": "encounter_id",
}
REFERENCES = [
    ("patients", "primary_care_staff_id", "staff"),
    ("encounters", "patient_id", "patients"),
    ("encounters", "attending_staff_id", "staff"),
    ("diagnoses", "encounter_id", "encounters"),
    ("diagnoses", "patient_id", "patients"),
    ("medications", "encounter_id", "encounters"),
    ("medications", "patient_id", "patients"),
    ("medications", "prescriber_staff_id", "staff"),
    ("labs", "encounter_id", "encounters"),
    ("labs", "patient_id", "patients"),
    ("claims", "encounter_id", "encounters"),
    ("claims", "patient_id", "patients"),
    ("access_log", "staff_id", "staff"),
    ("access_log", "patient_id", "patients"),
    ("access_log", "encounter_id", "encounters"),
    ("notes", "encounter_id", "encounters"),
    ("notes", "patient_id", "patients"),
    ("notes", "author_staff_id", "staff"),
    ("messages", "patient_id", "patients"),
    ("messages", "staff_id", "staff"),
    ("readmissions", "encounter_id", "encounters"),
    ("readmissions", "patient_id", "patients"),
]
IDENTIFIERS = [
    ("patients", "ssn", "ssn"),
    ("patients", "phone", "phone"),
    ("patients", "email", "email"),
    ("patients", "mrn", "mrn"),
    ("patients", "drivers_license", "drivers_license"),
    ("patients", "emergency_contact_phone", "phone"),
    ("patients", "implant_serial", "device_id"),
    ("patients", "primary_care_npi", "npi"),
    ("staff", "ssn", "ssn"),
    ("staff", "phone", "phone"),
    ("staff", "email", "email"),
    ("staff", "npi", "npi"),
    ("staff", "dea", "dea"),
    ("claims", "billing_npi", "npi"),
    ("claims", "account_number", "account_number"),
    ("access_log", "ip", "ipv4"),
]
SPAN_FAMILIES = {
    "PHONE_NUMBER": "phone",
    "EMAIL_ADDRESS": "email",
    "US_SSN": "ssn",
    "URL": "url",
    "IP_ADDRESS": "ipv4",
    "CREDIT_CARD": "card_number",
    "US_DRIVER_LICENSE": "drivers_license",
    "MEDICAL_RECORD_NUMBER": "mrn",
    "US_NPI": "npi",
    "US_MBI": "mbi",
    "MEDICAL_LICENSE": "dea",
    "ACCOUNT_NUMBER": "account_number",
    "DEVICE_ID": "device_id",
}


@pytest.fixture(scope="module")
def data() -> Dataset:
    return load("healthcare", seed=7, rows=healthcare.BLOCK_SIZE + 700)


@pytest.mark.parametrize(("table", "key"), KEYS.items())
def test_keys_are_unique_and_present(data, table, key):
    assert data[table][key].is_unique
    assert data[table][key].notna().all()
    assert set(data.tables) == set(KEYS) == set(healthcare.TABLES)


@pytest.mark.parametrize(("child", "column", "parent"), REFERENCES)
def test_references_point_to_rows_that_exist(data, child, column, parent):
    assert data[child][column].dropna().isin(data[parent][KEYS[parent]]).all()


@pytest.mark.parametrize("table", ["diagnoses", "medications", "labs", "claims", "readmissions", "notes"])
def test_a_row_names_the_patient_of_its_encounter(data, table):
    owner = data["encounters"].set_index("encounter_id")["patient_id"]
    rows = data[table]
    assert (rows["patient_id"].to_numpy() == owner.loc[rows["encounter_id"]].to_numpy()).all()


@pytest.mark.parametrize(("table", "column", "family"), IDENTIFIERS)
def test_identifier_columns_can_belong_to_nobody(data, table, column, family):
    values = data[table][column].dropna().unique()
    assert len(values) > 0
    assert all(can_belong_to_nobody(family, value) for value in values)


@pytest.mark.parametrize("table", ["patients", "claims"])
def test_health_plan_numbers_are_mbi_for_medicare_and_invented_members_otherwise(data, table):
    rows = data[table].dropna(subset="health_plan_number")
    medicare = rows["payer"] == "Medicare"
    assert all(can_belong_to_nobody("mbi", value) for value in rows.loc[medicare, "health_plan_number"])
    assert all(
        can_belong_to_nobody("health_plan_number", value)
        for value in rows.loc[~medicare, "health_plan_number"]
    )
    assert (data[table].loc[data[table]["health_plan_number"].isna(), "payer"] == "Self-pay").all()


def test_order_of_blocks_does_not_matter_and_load_is_their_concatenation(data):
    second = healthcare.block(7, 1, 700)
    first = healthcare.block(7, 0)
    for name in first:
        both = pd.concat([first[name], second[name]], ignore_index=True)
        pd.testing.assert_frame_equal(both, data[name])


def test_documents_stand_in_the_order_of_their_tables(data):
    for name, key in (("notes", "note_id"), ("messages", "message_id")):
        assert [text.text for text in data.documents[name]] == data[name]["text"].tolist()
        assert [text.meta[key] for text in data.documents[name]] == data[name][key].tolist()


def test_staff_are_the_same_for_any_number_of_patients(data):
    pd.testing.assert_frame_equal(data["staff"], load("healthcare", seed=7, rows=1)["staff"])


@pytest.mark.parametrize("rows", [1, 2, 17])
def test_a_tiny_hospital_has_every_table(rows):
    small = load("healthcare", seed=3, rows=rows)
    assert set(small.tables) == set(KEYS)
    assert len(small["patients"]) == rows
    assert small["access_log"]["snooping"].any()


def test_times_make_sense(data):
    stays = data["encounters"]
    born = data["patients"].set_index("patient_id")["birth_date"].loc[stays["patient_id"]].to_numpy()
    assert (stays["start"] < stays["end"]).all()
    assert (stays["start"].to_numpy() >= born).all()
    labs = data["labs"].merge(stays[["encounter_id", "start", "end"]], on="encounter_id")
    assert (labs["collected_at"] >= labs["start"]).all()
    assert (labs["collected_at"] <= labs["end"]).all()


def test_nobody_is_in_two_places_during_a_stay_or_comes_after_death(data):
    visits = data["encounters"].sort_values(["patient_id", "start"])
    stay = visits["class"] == "inpatient"
    until = (
        visits["end"].where(stay).groupby(visits["patient_id"]).transform(lambda ends: ends.cummax().shift())
    )
    assert not (visits["start"] < until).any()
    dead = (
        (visits["discharge_to"] == "expired")
        .groupby(visits["patient_id"])
        .transform(lambda d: d.shift(fill_value=False).cummax())
    )
    assert not dead.any()


def test_only_women_of_age_give_birth_and_children_see_pediatrics(data):
    visits = data["encounters"].merge(data["patients"][["patient_id", "sex", "birth_date"]], on="patient_id")
    age = age_on(visits["birth_date"], visits["start"])
    births = visits["reason_code"] == "O80"
    assert set(visits.loc[births, "sex"]) == {"female"}
    assert age[births].min() >= 18
    assert age[births].max() <= 44
    assert age[visits["department"] == "Pediatrics"].max() < 18
    assert not visits.loc[births, "patient_id"].duplicated().any()


def test_codes_come_with_their_own_description_and_chapter(data):
    known = {item.code: (item.description, item.chapter) for item in (*codes.REASONS, *codes.CONDITIONS)}
    pairs = data["diagnoses"][["icd10_code", "description", "chapter"]].drop_duplicates()
    assert {
        row.icd10_code: (row.description, row.chapter) for row in pairs.itertuples()
    }.items() <= known.items()
    assert pairs["icd10_code"].is_unique
    loinc = data["labs"][["loinc_code", "test", "unit"]].drop_duplicates()
    assert set(loinc["loinc_code"]) <= {test.loinc for test in codes.TESTS}
    assert loinc["loinc_code"].is_unique


def test_claims_add_up(data):
    claims = data["claims"]
    paid = claims[claims["status"] == "paid"]
    assert np.allclose(paid["paid"] + paid["patient_share"], paid["allowed"], atol=0.011)
    assert (claims.loc[claims["status"] != "paid", ["paid", "patient_share"]] == 0).all(axis=None)
    assert (claims["allowed"] < claims["billed"]).all()


@pytest.mark.parametrize(
    ("loinc", "icd10", "higher"),
    [
        ("4548-4", "E11.9", True),
        ("2160-0", "N18.30", True),
        ("718-7", "C80.1", False),
        ("33762-6", "I50.9", True),
    ],
)
def test_illness_moves_the_test_that_the_card_says_it_moves(data, loinc, icd10, higher):
    labs = data["labs"][data["labs"]["loinc_code"] == loinc]
    ill = set(data["diagnoses"].loc[data["diagnoses"]["icd10_code"] == icd10, "patient_id"])
    has = labs["patient_id"].isin(ill)
    gap = labs.loc[has, "value"].median() - labs.loc[~has, "value"].median()
    assert bool(gap > 0) is higher


def test_readmission_labels_are_what_encounters_show_but_for_the_stated_noise(data):
    visits = data["encounters"][data["encounters"]["class"] == "inpatient"].sort_values(
        ["patient_id", "start"]
    )
    following = visits.groupby("patient_id")["start"].shift(-1)
    back = ((following - visits["end"]).dt.total_seconds() <= model.FOLLOW_UP_DAYS * 86400).to_numpy()
    truth = pd.Series(back, index=visits["encounter_id"].to_numpy())
    rows = data["readmissions"]
    wrong = (truth.loc[rows["encounter_id"]].to_numpy() != (rows["readmitted_30d"] == 1)).mean()
    assert 0.6 * model.READMISSION_LABEL_NOISE < wrong < 1.4 * model.READMISSION_LABEL_NOISE


def test_the_stated_log_odds_are_the_ones_that_drew_the_labels():
    """Log-odds computed from the tables foresee the share of labels, overall and among high and low risks."""
    from sklearn.metrics import roc_auc_score

    rng = np.random.default_rng(np.random.SeedSequence([7, 0]))
    people = healthcare.staff(7)
    patients, conditions = healthcare.make_patients(rng, healthcare.BLOCK_SIZE, start=0, seed=7, staff=people)
    visits = healthcare.make_visits(rng, patients, conditions)
    number = (1 + visits.patient) * 100 + visits.ordinal()
    frame = Frame(patients, people, conditions, visits, number, attending(rng, visits, people))
    table = healthcare.block(7, 0)["readmissions"]
    ids = pd.Index(frame.encounter_id(np.arange(len(visits))))
    stays = visits.take(ids.get_indexer(table["encounter_id"]))
    odds = readmission_log_odds(
        stays,
        table["prior_admissions"].to_numpy(),
        table["prior_emergency_visits"].to_numpy(),
        table["age"].to_numpy(),
        conditions[stays.patient],
    )
    label = table["readmitted_30d"].to_numpy()
    noise = model.READMISSION_LABEL_NOISE
    expected = (1 - 2 * noise) * model.sigmoid(odds) + noise
    high = odds > np.median(odds)
    for rows in (high, ~high, np.ones(len(label), bool)):
        error = 3.5 * np.sqrt(np.mean(expected[rows] * (1 - expected[rows])) / rows.sum())
        assert abs(expected[rows].mean() - label[rows].mean()) < error
    assert roc_auc_score(label, odds) > 0.72


def test_snooping_is_rare_labeled_and_never_part_of_care(data):
    log = data["access_log"]
    assert 0 < log["snooping"].mean() < 0.02
    assert set(log["snooping_kind"]) == {"none", *model.SNOOPING_KINDS}
    assert ((log["snooping_kind"] != "none") == log["snooping"]).all()
    assert not log.loc[log["snooping"], "treatment_relation"].any()
    assert log.loc[log["snooping"], "encounter_id"].isna().all()
    assert log["timestamp"].iloc[: healthcare.BLOCK_SIZE].is_monotonic_increasing
    family = log[log["snooping_kind"] == "family"]
    names = [
        data[t].set_index(f"{k}_id")["last_name"] for t, k in (("staff", "staff"), ("patients", "patient"))
    ]
    assert (
        names[0].loc[family["staff_id"]].to_numpy() == names[1].loc[family["patient_id"]].to_numpy()
    ).all()


def test_care_team_looks_most_and_honest_emergencies_exist(data):
    log = data["access_log"]
    assert log["treatment_relation"].mean() > 0.6
    assert (log["break_glass"] & ~log["snooping"]).any()


@pytest.mark.parametrize("name", ["notes", "messages"])
def test_spans_lie_within_the_text_in_order_and_never_overlap(data, name):
    for text in data.documents[name]:
        end = 0
        for span in text.spans:
            assert end <= span.start < span.end <= len(text.text)
            end = span.end


@pytest.mark.parametrize("name", ["notes", "messages"])
def test_every_identifier_in_a_text_can_belong_to_nobody(data, name):
    for text in data.documents[name]:
        for kind, value in text.values():
            if kind in SPAN_FAMILIES:
                assert can_belong_to_nobody(SPAN_FAMILIES[kind], value), (kind, value)
            elif kind == "HEALTH_PLAN_NUMBER":
                assert can_belong_to_nobody("health_plan_number", value)


@pytest.mark.parametrize("name", ["notes", "messages"])
def test_no_identifier_of_the_patient_stands_outside_a_span(data, name):
    patients = data["patients"].set_index("patient_id")
    columns = ["last_name", "ssn", "mrn", "email", "street", "phone", "emergency_contact_name"]
    people = patients[columns].to_dict("index")
    for text in data.documents[name]:
        hidden = list(text.text)
        for span in text.spans:
            hidden[span.start : span.end] = "\0" * (span.end - span.start)
        left = "".join(hidden)
        for column, value in people[text.meta["patient_id"]].items():
            if len(value) > 3:
                assert value not in left, (column, text.meta)


def test_texts_vary_and_name_every_kind_of_identifier(data):
    assert len(NOTE_TEMPLATES) >= 25
    assert len(MESSAGE_TEMPLATES) >= 25
    assert len({text.meta["template"] for text in data.documents["notes"]}) >= 25
    assert len({text.meta["template"] for text in data.documents["messages"]}) >= 25
    kinds = {
        span.entity_type
        for name in ("notes", "messages")
        for text in data.documents[name]
        for span in text.spans
    }
    assert kinds >= {
        *SPAN_FAMILIES,
        "PERSON",
        "DATE_TIME",
        "LOCATION",
        "ORGANIZATION",
        "AGE",
        "HEALTH_PLAN_NUMBER",
    }


def test_some_ages_are_above_89(data):
    patients = data["patients"].set_index("patient_id")["birth_date"]
    stays = data["encounters"].set_index("encounter_id")
    notes = data["notes"]
    age = age_on(patients.loc[notes["patient_id"]], stays.loc[notes["encounter_id"], "start"])
    assert 0.01 < (age >= 90).mean() < 0.25


def test_the_card_states_what_the_generator_used(data):
    facts = data.card.facts
    assert facts["made_from"]["patients"] == data.rows
    assert facts["readmission"]["log_odds"] == model.READMISSION
    text = data.card.to_markdown()
    for part in ("Heart failure and kidney disease", "Label noise", "Margin over baseline auc", "Burst"):
        assert part in text
