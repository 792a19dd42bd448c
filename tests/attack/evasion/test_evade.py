"""The search finds changes that an attacker could make, and says what they cost."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

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


def fitted(estimator):
    frame, answers = applications(600, 0)
    prepared = make_column_transformer((OneHotEncoder(), ["sex", "purpose"]), remainder=StandardScaler())
    return make_pipeline(prepared, estimator).fit(frame, answers)


@pytest.fixture(scope="module")
def trees():
    return fitted(GradientBoostingClassifier(n_estimators=30, random_state=0))


@pytest.fixture(scope="module")
def linear():
    return fitted(LogisticRegression(max_iter=500))


@pytest.fixture(scope="module")
def rows():
    return applications(40, 1)[0]


@pytest.fixture(scope="module")
def reference():
    return applications(300, 2)[0]


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
    found = evade(open_target(model, answer=answer), rows, reference, RULES, budget=200)
    assert found.found.mean() >= 0.95
    assert (model.predict(found.changed) == found.after).all()
    assert (found.after != found.before)[found.found].all()
    assert found.violations().empty and keeps_the_rules(rows, found.changed)
    share = found.setup_queries / len(rows)
    assert (found.queries + share <= 200).all() and (found.first <= found.queries)[found.found].all()
