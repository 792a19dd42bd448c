"""Invented people are consistent with themselves and varied enough to learn from."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from synthetic_data import identifiers
from synthetic_data.people import REFERENCE_DATE, age_on, name_pools, people
from synthetic_data.places import places


@pytest.fixture(scope="module")
def crowd() -> pd.DataFrame:
    return people(np.random.default_rng(5), 4000, id_prefix="customer", start=1000, key=5)


def test_ids_follow_from_position(crowd):
    assert crowd["customer_id"].iloc[0] == "C000001001"
    assert crowd["customer_id"].is_unique


def test_city_state_zip_and_area_code_belong_together(crowd):
    where = places()
    known = set(zip(where.city, where.state, where.zip, where.area_code, strict=True))
    found = set(zip(crowd["city"], crowd["state"], crowd["zip"], crowd["phone"].str[1:4], strict=True))
    assert found <= known


def test_zip_populations_are_skewed(crowd):
    counts = crowd["zip"].value_counts()
    assert counts.iloc[0] > 10 * counts.iloc[-1]
    assert len(counts) > 100


@pytest.mark.parametrize(("column", "family"), [("ssn", "ssn"), ("phone", "phone"), ("email", "email")])
def test_identifiers_of_people_can_belong_to_nobody(crowd, column, family):
    assert all(identifiers.can_belong_to_nobody(family, value) for value in crowd[column])


def test_ssn_and_email_are_unique(crowd):
    assert crowd["ssn"].is_unique
    assert crowd["email"].is_unique


def test_persons_of_two_kinds_do_not_share_ssns(crowd):
    others = people(np.random.default_rng(5), 4000, id_prefix="staff", start=1000, key=5)
    assert not set(crowd["ssn"]) & set(others["ssn"])


def test_names_come_from_several_cultures(crowd):
    pools = name_pools()
    for locale in ("en_US", "es_MX", "vi_VN", "de_DE", "fr_FR", "pl_PL", "en_IN"):
        assert set(crowd["last_name"]) & set(pools[locale].last)


@pytest.mark.parametrize(
    ("profile", "low", "high", "middle"),
    [("population", 0, 105, (28, 46)), ("patients", 0, 105, (40, 62)), ("adults", 20, 105, (40, 56)),
     ("workers", 20, 70, (34, 50))],
)  # fmt: skip
def test_ages_fit_their_profile(profile, low, high, middle):
    frame = people(np.random.default_rng(1), 2000, id_prefix="x", ages=profile)
    age = age_on(frame["birth_date"], REFERENCE_DATE)
    assert low - 1 <= age.min()
    assert age.max() <= high
    assert middle[0] <= np.median(age) <= middle[1]


def test_children_are_not_married(crowd):
    age = age_on(crowd["birth_date"], REFERENCE_DATE)
    assert set(crowd.loc[age < 20, "marital_status"]) == {"Never married"}


def test_age_counts_completed_years():
    births = np.array(["2000-02-29", "2000-12-31", "1999-06-15"], dtype="datetime64[us]")
    assert age_on(births, np.datetime64("2025-02-28")).tolist() == [24, 24, 25]
    assert age_on(births, np.datetime64("2025-03-01")).tolist() == [25, 24, 25]


def test_unknown_age_profile_is_refused():
    with pytest.raises(ValueError, match="Unknown age profile 'old'"):
        people(np.random.default_rng(1), 3, id_prefix="x", ages="old")


def test_same_generator_state_gives_the_same_people():
    first, second = (people(np.random.default_rng(9), 50, id_prefix="x") for _ in range(2))
    pd.testing.assert_frame_equal(first, second)
