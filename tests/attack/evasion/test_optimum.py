"""The exact optimum is the yardstick: nothing undercuts it, and the search comes near it."""

from __future__ import annotations

from itertools import product

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from secure_ai.attack.evasion import Constraints, evade, exact_evasion
from secure_ai.attack.evasion.charts import plot_evasion_cost, plot_evasion_curve, plot_evasion_curves
from secure_ai.attack.evasion.combinations import cheapest_combinations
from secure_ai.attack.evasion.measure import measure_evasion
from secure_ai.attack.targets import TargetError
from secure_ai.core import UserError

NAMES = ["visits", "days", "ward", "score", "total"]
RULES = Constraints(
    increasing=["visits"],
    formulas=["total = visits + 0.5 * days", "days <= 3 * visits + 20"],
    costs={"visits": {"up": 80, "fixed": 20}, "days": 30, "ward": 200, "score": 15},
    cost_unit="USD",
)


def stays(n: int, seed: int) -> tuple[pd.DataFrame, np.ndarray]:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "visits": rng.integers(0, 9, n),
            "days": rng.integers(1, 20, n),
            "ward": rng.choice(["medical", "surgical", "day"], n),
            "score": rng.normal(10, 3, n),
        }
    )
    frame["total"] = frame["visits"] + 0.5 * frame["days"]
    risk = 0.4 * frame["visits"] + 0.2 * frame["days"] + 0.3 * frame["score"] + (frame["ward"] == "medical")
    return frame, (risk + rng.normal(0, 1, n) > risk.median()).astype(int)


@pytest.fixture(scope="module")
def model():
    frame, classes = stays(500, 0)
    prepared = make_column_transformer((OneHotEncoder(), ["ward"]), remainder=StandardScaler())
    return make_pipeline(prepared, LogisticRegression()).fit(frame, classes)


def test_the_search_is_within_five_percent_of_the_optimum_and_never_below(model):
    rows, reference = stays(20, 1)[0], stays(250, 2)[0]
    exact = exact_evasion(model, rows, reference, RULES)
    assert exact.found.all() and (model.predict(exact.changed) != model.predict(rows)).all()
    assert RULES.learn(reference).violations(rows, exact.changed).empty
    found = evade(model, rows, reference, RULES, budget=300)
    ratio = found.cost / exact.cost
    assert ratio.min() >= 1 - 1e-6 and np.mean(ratio <= 1.05) >= 0.9


def test_the_optimum_equals_what_trying_every_change_finds():
    values = np.arange(5)
    frame = pd.DataFrame(list(product(values, values, ["a", "b", "c"])), columns=["x", "y", "z"])
    odds = 1.3 * frame["x"] - 0.7 * frame["y"] + 1.1 * (frame["z"] == "a") - 2.1
    prepared = make_column_transformer((OneHotEncoder(), ["z"]), remainder="passthrough")
    model = make_pipeline(prepared, LogisticRegression(C=100)).fit(frame, odds > 0)
    rules = Constraints(costs={"x": {"up": 5, "down": 2}, "y": {"up": 3, "down": 7, "fixed": 1}, "z": 6})
    answers = model.predict(frame)
    rows = frame.iloc[::9]
    exact = exact_evasion(model, rows, frame, rules)
    for place, (_, row) in enumerate(rows.iterrows()):
        step_x, step_y = frame["x"] - row["x"], frame["y"] - row["y"]
        cost = np.where(step_x > 0, 5 * step_x, -2 * step_x) + np.where(step_y > 0, 3 * step_y, -7 * step_y)
        cost = cost + (step_y != 0) + 6 * (frame["z"] != row["z"])
        best = cost[answers != answers[rows.index[place]]].min()
        assert exact.cost[place] == pytest.approx(best, abs=1e-4)


def test_no_change_that_exists_is_said_to_be_none(model):
    rows, reference = stays(12, 3)[0], stays(100, 4)[0]
    rules = Constraints(immutable=["visits", "days", "total", "ward"], ranges={"score": (9.9, 10.1)})
    exact = exact_evasion(model, rows, reference, rules)
    found = evade(model, rows, reference, rules, budget=60)
    assert not exact.found.all() and not (found.found & ~exact.found).any()
    assert np.isinf(exact.cost[~exact.found]).all()


def test_a_model_that_is_not_linear_has_no_known_optimum():
    frame, classes = stays(100, 0)
    forest = RandomForestClassifier(5, random_state=0).fit(frame.drop(columns="ward"), classes)
    with pytest.raises(TargetError, match="not linear"):
        exact_evasion(forest, frame.drop(columns="ward")[:5], frame.drop(columns="ward"))


def test_a_formula_that_is_not_linear_has_no_known_optimum(model):
    frame, _ = stays(30, 0)
    with pytest.raises(UserError, match="not linear"):
        exact_evasion(model, frame, frame, Constraints(formulas=["days * visits < 40"]))


def test_the_frontier_holds_the_cheapest_combination_of_every_gain():
    rng = np.random.default_rng(0)
    costs = [np.append(0, rng.uniform(0, 5, 3)) for _ in range(4)]
    gains = [np.append(0, rng.normal(1, 2, 3)) for _ in range(4)]
    every = np.array([[sum(c) for c in product(*costs)], [sum(g) for g in product(*gains)]])
    frontier = cheapest_combinations(costs, gains, need=4.0)
    for need in (0.5, 2.0, 4.0):
        best = every[0][every[1] >= need].min()
        assert frontier.cost[frontier.gain >= need].min() == pytest.approx(best)
    chosen = frontier.choice[-1]
    assert sum(c[i] for c, i in zip(costs, chosen, strict=True)) == pytest.approx(frontier.cost[-1])


def test_pictures_state_their_finding_in_the_title(model):
    rows, reference = stays(12, 5)[0], stays(80, 6)[0]
    result = measure_evasion(model, rows, reference, RULES, budget=30)
    titles = [
        figure.axes[0].get_title(loc="left")
        for figure in (
            plot_evasion_curve(result),
            plot_evasion_cost(result),
            plot_evasion_curves({"before": result, "after": result}),
        )
    ]
    assert "evaded within the rules" in titles[0] and "USD" in titles[1] and "before" in titles[2]
    with pytest.raises(UserError):
        plot_evasion_curves({})
