"""Two releases that are harmless one by one give people away together."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secure_ai.attack.reidentification import (
    count_table,
    difference_counts,
    intersect_releases,
    plot_count_difference,
    plot_intersection,
)
from secure_ai.core import Unassessed, UserError
from synthetic_data import load

# After Ganta et al. (2008), figure 1: a 28-year-old in ZIP 13012 is in both; only AIDS is in both classes.
FIRST = pd.DataFrame(
    {
        "age": ["[20, 29]"] * 4 + ["[30, 39]"] * 4,
        "zip": ["130**"] * 8,
        "condition": ["AIDS", "heart", "virus", "virus", "cancer", "cancer", "flu", "virus"],
    }
)
SECOND = pd.DataFrame(
    {
        "age": ["<= 34"] * 4 + [">= 35"] * 4,
        "zip": ["130**"] * 8,
        "condition": ["AIDS", "flu", "asthma", "asthma", "cancer", "cancer", "virus", "flu"],
    }
)
ALICE = pd.DataFrame({"age": [28], "zip": ["13012"], "condition": ["AIDS"]})
KEYS = ["age", "zip"]


def test_the_one_condition_in_both_classes_is_alices() -> None:
    found = intersect_releases(FIRST, SECOND, ALICE, KEYS, "condition")
    assert found.possible.to_dict("records") == [{"person": 0, "first": 3, "second": 3, "both": 1}]
    assert (found.learned_first.value, found.learned_second.value, found.learned.value) == (0.0, 0.0, 1.0)
    assert found.right.value == 1.0
    assert "both together of 100%" in found.sentence()


def test_without_the_truth_it_only_counts_who_has_one_value_left() -> None:
    found = intersect_releases(FIRST, SECOND, ALICE[KEYS], KEYS, "condition")
    assert found.learned.value == 1.0
    assert isinstance(found.right, Unassessed)
    assert not found.scored


def test_a_person_of_whom_both_classes_leave_two_values_is_not_learned() -> None:
    people = pd.DataFrame({"age": [28, 36], "zip": ["13012", "13099"], "condition": ["AIDS", "cancer"]})
    found = intersect_releases(FIRST, SECOND, people, KEYS, "condition")
    assert found.possible["both"].tolist() == [1, 3]
    assert found.learned.value == 0.5


def test_a_suppressed_class_counts_only_for_people_who_fit_no_other() -> None:
    first = pd.concat([FIRST, pd.DataFrame({"age": ["*"], "zip": ["*"], "condition": ["gout"]})])
    people = pd.concat([ALICE, pd.DataFrame({"age": [70], "zip": ["99999"], "condition": ["gout"]})])
    second = pd.DataFrame({"age": ["[0, 99]"] * 2, "zip": ["*"] * 2, "condition": ["gout", "AIDS"]})
    found = intersect_releases(first, second, people, KEYS, "condition")
    assert found.possible["first"].tolist() == [3, 1]
    assert found.learned.value == 1.0


def test_names_of_nodes_are_read_with_their_meanings() -> None:
    release = pd.DataFrame({"job": ["medical", "other"], "s": ["a", "b"]})
    people = pd.DataFrame({"job": ["nurse", "pilot"], "s": ["a", "b"]})
    with pytest.raises(UserError, match="meanings="):
        intersect_releases(release, release, people, ["job"], "s")
    meanings = {"job": {"medical": ["nurse", "doctor"], "other": ["pilot"]}}
    found = intersect_releases(release, release, people, ["job"], "s", meanings=meanings)
    assert found.learned.value == 1.0


def test_a_second_release_of_independent_values_is_right_as_seldom_as_its_control() -> None:
    rng = np.random.default_rng(0)
    people = pd.DataFrame({"q": rng.integers(0, 1000, 8000), "s": rng.choice(list("abcdefgh"), 8000)})
    released = people.assign(
        q="[" + (people["q"] // 5 * 5).astype(str) + ", " + (people["q"] // 5 * 5 + 4).astype(str) + "]"
    )
    few = released.sample(frac=0.1, random_state=1)
    other = few.assign(s=rng.permutation(few["s"]))
    found = intersect_releases(other, other.assign(s=rng.permutation(few["s"])), people, ["q"], "s")
    assert found.right.value == pytest.approx(1 / 8, abs=0.03)
    assert found.right.value == pytest.approx(found.right.control, abs=0.03)
    assert found.right.baseline == pytest.approx(1 / 8, abs=0.03)


records = st.lists(st.tuples(st.integers(0, 9), st.sampled_from("abc")), min_size=1, max_size=25)


@settings(max_examples=25, deadline=None)
@given(records)
def test_the_true_value_stays_possible_for_everybody_who_is_in_both(rows) -> None:
    people = pd.DataFrame(rows, columns=["q", "s"])
    halves = people.assign(q=np.where(people["q"] < 5, "[0, 4]", "[5, 9]"))
    thirds = people.assign(
        q=np.where(people["q"] < 3, "[0, 2]", np.where(people["q"] < 6, "[3, 5]", "[6, 9]"))
    )
    found = intersect_releases(halves, thirds, people, ["q"], "s")
    assert len(found.possible) == len(people)
    assert (found.possible["both"] >= 1).all()
    assert (found.possible["both"] <= found.possible[["first", "second"]].min(axis=1)).all()
    assert found.learned.value >= max(found.learned_first.value, found.learned_second.value)
    assert isinstance(found.right, Unassessed) or found.right.value == 1.0


@pytest.mark.parametrize(
    ("people", "sensitive", "words"),
    [
        (ALICE[["age"]], "condition", "no column 'zip'"),
        (ALICE, "age", "two roles"),
        (ALICE.assign(age=99, zip="00000"), "condition", "fits anybody|Nobody"),
        (ALICE, "shoe", "no column 'shoe'"),
    ],
)
def test_a_wrong_request_is_answered_in_a_sentence(people, sensitive, words) -> None:
    with pytest.raises(UserError, match=words):
        intersect_releases(FIRST, SECOND, people, KEYS, sensitive)


COUNTS = pd.DataFrame(
    {"ward": ["A", "A", "B", "B"], "diagnosis": ["flu", "HIV", "flu", "HIV"], "count": [20, 10, 15, 7]}
)


def test_the_diagnosis_of_the_one_patient_who_left_is_the_cell_that_shrank() -> None:
    later = COUNTS.assign(count=[20, 9, 15, 7])
    found = difference_counts(COUNTS, later, ["ward"], "diagnosis")
    assert found.changes.to_dict("records") == [{"ward": "A", "came": 0, "left": 1, "exposed": True}]
    assert (found.exposed.value, found.exposed.n, found.exposed.baseline) == (1.0, 1, 0.0)
    assert found.smallest_count == 7
    both = COUNTS.assign(ward="Zoltan"), later.assign(ward="Zoltan")
    named = difference_counts(*both, ["ward"], "diagnosis")
    assert "Zoltan" not in repr(named) + named.sentence()


def test_two_who_left_with_different_diagnoses_are_not_told_apart() -> None:
    found = difference_counts(COUNTS, COUNTS.assign(count=[19, 9, 15, 5]), ["ward"], "diagnosis")
    assert found.changes["exposed"].tolist() == [False, True]
    assert found.exposed.value == 0.5
    assert found.exposed.n == 4


def test_a_masked_count_leaves_its_group_out_and_equal_tables_give_nothing_away() -> None:
    masked = COUNTS.assign(count=["20", "<10", "15", "7"])
    found = difference_counts(COUNTS, masked, ["ward"], "diagnosis")
    assert found.unknown_groups == 1
    assert isinstance(found.exposed, Unassessed)
    assert "nothing to learn" in found.sentence()
    assert found.measurements() == [] and found.to_frame().empty
    with pytest.raises(UserError, match="nothing to learn"):
        plot_count_difference(found)


def test_a_row_that_is_not_there_counts_as_nobody() -> None:
    found = difference_counts(COUNTS, COUNTS.iloc[[0, 1, 2]], ["ward"], "diagnosis")
    assert found.changes.to_dict("records") == [{"ward": "B", "came": 0, "left": 7, "exposed": True}]


def test_one_table_alone_gives_away_groups_of_one_value() -> None:
    first = pd.DataFrame({"ward": ["A", "B"], "diagnosis": ["flu", "flu"], "count": [3, 4]})
    found = difference_counts(first, first.assign(count=[3, 5]), ["ward"], "diagnosis")
    assert found.exposed.baseline == 1.0


def test_counts_about_different_people_give_away_hardly_anybody() -> None:
    rng = np.random.default_rng(3)
    people = pd.DataFrame({"g": rng.integers(0, 8, 4000), "s": rng.choice(list("abcdef"), 4000)})
    other = people.assign(s=rng.permutation(people["s"]))
    found = difference_counts(count_table(people, ["g", "s"]), count_table(other, ["g", "s"]), ["g"], "s")
    assert found.exposed.value == pytest.approx(found.exposed.control, abs=0.02)
    assert found.exposed.value < 0.02


@pytest.mark.parametrize(
    ("sector", "table", "columns"),
    [
        ("healthcare", "patients", ["sex", "race", "payer"]),
        ("finance", "customers", ["sex", "race", "employment"]),
    ],
)
def test_one_person_fewer_in_the_hospital_or_bank_is_given_away_by_the_counts(sector, table, columns) -> None:
    people = load(sector, rows=2000)[table]
    first, second = count_table(people, columns), count_table(people.drop(index=7), columns)
    found = difference_counts(first, second, columns[:2], columns[2])
    assert (found.exposed.value, found.exposed.n) == (1.0, 1)
    assert found.exposed.baseline < 1


def test_a_count_table_leaves_small_counts_blank() -> None:
    frame = pd.DataFrame({"g": list("aaab")})
    assert count_table(frame, "g", at_least=2)["count"].isna().tolist() == [False, True]
    with pytest.raises(UserError, match="no column"):
        count_table(frame, ["h"])


@pytest.mark.parametrize(
    ("second", "options", "words"),
    [
        (COUNTS.drop(columns="count"), {}, "no column 'count'"),
        (COUNTS.assign(count="many"), {}, "holds no count"),
        (COUNTS, {"groups": ["diagnosis"]}, "two roles"),
        (COUNTS, {"groups": []}, "No column of the groups"),
        (COUNTS.iloc[:0], {}, "no rows"),
    ],
)
def test_a_wrong_table_of_counts_is_refused(second, options, words) -> None:
    with pytest.raises(UserError, match=words):
        difference_counts(COUNTS, second, **{"groups": ["ward"], "sensitive": "diagnosis", **options})


def test_titles_state_the_finding() -> None:
    found = intersect_releases(FIRST, SECOND, ALICE, KEYS, "condition")
    assert "0% of 1 people, both together 100%" in plot_intersection(found)._suptitle.get_text()
    counts = difference_counts(COUNTS, COUNTS.assign(count=[20, 9, 15, 7]), ["ward"], "diagnosis")
    assert "'diagnosis' of 100%" in plot_count_difference(counts)._suptitle.get_text()
