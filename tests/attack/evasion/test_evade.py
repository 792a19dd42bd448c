"""The search finds changes that an attacker could make, and says what they cost."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from secure_ai.attack.evasion import Constraints, evade, measure_evasion
from secure_ai.attack.targets import TargetError, open_target
from secure_ai.core import Unassessed, UserError

RULES = Constraints(
    immutable=["sex"],
    increasing=["age"],
    ranges={"amount": (500, 20_000)},
    formulas=["rate = amount / months", "amount <= 6 * income"],
)


def applications(n: int, seed: int) -> tuple[pd.DataFrame, np.ndarray]:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "sex": rng.choice(["f", "m"], n),
            "age": rng.integers(18, 80, n),
            "purpose": rng.choice(["car", "home", "travel"], n),
            "income": rng.gamma(4, 700, n).round(2) + 600,
            "months": rng.integers(6, 60, n),
        }
    )
    frame["amount"] = np.clip(frame["income"] * rng.uniform(0.5, 5.5, n), 500, 20_000).round(2)
    frame["rate"] = frame["amount"] / frame["months"]
    risk = 3 * frame["rate"] / frame["income"] + 0.8 * (frame["purpose"] == "travel") - 0.01 * frame["age"]
    return frame, np.where(risk + rng.normal(0, 0.3, n) > risk.median(), "refused", "granted")


def encoded(frame: pd.DataFrame) -> np.ndarray:
    texts = [frame["sex"] == "f", frame["purpose"] == "car", frame["purpose"] == "travel"]
    numbers = [frame["age"] / 10, frame["income"] / 1_000, frame["months"] / 10, frame["amount"] / 1_000]
    return np.column_stack([*texts, *numbers, frame["rate"] / 100]).astype(float)


def fitted(estimator):
    frame, answers = applications(600, 0)
    return make_pipeline(FunctionTransformer(encoded), estimator).fit(frame, answers)


@pytest.fixture(scope="module")
def trees():
    return fitted(GradientBoostingClassifier(n_estimators=30, random_state=0))


@pytest.fixture(scope="module")
def linear():
    return fitted(LogisticRegression(max_iter=2_000))


@pytest.fixture(scope="module")
def rows():
    return applications(16, 1)[0]


@pytest.fixture(scope="module")
def reference():
    return applications(200, 2)[0]


def keeps_the_rules(before: pd.DataFrame, after: pd.DataFrame) -> bool:
    """The rules of RULES once more, by hand."""
    moved = (before != after).any(axis=1)
    near = np.isclose(after["rate"], after["amount"] / after["months"], rtol=1e-4)
    return bool(
        (before["sex"] == after["sex"]).all()
        and (after["age"] >= before["age"]).all()
        and (after[["age", "months"]] % 1 == 0).all().all()
        and after["amount"].between(500, 20_000).all()
        and after["purpose"].isin(["car", "home", "travel"]).all()
        and near[moved].all()
        and (after["amount"] <= 6 * after["income"])[moved].all()
    )


@pytest.mark.parametrize("answer", ["probabilities", "labels"])
@pytest.mark.parametrize("kind", ["trees", "linear"])
def test_changes_found_are_answered_otherwise_and_keep_every_rule(kind, answer, rows, reference, request):
    model = request.getfixturevalue(kind)
    found = evade(open_target(model, answer=answer), rows, reference, RULES, budget=150)
    assert found.found.mean() >= 0.95
    assert (model.predict(found.changed) == found.after).all()
    assert (found.after != found.before)[found.found].all()
    assert found.violations().empty and keeps_the_rules(rows, found.changed)
    share = found.setup_queries / len(rows)
    assert (found.queries + share <= 150).all() and (found.first <= found.queries)[found.found].all()


def test_the_same_seed_finds_the_same_changes_with_the_same_questions(trees, rows, reference):
    first, second = (evade(trees, rows[:6], reference, RULES, budget=80, seed=3) for _ in range(2))
    assert first.changed.equals(second.changed) and (first.queries == second.queries).all()


def test_a_row_that_has_the_wanted_answer_stays_as_it_is_and_costs_nothing(trees, rows, reference):
    found = evade(trees, rows, reference, RULES, budget=60, goal="granted")
    already = found.before == "granted"
    assert already.any() and not already.all()
    assert (found.cost[already] == 0).all() and (found.queries[already] == 1).all()
    assert set(found.changes()["row"]) <= set(np.flatnonzero(~already))
    assert (found.after[found.found] == "granted").all()


def test_arrays_come_back_as_arrays(reference):
    names = ["age", "income", "months", "amount"]
    frame, answers = applications(200, 4)
    model = LogisticRegression(max_iter=2_000).fit(frame[names].to_numpy(float), answers)
    given = frame[names].to_numpy(float)[:8]
    found = evade(model, given, reference[names].to_numpy(float), Constraints(immutable=["x0"]), budget=80)
    assert isinstance(found.changed, np.ndarray) and found.changed.dtype == given.dtype
    assert (found.changed[:, 0] == given[:, 0]).all() and found.violations().empty


def test_declared_costs_are_what_is_minimized(linear, rows, reference):
    dear = Constraints(**{**vars(RULES), "costs": {"amount": 1.0, "months": 1_000.0}, "cost_unit": "USD"})
    found = evade(linear, rows[:8], reference, dear, budget=100)
    frame = found.changes()
    months = frame[frame["column"] == "months"]["row"].nunique()
    other = evade(linear, rows[:8], reference, RULES, budget=100).changes()
    assert found.cost_unit == "USD" and found.found.all()
    assert months < other[other["column"] == "months"]["row"].nunique()


def test_more_than_two_classes_are_led_to_another_class_or_to_the_wanted_one(reference):
    frame, _ = applications(300, 5)
    bands = np.array(["low", "middle", "high"])[pd.qcut(frame["rate"] / frame["income"], 3, labels=False)]
    names = ["income", "months", "amount"]
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=500)).fit(frame[names], bands)
    given, owned = frame[names][:10], reference[names]
    assert evade(model, given, owned, budget=80).found.all()
    wanted = evade(model, given, owned, budget=120, goal="low")
    assert (model.predict(wanted.changed)[wanted.found] == "low").all() and wanted.found.mean() >= 0.9


def test_a_limit_of_the_target_is_kept(linear, rows, reference):
    target = open_target(linear, max_queries=16 * 40)
    found = evade(target, rows, reference, RULES)
    assert target.queries <= 640 and found.found.any()
    with pytest.raises(TargetError, match="times only"):
        evade(open_target(linear, max_queries=50), rows, reference, RULES)


def test_the_measurement_carries_baseline_control_and_interval(trees, rows, reference):
    result = measure_evasion(trees, rows[:12], reference, RULES, budget=80)
    success, valid, queries, cost = result.measurements()
    assert valid.value == 1.0 and success.control == 0.0
    assert 0 <= success.baseline <= success.value <= success.interval[1]
    assert queries.value <= 80 and cost.value <= cost.baseline
    assert "12 rows" in result.sentence() and len(result.to_frame()) == 4
    curve = result.curve()
    assert curve["success"].is_monotonic_increasing and curve["success"].iloc[-1] == success.value
    tight = measure_evasion(trees, rows[:12], reference, RULES, budget=80, most_cost=cost.value)
    assert tight.success.value < success.value


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        (lambda x: np.full(len(x), 0.7), "same class"),
        (lambda x: np.full(len(x), np.nan), "not finite"),
        (lambda x: np.full(len(x), 3.0), "above 1"),
        (lambda x: np.full(len(x) + 1, 0.5), "shape"),
        (lambda x: 1 / 0, "ZeroDivisionError"),
    ],
    ids=["constant", "nan", "beyond-1", "wrong-length", "fails"],
)
def test_a_model_that_cannot_be_attacked_is_unassessed_with_the_reason(model, reason, rows, reference):
    found = measure_evasion(model, rows, reference, RULES)
    assert isinstance(found, Unassessed) and reason in found.reason


def test_rows_or_rules_that_allow_no_judgement_are_unassessed(linear, rows, reference):
    missing = rows.assign(income=rows["income"].mask(rows["income"] > 2_000))
    frozen = Constraints(immutable=list(rows.columns))
    empty = Constraints(ranges={"amount": (10_000, 500)})
    cases = [(missing, RULES, "missing values"), (rows, frozen, "nothing that could be changed")]
    cases += [(rows, empty, "no value that is allowed"), (rows[:5], RULES, "too few")]
    for given, rules, reason in cases:
        found = measure_evasion(linear, given, reference, rules)
        assert isinstance(found, Unassessed) and reason in found.reason


def test_a_target_that_answers_by_chance_is_unassessed_not_evaded(rows, reference):
    rng = np.random.default_rng(0)
    found = measure_evasion(lambda x: rng.random(len(x)), rows, reference, RULES)
    assert isinstance(found, Unassessed) and "asked again" in found.reason


@pytest.mark.parametrize("budget", [0, 5, "many", 2.5])
def test_a_budget_that_is_none_is_refused_in_a_sentence(budget, linear, rows, reference):
    with pytest.raises(UserError, match="budget"):
        evade(linear, rows, reference, RULES, budget=budget)
