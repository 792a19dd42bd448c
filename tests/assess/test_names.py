"""Names on a report: ordinary ones stay readable, those of people are withheld, nothing hides in them."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secure_ai.assess.names import FEWEST, LONGEST, Names, clean, holding_personal_values
from secure_ai.discover.column_names import known_words

ORDINARY_NAMES = """
    patient_name birth_date blood_pressure ZIP zip_code email phone ssn mrn first_name LAST_NAME maiden_name
    age sex race marital-status native-country hours-per-week workclass salary-class education-num
    cp trestbps chol fbs restecg thalach exang oldpeak slope ca thal target
    pregnancies Glucose BloodPressure SkinThickness Insulin BMI DiabetesPedigreeFunction Outcome
    mean_radius worst_concave_points sepal_length petal_width V1 V28 Amount Class Time
    Apgar glasgow_coma_scale wilson_score barthel_index Karnofsky bishop_score charlson_index mallampati
    parkinson alzheimer hodgkin_lymphoma crohn down_syndrome temperature_celsius fahrenheit framingham
    num_medications A1Cresult max_glu_serum rosiglitazone metformin-pioglitazone tolbutamide diag_1
    merchant_category trans_num is_fraud unix_time city_pop cc_num fico dti annual_inc loan_status sub_grade
    account_balance iban routing_number card_number credit_limit overdraft_days virginia texas april
    2019 2020 year_2021 snapshot_20210331 q1_2024 feature_0000000012 icd10 E11.9 I10 http_status iris
    visit_2021-03-31 dose_500mg SNOMED LOINC doctor_name father_name mother_tongue imei npi vin zipcode
    Geschlecht Geburtsdatum Beruf Blutdruck edad sexo fecha_nacimiento
"""
NAMES_OF_PEOPLE = """
    Maria_Garcia maria_garcia mariaGarcia Maria.Garcia smith_john GARCIA_MARIA john.smith olga_ivanova
    anna.keller@example.org contact:anna@example.org 212-555-0142 call_212-555-0142 (212)555-0142
    notes_on_Peter_Müller score_of_Dr_Miller mr_jones patient_john_doe 123-45-6789 ssn_123-45-6789
    4111111111111111 DE89370400440532013000 192.168.1.17 mrn_48151623 Anna Fatima
    0a1b2c3d-1111-4222-8333-444455556666 ZephyrineQuillfeather Zephyrine-Quillfeather
"""
ORDINARY, OF_PEOPLE = ORDINARY_NAMES.split(), NAMES_OF_PEOPLE.split()
HOSTILE = (
    "<script>alert(1)</script>", '=cmd|"/c calc"!A0', "../../etc/passwd", "it's \"quoted\"", "{{ 7*7 }}",
    "</style><img src=x onerror=alert(1)>", "@SUM(A1)", "%s%n", "\\x00",
)  # fmt: skip


@pytest.fixture(scope="module")
def ordinary() -> Names:
    return Names(ORDINARY)


def test_ordinary_names_stay_readable(ordinary: Names) -> None:
    assert ordinary.columns(ORDINARY) == ORDINARY


def test_every_word_that_columns_are_recognized_by_stays_readable() -> None:
    words = sorted(word for word in known_words() if not word.isdigit())
    assert [w for w, there in zip(words, holding_personal_values(words), strict=True) if there] == []


def test_names_of_people_and_their_numbers_are_withheld() -> None:
    shown = Names(OF_PEOPLE).columns(OF_PEOPLE)
    seen = [name for number, name in enumerate(shown, 1) if name != f"column {number} (name withheld)"]
    assert seen == []


def test_a_column_is_called_the_same_each_time_also_when_it_was_not_known() -> None:
    names = Names(["age"])
    assert names.column("sex") == names.column("sex") == "sex"
    assert names.column("maria_garcia") == names.column("maria_garcia") == "column 3 (name withheld)"


def test_strict_shows_numbers_only() -> None:
    names = Names(["age", "maria_garcia"], "strict")
    assert names.columns(["maria_garcia", "age", "new"]) == ["column 2", "column 1", "column 3"]
    assert names.value("White", 1000, 4) == "group 4"
    assert names.part("line") == "(name withheld)"


@pytest.mark.parametrize("name", HOSTILE)
def test_markup_formulas_and_paths_are_names_like_any_other(name: str) -> None:
    assert Names([name]).column(name) == name


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("two\nlines", "two lines"),
        ("a\x00\x1b[31mb", "a [31mb"),
        ("age\u202etxt.exe", "age txt.exe"),
        ("zero\u200bwidth\ufeff", "zero width"),
        ("line\u2028break", "line break"),
        ("lone\ud800surrogate", "lone surrogate"),
        ("  many   blanks ", "many blanks"),
        ("", "column 1"),
        ("\n\t", "column 1"),
    ],
)
def test_nothing_invisible_stays_in_a_name(name: str, shown: str) -> None:
    assert Names([name]).column(name) == shown


def test_a_long_name_is_cut_and_two_that_look_alike_are_told_apart() -> None:
    long = [f"{'score ' * 30}{end}" for end in "ab"]
    first, second = Names(long).columns(long)
    assert first.endswith("…") and len(first) <= LONGEST + 1
    assert second == f"{first} (column 2)"
    alike = ["total", "total\u200b", "total "]
    assert Names(alike).columns(alike) == ["total", "total (column 2)", "total (column 3)"]


def test_a_name_of_a_megabyte_is_examined_in_no_time() -> None:
    name = "x" * 1_000_000
    assert len(Names([name]).column(name)) == LONGEST + 1


@pytest.mark.parametrize(
    ("value", "count", "shown"),
    [
        ("White", FEWEST, "White"),
        ("White", FEWEST - 1, "group 2"),
        ("Never-married", 5000, "Never-married"),
        (1, 400, "1"),
        (True, 400, "True"),
        ("Maria Garcia", 5000, "group 2"),
        ("anna@example.org", 5000, "group 2"),
        ("  ", 5000, "group 2"),
        ("a\nb", 5000, "a b"),
    ],
)
def test_a_group_is_called_by_its_value_only_where_enough_share_it_and_nobody_is_named(
    value: object, count: int, shown: str
) -> None:
    assert Names().value(value, count, 2) == shown


def test_a_field_inside_a_nested_column_may_be_a_person_too() -> None:
    names = Names()
    assert names.part("address.city") == "address.city"
    assert names.part("name[].given") == "name[].given"
    for name in ("contacts.maria_garcia", "contact.zephyrine", "account.48151623", "", "\n"):
        assert names.part(name) == "(name withheld)"


@given(st.text(max_size=300))
def test_a_clean_text_is_one_short_visible_line(text: str) -> None:
    shown = clean(text)
    assert len(shown) <= LONGEST + 1
    assert all(unicodedata.category(c)[0] != "C" and c not in "\n\r\u2028\u2029" for c in shown)
    assert clean(shown.removesuffix("…")) == shown.removesuffix("…").strip()
