"""The leak of the start page is a real one: claims about the join and its counts."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secure_ai.core import UserError
from secure_ai.learn.leak import link, people_with_facts, remove_names


def town(n: int, seed: int = 0, zips: int = 20) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "first_name": rng.choice(["Ada", "Ben"], n),
            "last_name": [f"Person{i}" for i in range(n)],
            "sex": rng.choice(["female", "male"], n),
            "birth_date": np.datetime64("1940-01-01") + rng.integers(0, 20_000, n),
            "zip": [f"{code:05d}" for code in rng.integers(10_000, 10_000 + zips, n)],
            "diagnosis": rng.choice(["asthma", "gout"], n),
        }
    )


def test_release_holds_no_name_and_register_no_fact() -> None:
    published, register = remove_names(town(50), ["diagnosis"], seed=1)
    assert list(published) == ["sex", "birth_date", "zip", "diagnosis"]
    assert list(register) == ["first_name", "last_name", "sex", "birth_date", "zip"]
    assert (len(published), len(register)) == (30, 40)


def test_dates_become_text_that_can_be_cut() -> None:
    published, _ = remove_names(town(50), ["diagnosis"], seed=1)
    assert published["birth_date"].str.fullmatch(r"\d{4}-\d\d-\d\d").all()


def test_a_row_is_named_only_where_both_tables_agree_on_one_person() -> None:
    published = pd.DataFrame({"sex": ["f", "f", "m"], "zip": ["1", "2", "3"], "fact": ["x", "y", "z"]})
    register = pd.DataFrame(
        {
            "first_name": ["A", "B", "C", "D"],
            "last_name": "L",
            "sex": ["f", "f", "f", "m"],
            "zip": ["1", "2", "2", "9"],
        }
    )
    leak = link(published, register)
    assert leak.named[["first_name", "fact", "right"]].values.tolist() == [["A", "x", True]]
    assert leak.measurement.value == pytest.approx(1 / 3)


def test_a_namesake_in_the_register_makes_a_wrong_name_and_counts_as_wrong() -> None:
    published = pd.DataFrame({"sex": ["f"], "zip": ["1"]}, index=[7])
    register = pd.DataFrame({"first_name": ["B"], "last_name": ["L"], "sex": ["f"], "zip": ["1"]}, index=[8])
    leak = link(published, register)
    assert leak.named["right"].tolist() == [False]
    assert leak.measurement.value == 0
    assert "Wrong names: 1" in leak.sentence


def test_share_equals_a_count_by_hand() -> None:
    people = town(400, seed=3, zips=2)
    published, register = remove_names(people, ["diagnosis"], seed=4)
    keys = ["sex", "birth_date", "zip"]
    once = {
        key: rows
        for key, rows in published.groupby(keys).groups.items()
        if len(rows) == 1 and (register[keys] == list(key)).all(axis=1).sum() == 1
    }
    right = sum(
        (register.loc[[rows[0]], keys].values == key).all()
        for key, rows in once.items()
        if rows[0] in register.index
    )
    assert link(published, register).measurement.value == right / len(published)


def test_control_names_nobody_in_a_table_of_strangers() -> None:
    published, register = remove_names(town(800), ["diagnosis"], seed=1)
    leak = link(published, register)
    assert leak.measurement.value > 0.7
    assert leak.measurement.control < 0.01


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), n=st.integers(20, 200))
def test_dropping_all_shared_columns_names_nobody(seed: int, n: int) -> None:
    published, register = remove_names(town(n, seed), ["diagnosis"], seed=seed)
    leak = link(published, register, lambda table: table.drop(columns=["sex", "birth_date", "zip"]))
    assert leak.measurement.value == 0
    assert leak.named.empty


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), n=st.integers(20, 200))
def test_hiding_a_column_never_names_more_rows_than_fit_it(seed: int, n: int) -> None:
    published, register = remove_names(town(n, seed), ["diagnosis"], seed=seed)
    full = set(link(published, register).named["last_name"])
    right = link(published, register, lambda table: table.assign(zip="")).named.query("right")
    # Whoever is unique without the ZIP code is unique with it.
    assert set(right["last_name"]) <= full


def test_protect_gets_copies() -> None:
    published, register = remove_names(town(50), ["diagnosis"], seed=1)
    before = published.copy(), register.copy()

    def spoil(table: pd.DataFrame) -> pd.DataFrame:
        table["zip"] = ""
        return table

    link(published, register, spoil)
    assert published.equals(before[0])
    assert register.equals(before[1])


def test_same_seed_gives_the_same_release() -> None:
    first, second = (remove_names(town(50), ["diagnosis"], seed=9) for _ in range(2))
    assert first[0].equals(second[0])
    assert first[1].equals(second[1])


def test_a_missing_column_is_named() -> None:
    with pytest.raises(UserError, match="no column 'salary'"):
        remove_names(town(20), ["salary"], seed=1)


def test_an_empty_table_is_an_error_in_words() -> None:
    published, register = remove_names(town(20), ["diagnosis"], seed=1)
    with pytest.raises(UserError, match="empty"):
        link(published.iloc[:0], register)


def test_no_example_where_nobody_was_named() -> None:
    published, register = remove_names(town(20), ["diagnosis"], seed=1)
    leak = link(published, register, lambda table: table.assign(sex="", birth_date="", zip=""))
    with pytest.raises(UserError, match="No row was named"):
        leak.example()


def test_example_prefers_what_was_asked_for() -> None:
    published, register = remove_names(town(200), ["diagnosis"], seed=1)
    leak = link(published, register)
    assert leak.example("gout").loc["diagnosis"].item() == "gout"
    assert "last_name" in leak.example("no such text").index


def test_facts_of_the_hospital_are_the_latest_diagnoses() -> None:
    tables = {
        "patients": pd.DataFrame({"patient_id": ["P1", "P2"]}),
        "diagnoses": pd.DataFrame(
            {
                "patient_id": ["P1", "P1"],
                "diagnosis_id": ["D1", "D2"],
                "recorded_date": pd.to_datetime(["2025-02-01", "2025-01-01"]),
                "description": ["gout", "asthma"],
            }
        ),
    }
    people, facts = people_with_facts(tables)
    assert facts == ["diagnosis"]
    assert people["diagnosis"].tolist() == ["gout", "none"]


def test_facts_of_the_bank_are_income_and_loan() -> None:
    tables = {
        "customers": pd.DataFrame({"customer_id": ["C1", "C2", "C3"], "annual_income": [1, 2, 3]}),
        "loans": pd.DataFrame(
            {"customer_id": ["C1", "C3"], "purpose": ["car", "medical"], "defaulted": [True, False]}
        ),
    }
    people, facts = people_with_facts(tables)
    assert facts == ["annual_income", "loan"]
    assert people["loan"].tolist() == ["car, defaulted", "none", "medical, repaid"]
