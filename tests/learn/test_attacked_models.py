"""The models of chapters 10 to 12 learn, and their rules hold for the cases as they are."""

import pytest

from secure_ai.core import UserError
from secure_ai.learn.attacked_models import STORIES, attacked_model
from synthetic_data import load
from synthetic_data.learning_tables import TASKS, LearningTable, learning_table

ROWS = {"readmission": 1500, "fraud": 6000, "credit": 15_000}


@pytest.fixture(scope="module", params=STORIES)
def attacked(request):
    data = load(TASKS[request.param], seed=3, rows=ROWS[request.param])
    return attacked_model(learning_table(data, request.param))


def test_the_models_learn_more_than_chance_and_nobody_is_in_both_parts(attacked):
    assert attacked.quality() > 0.65 and attacked.quality(attacked.linear) > 0.65
    assert len(attacked.train[1]) > len(attacked.test[1]) > 100


def test_the_story_has_rows_to_attack_on_both_sides(attacked):
    labels = attacked.target().labels(attacked.test[0])
    assert 5 < labels.sum() < len(labels) - 5
    rows = attacked.rows_to_change(20)
    assert (attacked.target().labels(rows) != attacked.story.goal).all() and 5 < len(rows) <= 20


def test_real_cases_keep_the_ties_that_attackers_must_keep(attacked):
    inputs = attacked.train[0]
    for tie in attacked.story.constraints.ties:
        value = tie.compute({name: inputs[name].to_numpy() for name in tie.names})
        if tie.target is None:
            assert value.astype(bool).mean() > 0.99, tie.text
        else:
            off = abs(value - inputs[tie.target]) > 0.01 * abs(inputs[tie.target]) + 0.02
            assert off.mean() < 0.02, tie.text


def test_an_unknown_task_is_refused():
    with pytest.raises(UserError, match="choose from"):
        attacked_model(LearningTable("triage", None, None, None, None))
