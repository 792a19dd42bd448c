"""Reasons for a customer: those that counted, few, specific, none prohibited; words for the clinician."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from secure_ai.attack.targets import TargetError
from secure_ai.core import UserError
from secure_ai.defend.explanations import (
    clinician_sentence,
    explain,
    explanation_stability,
    plot_explanation,
    plot_stability,
    read_reason_texts,
    reason_codes,
    reference_applicants,
)

TEXTS = {
    "income": {"code": "01", "low": "Income too low", "high": "Level of income"},
    "debt": {"code": "02", "high": "Obligations too high", "low": "Obligations too low"},
    "sex": "Sex",
    "noise": "Noise",
}


@pytest.fixture(scope="module")
def bank():
    rng = np.random.default_rng(5)
    rows = pd.DataFrame(
        {
            "income": rng.normal(50, 10, 400),
            "debt": rng.normal(20, 5, 400),
            "sex": rng.integers(0, 2, 400).astype(float),
            "noise": rng.normal(size=400),
        }
    )
    refused = (rows["debt"] - 20) / 5 - (rows["income"] - 50) / 10 + rng.normal(size=400) * 0.3 > 0.8
    return rows, refused.to_numpy(), LogisticRegression(max_iter=500).fit(rows, refused)


def _refused(bank, **slopes):
    rows, _, model = bank
    if slopes:
        weights = pd.Series(slopes).reindex(rows.columns).fillna(0.0)
        usual = rows.mean()
        model = lambda asked: 1 / (1 + np.exp(-((asked - usual) * weights).sum(axis=1)))  # noqa: E731
        case = usual + np.sign(weights) * rows.std()
        return explain(model, case, rows, label=1)
    case = rows.iloc[[int(model.predict_proba(rows)[:, 1].argmax())]]
    return explain(model, case, rows, label=True)


def test_reasons_are_those_that_counted_with_the_right_direction(bank):
    found = reason_codes(_refused(bank, income=-1.0, debt=1.0), bank[0], TEXTS)
    assert set(found.reasons["reason"]) <= {"Income too low", "Obligations too high"}
    assert found.reasons["contribution"].is_monotonic_decreasing
    assert found.named > 0.9
    assert not found.problems
    assert "Income too low" in found.notice()


def test_no_more_reasons_than_asked_for(bank):
    assert len(reason_codes(_refused(bank), bank[0], TEXTS, most=1).reasons) == 1


def test_a_prohibited_basis_is_a_problem_and_stops_the_notice(bank):
    found = reason_codes(_refused(bank, sex=4.0, debt=0.1), bank[0], TEXTS)
    assert any("'sex'" in problem for problem in found.problems)
    with pytest.raises(UserError, match="cannot be sent"):
        found.notice()


@pytest.mark.parametrize(
    ("name", "prohibited"),
    [("age", True), ("marital-status", True), ("applicant_sex", True), ("mileage", False), ("usage", False)],
)
def test_prohibited_words_are_whole_words(bank, name, prohibited):
    rows = bank[0].rename(columns={"sex": name})
    weights = pd.Series({name: 3.0}).reindex(rows.columns).fillna(0.0)
    model = lambda asked: 1 / (1 + np.exp(-(asked * weights).sum(axis=1)))  # noqa: E731
    found = reason_codes(explain(model, rows.mean() + 1, rows, label=1), rows, {name: "Some reason"})
    assert bool(found.problems) is prohibited


@pytest.mark.parametrize(
    "words",
    ["Did not meet our internal standards", "Failed to achieve a qualifying score", "The algorithm said no"],
)
def test_vague_words_are_a_problem(bank, words):
    found = reason_codes(_refused(bank, debt=1.0), bank[0], {"debt": words})
    assert any("not specific" in problem for problem in found.problems)


def test_a_reason_without_words_is_a_problem(bank):
    found = reason_codes(_refused(bank, debt=1.0), bank[0], {"income": "Income"})
    assert any("no words for 'debt'" in problem for problem in found.problems)


def test_nothing_beyond_chance_is_no_reason(bank):
    rows = bank[0]
    model = lambda asked: 1 / (1 + np.exp(-(asked["debt"] - 20)))  # noqa: E731
    best = rows.iloc[[int(rows["debt"].argmin())]]
    found = reason_codes(explain(model, best, rows, label=1), rows, TEXTS)
    assert not len(found.reasons)
    assert found.problems


def test_shipped_words_can_be_read_and_are_specific():
    texts = read_reason_texts()
    assert len({text.code for text in texts.values()}) == len(texts) > 10


@pytest.mark.parametrize(
    "content", ["[1, 2]", "a: {code: '1', high: x}", "a: {code: '1', colour: x}", "a: ["]
)
def test_broken_words_are_told_in_a_sentence(tmp_path, content):
    path = tmp_path / "texts.yaml"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(UserError):
        read_reason_texts(path)


def test_just_approved_applicants_are_approved_and_near_the_threshold(bank):
    rows, _, model = bank
    near = reference_applicants(model, rows, approved=False)
    chance = model.predict_proba(near)[:, 0]
    everyone = model.predict_proba(reference_applicants(model, rows, approved=False, compared="all approved"))
    assert (chance >= 0.5).all()
    assert chance.max() <= np.quantile(everyone[:, 0], 0.26)
    assert len(reference_applicants(model, rows, approved=False, compared="all")) == len(rows)


def test_a_model_that_approves_nobody_has_no_reference(bank):
    with pytest.raises(TargetError, match="compare with all"):
        reference_applicants(lambda rows: np.full(len(rows), 0.9), bank[0], approved=0)


def test_the_clinician_reads_risk_findings_and_what_it_does_not_say(bank):
    text = clinician_sentence(_refused(bank), outcome="readmission", names={"debt": "prior admissions"})
    assert "prior admissions" in text
    assert "risk of readmission" in text
    assert "not what causes" in text


def test_log_odds_are_not_shown_to_a_clinician(bank):
    rows, _, model = bank
    found = explain(model, rows.iloc[[0]], rows, method="linear", label=True)
    with pytest.raises(UserError, match="probabilit"):
        clinician_sentence(found, outcome="readmission")


def test_stability_of_exact_explanations_is_full_and_of_few_samples_is_less(bank):
    rows, _, model = bank
    small = {"label": True, "top": 2, "background_rows": 10}
    exact = explanation_stability(model, rows.iloc[:10], rows, method="linear", **small)
    loose = explanation_stability(model, rows.iloc[:10], rows, method="surrogate", permutations=4, **small)
    assert exact.agreement["neighbors"].value > 0.8
    assert loose.agreement["another seed"].value < exact.agreement["another seed"].value
    for figure in exact.measurements() + loose.measurements():
        assert figure.control == 1.0
        assert figure.baseline == 0.5
        assert figure.interval[0] <= figure.value <= figure.interval[1]
    assert "strongest features" in exact.sentence()
    assert len(exact.to_frame()) == 3


def test_stability_of_a_model_that_cannot_be_explained_is_unassessed(bank):
    found = explanation_stability(
        lambda rows: np.full(len(rows), 0.2), bank[0].iloc[:12], bank[0], label=1, top=2
    )
    assert "same answer" in found.reason
    assert "too few" in explanation_stability(bank[2], bank[0].iloc[:3], bank[0], label=True, top=2).reason


def test_pictures_state_their_finding(bank):
    rows, _, model = bank
    figure = plot_explanation(_refused(bank), most=2, outcome="Refusal")
    assert figure.axes[0].get_title(loc="left").startswith("Refusal: ")
    found = explanation_stability(model, rows.iloc[:10], rows, label=True, top=2, method="linear")
    assert "stay" in plot_stability(found).axes[0].get_title(loc="left")
