"""Each answer does what it says, and the comparison counts an attacker who knows it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression

from secure_ai.attack.evasion import Constraints
from secure_ai.attack.targets import Target, TargetError
from secure_ai.core import Unassessed, UserError
from secure_ai.defend.robust import (
    Agreement,
    DecisionSystem,
    PlainDecision,
    PlausibleRows,
    ReviewByMargin,
    check_monotone,
    compare_answers,
    fit_agreement,
    fit_monotone,
    harmless_directions,
    learn_plausibility,
    people_needed,
    plot_answers,
    plot_review,
    review_by_margin,
    review_curve,
)

RULES = Constraints(immutable=["age"], formulas=["burden = payment * 12 / income"])


@pytest.fixture(scope="module")
def loans():
    rng = np.random.default_rng(8)
    rows = pd.DataFrame(
        {
            "income": rng.integers(20_000, 120_000, 700).astype(float),
            "payment": rng.integers(100, 2_000, 700).astype(float),
            "age": rng.integers(18, 80, 700).astype(float),
        }
    )
    rows["burden"] = rows["payment"] * 12 / rows["income"]
    bad = rows["burden"] + rng.normal(size=700) * 0.08 - (rows["age"] - 50) / 400 > 0.25
    return rows, bad.to_numpy()


@pytest.fixture(scope="module")
def forest(loans):
    rows, bad = loans
    return RandomForestClassifier(25, min_samples_leaf=4, random_state=0).fit(rows.iloc[:300], bad[:300])


@pytest.fixture(scope="module")
def systems(loans, forest):
    rows, bad = loans
    clean = rows.iloc[300:450]
    return {
        "plain": PlainDecision(forest),
        "plausibility": PlausibleRows(forest, learn_plausibility(rows.iloc[:300], RULES)),
        "agreement": fit_agreement(rows.iloc[:300], bad[:300], protect=False),
        "all agree": fit_agreement(rows.iloc[:300], bad[:300]),
        "review": review_by_margin(forest, clean, share=0.2, protect=False),
        "review both": ReviewByMargin(forest, 0.8),
    }


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_what_passes_is_what_is_answered_without_a_person(systems, loans, seed):
    rows = loans[0].iloc[np.random.default_rng(seed).permutation(700)[:40]]
    for system in systems.values():
        assert isinstance(system, DecisionSystem)
        told, person = system.classify(rows), system.reviewed(rows)
        for label in system.classes:
            score = system.passes(rows, label)
            np.testing.assert_array_equal(score >= 0.5, (told == label) & ~person)
            assert score.min() >= 0
            assert score.max() <= 1


def test_several_classes_pass_as_they_are_answered():
    rng = np.random.default_rng(0)
    rows, labels = rng.normal(size=(200, 3)), rng.integers(0, 3, 200)
    model = LogisticRegression().fit(rows, labels)
    for system in (PlainDecision(model), ReviewByMargin(model, 0.4)):
        told, person = system.classify(rows), system.reviewed(rows)
        for label in range(3):
            expected = (told == label) & ~person
            np.testing.assert_array_equal(system.passes(rows, label) >= 0.5, expected)


def test_plausibility_stops_what_breaks_a_rule(loans):
    rows, _ = loans
    check = learn_plausibility(rows.iloc[:300], RULES)
    wrong = rows.iloc[300:303].copy()
    wrong["burden"] = [0.0001, wrong["burden"].iloc[1], wrong["burden"].iloc[2]]
    wrong.iloc[1, 0] = 10_000_000.0
    wrong.iloc[1, 3] = wrong.iloc[1, 1] * 12 / 10_000_000
    assert list(check.plausible(wrong)) == [False, False, True]
    assert set(check.broken_rules(wrong)["row"]) == {0, 1}
    assert not len(check.broken_rules(rows.iloc[:300]))


def test_plausibility_keeps_its_false_alarms_on_new_honest_rows(loans):
    rows, _ = loans
    for share in (0.05, 0.2):
        check = learn_plausibility(rows.iloc[:400], RULES, false_alarms=share)
        far = check.distances(rows.iloc[400:]) > check.threshold
        assert abs(far.mean() - share) < 0.08


def test_what_people_stated_before_is_compared(loans):
    rows, _ = loans
    check = learn_plausibility(rows, RULES)
    now = rows.iloc[:2].copy()
    now["age"] = now["age"] - 5
    broken = check.broken_against(rows.iloc[:2], now, RULES)
    assert set(broken["column"]) == {"age"}


def test_categories_and_texts_have_plausibility_too(loans):
    rows = loans[0].assign(home=np.where(loans[0]["age"] > 40, "own", "rent"))
    check = learn_plausibility(rows, RULES)
    odd = rows.iloc[:2].copy()
    odd["home"] = ["castle", odd["home"].iloc[1]]
    assert list(check.plausible(odd)) == [False, True]


def test_a_monotone_model_never_goes_the_wrong_way_and_a_forest_does(loans, forest):
    rows, bad = loans
    directions = {"burden": "up", "income": "down"}
    model = fit_monotone(rows.iloc[:300], bad[:300], directions, max_iter=30)
    assert not check_monotone(model, rows.iloc[300:], directions, risk=True)["wrong"].any()
    assert check_monotone(forest, rows.iloc[300:], directions, risk=True)["wrong"].max() > 0.1


def test_one_way_pushes_gain_nothing_in_their_direction():
    rules = Constraints(increasing=["purchases"], decreasing=["savings"])
    assert harmless_directions(rules) == {"purchases": "up", "savings": "down"}


def test_review_sends_about_the_share_asked_for_and_the_least_sure_first(loans, forest):
    rows, _ = loans
    system = review_by_margin(forest, rows.iloc[300:500], share=0.2)
    assert 0.1 < system.reviewed(rows.iloc[500:]).mean() < 0.3
    chance = forest.predict_proba(rows.iloc[500:]).max(axis=1)
    person = system.reviewed(rows.iloc[500:])
    assert chance[person].max() < chance[~person].min() + 1e-12


def test_review_of_one_answer_leaves_the_other_alone(systems, loans):
    rows = loans[0].iloc[450:]
    told, person = systems["review"].classify(rows), systems["review"].reviewed(rows)
    assert person.any()
    assert not told[person].any()


def test_the_curve_of_review_starts_at_plain_accuracy_and_leaves_fewer_errors(loans, forest):
    rows, bad = loans
    curve = review_curve(forest, rows.iloc[300:], bad[300:])
    assert curve["accuracy"].iloc[0] == pytest.approx(forest.score(rows.iloc[300:], bad[300:]))
    assert curve["wrong_per_1000"].is_monotonic_decreasing
    assert curve["decided"].iloc[-1] == 200
    assert "sent to people" in plot_review(curve).axes[0].get_title(loc="left")


@pytest.mark.parametrize(
    ("cases", "share", "minutes", "people"),
    [(0, 0.5, 10, 0), (1000, 0.1, 6, 2), (1000, 0.0, 6, 0), (60, 1, 6, 1)],
)
def test_people_needed_is_rounded_up(cases, share, minutes, people):
    assert people_needed(cases, share, minutes=minutes) == people


@pytest.fixture(scope="module")
def comparison(systems, loans, forest):
    rows, bad = loans
    return compare_answers(
        forest,
        {name: systems[name] for name in ("plausibility", "review")},
        rows.iloc[450:],
        bad[450:],
        rows.iloc[300:450],
        goal=False,
        constraints=RULES,
        budget=60,
        attacked=12,
    )


def test_the_comparison_shows_naive_and_adaptive_and_the_price(comparison):
    table = comparison.table.set_index("answer")
    assert list(table.index) == ["none", "plausibility", "review"]
    assert table.loc["none", "success_adaptive"] == table.loc["none", "success_naive"] > 0.9
    assert table.loc["review", "success_naive"] < 0.3
    assert (table["success_adaptive"] >= table["success_naive"]).all()
    assert table.loc["review", "cost"] > table.loc["none", "cost"]
    assert (table["price"] == 0).all()
    assert table.loc["review", "review"] > 0
    assert not table["unchanged"].any()
    for figure in comparison.measurements():
        assert figure.interval[0] <= figure.value <= figure.interval[1]
        assert figure.n == comparison.attacked
    assert "knows it" in comparison.sentence()
    assert "Evasion" in plot_answers(comparison).get_suptitle()


def test_a_model_that_cannot_be_attacked_is_unassessed(loans):
    rows, bad = loans
    shared = {"goal": 0, "reference_rows": rows.iloc[:50]}
    constant = lambda asked: np.zeros(len(asked))  # noqa: E731
    found = compare_answers(constant, {"same": constant}, rows.iloc[50:90], bad[50:90].astype(int), **shared)
    assert isinstance(found, Unassessed)
    few = compare_answers(lambda a: (a["burden"] > 0.3) * 1.0, {"x": constant}, rows, np.zeros(700), **shared)
    assert "deserve" in few.reason


def test_labels_alone_cannot_be_reviewed_by_margin(loans, forest):
    target = Target(forest.predict, classes=[False, True], answer="labels")
    for ask in (lambda: ReviewByMargin(target, 0.7), lambda: review_curve(target, *loans)):
        with pytest.raises(TargetError, match="labels only"):
            ask()


def test_missing_values_are_refused(loans):
    rows = loans[0].copy()
    rows.iloc[0, 0] = np.nan
    for learn in (lambda: learn_plausibility(rows), lambda: fit_agreement(rows, loans[1])):
        with pytest.raises(TargetError, match="missing values"):
            learn()


def test_wrong_arguments_are_told_in_a_sentence(loans, forest):
    rows, bad = loans
    cases = [
        lambda: Agreement([forest]),
        lambda: Agreement([forest, forest], needed=1),
        lambda: Agreement([forest, forest], protect="maybe"),
        lambda: Agreement([forest, Target(forest.predict, classes=["a", "b"], answer="labels")]),
        lambda: ReviewByMargin(forest, 2),
        lambda: ReviewByMargin(forest, 0.7, protect="maybe"),
        lambda: review_by_margin(forest, rows, share=1.5),
        lambda: review_curve(forest, rows, bad[:5]),
        lambda: review_curve(forest, rows, bad, shares=[1.0]),
        lambda: people_needed(-1, 0.1, minutes=5),
        lambda: learn_plausibility(rows, false_alarms=0),
        lambda: learn_plausibility(rows).plausible(rows[["age"]]),
        lambda: fit_monotone(rows, bad, {}),
        lambda: fit_monotone(rows, bad, {"absent": "up"}),
        lambda: fit_monotone(rows, bad, {"age": "sideways"}),
        lambda: fit_monotone(rows.assign(home="own"), bad, {"age": "up"}),
        lambda: fit_monotone(rows, np.zeros(700), {"age": "up"}),
        lambda: compare_answers(forest, {}, rows, bad, rows, goal=False),
        lambda: compare_answers(forest, {"x": forest}, rows, bad[:3], rows, goal=False),
        lambda: compare_answers(forest, {"x": forest}, rows, bad, rows, goal=False, most_cost=0),
        lambda: compare_answers(forest, {"x": forest}, rows, bad, rows, goal="maybe"),
    ]
    for case in cases:
        with pytest.raises(UserError):
            case()
