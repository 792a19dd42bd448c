"""A model that learned by heart tells its members' values; one that learned what is common does not."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.tree import DecisionTreeClassifier

from secure_ai.attack.attribute_inference import (
    SensitiveValues,
    measure_attribute_inference,
    plot_attribute_inference,
)
from secure_ai.attack.attribute_inference.guessing import outcome_chances
from secure_ai.attack.targets import open_target
from secure_ai.core import Unassessed, UserError


def people(rows=900, seed=0, tie=0.0):
    """Age, income, visits, and an illness that goes with visits as strongly as ``tie`` says."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "age": rng.normal(50, 15, rows),
            "income": rng.normal(60, 20, rows),
            "visits": rng.normal(0, 1, rows),
        }
    )
    frame["illness"] = (tie * frame["visits"] + rng.normal(0, 1, rows) > 0).astype(int)
    frame["distance"] = rng.normal(10, 4, rows)
    outcome = (frame["illness"] + frame["visits"] + rng.normal(0, 1, rows) > 0.5).astype(int)
    return frame, outcome.to_numpy()


def thirds(seed=0, **options):
    """Members, people like them, and a third group."""
    frame, outcome = people(900, seed, **options)
    return [(frame.iloc[start : start + 300], outcome[start : start + 300]) for start in (0, 300, 600)]


def forest():
    """A model that learns by heart."""
    return RandomForestClassifier(40, random_state=0)


@pytest.fixture(scope="module")
def by_heart():
    """The members of such a model, others, the model, and what is inferred with it."""
    members, others, _ = thirds()
    model = forest().fit(*members)
    return members, others, model, measure_attribute_inference(model, members, others, "illness")


def test_a_model_that_learned_by_heart_tells_of_its_members(by_heart):
    *_, found = by_heart
    assert found.leaks()
    assert found.accuracy.value > found.accuracy.baseline + 0.1
    assert found.accuracy.value > found.accuracy.control + 0.1
    assert "tells more of its members than of others" in found.sentence()
    assert found.table.set_index("attack").loc["imputation", "members"] <= found.accuracy.baseline


@pytest.mark.slow
def test_a_model_of_what_is_common_tells_no_more_of_its_members():
    told = []
    for seed in range(4):
        members, others, _ = thirds(seed)
        model = LogisticRegression(max_iter=500).fit(*members)
        told.append(measure_attribute_inference(model, members, others, "illness", seed=seed).leaks())
    assert sum(told) <= 1


def test_the_control_a_model_that_saw_neither_group_tells_nothing():
    told = []
    for seed in range(2):
        members, others, third = thirds(seed)
        model = forest().fit(*third)
        found = measure_attribute_inference(model, members, others, "illness", seed=seed)
        told.append(found.leaks())
        assert abs(found.advantage.control) < 0.05
    assert not any(told)


def test_what_the_other_columns_tell_is_not_counted_against_the_model():
    members, others, _ = thirds(tie=3.0)
    found = measure_attribute_inference(
        LogisticRegression(max_iter=500).fit(*members), members, others, "illness"
    )
    assert found.accuracy.baseline > 0.8
    assert not found.leaks()
    assert "tells no more of its members" in found.sentence()


def test_arrays_are_attacked_like_frames(by_heart):
    members, others, _, one = by_heart
    arrays = [(rows.to_numpy(), outcome) for rows, outcome in (members, others)]
    other = measure_attribute_inference(forest().fit(*arrays[0]), *arrays, 3)
    assert one.accuracy.value == other.accuracy.value
    assert one.advantage.interval == other.advantage.interval


def test_texts_numbers_in_groups_and_three_classes_are_guessed():
    members, others, _ = thirds()
    members, others = (
        (rows.drop(columns="illness").assign(home=np.where(rows["illness"] == 1, "own", "rent")), outcome)
        for rows, outcome in (members, others)
    )
    code = lambda rows: rows.assign(home=(rows["home"] == "own").astype(int))  # noqa: E731
    tree = DecisionTreeClassifier(random_state=0).fit(code(members[0]), members[1])
    model = lambda rows: tree.predict_proba(code(rows))  # noqa: E731
    found = measure_attribute_inference(model, members, others, "home")
    assert found.values == 2
    grouped = measure_attribute_inference(model, members, others, "income", groups=3)
    assert grouped.values == 3
    assert grouped.accuracy.value > grouped.accuracy.control + 0.05


