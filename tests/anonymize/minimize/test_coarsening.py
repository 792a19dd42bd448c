"""Coarser values make fewer people unique, and the table of techniques follows the rules of the policies."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from secure_ai.anonymize.deidentify.policy import read_policy
from secure_ai.anonymize.deidentify.techniques import TECHNIQUES, permitted_techniques
from secure_ai.anonymize.minimize.coarsening import coarsening_curve
from secure_ai.core import UserError


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(0)
    rows = 400
    born = pd.Timestamp("1950-01-01") + pd.to_timedelta(rng.integers(0, 15_000, rows), unit="D")
    visits = rng.poisson(2, rows)
    return pd.DataFrame(
        {
            "zip": rng.choice(["02138", "02139", "94110", "94112"], rows),
            "birth_date": born,
            "visits": visits,
            "outcome": rng.random(rows) < 1 / (1 + np.exp(2 - visits)),
        }
    )


@pytest.fixture(scope="module")
def curve(table):
    return coarsening_curve(table, "outcome", ["zip", "birth_date"], beside=["visits"])


def test_people_become_less_unique_with_every_level(curve):
    assert curve["unique"].is_monotonic_decreasing
    assert curve["unique"].iloc[0] > 0.9 and curve["unique"].iloc[-1] == 0


def test_each_row_is_one_level_coarser_until_nothing_is_left(curve):
    assert curve["values"].iloc[0] == "zip: five digits, birth date: date"
    assert curve["values"].iloc[-1] == "zip: none, birth date: none"
    assert len(curve) == 6 and curve["values"].is_unique
    assert ((curve["low"] <= curve["score"]) & (curve["score"] <= curve["high"])).all()


@pytest.mark.parametrize(("columns", "beside"), [([], ["visits"]), (["zip"], []), (["nowhere"], ["visits"])])
def test_bad_input_gets_one_sentence(table, columns, beside):
    with pytest.raises(UserError):
        coarsening_curve(table, "outcome", columns, beside=beside)


@pytest.mark.parametrize("standard", ["safe_harbor", "limited_data_set", "expert_determination"])
def test_the_table_of_techniques_says_what_a_policy_file_would_be_told(standard):
    column = {"safe_harbor": 1, "limited_data_set": 2, "expert_determination": 3}[standard]
    for (_, entity, rule), row in zip(
        TECHNIQUES, permitted_techniques().itertuples(index=False), strict=True
    ):
        text = f"name: one\nstandard: {standard}\nentities:\n  {entity}: {rule.action}\n"
        try:
            read_policy(text)
            permitted = True
        except UserError:
            permitted = False
        assert (row[column] != "no") == permitted, row.technique


def test_safe_harbor_admits_nothing_that_is_derived_from_the_value():
    table = permitted_techniques().set_index("technique")["Safe Harbor"]
    for technique in ("shifted date", "keyed hash of a record number", "reversible token", "whole ZIP code"):
        assert table[technique] == "no"
    assert table["random code for a record number"] == table["year of a date"] == "yes"
