"""The picture of the cost says what its numbers say."""

import pytest

from secure_ai.anonymize.differential_privacy.learning.charts import cost_over_steps, cost_sentence, plot_cost
from secure_ai.core.errors import UserError

PLAN = {"noise_multiplier": 2.0, "sampling_rate": 0.05, "delta": 1e-5}


def test_cost_grows_with_steps_and_slower_than_they_do():
    cost = cost_over_steps(steps=[400, 100], **PLAN)
    assert list(cost["steps"]) == [100, 400]
    first, last = cost["epsilon"]
    assert first < last < 4 * first
    assert (cost["renyi_epsilon"] > cost["epsilon"]).all()
    assert f"{last:.3g}" in cost_sentence(cost)
    assert plot_cost(cost).axes[0].get_title(loc="left").startswith("4 times the steps cost")


def test_a_single_point_is_no_curve():
    with pytest.raises(UserError, match="two numbers"):
        cost_over_steps(steps=[1], **PLAN)
