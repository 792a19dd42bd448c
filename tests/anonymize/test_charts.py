"""Every picture has a title and axes that say what was found, and a sentence that says it again."""

from __future__ import annotations

import pandas as pd
import pytest

from secure_ai.anonymize.deidentify.charts import leftover_sentence, plot_leftover, plot_shift, shift_sentence
from secure_ai.anonymize.deidentify.leftover import Leftover
from secure_ai.anonymize.minimize.charts import (
    coarsening_sentence,
    minimization_sentence,
    plot_coarsening,
    plot_minimization,
)
from secure_ai.anonymize.minimize.result import Minimization
from secure_ai.core import Measurement
from secure_ai.core.text import Span

SCORE = Measurement("auc", 0.8, "probability", 500, 0.5, (0.75, 0.85), "test", "test", 0.8)
STEPS = pd.DataFrame(
    {
        "step": [0, 1, 2], "change": ["all columns", "zip dropped", "age dropped"], "columns": [3, 2, 1],
        "score": [0.8, 0.81, 0.6], "low": [0.75, 0.76, 0.55], "high": [0.85, 0.86, 0.65],
        "identifying": [2, 1, 0], "within": [True, True, False],
    }
)  # fmt: skip
FOUND = Minimization("outcome", "a test", 0.01, 0, SCORE, SCORE, SCORE, (), (), STEPS)
CURVE = pd.DataFrame(
    {"values": ["zip: five digits", "zip: first three digits", "zip: none"], "unique": [0.999, 0.5, 0.0],
     "score": [0.8, 0.79, 0.7], "low": [0.7, 0.7, 0.6], "high": [0.9, 0.9, 0.8]}
)  # fmt: skip
LEFT = Leftover(
    pd.DataFrame(
        {"there": [10, 20, 30], "left": [5, 0, 5], "share": [0.5, 0.0, 1 / 6]},
        index=["PERSON", "DATE_TIME", "all"],
    ),
    ((Span(0, 3, "PERSON", 1.0),), ()),
)
EVENTS = pd.DataFrame(
    {"who": ["a", "a", "b"], "when": pd.to_datetime(["2024-01-01", "2024-01-10", "2024-02-01"])}
)
SHIFTED = EVENTS.assign(when=EVENTS["when"] + pd.Timedelta(days=5))

PLOTS = [
    (lambda: plot_minimization(FOUND), "2 columns do the work of 3"),
    (lambda: plot_coarsening(CURVE), "unique people 99.9% to 50%"),
    (lambda: plot_leftover(LEFT), "1 of 2 texts still hold an identifier"),
    (lambda: plot_shift(EVENTS, SHIFTED, "who", "when"), "the pattern stays"),
]


@pytest.mark.parametrize(("draw", "title"), PLOTS)
def test_a_title_states_the_finding_and_axes_are_labeled(draw, title):
    figure = draw()
    titles = [figure.get_suptitle(), *(axes.get_title(loc="left") for axes in figure.axes)]
    assert any(title in text for text in titles)
    assert any(axes.get_xlabel() for axes in figure.axes)


def test_sentences_say_the_same_in_words():
    assert "with the 2 kept 0.810" in minimization_sentence(FOUND)
    assert "99.9% to 50%" in coarsening_sentence(CURVE)
    assert "5 of 30 known identifiers are left (PERSON 5 of 10); 1 of 2 texts are clean" in leftover_sentence(
        LEFT
    )
    assert shift_sentence(EVENTS, SHIFTED, "who", "when").startswith(
        "100% of 3 dates moved; 100% of 1 intervals"
    )


def test_intervals_that_changed_are_not_called_kept():
    broken = SHIFTED.assign(when=SHIFTED["when"] + pd.to_timedelta([0, 1, 0], unit="D"))
    assert "0% of 1 intervals" in shift_sentence(EVENTS, broken, "who", "when")
