"""What would have to change keeps the rules, turns the answer, and says so when it cannot."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from secure_ai.attack.evasion import Constraints
from secure_ai.core import Unassessed, UserError
from secure_ai.defend.explanations import fit_look_alike, what_would_change


@pytest.fixture(scope="module")
def bank():
    rng = np.random.default_rng(9)
    rows = pd.DataFrame(
        {
            "income": rng.integers(20, 90, 300),
            "debt": rng.integers(0, 40, 300),
            "age": rng.integers(18, 80, 300),
        }
    ).astype(float)
    refused = rows["debt"] * 2 - rows["income"] + rng.normal(size=300) * 4 > 0
    model = LogisticRegression(max_iter=1000).fit(rows, refused)
    chance = model.predict_proba(rows)[:, 1]
    return rows, model, rows.iloc[[int(np.abs(chance - 0.9).argmin())]]


def _after(case, found, way):
    changed = case.copy()
    for change in found.ways[found.ways["way"] == way].itertuples():
        changed[change.column] = change.after
    return changed


def test_every_way_turns_the_answer_keeps_the_rules_and_differs(bank):
    rows, model, case = bank
    rules = Constraints(immutable=["age"])
    found = what_would_change(model, case, rows, rules, goal=False, ways=2)
    assert set(found.ways["way"]) == {1, 2}
    for way in (1, 2):
        changed = _after(case, found, way)
        assert not model.predict(changed)[0]
        assert not len(rules.learn(rows).violations(case, changed))
    first, second = (set(found.ways.loc[found.ways["way"] == way, "column"]) for way in (1, 2))
    assert first != second
    assert "no promise" in found.sentence({"income": "your income"})
    assert found.queries > 0


def test_rules_that_leave_nothing_are_unassessed(bank):
    rows, model, case = bank
    found = what_would_change(model, case, rows, Constraints(immutable=list(rows)), goal=False)
    assert isinstance(found, Unassessed)
    stuck = what_would_change(
        model, case, rows, Constraints(immutable=["income", "debt"]), goal=False, budget=60
    )
    assert isinstance(stuck, Unassessed)


def test_a_case_that_has_the_answer_needs_no_change(bank):
    rows, model, case = bank
    with pytest.raises(UserError, match="already"):
        what_would_change(model, case, rows, goal=True)


def test_arrays_are_answered_as_frames_are(bank):
    rows, model, case = bank
    plain = LogisticRegression(max_iter=1000).fit(rows.to_numpy(), model.predict(rows))
    found = what_would_change(plain, case.to_numpy()[0], rows.to_numpy(), goal=False, ways=1)
    assert set(found.ways["column"]) <= {"x0", "x1", "x2"}


def test_a_look_alike_answers_as_the_model_does(bank):
    rows, model, _ = bank
    found = fit_look_alike(model, rows, family="logistic")
    assert found.fidelity > 0.9 > found.majority
    assert found.interval[0] <= found.fidelity <= found.interval[1]
