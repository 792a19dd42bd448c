"""The pictures of attacks on synthetic data say in their titles what was found."""

from __future__ import annotations

import pytest

from secure_ai.attack.synthetic_data import independent_columns, sequential_trees, synthetic_privacy
from secure_ai.attack.synthetic_data.charts import (
    plot_privacy_curve,
    plot_synthetic_privacy,
    privacy_curve,
    privacy_curve_sentence,
)
from secure_ai.core import UserError


@pytest.fixture(scope="module")
def found(people, asked):
    training, control = people(400, 1), people(400, 2)
    return {
        leaf: synthetic_privacy(training, sequential_trees(training, min_samples_leaf=leaf), control, **asked)
        for leaf in (1, 40)
    }


def test_the_title_says_that_training_records_stand_out_and_by_which_attack(found):
    figure = plot_synthetic_privacy(found[1])
    worst = found[1].worst
    assert f"most by {worst.title}" in figure.get_suptitle()
    assert "attacks that succeed" in figure.axes[0].get_xlabel()
    assert [text.get_text() for text in figure.legends[0].get_texts()] == [
        "training records", "control records", "naive guessing",
    ]  # fmt: skip


def test_the_title_does_not_call_weak_attacks_safe(people, asked):
    clean = synthetic_privacy(people(400, 1), independent_columns(people(400, 3)), people(400, 2), **asked)
    assert "not assessed" in plot_synthetic_privacy(clean).get_suptitle()


def test_the_curve_says_which_risk_moves_most(found):
    curve = privacy_curve(found)
    sentence = privacy_curve_sentence(curve)
    assert sentence.startswith("The risk of ")
    assert "at 1 to" in sentence
    figure = plot_privacy_curve(curve)
    assert figure.axes[0].get_title(loc="left").startswith("Risk of ")
    assert figure.axes[0].get_xlabel() == "records in a leaf"


def test_nothing_to_draw_is_a_sentence(people):
    nothing = synthetic_privacy(people(20, 1), people(20, 2), people(20, 3))
    with pytest.raises(UserError, match="no curve"):
        plot_privacy_curve(privacy_curve({1: nothing})[:0])
