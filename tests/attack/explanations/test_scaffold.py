"""A scaffold hides what decides from some explainers and not from others, and can be found out."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from secure_ai.attack.explanations import build_scaffold, made_rows, measure_hiding, plot_hiding
from secure_ai.core import Measurement, Unassessed, UserError
from secure_ai.defend.explanations import average_people, check_made_rows, explain_rows, explainers


class OneFeature:
    """Decides by one feature alone."""

    classes_ = np.array([0, 1])

    def __init__(self, feature: str, threshold: float) -> None:
        self.feature, self.threshold = feature, threshold

    def predict_proba(self, rows: pd.DataFrame) -> np.ndarray:
        chance = 1 / (1 + np.exp(-4 * (np.asarray(rows[self.feature], dtype=float) - self.threshold)))
        return np.column_stack([1 - chance, chance])


@pytest.fixture(scope="module")
def people() -> pd.DataFrame:
    """Applicants whose figures hang together, as real ones do."""
    rng = np.random.default_rng(4)
    income, age = rng.normal(size=900), rng.normal(size=900)
    frame = pd.DataFrame({"group": rng.integers(0, 2, 900).astype(float), "income": income, "age": age})
    for at in range(3):
        frame[f"spending {at}"] = income * (at + 1) + rng.normal(size=900) * 0.5
        frame[f"career {at}"] = age - income * at + rng.normal(size=900) * 0.5
    return frame


@pytest.fixture(scope="module")
def scaffold(people):
    return build_scaffold(OneFeature("group", 0.5), OneFeature("income", 0.1), people.iloc[:450], seed=0)


@pytest.fixture(scope="module")
def hiding(scaffold, people):
    known, asked = people.iloc[:450], people.iloc[450:470]
    by = explainers(known, label=1, permutations=40, background_rows=20)
    return {
        name: measure_hiding(scaffold, asked, explain, feature="group", name=name)
        for name, explain in by.items()
    }


def test_real_people_meet_the_biased_model(scaffold, people):
    asked = people.iloc[450:]
    same = scaffold.predict(asked) == (asked["group"] > 0.5)
    assert same.mean() > 0.85
    assert 0.8 <= scaffold.looks_real(asked).mean() <= 1


def test_made_rows_meet_the_innocent_model(scaffold, people):
    made = made_rows(people.iloc[450:], count=400, seed=1)
    assert scaffold.looks_real(made).mean() < 0.4
    assert scaffold.interval[0] <= scaffold.recognized <= scaffold.interval[1]


def test_made_rows_are_nobodys(people):
    made = made_rows(people, count=300, seed=2)
    assert not set(made.itertuples(index=False, name=None)) & set(people.itertuples(index=False, name=None))


def test_the_local_surrogate_and_average_people_are_deceived(hiding):
    for name in ("local surrogate", "Shapley, average people"):
        hidden = hiding[name].hidden
        assert hidden.value > 0.7
        assert hidden.baseline < 0.1
        assert hidden.control > 0.9
        assert hidden.interval[0] <= hidden.value <= hidden.interval[1]


def test_real_rows_alone_and_the_look_alike_are_not_deceived(hiding):
    for name in ("Shapley, real rows alone", "look-alike explained"):
        assert hiding[name].hidden.value < 0.25


def test_answers_accuse_no_innocent_model(hiding):
    for found in hiding.values():
        assert found.hidden.control > 0.9


def test_results_can_be_read_and_seen(hiding):
    found = hiding["local surrogate"]
    assert "'group' decides about" in found.sentence()
    assert len(found.to_frame()) == len(found.measurements()) == 2
    assert "local surrogate" in plot_hiding(list(hiding.values())).axes[0].get_title(loc="left")


def test_the_scaffold_is_found_out_and_honest_models_are_not_accused(scaffold, people):
    asked = people.iloc[450:].reset_index(drop=True)
    bad = (people["income"] + people["group"] + np.random.default_rng(0).normal(size=900) > 0.5).to_numpy()
    found = check_made_rows(scaffold, asked)
    assert found.departs()
    assert "second rule" in found.sentence()
    for honest in (
        LogisticRegression(max_iter=500).fit(people.iloc[:450], bad[:450]),
        OneFeature("group", 0.5),
    ):
        checked = check_made_rows(honest, asked)
        assert not checked.departs(), checked.sentence()
        assert isinstance(checked.measurements()[0], Measurement)


def test_average_people_are_nobody_but_average(people):
    averages = average_people(people)
    assert len(averages) == 10
    assert not averages["group"].isin([0.0, 1.0]).all()


@pytest.mark.parametrize(
    "model", [lambda rows: np.full(len(rows), 0.1), lambda rows: np.full(len(rows), np.nan)]
)
def test_a_model_that_cannot_be_checked_is_unassessed(people, model):
    assert isinstance(check_made_rows(model, people), Unassessed)


def test_too_few_people_are_unassessed(scaffold, people):
    assert "too few" in check_made_rows(scaffold, people.iloc[:50]).reason
    explain = lambda model, rows: explain_rows(model, rows, people, label=1, method="cohort")  # noqa: E731
    assert "too few" in measure_hiding(scaffold, people.iloc[:5], explain, feature="group").reason


def test_wrong_arguments_are_told_in_a_sentence(scaffold, people):
    one = OneFeature("group", 0.5)
    with pytest.raises(UserError, match="classes_"):
        build_scaffold(one, object(), people)
    with pytest.raises(UserError, match="share"):
        build_scaffold(one, one, people, keep=2)
    with pytest.raises(UserError, match="no column"):
        build_scaffold(one, one, people, groups=[["absent"]])
    explain = lambda model, rows: explain_rows(model, rows, people, label=1, method="cohort")  # noqa: E731
    with pytest.raises(UserError, match="no feature"):
        measure_hiding(scaffold, people.iloc[:30], explain, feature="absent")
