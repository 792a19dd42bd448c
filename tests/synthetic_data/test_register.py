"""The public register holds some of the institution's people among many others, and never says whom."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from synthetic_data import load, public_register, register_card, register_links
from synthetic_data.people import REFERENCE_DATE, age_on
from synthetic_data.register import STALE_ADDRESSES

TABLES = {"healthcare": "patients", "finance": "customers"}
SMALL = {"seed": 3, "coverage": 0.6, "others": 20_000}


@pytest.fixture(scope="module", params=list(TABLES))
def case(request):
    data = load(request.param, rows=2000)
    return data, data[TABLES[request.param]], public_register(data, **SMALL), register_links(data, **SMALL)


def test_the_register_holds_names_and_quasi_identifiers_and_nothing_else(case):
    _, _, register, _ = case
    assert list(register.columns) == ["name", "sex", "birth_date", "zip", "city"]
    assert not register.isna().any().any()


def test_the_same_arguments_give_the_same_register_and_another_seed_another(case):
    data, _, register, _ = case
    pd.testing.assert_frame_equal(register, public_register(data, **SMALL))
    assert not register.equals(public_register(data, **{**SMALL, "seed": 4}))


def test_the_links_lead_to_the_same_people(case):
    _, people, register, links = case
    assert len(links) == len(register)
    there = links >= 0
    true = people.iloc[links[there]].reset_index(drop=True)
    listed = register[there].reset_index(drop=True)
    assert (listed["sex"] == true["sex"]).all()
    assert (listed["name"] == true["first_name"] + " " + true["last_name"]).mean() > 0.95
    assert (listed["birth_date"] == true["birth_date"]).mean() > 0.95
    same_address = (listed["zip"] == true["zip"]).mean()
    assert abs(1 - same_address - STALE_ADDRESSES) < 0.04


def test_the_share_of_the_adults_is_the_one_asked_for(case):
    _, people, register, links = case
    adults = np.flatnonzero(age_on(people["birth_date"], REFERENCE_DATE) >= 18)
    there = links[links >= 0]
    assert len(there) == len(set(there)) == round(0.6 * len(adults))
    assert set(there) <= set(adults)
    assert (links == -1).sum() == 20_000
    assert age_on(register["birth_date"], REFERENCE_DATE).min() >= 17  # 17 by a mistyped year


def test_the_order_says_nothing_about_who_is_a_patient(case):
    _, _, register, links = case
    places = np.flatnonzero(links >= 0) / len(register)
    assert 0.4 < places.mean() < 0.6


def test_making_the_register_changes_nothing_in_the_tables(case):
    data, people, _, _ = case
    again = load(data.sector, rows=2000)
    pd.testing.assert_frame_equal(people, again[TABLES[data.sector]])


def test_the_city_of_every_entry_is_that_of_its_zip_code(case):
    _, _, register, _ = case
    assert (register.groupby("zip")["city"].nunique() == 1).all()


def test_the_card_counts_what_is_in_the_register(case):
    data, _, _, links = case
    facts = register_card(data, **SMALL).facts["people"]
    assert facts[f"in the register and in {TABLES[data.sector]}"] == (links >= 0).sum()
    assert facts["only in the register"] == (links < 0).sum()
    assert "Nobody in it exists" in str(register_card(data, **SMALL))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [({"coverage": 1.5}, "coverage"), ({"coverage": "half"}, "coverage"), ({"others": -1}, "others"),
     ({"seed": -1}, "seed"), ({"coverage": float("nan")}, "coverage"),
     ({"coverage": 0, "others": 0}, "empty")],
)  # fmt: skip
def test_a_wrong_argument_is_named(case, arguments, words):
    with pytest.raises(ValueError, match=words):
        public_register(case[0], **arguments)


def test_nobody_else_and_nobody_at_all_from_the_institution_are_allowed(case):
    data = case[0]
    assert (register_links(data, others=0) >= 0).all()
    assert len(public_register(data, others=0)) == len(register_links(data, others=0))
    assert (register_links(data, coverage=0, others=50) == -1).all()
    with pytest.raises(ValueError, match="what load"):
        public_register(data["staff"])
