"""Linking names exactly those who fit one person, is scored by the truth, and never shows a name."""

from __future__ import annotations

import datetime
from collections import Counter

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secure_ai.attack.reidentification import link, plot_linkage
from secure_ai.core import Measurement, Unassessed, UserError
from secure_ai.core.sources import open_source
from synthetic_data import load, public_register, register_links

RELEASE = pd.DataFrame(
    {
        "sex": ["f", "m", "f", "f", "m"],
        "birth": ["1980-01-01", "1970-05-05", "1990-09-09", "1990-09-09", None],
        "zip": ["02115", "02116", "02115", "02115", "02116"],
        "secret": list("abcde"),
    }
)
REGISTER = pd.DataFrame(
    {
        "name": ["Ann", "Bob", "Bill", "Cleo", "Dan"],
        "sex": ["f", "m", "m", "f", "m"],
        "birth": ["1980-01-01", "1970-05-05", "1970-05-05", "1990-09-09", None],
        "zip": ["02115", "02116", "02116", "02115", "02116"],
    }
)
KEYS = ["sex", "birth", "zip"]


def pairs(found) -> list[tuple[int, int]]:
    return list(
        zip(found.matches["release_row"].tolist(), found.matches["register_row"].tolist(), strict=True)
    )


def test_only_a_record_that_is_alone_and_fits_one_person_is_named() -> None:
    # Record 1 fits two people, records 2 and 3 look alike, record 4 lacks its birth date.
    found = link(RELEASE, REGISTER, KEYS, truth=[0, 1, -1, 2, 4])
    assert pairs(found) == [(0, 0)]
    assert (found.named.value, found.precision.value) == (0.2, 1.0)
    assert found.recall.value == 0.25  # four people are in both
    assert found.identified.value == 0.2


def test_people_with_several_records_are_named_in_all_of_them_if_asked() -> None:
    assert pairs(link(RELEASE, REGISTER, KEYS, one_to_one=False)) == [(0, 0), (2, 3), (3, 3)]


def test_a_wrong_name_costs_precision_and_a_stranger_is_accused_falsely() -> None:
    found = link(RELEASE, REGISTER, KEYS, truth=[-1, 1, 0, 2, 4])
    assert found.precision.value == 0.0
    assert found.false_accusations.value == 1.0
    assert found.false_accusations.baseline == pytest.approx(0.2)
    # The control: of the register without people of the release one person is left, and is named.
    assert found.named.control == pytest.approx(0.2)


def test_without_the_truth_no_share_of_right_names_is_claimed() -> None:
    found = link(RELEASE, REGISTER, KEYS)
    assert isinstance(found.precision, Unassessed)
    assert "cannot be said" in found.sentence()
    assert [m.name for m in found.measurements()] == ["linkage_named"]


def test_values_are_compared_as_text_whatever_their_types() -> None:
    release = RELEASE.assign(birth=pd.to_datetime(RELEASE["birth"]), zip=RELEASE["zip"].str[1:].astype(float))
    register = REGISTER.assign(
        birth=[None if pd.isna(b) else datetime.date.fromisoformat(b) for b in REGISTER["birth"]],
        zip=REGISTER["zip"].str[1:].astype(int),
    )
    assert pairs(link(release, register, KEYS)) == [(0, 0)]


def test_columns_may_have_other_names_in_the_register_and_tables_may_be_files(tmp_path) -> None:
    REGISTER.rename(columns={"birth": "dob"}).to_csv(tmp_path / "voters.csv", index=False)
    RELEASE.to_parquet(tmp_path / "release.parquet")
    found = link(
        open_source(tmp_path / "release.parquet"),
        tmp_path / "voters.csv",
        {"sex": "sex", "birth": "dob", "zip": "zip"},
    )
    assert pairs(found) == [(0, 0)]


@pytest.mark.parametrize(
    ("typed", "fits"),
    [("1980-01-02", True), ("1980-10-01", True), ("1980-01-011", True), ("980-01-01", True),
     ("1981-01-02", False), ("1980-01-01", True)],
)  # fmt: skip
def test_one_typing_error_is_forgiven_and_two_are_not(typed, fits) -> None:
    register = REGISTER.assign(birth=[typed, *REGISTER["birth"][1:]])
    found = link(RELEASE, register, KEYS, forgive=["birth"])
    assert ((0, 0) in pairs(found)) == fits