def test_labels_alone_tell_less_and_are_enough(by_heart):
    members, others, model, full = by_heart
    alone = measure_attribute_inference(open_target(model, answer="labels"), members, others, "illness")
    assert not isinstance(alone, Unassessed)
    assert alone.accuracy.value < full.accuracy.value


def test_the_attacker_does_not_look_at_the_sensitive_column():
    members, others, own = thirds()
    model = forest().fit(*members)
    options = {"own": own, "seed": 3}
    true = measure_attribute_inference(model, members, others, "illness", **options)
    hidden = (members[0].assign(illness=1 - members[0]["illness"]), members[1])
    turned = measure_attribute_inference(model, hidden, others, "illness", **options)
    assert true.accuracy.value == pytest.approx(1 - turned.accuracy.value)


def test_the_queries_are_one_for_each_record_and_value(by_heart):
    _, others, model, _ = by_heart
    target = open_target(model)
    values = SensitiveValues.of(others[0], "illness")
    outcome_chances(target, *others, values)
    assert target.queries == 300 * 2


def test_the_same_seed_gives_the_same_result(by_heart):
    members, others, model, first = by_heart
    again = measure_attribute_inference(model, members, others, "illness")
    assert first.to_frame().equals(again.to_frame())
    assert first.sentence() == again.sentence()


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.floats(-1e6, 1e6) | st.integers(-5, 5), min_size=30, max_size=60).filter(
        lambda values: len({float(value) for value in values}) > 1
    ),
    st.integers(2, 6),
)
def test_every_number_belongs_to_one_group_and_every_group_has_some(numbers, groups):
    frame = pd.DataFrame({"amount": np.array(numbers, dtype=float)})
    values = SensitiveValues.of(frame, "amount", groups=groups)
    codes = values.codes(frame)
    assert set(codes) == set(range(len(values)))
    for place in range(len(values)):
        assert values.codes(values.put(frame, place))[0] == place


def test_a_value_put_in_keeps_the_type_of_the_column():
    frame = pd.DataFrame({"count": np.arange(40, dtype="int8"), "kind": pd.Categorical(["a", "b"] * 20)})
    for column in frame:
        values = SensitiveValues.of(frame, column)
        assert values.put(frame, 1).dtypes.equals(frame.dtypes)


def test_members_among_the_others_are_refused_and_counted(by_heart):
    members, others, model, _ = by_heart
    mixed = (pd.concat([others[0], members[0][:7]]), np.concatenate([others[1], members[1][:7]]))
    with pytest.raises(UserError, match=r"7 of 307 non-members are members too"):
        measure_attribute_inference(model, members, mixed, "illness")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"column": "no such column"}, "no column"),
        ({"column": 3}, "no column"),
        ({"attack": "magic"}, "choose from"),
        ({"column": "income", "groups": 1}, "2 to 12 groups"),
    ],
)
def test_wrong_arguments_are_refused_in_words(options, words, by_heart):
    members, others, model, _ = by_heart
    arguments = {"column": "illness"} | options
    with pytest.raises(UserError, match=words):
        measure_attribute_inference(model, members, others, **arguments)


def test_texts_of_many_values_are_refused_without_showing_one():
    members, others, _ = thirds()
    named = [
        (rows.assign(name=[f"Secret{place}" for place in range(300)]), y) for rows, y in (members, others)
    ]
    with pytest.raises(UserError, match="different texts") as refused:
        measure_attribute_inference(lambda rows: np.linspace(0, 1, len(rows)), *named, "name")
    assert "Secret" not in str(refused.value)


def test_one_value_only_is_unassessed(by_heart):
    members, others, model, _ = by_heart
    same = [(rows.assign(illness=1), outcome) for rows, outcome in (members, others)]
    found = measure_attribute_inference(model, *same, "illness")
    assert isinstance(found, Unassessed)
    assert "one value only" in found.reason


def test_a_stand_in_that_fails_is_unassessed_without_its_words(by_heart):
    class Fails(LogisticRegression):
        def fit(self, rows, labels):
            raise ValueError("Jane Doe")

    members, others, model, _ = by_heart
    found = measure_attribute_inference(model, members, others, "illness", stand_in=Fails())
    assert isinstance(found, Unassessed)
    assert "Jane" not in found.reason


def test_the_chart_says_what_was_found(by_heart):
    *_, found = by_heart
    title = plot_attribute_inference(found).get_suptitle()
    assert f"{found.accuracy.value:.0%} of members" in title
