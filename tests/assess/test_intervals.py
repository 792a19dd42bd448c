"""Intervals hold as often as they say, for the worst of several figures too; truths are planted."""

from __future__ import annotations

from itertools import combinations, pairwise

import numpy as np
import pytest
from scipy.stats import norm

from secure_ai.assess.intervals import (
    above_baseline,
    found_interval,
    mean_interval,
    simultaneous,
    worst_of,
)
from secure_ai.assess.risks import judge
from secure_ai.assess.sections.fairness import Compared, together
from secure_ai.core import Measurement
from secure_ai.core.intervals import wilson
from secure_ai.govern.fairness import group_cases, group_rates, worst_gap

# Of so many runs, five in a hundred misses are allowed for chance beyond those that an interval of 95 % has.
LEAST = 0.92


def share(hits: int, n: int, **fields) -> Measurement:
    return Measurement("rate", hits / n, "share", n, 0.0, wilson(hits, n), "Wilson", "this test", **fields)


def test_one_figure_and_an_exact_count_stay_as_they_are():
    one = share(3, 20)
    assert simultaneous(one, 1) == one
    exact = Measurement("columns", 3.0, "columns", 20, 0.0, (3.0, 3.0), "counted", "this test")
    assert simultaneous(exact, 9) == exact
    with pytest.raises(ValueError, match="cannot be one of 0"):
        simultaneous(one, 0)
    with pytest.raises(ValueError, match="no figures"):
        worst_of([])


@pytest.mark.parametrize("hits", [0, 1, 10, 19, 20])
def test_several_figures_have_wider_intervals_inside_what_is_possible(hits):
    before = share(hits, 20)
    wider = [simultaneous(before, count).interval for count in (1, 2, 10, 100)]
    for (low, high), (lower, higher) in pairwise(wider):
        assert 0 <= lower <= low <= high <= higher <= 1
        assert higher - lower > high - low
    assert "10 figures at once (Bonferroni)" in simultaneous(before, 10).method


@pytest.mark.parametrize(("true", "n"), [(0.05, 10), (0.1, 40), (0.5, 10), (0.9, 40)])
def test_the_worst_of_ten_families_is_covered(true, n):
    rng, covered, plain = np.random.default_rng(3), 0, 0
    runs = 300
    for hits in rng.binomial(n, true, (runs, 10)):
        figures = [share(int(one), n) for one in hits]
        low, high = worst_of(figures).interval
        covered += low <= true <= high
        low, high = max(figures, key=lambda one: one.value).interval
        plain += low <= true <= high
    assert covered / runs >= LEAST
    assert covered >= plain


def test_the_worst_has_the_bounds_of_the_extreme():
    few, many = share(1, 4), share(220, 1000)
    worst = worst_of([few, many])
    assert worst.value == 0.25 and worst.interval[0] == simultaneous(many, 2).interval[0]
    assert worst.interval[1] == simultaneous(few, 2).interval[1]
    best = worst_of([few, many], "below")
    assert best.value == 0.22 and best.interval[0] == simultaneous(few, 2).interval[0]


@pytest.mark.parametrize("kind", ["all alike", "rare", "spread"])
def test_a_mean_of_few_decisions_is_covered(kind):
    rng = np.random.default_rng(5)
    made = {
        "all alike": (1.0, lambda: np.ones(20)),
        "rare": (0.95, lambda: np.where(rng.random(20) < 0.05, 0.0, 1.0)),
        "spread": (0.75, lambda: rng.binomial(4, rng.beta(3, 1, 20)) / 4),
    }
    true, draw = made[kind]
    found = [mean_interval(draw()) for _ in range(200)]
    assert np.mean([low <= true <= high for low, high in found]) >= LEAST
    assert all(0 <= low < high <= 1 for low, high in found)


@pytest.mark.parametrize(("members", "others", "shift"), [(100, 100, 1.0), (200, 100, 2.0), (500, 1000, 1.0)])
def test_members_found_at_few_false_alarms_are_covered(members, others, shift):
    rng, true = np.random.default_rng(7), norm.sf(norm.isf(0.01) - shift)
    found = [
        found_interval(rng.normal(shift, 1, members), rng.normal(0, 1, others), 0.01) for _ in range(200)
    ]
    assert np.mean([low <= true <= high for low, high in found]) >= LEAST
    assert all(0 <= low <= high <= 1 for low, high in found)


