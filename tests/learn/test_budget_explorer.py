"""Claims about the budget explorer: text and widget say the same, and figures follow epsilon."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from secure_ai.anonymize.differential_privacy import Mean, Sum, expected_error
from secure_ai.core import UserError
from secure_ai.learn.budget_explorer import BudgetExplorer

TABLE = pd.DataFrame({"age": np.arange(500.0) % 90, "ward": ["<b>", "west"] * 250})


@pytest.fixture
def explorer():
    return BudgetExplorer(TABLE, Sum("age", (0, 120)))


@pytest.mark.parametrize(("epsilon", "sure"), [(0.1, "52.5%"), (1, "73.1%"), (5, "99.3%")])
def test_figures_follow_epsilon(explorer, epsilon, sure):
    cells = dict(explorer.look(epsilon).rows)
    assert cells["who was 50% sure is afterwards at most"] == sure
    expected = expected_error(Sum("age", (0, 120)), epsilon)
    assert cells["of which the noise alone"] == f"{expected:,.4g}"


def test_the_same_table_always_gives_the_same_text():
    query = Mean("age", (0, 120))
    first, again = (BudgetExplorer(TABLE, query).look(0.5).text() for _ in range(2))
    assert first == again


def test_the_widget_shows_the_text_and_follows_the_slider(explorer):
    slider, view = explorer.widget().children
    assert explorer.look(1).html() in view.value and 'aria-live="polite"' in view.value
    assert 'alt="Error against epsilon. The sum of age' in view.value
    slider.value = 0.1
    assert explorer.look(0.1).html() in view.value and "at most 52% sure" in view.value


@pytest.mark.parametrize("epsilon", [0, -1, float("nan"), float("inf"), "1"])
def test_an_epsilon_that_makes_no_sense_is_refused(explorer, epsilon):
    with pytest.raises(UserError, match="number above 0"):
        explorer.look(epsilon)


def test_a_column_that_cannot_be_summed_is_refused():
    with pytest.raises(UserError, match="holds text, not numbers"):
        BudgetExplorer(TABLE, Mean("ward", (0, 1)))


def test_without_widgets_only_the_text_is_shown(explorer, monkeypatch):
    shown = []
    monkeypatch.setenv("SECURE_AI_WIDGETS", "off")
    monkeypatch.setattr("IPython.display.display", shown.append)
    explorer.show()
    assert [item.text() for item in shown] == [explorer.look().text()]
