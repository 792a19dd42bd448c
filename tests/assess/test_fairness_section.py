"""Fairness by group: the planted gap is found with its figure, and no other; small groups stay unnamed."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secure_ai.assess.names import Names
from secure_ai.assess.progress import Progress
from secure_ai.assess.section import Section
from secure_ai.assess.sections import fairness
from secure_ai.assess.sections.grouping import both, groups_of
from secure_ai.core import Outcome, UserError
from secure_ai.core.figures import percent
from tests.assess.asked_models import CANARY, opened, write

QUIET = Progress()


def people(*cells):
    """Make a table of probabilities from (columns, label, decided for class 1, count)."""
    parts = []
    for columns, label, decided, count in cells:
        one = 0.8 if decided else 0.2
        parts.append(
            pd.DataFrame({**columns, "label": label, "p_0": 1 - one, "p_1": one}, index=range(count))
        )
    return pd.concat(parts, ignore_index=True)


def group(name, found, missed, wrong, right):
    return [
        ({"sex": name}, 1, True, found), ({"sex": name}, 1, False, missed),
        ({"sex": name}, 0, True, wrong), ({"sex": name}, 0, False, right),
    ]  # fmt: skip


def assessed(tmp_path, frame, **options):
    path = tmp_path / "answers.csv"
    frame.to_csv(path, index=False)
    parameters = {"sector": "finance", "probabilities": str(path), "groups": ["sex"], **options}
    with opened(**parameters) as inputs:
        return fairness.assess(inputs, QUIET)


def by_id(section):
    return {finding.id: finding for finding in section.findings}


UNEQUAL = people(*group("f", 300, 100, 50, 150), *group("m", 360, 40, 150, 50))
EQUAL = people(*group("f", 300, 100, 50, 150), *group("m", 300, 100, 50, 150))


def test_planted_gap_is_found_with_its_figure(tmp_path):
    section = assessed(tmp_path, UNEQUAL)
    selection, errors = by_id(section).values()
    assert selection.measurement.value == pytest.approx(510 / 600 - 350 / 600)
    assert selection.outcome is Outcome.EXCEEDS_THRESHOLD
    assert selection.title.startswith(
        "By sex, the share that gets the favorable decision differs by 27 points"
    )
    # Of those who do not deserve it 25% and 75% get it: the larger of both gaps in errors.
    assert errors.measurement.value == pytest.approx(0.5)
    table = next(b for b in section.blocks if b.kind == "table" and b.title.startswith("How far"))
    assert table.rows[0][6] == pytest.approx(350 / 510)
    assert table.rows[0][7] == "below four fifths"
    assert "employment" in section.model_dump_json()


def test_no_gap_stays_within(tmp_path):
    for finding in assessed(tmp_path, EQUAL).findings:
        assert finding.measurement.value == 0
        assert finding.outcome is Outcome.WITHIN_THRESHOLD


def test_groups_without_meaning_do_not_exceed(tmp_path):
    outcomes = []
    for seed in range(3):
        mixed = EQUAL.assign(sex=np.random.default_rng(seed).choice(["f", "m", "x", "y"], len(EQUAL)))
        outcomes.append(by_id(assessed(tmp_path, mixed))["fairness.selection_rate"].outcome)
    assert outcomes.count(Outcome.WITHIN_THRESHOLD) >= 2


def test_few_people_never_pass_as_equal_without_a_word(tmp_path):
    few = people(*group("f", 15, 5, 3, 7), *group("m", 14, 6, 3, 7))
    finding = by_id(assessed(tmp_path, few))["fairness.selection_rate"]
    assert finding.outcome is Outcome.WITHIN_THRESHOLD
    assert "the interval lies on both sides" in finding.rule


def test_favorable_class_turns_the_decision_round(tmp_path):
    other = by_id(assessed(tmp_path, UNEQUAL, favorable=0))["fairness.selection_rate"]
    assert other.measurement.value == pytest.approx(510 / 600 - 350 / 600)
    assert "f 42%, m 15%" in other.title


def test_threshold_of_the_decision_counts(tmp_path):
    section = assessed(tmp_path, UNEQUAL, decision_threshold=0.9)
    assert by_id(section)["fairness.selection_rate"].measurement.value == 0
    assert section.facts["favored"] == 0


def test_small_group_is_unassessed_and_its_name_not_shown(tmp_path):
    rare = people(*group(CANARY, 0, 5, 0, 5))
    section = assessed(tmp_path, pd.concat([EQUAL, rare], ignore_index=True))
    text = section.model_dump_json()
    assert CANARY not in text
    assert "small groups" in text
    assert by_id(section)["fairness.selection_rate"].measurement.value == 0


def test_only_small_groups_are_unassessed(tmp_path):
    section = assessed(tmp_path, people(*group("f", 3, 3, 3, 3), *group("m", 3, 3, 3, 3)))
    assert {finding.outcome for finding in section.findings} == {Outcome.UNASSESSED}


def test_gap_that_only_two_columns_together_show_is_found(tmp_path):
    cells = []
    for sex, race, favored in (("f", "a", 180), ("f", "b", 60), ("m", "a", 60), ("m", "b", 180)):
        columns = {"sex": sex, "race": race}
        cells += [(columns, 1, True, favored), (columns, 1, False, 240 - favored)]
    section = assessed(tmp_path, people(*cells), groups=["sex", "race"])
    finding = by_id(section)["fairness.selection_rate"]
    assert finding.measurement.value == pytest.approx(0.5)
    assert "sex and race" in finding.title


def test_without_true_classes_only_decisions_are_compared(tmp_path):
    found = by_id(assessed(tmp_path, UNEQUAL.drop(columns="label")))
    assert found["fairness.selection_rate"].outcome is Outcome.EXCEEDS_THRESHOLD
    assert found["fairness.error_rates"].outcome is Outcome.UNASSESSED


@pytest.mark.parametrize(
    ("frame", "words"),
    [
        (UNEQUAL.assign(p_0=2.0), "none"),
        (UNEQUAL.assign(p_1="?"), "none"),
        (UNEQUAL.assign(sex="f"), "one group"),
    ],
)
def test_what_cannot_be_judged_is_unassessed(tmp_path, frame, words):
    section = assessed(tmp_path, frame)
    for finding in section.findings:
        assert finding.outcome is Outcome.UNASSESSED
        assert words in finding.measurement.reason


@pytest.mark.parametrize(
    ("frame", "options", "words"),
    [
        (UNEQUAL, {"groups": ["race"]}, "race"),
        (UNEQUAL, {"favorable": 7}, "favorable"),
        (UNEQUAL.drop(columns="p_1"), {}, "p_CLASS"),
    ],
)
def test_wrong_input_is_said(tmp_path, frame, options, words):
    with pytest.raises(UserError, match=words) as error:
        assessed(tmp_path, frame, **options)
    assert "answers.csv" not in str(error.value)


def test_decisions_of_a_model_are_compared_and_groups_proposed_by_name(tmp_path):
    parameters = write(tmp_path)
    with opened(**parameters, groups=["sex", "town"]) as inputs:
        section = fairness.assess(inputs, QUIET)
        decided = inputs.model.target().labels(inputs.cases.known.rows)
        by_sex = pd.Series(decided == 1).groupby(inputs.cases.known.columns["sex"]).mean()
    rates = next(b for b in section.blocks if b.kind == "table" and b.title.startswith("Rates by sex,"))
    place = rates.columns.index("selection rate")
    shown = {row[0]: str(row[place]).split(" (")[0] for row in rates.rows}
    assert shown == {"f": percent(by_sex["f"]), "m": percent(by_sex["m"])}
    assert CANARY not in section.model_dump_json()
    assert Section.model_validate_json(section.model_dump_json()) == section
    with opened(**parameters, data=parameters["training"]) as inputs:
        nothing = fairness.assess(inputs, QUIET)
    assert {finding.outcome for finding in nothing.findings} == {Outcome.UNASSESSED}
    assert "sex" in nothing.findings[0].measurement.reason
    assert "income" not in nothing.findings[0].measurement.reason


def test_ages_are_banded_and_other_numbers_quartered_without_their_limits():
    ages = pd.Series(range(18, 90), name="age")
    assert set(groups_of(ages, Names(), "finance")) == {"under 25", "25 to 39", "40 to 61", "62 and over"}
    some = pd.Series([17.0, 18, 64, 65, *range(20, 40)], name="age")
    assert list(groups_of(some, Names(), "healthcare")[:4]) == [
        "under 18", "18 to 44", "45 to 64", "65 and over",
    ]  # fmt: skip
    income = groups_of(pd.Series(np.arange(1000.0), name="income"), Names(), "finance")
    assert pd.Series(income).value_counts().to_dict() == dict.fromkeys(
        ("lowest quarter", "second quarter", "third quarter", "highest quarter"), 250
    )


def test_nested_and_unfinished_values_are_groups_like_others():
    nested = pd.Series([["a"], {"b": 1}, None] * 20)
    assert set(groups_of(nested, Names(), "finance")) == {"['a']", "{'b': 1}", "not stated"}
    holes = pd.Series([1.0, 0.0, np.nan] * 20)
    assert set(groups_of(holes, Names(), "finance")) == {"1", "0", "not stated"}
    assert len(groups_of(pd.Series([], dtype=float), Names(), "finance")) == 0


def test_strict_shows_neither_groups_nor_columns(tmp_path):
    text = assessed(tmp_path, UNEQUAL, redact="strict").model_dump_json()
    assert "sex" not in text.replace("employment", "")
    assert "group 1" in text


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(["north", "south", "k-1", "k-2", None]), min_size=1, max_size=120))
def test_value_that_few_share_is_never_a_group(values):
    series = pd.Series(values, dtype=object)
    counts = series.value_counts()
    shown = set(groups_of(series, Names(), "finance"))
    assert not [value for value in counts.index if counts[value] < 20 and value in shown]
    crossed = both(groups_of(series, Names(), "finance"), groups_of(series[::-1], Names(), "finance"))
    sizes = pd.Series(crossed).value_counts()
    assert all(size >= 20 for name, size in sizes.items() if name != "small groups")
