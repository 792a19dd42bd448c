"""Rules are read, checked and kept: whatever the search changes, no rule is broken."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secure_ai.attack.evasion import Constraints, evade
from secure_ai.attack.evasion.coding import TableCode
from secure_ai.attack.evasion.formulas import Formula
from secure_ai.core import UserError

BEFORE = pd.DataFrame(
    {"age": [40], "grade": ["b"], "rent": [1], "own": [0], "amount": [900.0], "months": [9], "rate": [100.0]}
)
RULES = Constraints(
    increasing=["age", "grade"],
    integer=["age", "months"],
    ranges={"amount": (100, 5_000)},
    ordered={"grade": ["a", "b", "c"]},
    one_hot={"home": ["rent", "own"]},
    formulas=["rate = amount / months", "amount <= 400 * months"],
)


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"age": 39}, "increasing only"),
        ({"age": 41.5}, "integer"),
        ({"grade": "a"}, "increasing only"),
        ({"grade": "z"}, "category"),
        ({"own": 1}, "one-hot"),
        ({"rent": 0}, "one-hot"),
        ({"amount": 50.0, "rate": 50 / 9}, "range"),
        ({"amount": 1_800.0}, "rate = amount / months"),
        ({"amount": 4_500.0, "rate": 500.0}, "amount <= 400 * months"),
    ],
)
def test_each_broken_rule_is_named_with_row_and_column(change, rule):
    found = RULES.violations(BEFORE, BEFORE.assign(**change))
    assert len(found) >= 1 and found["row"].eq(0).all() and found["rule"].str.startswith(rule).any()


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"age": 41, "grade": "c"},
        {"rent": 0, "own": 1},
        {"amount": 1_800.0, "rate": 200.0},
    ],
)
def test_allowed_changes_break_no_rule(change):
    assert RULES.violations(BEFORE, BEFORE.assign(**change)).empty


def test_a_row_that_was_wrong_before_is_only_judged_where_it_was_changed():
    wrong = BEFORE.assign(amount=9_999.0, rate=1.0)
    assert RULES.violations(wrong, wrong.assign(age=50)).empty


def random_rules(draw_names, integer, formula):
    kinds = {"immutable": [], "increasing": [], "decreasing": []}
    for name, kind in draw_names.items():
        if kind != "free":
            kinds[kind].append(name)
    return Constraints(
        **kinds,
        integer=integer,
        one_hot={"home": ["rent", "own", "other"]},
        ordered={"grade": ["a", "b", "c"]},
        formulas=formula,
    )


@settings(max_examples=10, deadline=None)
@given(
    kinds=st.fixed_dictionaries(
        {
            name: st.sampled_from(["free", "immutable", "increasing", "decreasing"])
            for name in ("age", "debt", "grade")
        }
    ),
    integer=st.sampled_from([(), ("debt",)]),
    formula=st.sampled_from([(), ("total = debt + 2 * age",), ("debt <= 100 * age",)]),
    answer=st.booleans(),
    seed=st.integers(0, 50),
)
def test_no_change_that_is_returned_breaks_a_rule_whatever_the_rules(kinds, integer, formula, answer, seed):
    rng = np.random.default_rng(seed)
    home = np.eye(3, dtype=int)[rng.integers(0, 3, 60)]
    frame = pd.DataFrame(
        {
            "age": rng.integers(18, 90, 60),
            "debt": rng.normal(2_000, 900, 60),
            "grade": rng.choice(["a", "b", "c"], 60),
            "rent": home[:, 0],
            "own": home[:, 1],
            "other": home[:, 2],
            "color": rng.choice(["red", "blue"], 60),
        }
    )
    frame["total"] = frame["debt"] + 2 * frame["age"]

    def model(x):
        odds = (x["debt"] - 2_000) / 500 + x["own"] - (x["grade"] == "c") - (x["age"] - 50) / 40
        return 1 / (1 + np.exp(-odds.to_numpy())) if answer else (odds.to_numpy() > 0).astype(int)

    from secure_ai.attack.targets import open_target

    rules = random_rules(kinds, integer, formula)
    target = open_target(model, answer="probabilities" if answer else "labels")
    found = evade(target, frame[:5], frame[5:], rules, budget=40)
    assert rules.learn(frame[5:]).violations(frame[:5], found.changed).empty
    for name, kind in kinds.items():
        before, after = frame[name][:5].to_numpy(), found.changed[name].to_numpy()
        order = {"free": True, "immutable": before == after, "increasing": after >= before}
        assert np.all(order.get(kind, after <= before))
    assert (found.changed[["rent", "own", "other"]].sum(axis=1) == 1).all()
    assert np.array_equal(target.labels(found.changed) != found.before, found.found)


def test_coded_rows_come_back_as_they_were():
    frame = pd.DataFrame(
        {
            "a": np.array([1.5, 2.25], dtype=np.float32),
            "b": [True, False],
            "c": pd.Categorical(["x", "y"]),
            "d": ["p", "q"],
            "e": np.array([3, 4], dtype=np.int16),
        }
    )
    code = TableCode(Constraints(), frame, frame)
    assert code.decode(code.encode(frame)).equals(frame)


def test_constraints_from_a_file_are_those_written_in_code(tmp_path):
    file = tmp_path / "rules.yaml"
    file.write_text(
        "increasing: [age]\nranges: {amount: [100, null]}\nordered: {grade: [a, b, c]}\n"
        "one_hot: {home: [rent, own]}\nformulas: ['rate = amount / months']\n"
        "costs: {amount: 1, age: {up: 365, fixed: 2}}\ncost_unit: days\n",
        encoding="utf-8",
    )
    expected = Constraints(
        increasing=["age"],
        ranges={"amount": (100, None)},
        ordered={"grade": ("a", "b", "c")},
        one_hot={"home": ("rent", "own")},
        formulas=["rate = amount / months"],
        costs={"amount": 1, "age": {"up": 365, "fixed": 2}},
        cost_unit="days",
    )
    assert Constraints.from_yaml(file) == expected
    assert expected.to_frame()["rule"].str.contains("increasing only").any()


@pytest.mark.parametrize(
    "text",
    [
        "imutable: [age]",
        "ranges: {age: [1]}",
        "ranges: {age: [.nan, 3]}",
        "costs: {age: -3}",
        "costs: {age: {sideways: 3}}",
        'formulas: [\'__import__("os").system("true")\']',
        "formulas: ['a.b < 3']",
        "formulas: ['a +']",
        "formulas: ['a']",
        "one_hot: {home: [rent]}",
        "- a list",
        "a: [",
        "",
        "!!python/object/apply:os.system ['true']",
    ],
)
def test_a_wrong_file_is_refused_in_a_sentence(tmp_path, text):
    file = tmp_path / "rules.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(UserError) as error:
        Constraints.from_yaml(file)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("rules", "reason"),
    [
        ({"immutable": ["nobody"]}, "nobody"),
        ({"increasing": ["color"]}, "ordered"),
        ({"formulas": ["color = age"]}, "can only compute numbers"),
        ({"formulas": ["color < 3"]}, "texts can only"),
    ],
)
def test_rules_that_do_not_fit_the_rows_are_refused(rules, reason):
    frame = pd.DataFrame({"age": range(20), "color": ["red", "blue"] * 10})
    with pytest.raises(UserError, match=reason):
        evade(lambda x: (x["age"] > 9).astype(float), frame, frame, Constraints(**rules))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a + 2 * b <= 10", [True, False]),
        ("min(a, b) <= 2 and not c == 'x'", [False, True]),
        ("`odd name` / 0 > 1", [True, True]),
        ("a > 1 if c == 'x' else True", [False, True]),
        ("1 <= a < 3", [True, True]),
        ("total = round(a / 3, 1) + abs(-b)", [3.3, 5.7]),
    ],
)
def test_formulas_compute_what_they_say(text, value):
    columns = {
        "a": np.array([1.0, 2.0]),
        "b": np.array([3.0, 5.0]),
        "c": np.array(["x", "y"], dtype=object),
        "odd name": np.array([1.0, 1.0]),
    }
    assert np.allclose(Formula(text).compute(columns).astype(float), value)


def test_the_linear_part_of_a_formula_is_found_and_others_are_none():
    assert Formula("t = 2 * (a - b) / 4 + 1").linear() == ({"a": 0.5, "b": -0.5}, 1.0)
    assert Formula("a <= 3 * b").linear() == ({"a": 1.0, "b": -3.0}, 0.0)
    assert Formula("t = a / b").linear() is None and Formula("abs(a) < 3").linear() is None


def test_a_price_that_nobody_would_pay_is_refused():
    with pytest.raises(UserError, match="computed from"):
        Constraints(formulas=["amount = hours * rate"], costs={"amount": 1})
