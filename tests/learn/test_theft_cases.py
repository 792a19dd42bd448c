"""What the lab of chapter 12 works on: the truth of each case is known, and the thefts are real ones."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from secure_ai.learn import theft_trials as trials
from secure_ai.learn.tasks import model_theft
from secure_ai.learn.theft_cases import CASES, claim, half_learned, judged_answers, linear_owner, situation
from secure_ai.learn.theft_scenes import TheftCase, theft_case, theft_scene
from synthetic_data import load
from synthetic_data.learning_tables import learning_table


@pytest.fixture(scope="module")
def case() -> TheftCase:
    scene = theft_scene("finance")
    return theft_case(learning_table(load("finance", seed=3, rows=35_000), scene.task), scene, seed=3)


@pytest.mark.parametrize("seed", range(20))
def test_an_owner_answers_by_its_coefficients_and_certain_answers_are_exactly_0_or_1(seed):
    owner = linear_owner(np.random.default_rng(seed), more=4, certain=3)
    odds = owner.intercept + owner.rows @ owner.weights
    sure = (owner.answers == 0) | (owner.answers == 1)
    assert sure.sum() == 3 and len(owner.rows) == owner.rows.shape[1] + 5 + 3
    assert np.allclose(1 / (1 + np.exp(-odds[~sure])), owner.answers[~sure])


@pytest.mark.parametrize("seed", range(20))
def test_each_situation_has_the_solution_of_its_kind(seed):
    rng = np.random.default_rng(seed)
    for kind in CASES:
        found = model_theft.choose_policy.reference(*situation(kind, rng).arguments())
        wanted = {"second": "1 decimal", "third": "label", "none": None, "at once": None}
        assert (None if found is None else found[0]) == wanted.get(kind, "probability"), kind


def test_a_copy_knows_by_heart_what_the_thief_asked_about():
    judged = judged_answers(np.random.default_rng(1))
    asked = judged[judged["asked"]]
    assert len(asked) and (asked["copy"] == asked["model"]).all()
    assert not (judged["copy"] == judged["model"]).all()


def test_a_claim_has_as_many_matches_as_asked_for():
    made = claim(np.random.default_rng(1), matches=41, classes=3, days_before=10)
    assert (made.drawn == made.given).sum() == 41
    assert (made.released - made.committed).days == 10
    scarce = half_learned(np.random.default_rng(1), 0.3, scarce=True)
    assert (~scarce.asked).sum() < scarce.count


def test_one_answer_more_than_there_are_columns_copies_the_linear_model(case):
    asked, answers, coder = trials.linear_questions(case)
    assert len(asked) == asked.shape[1] + 1
    found = model_theft.recover_coefficients.reference(asked, answers)
    assert trials.linear_agreement(case, coder, found) == 1
    assert trials.linear_agreement(case, coder, -found) < 0.5


def test_a_thief_who_chooses_asks_nearer_to_the_threshold_than_one_who_draws(case):
    chosen = trials.copy_by_questions(case, model_theft.next_questions.reference)
    drawn = trials.copy_by_questions(case, trials.at_random(0))
    near = [np.mean(np.abs(answers - case.threshold) < 0.1) for _, answers in (chosen, drawn)]
    assert near[0] > 1.5 * near[1]
    assert chosen[0]["queries"].tolist() == [60, 120, 180, 240, 300, 360]


def test_the_service_answers_no_account_more_than_its_limit_and_the_honest_one_all(case):
    served = trials.behind_limit(case, ("label", 30), 2, np.array([12, 25])).set_index("account")
    assert served.loc[case.scene.thief].tolist() == [1000, 60]
    assert served.loc[case.scene.honest[0]].tolist() == [37, 37]
    assert trials.behind_limit(case, ("label", 0), 1, np.array([5]))["rows answered"].tolist() == [0, 0]


def test_foretelling_afterwards_matches_always_and_is_late(case):
    late = trials.late_claim(case.attacked.model, case.today, 30, (0, 1), date(2026, 4, 1))
    assert (late.drawn == late.given).all() and late.committed > late.released
    p, holds = model_theft.judge_claim.reference(late, 1e-3)
    assert p < 1e-6 and not holds