def test_typing_errors_in_two_columns_at_once_are_not_forgiven() -> None:
    register = REGISTER.assign(
        birth=["1980-01-02", *REGISTER["birth"][1:]], zip=["02114", *REGISTER["zip"][1:]]
    )
    assert pairs(link(RELEASE, register, KEYS, forgive=["birth", "zip"])) == []


def test_a_generalized_release_names_who_alone_fits_and_k_anonymity_stops_it() -> None:
    register = pd.DataFrame({"age": [20, 31, 35, 62], "city": ["Rome", "Rome", "Bonn", "Oslo"]})
    release = pd.DataFrame({"age": ["[18, 25]", "[30, 40]", "*"], "city": ["*", "{Bonn, Rome}", "Oslo"]})
    assert pairs(link(release, register, ["age", "city"])) == [(0, 0), (2, 3)]
    twice = pd.concat([release, release])
    assert pairs(link(twice, register, ["age", "city"])) == []


@pytest.mark.parametrize(("sector", "table"), [("healthcare", "patients"), ("finance", "customers")])
def test_sex_birth_date_and_zip_name_most_of_the_people_who_are_in_the_register(sector, table) -> None:
    data = load(sector, rows=2000)
    options = {"others": 50_000}
    register, truth = public_register(data, **options), register_links(data, **options)
    found = link(data[table], register, ["sex", "birth_date", "zip"], truth=truth)
    assert found.recall.value > 0.8
    assert found.precision.value > 0.9
    assert found.identified.interval[0] > 0.4
    assert found.identified.control == 0.0
    assert found.precision.baseline < 0.001


def test_a_register_of_other_people_names_nobody_rightly_and_all_its_names_are_false() -> None:
    data = load("finance", rows=3000)
    register = public_register(data, coverage=0, others=100_000)
    found = link(data["customers"], register, ["sex", "birth_date"], truth=np.full(len(register), -1))
    assert found.identified.value == 0.0
    assert found.named.value == found.named.control
    assert found.false_accusations.value == 1.0
    assert isinstance(found.recall, Unassessed)


def test_no_name_of_the_register_is_in_the_result() -> None:
    found = link(RELEASE, REGISTER, KEYS, truth=[0, 1, -1, 2, 4])
    shown = repr(found) + found.sentence() + found.to_frame().to_string()
    assert not any(name in shown for name in REGISTER["name"])
    assert list(found.matches.columns) == ["release_row", "register_row", "typing_error", "correct"]


small = st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 3)), min_size=1, max_size=12)


@settings(max_examples=30, deadline=None)
@given(small, small)
def test_matches_are_those_that_counting_by_hand_finds(release, register) -> None:
    frames = [pd.DataFrame(rows, columns=["x", "y"]) for rows in (release, register)]
    here, there = Counter(release), Counter(register)
    expected = [
        (i, register.index(row)) for i, row in enumerate(release) if here[row] == 1 and there[row] == 1
    ]
    assert pairs(link(*frames, ["x", "y"])) == expected


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"on": ["sex", "shoe"]}, "no column 'shoe'"),
        ({"on": []}, "No quasi-identifier"),
        ({"on": KEYS, "truth": [0, 1]}, "one whole number for each"),
        ({"on": KEYS, "truth": [0, 1, 2, 3, 9]}, "rows of the release"),
        ({"on": KEYS, "forgive": ["secret"]}, "name it in on="),
    ],
)
def test_a_wrong_request_is_answered_in_a_sentence(options, words) -> None:
    with pytest.raises(UserError, match=words):
        link(RELEASE, REGISTER, **options)


def test_tables_without_rows_or_values_are_refused() -> None:
    with pytest.raises(UserError, match="no rows"):
        link(RELEASE.iloc[:0], REGISTER, KEYS)
    with pytest.raises(UserError, match="No record of the release has a value in all of"):
        link(RELEASE.assign(zip=None), REGISTER, KEYS)
    with pytest.raises(UserError, match="No person of the register"):
        link(RELEASE, REGISTER.assign(zip=None), KEYS)


def test_the_title_of_the_picture_states_the_finding() -> None:
    links = [link(RELEASE, REGISTER, on, truth=[0, 1, -1, 2, 4]) for on in (["sex"], KEYS)]
    assert "rightly name 20% of 5 records" in plot_linkage(links)._suptitle.get_text()
    assert "20%" in plot_linkage(link(RELEASE, REGISTER, KEYS))._suptitle.get_text()
    assert all(isinstance(m, Measurement) for m in links[1].measurements())
