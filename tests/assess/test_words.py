"""Claims about what a reader is told: gradings, figures, comparisons of models with different baselines."""

from __future__ import annotations

import re

import pytest

from secure_ai.assess.change import beyond, same_bar, shown_figure, way
from secure_ai.assess.outputs.words import outcome
from secure_ai.assess.risks import judge, risks
from secure_ai.assess.sections.fairness import _points
from secure_ai.assess.treatment.before_after import measure_again, with_residual
from secure_ai.core import Finding, Level, Measurement
from secure_ai.core.svg import Bar, bar_chart

EXTRACTION, POISONING = "model.extraction", "model.poisoning"


def figure(name: str, value: float, baseline: float = 0.0, half: float = 0.01) -> Measurement:
    interval = (value - half, value + half)
    return Measurement(name, value, "share", 500, baseline, interval, "a test", "none")


def judged(risk: str, measured: Measurement, **more: object) -> Finding:
    return judge(risk, "A figure", measured, sector="healthcare", **more)  # type: ignore[arg-type]


def test_a_copy_of_a_one_sided_model_is_no_better_copy():
    # 92 of 100 are copied where 88 come free, then 95 where 94 do: the second copy has learned less.
    before, after = figure("extraction_fidelity", 0.92, 0.88), figure("extraction_fidelity", 0.95, 0.94)
    assert beyond(EXTRACTION, before).value == pytest.approx(1 / 3)
    assert beyond(EXTRACTION, after).value == pytest.approx(1 / 6)
    assert way(EXTRACTION, before, after) == "same", "the raw figures alone would say worse"
    sure = [figure("extraction_fidelity", *one, 0.001) for one in ((0.95, 0.94), (0.92, 0.88))]
    assert way(EXTRACTION, *sure) == "worse" and way(EXTRACTION, *sure[::-1]) == "better"


def test_a_backdoor_is_compared_by_what_it_adds():
    before, after = figure("backdoor_flipped", 0.9, 0.6), figure("backdoor_flipped", 0.9, 0.1)
    assert way(POISONING, before, after) == "worse"
    other = figure("accuracy_lost", 0.2, 0.1)
    assert beyond(POISONING, other) == other, "only the figure that has a baseline of its own"


def test_a_threshold_that_moves_with_the_baseline_is_no_moved_bar():
    first = judged(EXTRACTION, figure("extraction_fidelity", 0.9, 0.8), threshold=0.9)
    second = judged(EXTRACTION, figure("extraction_fidelity", 0.99, 0.9), threshold=0.95)
    assert same_bar(first, second)
    assert not same_bar(first, second.model_copy(update={"threshold": 0.96}))
    again = measure_again([first], {EXTRACTION: second})
    assert again[0].effect == "worse" and "moved bar" not in again[0].words
    assert "50% (45% to 55%) before, 90% (80% to 100%) after" in again[0].words
    assert with_residual([first], again)[0].after_threshold == 0.95


@pytest.mark.parametrize("risk", list(risks()))
def test_every_grading_says_what_was_graded(risk):
    entry = risks()[risk]
    bad = entry.threshold + 0.5 if entry.bad == "above" else entry.threshold / 2
    words = judged(risk, figure("a_figure", bad, half=0.0), success=0.5).rule
    assert f"{entry.bad} the threshold" in words and "the bands of likelihood are the kit's own" in words
    assert entry.graded_by == "" or entry.graded_by in words or entry.bad == "below"
    # Shares are percentages; what is counted stays a number.
    assert entry.bands.critical > 1 or not re.search(r"\b0\.\d", words.split("Severity")[0])


def test_columns_in_doubt_are_not_settled_by_more_records():
    doubtful = Measurement("special_category_columns", 9.0, "columns", 15, 0.0, (0.0, 9.0), "a test", "none")
    words = judged("data.special_categories", doubtful, success=0.0).rule
    assert "more records" not in words and "a look at the columns in doubt would settle it" in words
    assert "graded by 0" not in words and "counts as medium" in words


def test_the_worst_of_several_says_so():
    measured = figure("attribute_inference_advantage", 0.2)
    assert (
        "the worst of 3, and its interval holds for all of them at once"
        in judged("model.attribute_inference", measured, worst_of=3).rule
    )
    assert "the worst of" not in judged("model.attribute_inference", measured).rule


def test_the_bad_side_is_named():
    assert outcome(judged("model.evasion", figure("evasion_success", 0.5))) == "Above the threshold"
    assert (
        outcome(judged("fairness.explanations", figure("explanation_agreement", 0.5)))
        == "Below the threshold"
    )
    kept = judged("fairness.explanations", figure("explanation_agreement", 0.9))
    assert outcome(kept) == "Within the threshold" and kept.likelihood is Level.LOW


@pytest.mark.parametrize(
    ("value", "words"),
    [(0.0, "0%"), (1.0, "100%"), (0.0003, "0.03%"), (0.9996, "99.96%"), (0.126, "12.6%"), (-0.003, "-0.3%")],
)
def test_a_small_rest_is_not_rounded_away(value, words):
    assert shown_figure(value, "share") == words


@pytest.mark.parametrize(
    ("gap", "words"),
    [(0.0073, "0.7 points"), (0.01, "1 point"), (0.45, "45 points"), (0.0001, "under 0.1 points")],
)
def test_points_agree_with_their_number(gap, words):
    assert _points(gap) == words


def test_no_words_are_cut_at_the_edge_of_bars():
    long = Bar("a" * 60, 1.0, "b" * 80, True)
    bars = [Bar("class of 100 to 999", 0.448, "44.8% (1,783,000 records)", False), long]
    drawing = str(bar_chart("sizes", "Sizes", bars, "at risk"))
    across = float(re.search(r'viewBox="0 0 (\d+)', drawing)[1])  # type: ignore[index]
    for anchor, x, text in re.findall(r'<text x="(\d+)" y="\d+"( text-anchor="end")?>([^<]+)<', drawing):
        start, length, end = float(anchor), 7 * len(text), bool(x)
        assert (start - length >= 0) if end else (start + length <= across)