@pytest.mark.parametrize("alike", [0.0, 0.9])
def test_a_difference_from_a_measured_baseline_is_covered(alike):
    """Whether the two models err about the same records or about others."""
    rng, covered, n = np.random.default_rng(9), 0, 200
    for _ in range(200):
        first, second, same = rng.random(n), rng.random(n), rng.random(n) < alike
        clean, poisoned = first < 0.3, np.where(same, first, second) < 0.4
        figure = Measurement(
            "rate", float(poisoned.mean()), "share of rows", n, float(clean.mean()),
            wilson(int(poisoned.sum()), n), "Wilson", "this test",
        )  # fmt: skip
        low, high = (bound - figure.baseline for bound in above_baseline(figure).interval)
        covered += low <= 0.1 <= high
    assert covered / 200 >= LEAST


def exceeded(seed: int, people: int, columns: int) -> tuple[bool, bool]:
    """Return whether decisions that are dealt out at random exceed, before and after the correction."""
    rng = np.random.default_rng(seed)
    favored = rng.random(people) < 0.5
    labels = [rng.integers(0, 3, people).astype(str) for _ in range(columns)]
    labels += [np.char.add(one, other) for one, other in combinations(labels, 2)]
    compared = []
    for place, label in enumerate(labels):
        cases = group_cases(favored, None, label)
        gap = {"selection_rate": worst_gap(cases, seed=seed)}
        compared.append(Compared(str(place), group_rates(cases), gap, place >= columns))
    corrected = together(compared, seed)
    return tuple(
        any(one.gaps["selection_rate"].value > max(0.05, one.gaps["selection_rate"].control) for one in many)
        for many in (compared, corrected)
    )


def test_a_fair_model_is_not_unfair_for_being_looked_at_in_many_ways():
    found = np.array([exceeded(seed, 400, 2) for seed in range(40)])
    assert not (found[:, 1] & ~found[:, 0]).any()
    assert found[:, 1].mean() <= 0.125  # 5 of 40 where 2 are expected


@pytest.mark.slow
def test_of_fair_models_one_in_twenty_exceeds_at_most():
    found = np.array([exceeded(seed, 600, 4) for seed in range(400)])
    before, after = found.mean(axis=0)
    assert after <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / len(found)) < before


EDGES = [
    # value, interval, threshold 0.1 of evasion → outcome, likelihood, words
    (0.10, (0.10, 0.10), "within", "low", ""),  # touches: the threshold itself is accepted
    (0.05, (0.01, 0.10), "within", "low", ""),
    (0.10, (0.10, 0.20), "within", "medium", "both sides"),
    (0.11, (0.10, 0.20), "exceeds", "medium", "both sides"),
    (0.50, (0.30, 0.70), "exceeds", "critical", ""),
    (0.00, (0.00, 0.28), "within", "medium", "both sides"),  # none of ten
    (0.00, (0.00, 0.79), "within", "medium", "both sides"),  # none of one
    (0.05, (0.20, 0.30), "within", "medium", "both sides"),  # a figure outside of its own interval
]


@pytest.mark.parametrize(("value", "interval", "outcome", "likelihood", "words"), EDGES)
def test_edges_of_a_judgment(value, interval, outcome, likelihood, words):
    measured = Measurement("rate", value, "share", 10, 0.0, interval, "planted", "this test")
    finding = judge("model.evasion", "t", measured, sector="finance")
    assert finding.outcome.value.startswith(outcome) and finding.likelihood.value == likelihood
    assert words in finding.rule and ("both sides" in finding.rule) == bool(words)


def test_a_control_beyond_the_threshold_is_said_and_excuses_nothing():
    planted = ("rate", 0.5, "share", 10, 0.0, (0.3, 0.7), "planted", "this test")
    said = judge("model.evasion", "t", Measurement(*planted, control=0.4), sector="finance")
    assert "the control, without the effect, is beyond the threshold as well" in said.rule
    silent = judge("model.evasion", "t", Measurement(*planted, control=0.1), sector="finance")
    assert "the control" not in silent.rule
    assert said.level is silent.level and said.outcome is silent.outcome


@pytest.mark.parametrize("threshold", [float("nan"), float("inf")])
def test_a_threshold_that_every_figure_passes_is_refused(threshold):
    with pytest.raises(ValueError, match="every figure pass"):
        judge("model.evasion", "t", share(9, 10), sector="finance", threshold=threshold)


def test_the_worst_of_several_is_judged_with_the_interval_of_all_of_them():
    one = judge("model.evasion", "t", share(3, 10), sector="finance")
    ten = judge("model.evasion", "t", share(3, 10), sector="finance", worst_of=10)
    assert ten.measurement.interval[0] < one.measurement.interval[0] < one.measurement.interval[1]
    assert "10 figures at once" in ten.measurement.method and "the worst of 10" in ten.rule
    kept = judge("model.evasion", "t", share(3, 10), sector="finance", worst_of=10, widened=True)
    assert kept.measurement == one.measurement
