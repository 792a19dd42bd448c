"""Claims about what epsilon means: bounds, a simulated attacker, differencing, error curves, pictures."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from secure_ai.anonymize.differential_privacy import (
    Count,
    Histogram,
    Mean,
    PrivacyUnit,
    Quantile,
    Sum,
    best_guess,
    differencing_attack,
    differencing_success,
    error_curve,
    guessing_game,
    max_advantage,
    odds_factor,
    odds_sentence,
    odds_table,
    posterior,
    release,
    roc_bound,
)
from secure_ai.anonymize.differential_privacy.aggregate import aggregate
from secure_ai.anonymize.differential_privacy.charts import plot_differencing, plot_error_curve, plot_odds
from secure_ai.core import UserError
from secure_ai.core.sources import open_source


def test_odds_grow_by_e_to_the_epsilon_and_no_more():
    assert odds_factor(math.log(3)) == pytest.approx(3)
    assert posterior(0.5, math.log(3)) == pytest.approx(0.75)
    assert posterior(0.01, 0.1) == pytest.approx(0.01 * math.exp(0.1) / (0.99 + 0.01 * math.exp(0.1)))


@pytest.mark.parametrize(("epsilon", "delta"), [(0.1, 0), (1, 1e-5), (2, 0.1), (8, 0)])
def test_advantage_and_best_guess_are_the_best_points_of_the_roc_bound(epsilon, delta):
    rates = np.linspace(0, 1, 20_001)
    bound = np.array([roc_bound(float(rate), epsilon, delta) for rate in rates])
    assert (bound - rates).max() == pytest.approx(max_advantage(epsilon, delta), abs=1e-3)
    for prior in (0.1, 0.5, 0.8):
        best = (prior * bound + (1 - prior) * (1 - rates)).max()
        assert best == pytest.approx(best_guess(epsilon, delta, prior), abs=1e-3)


def test_advantage_is_the_hyperbolic_tangent_of_half_epsilon():
    assert max_advantage(1.4) == pytest.approx(math.tanh(0.7))


def test_with_delta_no_single_answer_is_bounded():
    with pytest.raises(UserError, match="best_guess"):
        posterior(0.5, 1, 1e-6)


@pytest.mark.parametrize("epsilon", [0.2, 1.0, 3.0])
def test_the_simulated_attacker_reaches_the_bound_and_does_not_pass_it(epsilon):
    game = guessing_game(epsilon, rounds=50_000)
    # Five standard errors: 0.011. A game with half or double the noise is further off than that.
    assert game.value == pytest.approx(best_guess(epsilon), abs=0.012)
    assert game.control == pytest.approx(0.5, abs=0.012)
    assert game == guessing_game(epsilon, rounds=50_000)


def test_the_attacker_on_real_releases_stays_at_the_bound(visits):
    tables = [open_source(visits.head(19)), open_source(visits.head(20))]
    hits = 0
    for number in range(400):
        inside = number % 2
        hits += (release(tables[inside], Count(), epsilon=1).value > 19.5) == bool(inside)
    # Four and a half standard errors: noise of half or twice the scale is further off.
    assert hits / 400 == pytest.approx(best_guess(1), abs=0.1)


def test_two_exact_counts_give_a_person_away():
    table = pd.DataFrame({"age": [47, 50, 61], "zip": ["02139", "02139", None], "dx": ["HIV", "flu", "HIV"]})
    found = differencing_attack(table, {"dx": "HIV"}, {"age": 47, "zip": "02139"})
    assert (found.everyone, found.without_target, found.described) == (2, 1, 1)
    assert found.certain and "that person has the secret" in found.sentence()
    clean = differencing_attack(table, {"dx": "HIV"}, {"age": 50})
    assert "that person does not have the secret" in clean.sentence()
    mixed = differencing_attack(table, {"dx": "HIV"}, {"zip": "02139"})
    assert not mixed.certain and "narrow" in mixed.sentence()
    assert "Nobody fits" in differencing_attack(table, {"dx": "HIV"}, {"age": 7}).sentence()
    with pytest.raises(UserError, match="a secret and a description"):
        differencing_attack(table, {}, {"age": 7})


def test_noisy_counts_hold_the_differencing_attack_below_the_bound():
    found = differencing_success()
    assert (found["success"] <= found["bound"] + 0.01).all() and found["success"].is_monotonic_increasing
    assert found["success"].iloc[0] < 0.55 and found["success"].iloc[-1] > 0.9


@pytest.mark.parametrize(
    "query",
    [Sum("cost", (0, 500)), Mean("age", (0, 120)), Mean("cost", (0, 500)), Quantile("age", (0, 120), 0.9)],
    ids=["sum", "mean", "clipped mean", "quantile"],
)
def test_the_error_curve_is_the_error_that_releases_have(source, query, monkeypatch):
    unit = PrivacyUnit("person", 3)
    exact = aggregate(source, query, unit)
    # The same table 150 times: only the noise differs.
    monkeypatch.setattr("secure_ai.anonymize.differential_privacy.releases.aggregate", lambda *_: exact)
    curve = error_curve(source, query, [0.1], unit=unit)
    drawn = [release(source, query, epsilon=0.1, unit=unit).value for _ in range(150)]
    measured = np.abs(np.array(drawn) - curve.exact).mean()
    # 150 draws: the standard error is about 8% of the noise; four of them.
    assert measured == pytest.approx(curve.table["error"][0], abs=0.35 * curve.table["noise"][0] + 1e-9)


def test_an_error_curve_falls_says_what_is_enough_and_repeats_itself(source):
    curve = error_curve(source, Count())
    assert curve.bias == 0 and curve.table["error"].is_monotonic_decreasing
    assert curve.enough() == 0.05 and "from epsilon 0.05 on" in curve.sentence()
    assert curve.to_frame().equals(error_curve(source, Count()).to_frame())


def test_what_bounds_cost_is_told_apart_from_the_noise(source, visits):
    curve = error_curve(source, Sum("cost", (0, 100)))
    assert curve.bias == pytest.approx(visits["cost"].clip(0, 100).sum() - visits["cost"].sum(), rel=1e-6)
    assert "which no epsilon cures" in curve.sentence()


@pytest.mark.parametrize(
    ("query", "options", "says"),
    [
        (Histogram("ward"), {}, "needs its categories"),
        (Count(), {"epsilons": []}, "at least one epsilon"),
        (Count(), {"epsilons": [1, 0]}, "Epsilon is 0"),
        (Sum("ward", (0, 1)), {}, "holds text"),
        (Mean("age", (0, 1), where={"ward": "moon"}), {}, "no error to plan"),
    ],
)
def test_a_curve_that_makes_no_sense_is_refused(source, query, options, says):
    with pytest.raises(UserError, match=says):
        error_curve(source, query, **options)


def test_titles_state_what_the_data_show(source):
    falling = plot_error_curve(error_curve(source, Count()), 0.5).axes[0]
    assert falling.get_title(loc="left") == "Error falls from 100 at epsilon 0.01 to 9.08e-05 at epsilon 10"
    assert (falling.get_xscale(), falling.get_yscale()) == ("log", "log")
    stuck = plot_error_curve(error_curve(source, Sum("cost", (0, 1)))).axes[0]
    assert stuck.get_title(loc="left").startswith("No epsilon takes away the ")
    assert "52% sure at epsilon 0.1, 95%" in plot_odds().axes[0].get_title(loc="left")
    table = differencing_success([0.5, 8.0])
    assert plot_differencing(table).axes[0].get_title(loc="left").startswith("Always right on exact counts")


def test_words_and_table_say_the_same():
    assert "at most 2.72" in odds_sentence(1) and "at most 73% sure" in odds_sentence(1)
    assert odds_table([1.0]).iloc[0]["prior 0.5"] == pytest.approx(0.7311, abs=1e-4)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: posterior(0, 1), "prior"),
        (lambda: odds_factor(math.nan), "Epsilon is nan"),
        (lambda: roc_bound(2, 1), "false-positive rate"),
        (lambda: guessing_game(1, rounds=0), "rounds"),
    ],
)
def test_bets_that_make_no_sense_are_refused(call, says):
    with pytest.raises(UserError, match=says):
        call()
